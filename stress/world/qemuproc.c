/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/qemuproc.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CMDLINE_MAX (1u << 17) /* MAX_ARG_STRLEN; libvirt puts -uuid near the front */
#define PIDFILE_MAX 32

void qemuproc_finish(struct qemuproc *p)
{
	if (p->fd >= 0)
		close(p->fd);
	*p = (struct qemuproc){.fd = -1};
}

bool qemuproc_wait_dead(const struct qemuproc *p, int64_t deadline_ns)
{
	struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
	int n;

	if (p->fd < 0)
		return true;
	do {
		n = poll(&pfd, 1, clock_poll_ms(deadline_ns));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

bool qemuproc_alive(const struct qemuproc *p)
{
	return p->fd >= 0 && !qemuproc_wait_dead(p, 0);
}

/* Is "-uuid", UUID among the NUL-separated arguments? */
static bool has_uuid(const char *args, size_t len, const char *uuid)
{
	const char *a = args, *end = args + len;
	bool next = false;

	while (a < end) {
		size_t n = strnlen(a, (size_t)(end - a));

		if (next && n == strlen(uuid) && strncasecmp(a, uuid, n) == 0)
			return true;
		next = n == 5 && memcmp(a, "-uuid", 5) == 0;
		a += n + 1;
	}
	return false;
}

static bool is_domains(const struct host *host, pid_t pid, const char *uuid)
{
	char path[HOST_PATH_MAX];
	auto_close int fd =
		open(host_path(host, path, "/proc/%d/cmdline", pid), O_RDONLY | O_CLOEXEC);
	auto_free char *args = xmalloc(CMDLINE_MAX);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < CMDLINE_MAX && (n = read(fd, args + len, CMDLINE_MAX - len)) > 0)
		len += (size_t)n;
	return has_uuid(args, len, uuid);
}

/* The state letter of /proc/.../stat: after the last ')', because comm may hold anything. */
static char state_of(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[512], *close_paren;
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return '\0';
	buf[n] = '\0';
	close_paren = strrchr(buf, ')');
	return close_paren != NULL && close_paren[1] == ' ' ? close_paren[2] : '\0';
}

bool qemuproc_stopped(const struct host *host, pid_t pid)
{
	char path[HOST_PATH_MAX];

	return pid > 0 && state_of(host_path(host, path, "/proc/%d/stat", pid)) == 'T';
}

bool qemuproc_in_kernel(const struct host *host, pid_t pid)
{
	char path[HOST_PATH_MAX], stat[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/proc/%d/task", pid));
	const struct dirent *d;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		host_path(host, stat, "/proc/%d/task/%s/stat", pid, d->d_name);
		found = state_of(stat) == 'D';
	}
	closedir(dir);
	return found;
}

/* pid of libvirt's pid file, 0 when there is none. */
static pid_t read_pidfile(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[PIDFILE_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int64_t pid;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return str_to_i64(text, 10, 1, INT_MAX, &pid) ? (pid_t)pid : 0;
}

static pid_t from_pidfiles(const struct host *host, const char *name)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[HOST_PATH_MAX];
	pid_t pid = read_pidfile(host_path(host, path, "/run/libvirt/qemu/%s.pid", name));

	if (pid == 0 && runtime != NULL)
		pid = read_pidfile(
			host_path(host, path, "%s/libvirt/qemu/run/%s.pid", runtime, name));
	return pid;
}

static bool is_named_qemu(const struct host *host, const char *pid)
{
	char path[HOST_PATH_MAX], comm[32] = "";
	struct err err;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	return host_read(host, path, comm, sizeof(comm), &err) == 0 &&
		(str_starts(comm, "qemu") || str_starts(comm, "kvm"));
}

pid_t qemuproc_hint(const struct host *host, const char *name)
{
	pid_t pid = from_pidfiles(host, name);
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	return pid != 0 && is_named_qemu(host, text) ? pid : 0;
}

/* A process that is worth reading the command line of: reading that of a stuck task blocks. */
static bool looks_like_qemu(const struct host *host, const char *pid)
{
	char path[HOST_PATH_MAX];

	return is_named_qemu(host, pid) &&
		state_of(host_path(host, path, "/proc/%s/stat", pid)) != 'D';
}

static pid_t from_proc(const struct host *host, const char *uuid)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/proc"));
	const struct dirent *d;
	pid_t found = 0;
	int64_t pid;

	while (dir != NULL && found == 0 && (d = readdir(dir)) != NULL) {
		if (str_to_i64(d->d_name, 10, 1, INT_MAX, &pid) &&
			looks_like_qemu(host, d->d_name) && is_domains(host, (pid_t)pid, uuid))
			found = (pid_t)pid;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

int qemuproc_find(const struct host *host, const char *name, const char *uuid, struct qemuproc *out,
	struct err *err)
{
	pid_t pid = from_pidfiles(host, name);
	int fd;

	if (pid == 0 || !is_domains(host, pid, uuid))
		pid = from_proc(host, uuid);
	if (pid == 0)
		return err_set(err, ERR_ABSENT, 0, "no local process is the QEMU of '%s' (%s)",
			name, uuid);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return err_set(err, ERR_IO, errno, "pidfd_open %d", pid);
	/* looked at again: the pid may have been reused before the pidfd held it */
	if (!is_domains(host, pid, uuid)) {
		close(fd);
		return err_set(err, ERR_ABSENT, 0, "the QEMU of '%s' just ended", name);
	}
	*out = (struct qemuproc){pid, fd};
	return 0;
}

int qemuproc_kill(
	const struct host *host, const struct qemuproc *p, const char *uuid, struct err *err)
{
	if (!qemuproc_alive(p))
		return err_set(err, ERR_ABSENT, 0, "QEMU is already dead");
	if (!is_domains(host, p->pid, uuid))
		return err_set(err, ERR_REFUSED, 0,
			"process %d has no `-uuid %s` on its command line: it is not killed",
			p->pid, uuid);
	if (syscall(SYS_pidfd_send_signal, p->fd, SIGKILL, NULL, 0) != 0)
		return err_set(err, ERR_IO, errno, "send SIGKILL to QEMU (pid %d)", p->pid);
	return 0;
}
