/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_STEPS_BESIDE_H
#define VFIO_STRESS_STEPS_BESIDE_H

#include "base/vec.h"
#include "device/oracle.h"
#include "device/scope.h"
#include "model/step.h"

/* The blast radius of an act: functions of no lane that it takes along, or that hang beside it. */
struct beside {
	struct step_ctx *ctx;
	VEC(struct bystander {
		struct bdf bdf;
		bool reached; /* the act reaches it: it must come back as it was */
		bool known; /* it could be looked at before */
		struct dev_state before;
	})
	list;
};

/* What ctx->dev takes along, the rest of its switch (or of its port), and the ports on the way. */
void beside_find(struct beside *out, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope);
void beside_finish(struct beside *b);
/* Looks at them before it. Whom a lane or another run has is left alone, and who is in D3cold. */
void beside_observe(struct beside *b);
/* Looks again. PASS, or FAIL neighbour-differs with all that changed. */
enum outcome beside_judge(struct beside *b, struct result *res);

#endif
