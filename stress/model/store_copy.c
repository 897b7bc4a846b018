/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store_copy.h"

#include "base/mem.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/store.h"
#include "model/store_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)

/* What a store consists of. SQLite makes its -shm again out of the others. */
static const char *const parts[] = {"", "-wal"};
static const char *const others[] = {"-shm", "-journal", "-deliver"};

static char *part_of(const char *path, const char *part)
{
	return xasprintf("%s%s", path, part);
}

static int copy_failed(const char *what, struct err *err)
{
	return err_set(err, ERR_IO, errno, "copy %s", what);
}

/* Only under their own names they are a store: the file itself comes last. */
static int put_in_place(const char *unfinished, const char *path, struct err *err)
{
	size_t i;

	/* what would be taken for its -wal, of one that was not removed to the end */
	store_copy_remove(path);
	for (i = ARRAY_SIZE(parts); i-- > 0;) {
		auto_free char *from = part_of(unfinished, parts[i]);
		auto_free char *to = part_of(path, parts[i]);

		if (rename(from, to) != 0 && (i == 0 || errno != ENOENT))
			return copy_failed(to, err);
	}
	return 0;
}

static int make(const char *path, int (*fill)(const void *from, const char *path, struct err *err),
	const void *from, struct err *err)
{
	auto_free char *unfinished = part_of(path, ".new");
	int rc;

	store_copy_remove(unfinished);
	rc = fill(from, unfinished, err);
	if (rc == 0)
		rc = put_in_place(unfinished, path, err);
	if (rc != 0)
		store_copy_remove(unfinished);
	return rc;
}

/* ---- by SQLite ---- */

static int create(const char *path)
{
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int fill_by_pages(const void *from, const char *path, struct err *err)
{
	auto_close int fd = create(path);
	struct db *copy;

	if (fd < 0)
		return copy_failed(path, err);
	if (db_copy(store_db((struct store *)from), path, &copy, err) != 0)
		return -1;
	db_close(copy);
	return 0;
}

int store_copy(struct store *from, const char *path, struct err *err)
{
	return make(path, fill_by_pages, from, err);
}

/* ---- as files ---- */

/* What tells whether somebody has written to it. */
struct looks {
	struct {
		off_t size;
		struct timespec changed;
	} of[ARRAY_SIZE(parts)];
};

static int look(const char *path, struct looks *out, struct err *err)
{
	struct looks l = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		auto_free char *part = part_of(path, parts[i]);
		struct stat st;

		if (lstat(part, &st) == 0) {
			l.of[i].size = st.st_size;
			l.of[i].changed = st.st_mtim;
		} else if (i == 0 || errno != ENOENT) {
			return copy_failed(part, err);
		}
	}
	*out = l;
	return 0;
}

static bool look_alike(const struct looks *a, const struct looks *b)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (a->of[i].size != b->of[i].size ||
			a->of[i].changed.tv_sec != b->of[i].changed.tv_sec ||
			a->of[i].changed.tv_nsec != b->of[i].changed.tv_nsec)
			return false;
	return true;
}

static int copy_file(const char *from, const char *path, struct err *err)
{
	auto_close int in = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int out = in >= 0 ? create(path) : -1;
	ssize_t n;

	if (out < 0)
		return copy_failed(from, err);
	do
		n = sendfile(out, in, NULL, CHUNK_BYTES);
	while (n > 0);
	return n == 0 ? 0 : copy_failed(from, err);
}

static int fill_by_files(const void *from, const char *path, struct err *err)
{
	struct looks before, after;
	size_t i;

	if (look(from, &before, err) != 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		auto_free char *source = part_of(from, parts[i]);
		auto_free char *target = part_of(path, parts[i]);

		if ((i == 0 || before.of[i].size > 0) && copy_file(source, target, err) != 0)
			return -1;
	}
	if (look(from, &after, err) != 0)
		return -1;
	if (look_alike(&before, &after))
		return 0;
	return err_set(err, ERR_IO, 0, "%s was written to while it was copied", (const char *)from);
}

int store_copy_files(const char *from, const char *path, struct err *err)
{
	return make(path, fill_by_files, from, err);
}

/* ---- in memory, to be read ---- */

static bool is_read_only(const char *path)
{
	struct statvfs st;

	return statvfs(path, &st) == 0 && (st.f_flag & ST_RDONLY) != 0;
}

/* Of what may lie in memory half may be taken. */
static bool has_room(const char *folder, uint64_t bytes)
{
	struct statvfs st;

	return statvfs(folder, &st) == 0 && bytes <= (uint64_t)st.f_bavail * st.f_frsize / 2;
}

/* NULL: there is no room for so many bytes anywhere. */
static char *new_folder(uint64_t bytes)
{
	const char *const places[] = {getenv("TMPDIR"), "/dev/shm", "/run", "/tmp"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		auto_free char *path =
			xasprintf("%s/vfio-stress-XXXXXX", places[i] ? places[i] : "");

		if (places[i] != NULL && has_room(places[i], bytes) && mkdtemp(path) != NULL)
			return take_ptr(path);
	}
	return NULL;
}

/* Both of its files are open, and nameless from now on, once something was read. */
static int open_unshared(const char *path, struct db **out, struct err *err)
{
	enum schema_state state;
	struct db *db;

	if (db_open(path, DB_WRITE, &db, err) != 0)
		return -1;
	/* its index of the -wal is in memory then */
	if (db_exec(db, "PRAGMA locking_mode = EXCLUSIVE", err) != 0 ||
		schema_look(db, path, &state, err) != 0) {
		db_close(db);
		return -1;
	}
	*out = db;
	return 0;
}

int store_copy_open(const char *from, struct db **out, struct err *err)
{
	auto_free char *folder = NULL, *path = NULL;
	uint64_t bytes;
	int rc;

	if (!is_read_only(from))
		return err_set(
			err, ERR_UNSUPPORTED, 0, "%s is not on a read-only file system", from);
	if (store_copy_size(from, &bytes, err) != 0)
		return -1;
	folder = new_folder(bytes);
	if (folder == NULL)
		return err_set(err, ERR_IO, ENOSPC, "make a copy of %s", from);
	path = part_of(folder, "/runs.db");
	rc = store_copy_files(from, path, err);
	if (rc == 0)
		rc = open_unshared(path, out, err);
	store_copy_remove(path);
	rmdir(folder);
	return rc;
}

/* ---- its size, and its end ---- */

int store_copy_size(const char *from, uint64_t *out, struct err *err)
{
	struct looks l;
	size_t i;

	if (look(from, &l, err) != 0)
		return -1;
	*out = 0;
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		*out += (uint64_t)l.of[i].size;
	return 0;
}

static void remove_part(const char *path, const char *part)
{
	auto_free char *name = part_of(path, part);

	unlink(name);
}

void store_copy_remove(const char *path)
{
	size_t i;

	/* the file itself last: without it there is no copy */
	for (i = 0; i < ARRAY_SIZE(others); i++)
		remove_part(path, others[i]);
	for (i = ARRAY_SIZE(parts); i-- > 0;)
		remove_part(path, parts[i]);
}
