/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_KMSG_PIPE_H
#define VFIO_STRESS_TESTS_KMSG_PIPE_H

#include "cmocka_all.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A pipe that is taken for the character device /dev/kmsg. For tests that link with --wrap=stat and
 * --wrap=lseek.
 */
static struct kmsg_pipe {
	int r, w;
	ino_t ino;
	char path[64]; /* to be opened again */
} kmsg_pipe;

int __real_stat(const char *path, struct stat *st);
int __wrap_stat(const char *path, struct stat *st);
off_t __real_lseek(int fd, off_t at, int whence);
off_t __wrap_lseek(int fd, off_t at, int whence);

static bool is_kmsg(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == kmsg_pipe.ino;
}

int __wrap_stat(const char *path, struct stat *st)
{
	if (__real_stat(path, st) != 0)
		return -1;
	if (st->st_ino == kmsg_pipe.ino)
		st->st_mode = (st->st_mode & ~(mode_t)S_IFMT) | S_IFCHR;
	return 0;
}

off_t __wrap_lseek(int fd, off_t at, int whence)
{
	return is_kmsg(fd) ? 0 : __real_lseek(fd, at, whence);
}

/* The read end stays open here, for kmsg_open to open again by its name. */
static void kmsg_pipe_open(int flags)
{
	int fds[2];
	struct stat st;

	assert_int_equal(pipe2(fds, O_CLOEXEC | flags), 0);
	assert_int_equal(fstat(fds[0], &st), 0);
	kmsg_pipe = (struct kmsg_pipe){.r = fds[0], .w = fds[1], .ino = st.st_ino};
	snprintf(kmsg_pipe.path, sizeof(kmsg_pipe.path), "/proc/self/fd/%d", fds[0]);
}

static void kmsg_pipe_close(void)
{
	close(kmsg_pipe.r);
	close(kmsg_pipe.w);
}

#endif
