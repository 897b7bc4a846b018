/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_CHECK_OFFLINE_H
#define VFIO_STRESS_CLI_CHECK_OFFLINE_H

#include <stdbool.h>

struct scenario;
struct topology;

/*
 * Prints the plan of a scenario for the machine of a snapshot: its devices, their resets and whom
 * these disturb, and what only the machine itself could tell. Returns 0, or with `strict` 3.
 */
int check_offline(const struct topology *t, const struct scenario *sc, bool strict);

#endif
