/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/deliver.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/post.h"
#include "engine/self.h"
#include "engine/way_out.h"
#include "model/scenario.h"
#include "model/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST_MS INT64_C(1000)
#define BACKOFF_MAX_MS   INT64_C(3600000)
#define TRY_MIN_MS       INT64_C(1000) /* even when the time is nearly up */
#define LIFE_NS          (3 * 24 * 3600 * NS_PER_S) /* then a message is given up, */
#define LIFE_TRIES       100 /* after so many tries: they take two days */
#define LOOK_MS          INT64_C(1000) /* how often for messages that are due, and at a store in trouble */
#define CHILD_GRACE_MS   2000 /* the child ends by itself; it is killed when it does not */

static_assert(BACKOFF_MAX_MS * NS_PER_MS < OUTBOX_AHEAD_NS, "what is put off would be due");

struct attempt {
	enum fate fate;
	int64_t after_ms; /* FATE_LATER: not before; 0 = no wish */
	char problem[256];
};

/* ---- one try ---- */

static void try_once(const struct outbox_item *item, int64_t timeout_ms, struct attempt *a)
{
	struct posting p;

	post_once(item, timeout_ms, &p);
	a->fate = p.fate;
	a->after_ms = p.answer.retry_after_ms > 0 ? p.answer.retry_after_ms : 0;
	if (p.answer.status == 0)
		snprintf(a->problem, sizeof(a->problem), "%s%s%s", p.why.msg,
			*p.why.hint ? "; " : "", p.why.hint);
	else if (p.fate != FATE_DELIVERED)
		snprintf(a->problem, sizeof(a->problem), "the receiver answered %d%s",
			p.answer.status,
			p.answer.status >= 300 && p.answer.status < 400
				? ", and redirects are not followed"
				: "");
}

/* ---- when to try again ---- */

static int64_t random_below(int64_t n)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = (uint64_t)clock_mono_ns();
	return (int64_t)(r % (uint64_t)n);
}

/* Exponential backoff with full jitter; a receiver's wish is heard, but not for more than an hour. */
static int64_t backoff_ms(unsigned tries, int64_t wish_ms)
{
	int64_t ceiling = tries < 12 ? BACKOFF_FIRST_MS << tries : BACKOFF_MAX_MS;
	int64_t delay;

	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	delay = 1 + random_below(ceiling);
	if (wish_ms > BACKOFF_MAX_MS)
		wish_ms = BACKOFF_MAX_MS;
	return delay > wish_ms ? delay : wish_ms;
}

/* ---- the outbox ---- */

/* Through the outbox once, or until a moment, or until the other end of `fd` is closed. */
struct round {
	struct store *store;
	const struct delivery *how;
	struct delivery_tally tally;
	int64_t until_ns; /* CLOCK_MONOTONIC; 0 = once, NEVER = by fd */
	int fd; /* -1 = none */
	int lock; /* -1: others have their turn while this one waits */
	bool hurry; /* what is not due yet goes, too */
	int64_t wall_ns, mono_ns; /* when all that is due was last looked for */
};

static void say(const struct round *r, const struct outbox_item *item, const struct attempt *a,
	int64_t delay_ms)
{
	char delay[32];

	if (r->how->say == NULL || (r->how->only_problems && a->fate == FATE_DELIVERED))
		return;
	fprintf(r->how->say, "webhook %s, run %s: ", item->url, item->run);
	if (a->fate == FATE_DELIVERED)
		fprintf(r->how->say, "delivered\n");
	else if (a->fate == FATE_HOPELESS)
		fprintf(r->how->say, "%s: given up\n", a->problem);
	else
		fprintf(r->how->say, "%s: next try in %s\n", a->problem,
			duration_text(delay_ms, delay, sizeof(delay)));
	fflush(r->how->say);
}

static int64_t left_ms(const struct round *r)
{
	return r->until_ns == NEVER ? INT64_MAX : (r->until_ns - clock_mono_ns()) / NS_PER_MS;
}

