/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include "base/diags.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/command.h"
#include "cli/help.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_MAX 32

const struct option_spec common_options[] = {
	{'h', "help", NULL, "show this help", false, false},
	{'v', "verbose", NULL, "log more to stderr; twice for debugging", false, true},
	{0, "root", "DIR", "stands for / in /sys, /proc, /dev/vfio and /run", true, false},
	{0, "kmsg", "PATH", "read the kernel log from here", true, false},
	{0},
};

const char *options_get(const struct options *o, const char *name)
{
	size_t i;

	for (i = o->nset; i-- > 0;)
		if (str_eq(o->set[i].opt->name, name))
			return o->set[i].value;
	return NULL;
}

static void print_overview(FILE *out)
{
	const struct command *const *c;

	fprintf(out,
		"usage: vfio-stress COMMAND [options] ...\n\n"
		"Boots VMs, resets their passed-through PCIe devices, reads the kernel log,\n"
		"and does it again until nothing surprising happens any more.\n\n");
	for (c = commands; *c != NULL; c++)
		if (!(*c)->hidden)
			fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->summary);
	fprintf(out, "\nvfio-stress COMMAND --help explains one.\n");
}

/* getopt's tables out of ours: long options are numbered from 256. */
struct getopt_tables {
	struct option longs[2 * OPTIONS_MAX];
	const struct option_spec *specs[2 * OPTIONS_MAX];
	char shorts[4 * OPTIONS_MAX];
	size_t n;
};

static void add_specs(struct getopt_tables *t, const struct option_spec *specs)
{
	size_t len = strlen(t->shorts);

	for (; specs->name != NULL; specs++) {
		t->longs[t->n] = (struct option){specs->name,
			specs->arg ? required_argument : no_argument, NULL, 256 + (int)t->n};
		t->specs[t->n++] = specs;
		if (specs->letter) {
			t->shorts[len++] = specs->letter;
			if (specs->arg)
				t->shorts[len++] = ':';
		}
	}
	t->shorts[len] = '\0';
}

static const struct option_spec *spec_of(const struct getopt_tables *t, int c)
{
	size_t i;

	if (c >= 256)
		return t->specs[c - 256];
	for (i = 0; i < t->n; i++)
		if (t->specs[i]->letter == c)
			return t->specs[i];
	return NULL;
}

static int hint_help(const struct command *cmd)
{
	fprintf(stderr, "  hint: vfio-stress %s --help\n", cmd->name);
	return -1;
}

static int bad_option(const struct command *cmd, const struct getopt_tables *t, char **argv)
{
	const char *names[2 * OPTIONS_MAX + 1] = {0}, *word = argv[optind - 1], *near;
	const struct option_spec *known = optopt != 0 ? spec_of(t, optopt) : NULL;
	size_t i, n = 0;

	if (known != NULL) {
		fprintf(stderr, "vfio-stress %s: option '%s' %s %s\n", cmd->name, word,
			known->arg ? "needs" : "takes", known->arg ? known->arg : "no value");
		return hint_help(cmd);
	}
	for (i = 0; i < t->n; i++)
		if (!t->specs[i]->hidden)
			names[n++] = t->longs[i].name;
	near = str_starts(word, "--") ? nearest_word(word + 2, names) : NULL;
	fprintf(stderr, "vfio-stress %s: unknown option '%s'\n", cmd->name, word);
	if (near == NULL)
		return hint_help(cmd);
	fprintf(stderr, "  hint: did you mean '--%s'?\n", near);
	return -1;
}

static int parse_options(const struct command *cmd, int argc, char **argv, struct options *o)
{
	struct getopt_tables t = {.shorts = ":"};
	int c;

	add_specs(&t, cmd->options);
	add_specs(&t, common_options);
	optind = 1;
	opterr = 0;
	while ((c = getopt_long(argc, argv, t.shorts, t.longs, NULL)) != -1) {
		const struct option_spec *spec = c == '?' || c == ':' ? NULL : spec_of(&t, c);

		if (spec == NULL)
			return bad_option(cmd, &t, argv);
		if (o->nset == OPTIONS_MAX) {
			fprintf(stderr, "vfio-stress: more than %d options\n", OPTIONS_MAX);
			return -1;
		}
		if (!spec->repeatable && options_get(o, spec->name) != NULL) {
			fprintf(stderr, "vfio-stress: option '--%s' is given twice\n", spec->name);
			return -1;
		}
		o->set[o->nset].opt = spec;
		o->set[o->nset++].value = optarg ? optarg : "";
	}
	o->args = (const char **)argv + optind;
	o->nargs = (size_t)(argc - optind);
	return 0;
}

