/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_json.h"

#include "cli/scan.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "reporters/json_report.h"
#include "world/jout.h"

static void put_number(struct json_t *o, const char *key, uint64_t n)
{
	if (n == 0)
		jout_null(o, key);
	else
		jout_int(o, key, (int64_t)n);
}

/* The report's shape, where it stands in the log, and its decoded parts beside each other. */
static struct json_t *incident_json(const struct found *f)
{
	struct json_t *o = json_incident(&f->inc, NULL, 0, &json_uncut), *sequence;
	size_t i;

	if (f->file != NULL)
		jout_text(o, "file", f->file);
	if (f->last_file != NULL)
		jout_text(o, "last_file", f->last_file);
	put_number(o, "first_usec", (uint64_t)f->inc.first_usec);
	put_number(o, "last_usec", (uint64_t)f->inc.last_usec);
	put_number(o, "first_line", f->first_line);
	put_number(o, "last_line", f->last_line);
	/* hostile numbers that JSON's readers do not hold are unknown */
	if (f->raw && f->inc.first_seq <= INT64_MAX && f->inc.last_seq <= INT64_MAX) {
		sequence = jout_array();
		jout_push_int(sequence, (int64_t)f->inc.first_seq);
		jout_push_int(sequence, (int64_t)f->inc.last_seq);
		jout_put(o, "sequence", sequence);
	}
	/* a part that has the name of a member (the first bit: "first") stays in `fields` only */
	for (i = 0; i < f->inc.nfields; i++)
		if (!jout_has(o, f->inc.fields[i].name))
			json_field(o, &f->inc.fields[i]);
	return o;
}

void scan_write_json(const struct scan_result *r, FILE *out)
{
	const char *separator = "\n ";

	fputs("{\"schema\": \"vfio-stress/scan/1\", \"incidents\": [", out);
	vec_foreach (f, &r->found) {
		fputs(separator, out);
		jout_write(incident_json(f), out);
		separator = ",\n ";
	}
	fprintf(out, "],\n\"incidents_omitted\": %llu, \"lines\": %llu}\n",
		(unsigned long long)r->omitted, (unsigned long long)r->lines);
}

void scan_write_live_json(const struct found *f, FILE *out)
{
	struct json_t *o = incident_json(f);

	jout_int(o, "no", f->inc.no);
	jout_write(o, out);
	putc('\n', out);
}

void scan_write_jsonl(const struct scan_result *r, FILE *out)
{
	vec_foreach (f, &r->found) {
		jout_write(incident_json(f), out);
		putc('\n', out);
	}
}

void scan_write_line(
	const char *file, const struct savedlog_line *line, const struct klog_match *m, FILE *out)
{
	struct incident_field fields[RULE_FIELDS_MAX];
	struct json_t *o = jout_object(), *parts = jout_object();
	char bdf[BDF_LEN];
	size_t i, n = 0;

	jout_int(o, "line_no", (int64_t)line->no);
	if (file != NULL)
		jout_text(o, "file", file);
	jout_text(o, "id", m->rule ? m->rule->id : "none");
	jout_text(o, "severity", severity_name(m->rule ? m->severity : SEV_INFO));
	jout_text(o, "role", m->rule ? rule_role_name(m->rule->role) : "none");
	jout_str(o, "bdf", m->rule && m->has_bdf ? bdf_text(m->bdf, bdf) : NULL);
	if (m->rule != NULL)
		n = match_fields(m, false, fields, RULE_FIELDS_MAX);
	for (i = 0; i < n; i++)
		json_field(parts, &fields[i]);
	jout_put(o, "fields", parts);
	jout_write(o, out);
	putc('\n', out);
}
