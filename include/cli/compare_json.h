/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMPARE_JSON_H
#define VFIO_STRESS_CLI_COMPARE_JSON_H

#include <stdio.h>

struct compare_output;

/* vfio-stress/compare/1 */
void compare_write_json(const struct compare_output *o, FILE *out);

#endif
