/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_UNDO_H
#define VFIO_STRESS_MODEL_UNDO_H

#include "base/err.h"

#include <stdint.h>

struct emitter;
struct event;

enum undo_kind {
	UNDO_WRITE, /* write `value` to `path` */
	UNDO_DRIVER, /* bind `subject` (BDF) to driver `value` ("" = none), override = `path` */
	UNDO_DOMAIN, /* bring domain `subject` back to state `value` ("shut off", "running", "paused") */
	UNDO_TRACE, /* remove the kernel tracing instance `subject` */
};

/*
 * How to take back one change of the host: on disk before the change is made. A reboot undoes
 * everything that these kinds describe, so a record of another boot is void.
 */
struct undo_rec {
	uint64_t id; /* given by the store */
	enum undo_kind kind;
	char subject[64];
	char path[256];
	char value[256];
};

/* Lane: makes the record durable; only then may the change be made. */
int undo_begin(struct emitter *out, const struct undo_rec *rec, uint64_t *id_out,
	struct err *err) must_check;
/* Lane: the change has been taken back. */
void undo_done(struct emitter *out, uint64_t id);

void undo_to_event(const struct undo_rec *rec, struct event *ev);
void undo_from_event(const struct event *ev, struct undo_rec *rec);

#endif
