/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_DIFF_H
#define VFIO_STRESS_MODEL_DIFF_H

#include "base/bdf.h"
#include "base/mem.h"

#include <stdbool.h>

struct topology;

/* What a change is for somebody who passes devices through. */
enum change_effect { CHANGE_IMPROVEMENT, CHANGE_NEUTRAL, CHANGE_REGRESSION };

struct change {
	const char *id; /* what kind: "device.reset-methods". For ever */
	enum change_effect effect;
	const char *subject; /* "0000:41:00.0", "domain gpu-vm", "kernel" */
	bool has_before, has_after; /* it is about a function: where it was, and is */
	struct bdf before, after;
	const char *was, *is; /* NULL = nothing */
	const char *text; /* a sentence without its subject */
	const char **breaks; /* what no longer works because of it, sentences */
	size_t nbreaks, breaks_cap;
};

/*
 * Two states of a machine, by meaning: functions are matched by their place (the ports above them)
 * and their identity, so that new bus numbers are one change. Left out is what differs between two
 * boots of the same machine: numbers of IOMMU groups, addresses of BARs, link speeds (which drop at
 * idle), power states, loaded modules, free memory, users, the kernel's log.
 */
struct machine_diff {
	struct arena arena;
	struct change *v; /* the worst first */
	size_t n, cap;
	size_t count[CHANGE_REGRESSION + 1]; /* by effect */
	const char **blind; /* what could not be compared, sentences */
	size_t nblind, blind_cap;
};

/* `a` before, `b` after; both may go away before the result does. */
void machine_diff_make(
	const struct topology *a, const struct topology *b, struct machine_diff *out);
void machine_diff_finish(struct machine_diff *d);
const char *change_effect_name(enum change_effect effect); /* "regression" */

#endif
