/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_SNAPSHOT_MAP_H
#define VFIO_STRESS_MODEL_SNAPSHOT_MAP_H

#include "model/jmap.h"

/* What the two halves of snapshot.h share: the members of each struct, by its own table. */
extern const struct jmap snapshot_head[], snapshot_machine[], snapshot_file[], snapshot_device[],
	snapshot_facts[], snapshot_config[], snapshot_region[], snapshot_user[], snapshot_group[],
	snapshot_domain[], snapshot_word[], snapshot_tail[];

#define SNAPSHOT_SCHEMA "vfio-stress/snapshot/1"
#define SNAPSHOT_ROW    16 /* bytes of config space in a line, as lspci has them */

/* A range of a function, and which. */
struct snapshot_region_row {
	uint64_t index;
	uint64_t start, end, flags;
};

#endif
