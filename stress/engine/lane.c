/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "device/lock.h"
#include "engine/lane_parts.h"
#include "model/step.h"
#include "world/tail.h"
#include "world/vm.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* After a failed cycle. */
static bool returns_to_start(struct lane *lane, struct list_end *end)
{
	struct err err = {0};

	if (lane_return_to_start(lane, &err) == 0)
		return true;
	snprintf(end->text, sizeof(end->text), "cannot return to the start state: %s", err.msg);
	return false;
}

static bool wants_another(const struct lane *lane, uint32_t cycle)
{
	if (lane->scenario->cycles > 0 && cycle >= (uint64_t)lane->scenario->cycles)
		return false;
	return clock_mono_ns() < lane->until_ns;
}

static void run_cycles(struct lane *lane, struct list_end *end)
{
	uint32_t cycle = 0;

	do {
		run_cycle(lane, ++cycle, end);
		if (lane_list_failed(end) &&
			(lane->wedged || lane->scenario->on_failure == ON_FAILURE_STOP ||
				!returns_to_start(lane, end)))
			return;
		if (end->outcome == OUTCOME_ABORTED)
			return;
		end->outcome = OUTCOME_PASS;
		if (wants_another(lane, cycle))
			settle(lane, lane->scenario->settle_ms);
		if (!lane_may_go_on(lane)) {
			/* told to stop after its last cycle, it has lost nothing */
			end->outcome = wants_another(lane, cycle) ? OUTCOME_ABORTED : OUTCOME_PASS;
			return;
		}
	} while (wants_another(lane, cycle));
}

/* ---- the whole life ---- */

static void run_phases(struct lane *lane, struct list_end *end)
{
	struct list_end after = {.outcome = OUTCOME_PASS};
	bool stop_failed;

	lane->out.phase = PHASE_BEFORE;
	lane_run_list(lane, &lane->scenario->before, false, end);
	lane_note_start_state(lane);
	if (end->outcome == OUTCOME_PASS)
		run_cycles(lane, end);
	lane->out.phase = PHASE_AFTER;
	lane->out.cycle = 0;
	/* it runs whole, whatever ended the cycles: its steps are not told of the stop */
	stop_failed = lane->out.stop_failed;
	lane->out.stop_asked = lane->out.stop_failed = false;
	if (!lane->out.orphaned && !lane->wedged)
		lane_run_list(lane, &lane->scenario->after, true, &after);
	lane->out.stop_failed = stop_failed;
	if (end->outcome == OUTCOME_PASS && lane_list_failed(&after))
		*end = after;
	lane->out.phase = PHASE_NONE;
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
	struct err err = {0};

	if (lane->vm != NULL && *vm_log_path(lane->vm) != '\0' &&
		tail_open(vm_log_path(lane->vm), TAIL_END, &lane->qemu_log, &err) != 0)
		lane->qemu_log = NULL;
	lane->until_ns = lane->scenario->duration_ms
		? clock_mono_ns() + lane->scenario->duration_ms * NS_PER_MS
		: NEVER;
	if (!lane_may_go_on(lane)) {
		end.outcome = OUTCOME_ABORTED;
		emit_lane_end(lane, &end);
		return;
	}
	if (lane_take_host(lane, &err) != 0)
		snprintf(end.text, sizeof(end.text), "the lane cannot be set up: %s", err.msg);
	else
		run_phases(lane, &end);
	/*
	 * Without a supervisor nothing new is begun, and what hangs in the kernel is left alone: the
	 * undo records say what is left.
	 */
	if (!lane->out.orphaned && !lane->wedged)
		lane_give_back(lane);
	lane_tell_qemu_lines(lane);
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

static size_t take_locks(struct lane *lane)
{
	size_t i, n = 0;

	for (i = 0; i < lane->ndevs; i++) {
		struct err err = {0};
		char bdf[BDF_LEN];

		if (lock_take(lane->host, lane->devs[i].pci.bdf, &lane->devs[i].lock_fd, &err) == 0)
			continue;
		tell_refusal(lane, bdf_text(lane->devs[i].pci.bdf, bdf), &err);
		n++;
	}
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

int lane_main(const struct host *host, const struct scenario *sc, uint32_t index, int socket_fd)
{
	struct event prepared = {.kind = EV_LANE_PREPARED};
	struct lane lane = {
		.host = host,
		.scenario = sc,
		.spec = &sc->lanes[index],
		.out = {.fd = socket_fd, .lane = index, .step = -1},
	};

	/* orders come over the socket: a service manager's signal to all must not cut a step */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prepared.code = (uint32_t)lane_prepare(&lane, tell_refusal, &lane);
	if (prepared.code == 0)
		prepared.code += (uint32_t)take_locks(&lane);
	tell_devices(&lane);
	emit(&lane.out, &prepared);
	if (prepared.code == 0 && wait_for_go(&lane.out))
		lane_run(&lane);
	lane_finish(&lane);
	return 0;
}
