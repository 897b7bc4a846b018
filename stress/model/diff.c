/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/diff_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGE_TEXT 1024

const char *change_effect_name(enum change_effect effect)
{
	static const char *const names[] = {"improvement", "neutral", "regression"};

	return names[effect];
}

static const char *keep(struct differ *d, const char *text)
{
	return text == NULL || *text == '\0' ? NULL : arena_strdup(&d->out->arena, text);
}

static printf_like(2, 0) const char *formatted(struct differ *d, const char *fmt, va_list ap)
{
	char text[CHANGE_TEXT];

	vsnprintf(text, sizeof(text), fmt, ap);
	return arena_strdup(&d->out->arena, text);
}

static struct change *add(struct differ *d, const char *id, enum change_effect effect)
{
	struct change *c = vec_push(d->out);

	c->id = id;
	c->effect = effect;
	return c;
}

struct change *diff_add(struct differ *d, const char *id, enum change_effect effect,
	const char *subject, const char *fmt, ...)
{
	struct change *c = add(d, id, effect);
	va_list ap;

	va_start(ap, fmt);
	c->text = formatted(d, fmt, ap);
	va_end(ap);
	c->subject = keep(d, subject);
	return c;
}

struct change *diff_add_pair(struct differ *d, size_t a, const char *id, enum change_effect effect,
	const char *was, const char *is, const char *fmt, ...)
{
	struct change *c = add(d, id, effect);
	char bdf[BDF_LEN];
	va_list ap;

	va_start(ap, fmt);
	c->text = formatted(d, fmt, ap);
	va_end(ap);
	c->has_before = c->has_after = true;
	c->before = d->a->devs.v[a].bdf;
	c->after = d->b->devs.v[d->b_of[a]].bdf;
	c->subject = keep(d, bdf_text(c->after, bdf));
	c->was = keep(d, was);
	c->is = keep(d, is);
	return c;
}

/* A sentence at the end of a list of them. */
static void append(const char ***v, size_t *n, size_t *cap, const char *text)
{
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 4;
		*v = xrealloc(*v, *cap * sizeof(**v));
	}
	(*v)[(*n)++] = text;
}

void diff_break(struct differ *d, struct change *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(&c->breaks, &c->nbreaks, &c->breaks_cap, formatted(d, fmt, ap));
	va_end(ap);
	c->effect = CHANGE_REGRESSION;
}

void diff_blind(struct differ *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(&d->out->blind, &d->out->nblind, &d->out->blind_cap, formatted(d, fmt, ap));
	va_end(ap);
}

/* The worst first; else as they were found. */
static void sort(struct machine_diff *out)
{
	struct change *sorted = xcalloc(out->n + 1, sizeof(*sorted));
	size_t i, n = 0;
	int effect;

	for (effect = CHANGE_REGRESSION; effect >= CHANGE_IMPROVEMENT; effect--)
		for (i = 0; i < out->n; i++)
			if (out->v[i].effect == (enum change_effect)effect)
				sorted[n++] = out->v[i];
	for (i = 0; i < out->n; i++)
		out->count[out->v[i].effect]++;
	free(out->v);
	out->v = sorted;
}

void machine_diff_make(const struct topology *a, const struct topology *b, struct machine_diff *out)
{
	struct machine_diff made = {0};
	struct differ d = {.a = a, .b = b, .out = &made};

	d.b_of = xcalloc(a->devs.n + 1, sizeof(*d.b_of));
	d.pairing = xcalloc(a->devs.n + 1, sizeof(*d.pairing));
	d.a_of = xcalloc(b->devs.n + 1, sizeof(*d.a_of));
	diff_match(&d);
	diff_places(&d);
	diff_functions(&d);
	diff_groups(&d);
	diff_host(&d);
	diff_domains(&d);
	sort(&made);
	free(d.b_of);
	free(d.pairing);
	free(d.a_of);
	*out = made;
}

void machine_diff_finish(struct machine_diff *d)
{
	vec_foreach (c, d)
		free(c->breaks);
	free(d->blind);
	free(d->v);
	arena_finish(&d->arena);
	*d = (struct machine_diff){0};
}
