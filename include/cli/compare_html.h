/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMPARE_HTML_H
#define VFIO_STRESS_CLI_COMPARE_HTML_H

#include <stdio.h>

struct compare_output;

/* One page; nothing foreign is markup. */
void compare_write_html(const struct compare_output *o, FILE *out);

#endif
