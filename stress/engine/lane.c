/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "device/lock.h"
#include "engine/lane_keep.h"
#include "engine/lane_parts.h"
#include "engine/orphan.h"
#include "model/step.h"
#include "world/vm.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEIR_LOCK_NS (90 * NS_PER_S) /* a reset of a dead device takes 70 s */
#define LOCK_POLL_MS 100 /* nothing announces that a lock is free */

/* ---- cycles ---- */

/* Waits, but not longer than until the supervisor wants something. */
static void settle(struct lane *lane, int64_t ms)
{
	int64_t deadline = clock_mono_ns() + ms * NS_PER_MS;

	while (ms > 0 && lane_may_go_on(lane) && clock_mono_ns() < deadline) {
		struct pollfd p = {.fd = lane->out.fd, .events = POLLIN};

		(void)!poll(&p, 1, clock_poll_ms(deadline));
	}
}

static void run_cycle(struct lane *lane, uint32_t cycle, struct list_end *end)
{
	struct event ev = {.kind = EV_CYCLE_BEGIN};

	lane->out.phase = PHASE_CYCLE;
	lane->out.cycle = cycle;
	emit(&lane->out, &ev);
	lane_run_list(lane, &lane->spec->steps, false, end);
	ev = (struct event){.kind = EV_CYCLE_END, .outcome = (uint8_t)end->outcome};
	emit(&lane->out, &ev);
}

static bool returns_to_start(struct lane *lane, struct list_end *end)
{
	struct err err = {0};

	lane_tell_stretch(lane, STRETCH_RETURN);
	if (lane_return_to_start(lane, &err) == 0)
		return true;
	snprintf(end->text, sizeof(end->text), "cannot return to the start state: %s", err.msg);
	return false;
}

/* With `on-failure: recover` a device that the cycle left broken is healed first. */
static bool recovers(struct lane *lane, struct list_end *end)
{
	return lane->scenario->on_failure != ON_FAILURE_RECOVER ||
		lane_recover(lane, end->text, sizeof(end->text));
}

static bool wants_another(const struct lane *lane)
{
	if (lane->scenario->cycles > 0 && lane->out.cycle >= (uint64_t)lane->scenario->cycles)
		return false;
	return clock_mono_ns() < lane->keep->until_ns;
}

/* After a cycle: from here to the next one, if there is to be one. */
static bool goes_on(struct lane *lane, struct list_end *end)
{
	if (lane_list_failed(end) &&
		(lane->wedged || lane->scenario->on_failure == ON_FAILURE_STOP ||
			!recovers(lane, end) || !returns_to_start(lane, end)))
		return false;
	if (end->outcome == OUTCOME_ABORTED)
		return false;
	end->outcome = OUTCOME_PASS;
	if (wants_another(lane))
		settle(lane, lane->scenario->settle_ms);
	if (lane_may_go_on(lane))
		return wants_another(lane);
	/* told to stop after its last cycle, it has lost nothing */
	end->outcome = wants_another(lane) ? OUTCOME_ABORTED : OUTCOME_PASS;
	return false;
}

static void run_cycles(struct lane *lane, struct list_end *end)
{
	do {
		run_cycle(lane, lane->out.cycle + 1, end);
	} while (goes_on(lane, end));
}

/* ---- the whole life ---- */

/* It runs whole, whatever ended the cycles: its steps are not told of the stop. */
static void run_after(struct lane *lane, struct list_end *end)
{
	struct list_end after = {.outcome = OUTCOME_PASS};
	bool stop_failed = lane->out.stop_failed;

	lane->out.phase = PHASE_AFTER;
	lane->out.cycle = 0;
	lane->out.stop_asked = lane->out.stop_failed = false;
	if (!lane->out.orphaned && !lane->wedged)
		lane_run_list(lane, &lane->scenario->after, true, &after);
	lane->out.stop_failed = stop_failed;
	if (end->outcome == OUTCOME_PASS && lane_list_failed(&after))
		*end = after;
	lane->out.phase = PHASE_NONE;
}

static void run_from_start(struct lane *lane, struct list_end *end)
{
	struct err err = {0};

	if (!lane_may_go_on(lane)) {
		end->outcome = OUTCOME_ABORTED;
		return;
	}
	if (lane_take_host(lane, &err) != 0) {
		snprintf(end->text, sizeof(end->text), "the lane cannot be set up: %s", err.msg);
		return;
	}
	lane_status_begin(lane);
	lane->out.phase = PHASE_BEFORE;
	lane_run_list(lane, &lane->scenario->before, false, end);
	lane_note_start_state(lane);
	lane->out.cycle = lane->keep->cycle; /* those of before a crash of the host */
	if (end->outcome == OUTCOME_PASS)
		run_cycles(lane, end);
	run_after(lane, end);
}

/* The process before this one is gone; it had begun a cycle, or come to its end. */
static void run_from_there(struct lane *lane, struct list_end *end)
{
	const struct lane_keep *keep = lane->keep;

	end->outcome = keep->outcome;
	str_set(end->text, keep->text);
	lane->out.cycle = keep->cycle;
	lane_inherit(lane);
	if (keep->task == HEIR_CYCLES && goes_on(lane, end))
		run_cycles(lane, end);
	if (keep->task != HEIR_GIVE_BACK)
		run_after(lane, end);
}

