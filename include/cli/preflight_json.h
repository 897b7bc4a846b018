/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_PREFLIGHT_JSON_H
#define VFIO_STRESS_CLI_PREFLIGHT_JSON_H

#include <stdio.h>

struct preflight;

/* vfio-stress/preflight/1 */
void preflight_write_json(const struct preflight *p, int exit_code, FILE *out);

#endif
