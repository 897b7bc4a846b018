/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/event.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
		[EV_NONE] = "none",
		[EV_LANE_DEVICE] = "lane-device",
		[EV_LANE_REFUSED] = "lane-refused",
		[EV_LANE_FACT] = "lane-fact",
		[EV_LANE_NOTE] = "lane-note",
		[EV_LANE_PREPARED] = "lane-prepared",
		[EV_CYCLE_BEGIN] = "cycle-begin",
		[EV_STEP_BEGIN] = "step-begin",
		[EV_STEP_END] = "step-end",
		[EV_SUBSTEP] = "substep",
		[EV_DEVICE_STATE] = "device-state",
		[EV_CYCLE_END] = "cycle-end",
		[EV_UNDO] = "undo",
		[EV_UNDO_DONE] = "undo-done",
		[EV_QEMU_LINE] = "qemu-line",
		[EV_BOOT_PROOF] = "boot-proof",
		[EV_LANE_END] = "lane-end",
		[EV_STRETCH] = "stretch",
		[EV_LANE_REPLACED] = "lane-replaced",
		[EV_BLIND_SPOT] = "blind-spot",
		[EV_STATUS_BITS] = "status-bits",
		[EV_HOST_DIED] = "host-died",
		[EV_MORE_TIME] = "more-time",
	};

	return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

const char *device_use_name(enum device_use use)
{
	static const char *const names[USE_COUNT] = {
		[USE_UNKNOWN] = "",
		[USE_UNBOUND] = "unbound",
		[USE_VFIO] = "vfio",
		[USE_DRIVER] = "host-driver",
		[USE_VM] = "vm-running",
	};

	return (unsigned)use < USE_COUNT ? names[use] : "";
}

const char *phase_name(enum phase phase)
{
	static const char *const names[] = {"", "before", "cycle", "after"};

	return (unsigned)phase < sizeof(names) / sizeof(names[0]) ? names[phase] : "";
}

static void print_standalone(const struct event *ev)
{
	printf("%-13s %s cycle %" PRIu32 " step %" PRId32 " %s %s %s %s\n",
		event_kind_name(ev->kind), phase_name(ev->phase), ev->cycle, ev->step, ev->subject,
		ev->kind == EV_STEP_END ? outcome_name(ev->outcome) : "", ev->reason, ev->text);
	fflush(stdout);
}

void emit(struct emitter *out, struct event *ev)
{
	ev->lane = out->lane;
	ev->cycle = out->cycle;
	ev->step = out->step;
	ev->phase = out->phase;
	ev->mono_ns = clock_mono_ns();
	ev->wall_ns = clock_wall_ns();
	if (out->fd < 0) {
		print_standalone(ev);
		return;
	}
	if (out->orphaned)
		return;
	while (send(out->fd, ev, sizeof(*ev), MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		out->orphaned = true;
		return;
	}
}

void emit_substep(struct emitter *out, const char *subject, const char *what, int64_t dur_ns)
{
	struct event ev = {.kind = EV_SUBSTEP, .dur_ns = dur_ns};

	str_set(ev.subject, subject);
	str_set(ev.text, what);
	emit(out, &ev);
}

/* Takes one order; waits for it when `block`. False when none is there or the supervisor is gone. */
static bool next_order(struct emitter *out, struct order *order, bool block)
{
	ssize_t n;

	do {
		n = recv(out->fd, order, sizeof(*order), block ? 0 : MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == (ssize_t)sizeof(*order)) {
		out->denied |= order->kind == ORDER_DENY;
		if (order->kind == ORDER_STOP) {
			out->stop_asked = true;
			out->stop_failed |= order->value == STOP_FAILED;
		}
		return true;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		out->orphaned = true;
	return false;
}

bool emitter_wait(struct emitter *out, struct order *order)
{
	return !out->orphaned && next_order(out, order, true);
}

int emit_durable(struct emitter *out, struct event *ev, uint64_t *value_out, struct err *err)
{
	struct order order;

	ev->flags |= EVENT_ACK;
	ev->ask = ++out->asked;
	emit(out, ev);
	if (out->fd < 0)
		return 0;
	while (!out->denied && emitter_wait(out, &order)) {
		/* an answer to an older request says nothing of this one */
		if (order.kind != ORDER_ACK || order.ask != ev->ask)
			continue;
		if (value_out != NULL)
			*value_out = order.value;
		return 0;
	}
	if (out->denied)
		return err_set(
			err, ERR_LOST, 0, "the store cannot be written: nothing new is started");
	return err_set(err, ERR_LOST, 0, "the supervisor is gone: nothing new is started");
}

void emitter_poll(struct emitter *out)
{
	struct order order;

	while (out->fd >= 0 && !out->orphaned && next_order(out, &order, false))
		continue;
}
