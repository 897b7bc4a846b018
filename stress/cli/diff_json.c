/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/diff_json.h"

#include "base/vec.h"
#include "model/diff.h"
#include "model/topology.h"
#include "world/jout.h"

/* The worst of what changed; "unknown": nothing worse, and not all could be compared. */
static const char *result_name(const struct machine_diff *d)
{
	int effect;

	for (effect = CHANGE_REGRESSION; effect >= CHANGE_IMPROVEMENT; effect--) {
		if (d->count[effect] > 0)
			return change_effect_name((enum change_effect)effect);
		if (effect == CHANGE_REGRESSION && d->nblind > 0)
			return "unknown";
	}
	return "same";
}

static struct json_t *machine_json(const char *file, const struct topology *t)
{
	struct json_t *o = jout_object();

	jout_text(o, "file", file);
	jout_str(o, "host", t->machine.name);
	jout_str(o, "taken", t->taken);
	jout_bool(o, "simulated", t->simulated);
	return o;
}

static struct json_t *sentences(const char *const *v, size_t n)
{
	struct json_t *a = jout_array();
	size_t i;

	for (i = 0; i < n; i++)
		jout_push_str(a, v[i]);
	return a;
}

struct json_t *diff_change_json(const struct change *c)
{
	struct json_t *o = jout_object();
	char bdf[BDF_LEN];

	jout_text(o, "id", c->id);
	jout_text(o, "effect", change_effect_name(c->effect));
	jout_text(o, "subject", c->subject);
	jout_str(o, "bdf_before", c->has_before ? bdf_text(c->before, bdf) : NULL);
	jout_str(o, "bdf_after", c->has_after ? bdf_text(c->after, bdf) : NULL);
	jout_str(o, "before", c->was);
	jout_str(o, "after", c->is);
	jout_text(o, "text", c->text);
	jout_put(o, "breaks", sentences(c->breaks, c->nbreaks));
	return o;
}

static struct json_t *counts_json(const struct machine_diff *d)
{
	struct json_t *o = jout_object();
	int effect;

	for (effect = CHANGE_REGRESSION; effect >= CHANGE_IMPROVEMENT; effect--)
		jout_int(o, change_effect_name((enum change_effect)effect),
			(int64_t)d->count[effect]);
	return o;
}

static void member(FILE *out, const char *key, struct json_t *value)
{
	fprintf(out, ",\n \"%s\": ", key);
	jout_write(value, out);
}

void diff_write_json(const struct diff_result *r, FILE *out)
{
	const char *separator = "\n  ";

	fprintf(out,
		"{\"schema\": \"vfio-stress/diff/1\",\n \"result\": \"%s\",\n \"exit_code\": %d",
		result_name(r->diff), r->exit_code);
	member(out, "before", machine_json(r->before_name, r->before));
	member(out, "after", machine_json(r->after_name, r->after));
	member(out, "counts", counts_json(r->diff));
	fputs(",\n \"changes\": [", out);
	vec_foreach (c, r->diff) {
		fputs(separator, out);
		jout_write(diff_change_json(c), out);
		separator = ",\n  ";
	}
	fputs("]", out);
	member(out, "not_compared", sentences(r->diff->blind, r->diff->nblind));
	fputs("}\n", out);
}
