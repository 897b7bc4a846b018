/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_USES_H
#define VFIO_STRESS_DEVICE_USES_H

#include "device/things.h"

/*
 * What the host does with a thing of a function. This explains; it proves nothing: what is found
 * here is in use, what is not found may be as well.
 */

/* Where a disk or one of its partitions is mounted: by number, or by its name as the source. */
bool thing_mount(const struct host *host, const struct thing *t, char *buf, size_t size);
bool thing_is_swap(const struct host *host, const struct thing *t);
/* What is stacked on a disk: "dm-0", "md127". */
bool thing_holder(const struct host *host, const struct thing *t, char *buf, size_t size);
/* False: the interface does not say whether it is up. */
bool thing_net_up(const struct host *host, const struct thing *t, bool *up);
/* What an interface belongs to: its name, or "a bridge or bond". */
bool thing_net_master(const struct host *host, const struct thing *t, char *buf, size_t size);
bool thing_is_console(const struct host *host, const struct thing *t);

#endif
