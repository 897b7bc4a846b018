/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/holders.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void cleanup_dir(DIR **dir)
{
	if (*dir != NULL)
		closedir(*dir);
}
#define auto_dir __attribute__((cleanup(cleanup_dir)))

static bool path_matches(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(path, pattern, len - 1) == 0;
	return str_eq(path, pattern);
}

/* A node may have another path in a container; its number is the same there. Returns n for none. */
static size_t by_number(const struct node *nodes, size_t n, int dirfd, const char *fd)
{
	bool asked = false;
	struct statx st;
	size_t i;

	for (i = 0; i < n; i++) {
		if (nodes[i].major == 0)
			continue;
		/* from what the kernel has in memory: no question to a file server */
		if (!asked &&
			(statx(dirfd, fd, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) !=
					0 ||
				!(S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode))))
			return n;
		asked = true;
		if (nodes[i].major == st.stx_rdev_major && nodes[i].minor == st.stx_rdev_minor)
			return i;
	}
	return n;
}

/* 1 with *out when it is one of the nodes, 0 when not or closed meanwhile, -1 when it is hidden. */
static int look_at(
	const struct node *nodes, size_t n, int dirfd, const char *fd, struct holder *out)
{
	char target[HOST_PATH_MAX];
	ssize_t len = readlinkat(dirfd, fd, target, sizeof(target) - 1);
	size_t i;

	/* root without CAP_SYS_PTRACE may list what others have open, not look at it */
	if (len < 0 && (errno == EACCES || errno == EPERM))
		return -1;
	/* sockets, pipes and memory are "kind:[number]" */
	if (len <= 0 || target[0] != '/')
		return 0;
	target[len] = '\0';
	for (i = 0; i < n; i++)
		if (path_matches(nodes[i].path, target))
			break;
	if (i == n)
		i = by_number(nodes, n, dirfd, fd);
	if (i == n)
		return 0;
	out->node = i;
	str_printable(out->path, sizeof(out->path), target, (size_t)len);
	return 1;
}

static void name_of(const struct host *host, const char *pid, char *buf, size_t size)
{
	char path[64], comm[64];
	struct err err;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if (host_read(host, path, comm, sizeof(comm), &err) != 0)
		str_copy(comm, sizeof(comm), "?");
	str_printable(buf, size, comm, strlen(comm));
}

static int hidden(const struct host *host, const char *pid, struct err *err)
{
	char name[32];

	name_of(host, pid, name, sizeof(name));
	err_set(err, ERR_REFUSED, 0, "cannot see what process %s (%s) has open", pid, name);
	return err_hint(err, "run as root, with CAP_SYS_PTRACE");
}

/* One search through the processes. */
struct search {
	const struct host *host;
	const struct node *nodes;
	size_t n;
	holder_fn *fn;
	void *arg;
	bool stopped; /* by fn */
};

/* False when something in it cannot be seen; a process that is gone has nothing open. */
static bool look_into(struct search *s, const char *pid)
{
	char path[HOST_PATH_MAX];
	auto_dir DIR *dir = opendir(host_path(s->host, path, "/proc/%s/fd", pid));
	struct holder h = {.pid = (pid_t)strtol(pid, NULL, 10)};
	struct dirent *entry;
	int found;

	if (dir == NULL)
		return errno != EACCES && errno != EPERM;
	while (!s->stopped && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		found = look_at(s->nodes, s->n, dirfd(dir), entry->d_name, &h);
		if (found < 0)
			return false;
		if (found == 0)
			continue;
		name_of(s->host, pid, h.name, sizeof(h.name));
		s->stopped = !s->fn(s->arg, &h);
	}
	return true;
}

/* `friend` is passed over. A process that cannot be seen ends it, or with `blind` is noted there. */
static int search(struct search *s, pid_t friend, bool *blind, struct err *err)
{
	char path[HOST_PATH_MAX];
	auto_dir DIR *proc = opendir(host_path(s->host, path, "/proc"));
	struct dirent *entry;
	int64_t pid;

	if (proc == NULL)
		return err_set(err, ERR_REFUSED, errno, "cannot see who uses devices: open /proc");
	while (!s->stopped && (entry = readdir(proc)) != NULL) {
		if (!str_to_i64(entry->d_name, 10, 1, INT32_MAX, &pid) || pid == getpid() ||
			pid == friend || look_into(s, entry->d_name))
			continue;
		if (blind == NULL)
			return hidden(s->host, entry->d_name, err);
		*blind = true;
	}
	return 0;
}

static bool keep_first(void *arg, const struct holder *h)
{
	*(struct holder *)arg = *h;
	return false;
}

int holders_find(const struct host *host, const struct node *nodes, size_t n, pid_t friend,
	struct holder *out, struct err *err)
{
	struct search s = {.host = host, .nodes = nodes, .n = n, .fn = keep_first, .arg = out};

	if (search(&s, friend, NULL, err) != 0)
		return -1;
	return s.stopped ? 1 : 0;
}

int holders_each(const struct host *host, const struct node *nodes, size_t n, holder_fn *fn,
	void *arg, bool *blind, struct err *err)
{
	struct search s = {.host = host, .nodes = nodes, .n = n, .fn = fn, .arg = arg};

	*blind = false;
	return search(&s, 0, blind, err);
}
