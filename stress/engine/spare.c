/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/spare.h"

#include "base/mem.h"
#include "model/store.h"
#include "model/store_copy.h"
#include "world/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* It lies in memory, of which the host needs the rest. */
#define PART_OF_ROOM 2

struct spare {
	const struct host *host;
	char *db; /* of the store; NULL = nobody knows where it is */
	int folder; /* with our lock; -1 = not taken */
	struct store *copy;
};

struct spare *spare_new(const struct host *host, const char *db)
{
	struct spare *s = xcalloc(1, sizeof(*s));
	struct err ignored; /* store_open says it */

	s->host = host;
	s->folder = -1;
	if (db != NULL)
		s->db = xstrdup(db);
	else if (store_default_path(&s->db, &ignored) != 0)
		s->db = NULL;
	return s;
}

void spare_free(struct spare *s)
{
	if (s == NULL)
		return;
	store_close(s->copy);
	if (s->folder >= 0)
		close(s->folder);
	free(s->db);
	free(s);
}

/* ---- a private place ---- */

static char *folder_of(const struct spare *s)
{
	char run[HOST_PATH_MAX];

	return xasprintf("%s/spare", host_users_run_path(s->host, run));
}

static int make_folder(const struct spare *s, const char *folder, struct err *err)
{
	char run[HOST_PATH_MAX];

	if (mkdir(host_users_run_path(s->host, run), 0755) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, errno, "mkdir %s", run);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, errno, "mkdir %s", folder);
	return 0;
}

/* One process at a time tells from it. */
static int take_folder(struct spare *s, struct err *err)
{
	auto_free char *folder = folder_of(s);
	auto_close int fd = -1;
	struct stat st;

	if (s->folder >= 0)
		return 0;
	if (make_folder(s, folder, err) != 0)
		return -1;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set(err, ERR_IO, errno, "open %s", folder);
	if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
		return err_set(err, ERR_REFUSED, 0, "%s is not private to this user", folder);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(err, ERR_REFUSED, errno, "another process tells from %s", folder);
	s->folder = take_fd(&fd);
	return 0;
}

/* A store is known by its file, whatever way led to it; one of another boot is of no use. */
static int path_of(const struct spare *s, char **out, struct err *err)
{
	auto_free char *folder = folder_of(s);
	char boot_id[40];
	struct stat st;

	if (s->db == NULL || stat(s->db, &st) != 0)
		return err_set(err, ERR_IO, errno, "look at the store %s", s->db ? s->db : "");
	*out = xasprintf("%s/%s-%jx-%jx.db", folder, host_boot_id(s->host, boot_id),
		(uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return 0;
}

/* ---- the copy ---- */

static int check_room(const struct spare *s, struct err *err)
{
	struct statvfs st;
	uint64_t room, size;

	if (store_copy_size(s->db, &size, err) != 0)
		return -1;
	if (fstatvfs(s->folder, &st) != 0)
		return err_set(err, ERR_IO, errno, "look for room for a copy of %s", s->db);
	room = (uint64_t)st.f_bavail * st.f_frsize / PART_OF_ROOM;
	if (size <= room)
		return 0;
	return err_set(err, ERR_REFUSED, 0,
		"a copy of %s needs %" PRIu64 " KiB, and %" PRIu64
		" KiB of the memory may be taken",
		s->db, size >> 10, room >> 10);
}

static int make_copy(const struct spare *s, struct store *from, const char *path, struct err *err)
{
	if (check_room(s, err) != 0)
		return -1;
	return from != NULL ? store_copy(from, path, err) : store_copy_files(s->db, path, err);
}

int spare_open(struct spare *s, struct store *from, struct store **out, struct err *err)
{
	auto_free char *path = NULL;

	if (s->copy == NULL) {
		if (take_folder(s, err) != 0 || path_of(s, &path, err) != 0)
			return -1;
		if (access(path, F_OK) != 0 && make_copy(s, from, path, err) != 0)
			return -1;
		if (store_open(path, STORE_CHANGE, &s->copy, err) != 0) {
			store_copy_remove(path);
			return -1;
		}
	}
	*out = s->copy;
	return 0;
}

void spare_remove(struct spare *s)
{
	auto_free char *path = NULL;
	struct err ignored;

	if (path_of(s, &path, &ignored) != 0 || access(path, F_OK) != 0 ||
		take_folder(s, &ignored) != 0)
		return;
	store_close(take_ptr(s->copy));
	store_copy_remove(path);
}
