/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_MACHINE_H
#define VFIO_STRESS_TESTS_MACHINE_H

#include "model/topology.h"

/*
 * A recorded machine (tests/trees/NAME.tree), surveyed. Names of devices are left out but for one,
 * because they depend on the pci.ids of the machine that runs the test. Exits on failure.
 */
struct topology *machine_of(const char *name);
void machine_free(struct topology *t);

#endif
