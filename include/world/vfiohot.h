/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VFIOHOT_H
#define VFIO_STRESS_WORLD_VFIOHOT_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stddef.h>
#include <stdint.h>

struct child_result;

#define VFIOHOT_MAX 64 /* functions that one reset reaches; with more it is refused */

/* VFIO's hot reset of all that is below one bridge, in this order. */
enum vfiohot_stage {
	VFIOHOT_ATTACH, /* the groups or devices get an IOMMU context */
	VFIOHOT_OPEN, /* the kernel resets the device already here (vfio_pci_core_enable) */
	VFIOHOT_SCOPE, /* the kernel says whom it would reset */
	VFIOHOT_RESET,
	VFIOHOT_CLOSE, /* and once more here (vfio_pci_core_disable) */
	VFIOHOT_STAGES,
};

struct vfiohot_request {
	char device[BDF_LEN]; /* through which it is asked for */
	struct bdf allowed[VFIOHOT_MAX]; /* who may be reset; reaches it further, nothing is done */
	size_t nallowed;
	const int *groups; /* open descriptors of all their groups, or, without any: */
	size_t ngroups;
	char nodes[VFIOHOT_MAX]
		  [64]; /* all their own nodes, of `device` first (iommufd, Linux 6.6) */
	size_t nnodes;
};

struct vfiohot_result {
	enum vfiohot_stage stage; /* where it failed or is stuck; VFIOHOT_STAGES: all is done */
	int sys; /* errno of that */
	int64_t took_ns[VFIOHOT_STAGES]; /* -1 = not begun, or not ended */
	struct bdf stranger; /* VFIOHOT_SCOPE with EXDEV: who is not in `allowed` */
};

/*
 * In a disposable child. -1 when it did not come to its end: ERR_TIMEOUT by the deadline, ERR_IO with
 * the stage and its errno in *out. That and what became of the child are filled also on failure.
 */
int vfiohot_reset(const struct host *host, const struct vfiohot_request *request,
	int64_t deadline_ns, struct vfiohot_result *out, struct child_result *child,
	struct err *err) must_check;
const char *vfiohot_stage_name(enum vfiohot_stage stage); /* "vfio open" */

#endif
