/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/fitness.h"

#include "base/str.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "model/topology.h"
#include "preflight/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- of which devices? ---- */

static bool passes_through(const struct topology_domain *dom, struct bdf bdf)
{
	size_t i;

	for (i = 0; dom->def != NULL && i < dom->def->nhostdevs; i++)
		if (bdf_eq(dom->def->hostdevs[i].bdf, bdf))
			return true;
	return false;
}

static bool is_of_lane(
	const struct topology *t, const struct lane_spec *lane, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < lane->ndevices; i++)
		if (!dev->is_bridge && pcidev_matches(dev, lane->devices[i].text))
			return true;
	for (i = 0; lane->hostdevs && i < t->ndomains; i++)
		if (str_eq(t->domains[i].name, lane->domain) &&
			passes_through(&t->domains[i], dev->bdf))
			return true;
	return false;
}

static size_t pick(const struct topology *t, const struct scenario *sc, const struct pcidev **out)
{
	size_t i, l, n = 0;

	for (i = 0; i < t->devs.n; i++) {
		for (l = 0; l < sc->nlanes; l++)
			if (is_of_lane(t, &sc->lanes[l], &t->devs.v[i]))
				break;
		if (l < sc->nlanes)
			out[n++] = &t->devs.v[i];
	}
	return n;
}

/* ---- what it means for a run ---- */

static void note(struct fitness *f, const char *fmt, ...) printf_like(2, 3);

static void note(struct fitness *f, const char *fmt, ...)
{
	char text[DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*vec_push(&f->notes) = xstrdup(text);
}

static void refuse(struct fitness *f, const struct finding *found)
{
	if (f->refusal.code != ERR_NONE)
		return;
	err_set(&f->refusal, ERR_REFUSED, 0, "this host is not fit for a run: %s: %s",
		found->check->id, found->seen);
	err_hint(&f->refusal, "%s %s", found->meaning ? found->meaning : "",
		found->advice ? found->advice : "");
}

/* Whether a device answers is asked of each lane when it is prepared, with a word to its lane. */
static bool is_lanes_business(const struct finding *found)
{
	return found->check->of == CHECK_DEVICE && found->check->weight == WEIGHT_REFUSES;
}

static void note_finding(struct fitness *f, const struct finding *found)
{
	const char *who = found->dom != NULL ? found->dom->name : "";
	char bdf[BDF_LEN];

	if (found->dev != NULL)
		who = bdf_text(found->dev->bdf, bdf);
	note(f, "preflight: %s%s%s: %s%s%s", found->check->id, *who ? " of " : "", who, found->seen,
		found->meaning ? ". " : "", found->meaning ? found->meaning : "");
}

static bool is_told(const struct preflight *p, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (p->v[k].state == CHECK_WARN && p->v[k].check == p->v[i].check)
			return true;
	return false;
}

/* There are always some: their names, once each. */
static void note_warnings(const struct preflight *p, struct fitness *f)
{
	struct str names = {0};
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].state == CHECK_WARN && !is_told(p, i))
			str_addf(&names, "%s%s", names.len ? ", " : "", p->v[i].check->id);
	if (names.len > 0)
		note(f, "preflight warns (`vfio-stress preflight` says of what): %s", names.s);
	str_finish(&names);
}

static const char *keep(struct fitness *f, const char *text)
{
	return text != NULL && *text != '\0' ? arena_strdup(&f->arena, text) : NULL;
}

static struct check_row row_of(struct fitness *f, const struct finding *found)
{
	char bdf[BDF_LEN];

	return (struct check_row){
		.id = found->check->id,
		.device = found->dev ? keep(f, bdf_text(found->dev->bdf, bdf)) : NULL,
		.domain = found->dom ? keep(f, found->dom->name) : NULL,
		.item = keep(f, found->item),
		.result = check_state_name(found->state),
		.asks = found->check->asks,
		.seen = arena_strdup(&f->arena, found->seen),
		.meaning = keep(f, found->meaning),
		.advice = keep(f, found->advice),
	};
}

/* For the report, which begins with what is wrong. */
static void keep_rows(const struct preflight *p, struct fitness *f)
{
	static const enum check_state order[] = {CHECK_FAIL, CHECK_WARN, CHECK_UNKNOWN, CHECK_OK};
	size_t i, k, most = p->n < PREFLIGHT_ROWS_MAX ? p->n : PREFLIGHT_ROWS_MAX;

	f->checks = arena_alloc(&f->arena, most * sizeof(*f->checks) + 1);
	for (k = 0; k < ARRAY_SIZE(order); k++)
		for (i = 0; i < p->n && f->nchecks < most; i++)
			if (p->v[i].state == order[k])
				f->checks[f->nchecks++] = row_of(f, &p->v[i]);
	if (p->n > most)
		note(f, "preflight gave %zu answers, and the first %zu are kept", p->n, most);
}

static void judge(const struct preflight *p, struct fitness *out)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct finding *found = &p->v[i];

		if (found->state != CHECK_FAIL || is_lanes_business(found))
			continue;
		if (found->check->weight == WEIGHT_REFUSES)
			refuse(out, found);
		else
			note_finding(out, found);
	}
	note_warnings(p, out);
	keep_rows(p, out);
}

void fitness_look(const struct topology *t, const struct scenario *sc, struct fitness *out)
{
	auto_free const struct pcidev **devs = xcalloc(t->devs.n + 1, sizeof(*devs));
	size_t n = pick(t, sc, devs);
	struct preflight p;

	if (n == 0)
		return;
	preflight_look(t, devs, n, &p);
	judge(&p, out);
	preflight_finish(&p);
}

void fitness_finish(struct fitness *f)
{
	vec_foreach (text, &f->notes)
		free(*text);
	vec_finish(&f->notes);
	arena_finish(&f->arena);
}
