/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/loglist.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/logname.h"
#include "klog/savedlog.h"
#include "world/instream.h"
#include "world/journal.h"
#include "world/logfile.h"
#include "world/tempfile.h"
#include "world/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX  3 /* archives in archives */
#define BLOCK_SIZE (64u << 10)

/* One of: a path to be opened, what is open already (a pipe), a member's copy. */
struct item {
	struct logitem pub;
	char *name, *path;
	struct logfile *file;
	int fd; /* -1 = none */
	struct logname parts;
	unsigned order; /* in which it was found */
	bool ring;
};

struct loglist {
	VEC(struct item) items;
	unsigned bundles;
	size_t members; /* looked at */
	int64_t bytes; /* copied */
};

struct loglist *loglist_new(void)
{
	return xcalloc(1, sizeof(struct loglist));
}

void loglist_free(struct loglist *l)
{
	if (l == NULL)
		return;
	vec_foreach (item, &l->items) {
		logfile_close(item->file);
		cleanup_close(&item->fd);
		free(item->name);
		free(item->path);
	}
	vec_finish(&l->items);
	free(l);
}

static struct item *add_item(struct loglist *l, const char *name, unsigned bundle)
{
	struct item *item = vec_push(&l->items);

	item->name = xstrdup(name);
	item->pub.name = item->name;
	item->pub.bundle = bundle;
	item->pub.family = (unsigned)l->items.n;
	item->fd = -1;
	return item;
}

/* ---- archives ---- */

static int add_archive(
	struct loglist *l, struct unpack *u, unsigned bundle, int depth, struct err *err);

/* Copies the member, of which n bytes are in the block already. */
static int copy_member(
	struct loglist *l, struct unpack *u, int fd, char *block, size_t held, struct err *err)
{
	ssize_t n;

	for (n = (ssize_t)held; n > 0; n = unpack_read(u, block, BLOCK_SIZE, err)) {
		l->bytes += n;
		if (l->bytes > LOGLIST_BYTES_MAX)
			return err_set(err, ERR_IO, 0,
				"%s holds more than %d GiB of logs: the rest is not read",
				unpack_name(u), (int)(LOGLIST_BYTES_MAX >> 30));
		if (tempfile_write(fd, block, (size_t)n, err) != 0)
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static void add_log(struct loglist *l, struct unpack *u, const char *name, int fd, unsigned bundle)
{
	auto_free char *full = xasprintf("%s:%s", unpack_name(u), name);

	add_item(l, full, bundle)->fd = fd;
}

/* A log, or an archive in the archive. Takes fd, its copy. */
static int add_member(struct loglist *l, struct unpack *u, const char *name, int fd,
	unsigned bundle, int depth, struct err *err)
{
	auto_free char *full = xasprintf("%s:%s", unpack_name(u), name);
	struct logfile *file;
	struct unpack *archive;

	if (!logname_is_archive(name)) {
		add_log(l, u, name, fd, bundle);
		return 0;
	}
	if (logfile_open(instream_of_fd(fd, full), &file, &archive, err) != 0)
		return -1;
	logfile_close(file);
	if (archive == NULL || depth < DEPTH_MAX)
		return archive != NULL ? add_archive(l, archive, bundle, depth + 1, err) : 0;
	unpack_close(archive);
	return err_set(
		err, ERR_INPUT, 0, "%s: not looked into: too many archives in archives", full);
}

/* Takes the current member when it is a log; what is cut off is read as far as it goes. */
static int look_at_member(struct loglist *l, struct unpack *u, const char *name, unsigned bundle,
	int depth, struct err *err)
{
	auto_free char *block = xmalloc(BLOCK_SIZE);
	auto_close int fd = -1;
	enum logname_sort sort = logname_sort(name);
	ssize_t n;
	int rc;

	if (sort == LOGNAME_NO)
		return 0;
	n = unpack_read(u, block, BLOCK_SIZE, err);
	if (n <= 0 || (sort == LOGNAME_MAYBE && !logname_is_klog(block, (size_t)n)))
		return n < 0 ? -1 : 0;
	fd = tempfile_open(err);
	if (fd < 0)
		return -1;
	rc = copy_member(l, u, fd, block, (size_t)n, err);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, ERR_IO, errno, "read a temporary file");
	if (rc == 0)
		return add_member(l, u, name, take_fd(&fd), bundle, depth, err);
	if (!logname_is_archive(name))
		add_log(l, u, name, take_fd(&fd), bundle);
	return -1;
}

static int is_too_much(struct loglist *l, const char *name, struct err *err)
{
	if (++l->members > LOGLIST_MEMBERS_MAX)
		return err_set(err, ERR_INPUT, 0,
			"%s holds more than %d files: the rest is not read", name,
			LOGLIST_MEMBERS_MAX);
	if (l->items.n >= LOGLIST_LOGS_MAX)
		return err_set(err, ERR_INPUT, 0,
			"%s holds more than %d logs: the rest is not read", name, LOGLIST_LOGS_MAX);
	return 0;
}

/* Takes `u`. */
static int add_archive(
	struct loglist *l, struct unpack *u, unsigned bundle, int depth, struct err *err)
{
	const char *name;
	int rc;

