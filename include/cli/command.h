/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMMAND_H
#define VFIO_STRESS_CLI_COMMAND_H

#include "world/host.h"

#include <stdbool.h>

struct str;

/* Exit codes; which command uses which: docs/contracts.md. */
enum exit_code {
	EXIT_GOOD = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3,
	EXIT_INCONCLUSIVE = 4,
	EXIT_UNWRITTEN = 5
};

/* One option of a command; the table drives parsing, --help and the manual. */
struct option_spec {
	char letter; /* 0 = long form only */
	const char *name; /* without the dashes */
	const char *arg; /* "FILE"; NULL = a flag */
	const char *help;
	bool hidden; /* test seams */
	bool repeatable;
};

/* Rows that several commands have. */
#define OPTION_DB                                                                                  \
	{                                                                                          \
		0, "db", "FILE",                                                                   \
			"the store of runs (root's default: /var/lib/vfio-stress/runs.db)", false, \
			false                                                                      \
	}
#define OPTION_SET                                                                                 \
	{                                                                                          \
		0, "set", "NAME=VALUE", "give one of the scenario's `vars` this value", false,     \
			true                                                                       \
	}

#define OPTIONS_MAX 32

/* What the user typed, by the command's option table. */
struct options {
	const struct option_spec *spec;
	struct {
		const struct option_spec *opt;
		const char *value; /* "" for a flag */
	} set[OPTIONS_MAX];
	size_t nset;
	const char **args; /* operands */
	size_t nargs;
};

/* The option's (last) value, or NULL when it was not given. */
const char *options_get(const struct options *o, const char *name);

/* One command: one file in stress/cli/, one row in its table. */
struct command {
	const char *name;
	const char *operands; /* "SCENARIO", "[RUN]" */
	const char *summary; /* one line */
	/*
	 * Of --help and the man page: paragraphs. A line that begins with two blanks is an example, the
	 * best one first; a line that begins with "Exit codes: " tells them.
	 */
	const char *text;
	void (*add_text)(struct str *out); /* optional: a line below that, from a table */
	const char *(*format)(size_t i); /* optional: the words of its --format, then NULL */
	const struct option_spec *options; /* ends with .name == NULL */
	size_t min_args, max_args;
	bool hidden;
	int (*run)(const struct host *host, const struct options *o); /* an exit code */
};

/* Accepted by every command; ends with .name == NULL. */
extern const struct option_spec common_options[];

extern const struct command *const commands[]; /* NULL-terminated, in the order of --help */
const struct command *command_find(const char *name); /* NULL: there is none of that name */

#endif
