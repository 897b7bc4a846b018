/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario_parts.h"

#include "base/bdf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"

#include <stdlib.h>
#include <string.h>

/* A selector of a lane in a form in which the same address is the same text. */
struct named {
	const char *key;
	const struct lane_spec *lane;
	const struct selector *selector;
};

static int by_key(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order != 0)
		return order;
	/* lanes and selectors lie in arrays, in the order in which they were written */
	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	return x->selector < y->selector ? -1 : 1;
}

static const char *key_of(struct loader *ld, const char *selector)
{
	char text[BDF_LEN];
	struct bdf bdf;

	return bdf_parse(selector, &bdf) ? arena_strdup(ld->rd.arena, bdf_text(bdf, text))
					 : selector;
}

static void report_twice(struct loader *ld, const struct named *first, const struct named *again)
{
	if (first->lane == again->lane) {
		diag_error(ld->rd.diags, again->selector->pos, "'%s' is named twice in this lane",
			again->selector->text);
		return;
	}
	diag_error(ld->rd.diags, again->selector->pos, "'%s' is already in lane '%s'",
		again->selector->text, first->lane->name);
	diag_hint(ld->rd.diags, "a device belongs to one lane");
}

/* Finds what certainly is one device: the same address, the same ids, the same class. */
static void check_devices_once(struct loader *ld)
{
	const struct scenario *sc = ld->sc;
	VEC(struct named) all = {0};
	size_t i, k;

	for (i = 0; i < sc->nlanes; i++)
		for (k = 0; k < sc->lanes[i].ndevices; k++) {
			const struct selector *sel = &sc->lanes[i].devices[k];

			*vec_push(&all) = (struct named){key_of(ld, sel->text), &sc->lanes[i], sel};
		}
	if (all.n > 0)
		qsort(all.v, all.n, sizeof(all.v[0]), by_key);
	for (i = 1, k = 0; i < all.n; i++) {
		if (str_eq(all.v[k].key, all.v[i].key))
			report_twice(ld, &all.v[k], &all.v[i]);
		else
			k = i;
	}
	vec_finish(&all);
}

static void check_pair(struct loader *ld, const struct lane_spec *one, const struct lane_spec *two)
{
	struct diags *d = ld->rd.diags;

	if (two->domain != NULL && str_eq(one->domain, two->domain)) {
		diag_error(
			d, two->pos, "domain '%s' is already in lane '%s'", two->domain, one->name);
		diag_hint(d, "a domain belongs to one lane");
	} else if (*two->name != '\0' && str_eq(one->name, two->name)) {
		diag_error(d, two->pos, "a lane '%s' exists already, in line %u", two->name,
			one->pos.line);
		diag_hint(d, "give one of them another `name`");
	}
}

/* Can this selector narrow the lane's devices to something? Only addresses can be told apart. */
static bool may_match_lane(const struct lane_spec *lane, const char *selector)
{
	struct bdf wanted, has;
	size_t i;

	if (lane->hostdevs || !bdf_parse(selector, &wanted))
		return true;
	for (i = 0; i < lane->ndevices; i++)
		if (!bdf_parse(lane->devices[i].text, &has) || bdf_eq(wanted, has))
			return true;
	return false;
}

static void check_in_lane(struct loader *ld, const struct lane_spec *lane, const struct step *step)
{
	const char *word = step->type->word.name;
	struct diags *d = ld->rd.diags;

	if ((step->type->flags & STEP_NEEDS_DOMAIN) && lane->domain == NULL) {
		diag_error(d, step->pos, "'%s' needs a domain, and lane '%s' has none", word,
			lane->name);
		diag_hint(d, "add `domain: NAME` to the lane, or give the lane its own `steps`");
		return;
	}
	if ((step->type->flags & STEP_ON_DEVICES) && !lane->hostdevs && lane->ndevices == 0) {
		diag_error(d, step->pos, "'%s' acts on devices, and lane '%s' has none", word,
			lane->name);
		diag_hint(d, "add `devices:` to the lane, or give the lane its own `steps`");
		return;
	}
	if (step->device != NULL && !may_match_lane(lane, step->device))
		diag_error(d, step_pos_of(step, "device"), "device '%s' is not in lane '%s'",
			step->device, lane->name);
	/* a guest that reboots and one that never did look the same after a pause */
	if (str_eq(word, "reboot") && lane->ready.kind == READY_DELAY && ld->sc->connect != NULL &&
		!str_starts(ld->sc->connect, "test:///")) {
		diag_error(d, step->pos, "'reboot' cannot be proved by `ready: {delay: ...}`");
		diag_hint(d, "prove it in lane '%s' by serial, agent or tcp", lane->name);
	}
	if (step->type->check != NULL)
		step->type->check(step, lane, d);
}

enum power { POWER_UNKNOWN, POWER_OFF, POWER_ON };

/* Follows the domain's power through the lists, as if everything went well. */
struct walk {
	struct loader *ld;
	const struct lane_spec *lane;
	enum power power;
	bool again; /* the second time through the cycle */
	bool said; /* something was wrong: of shared lists it may have been said before */
};

static void wrong_order(struct walk *w, const struct step *step, const char *problem)
{
	w->said = true;
	diag_error(w->ld->rd.diags, step->pos, "'%s' %s%s", step->type->word.name, problem,
		w->again ? " in the second cycle" : "");
}

