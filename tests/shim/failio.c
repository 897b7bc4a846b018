/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD=failio.so: what changes certain files fails, or the process dies in the middle of it.
 *
 *   FAILIO_FILE   the path without what follows its name ("/tmp/x/runs.db": also its -wal and -shm)
 *   FAILIO_STATE  a file with a uint64_t for each of `kinds`, and two more: how many operations there
 *                 were until now of all processes together, of each kind and of those that can fail;
 *                 and when the first one failed (CLOCK_MONOTONIC, ns)
 *   FAILIO_KINDS  those that can fail: "write,sync"; default all
 *   FAILIO_WHO    the command of the program in whose processes they can: "deliver"; default all
 *   FAILIO_FROM   the number of the first one of them that fails; 0 or nothing: they are counted only
 *   FAILIO_COUNT  how many fail; 0: all that follow
 *   FAILIO_FOR_MS only those that follow so soon after the first one
 *   FAILIO_ERRNO  with that; or
 *   FAILIO_KILL   "before", "half" (of what is written) or "after": then SIGKILL
 */
#include <errno.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum kind { WRITE, SYNC, TRUNCATE, OPEN, KINDS };

static const char *const kinds[KINDS] = {
	"write", "sync", "truncate", "open", /* to write */
};

struct state {
	uint64_t of_kind[KINDS], chosen, first_ns;
};

enum fate { GO_ON, FAIL, DIE_BEFORE, DIE_HALFWAY, DIE_AFTER };

static uint64_t number_of(const char *name)
{
	const char *s = getenv(name);

	return s != NULL ? strtoull(s, NULL, 10) : 0;
}

/* Shared with our children, which are counted too. */
static struct state *state(void)
{
	static struct state *shared;
	const char *path = getenv("FAILIO_STATE");
	int fd;
	void *at;

	if (shared != NULL || path == NULL)
		return shared;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	at = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		shared = at;
	return shared;
}

static bool is_ours(const char *path)
{
	const char *file = getenv("FAILIO_FILE");

	return file != NULL && strncmp(path, file, strlen(file)) == 0;
}

static bool is_of_ours(int fd)
{
	char link[32], path[512];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return is_ours(path);
}

/* argv[1] of this process. */
static const char *command(void)
{
	static char args[256];
	static const char *word;
	ssize_t n;
	int fd;

	if (word != NULL)
		return word;
	word = "";
	fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, args, sizeof(args) - 1) : 0;
	if (fd >= 0)
		close(fd);
	if (n > 0 && (ssize_t)strlen(args) + 1 < n)
		word = args + strlen(args) + 1;
	return word;
}

static bool can_fail(enum kind kind)
{
	const char *chosen = getenv("FAILIO_KINDS"), *who = getenv("FAILIO_WHO");

	return (chosen == NULL || strstr(chosen, kinds[kind]) != NULL) &&
		(who == NULL || strcmp(who, command()) == 0);
}

/* The time in which they fail begins with the first one. */
static bool is_over(void)
{
	uint64_t for_ms = number_of("FAILIO_FOR_MS"), now_ns, first_ns = 0;
	struct timespec now;

	if (for_ms == 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (__atomic_compare_exchange_n(&state()->first_ns, &first_ns, now_ns, false,
		    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	return now_ns > first_ns + for_ms * 1000000;
}

static enum fate how(void)
{
	const char *kill_when = getenv("FAILIO_KILL");

	if (kill_when == NULL)
		return FAIL;
	return *kill_when == 'b' ? DIE_BEFORE : *kill_when == 'h' ? DIE_HALFWAY : DIE_AFTER;
}

/* What becomes of this operation; sets errno when it fails. */
static enum fate judge(enum kind kind)
{
	uint64_t from = number_of("FAILIO_FROM"), count = number_of("FAILIO_COUNT"), now;
	enum fate fate;

	if (state() == NULL)
		return GO_ON;
	__atomic_add_fetch(&state()->of_kind[kind], 1, __ATOMIC_SEQ_CST);
	if (!can_fail(kind))
		return GO_ON;
	now = __atomic_add_fetch(&state()->chosen, 1, __ATOMIC_SEQ_CST);
	if (from == 0 || now < from || (count != 0 && now >= from + count) || is_over())
		return GO_ON;
	fate = how();
	if (fate == DIE_BEFORE)
		raise(SIGKILL);
	if (fate == FAIL)
		errno = (int)number_of("FAILIO_ERRNO");
	return fate;
}

static enum fate judge_fd(enum kind kind, int fd)
{
	return is_of_ours(fd) ? judge(kind) : GO_ON;
}

/* The next one of that name: libc's, or the sanitizer's in front of it. */
#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* When the operation was to be the last thing that this process did, it dies now. */
static ssize_t after(enum fate fate, ssize_t rc)
{
	if (fate != GO_ON)
		raise(SIGKILL);
	return rc;
}

static size_t written(enum fate fate, size_t n)
{
	return fate == DIE_HALFWAY ? n / 2 : n;
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t offset)
{
	enum fate fate = judge_fd(WRITE, fd);

	return fate == FAIL ? -1 : after(fate, NEXT(pwrite64)(fd, data, written(fate, n), offset));
}

ssize_t write(int fd, const void *data, size_t n)
{
	enum fate fate = judge_fd(WRITE, fd);

	return fate == FAIL ? -1 : after(fate, NEXT(write)(fd, data, written(fate, n)));
}

int ftruncate64(int fd, off64_t length)
{
	enum fate fate = judge_fd(TRUNCATE, fd);

	return fate == FAIL ? -1 : (int)after(fate, NEXT(ftruncate64)(fd, length));
}

#define SYNCS(name)                                                                                \
	int name(int fd)                                                                           \
	{                                                                                          \
		enum fate fate = judge_fd(SYNC, fd);                                               \
                                                                                                   \
		return fate == FAIL ? -1 : (int)after(fate, NEXT(name)(fd));                       \
	}

SYNCS(fdatasync)
SYNCS(fsync)

static enum fate judge_open(const char *path, int flags)
{
	bool to_write = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;

	return to_write && is_ours(path) ? judge(OPEN) : GO_ON;
}

#define OPENS(name)                                                                                \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		enum fate fate = judge_open(path, flags);                                          \
		mode_t mode;                                                                       \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, mode_t);                                                         \
		va_end(ap);                                                                        \
		return fate == FAIL ? -1 : (int)after(fate, NEXT(name)(path, flags, mode));        \
	}

OPENS(open64) /* SQLite's */
OPENS(open) /* the program's own */
