/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/unpack.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/vec.h"
#include "world/instream.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE (256u << 10)

struct unpack {
	struct archive *a;
	struct archive_entry *entry;
	struct instream *in;
	struct err in_err; /* why reading it failed */
	bool ahead; /* `entry` was read by unpack_open and not yet asked for */
	int64_t skipped; /* bytes of members that nobody wanted */
	char block[BLOCK_SIZE];
};

static const struct {
	size_t at, n;
	const char *bytes;
} magics[] = {
	{0, 6, "\xfd\x37zXZ\0"},
	{0, 3, "BZh"},
	{0, 4, "\x28\xb5\x2f\xfd"},
	{0, 4, "\x04\x22\x4d\x18"}, /* lz4 */
	{0, 4, "PK\x03\x04"},
	{0, 4, "PK\x05\x06"}, /* a zip without members */
	{257, 5, "ustar"},
};

bool unpack_is_packed(const char *head, size_t n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(magics); i++)
		if (n >= magics[i].at + magics[i].n &&
			memcmp(head + magics[i].at, magics[i].bytes, magics[i].n) == 0)
			return true;
	return false;
}

static la_ssize_t feed(struct archive *a, void *arg, const void **out)
{
	struct unpack *u = arg;
	ssize_t n = instream_read(u->in, u->block, sizeof(u->block), &u->in_err);

	(void)a;
	*out = u->block;
	/* ended here, it says that it is cut off, and in_err why */
	return n < 0 ? 0 : n;
}

static int failed(struct unpack *u, struct err *err)
{
	const char *why = archive_error_string(u->a);

	if (u->in_err.code != ERR_NONE) {
		*err = u->in_err;
		return -1;
	}
	err_set(err, ERR_IO, 0, "%s is not whole: damaged or cut off%s%s", instream_name(u->in),
		why ? ": " : "", why ? why : "");
	return err_hint(err, "what was read until there is reported");
}

/* Each of these runs in this process: none may start a program. */
static bool support_all(struct archive *a)
{
	static int (*const supports[])(struct archive *) = {
		archive_read_support_filter_bzip2,
		archive_read_support_filter_lz4,
		archive_read_support_filter_xz,
		archive_read_support_filter_zstd,
		archive_read_support_format_empty,
		archive_read_support_format_raw,
		archive_read_support_format_tar,
		archive_read_support_format_zip_streamable,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(supports); i++)
		if (supports[i](a) != ARCHIVE_OK)
			return false;
	return true;
}

void unpack_close(struct unpack *u)
{
	if (u == NULL)
		return;
	archive_read_free(u->a);
	instream_close(u->in);
	free(u);
}

const char *unpack_name(const struct unpack *u)
{
	return instream_name(u->in);
}

bool unpack_is_single(const struct unpack *u)
{
	return archive_format(u->a) == ARCHIVE_FORMAT_RAW ||
		archive_format(u->a) == ARCHIVE_FORMAT_EMPTY;
}

/* Reads the rest of the member away, bounded: libarchive would unpack terabytes of it. */
static int skip_member(struct unpack *u, struct err *err)
{
	const void *block;
	la_int64_t at;
	size_t n;
	int rc;

	if (u->entry == NULL)
		return 0;
	while ((rc = archive_read_data_block(u->a, &block, &n, &at)) == ARCHIVE_OK) {
		u->skipped += (int64_t)n;
		if (u->skipped > INSTREAM_UNPACKED_MAX)
			return err_set(err, ERR_IO, 0,
				"%s unpacks to more than %d GiB: the rest is not read",
				unpack_name(u), (int)(INSTREAM_UNPACKED_MAX >> 30));
	}
	return rc == ARCHIVE_FATAL ? failed(u, err) : 0;
}

/* Reads on to the next regular file; entry NULL = there is none. */
static int read_header(struct unpack *u, struct err *err)
{
	int rc;

	do {
		if (skip_member(u, err) != 0)
			return -1;
		rc = archive_read_next_header(u->a, &u->entry);
		if (rc == ARCHIVE_FATAL || (rc == ARCHIVE_EOF && u->in_err.code != ERR_NONE))
			return failed(u, err);
		if (rc == ARCHIVE_EOF)
			u->entry = NULL;
	} while (u->entry != NULL &&
		(archive_entry_filetype(u->entry) != AE_IFREG ||
			archive_entry_hardlink(u->entry) != NULL));
	return 0;
}

int unpack_open(struct instream *in, struct unpack **out, struct err *err)
{
	struct unpack *u = xcalloc(1, sizeof(*u));

	u->in = in;
	u->a = archive_read_new();
	if (u->a == NULL)
		abort();
	if (!support_all(u->a)) {
		err_set(err, ERR_UNSUPPORTED, 0, "%s: this libarchive lacks a format",
			instream_name(in));
		goto failed;
	}
	if (archive_read_open(u->a, u, NULL, feed, NULL) != ARCHIVE_OK) {
		failed(u, err);
		goto failed;
	}
	/* only its first member tells what it is */
	if (read_header(u, err) != 0)
		goto failed;
	/* libarchive takes what is cut off too early for nothing at all, or for a plain file */
	if ((u->entry == NULL && archive_error_string(u->a) != NULL) ||
		(archive_format(u->a) == ARCHIVE_FORMAT_RAW && archive_filter_count(u->a) <= 1)) {
		failed(u, err);
		goto failed;
	}
	u->ahead = true;
	*out = u;
	return 0;
failed:
	unpack_close(u);
	return -1;
}

int unpack_next(struct unpack *u, const char **name_out, struct err *err)
{
	if (!u->ahead && read_header(u, err) != 0)
		return -1;
	u->ahead = false;
	if (u->entry == NULL)
		return 0;
	/* the locale's, which is C here, has no name for what is not ASCII */
	*name_out = archive_entry_pathname_utf8(u->entry);
	if (*name_out == NULL)
		*name_out = archive_entry_pathname(u->entry);
	if (*name_out == NULL)
		*name_out = "";
	return 1;
}

int64_t unpack_mtime_ns(const struct unpack *u)
{
	return u->entry != NULL && archive_entry_mtime_is_set(u->entry)
		? (int64_t)archive_entry_mtime(u->entry) * NS_PER_S
		: 0;
}

ssize_t unpack_read(struct unpack *u, char *buf, size_t size, struct err *err)
{
	la_ssize_t n;

	if (u->entry == NULL)
		return 0;
	do
		n = archive_read_data(u->a, buf, size);
	while (n == ARCHIVE_RETRY);
	if (n < 0)
		return failed(u, err);
	/* what is cut off between two blocks ends quietly */
	return n == 0 && u->in_err.code != ERR_NONE ? failed(u, err) : n;
}