	while ((rc = unpack_next(u, &name, err)) > 0)
		if (is_too_much(l, unpack_name(u), err) != 0 ||
			look_at_member(l, u, name, bundle, depth, err) != 0) {
			rc = -1;
			break;
		}
	unpack_close(u);
	return rc;
}

/* ---- directories and files ---- */

static int add_path(
	struct loglist *l, const char *path, unsigned bundle, int depth, struct err *err);

static int must_have_logs(struct loglist *l, size_t before, const char *path, struct err *err)
{
	if (l->items.n > before)
		return 0;
	err_set(err, ERR_ABSENT, 0, "no kernel log in %s", path);
	return err_hint(err, "looked for " LOGNAME_EXAMPLES "; name another file itself");
}

static bool wanted_in_directory(const FTSENT *e)
{
	enum logname_sort sort = logname_sort(e->fts_path);
	struct instream *in;
	struct err unused;
	const char *head;
	bool wanted;
	size_t n;

	if (sort != LOGNAME_MAYBE)
		return sort != LOGNAME_NO;
	if (instream_open(e->fts_path, &in, &unused) != 0)
		return false;
	wanted = instream_peek(in, &head, &n, &unused) == 0 && logname_is_klog(head, n);
	instream_close(in);
	return wanted;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* One that cannot be read does not hide the others; the first reason is told. */
static int add_directory(struct loglist *l, const char *path, struct err *err)
{
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	/* symbolic links may lead anywhere */
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);
	unsigned bundle = ++l->bundles;
	struct err one;
	FTSENT *e;
	int rc = 0;

	if (fts == NULL)
		return err_set(err, ERR_IO, errno, "open %s", path);
	while ((e = fts_read(fts)) != NULL) {
		if (is_too_much(l, path, err) != 0) {
			rc = -1;
			break;
		}
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
			if (rc == 0)
				rc = err_set(err, ERR_IO, e->fts_errno, "open %s", e->fts_path);
			continue;
		}
		if (e->fts_info != FTS_F || !wanted_in_directory(e))
			continue;
		if (add_path(l, e->fts_path, bundle, 1, &one) != 0 && rc == 0) {
			*err = one;
			rc = -1;
		}
	}
	fts_close(fts);
	return rc;
}

static bool is_journal(int fd)
{
	char magic[JOURNAL_MAGIC_LEN];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
		memcmp(magic, JOURNAL_MAGIC, sizeof(magic)) == 0;
}

static bool path_is_journal(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && is_journal(fd);
}

static int add_file(struct loglist *l, const char *path, bool again, unsigned bundle, int depth,
	struct err *err)
{
	struct instream *in;
	struct unpack *archive = NULL;
	struct logfile *file = NULL;
	struct item *item;

