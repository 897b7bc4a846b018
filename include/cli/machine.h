/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_MACHINE_H
#define VFIO_STRESS_CLI_MACHINE_H

#include "base/bdf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

struct host;
struct json_t;
struct options;
struct str;
struct topology;

/* One row of a command's option table: another machine than this one. */
#define TOPOLOGY_OPTION                                                                            \
	{                                                                                          \
		0, "topology", "SNAPSHOT", "of the machine in this snapshot, not of this one",     \
			false, false                                                               \
	}

/*
 * The machine that a command is about: this one, on demand with what its kernel has said, or the one
 * of --topology. Free with topology_finish.
 */
int machine_read(const struct host *host, const struct options *o, bool words, struct topology *out,
	struct err *err) must_check;
/* Of another machine: a line that says so; {host, taken}, null for this one. */
void machine_say_origin(const struct topology *t, FILE *out);
/* "10de:2684 AD102, vfio-pci, IOMMU group 14, below 0000:40:01.0, domain gpu-vm"; "" = not there. */
void machine_describe(const struct topology *t, struct bdf bdf, struct str *out);
struct json_t *machine_origin_json(const struct topology *t);

#endif
