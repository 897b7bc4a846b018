/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_DIFF_TEXT_H
#define VFIO_STRESS_CLI_DIFF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct diff_result;

void diff_write_text(const struct diff_result *r, bool colour, size_t columns, FILE *out);

#endif
