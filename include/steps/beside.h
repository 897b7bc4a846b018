/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_BESIDE_H
#define VFIO_STRESS_STEPS_BESIDE_H

#include "base/str.h"
#include "base/vec.h"
#include "device/oracle.h"
#include "device/scope.h"
#include "model/step.h"

/* Of a lane, from one act to the next; zeroed = nothing is known. */
struct beside_memory {
	VEC(struct bdf) silent; /* did not answer when they were looked at last */
};

void beside_forget(struct beside_memory *memory);

/* The blast radius of an act: functions of no lane that it takes along, or that hang beside it. */
struct beside {
	struct step_ctx *ctx; /* NULL: nobody was looked for */
	VEC(struct bystander {
		struct bdf bdf;
		struct bdf of; /* the lane's device that it is beside */
		bool reached; /* the act reaches it: it must come back as it was */
		bool known; /* it could be looked at before */
		bool was_silent; /* in the run, when it was looked at last: it is not waited for long */
		struct dev_state before;
		struct str differences; /* to what it is now */
	})
	list;
	size_t left_out; /* more than are looked at */
	/* how long one may not answer, or not be as it was yet; 0 = longer than a reset that goes well */
	int64_t silent_ns, settle_ns;
	bool heals; /* the act does: it is not failed by this */
};

/*
 * Adds to a zeroed one whom an act on ctx->dev takes along, the rest of its switch (or of its port),
 * and the ports on the way. Of several devices one after the other; the last ctx stays with it.
 */
void beside_add(struct beside *b, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope);
void beside_finish(struct beside *b);
/*
 * Looks at them before it. Whom a lane or another run has is left alone, and who sleeps in D3cold; who
 * is left out for another reason is a blind spot. Waiting for who is silent is no time of the step: its
 * deadline moves, and the supervisor is asked for more.
 */
void beside_observe(struct beside *b);
/*
 * Looks again, for a while when somebody seems changed. What became of those that it reaches fails an
 * act that passes `so_far` (neighbour-differs); of the others only where the scenario's `bystanders`
 * says so. All else is a note. What was not done, or hangs in the kernel, is not followed by a look.
 * Whoever is silent may take it past the step's bound: the supervisor is asked for more time.
 */
enum outcome beside_judge(struct beside *b, enum outcome so_far, struct result *res);

#endif
