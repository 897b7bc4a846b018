/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_STORED_RUN_H
#define VFIO_STRESS_TESTS_STORED_RUN_H

#include <stdint.h>

#define STORED_RUN_ID "20261121-040000-7f3a"

enum stored_end {
	STORED_ENDED,
	STORED_DIED, /* in the middle of a reset; nobody has looked at it since */
	STORED_CRASHED, /* its host did, once, in cycle STORED_CRASH; then it went on and ended */
};

#define STORED_CRASH 12

/*
 * Makes the store `db` with one run of two lanes, by what a supervisor calls: every outcome of a step,
 * every severity, text that means ill in all that others write. The same bytes each time, but for the
 * machine's clock, which is put right afterwards. Exits when it cannot.
 */
void stored_run_make(const char *db, uint32_t cycles, enum stored_end end);

#endif
