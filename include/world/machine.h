/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_MACHINE_H
#define VFIO_STRESS_WORLD_MACHINE_H

#include "base/mem.h"
#include "world/host.h"

/* Firmware, kernel and processor of this machine; unknown is "". The texts are the arena's. */
struct machine_facts {
	const char *name, *kernel, *cmdline, *bios, *board, *cpu, *microcode;
	const char *id; /* /etc/machine-id: stays when the name does not */
};

void machine_facts_read(const struct host *host, struct arena *arena, struct machine_facts *out);

#endif
