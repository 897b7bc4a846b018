/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_proc.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/least.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BRIEF_MAX (2u << 20)

/* ---- the brief: name NUL count NUL (name NUL value NUL)* text ---- */

static void brief_pack(const struct lane_brief *b, struct str *out)
{
	size_t i;

	str_addn(out, b->scenario->source.name, strlen(b->scenario->source.name) + 1);
	str_addf(out, "%zu", b->nsettings);
	str_addn(out, "", 1);
	for (i = 0; i < b->nsettings; i++) {
		str_addn(out, b->settings[i].name, strlen(b->settings[i].name) + 1);
		str_addn(out, b->settings[i].value, strlen(b->settings[i].value) + 1);
	}
	str_addn(out, b->scenario->source.text, b->scenario->source.len);
}

static int brief_open(const struct lane_brief *b, struct err *err)
{
	auto_close int fd = memfd_create("scenario", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct str text = {0};
	bool ok;

	brief_pack(b, &text);
	ok = fd >= 0 && write(fd, text.s, text.len) == (ssize_t)text.len &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) ==
			0;
	str_finish(&text);
	if (!ok)
		return err_set(err, ERR_IO, errno, "hand the scenario to a lane");
	return take_fd(&fd);
}

static const char *next_text(const char **at, const char *end)
{
	const char *s = *at, *nul = memchr(s, '\0', (size_t)(end - s));

	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return s;
}

static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = pread(fd, buf + len, size - len, (off_t)len)) != 0) {
		if (n < 0)
			return -1;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

struct scenario *lane_brief_read(int fd, const struct vocabulary *words, struct err *err)
{
	auto_free char *buf = xmalloc(BRIEF_MAX);
	auto_free struct setting *settings = NULL;
	ssize_t len = read_all(fd, buf, BRIEF_MAX);
	const char *at = buf, *end = buf + (len > 0 ? len : 0), *name, *count;
	struct diags diags = {0};
	struct scenario *sc;
	int64_t i, n = 0;

	name = next_text(&at, end);
	count = name ? next_text(&at, end) : NULL;
	if (count == NULL || !str_to_i64(count, 10, 0, BRIEF_MAX / 2, &n)) {
		err_set(err, ERR_INPUT, 0, "the lane got no scenario");
		return NULL;
	}
	settings = xcalloc((size_t)n, sizeof(*settings));
	for (i = 0; i < n; i++) {
		settings[i].name = next_text(&at, end);
		settings[i].value = settings[i].name ? next_text(&at, end) : NULL;
		if (settings[i].value == NULL) {
			err_set(err, ERR_INPUT, 0, "the lane got half a scenario");
			return NULL;
		}
	}
	sc = scenario_parse(name, at, (size_t)(end - at), settings, (size_t)n, words, &diags);
	if (sc == NULL)
		err_set(err, ERR_INPUT, 0, "the lane cannot read the scenario: %s",
			diags.n ? diags.list[0].msg : "?");
	return sc;
}

/* ---- the process ---- */

/* posix_spawn, because the supervisor has threads and a big address space must not be copied. */
static int spawn(char **argv, int socket_fd, int brief_fd, int keep_fd, pid_t *pid, struct err *err)
{
	const struct {
		int ours, theirs;
	} fds[] = {{socket_fd, LANE_SOCKET_FD}, {brief_fd, LANE_BRIEF_FD}, {keep_fd, LANE_KEEP_FD}};
	auto_free char **environment = least_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	size_t i;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	/* own session: the terminal's Ctrl-C is the supervisor's business alone */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	for (i = 0; rc == 0 && i < ARRAY_SIZE(fds); i++)
		rc = posix_spawn_file_actions_adddup2(&actions, fds[i].ours, fds[i].theirs);
	if (rc == 0)
		rc = posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? 0 : err_set(err, ERR_IO, rc, "start a lane");
}

/* Above the child's numbers, so that dup2 in the child cannot overwrite one by the other. */
static int move_up(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	close(fd);
	return high;
}

int lane_proc_start(const struct lane_brief *brief, uint32_t lane, int keep_fd,
	struct lane_proc *out, struct err *err)
{
	char index[16], *argv[12] = {"vfio-stress", "lane", "--index", index};
	struct lane_proc p = {.pidfd = -1, .fd = -1};
	int pair[2], argc = 4;

	snprintf(index, sizeof(index), "%u", lane);
	if (brief->host->simulated) {
		argv[argc++] = "--root";
		argv[argc++] = (char *)brief->host->root;
		argv[argc++] = "--kmsg";
		argv[argc++] = (char *)brief->host->kmsg;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_set(err, ERR_IO, errno, "socketpair");
	auto_close int theirs = move_up(pair[1]);
	auto_close int ours = pair[0];
	auto_close int brief_fd = brief_open(brief, err);

	if (brief_fd < 0)
		return -1;
	brief_fd = move_up(brief_fd);
	auto_close int high_keep_fd = move_up(fcntl(keep_fd, F_DUPFD_CLOEXEC, 0));

	if (fcntl(ours, F_SETFL, O_NONBLOCK) != 0 || theirs < 0 || brief_fd < 0 || high_keep_fd < 0)
		return err_set(err, ERR_IO, errno, "prepare a lane's socket");
	if (spawn(argv, theirs, brief_fd, high_keep_fd, &p.pid, err) != 0)
		return -1;
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	p.fd = take_fd(&ours);
	if (p.pidfd < 0) {
		err_set(err, ERR_IO, errno, "pidfd_open");
		err_hint(err, "Linux 5.3 or newer is needed");
		lane_proc_close(&p);
		return -1;
	}
	*out = p;
	return 0;
}

void lane_proc_close(struct lane_proc *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->fd = p->pidfd = -1;
}

void lane_proc_hang_up(struct lane_proc *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

static void send_order(const struct lane_proc *p, const struct order *order)
{
	if (p->fd >= 0)
		(void)!send(p->fd, order, sizeof(*order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void lane_proc_order(const struct lane_proc *p, enum order_kind kind, uint64_t value)
{
	send_order(p, &(struct order){.kind = kind, .value = value});
}

void lane_proc_answer(const struct lane_proc *p, uint32_t ask, uint64_t value)
{
	send_order(p, &(struct order){.kind = ORDER_ACK, .ask = ask, .value = value});
}

int lane_proc_receive(const struct lane_proc *p, struct event *ev)
{
	ssize_t n = recv(p->fd, ev, sizeof(*ev), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(*ev)) {
		/* whatever the lane did to itself: its texts end here */
		ev->subject[sizeof(ev->subject) - 1] = ev->reason[sizeof(ev->reason) - 1] = '\0';
		ev->text[sizeof(ev->text) - 1] = ev->hint[sizeof(ev->hint) - 1] = '\0';
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return -1;
}

bool lane_proc_wait(const struct lane_proc *p, int64_t deadline_ns, int *status_out)
{
	struct pollfd poll_fd = {.fd = p->pidfd, .events = POLLIN};
	siginfo_t info = {0};
	int n;

	do {
		n = poll(&poll_fd, 1, clock_poll_ms(deadline_ns));
	} while (n < 0 && errno == EINTR);
	if (n <= 0 || waitid(P_PID, (id_t)p->pid, &info, WEXITED) != 0)
		return false;
	*status_out = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return true;
}
