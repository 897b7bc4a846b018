/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMPARE_TEXT_H
#define VFIO_STRESS_CLI_COMPARE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct comparison;

/* Two runs, and how they are called on the way out. */
struct compare_output {
	struct comparison *c;
	const char *store_a, *store_b; /* paths */
	bool baseline; /* a is what was marked as b's */
	bool colour; /* of text */
	size_t columns;
};

/* Errors of `out` stay with it. */
void compare_write_text(const struct compare_output *o, FILE *out);

#endif
