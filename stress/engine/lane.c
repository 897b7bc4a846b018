/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "device/driver.h"
#include "device/lock.h"
#include "device/oracle.h"
#include "model/step.h"
#include "model/undo.h"
#include "world/tail.h"
#include "world/vm.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RESTORE_NS (180 * NS_PER_S) /* for a VM that has to be stopped or started at the end */

/* How a list of steps came out. */
struct list_end {
	enum outcome outcome; /* PASS, or of the step that ended it; ABORTED when told to stop */
	char text[DETAIL_MAX];
};

static bool may_go_on(struct lane *lane)
{
	emitter_poll(&lane->out);
	return !lane->out.stop_asked && !lane->out.orphaned;
}

/* ---- one step ---- */

static int64_t bound_ms_of(const struct step *step, const struct step_ctx *ctx)
{
	return step->timeout_ms ? step->timeout_ms : step->type->bound_ms(ctx, step->args);
}

/* `expect-failure`: passes when it fails with that reason. Broken and skipped are no failures. */
static enum outcome apply_expectation(
	const struct step *step, enum outcome outcome, struct result *res)
{
	if (!step->expect_failure || (outcome != OUTCOME_PASS && outcome != OUTCOME_FAIL))
		return outcome;
	if (outcome == OUTCOME_PASS)
		return result_fail(res, "unexpected-success", "%s was expected to fail and did not",
			step->name);
	if (step->expect_reason != NULL && !str_eq(step->expect_reason, res->reason)) {
		char seen[REASON_MAX];

		str_set(seen, res->reason);
		return result_fail(res, "unexpected-reason",
			"expected to fail with '%s', but: %s: %s", step->expect_reason, seen,
			res->detail);
	}
	return OUTCOME_PASS;
}

static void emit_end(struct lane *lane, const struct step *step, const char *subject,
	enum outcome outcome, const struct result *res, int64_t began_ns)
{
	struct event ev = {.kind = EV_STEP_END, .outcome = (uint8_t)outcome};

	if (step->type->flags & STEP_DISRUPTIVE)
		ev.flags = EVENT_DISRUPTIVE;
	ev.dur_ns = began_ns ? clock_mono_ns() - began_ns : 0;
	str_set(ev.subject, subject);
	str_set(ev.reason, res->reason);
	str_set(ev.text, res->detail);
	str_set(ev.hint, res->advice);
	emit(&lane->out, &ev);
}

static void emit_skipped(
	struct lane *lane, const struct step *step, struct lane_device *dev, const char *why)
{
	char subject[BDF_LEN] = "";
	struct result res = {0};

	if (dev != NULL)
		bdf_text(dev->pci.bdf, subject);
	result_skip(&res, "earlier step failed", "%s", why);
	emit_end(lane, step, subject, OUTCOME_SKIPPED, &res, 0);
}

/* QEMU's own words ("stuck in D3", "Unrecoverable error detected") are in no kernel log. */
static void tell_qemu_lines(struct lane *lane)
{
	char line[TAIL_LINE_MAX];
	struct err err;

	while (lane->qemu_log != NULL && tail_line(lane->qemu_log, line, &err)) {
		struct event ev = {.kind = EV_QEMU_LINE};

		str_set(ev.text, line);
		emit(&lane->out, &ev);
	}
}

/* The intention is on disk before a disruptive step acts. */
static int emit_begin(struct lane *lane, const struct step *step, const char *subject,
	int64_t bound_ms, struct err *err)
{
	struct event ev = {.kind = EV_STEP_BEGIN, .dur_ns = bound_ms * NS_PER_MS};

	str_set(ev.subject, subject);
	str_set(ev.text, step->name);
	if (!(step->type->flags & STEP_DISRUPTIVE)) {
		emit(&lane->out, &ev);
		return 0;
	}
	ev.flags = EVENT_DISRUPTIVE;
	return emit_durable(&lane->out, &ev, NULL, err);
}

static enum outcome run_step(
	struct lane *lane, const struct step *step, struct lane_device *dev, struct result *res)
{
	char subject[BDF_LEN] = "";
	struct step_ctx ctx;
	struct err err = {0};
	enum outcome outcome;
	int64_t bound_ms, began_ns;

	lane_step_ctx(lane, step, dev, &ctx);
	if (dev != NULL)
		bdf_text(dev->pci.bdf, subject);
	bound_ms = bound_ms_of(step, &ctx);
	if (emit_begin(lane, step, subject, bound_ms, &err) != 0) {
		outcome = result_broken(res, "not-recorded", &err);
		emit_end(lane, step, subject, outcome, res, 0);
		return outcome;
	}
	began_ns = clock_mono_ns();
	ctx.deadline_ns = began_ns + bound_ms * NS_PER_MS;
	outcome = step->type->run(&ctx, step->args, res);
	lane->wedged |= outcome == OUTCOME_FAIL && str_eq(res->reason, "wedged");
	if (!lane->wedged) /* nobody can want that */
		outcome = apply_expectation(step, outcome, res);
	if (outcome == OUTCOME_PASS)
		*res = (struct result){0};
	tell_qemu_lines(lane);
	emit_end(lane, step, subject, outcome, res, began_ns);
	return outcome;
}