/* Stopped because an incident of its own went over budget: that is a failure, not an abort. */
static void emit_lane_end(struct lane *lane, const struct list_end *end)
{
	struct event ev = {.kind = EV_LANE_END, .outcome = (uint8_t)end->outcome};

	if (end->outcome == OUTCOME_ABORTED && lane->out.stop_failed) {
		ev.outcome = OUTCOME_FAIL;
		str_set(ev.text, "stopped after an incident over budget");
	} else if (end->outcome == OUTCOME_ABORTED) {
		str_set(ev.text, "stopped before its cycles were done");
	} else if (end->outcome != OUTCOME_PASS) {
		str_set(ev.text, end->text);
	}
	emit(&lane->out, &ev);
}

static void lane_run(struct lane *lane)
{
	struct list_end end = {.outcome = OUTCOME_BROKEN};

	if (lane->keep->task == HEIR_NONE)
		run_from_start(lane, &end);
	else
		run_from_there(lane, &end);
	/*
	 * Without a supervisor nothing new is begun, and what hangs in the kernel is left alone: the
	 * undo records say what is left.
	 */
	if (!lane->out.orphaned && !lane->wedged)
		lane_give_back(lane);
	emit_lane_end(lane, &end);
}

static void tell_refusal(void *arg, const char *subject, const struct err *err)
{
	struct event ev = {.kind = EV_LANE_REFUSED};
	struct lane *lane = arg;

	str_set(ev.subject, subject);
	str_set(ev.text, err->msg);
	str_set(ev.hint, err->hint);
	emit(&lane->out, &ev);
}

/* The device's, or with dev NULL the domain's. */
static int try_lock(struct lane *lane, struct lane_device *dev, struct err *err)
{
	char who[NAME_LEN_MAX + 16];

	if (dev != NULL)
		return lock_take(lane->host, dev->pci.bdf, &dev->lock_fd, err);
	snprintf(who, sizeof(who), "scenario '%s'", lane->scenario->name);
	return lock_take_domain(lane->host, lane->scenario->connect, lane->spec->domain, who,
		&lane->domain_lock, err);
}

/* A child of the process before this one may still be on its way out of the kernel. */
static size_t take_lock(struct lane *lane, struct lane_device *dev, const char *subject)
{
	int64_t until = lane->keep->task != HEIR_NONE ? clock_mono_ns() + HEIR_LOCK_NS : 0;
	struct err err = {0};

	while (try_lock(lane, dev, &err) != 0) {
		if (err.code != ERR_REFUSED || clock_mono_ns() >= until) {
			tell_refusal(lane, subject, &err);
			return 1;
		}
		poll(NULL, 0, LOCK_POLL_MS);
	}
	return 0;
}

static size_t lock_devices(struct lane *lane)
{
	char bdf[BDF_LEN];
	size_t i, n = 0;

	for (i = 0; i < lane->ndevs; i++)
		n += take_lock(lane, &lane->devs[i], bdf_text(lane->devs[i].pci.bdf, bdf));
	return n;
}

static void tell_devices(struct lane *lane)
{
	size_t i;

	for (i = 0; i < lane->ndevs; i++) {
		struct event ev = {.kind = EV_LANE_DEVICE};

		lane_device_pack(&lane->devs[i].pci, &ev);
		emit(&lane->out, &ev);
	}
}

/* Waits for GO; false when there is none to come. */
static bool wait_for_go(struct emitter *out)
{
	struct order order;

	if (out->fd < 0)
		return true;
	while (emitter_wait(out, &order))
		if (order.kind == ORDER_GO)
			return true;
	return false;
}

static size_t prepare(struct lane *lane)
{
	size_t n;

	/* first: a domain that another run has is in no state to be judged */
	if (lane->spec->domain != NULL && take_lock(lane, NULL, lane->spec->domain) != 0)
		return 1;
	/* what its steps need was judged before the run, and is not as it was then */
	if (lane->keep->task != HEIR_NONE)
		n = lane_find(lane, tell_refusal, lane);
	else
		n = lane_prepare(lane, tell_refusal, lane);
	if (n == 0)
		n = lock_devices(lane);
	return n;
}

static void live(struct lane *lane)
{
	struct event prepared = {.kind = EV_LANE_PREPARED};

	prepared.code = (uint32_t)prepare(lane);
	tell_devices(lane);
	emit(&lane->out, &prepared);
	if (prepared.code > 0 || !wait_for_go(&lane->out))
		return;
	if (lane->keep->task == HEIR_NONE)
		lane->keep->until_ns = lane->scenario->duration_ms ? clock_mono_ns() +
				lane->scenario->duration_ms * NS_PER_MS - lane->keep->spent_ns
								   : NEVER;
	lane_run(lane);
}

int lane_main(const struct host *host, const struct scenario *sc, uint32_t index, int socket_fd,
	struct lane_keep *keep)
{
	struct lane lane = {
		.host = host,
		.scenario = sc,
		.spec = &sc->lanes[index],
		.out = {.fd = socket_fd, .lane = index, .step = -1},
		.keep = keep,
		.domain_lock = NO_DOMAIN_LOCK,
	};

	/* orders come over the socket: a service manager's signal to all must not cut a step */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	orphan_watch(socket_fd);
	live(&lane);
	lane_finish(&lane);
	return 0;
}
