/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_PREFLIGHT_TEXT_H
#define VFIO_STRESS_CLI_PREFLIGHT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct preflight;

struct preflight_style {
	bool all; /* also what is in order */
	bool colour;
	size_t columns, rows; /* without `all` it is no longer than that */
};

void preflight_write_text(
	const struct preflight *p, const struct preflight_style *style, FILE *out);

#endif
