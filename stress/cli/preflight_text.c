/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preflight_text.h"

#include "base/str.h"
#include "base/vec.h"
#include "cli/paragraph.h"
#include "cli/reach.h"
#include "model/topology.h"
#include "preflight/preflight.h"

#include <string.h>

#define LEFT       2
#define TEXT       11 /* where text begins behind its label */
#define NAMES_MAX  8 /* of devices with the same answer */
#define CLEAR_TINT "\x1b[0m"

static const char *const tints[] = {
	[CHECK_OK] = "\x1b[32m",
	[CHECK_WARN] = "\x1b[33m",
	[CHECK_UNKNOWN] = "\x1b[36m",
	[CHECK_FAIL] = "\x1b[1;31m",
};

struct writer {
	const struct preflight *p;
	const struct preflight_style *style;
	FILE *out;
	bool *done; /* by finding: it was told with an earlier one */
};

static void state_word(const struct writer *w, enum check_state state)
{
	fprintf(w->out, "%*s%s%-*s%s", LEFT, "", w->style->colour ? tints[state] : "", TEXT - LEFT,
		check_state_name(state), w->style->colour ? CLEAR_TINT : "");
}

static const char *subject_of(const struct finding *f, char *bdf)
{
	if (f->dev != NULL)
		return bdf_text(f->dev->bdf, bdf);
	return f->dom != NULL ? f->dom->name : "";
}

static bool is_same(const struct finding *a, const struct finding *b)
{
	return a->check == b->check && a->state == b->state && str_eq(a->item, b->item) &&
		str_eq(a->seen, b->seen) && str_eq(a->meaning, b->meaning) &&
		str_eq(a->advice, b->advice);
}

/* Everybody with this answer, who then is done: "0000:41:00.0, 0000:42:00.0". */
static void subjects(const struct writer *w, size_t i, struct str *out)
{
	const struct finding *first = &w->p->v[i];
	char bdf[BDF_LEN];
	size_t n = 0;

	if (first->dev == NULL && first->dom == NULL)
		return;
	for (; i < w->p->n && w->p->v[i].check == first->check; i++) {
		if (!is_same(first, &w->p->v[i]))
			continue;
		w->done[i] = true;
		if (n++ < NAMES_MAX)
			str_addf(out, "%s%s", n > 1 ? ", " : "", subject_of(&w->p->v[i], bdf));
	}
	if (n > NAMES_MAX)
		str_addf(out, " and %zu more", n - NAMES_MAX);
}

/* The first line has the state in front, which paragraphs know nothing of. */
static void write_head(const struct writer *w, size_t i)
{
	const struct paragraph para = {0, TEXT, w->style->columns};
	const struct finding *f = &w->p->v[i];
	struct str who = {0}, line = {0};
	auto_free char *text = NULL;
	FILE *lines;
	size_t size;

	subjects(w, i, &who);
	str_addf(&line, "%s%s%s: %s", f->check->id, who.len ? " of " : "", who.s ? who.s : "",
		f->seen);
	lines = open_memstream(&text, &size);
	paragraph_write(lines, &para, "", line.s);
	fclose(lines);
	state_word(w, f->state);
	fputs(text + TEXT, w->out);
	str_finish(&who);
	str_finish(&line);
}

static void write_finding(const struct writer *w, size_t i, bool meaning, bool advice)
{
	const struct paragraph para = {TEXT, TEXT + 7, w->style->columns};
	const struct finding *f = &w->p->v[i];

	if (w->done[i])
		return;
	write_head(w, i);
	if (meaning && f->meaning != NULL && f->meaning[0] != '\0')
		paragraph_write(w->out, &para, "means", f->meaning);
	if (advice && f->advice != NULL && f->advice[0] != '\0')
		paragraph_write(w->out, &para, "do", f->advice);
}

/* Everything, under headings. */
static void write_everything(const struct writer *w)
{
	const char *heading = NULL;
	size_t i;

	for (i = 0; i < w->p->n; i++) {
		const char *section = check_section(w->p->v[i].check);

		if (!str_eq(section, heading))
			fprintf(w->out, "\n%s\n", section);
		heading = section;
		write_finding(w, i, true, true);
	}
}

/* What is not in order, the worst first, and no longer than a screen where that can be. */
static void write_troubles(const struct writer *w)
{
	static const struct {
		enum check_state state;
		bool meaning, advice;
	} passes[] = {
		{CHECK_FAIL, true, true},
		{CHECK_WARN, false, true},
		{CHECK_UNKNOWN, false, false},
	};
	size_t pass, i;

	for (pass = 0; pass < ARRAY_SIZE(passes); pass++)
		for (i = 0; i < w->p->n; i++)
			if (w->p->v[i].state == passes[pass].state)
				write_finding(w, i, passes[pass].meaning, passes[pass].advice);
}

static void write_names(const struct writer *w)
{
	const struct preflight *p = w->p;
	char bdf[BDF_LEN];
	size_t i;

	fprintf(w->out, "%s: ", p->t->machine.name[0] ? p->t->machine.name : "this machine");
	for (i = 0; i < p->ndevs && i < NAMES_MAX; i++)
		fprintf(w->out, "%s%s", i ? ", " : "", bdf_text(p->devs[i]->bdf, bdf));
	if (p->ndevs > NAMES_MAX)
		fprintf(w->out, " and %zu more", p->ndevs - NAMES_MAX);
	if (p->ndevs == 0)
		fputs("no devices", w->out);
	for (i = 0; i < p->ndoms; i++)
		fprintf(w->out, "%s%s",
			i                       ? ", "
				: p->ndoms == 1 ? "; domain "
						: "; domains ",
			p->doms[i]->name);
	putc('\n', w->out);
}

static void write_summary(const struct writer *w)
{
	const size_t *n = w->p->count;
	enum check_state verdict = preflight_verdict(w->p);

	putc('\n', w->out);
	state_word(w, verdict);
	fprintf(w->out, "%zu failed, %zu warning%s, %zu unknown, %zu ok%s\n", n[CHECK_FAIL],
		n[CHECK_WARN], n[CHECK_WARN] == 1 ? "" : "s", n[CHECK_UNKNOWN], n[CHECK_OK],
		w->style->all ? "" : "; -v shows and explains all");
}

void preflight_write_text(const struct preflight *p, const struct preflight_style *style, FILE *out)
{
	struct writer w = {p, style, out, xcalloc(p->n + 1, sizeof(*w.done))};

	write_names(&w);
	if (style->all) {
		write_everything(&w);
		reach_write_text(p, out);
	} else {
		write_troubles(&w);
	}
	write_summary(&w);
	free(w.done);
}
