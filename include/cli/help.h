/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_HELP_H
#define VFIO_STRESS_CLI_HELP_H

#include "base/str.h"

#include <stdio.h>

struct command;

/* The text of a command by what it is: --help and the manual have these parts in their own ways. */
struct help_text {
	struct str description; /* paragraphs, each a line */
	struct str words; /* a paragraph made of a table; may be empty */
	struct str exit_codes; /* one line; empty = the command's text does not tell them */
	struct str examples; /* one a line */
};

void help_text_init(struct help_text *h, const struct command *cmd);
void help_text_finish(struct help_text *h);

/*
 * --help, at most HELP_LINES of HELP_COLUMNS. What does not fit is left to the man page, and that is
 * said.
 */
#define HELP_LINES   24
#define HELP_COLUMNS 80
void help_print(const struct command *cmd, FILE *out);

#endif
