/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/lock.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WHO_MAX      128
#define NAME_BACKLOG 16 /* of those who ask for it; nobody is ever let in */
#define WAIT_STEP_MS 20 /* a lock that is let go wakes nobody in time */

static const char *lock_path(const struct host *host, struct bdf bdf, char *buf)
{
	char text[BDF_LEN];

	return host_path(host, buf, HOST_RUN_PATH "/%s", bdf_text(bdf, text));
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

/* Who took it last: "PID\nWHO\n". `who` (may be NULL) gets what he said of himself. */
static pid_t owner_in(int fd, char *who, size_t size)
{
	char text[16 + WHO_MAX] = "", *line, *rest = text;
	int64_t pid;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	line = strsep(&rest, "\n");
	if (who != NULL && rest != NULL)
		str_printable(who, size, rest, strcspn(rest, "\n"));
	return str_to_i64(line, 10, 1, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

static int held_by(
	const struct host *host, const char *what, pid_t pid, const char *who, struct err *err)
{
	char path[64], name[64];
	struct err ignored;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (pid > 0 && host_read(host, path, name, sizeof(name), &ignored) == 0) {
		err_set(err, ERR_REFUSED, 0,
			"%s is held by another run or lane: process %d (%.32s)%s%s", what, (int)pid,
			name, who[0] ? ", " : "", who);
		return err_hint(err, "let that run end first, or leave it out of this one");
	}
	err_set(err, ERR_REFUSED, 0,
		"%s is quarantined: a call of an earlier run (process %d, gone) is still stuck in "
		"the kernel with it",
		what, (int)pid);
	return err_hint(err, "wait until the kernel gives up; when it never does, reboot the host");
}

static int held_by_other(const struct host *host, const char *what, int fd, struct err *err)
{
	char who[WHO_MAX] = "";
	pid_t pid = owner_in(fd, who, sizeof(who));

	return held_by(host, what, pid, who, err);
}

static int not_ours(const char *what, const char *path, struct err *err)
{
	err_set(err, ERR_IO, errno, "%s %s", what, path);
	return err->sys == EACCES ? err_hint(err, "run as root") : -1;
}

/* Nobody but the folder's owner may put a lock there, or make it a link to something else. */
static int open_in(const char *folder, const char *name, struct err *err)
{
	char path[HOST_PATH_MAX + NAME_MAX];
	int fd;

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return not_ours("mkdir", folder, err);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	return fd < 0 ? not_ours("open", path, err) : fd;
}

static int open_lock(const struct host *host, const char *name, struct err *err)
{
	char folder[HOST_PATH_MAX];

	return open_in(host_path(host, folder, HOST_RUN_PATH), name, err);
}

/* A session's domains are its user's own, and no device can be taken without root. */
static int open_users_lock(const struct host *host, const char *name, struct err *err)
{
	char folder[HOST_PATH_MAX];

	return open_in(host_users_run_path(host, folder), name, err);
}

/* Takes the open file `fd`, which stays the caller's. */
static int take(const struct host *host, int fd, const char *what, const char *who, struct err *err)
{
	struct flock lock = whole_file(F_WRLCK);

	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			return held_by_other(host, what, fd, err);
		return err_set(err, ERR_IO, errno, "lock %s", what);
	}
	/* for people and for held_by_other; the lock is what counts */
	if (ftruncate(fd, 0) != 0 ||
		dprintf(fd, "%d\n%s%s", (int)getpid(), who, *who ? "\n" : "") < 0)
		return err_set(err, ERR_IO, errno, "write the lock of %s", what);
	return 0;
}

int lock_take(const struct host *host, struct bdf bdf, int *fd_out, struct err *err)
{
	char text[BDF_LEN];
	auto_close int fd = open_lock(host, bdf_text(bdf, text), err);

	if (fd < 0 || take(host, fd, text, "", err) != 0)
		return -1;
	*fd_out = take_fd(&fd);
	return 0;
}

/* Adds text with what does not belong into a file's name as %XX. */
static void add_escaped(struct str *out, const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (isascii(c) && (isalnum(c) || strchr("._-", c) != NULL))
			str_addn(out, text + i, 1);
		else
			str_addf(out, "%%%02X", c);
	}
}

/*
 * "qemu%3A%2F%2F%2Fsystem-vm", also of qemu+unix:///system?socket=... Two names so long that they are cut
 * alike share a lock: no harm.
 */
static void domain_lock_name(const char *uri, const char *domain, char *buf, size_t size)
{
	size_t scheme = strcspn(uri, ":"), driver = strcspn(uri, "+:");
	struct str name = {0};

	add_escaped(&name, uri, driver);
	add_escaped(&name, uri + scheme, strcspn(uri + scheme, "?#"));
	str_add(&name, "-");
	add_escaped(&name, domain, strlen(domain));
	str_copy(buf, size, name.s);
	str_finish(&name);
}

/* FNV-1a: the same name for the same texts, in what little room an address has. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* "\0vfio-stress/1a2b...-qemu%3A%2F%2F%2Fsystem-vm"; a tree that is tested is a host of its own. */
static socklen_t address_of(const struct host *host, const char *name, struct sockaddr_un *out)
{
	uint64_t h = hash(hash(UINT64_C(0xcbf29ce484222325), host->root), name);
	int n;

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(out->sun_path + 1, sizeof(out->sun_path) - 1, "vfio-stress/%016jx-%.64s",
		(uintmax_t)h, name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* Who listens at an address; what is said of it is the kernel's word. */
static pid_t listener_at(const struct sockaddr_un *address, socklen_t len)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, len) != 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return 0;
	return peer.pid;
}

static int take_name(
	const struct host *host, const char *name, const char *what, int *fd_out, struct err *err)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t len = address_of(host, name, &address);

	if (fd < 0)
		return err_set(err, ERR_IO, errno, "lock %s", what);
	if (bind(fd, (const struct sockaddr *)&address, len) != 0)
		return errno == EADDRINUSE
			? held_by(host, what, listener_at(&address, len), "", err)
			: err_set(err, ERR_IO, errno, "lock %s", what);
	if (listen(fd, NAME_BACKLOG) != 0)
		return err_set(err, ERR_IO, errno, "lock %s", what);
	*fd_out = take_fd(&fd);
	return 0;
}

/* Of a session each user has a libvirt, and domains, of his own. */
static bool is_shared(const char *uri)
{
	return strstr(uri, ":///session") == NULL;
}

int lock_take_domain(const struct host *host, const char *uri, const char *domain, const char *who,
	struct domain_lock *out, struct err *err)
{
	char name[NAME_MAX + 1], what[WHO_MAX];
	auto_close int bound = -1;

	if (str_starts(uri, "test:")) {
		*out = (struct domain_lock)NO_DOMAIN_LOCK;
		return 0;
	}
	domain_lock_name(uri, domain, name, sizeof(name));
	snprintf(what, sizeof(what), "domain '%.64s'", domain);
	auto_close int fd = open_users_lock(host, name, err);

	if (fd < 0 || take(host, fd, what, who, err) != 0 ||
		(is_shared(uri) && take_name(host, name, what, &bound, err) != 0))
		return -1;
	*out = (struct domain_lock){.file = take_fd(&fd), .name = take_fd(&bound)};
	return 0;
}

void lock_drop_domain(struct domain_lock *lock)
{
	if (lock->file >= 0)
		close(lock->file);
	if (lock->name >= 0)
		close(lock->name);
	*lock = (struct domain_lock)NO_DOMAIN_LOCK;
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
	*pid_out = owner_in(fd, NULL, 0);
	return true;
}
