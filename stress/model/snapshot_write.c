/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include "base/str.h"
#include "model/link_json.h"
#include "model/scrub.h"
#include "model/snapshot_map.h"
#include "model/topology.h"
#include "world/jout.h"

#include <string.h>

/* ---- a function ---- */

/* Lines of 16 bytes as lspci prints them; those of zeros are left out. */
static struct json_t *config_rows(const struct pciconf *c)
{
	static const uint8_t zeros[SNAPSHOT_ROW];
	struct json_t *rows = jout_array();
	size_t at, i;

	for (at = 0; at < c->len; at += SNAPSHOT_ROW) {
		size_t n = c->len - at < SNAPSHOT_ROW ? c->len - at : SNAPSHOT_ROW;
		char text[8 + 3 * SNAPSHOT_ROW + 1], *s = text;

		if (memcmp(c->bytes + at, zeros, n) == 0)
			continue;
		s += snprintf(s, 8, "%02zx:", at);
		for (i = 0; i < n; i++)
			s += snprintf(s, 4, " %02x", c->bytes[at + i]);
		jout_push_str(rows, text);
	}
	return rows;
}

static void put_config(struct json_t *o, const struct pcifacts *f)
{
	struct json_t *config = jout_object();

	jmap_write(snapshot_config, f, config);
	jout_put(config, "rows", config_rows(&f->conf));
	jout_put(o, "config", config);
}

static void put_acs(struct json_t *o, const struct pcifacts *f)
{
	unsigned capable, enabled;
	struct json_t *acs;

	if (!pciconf_acs(&f->conf, &capable, &enabled)) {
		jout_null(o, "acs");
		return;
	}
	acs = jout_object();
	jout_int(acs, "capable", capable);
	jout_int(acs, "enabled", enabled);
	jout_put(o, "acs", acs);
}

static void put_regions(struct json_t *o, const struct pcifacts *f)
{
	struct json_t *regions = jout_array();
	size_t i;

	for (i = 0; i < REGIONS_MAX; i++) {
		const struct pci_region *r = &f->regions[i];
		const struct snapshot_region_row row = {i, r->start, r->end, r->flags};
		struct json_t *region;

		if (r->start == 0 && r->end == 0 && r->flags == 0)
			continue;
		region = jout_object();
		jmap_write(snapshot_region, &row, region);
		jout_push(regions, region);
	}
	jout_put(o, "regions", regions);
}

static struct json_t *per_class(const uint64_t counts[AER_CLASSES])
{
	struct json_t *o = jout_object();
	enum aer_class cls;

	for (cls = AER_CORRECTABLE; cls < AER_CLASSES; cls++)
		jout_int(o, aer_class_word(cls),
			counts[cls] > INT64_MAX ? INT64_MAX : (int64_t)counts[cls]);
	return o;
}

/* Only that the kernel counts, and the sums: which bit it was is the log's. */
static void put_aer(struct json_t *o, const struct aer_counters *aer)
{
	struct json_t *counters;

	if (!aer->known && !aer->is_root_port) {
		jout_null(o, "aer");
		return;
	}
	counters = jout_object();
	jout_bool(counters, "known", aer->known);
	jout_bool(counters, "root_port", aer->is_root_port);
	jout_put(counters, "errors", per_class(aer->total));
	jout_put(counters, "received", per_class(aer->received));
	jout_put(o, "aer", counters);
}

static struct json_t *each(const struct jmap *map, const void *items, size_t n, size_t size)
{
	struct json_t *list = jout_array();
	size_t i;

	for (i = 0; i < n; i++) {
		struct json_t *item = jout_object();

		jmap_write(map, (const char *)items + i * size, item);
		jout_push(list, item);
	}
	return list;
}

static struct json_t *device_json(const struct topology *t, const struct pcidev *dev)
{
	const struct pcifacts *f = topology_facts(t, dev);
	struct json_t *o = jout_object();

	jmap_write(snapshot_device, dev, o);
	jmap_write(snapshot_facts, f, o);
	/* said again in words, for those who do not decode config space; nobody reads it back */
	link_json_put(o, dev, f);
	put_acs(o, f);
	put_regions(o, f);
	put_aer(o, &f->aer);
	jout_put(o, "users", each(snapshot_user, f->users, f->nusers, sizeof(*f->users)));
	put_config(o, f);
	return o;
}

/* ---- the rest ---- */

static struct json_t *machine_json(const struct topology *t)
{
	struct machine_facts m = t->machine;
	struct json_t *o = jout_object();
	struct str clean = {0};

	scrub_words(m.cmdline, &clean);
	m.cmdline = clean.s ? clean.s : "";
	jmap_write(snapshot_machine, &m, o);
	str_finish(&clean);
	return o;
}

static struct json_t *file_json(const struct hostfile *file)
{
	struct hostfile f = *file;
	struct json_t *o = jout_object();
	struct str clean = {0};

	if (str_eq(f.path, "/proc/cmdline"))
		scrub_words(f.text, &clean);
	else if (str_starts(f.path, "/etc/"))
		scrub_settings(f.text, &clean);
	if (clean.len > 0)
		f.text = clean.s;
	jmap_write(snapshot_file, &f, o);
	str_finish(&clean);
	return o;
}

/* What is not understood may have its secrets anywhere. */
static struct json_t *domain_json(const struct topology_domain *domain)
{
	struct topology_domain d = *domain;
	struct json_t *o = jout_object();
	struct str clean = {0};

	if (d.def != NULL)
		scrub_xml(d.xml, &clean);
	d.xml = d.def != NULL ? clean.s : NULL;
	jmap_write(snapshot_domain, &d, o);
	str_finish(&clean);
	return o;
}

/* ---- the document: a line for each thing, so that a diff of two can be read ---- */

static void member(FILE *out, const char *key, struct json_t *value)
{
	fprintf(out, ",\n\"%s\": ", key);
	jout_write(value, out);
}

static void begin_list(FILE *out, const char *key)
{
	fprintf(out, ",\n\"%s\": [", key);
}

static void list_item(FILE *out, size_t i, struct json_t *item)
{
	fputs(i > 0 ? ",\n " : "\n ", out);
	jout_write(item, out);
}

void snapshot_write(const struct topology *t, const char *tool_version, FILE *out)
{
	struct json_t *head = jout_object(), *tail = jout_object();
	size_t i;

	fputs("{\"schema\": \"" SNAPSHOT_SCHEMA "\",\n\"tool_version\": ", out);
	jout_write_str(tool_version, out);
	jmap_write(snapshot_head, t, head);
	member(out, "snapshot", head);
	member(out, "machine", machine_json(t));
	begin_list(out, "files");
	for (i = 0; i < t->files.n; i++)
		list_item(out, i, file_json(&t->files.v[i]));
	fputs("]", out);
	begin_list(out, "devices");
	for (i = 0; i < t->devs.n; i++)
		list_item(out, i, device_json(t, &t->devs.v[i]));
	fputs("]", out);
	member(out, "groups", each(snapshot_group, t->groups, t->ngroups, sizeof(*t->groups)));
	begin_list(out, "domains");
	for (i = 0; i < t->ndomains; i++)
		list_item(out, i, domain_json(&t->domains[i]));
	fputs("]", out);
	begin_list(out, "kernel_log");
	for (i = 0; i < t->nwords; i++) {
		struct json_t *word = jout_object();

		jmap_write(snapshot_word, &t->words[i], word);
		list_item(out, i, word);
	}
	fputs("]", out);
	jmap_write(snapshot_tail, t, tail);
	member(out, "known", tail);
	fputs("}\n", out);
}
