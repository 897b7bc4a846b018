/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/reach.h"

#include "base/str.h"
#include "device/reset.h"
#include "model/topology.h"
#include "preflight/preflight.h"
#include "world/jout.h"

#include <string.h>

/* The resets of a device that reach equally far. */
struct reach {
	const struct topology *t;
	const struct pcidev *dev;
	enum reset_scope scope;
	struct str methods; /* "flr, pm" */
	FILE *out;
	struct json_t *list;
};

/* As far as a recorded machine tells: what sysfs lists, and VFIO's own for what has a port. */
static bool is_offered(const struct reset_method *method, const struct pcidev *dev)
{
	if (method->needs_vfio)
		return dev->has_parent && dev->iommu_group >= 0 && !dev->is_vf;
	return pcidev_offers(dev, method->name);
}

static size_t disturbed(const struct reach *r)
{
	struct bdf_set set;
	size_t n;

	scope_disturbed(&r->t->devs, r->dev, r->scope, &set);
	n = set.n;
	bdf_set_finish(&set);
	return n;
}

/* The kernel's own bus reset is only for one that is alone. */
static bool is_alone_on_its_bus(const struct topology *t, const struct pcidev *dev)
{
	struct reach bus = {.t = t, .dev = dev, .scope = SCOPE_BUS};

	return disturbed(&bus) == 1;
}

/* False: it offers none of this reach. */
static bool reach_init(const struct topology *t, const struct pcidev *dev, enum reset_scope scope,
	struct reach *out)
{
	size_t i;

	*out = (struct reach){.t = t, .dev = dev, .scope = scope};
	for (i = 0; reset_methods[i] != NULL; i++) {
		const struct reset_method *m = reset_methods[i];

		if (reset_reach(m, dev) == scope && is_offered(m, dev) &&
			(scope != SCOPE_BUS || m->whole || is_alone_on_its_bus(t, dev)))
			str_addf(&out->methods, "%s%s", out->methods.len ? ", " : "", m->name);
	}
	return out->methods.len > 0;
}

/* Calls `fn` for each reach of each device. */
static void each(
	const struct preflight *p, void (*fn)(struct reach *r), FILE *out, struct json_t *list)
{
	enum reset_scope scope;
	struct reach r;
	size_t i;

	for (i = 0; i < p->ndevs; i++)
		for (scope = SCOPE_FUNCTION; scope <= SCOPE_BELOW; scope++) {
			if (reach_init(p->t, p->devs[i], scope, &r)) {
				r.out = out;
				r.list = list;
				fn(&r);
			}
			str_finish(&r.methods);
		}
}

/* ---- for people ---- */

static void write_line(void *arg, const struct scope_line *line)
{
	const struct reach *r = arg;
	const struct pcifacts *facts = topology_facts(r->t, line->dev);
	char bdf[BDF_LEN];
	size_t i;

	fprintf(r->out, "    %*s%s%s%s", (int)(2 * line->depth), "", bdf_text(line->dev->bdf, bdf),
		line->why[0] ? " " : "", line->why);
	if (line->dev->driver[0] != '\0')
		fprintf(r->out, ", driver %s", line->dev->driver);
	for (i = 0; i < facts->nusers; i++)
		if (facts->users[i].active)
			fprintf(r->out, "; %s", facts->users[i].text);
	putc('\n', r->out);
}

static void write_reach(struct reach *r)
{
	bool alone = disturbed(r) == 1;
	char bdf[BDF_LEN];

	fprintf(r->out, "  %s by %s:%s\n", bdf_text(r->dev->bdf, bdf), r->methods.s,
		alone ? " nobody else" : "");
	if (!alone)
		scope_tell(&r->t->devs, r->dev, r->scope, write_line, r);
}

void reach_write_text(const struct preflight *p, FILE *out)
{
	if (p->ndevs == 0)
		return;
	fputs("\nWhom a reset disturbs\n", out);
	each(p, write_reach, out, NULL);
}

/* ---- for programs ---- */

static void add_line(void *arg, const struct scope_line *line)
{
	const struct reach *r = arg;
	const struct pcifacts *facts = topology_facts(r->t, line->dev);
	struct json_t *o = jout_object(), *users = jout_array();
	char bdf[BDF_LEN];
	size_t i;

	jout_str(o, "bdf", bdf_text(line->dev->bdf, bdf));
	jout_str(o, "why", line->why);
	for (i = 0; i < facts->nusers; i++)
		if (facts->users[i].active)
			jout_push_str(users, facts->users[i].text);
	jout_put(o, "users", users);
	jout_push(r->list, o);
}

static void add_reach(struct reach *r)
{
	struct json_t *o = jout_object(), *methods = jout_array(), *list = r->list;
	char *word, *rest = r->methods.s, bdf[BDF_LEN];

	jout_str(o, "device", bdf_text(r->dev->bdf, bdf));
	while ((word = strsep(&rest, ", ")) != NULL)
		if (*word != '\0')
			jout_push_str(methods, word);
	jout_put(o, "methods", methods);
	r->list = jout_array();
	scope_tell(&r->t->devs, r->dev, r->scope, add_line, r);
	jout_put(o, "disturbs", r->list);
	jout_push(list, o);
}

struct json_t *reach_json(const struct preflight *p)
{
	struct json_t *list = jout_array();

	each(p, add_reach, NULL, list);
	return list;
}
