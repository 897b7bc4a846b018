/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_CHECK_H
#define VFIO_STRESS_CLI_CHECK_H

#include <stdbool.h>

struct host;
struct scenario;

/*
 * Prints the plan of a scenario and what could not be checked or would be refused on this host.
 * Returns 0, or with `strict` 3 when there is anything of that.
 */
int check_scenario(const struct host *host, const struct scenario *sc, bool strict);

#endif
