/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/lock.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER       "/run/vfio-stress"
#define WAIT_STEP_MS 20 /* a lock that is let go wakes nobody in time */

static const char *lock_path(const struct host *host, struct bdf bdf, char *buf)
{
	char text[BDF_LEN];

	return host_path(host, buf, FOLDER "/%s", bdf_text(bdf, text));
}

/*
 * A lock of the open file (fcntl(2), "Open file description locks"): a child inherits it, and whether
 * it is held can be asked without taking it. An answer by trying (flock) makes a run that really
 * wants it at that moment believe that it is held.
 */
static struct flock whole_file(short type)
{
	return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static pid_t pid_in(int fd)
{
	char text[16] = "";
	int64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return str_to_i64(text, 10, 1, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

static int held_by_other(const struct host *host, struct bdf bdf, pid_t pid, struct err *err)
{
	char text[BDF_LEN], path[64], name[64];
	struct err ignored;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (pid > 0 && host_read(host, path, name, sizeof(name), &ignored) == 0) {
		err_set(err, ERR_REFUSED, 0,
			"%s is held by another run or lane: process %d (%.32s)",
			bdf_text(bdf, text), (int)pid, name);
		return err_hint(err, "let that run end first, or leave the device out");
	}
	err_set(err, ERR_REFUSED, 0,
		"%s is quarantined: a call of an earlier run (process %d, gone) is still stuck in "
		"the kernel with it",
		bdf_text(bdf, text), (int)pid);
	return err_hint(err, "wait until the kernel gives up; when it never does, reboot the host");
}

/* Nobody but root may put a lock there, or make it a link to something else. */
static int open_lock(const struct host *host, const char *name, struct err *err)
{
	char path[HOST_PATH_MAX];
	int fd;

	if (mkdir(host_path(host, path, FOLDER), 0755) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, errno, "mkdir " FOLDER);
	host_path(host, path, FOLDER "/%s", name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		err_set(err, ERR_IO, errno, "open %s", path);
		return err->sys == EACCES ? err_hint(err, "run as root") : -1;
	}
	return fd;
}

int lock_take(const struct host *host, struct bdf bdf, int *fd_out, struct err *err)
{
	char text[BDF_LEN];
	auto_close int fd = open_lock(host, bdf_text(bdf, text), err);
	struct flock lock = whole_file(F_WRLCK);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return held_by_other(host, bdf, pid_in(fd), err);
		return err_set(err, ERR_IO, errno, "lock %s", text);
	}
	/* for people and for held_by_other; the lock is what counts */
	if (ftruncate(fd, 0) != 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
		return err_set(err, ERR_IO, errno, "write the lock of %s", text);
	*fd_out = take_fd(&fd);
	return 0;
}

int lock_wait(const struct host *host, const char *name, int64_t deadline_ns, int *fd_out,
	struct err *err)
{
	auto_close int fd = open_lock(host, name, err);
	struct flock lock = whole_file(F_WRLCK);

	if (fd < 0)
		return -1;
	while (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, ERR_IO, errno, "lock %s", name);
		if (clock_mono_ns() >= deadline_ns)
			return err_set(err, ERR_TIMEOUT, 0,
				"another lane or run has not let go of %s", name);
		poll(NULL, 0, WAIT_STEP_MS);
	}
	*fd_out = take_fd(&fd);
	return 0;
}

void lock_drop(int fd)
{
	struct flock none = whole_file(F_UNLCK);

	if (fd < 0)
		return;
	(void)!fcntl(fd, F_OFD_SETLK, &none);
	close(fd);
}

bool lock_holder(const struct host *host, struct bdf bdf, pid_t *pid_out)
{
	char path[HOST_PATH_MAX];
	auto_close int fd = open(lock_path(host, bdf, path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = whole_file(F_WRLCK);

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
		return false;
	*pid_out = pid_in(fd);
	return true;
}
