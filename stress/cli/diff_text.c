/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/diff_text.h"

#include "base/str.h"
#include "base/vec.h"
#include "cli/diff_json.h"
#include "cli/paragraph.h"
#include "model/diff.h"
#include "model/topology.h"

#define TEXT 14 /* where text begins behind the word */

static const char *const tints[] = {
	[CHANGE_IMPROVEMENT] = "\x1b[32m",
	[CHANGE_NEUTRAL] = "",
	[CHANGE_REGRESSION] = "\x1b[1;31m",
};

static void write_machine(const char *label, const char *file, const struct topology *t, FILE *out)
{
	fprintf(out, "%-*s%s (%s)\n", TEXT, label, file,
		t->snapshot ? t->snapshot : "this machine, now");
}

/* The word stands alone so that its colour does not count as columns. */
static void write_change(const struct change *c, bool colour, size_t columns, FILE *out)
{
	const struct paragraph para = {0, TEXT, columns}, below = {TEXT, TEXT + 8, columns};
	struct str line = {0};
	auto_free char *text = NULL;
	FILE *lines;
	size_t size, i;

	str_addf(&line, "%s: %s", c->subject, c->text);
	lines = open_memstream(&text, &size);
	paragraph_write(lines, &para, "", line.s);
	fclose(lines);
	fprintf(out, "%s%-*s%s%s", colour ? tints[c->effect] : "", TEXT,
		change_effect_name(c->effect), colour ? "\x1b[0m" : "", text + TEXT);
	for (i = 0; i < c->nbreaks; i++)
		paragraph_write(out, &below, "breaks", c->breaks[i]);
	str_finish(&line);
}

static void write_sums(const struct machine_diff *d, FILE *out)
{
	const size_t *n = d->count;

	if (d->n == 0 && d->nblind == 0)
		fputs("nothing has changed\n", out);
	else
		fprintf(out, "%zu regression%s, %zu neutral, %zu improvement%s\n",
			n[CHANGE_REGRESSION], n[CHANGE_REGRESSION] == 1 ? "" : "s",
			n[CHANGE_NEUTRAL], n[CHANGE_IMPROVEMENT],
			n[CHANGE_IMPROVEMENT] == 1 ? "" : "s");
}

void diff_write_text(const struct diff_result *r, bool colour, size_t columns, FILE *out)
{
	const struct paragraph blind = {0, TEXT, columns};
	size_t i;

	write_machine("before", r->before_name, r->before, out);
	write_machine("after", r->after_name, r->after, out);
	putc('\n', out);
	vec_foreach (c, r->diff)
		write_change(c, colour, columns, out);
	for (i = 0; i < r->diff->nblind; i++)
		paragraph_write(out, &blind, "not compared", r->diff->blind[i]);
	if (r->diff->n + r->diff->nblind > 0)
		putc('\n', out);
	write_sums(r->diff, out);
}