/* False: it is time to end. */
static bool wait_ms(const struct round *r, int64_t ms)
{
	struct pollfd p = {.fd = r->fd, .events = POLLIN};

	if (ms > left_ms(r))
		return false;
	return poll(&p, 1, (int)ms) <= 0;
}

static int64_t timeout_of(const struct round *r, const struct outbox_item *item)
{
	int64_t left = left_ms(r);

	if (r->until_ns == 0 || item->timeout_ms < left)
		return item->timeout_ms;
	return left > TRY_MIN_MS ? left : TRY_MIN_MS;
}

/* The tries are for a message that was made, or is looked at, when the clock was years off. */
static bool has_lived(const struct outbox_item *item)
{
	return llabs(clock_wall_ns() - item->created_ns) > LIFE_NS && item->tries >= LIFE_TRIES;
}

/* As far behind the last look as it is: a clock that is set back meanwhile makes nothing due again. */
static int64_t moment_after(const struct round *r, int64_t delay_ms)
{
	return r->wall_ns + clock_mono_ns() - r->mono_ns + delay_ms * NS_PER_MS;
}

static int send_item(struct round *r, const struct outbox_item *item, struct err *err)
{
	struct attempt a = {.fate = FATE_HOPELESS};
	int64_t delay_ms = 0, next = NEVER;

	try_once(item, timeout_of(r, item), &a);
	if (a.fate == FATE_LATER && has_lived(item))
		a.fate = FATE_HOPELESS;
	if (a.fate == FATE_LATER) {
		delay_ms = backoff_ms(item->tries, a.after_ms);
		next = moment_after(r, delay_ms);
	}
	say(r, item, &a, delay_ms);
	r->tally.delivered += a.fate == FATE_DELIVERED;
	r->tally.given_up += a.fate == FATE_HOPELESS;
	/* a try whose result is not written will be made again: until then nothing else is sent */
	while (store_outbox_result(
		       r->store, item, a.fate == FATE_DELIVERED, next, a.problem, err) != 0)
		if (!wait_ms(r, LOOK_MS))
			return -1;
	return 0;
}

/* What is put off meanwhile is not due before the end. */
static int send_due(struct round *r, struct err *err)
{
	int rc = 0;

	r->wall_ns = clock_wall_ns();
	r->mono_ns = clock_mono_ns();
	while (rc == 0 && (r->until_ns == 0 || left_ms(r) >= 0)) {
		struct outbox_item item;

		rc = store_outbox_next(r->store, r->wall_ns, &item, err);
		if (rc <= 0)
			return rc;
		rc = send_item(r, &item, err);
		outbox_item_finish(&item);
	}
	return rc;
}

/* Beside the store, because closing any descriptor of the store itself would drop SQLite's locks. */
static int take_lock(struct store *store, int *fd_out, struct err *err)
{
	auto_free char *path = xasprintf("%s-deliver", store_path(store));
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, ERR_IO, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		err_set(err, ERR_REFUSED, 0, "another process is delivering from %s",
			store_path(store));
		return err_hint(err, "wait for it, then look with `vfio-stress deliver`");
	}
	*fd_out = take_fd(&fd);
	return 0;
}

/* A run's own sender comes first: what its messages need of an environment is in the run's. */
static int take_turn(struct round *r, struct err *err)
{
	auto_close int lock = -1;

	if (r->lock >= 0)
		return send_due(r, err);
	if (store_outbox_pending(r->store) == 0)
		return 0;
	if (take_lock(r->store, &lock, err) != 0 ||
		(r->hurry && store_outbox_hurry(r->store, err) != 0))
		return -1;
	r->hurry = false;
	return send_due(r, err);
}

/* False when nothing becomes due before it is time to end. */
static bool wait_for_due(const struct round *r)
{
	int64_t ms = LOOK_MS, due;

	if (r->fd < 0) {
		due = store_outbox_due_ns(r->store);
		ms = due == NEVER ? INT64_MAX : (due - clock_wall_ns()) / NS_PER_MS + 1;
	}
	if (ms > left_ms(r))
		return false;
	return wait_ms(r, ms < LOOK_MS ? (ms > 0 ? ms : 0) : LOOK_MS);
}

