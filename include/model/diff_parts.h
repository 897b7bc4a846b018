/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_DIFF_PARTS_H
#define VFIO_STRESS_MODEL_DIFF_PARTS_H

#include "model/diff.h"
#include "model/topology.h"

#define NO_PARTNER SIZE_MAX

enum pairing {
	PAIR_PLACE, /* where it was, and the same thing */
	PAIR_MOVED, /* in another slot; the other functions of that slot came along */
	PAIR_ALONG, /* one of those */
	PAIR_REPLACED, /* something else is where it was */
};

/* One comparison in the making. */
struct differ {
	const struct topology *a, *b;
	size_t *b_of, *a_of; /* index of the partner, NO_PARTNER = it has none */
	enum pairing *pairing; /* of those of `a` that have one */
	struct machine_diff *out;
};

/* Adds a change; subject NULL: the function at before or after. */
struct change *diff_add(struct differ *d, const char *id, enum change_effect effect,
	const char *subject, const char *fmt, ...) printf_like(5, 6);
/* The same about a function that both have, with what it was and is ("" = nothing). */
struct change *diff_add_pair(struct differ *d, size_t a, const char *id, enum change_effect effect,
	const char *was, const char *is, const char *fmt, ...) printf_like(7, 8);
void diff_break(struct differ *d, struct change *c, const char *fmt, ...) printf_like(3, 4);
void diff_blind(struct differ *d, const char *fmt, ...) printf_like(2, 3);

/* The bits of its ACS that isolate, and that are switched on. */
unsigned diff_acs(const struct pcifacts *f);
/* Is a function's group, before or after, several in the other machine? */
bool diff_is_regrouped(const struct differ *d, size_t a);

/* The parts, in this order. */
void diff_match(struct differ *d);
void diff_places(struct differ *d); /* removed, added, replaced, moved, renumbered */
void diff_functions(struct differ *d);
void diff_groups(struct differ *d);
void diff_host(struct differ *d);
void diff_domains(struct differ *d);

#endif
