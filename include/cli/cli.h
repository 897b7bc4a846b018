/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_CLI_H
#define VFIO_STRESS_CLI_CLI_H

/* The whole program but for main(): finds the command, parses its options, runs it. */
int cli_main(int argc, char **argv);

#endif
