/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_GOLDEN_H
#define VFIO_STRESS_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>

/* --update-golden: golden_check writes what it was given instead of comparing. */
void golden_options(int argc, char **argv);

/*
 * Compares bytes with tests/golden/PATH and fails the running test where they differ first; what
 * was there instead is left in golden-actual/ of the build, for diff.
 */
void golden_check(const char *path, const char *bytes, size_t len);

#endif
