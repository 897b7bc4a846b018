/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_EVENT_H
#define VFIO_STRESS_MODEL_EVENT_H

#include "model/outcome.h"

#include <stdbool.h>
#include <stdint.h>

/* From a lane to the supervisor, in the order in which a lane lives. */
enum event_kind {
	EV_NONE,
	EV_LANE_DEVICE, /* subject = BDF, text = identity (lane_device_pack) */
	EV_LANE_REFUSED, /* prepare: subject = what, text = why, hint = what to do; may be several */
	EV_LANE_FACT, /* prepare: subject = "libvirt" or "qemu", text = its version; "qemu-log", its path */
	EV_LANE_NOTE, /* prepare and later: something a reader of the report should know; reason = NOTE_ONCE: again it is no news */
	EV_LANE_PREPARED, /* end of prepare: code = how many refusals */
	EV_CYCLE_BEGIN,
	EV_STEP_BEGIN, /* subject = BDF or "", dur_ns = its deadline from now */
	EV_STEP_END, /* outcome, reason, text, hint, dur_ns */
	EV_SUBSTEP, /* part of a step: subject, text, dur_ns ("vfio open", "boot 1 ready") */
	EV_DEVICE_STATE, /* oracle: subject = BDF, reason = "before"/"after"/"differs"/"note", text; code = enum device_use */
	EV_CYCLE_END, /* outcome = the worst of its steps */
	EV_UNDO, /* a change is about to be made: see undo.h */
	EV_UNDO_DONE, /* code = record id: it has been put back */
	EV_QEMU_LINE, /* the supervisor: text = a new line of the domain's QEMU log */
	EV_BOOT_PROOF, /* code = 1: a new boot was proved; 0: not provable (delay) */
	EV_LANE_END, /* outcome = why the lane ended, text */
	EV_STRETCH, /* outside of steps: code = enum stretch, text = what it does, dur_ns = its bound */
	EV_LANE_REPLACED, /* the supervisor: its process is gone, text = why; another one goes on */
	EV_BLIND_SPOT, /* text = a sentence: what the lane cannot see, and what to do */
	EV_STATUS_BITS, /* subject = BDF, reason = class, code = AER bits, text = Device Status, dur_ns = in that time */
	EV_HOST_DIED, /* `resume`: text = where and how; wall_ns is when it was found */
	EV_MORE_TIME, /* what it is at may go on for dur_ns from now, past its bound; stored if that is later than before */
};

/* What a lane does between two steps that may take long. */
enum stretch { STRETCH_SETUP, STRETCH_RETURN, STRETCH_GIVE_BACK, STRETCH_RECOVER };

/* Who has a device when a step begins. */
enum device_use {
	USE_UNKNOWN,
	USE_UNBOUND, /* it has no driver */
	USE_VFIO, /* on a VFIO driver, and no VM has it */
	USE_DRIVER, /* on a driver of the host */
	USE_VM, /* its lane's VM runs with it */
	USE_COUNT
};

enum phase { PHASE_NONE, PHASE_BEFORE, PHASE_CYCLE, PHASE_AFTER };

#define EVENT_ACK 1u /* the sender waits until this is on disk */
#define EVENT_DISRUPTIVE                                                                           \
	2u /* STEP_BEGIN, STEP_END: markers, boundaries and the quiesce tail apply */

#define NOTE_ONCE "once"

/* The one record: a packet on the lane's socket, a row in the store. */
struct event {
	uint32_t kind; /* enum event_kind */
	uint32_t lane;
	uint32_t cycle; /* 1-based; 0 in `before` and outside cycles */
	int32_t step; /* 0-based in its list, -1 = none */
	uint8_t phase; /* enum phase */
	uint8_t outcome; /* enum outcome */
	uint16_t flags; /* EVENT_* */
	uint32_t code;
	uint32_t ask; /* EVENT_ACK: which request of this sender, from 1; its answer repeats it */
	int64_t mono_ns, wall_ns;
	int64_t dur_ns;
	char subject[64];
	char reason[REASON_MAX];
	char text[DETAIL_MAX];
	char hint[ADVICE_MAX];
};

/* From the supervisor to a lane. */
enum order_kind {
	ORDER_GO, /* prepared lanes may begin */
	ORDER_ACK, /* the event of that `ask` is on disk; `value`: see emit_durable */
	ORDER_DENY, /* that event cannot be brought to disk: do not act on it */
	ORDER_STOP, /* finish the step, put things back, end; `value` = enum stop_cause */
};

enum stop_cause {
	STOP_ASKED, /* interrupted: the lane ends as aborted */
	STOP_FAILED, /* an incident over budget: the lane ends like after a failed step */
};

struct order {
	uint32_t kind;
	uint32_t ask;
	uint64_t value;
};

/* A lane's mouth. */
struct emitter {
	int fd; /* SOCK_SEQPACKET, or -1: stand-alone, prints events and needs no ack */
	uint32_t lane, cycle;
	int32_t step;
	uint8_t phase;
	uint32_t asked; /* requests so far */
	bool stop_asked; /* an ORDER_STOP was read */
	bool stop_failed; /* and its cause was STOP_FAILED */
	bool denied; /* the store refuses: nothing more comes to disk */
	bool orphaned; /* the supervisor is gone: start nothing new */
};

/* Stamps time, lane, cycle, phase and step, and sends. Never fails: an orphan is noted. */
void emit(struct emitter *out, struct event *ev);
/* A part of a step, of which the report tells nothing but how long it took. */
#define SUBSTEP_USABLE "usable" /* from what was done to the device until it answers again */
void emit_substep(struct emitter *out, const char *subject, const char *what, int64_t dur_ns);
/*
 * Sends and waits until it is on disk. value_out: of an undo record the id that it got, of a step's
 * BEGIN the nanoseconds that it may take longer, because another lane holds what it needs.
 * -1 (ERR_LOST) when the supervisor is gone, or the store refuses.
 */
int emit_durable(
	struct emitter *out, struct event *ev, uint64_t *value_out, struct err *err) must_check;
/* Waits for the next order; false when the supervisor is gone. */
bool emitter_wait(struct emitter *out, struct order *order);
/* Reads waiting orders without blocking; updates stop_asked and orphaned. */
void emitter_poll(struct emitter *out);

const char *event_kind_name(enum event_kind kind);
const char *device_use_name(enum device_use use); /* "vm-running"; "" = unknown */
const char *phase_name(enum phase phase); /* "before", "cycle", "after", "" */

#endif