/* A store that cannot be read or written now may be well again soon, and who sends now may end. */
static int go_through(struct round *r, struct err *err)
{
	int rc;

	do
		rc = take_turn(r, err);
	while (rc != 0 ? wait_ms(r, LOOK_MS) : wait_for_due(r));
	return rc;
}

int deliver(struct store *store, const struct delivery *how, struct delivery_tally *out,
	struct err *err)
{
	struct round r = {.store = store, .how = how, .fd = -1, .lock = -1, .hurry = true};

	if (how->for_ms > 0)
		r.until_ns = clock_mono_ns() + how->for_ms * NS_PER_MS;
	if (go_through(&r, err) != 0)
		return -1;
	r.tally.left = store_outbox_pending(store);
	*out = r.tally;
	return 0;
}

int deliver_follow(struct store *store, const struct delivery *how, int fd, struct err *err)
{
	struct round r = {.store = store, .how = how, .until_ns = NEVER, .fd = fd};
	auto_close int lock = -1;

	while (take_lock(store, &lock, err) != 0)
		if (!wait_ms(&r, LOOK_MS))
			return err->code == ERR_REFUSED ? 0 : -1;
	r.lock = lock;
	return go_through(&r, err);
}

/* ---- in a child ---- */

static int64_t soonest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* At gone_by_ns at the latest one that was killed is left behind: it sleeps in the kernel. */
static void wait_child(pid_t pid, int64_t deadline_ns, int cancel_fd, int64_t gone_by_ns)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = {
		{.fd = pidfd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	int n;

	do {
		n = poll(fds, 2, clock_poll_ms(deadline_ns));
	} while (n < 0 && errno == EINTR);
	if (fds[0].revents == 0) {
		kill(pid, SIGKILL);
		poll(fds, 1,
			clock_poll_ms(
				soonest(gone_by_ns, clock_mono_ns() + CHILD_GRACE_MS * NS_PER_MS)));
	}
	waitpid(pid, NULL, WNOHANG);
}

struct follower {
	pid_t pid;
	int fd; /* closed, it ends */
};

int follower_start(const char *db, struct follower **out, struct err *err)
{
	char *argv[] = {(char *)"vfio-stress", (char *)"deliver", (char *)"--db", (char *)db,
		(char *)"--follow", (char *)"--quiet", NULL};
	struct follower *f;
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, errno, "start `vfio-stress deliver`");
	/* standard output belongs to the report */
	rc = self_start(argv, ends[0], STDERR_FILENO, STDERR_FILENO, &pid, err);
	close(ends[0]);
	if (rc != 0) {
		close(ends[1]);
		return -1;
	}
	f = xcalloc(1, sizeof(*f));
	f->pid = pid;
	f->fd = ends[1];
	*out = f;
	return 0;
}

bool follower_lives(const struct follower *f)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == 0;
}

void follower_hang_up(struct follower *f)
{
	if (f != NULL && f->fd >= 0)
		close(take_fd(&f->fd));
}

void follower_stop(struct follower *f, const struct way_out *out)
{
	if (f == NULL)
		return;
	follower_hang_up(f);
	wait_child(f->pid, way_out_ask_until(out, CHILD_GRACE_MS * NS_PER_MS), -1, out->until_ns);
	free(f);
}

int deliver_in_child(struct store *store, int64_t wait_ms, int cancel_fd, bool quiet,
	int64_t *left_out, struct err *err)
{
	auto_free char *duration = xasprintf("%" PRId64 "ms", wait_ms);
	char *argv[] = {(char *)"vfio-stress", (char *)"deliver", (char *)"--db",
		(char *)store_path(store), (char *)"--for", duration,
		(char *)(quiet ? "--quiet" : "--problems"), NULL};
	pid_t pid;

	if (store_outbox_pending(store) > 0) {
		if (self_start(argv, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO, &pid, err) != 0)
			return -1;
		wait_child(pid, clock_mono_ns() + (wait_ms + CHILD_GRACE_MS) * NS_PER_MS, cancel_fd,
			NEVER);
	}
	*left_out = store_outbox_pending(store);
	return 0;
}
