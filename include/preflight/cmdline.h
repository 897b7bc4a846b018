/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_CMDLINE_H
#define VFIO_STRESS_PREFLIGHT_CMDLINE_H

struct look;

/* The check kernel.command-line: what each word of it means for passing devices through. */
void check_command_line(struct look *l);

#endif
