/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_TEXT_H
#define VFIO_STRESS_CLI_SCAN_TEXT_H

#include <stdio.h>

struct scan_result;

/* For people: by device, the culprit first. Sorts. */
void scan_write_text(struct scan_result *r, FILE *out);

#endif
