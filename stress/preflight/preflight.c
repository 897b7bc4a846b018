/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/preflight.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 1024

/* ---- answers ---- */

struct finding *answer(struct look *l, enum check_state state, const char *fmt, ...)
{
	struct preflight *p = l->answers;
	struct finding *f = vec_push(p);
	char text[SEEN_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*f = (struct finding){
		.check = l->check,
		.state = state,
		.dev = l->dev,
		.dom = l->dom,
		.seen = arena_strdup(&p->arena, text),
		.meaning = state == CHECK_OK ? NULL : l->check->meaning,
		.advice = state == CHECK_OK ? NULL : l->check->advice,
	};
	p->count[state]++;
	return f;
}

bool answer_from_log(struct look *l)
{
	if (l->t->log_unknown != NULL)
		answer(l, CHECK_UNKNOWN, "%s", l->t->log_unknown);
	return l->t->log_unknown == NULL;
}

void finding_means(struct look *l, struct finding *f, const char *fmt, ...)
{
	char text[SEEN_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->meaning = arena_strdup(&l->answers->arena, text);
}

void finding_advises(struct look *l, struct finding *f, const char *fmt, ...)
{
	char text[SEEN_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->advice = arena_strdup(&l->answers->arena, text);
}

void finding_item(struct look *l, struct finding *f, const char *item)
{
	f->item = arena_strdup(&l->answers->arena, item);
}

enum check_state preflight_verdict(const struct preflight *p)
{
	bool essential = false;

	if (p->count[CHECK_FAIL] > 0)
		return CHECK_FAIL;
	vec_foreach (f, p)
		essential |= f->state == CHECK_UNKNOWN && f->check->weight != WEIGHT_NORMAL;
	if (essential)
		return CHECK_UNKNOWN;
	return p->count[CHECK_WARN] > 0 ? CHECK_WARN : CHECK_OK;
}

/* ---- asking ---- */

static void ask_devices(struct preflight *p, const struct check *check)
{
	size_t i;

	for (i = 0; i < p->ndevs; i++) {
		struct look l = {.check = check,
			.t = p->t,
			.dev = p->devs[i],
			.facts = topology_facts(p->t, p->devs[i]),
			.answers = p};

		check->look(&l);
	}
}

static void ask_domains(struct preflight *p, const struct check *check)
{
	size_t i;

	for (i = 0; i < p->ndoms; i++) {
		struct look l = {.check = check, .t = p->t, .dom = p->doms[i], .answers = p};

		check->look(&l);
	}
}

static void ask(struct preflight *p, const struct check *check)
{
	struct look l = {.check = check, .t = p->t, .answers = p};

	if (check->of == CHECK_HOST)
		check->look(&l);
	else if (check->of == CHECK_DEVICE)
		ask_devices(p, check);
	else
		ask_domains(p, check);
}

static bool is_asked_for(const struct preflight *p, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < p->ndevs; i++)
		if (bdf_eq(p->devs[i]->bdf, bdf))
			return true;
	return false;
}

/* One whose definition is not understood may pass anything through. */
static bool is_concerned(const struct preflight *p, const struct topology_domain *dom)
{
	size_t i;

	for (i = 0; dom->def != NULL && i < dom->def->nhostdevs; i++)
		if (is_asked_for(p, dom->def->hostdevs[i].bdf))
			return true;
	return dom->def == NULL;
}

void preflight_look(const struct topology *t, const struct pcidev *const *devs, size_t ndevs,
	struct preflight *out)
{
	const struct check *const *table, *check;
	size_t i;

	*out = (struct preflight){.t = t, .devs = devs, .ndevs = ndevs};
	out->doms = arena_alloc(&out->arena, (t->ndomains + 1) * sizeof(*out->doms));
	for (i = 0; i < t->ndomains; i++)
		if (is_concerned(out, &t->domains[i]))
			out->doms[out->ndoms++] = &t->domains[i];
	for (table = check_tables; *table != NULL; table++)
		for (check = *table; check->id != NULL; check++)
			ask(out, check);
}

void preflight_finish(struct preflight *p)
{
	vec_finish(p);
	arena_finish(&p->arena);
	*p = (struct preflight){0};
}

/* ---- which devices ---- */

static bool is_meant(const struct topology *t, const struct pcidev *dev)
{
	const struct pcifacts *f = topology_facts(t, dev);
	size_t i;

	for (i = 0; i < f->nusers; i++)
		if (f->users[i].kind == USER_DOMAIN)
			return true;
	return pcidev_vfio_driver(dev->driver) || pcidev_vfio_driver(f->driver_override);
}

/* A GPU comes with all the functions of its slot: audio, USB. */
static bool is_of_gpu(const struct topology *t, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < t->devs.n; i++)
		if (topology_is_gpu(&t->devs.v[i]) && topology_same_slot(&t->devs.v[i], dev))
			return topology_is_candidate(dev);
	return false;
}

size_t preflight_suggest(const struct topology *t, const struct pcidev **out)
{
	size_t i, n = 0;

	for (i = 0; i < t->devs.n; i++)
		if (is_meant(t, &t->devs.v[i]))
			out[n++] = &t->devs.v[i];
	if (n > 0)
		return n;
	for (i = 0; i < t->devs.n; i++)
		if (is_of_gpu(t, &t->devs.v[i]))
			out[n++] = &t->devs.v[i];
	return n;
}