static void walk_vm_step(struct walk *w, const struct step *step)
{
	unsigned flags = step->type->flags;

	if ((flags & STEP_STARTS_VM) && w->power == POWER_ON) {
		wrong_order(w, step, "finds the domain running already");
		diag_hint(w->ld->rd.diags, "%s",
			w->again ? "end the cycle with a stop, or start in `before`"
				 : "stop it first");
	}
	if ((flags & STEP_USES_VM) && w->power == POWER_OFF) {
		wrong_order(w, step, "finds the domain off");
		diag_hint(w->ld->rd.diags, "start it first");
	}
	/* does no harm, so a list of all ways to stop may be tried as it is */
	if ((flags & STEP_STOPS_VM) && w->power == POWER_OFF) {
		w->said = true;
		diag_warning(w->ld->rd.diags, step->pos,
			"'%s' finds the domain off%s, and will fail", step->type->word.name,
			w->again ? " in the second cycle" : "");
		diag_hint(w->ld->rd.diags, "start it before each stop");
	}
	if (flags & STEP_STARTS_VM)
		w->power = POWER_ON;
	else if (flags & STEP_STOPS_VM)
		w->power = POWER_OFF;
}

static void walk_device_step(struct walk *w, const struct step *step)
{
	/* of devices that are listed, nobody knows yet whether the domain has them */
	if ((step->type->flags & STEP_DISRUPTIVE) && w->power == POWER_ON && w->lane->hostdevs &&
		!step->while_running) {
		wrong_order(w, step, "finds its devices in a running domain");
		diag_hint(w->ld->rd.diags,
			"stop it first, or say so: `%s: {..., while-running: true}`",
			step->type->word.name);
	}
}

static void walk_list(struct walk *w, const struct step_list *list)
{
	const unsigned vm = STEP_STARTS_VM | STEP_STOPS_VM | STEP_USES_VM;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct step *step = &list->v[i];

		if (step->name == NULL) {
			w->power = POWER_UNKNOWN; /* reported as wrong */
		} else if (step->expect_failure) {
			if (step->type->flags & vm)
				w->power = POWER_UNKNOWN;
		} else if (step->type->flags & STEP_ON_DEVICES) {
			walk_device_step(w, step);
		} else if (step->type->flags & vm) {
			walk_vm_step(w, step);
		}
	}
}

static void check_order(struct loader *ld, const struct lane_spec *lane)
{
	struct walk w = {.ld = ld, .lane = lane, .power = POWER_OFF};

	if (lane->domain == NULL)
		return;
	walk_list(&w, &ld->sc->before);
	w.said = false;
	walk_list(&w, &lane->steps);
	if (ld->sc->cycles != 1 && !w.said) {
		w.again = true;
		walk_list(&w, &lane->steps);
		w.again = false;
	}
	walk_list(&w, &ld->sc->after);
}

static void check_list(
	struct loader *ld, const struct lane_spec *lane, const struct step_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].name != NULL)
			check_in_lane(ld, lane, &list->v[i]);
}

const char *report_path(const struct report_spec *r)
{
	const struct field *f = field_find(r->type->word.fields, "path");

	if (f == NULL || f->kind != FIELD_STRING)
		return NULL;
	return *(const char *const *)((const char *)r->opts + f->offset);
}

/* What is left of a path where a name of it begins. */
static const char *next_name(const char *path)
{
	while (*path == '/' || str_starts(path, "./"))
		path += *path == '/' ? 1 : 2;
	return path;
}

/* By their names alone: where links lead is known on the host only. */
static bool same_path(const char *a, const char *b)
{
	if ((*a == '/') != (*b == '/'))
		return false;
	for (;;) {
		size_t n;

		a = next_name(a);
		b = next_name(b);
		n = strcspn(a, "/");
		if (n != strcspn(b, "/") || memcmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

const struct report_spec *report_of_same_file(
	const struct report_spec *v, size_t n, const struct report_spec *r)
{
	const char *path = report_path(r), *other;
	size_t i;

	if (path == NULL || str_eq(path, "-") || str_starts(path, "/dev/"))
		return NULL;
	for (i = 0; i < n; i++) {
		other = report_path(&v[i]);
		if (other != NULL && same_path(path, other))
			return &v[i];
	}
	return NULL;
}

static void check_reports(struct loader *ld)
{
	const struct scenario *sc = ld->sc;
	size_t i;

	for (i = 0; i < sc->nreports; i++) {
		const struct report_spec *r = &sc->reports[i];
		const struct report_spec *other = report_of_same_file(sc->reports, i, r);

		if (other == NULL)
			continue;
		diag_error(ld->rd.diags, r->pos,
			"report '%s' goes to '%s', as report '%s' in line %u does",
			r->type->word.name, report_path(r), other->type->word.name,
			other->pos.line);
		diag_hint(ld->rd.diags, "it would replace the other: name another file");
	}
}

void check_whole(struct loader *ld)
{
	const struct scenario *sc = ld->sc;
	size_t i, k;

	check_devices_once(ld);
	check_reports(ld);
	for (i = 0; i < sc->nlanes; i++) {
		const struct lane_spec *lane = &sc->lanes[i];

		for (k = 0; k < i; k++)
			check_pair(ld, &sc->lanes[k], lane);
		/* a lane that is itself wrong would be blamed for its steps as well */
		if (*lane->name == '\0')
			continue;
		check_list(ld, lane, &sc->before);
		check_list(ld, lane, &lane->steps);
		check_list(ld, lane, &sc->after);
		check_order(ld, lane);
	}
}