	if (!again || !path_is_journal(path)) {
		if (instream_open(path, &in, err) != 0 ||
			logfile_open(in, &file, &archive, err) != 0)
			return -1;
	}
	if (archive != NULL)
		return add_archive(l, archive, bundle ? bundle : ++l->bundles, depth, err);
	item = add_item(l, path, bundle);
	/* hundreds of open files, with their buffers, are too many */
	if (again) {
		logfile_close(file);
		item->path = xstrdup(path);
	} else {
		item->file = file;
	}
	return 0;
}

static bool is_root(const struct stat *st)
{
	struct stat root;

	return stat("/", &root) == 0 && root.st_dev == st->st_dev && root.st_ino == st->st_ino;
}

static int add_path(
	struct loglist *l, const char *path, unsigned bundle, int depth, struct err *err)
{
	bool standard = str_eq(path, "-");
	size_t before = l->items.n;
	struct stat st;
	int rc;

	if (!standard && stat(path, &st) != 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
	if (!standard && S_ISDIR(st.st_mode) && is_root(&st)) {
		err_set(err, ERR_INPUT, 0, "%s is a whole system, not its logs", path);
		return err_hint(err, "name the directory that holds them, such as /var/log");
	}
	if (!standard && S_ISDIR(st.st_mode))
		rc = add_directory(l, path, err);
	else
		rc = add_file(l, path, !standard && S_ISREG(st.st_mode), bundle, depth, err);
	return rc != 0 || bundle != 0 ? rc : must_have_logs(l, before, path, err);
}

int loglist_add(struct loglist *l, const char *path, struct err *err)
{
	l->members = 0;
	return add_path(l, path, 0, 0, err);
}

/* ---- order ---- */

static bool same_family(const struct item *a, const struct item *b)
{
	return a->pub.bundle == b->pub.bundle && a->parts.stem_len > 0 &&
		a->parts.stem_len == b->parts.stem_len &&
		memcmp(a->name, b->name, a->parts.stem_len) == 0;
}

/* In a bundle what is on disk comes first: it has all of a storm, dmesg often only its end. */
static int by_family(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->pub.bundle == y->pub.bundle && x->ring != y->ring)
		return x->ring ? 1 : -1;
	if (x->pub.family != y->pub.family)
		return x->pub.family < y->pub.family ? -1 : 1;
	if (x->parts.age != y->parts.age)
		return x->parts.age > y->parts.age ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

void loglist_sort(struct loglist *l)
{
	size_t i, j;

	for (i = 0; i < l->items.n; i++) {
		struct item *item = &l->items.v[i];

		item->order = item->pub.family = (unsigned)i;
		item->parts = logname_parse(item->name);
		item->ring = item->pub.bundle != 0 && logname_is_ring(item->name);
		for (j = 0; j < i && item->pub.family == i; j++)
			if (same_family(item, &l->items.v[j]))
				item->pub.family = l->items.v[j].pub.family;
	}
	if (l->items.n > 0)
		qsort(l->items.v, l->items.n, sizeof(l->items.v[0]), by_family);
}

size_t loglist_count(const struct loglist *l)
{
	return l->items.n;
}

const struct logitem *loglist_at(const struct loglist *l, size_t i)
{
	return &l->items.v[i].pub;
}

static int open_journal(int fd, const char *name, struct savedlog **out, struct err *err)
{
	struct journal *journal;

	if (journal_open_file(fd, name, &journal, err) != 0)
		return -1;
	*out = savedlog_of_journal(journal);
	return 0;
}

int loglist_open(struct loglist *l, size_t i, struct savedlog **out, struct err *err)
{
	struct item *item = &l->items.v[i];
	struct logfile *file = take_ptr(item->file);
	struct unpack *archive = NULL;
	int fd = take_fd(&item->fd);

	if (item->path != NULL && (fd = open(item->path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0)
		return err_set(err, ERR_IO, errno, "open %s", item->path);
	if (fd >= 0 && is_journal(fd))
		return open_journal(fd, item->name, out, err);
	if (fd >= 0 && logfile_open(instream_of_fd(fd, item->name), &file, &archive, err) != 0)
		return -1;
	if (archive != NULL) {
		unpack_close(archive);
		return err_set(err, ERR_INPUT, 0, "%s became an archive", item->name);
	}
	*out = savedlog_of_file(file);
	return 0;
}
