/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_SCENARIO_PARTS_H
#define VFIO_STRESS_MODEL_SCENARIO_PARTS_H

#include "model/field.h"
#include "model/vars.h"

#include <stddef.h>

struct allow;
struct lane_spec;
struct scenario;
struct step_list;
struct strings;
struct vocabulary;
struct word;
struct ynode;

/* A scenario while it is being read. The parts below are for stress/model/scenario*.c only. */
struct loader {
	struct scenario *sc;
	struct reading rd;
	const struct vocabulary *words;
};

/* The items of a list, or nothing (reported, unless it is absent or null). */
size_t list_items(struct loader *ld, const char *key, const struct ynode *node, size_t max,
	struct ynode *const **items_out);
/* Where a key's value stands, else the mapping itself. */
struct srcpos pos_of_key(const struct ynode *map, const char *key);
/* Is it a selector? Reported when not; a short address gets a warning. */
int check_selector(struct loader *ld, const char *selector, struct srcpos pos);

/* scenario_steps.c */
extern const struct shape steps_shape;
void read_steps(
	struct loader *ld, const char *key, const struct ynode *node, struct step_list *out);
/*
 * A value below its word: the scalar is the main argument, a mapping has the fields. Fills args (of
 * word->args_size) and, from the same mapping, `common` when it is not NULL.
 */
struct field_target;
int read_word_args(struct loader *ld, const char *what, const struct word *word,
	const struct ynode *at, const struct ynode *value, const struct field_target *common,
	void *args, const struct ynode **map_out);
void unknown_word(struct loader *ld, const char *kind, const char *name, struct srcpos pos,
	const char *const *known);

/* scenario_lanes.c */
extern const struct shape lanes_shape;
void read_lanes(struct loader *ld, const struct ynode *node);

/* scenario_policy.c */
/*
 * Keys that stand at the top or in `repeat`, which then wins: rows of the table of a struct with a
 * member host_crash. The defaults are the top's.
 */
#define HOST_CRASH_KEYS(type, then_dflt, most_dflt, cool_down_dflt)                                \
	{.name = "on-host-crash",                                                                  \
		.kind = FIELD_CHOICE,                                                              \
		.offset = offsetof(type, host_crash.then),                                         \
		.choices = host_crash_words,                                                       \
		.dflt = then_dflt,                                                                 \
		.help = "what `resume` does with the run when the host is back"},                  \
		{.name = "max-host-crashes",                                                       \
			.kind = FIELD_INT,                                                         \
			.offset = offsetof(type, host_crash.most),                                 \
			.min = 1,                                                                  \
			.max = 1000,                                                               \
			.dflt = most_dflt,                                                         \
			.help = "so many crashes end the run"},                                    \
	{                                                                                          \
		.name = "cool-down", .kind = FIELD_DURATION,                                       \
		.offset = offsetof(type, host_crash.cool_down_ms), .min = 0, .max = 86400000,      \
		.dflt = cool_down_dflt, .help = "how long a run that goes on waits after the boot" \
	}
extern const char *const host_crash_words[];
extern const struct shape repeat_shape, timeouts_shape, tolerate_shape, allow_shape, reports_shape;
void read_repeat(struct loader *ld, const struct ynode *node);
void read_timeouts(struct loader *ld, const struct ynode *node);
void read_tolerate(struct loader *ld, const struct ynode *node);
size_t read_allow(struct loader *ld, const struct ynode *node, struct allow **out);
void read_reports(struct loader *ld, const struct ynode *node);

/* scenario_checks.c: what only the whole can tell. */
void check_whole(struct loader *ld);

#endif
