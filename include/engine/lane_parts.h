/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LANE_PARTS_H
#define VFIO_STRESS_ENGINE_LANE_PARTS_H

#include "base/err.h"
#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

struct lane;
struct step_list;

/* The insides of a lane's process, shared by its files (lane.c and lane_*.c). */

/* How a list of steps came out. */
struct list_end {
	enum outcome outcome; /* PASS, or of the step that ended it; ABORTED when told to stop */
	char text[DETAIL_MAX];
};

/* lane_steps.c */
/* Runs a list, and skips what is behind a failure. `always`: an order to stop does not cut it short. */
void lane_run_list(
	struct lane *lane, const struct step_list *list, bool always, struct list_end *end);
bool lane_list_failed(const struct list_end *end);
bool lane_may_go_on(struct lane *lane);

/* lane_witness.c */
/* What the lane's devices and the ports right above them have in their status registers now. */
void lane_status_begin(struct lane *lane);
/* Tells what is new since the last look. */
void lane_status_look(struct lane *lane);

/* lane_recover.c */
/*
 * After a failed cycle: stops the domain, and heals the devices that are not as the run found them by
 * the first rung that does. False when the lane must end, with `why`.
 */
bool lane_recover(struct lane *lane, char *why, size_t size);

/* lane_host.c */
/* Says that one of these begins, and how long it may take. */
void lane_tell_stretch(struct lane *lane, enum stretch what);
/* Takes over what a process before this one had taken, and puts back what it left half done. */
void lane_inherit(struct lane *lane);
/* For that: what the devices looked like is kept where an heir finds it. */
void lane_keep_states(struct lane *lane);
/* Domain and devices for the run: off, and bound to vfio-pci; undo records first. */
int lane_take_host(struct lane *lane, struct err *err) must_check;
/* As they were found; what cannot be given back is told, and stays in the undo records. */
void lane_give_back(struct lane *lane);
/* The domain as it was when the cycles began. */
void lane_note_start_state(struct lane *lane);
int lane_return_to_start(struct lane *lane, struct err *err) must_check;

#endif