/* ---- a list of steps ---- */

static bool ends_list(enum outcome o)
{
	return o == OUTCOME_FAIL || o == OUTCOME_BROKEN;
}

static void note_end(
	struct list_end *end, const struct step *step, enum outcome o, const struct result *res)
{
	end->outcome = o;
	snprintf(end->text, sizeof(end->text), "%s: %s", step->name, res->detail);
}

/*
 * Told to stop in the middle: because of an incident over budget the cycle has failed, and its other
 * steps are recorded as skipped; because somebody asked, it is cut off.
 */
static void note_stop(const struct lane *lane, struct list_end *end)
{
	end->outcome = lane->out.stop_failed ? OUTCOME_FAIL : OUTCOME_ABORTED;
	str_set(end->text, "an incident went over its budget");
}

/* Runs it on the VM, or on each of its devices; skips the rest once something has failed. */
static void run_on_all(struct lane *lane, const struct step *step, struct list_end *end)
{
	size_t i, n = step->type->flags & STEP_ON_DEVICES ? lane->ndevs : 1;

	for (i = 0; i < n; i++) {
		struct lane_device *dev =
			step->type->flags & STEP_ON_DEVICES ? &lane->devs[i] : NULL;
		struct result res = {0};
		enum outcome o;

		if (dev != NULL && !lane_step_applies(step, dev))
			continue;
		if (ends_list(end->outcome)) {
			emit_skipped(lane, step, dev, "an earlier step of the cycle failed");
			continue;
		}
		o = run_step(lane, step, dev, &res);
		if (ends_list(o))
			note_end(end, step, o, &res);
		else if (o == OUTCOME_ABORTED)
			note_stop(lane, end);
	}
}

/* True when the list is over: told to stop, other than by a failure. */
static bool cut_short(struct lane *lane, struct list_end *end)
{
	if (end->outcome == OUTCOME_PASS && !may_go_on(lane))
		note_stop(lane, end);
	return end->outcome == OUTCOME_ABORTED;
}

/* `always`: an order to stop does not cut it short (`after`). */
static void run_list(
	struct lane *lane, const struct step_list *list, bool always, struct list_end *end)
{
	size_t i;

	*end = (struct list_end){.outcome = OUTCOME_PASS};
	for (i = 0; i < list->n; i++) {
		if (!always && cut_short(lane, end))
			break;
		lane->out.step = (int32_t)i;
		run_on_all(lane, &list->v[i], end);
	}
	lane->out.step = -1;
}

/* ---- cycles ---- */

/* Waits, but not longer than until the supervisor wants something. */
static void settle(struct lane *lane, int64_t ms)
{
	int64_t deadline = clock_mono_ns() + ms * NS_PER_MS;

	while (ms > 0 && may_go_on(lane) && clock_mono_ns() < deadline) {
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
	run_list(lane, &lane->spec->steps, false, end);
	ev = (struct event){.kind = EV_CYCLE_END, .outcome = (uint8_t)end->outcome};
	emit(&lane->out, &ev);
}

/* After a failed cycle: the state in which `before` left the domain. */
static int return_to_start(struct lane *lane, struct list_end *end)
{
	struct err err = {0};

	if (lane->vm == NULL ||
		vm_restore(lane->vm, (enum vm_state)lane->state_before_cycles,
			clock_mono_ns() + RESTORE_NS, &err) == VM_OK)
		return 0;
	snprintf(end->text, sizeof(end->text), "cannot return to the start state: %s", err.msg);
	return -1;
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
		if (ends_list(end->outcome) &&
			(lane->wedged || lane->scenario->on_failure == ON_FAILURE_STOP ||
				return_to_start(lane, end) != 0))
			return;
		if (end->outcome == OUTCOME_ABORTED)
			return;
		end->outcome = OUTCOME_PASS;
		if (wants_another(lane, cycle))
			settle(lane, lane->scenario->settle_ms);
		if (!may_go_on(lane)) {
			/* told to stop after its last cycle, it has lost nothing */
			end->outcome = wants_another(lane, cycle) ? OUTCOME_ABORTED : OUTCOME_PASS;
			return;
		}
	} while (wants_another(lane, cycle));
}

/* ---- taking the host over and giving it back ---- */

static int record_domain(struct lane *lane, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_DOMAIN};

	str_set(rec.subject, lane->spec->domain);
	str_set(rec.value, vm_state_name(vm_found(lane->vm)->state));
	if (undo_begin(&lane->out, &rec, &lane->undo_domain, err) != 0)
		return -1;
	lane->domain_changed = true;
	return 0;
}

