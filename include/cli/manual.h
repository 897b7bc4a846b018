/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_MANUAL_H
#define VFIO_STRESS_CLI_MANUAL_H

#include <stdio.h>

/*
 * A part of the manual as scdoc source, from the tables that --help and the parser use: the page of
 * a command by its name, or the part of another page. 0, or -1 when there is none of that name.
 */
int manual_print(const char *name, FILE *out);

#endif
