/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_SURVEY_H
#define VFIO_STRESS_DEVICE_SURVEY_H

#include "model/topology.h"

/*
 * Reads the whole machine once: wakes no device, changes nothing, and lives when a device or libvirt
 * hangs. `uri` is libvirt's, NULL = the default (world/vmlist.h). Fails only without a PCI tree;
 * what else cannot be read says so itself. The caller must have no thread of its own.
 */
int survey_take(
	const struct host *host, const char *uri, struct topology *out, struct err *err) must_check;

#endif
