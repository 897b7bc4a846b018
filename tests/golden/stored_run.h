/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_STORED_RUN_H
#define VFIO_STRESS_TESTS_STORED_RUN_H

#include <stdbool.h>
#include <stdint.h>

#define STORED_RUN_ID "20261121-040000-7f3a"

/*
 * Makes the store `db` with one run of two lanes, by what a supervisor calls: every outcome of a step,
 * every severity, text that means ill. The same bytes each time, but for the machine's clock, which is
 * put right afterwards. A run that died stops in the middle of a reset, as when the host crashed.
 * Exits when it cannot.
 */
void stored_run_make(const char *db, uint32_t cycles, bool died);

#endif
