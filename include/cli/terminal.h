/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_TERMINAL_H
#define VFIO_STRESS_CLI_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

/* How wide a line may be: the terminal's width, at least 80; 80 where there is none. */
size_t terminal_columns(FILE *out);
/* How many lines it has, at least 24. */
size_t terminal_rows(FILE *out);

#endif