/* Since it was found off, somebody may have started it. */
static int still_off(struct lane *lane, struct err *err)
{
	enum vm_state state;

	if (lane->spec->take_over || vm_found(lane->vm)->state != VM_STATE_OFF)
		return 0;
	if (vm_state(lane->vm, &state, err) != VM_OK)
		return -1;
	if (state == VM_STATE_OFF)
		return 0;
	return err_set(err, ERR_REFUSED, 0, "domain '%s' was started by somebody else",
		lane->spec->domain);
}

static int take_domain(struct lane *lane, struct err *err)
{
	if (lane->vm == NULL)
		return 0;
	if (still_off(lane, err) != 0 || record_domain(lane, err) != 0)
		return -1;
	return vm_restore(lane->vm, VM_STATE_OFF, clock_mono_ns() + RESTORE_NS, err) == VM_OK ? 0
											      : -1;
}

static int take_devices(struct lane *lane, struct err *err)
{
	struct err ignored;
	size_t i;

	for (i = 0; i < lane->ndevs; i++) {
		struct lane_device *dev = &lane->devs[i];

		if (lane->spec->driver == DRIVER_VFIO_PCI &&
			driver_take(lane->host, &lane->topology, dev, &lane->out, err) != 0)
			return -1;
		/* the first step that looks at a device that cannot be read says so */
		(void)!oracle_remember(lane->host, dev, &ignored);
	}
	return 0;
}

/* What cannot be given back stays in the undo records and is said. */
static void cannot_give_back(struct lane *lane, const char *what, const struct err *err)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	snprintf(ev.text, sizeof(ev.text), "%s could not be put back: %s", what, err->msg);
	str_set(ev.hint, "`vfio-stress undo` tries again");
	emit(&lane->out, &ev);
}

static void give_back(struct lane *lane)
{
	struct err err = {0};
	char bdf[BDF_LEN];
	bool domain_on;
	size_t i;

	/* a domain that was off is stopped before its devices leave; one that was on needs them back */
	domain_on = lane->domain_changed && vm_found(lane->vm)->state != VM_STATE_OFF;
	if (lane->domain_changed && !domain_on &&
		vm_restore(lane->vm, VM_STATE_OFF, clock_mono_ns() + RESTORE_NS, &err) != VM_OK)
		cannot_give_back(lane, lane->spec->domain, &err);
	else if (lane->domain_changed && !domain_on)
		undo_done(&lane->out, lane->undo_domain);
	for (i = lane->ndevs; i-- > 0;)
		if (driver_give_back(lane->host, &lane->devs[i], &lane->out, &err) != 0)
			cannot_give_back(lane, bdf_text(lane->devs[i].pci.bdf, bdf), &err);
	if (!domain_on)
		return;
	if (vm_restore(lane->vm, vm_found(lane->vm)->state, clock_mono_ns() + RESTORE_NS, &err) !=
		VM_OK)
		cannot_give_back(lane, lane->spec->domain, &err);
	else
		undo_done(&lane->out, lane->undo_domain);
}

/* ---- the whole life ---- */

static void note_start_state(struct lane *lane)
{
	enum vm_state state = VM_STATE_OFF;
	struct err err;

	if (lane->vm != NULL && vm_state(lane->vm, &state, &err) != VM_OK)
		state = VM_STATE_OFF;
	lane->state_before_cycles = (int)state;
}

static void run_phases(struct lane *lane, struct list_end *end)
{
	struct list_end after = {.outcome = OUTCOME_PASS};
	bool stop_failed;

	lane->out.phase = PHASE_BEFORE;
	run_list(lane, &lane->scenario->before, false, end);
	note_start_state(lane);
	if (end->outcome == OUTCOME_PASS)
		run_cycles(lane, end);
	lane->out.phase = PHASE_AFTER;
	lane->out.cycle = 0;
	/* it runs whole, whatever ended the cycles: its steps are not told of the stop */
	stop_failed = lane->out.stop_failed;
	lane->out.stop_asked = lane->out.stop_failed = false;
	if (!lane->out.orphaned && !lane->wedged)
		run_list(lane, &lane->scenario->after, true, &after);
	lane->out.stop_failed = stop_failed;
	if (end->outcome == OUTCOME_PASS && ends_list(after.outcome))
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
	if (!may_go_on(lane)) {
		end.outcome = OUTCOME_ABORTED;
		emit_lane_end(lane, &end);
		return;
	}
	if (take_domain(lane, &err) != 0 || take_devices(lane, &err) != 0)
		snprintf(end.text, sizeof(end.text), "the lane cannot be set up: %s", err.msg);
	else
		run_phases(lane, &end);
	/*
	 * Without a supervisor nothing new is begun, and what hangs in the kernel is left alone: the
	 * undo records say what is left.
	 */
	if (!lane->out.orphaned && !lane->wedged)
		give_back(lane);
	tell_qemu_lines(lane);
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
