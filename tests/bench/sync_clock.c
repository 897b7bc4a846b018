/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD shim: how often and how long a process waited in fsync and fdatasync. At its end it
 * appends "CALLS SECONDS" to the file that SYNC_CLOCK names.
 */
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static atomic_llong spent_ns;
static atomic_long calls;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int timed(const char *name, int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int64_t began = now_ns();
	int rc = real(fd);

	spent_ns += now_ns() - began;
	calls++;
	return rc;
}

int fsync(int fd)
{
	return timed("fsync", fd);
}

int fdatasync(int fd)
{
	return timed("fdatasync", fd);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("SYNC_CLOCK");
	FILE *f = path != NULL && calls > 0 ? fopen(path, "a") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "%ld %.3f\n", (long)calls, (double)spent_ns / 1e9);
	fclose(f);
}
