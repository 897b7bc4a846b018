/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_DIFF_JSON_H
#define VFIO_STRESS_CLI_DIFF_JSON_H

#include <stdio.h>

struct change;
struct json_t;
struct machine_diff;
struct topology;

/* Two states of a machine and what changed. */
struct diff_result {
	const struct topology *before, *after;
	const char *before_name, *after_name; /* files */
	const struct machine_diff *diff;
	int exit_code;
};

/* One of its `changes`. */
struct json_t *diff_change_json(const struct change *c);
/* vfio-stress/diff/1 */
void diff_write_json(const struct diff_result *r, FILE *out);

#endif
