/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LOOKOUT_H
#define VFIO_STRESS_ENGINE_LOOKOUT_H

#include "klog/sighting.h"
#include "world/pcidev.h"

struct host;
struct trace;

/*
 * Looks at what witnesses the errors of the lanes' devices besides the kernel log: the AER counters
 * of the devices and of all ports above them, and the kernel's tracepoints, which speak of all
 * devices. A look is short and never sleeps.
 */
struct lookout;

struct lookout *lookout_new(const struct host *host, const struct pcidev_list *topology);
void lookout_free(struct lookout *l);

/* Kernel tracepoints too; `trace` stays the caller's and must live on. */
void lookout_listen(struct lookout *l, struct trace *trace);
/* From now on this device of this lane is watched, with the ports above it. */
void lookout_add(struct lookout *l, uint32_t lane, struct bdf bdf);
/* The nearest root port above a function. */
bool lookout_port_of(const struct lookout *l, struct bdf bdf, struct bdf *out);
/*
 * Would the counters have shown every PCIe error since the run began? Not when one of the functions
 * has none, or was removed meanwhile, or the kernel does not handle the errors of their root port.
 */
bool lookout_is_complete(const struct lookout *l);
/* Root ports above the devices whose errors the kernel does not handle: "0000:00:01.0, ...". */
size_t lookout_unhandled(const struct lookout *l, char *buf, size_t size);
/* What this lane's counters and the tracepoints have seen since the last look; LOOKOUT_ALL: all. */
#define LOOKOUT_ALL UINT32_MAX
/* Heap, the caller's; NULL = nothing. Their place is left to the caller. */
struct sighting *lookout_look(struct lookout *l, uint32_t lane, size_t *n_out);

#endif
