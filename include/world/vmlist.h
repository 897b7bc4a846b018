/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VMLIST_H
#define VFIO_STRESS_WORLD_VMLIST_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct host;

/* A domain that is defined on this machine, or runs. */
struct vmlist_domain {
	const char *name;
	const char *xml; /* its persistent definition; the running one when it has no other */
	bool state_known; /* false: read from libvirt's files, without libvirt */
	bool active, autostart;
};

struct vmlist {
	struct vmlist_domain *v; /* by name */
	size_t n;
	char libvirt[24], qemu[24]; /* versions; "" = unknown */
};

#define VMLIST_URI "qemu:///system"
#define VMLIST_MAX 4096 /* domains; more are left out */

/*
 * All domains, read-only. `uri` NULL: qemu:///system, or the files in /etc/libvirt when the machine
 * is a recorded tree. libvirt is asked by a child with a deadline, because it hangs while another
 * domain's device is stuck: the caller must have no thread of its own.
 */
int vmlist_read(const struct host *host, const char *uri, struct arena *arena, struct vmlist *out,
	struct err *err) must_check;

#endif
