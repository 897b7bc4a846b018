/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/newfile.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int newfile_failed(const char *verb, const char *what, struct err *err)
{
	int sys = errno;

	err_set(err, ERR_IO, sys, "%s %s", verb, what);
	if (sys == ENOENT || sys == ENOTDIR)
		return err_hint(err, "make its folder first");
	if (sys == EISDIR)
		return err_hint(err, "name a file in it");
	if (sys == EACCES || sys == EPERM || sys == EROFS)
		return err_hint(err, "choose a folder that can be written");
	if (sys == ELOOP)
		return err_hint(err, "it is a link: name the file itself");
	if (sys == ENXIO)
		return err_hint(err, "nobody reads from this pipe");
	return -1;
}

/* Heap. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL    ? xstrdup(".")
		: slash == path ? xstrdup("/")
				: xstrndup(path, (size_t)(slash - path));
}

/* A new file beside the target, 0600. */
static int make_beside(const char *path, char **beside_out)
{
	auto_free char *beside = xasprintf("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);

	if (fd >= 0)
		*beside_out = take_ptr(beside);
	return fd;
}

/* One without a name, of which nothing is left when we die. Not every file system can: *beside_out then. */
static int make_new(const char *path, char **beside_out)
{
	auto_free char *folder = folder_of(path);
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : make_beside(path, beside_out);
}

/*
 * With the mode and owner of what it will replace. Another's file can only be given a name later by who
 * has CAP_FOWNER (fs.protected_hardlinks).
 */
static int open_beside(const char *path, const struct stat *old, char **beside_out)
{
	bool ours = old == NULL || old->st_uid == geteuid();
	int fd = ours ? make_new(path, beside_out) : make_beside(path, beside_out);

	if (fd >= 0 && old != NULL) {
		/* without root the owner stays ours, and the mode must not open it to others */
		if (fchown(fd, old->st_uid, old->st_gid) == 0 || old->st_uid == geteuid())
			(void)!fchmod(fd, old->st_mode & 0777);
	}
	return fd;
}

int newfile_try(const char *path, const char *what, struct err *err)
{
	auto_free char *beside = NULL;
	auto_close int fd = make_new(path, &beside);

	if (fd < 0)
		return newfile_failed("create", what, err);
	if (beside != NULL)
		unlink(beside);
	return 0;
}

/*
 * What is there and no plain file: not created, nor emptied, whatever has taken its name since it was
 * looked at. A pipe that nobody reads is an error (ENXIO): to wait for a reader could take for ever.
 */
static int open_in_place(const char *path)
{
	auto_close int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	if (S_ISREG(st.st_mode)) {
		errno = ESTALE;
		return -1;
	}
	return fcntl(fd, F_SETFL, O_WRONLY) == 0 ? take_fd(&fd) : -1;
}

static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

FILE *newfile_grow(const char *path)
{
	int fd = is_special(path)
		? open_in_place(path)
		: open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

int newfile_open(const char *path, const char *what, struct newfile *out, struct err *err)
{
	struct newfile f = {0};
	struct stat st;
	bool there = stat(path, &st) == 0;
	int fd;

	f.in_place = there && !S_ISREG(st.st_mode);
	if (f.in_place)
		fd = open_in_place(path);
	else
		fd = open_beside(path, there ? &st : NULL, &f.beside);
	if (fd < 0)
		return newfile_failed("create", what, err);
	f.out = fdopen(fd, "w");
	f.replaces = there;
	f.path = xstrdup(path);
	f.what = xstrdup(what);
	*out = f;
	return 0;
}

void newfile_open_to_all(struct newfile *f)
{
	if (!f->replaces)
		(void)!fchmod(fileno(f->out), 0644);
}

/* The rename is on disk when the folder is. */
static void sync_folder(const char *path)
{
	auto_free char *folder = folder_of(path);
	auto_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fsync(fd);
}

static int link_as(const struct newfile *f, const char *path)
{
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fileno(f->out));
	return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* Where something is already, a link needs a name of its own first. */
static int give_name(struct newfile *f)
{
	auto_free char *beside = NULL;
	uint64_t random = 0;

	if (link_as(f, f->path) == 0)
		return 0;
	if (errno != EEXIST || getrandom(&random, sizeof(random), 0) < 0)
		return -1;
	beside = xasprintf("%s.%016" PRIx64, f->path, random);
	if (link_as(f, beside) != 0)
		return -1;
	f->beside = take_ptr(beside);
	return 0;
}

static int put_in_place(struct newfile *f)
{
	if (fflush(f->out) != 0 || ferror(f->out))
		return -1;
	if (f->in_place)
		return 0;
	if (fsync(fileno(f->out)) != 0 || (f->beside == NULL && give_name(f) != 0))
		return -1;
	if (f->beside != NULL && rename(f->beside, f->path) != 0)
		return -1;
	free(take_ptr(f->beside));
	sync_folder(f->path);
	return 0;
}

int newfile_commit(struct newfile *f, struct err *err)
{
	int rc = put_in_place(f) == 0 ? 0 : newfile_failed("write", f->what, err);

	newfile_abandon(f);
	return rc;
}

void newfile_abandon(struct newfile *f)
{
	if (f->out != NULL)
		fclose(f->out);
	if (f->beside != NULL)
		unlink(f->beside);
	free(f->beside);
	free(f->path);
	free(f->what);
	*f = (struct newfile){0};
}
