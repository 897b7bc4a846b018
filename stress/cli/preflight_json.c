/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preflight_json.h"

#include "base/str.h"
#include "base/vec.h"
#include "cli/machine.h"
#include "cli/reach.h"
#include "model/scrub.h"
#include "model/topology.h"
#include "preflight/preflight.h"
#include "world/jout.h"

static struct json_t *finding_json(const struct finding *f)
{
	struct json_t *o = jout_object();
	char bdf[BDF_LEN];

	jout_text(o, "id", f->check->id);
	jout_text(o, "of", check_of_name(f->check->of));
	jout_str(o, "device", f->dev ? bdf_text(f->dev->bdf, bdf) : NULL);
	jout_str(o, "domain", f->dom ? f->dom->name : NULL);
	jout_str(o, "item", f->item);
	jout_text(o, "result", check_state_name(f->state));
	jout_text(o, "asks", f->check->asks);
	jout_str(o, "seen", f->state == CHECK_UNKNOWN ? NULL : f->seen);
	jout_str(o, "reason", f->state == CHECK_UNKNOWN ? f->seen : NULL);
	jout_str(o, "meaning", f->meaning);
	jout_str(o, "advice", f->advice);
	return o;
}

static struct json_t *host_json(const struct topology *t)
{
	struct str cmdline = {0};

	scrub_words(t->machine.cmdline, &cmdline);
	const struct {
		const char *key, *value;
	} members[] = {
		{"name", t->machine.name},
		{"kernel", t->machine.kernel},
		{"cmdline", cmdline.s},
		{"bios", t->machine.bios},
		{"board", t->machine.board},
		{"cpu", t->machine.cpu},
		{"microcode", t->machine.microcode},
		{"qemu", t->qemu},
		{"libvirt", t->libvirt},
	};
	struct json_t *o = jout_object();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(members); i++)
		jout_str(o, members[i].key, members[i].value);
	str_finish(&cmdline);
	return o;
}

static struct json_t *names_json(const struct preflight *p, bool domains)
{
	struct json_t *a = jout_array();
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < (domains ? p->ndoms : p->ndevs); i++)
		jout_push_str(a, domains ? p->doms[i]->name : bdf_text(p->devs[i]->bdf, bdf));
	return a;
}

static struct json_t *counts_json(const struct preflight *p)
{
	struct json_t *o = jout_object();
	enum check_state s;

	for (s = CHECK_OK; s <= CHECK_FAIL; s++)
		jout_int(o, check_state_name(s), (int64_t)p->count[s]);
	return o;
}

/* One member a line, and one answer: a diff of two of these can be read. */
static void member(FILE *out, const char *key, struct json_t *value)
{
	fprintf(out, ",\n \"%s\": ", key);
	jout_write(value, out);
}

void preflight_write_json(const struct preflight *p, int exit_code, FILE *out)
{
	const char *separator = "\n  ";

	fprintf(out,
		"{\"schema\": \"vfio-stress/preflight/1\",\n \"result\": \"%s\","
		"\n \"exit_code\": %d,\n \"simulated\": %s",
		check_state_name(preflight_verdict(p)), exit_code,
		p->t->simulated ? "true" : "false");
	member(out, "snapshot", machine_origin_json(p->t));
	member(out, "host", host_json(p->t));
	member(out, "devices", names_json(p, false));
	member(out, "domains", names_json(p, true));
	member(out, "counts", counts_json(p));
	member(out, "resets", reach_json(p));
	fputs(",\n \"checks\": [", out);
	vec_foreach (f, p) {
		fputs(separator, out);
		jout_write(finding_json(f), out);
		separator = ",\n  ";
	}
	fputs("]}\n", out);
}
