/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pack.h"

#include "base/clock.h"
#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BLOCK_SIZE (64u << 10)

struct pack {
	struct archive *a;
	FILE *out;
	char block[BLOCK_SIZE];
};

static int failed(struct pack *p, struct err *err)
{
	return err_set(err, ERR_IO, archive_errno(p->a) > 0 ? archive_errno(p->a) : 0,
		"write an archive: %s",
		archive_error_string(p->a) ? archive_error_string(p->a) : "");
}

/* The archive's own writing is with our stream: what is buffered there stays in order. */
static la_ssize_t drain(struct archive *a, void *arg, const void *buf, size_t n)
{
	struct pack *p = arg;

	if (fwrite(buf, 1, n, p->out) == n)
		return (la_ssize_t)n;
	archive_set_error(a, errno, "write failed");
	return -1;
}

int pack_open(FILE *out, struct pack **out_pack, struct err *err)
{
	struct pack *p = xcalloc(1, sizeof(*p));

	p->out = out;
	p->a = archive_write_new();
	if (p->a == NULL)
		abort();
	if (archive_write_set_format_pax_restricted(p->a) == ARCHIVE_OK &&
		/* tar's records of 10 KiB are for tapes */
		archive_write_set_bytes_in_last_block(p->a, 1) == ARCHIVE_OK &&
		archive_write_open(p->a, p, NULL, drain, NULL) == ARCHIVE_OK) {
		*out_pack = p;
		return 0;
	}
	(void)failed(p, err);
	archive_write_free(p->a);
	free(p);
	return -1;
}

static int add_content(struct pack *p, FILE *content, struct err *err)
{
	size_t n;

	while ((n = fread(p->block, 1, sizeof(p->block), content)) > 0)
		if (archive_write_data(p->a, p->block, n) != (la_ssize_t)n)
			return failed(p, err);
	return ferror(content) ? err_set(err, ERR_IO, errno, "read a temporary file") : 0;
}

int pack_add(struct pack *p, const char *name, int64_t mtime_ns, FILE *content, struct err *err)
{
	struct archive_entry *entry;
	struct stat st;
	int rc;

	if (fflush(content) != 0 || fseeko(content, 0, SEEK_SET) != 0 ||
		fstat(fileno(content), &st) != 0)
		return err_set(err, ERR_IO, errno, "write a temporary file");
	entry = archive_entry_new();
	if (entry == NULL)
		abort();
	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, (time_t)(mtime_ns / NS_PER_S), 0);
	archive_entry_set_size(entry, st.st_size);
	rc = archive_write_header(p->a, entry) == ARCHIVE_OK ? add_content(p, content, err)
							     : failed(p, err);
	archive_entry_free(entry);
	return rc;
}

int pack_close(struct pack *p, struct err *err)
{
	int rc;

	if (p == NULL)
		return 0;
	rc = archive_write_close(p->a) == ARCHIVE_OK ? 0 : failed(p, err);
	archive_write_free(p->a);
	free(p);
	return rc;
}
