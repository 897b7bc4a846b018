/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_STORED_MACHINE_H
#define VFIO_STRESS_TESTS_STORED_MACHINE_H

#include <stddef.h>

/* The machine of the stored run, as a snapshot. Heap. */
char *stored_machine(size_t *len);

#endif
