/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_AER_H
#define VFIO_STRESS_WORLD_AER_H

#include "base/bdf.h"
#include "world/host.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel's AER counters of one function, since boot. Reading them touches no hardware and takes
 * no lock (drivers/pci/pcie/aer.c): the supervisor may do it at any time.
 */
struct aer_counters {
	bool known; /* false: the function has no AER capability, or firmware owns AER */
	uint64_t correctable, nonfatal, fatal; /* reported by this function */
	bool is_root_port;
	uint64_t root_correctable, root_nonfatal, root_fatal; /* messages received from below */
};

void aer_read(const struct host *host, struct bdf bdf, struct aer_counters *out);
/* "2 correctable, 1 fatal" more than before; "" when nothing was counted. Returns buf. */
const char *aer_since(const struct aer_counters *before, const struct aer_counters *after,
	char *buf, size_t size);

#endif