static int check_operands(const struct command *cmd, const struct options *o)
{
	if (o->nargs >= cmd->min_args && o->nargs <= cmd->max_args)
		return 0;
	if (o->nargs < cmd->min_args)
		fprintf(stderr, "vfio-stress %s: %s is missing\n", cmd->name, cmd->operands);
	else
		fprintf(stderr, "vfio-stress %s: unexpected '%s'\n", cmd->name,
			o->args[cmd->max_args]);
	return hint_help(cmd);
}

static const struct command *find_command(const char *name)
{
	const struct command *cmd = command_find(name);
	const char *names[COMMANDS_MAX] = {0}, *near;
	size_t i, n = 0;

	if (cmd != NULL)
		return cmd;
	for (i = 0; commands[i] != NULL; i++)
		if (!commands[i]->hidden && n + 1 < ARRAY_SIZE(names))
			names[n++] = commands[i]->name;
	fprintf(stderr, "vfio-stress: unknown command '%s'\n", name);
	near = nearest_word(name, names);
	if (near != NULL)
		fprintf(stderr, "  hint: did you mean '%s'?\n", near);
	else
		fprintf(stderr, "  hint: vfio-stress --help lists them\n");
	return NULL;
}

static void set_verbosity(const struct options *o)
{
	int level = LOG_WARN;
	size_t i;

	for (i = 0; i < o->nset; i++)
		level += str_eq(o->set[i].opt->name, "verbose");
	log_set_level(level > LOG_DEBUG ? LOG_DEBUG : (enum log_level)level);
}

static struct host host_of(const struct options *o)
{
	const char *root = options_get(o, "root"), *kmsg = options_get(o, "kmsg");

	/* scan's flag of this name gives no path */
	if (kmsg != NULL && *kmsg == '\0')
		kmsg = NULL;
	return (struct host){
		.root = root ? root : "",
		.kmsg = kmsg ? kmsg : "/dev/kmsg",
		.simulated = root != NULL || kmsg != NULL,
	};
}

/* What was cut short must not look whole. */
static int written(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "vfio-stress: write to standard output: %s\n", strerror(errno));
	return code == EXIT_GOOD ? EXIT_REFUSED : code;
}

static int help(const char *name)
{
	const struct command *cmd;

	if (name == NULL) {
		print_overview(stdout);
		return EXIT_GOOD;
	}
	cmd = find_command(name);
	if (cmd == NULL)
		return EXIT_USAGE;
	help_print(cmd, stdout);
	return EXIT_GOOD;
}

static int run(int argc, char **argv)
{
	const struct command *cmd;
	struct options o = {0};
	struct host host;

	if (argc < 2) {
		print_overview(stderr);
		return EXIT_USAGE;
	}
	if (str_eq(argv[1], "--help") || str_eq(argv[1], "-h") || str_eq(argv[1], "help"))
		return help(argv[2]);
	cmd = find_command(str_eq(argv[1], "--version") ? "version" : argv[1]);
	if (cmd == NULL)
		return EXIT_USAGE;
	if (parse_options(cmd, argc - 1, argv + 1, &o) != 0)
		return EXIT_USAGE;
	if (options_get(&o, "help") != NULL) {
		help_print(cmd, stdout);
		return EXIT_GOOD;
	}
	if (check_operands(cmd, &o) != 0)
		return EXIT_USAGE;
	set_verbosity(&o);
	host = host_of(&o);
	return cmd->run(&host, &o);
}

int cli_main(int argc, char **argv)
{
	secret_hide_environment();
	return written(run(argc, argv));
}
