/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_USE_MACHINE_H
#define VFIO_STRESS_TESTS_USE_MACHINE_H

struct topology;

/*
 * Says of a machine whatever can be said of one, writes it down, reads it back and compares: aborts
 * when it is not the same any more.
 */
void use_machine(const struct topology *t);

#endif
