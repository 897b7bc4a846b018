/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preflight_text.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/paragraph.h"
#include "cli/reach.h"
#include "model/topology.h"
#include "preflight/preflight.h"

#include <stdlib.h>
#include <string.h>

#define LEFT       2
#define TEXT       11 /* where text begins behind its label */
#define NAMES_MAX  8 /* of devices or domains in one place */
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
static void write_labelled(const struct writer *w, enum check_state state,
	const struct paragraph *para, const char *line)
{
	auto_free char *text = NULL;
	FILE *lines;
	size_t size;

	lines = open_memstream(&text, &size);
	paragraph_write(lines, para, "", line);
	fclose(lines);
	state_word(w, state);
	fputs(text + TEXT, w->out);
}

static void write_head(const struct writer *w, size_t i)
{
	const struct paragraph para = {0, TEXT, w->style->columns};
	const struct finding *f = &w->p->v[i];
	struct str who = {0}, line = {0};

	subjects(w, i, &who);
	str_addf(&line, "%s%s%s: %s", f->check->id, who.len ? " of " : "", who.s ? who.s : "",
		f->seen);
	write_labelled(w, f->state, &para, line.s);
	str_finish(&who);
	str_finish(&line);
}

/* How much is said of a finding, the most first. */
enum manner { WITH_MEANING, WITH_ADVICE, WHAT_WAS_SEEN, BY_NAME };

static void write_finding(const struct writer *w, size_t i, enum manner manner)
{
	const struct paragraph para = {TEXT, TEXT + 7, w->style->columns};
	const struct finding *f = &w->p->v[i];

	if (w->done[i])
		return;
	write_head(w, i);
	if (manner == WITH_MEANING && f->meaning != NULL && f->meaning[0] != '\0')
		paragraph_write(w->out, &para, "means", f->meaning);
	if (manner <= WITH_ADVICE && f->advice != NULL && f->advice[0] != '\0')
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
		write_finding(w, i, WITH_MEANING);
	}
}

/* It alone keeps preflight from an answer: why is said however little room there is. */
static bool is_decisive(const struct finding *f)
{
	return f->state == CHECK_UNKNOWN && f->check->weight != WEIGHT_NORMAL;
}

/* All of one kind, by their checks: "device.reset (8), host.swap". */
static void write_ids(const struct writer *w, enum check_state state)
{
	const struct paragraph para = {0, TEXT, w->style->columns};
	const struct check *last = NULL;
	struct str ids = {0};
	size_t i, n = 0;

	for (i = 0; i <= w->p->n; i++) {
		const struct finding *f = i < w->p->n ? &w->p->v[i] : NULL;

		if (f != NULL && (f->state != state || is_decisive(f)))
			continue;
		if (n > 1 && (f == NULL || f->check != last))
			str_addf(&ids, " (%zu)", n);
		if (f == NULL)
			break;
		if (f->check != last)
			str_addf(&ids, "%s%s", ids.len > 0 ? ", " : "", f->check->id);
		n = f->check == last ? n + 1 : 1;
		last = f->check;
	}
	if (ids.len > 0)
		write_labelled(w, state, &para, ids.s);
	str_finish(&ids);
}

/* What is not in order, the worst first. What is said of it, the most first. */
static const struct detail {
	enum manner fail, warn, unknown;
} details[] = {
	{WITH_MEANING, WITH_ADVICE, WHAT_WAS_SEEN},
	{WITH_MEANING, WITH_ADVICE, BY_NAME},
	{WITH_MEANING, WHAT_WAS_SEEN, BY_NAME},
	{WITH_ADVICE, WHAT_WAS_SEEN, BY_NAME},
	{WITH_ADVICE, BY_NAME, BY_NAME},
	{WHAT_WAS_SEEN, BY_NAME, BY_NAME},
	{BY_NAME, BY_NAME, BY_NAME},
};

static void write_state(const struct writer *w, enum check_state state, enum manner manner)
{
	size_t i;

	for (i = 0; i < w->p->n; i++) {
		const struct finding *f = &w->p->v[i];

		if (f->state == state && (manner != BY_NAME || is_decisive(f)))
			write_finding(w, i, manner);
	}
	if (manner == BY_NAME)
		write_ids(w, state);
}

static void write_troubles(const struct writer *w, const struct detail *detail)
{
	write_state(w, CHECK_FAIL, detail->fail);
	write_state(w, CHECK_WARN, detail->warn);
	write_state(w, CHECK_UNKNOWN, detail->unknown);
}

static void write_names(const struct writer *w)
{
	const struct paragraph para = {0, 0, w->style->columns};
	const struct preflight *p = w->p;
	struct str line = {0};
	char bdf[BDF_LEN];
	size_t i;

	str_addf(&line, "%s: ", p->t->machine.name[0] ? p->t->machine.name : "this machine");
	for (i = 0; i < p->ndevs && i < NAMES_MAX; i++)
		str_addf(&line, "%s%s", i ? ", " : "", bdf_text(p->devs[i]->bdf, bdf));
	if (p->ndevs > NAMES_MAX)
		str_addf(&line, " and %zu more", p->ndevs - NAMES_MAX);
	if (p->ndevs == 0)
		str_add(&line, "no devices");
	for (i = 0; i < p->ndoms && i < NAMES_MAX; i++)
		str_addf(&line, "%s%s",
			i                       ? ", "
				: p->ndoms == 1 ? "; domain "
						: "; domains ",
			p->doms[i]->name);
	if (p->ndoms > NAMES_MAX)
		str_addf(&line, " and %zu more", p->ndoms - NAMES_MAX);
	paragraph_write(w->out, &para, "", line.s);
	str_finish(&line);
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

static size_t rows_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

/* As much of it as fits the screen. */
static char *screenful(struct writer *w)
{
	char *text = NULL;
	size_t i, size;

	for (i = 0; i < ARRAY_SIZE(details); i++) {
		free(text);
		memset(w->done, 0, w->p->n * sizeof(*w->done));
		w->out = open_memstream(&text, &size);
		write_names(w);
		write_troubles(w, &details[i]);
		write_summary(w);
		fclose(w->out);
		if (rows_of(text) < w->style->rows) /* one is the shell's */
			break;
	}
	return text;
}

void preflight_write_text(const struct preflight *p, const struct preflight_style *style, FILE *out)
{
	struct writer w = {p, style, out, xcalloc(p->n + 1, sizeof(*w.done))};

	if (style->all) {
		write_names(&w);
		write_everything(&w);
		reach_write_text(p, out);
		write_summary(&w);
	} else {
		auto_free char *text = screenful(&w);

		fputs(text, out);
	}
	free(w.done);
}
