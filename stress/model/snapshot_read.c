/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/snapshot_map.h"
#include "model/topology.h"
#include "world/instream.h"
#include "world/jin.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* More of a thing than a machine has. */
#define USERS_MAX   256
#define DOMAINS_MAX 65536
#define WORDS_MAX   65536
#define GROUPS_MAX  65536
#define DEPTH_MAX   64 /* bridges above a function (world/pcidev.c) */

#define HINT "`vfio-stress snapshot FILE` makes one"

struct reader {
	const struct json_t *doc;
	struct jmap_place top;
	struct topology t;
	struct err *err;
};

static int wrong(const struct jmap_place *at, const char *key, const char *why, struct err *err)
{
	return jmap_wrong(at, key, why, err);
}

/* ---- a function ---- */

/* "1f0: 00 11 22": bytes behind where they begin, none beyond the length. */
static bool take_row(const char *text, uint8_t *bytes, size_t len)
{
	size_t at;
	char *s;

	if (text == NULL || !isxdigit((unsigned char)*text))
		return false;
	at = strtoul(text, &s, 16);
	if (*s++ != ':')
		return false;
	for (; *s != '\0'; s += 3) {
		const char hex[3] = {s[1], s[1] ? s[2] : '\0'};
		uint64_t value;

		if (s[0] != ' ' || at >= len || !isxdigit((unsigned char)hex[0]) ||
			!isxdigit((unsigned char)hex[1]) || !str_to_u64(hex, 16, 0xff, &value))
			return false;
		bytes[at++] = (uint8_t)value;
	}
	return true;
}

static int read_config(const struct json_t *dev, const struct jmap_place *above, struct pcifacts *f,
	struct err *err)
{
	const struct json_t *config = jin_get(dev, "config"), *rows;
	struct jmap_place at = jmap_below(above, "config");
	uint8_t *bytes;
	size_t i;

	if (jmap_read(snapshot_config, config, &at, f, err) != 0 ||
		jmap_array(config, "rows", PCICONF_SIZE / SNAPSHOT_ROW, &at, &rows, err) != 0)
		return -1;
	if (f->conf.len > PCICONF_SIZE)
		return wrong(&at, "length", "is more than config space has", err);
	if (f->conf.len == 0 && jin_count(rows) == 0)
		return 0;
	bytes = arena_alloc(at.arena, f->conf.len + 1);
	for (i = 0; i < jin_count(rows); i++)
		if (!take_row(jin_text(jin_at(rows, i)), bytes, f->conf.len)) {
			struct jmap_place row = jmap_item(&at, "rows", i);

			return wrong(&row, NULL, "must be a line such as \"00: 86 80\"", err);
		}
	f->conf.bytes = bytes;
	return 0;
}

static int read_regions(
	const struct json_t *dev, const struct jmap_place *at, struct pcifacts *f, struct err *err)
{
	const struct json_t *regions;
	size_t i;

	if (jmap_array(dev, "regions", REGIONS_MAX, at, &regions, err) != 0)
		return -1;
	for (i = 0; i < jin_count(regions); i++) {
		struct jmap_place here = jmap_item(at, "regions", i);
		struct snapshot_region_row row;

		if (jmap_read(snapshot_region, jin_at(regions, i), &here, &row, err) != 0)
			return -1;
		if (row.index >= REGIONS_MAX)
			return wrong(&here, "index", "is more than a function has", err);
		f->regions[row.index] = (struct pci_region){row.start, row.end, row.flags};
	}
	return 0;
}

static bool read_classes(const struct json_t *counts, uint64_t out[AER_CLASSES])
{
	enum aer_class cls;
	int64_t n;

	for (cls = AER_CORRECTABLE; cls < AER_CLASSES; cls++) {
		if (!jin_int(jin_get(counts, aer_class_word(cls)), &n) || n < 0)
			return false;
		out[cls] = (uint64_t)n;
	}
	return true;
}

static int read_aer(const struct json_t *dev, const struct jmap_place *at, struct aer_counters *out,
	struct err *err)
{
	const struct json_t *aer = jin_get(dev, "aer");

	if (aer != NULL && jin_is_null(aer))
		return 0;
	if (!jin_bool(jin_get(aer, "known"), &out->known) ||
		!jin_bool(jin_get(aer, "root_port"), &out->is_root_port) ||
		!read_classes(jin_get(aer, "errors"), out->total) ||
		!read_classes(jin_get(aer, "received"), out->received))
		return wrong(at, "aer", "must be counters, or null", err);
	return 0;
}

static int read_users(
	const struct json_t *dev, const struct jmap_place *at, struct pcifacts *f, struct err *err)
{
	const struct json_t *users;
	size_t i;

	if (jmap_array(dev, "users", USERS_MAX, at, &users, err) != 0)
		return -1;
	f->users = arena_alloc(at->arena, (jin_count(users) + 1) * sizeof(*f->users));
	for (i = 0; i < jin_count(users); i++) {
		struct jmap_place here = jmap_item(at, "users", i);

		if (jmap_read(snapshot_user, jin_at(users, i), &here, &f->users[i], err) != 0)
			return -1;
	}
	f->nusers = jin_count(users);
	return 0;
}

static int read_device(const struct json_t *o, const struct jmap_place *at, struct pcidev *dev,
	struct pcifacts *f, struct err *err)
{
	if (jmap_read(snapshot_device, o, at, dev, err) != 0 ||
		jmap_read(snapshot_facts, o, at, f, err) != 0 || read_config(o, at, f, err) != 0 ||
		read_regions(o, at, f, err) != 0 || read_aer(o, at, &f->aer, err) != 0)
		return -1;
	return read_users(o, at, f, err);
}

/* ---- all functions ---- */

/* A tree, so that whoever climbs it arrives. */
static bool is_tree(const struct topology *t, const struct pcidev *dev)
{
	int depth;

	for (depth = 0; dev != NULL && depth < DEPTH_MAX; depth++)
		dev = topology_parent(t, dev);
	return dev == NULL;
}

static int check_devices(const struct topology *t, const struct jmap_place *top, struct err *err)
{
	size_t i;

	for (i = 0; i < t->devs.n; i++) {
		struct jmap_place at = jmap_item(top, "devices", i);

		if (i > 0 && bdf_cmp(t->devs.v[i - 1].bdf, t->devs.v[i].bdf) >= 0)
			return wrong(&at, "bdf", "must come after the one before", err);
		if (!is_tree(t, &t->devs.v[i]))
			return wrong(&at, "parent", "leads round in a circle", err);
	}
	return 0;
}

static int read_devices(struct reader *r)
{
	const struct json_t *list;
	size_t i, n;

	if (jmap_array(r->doc, "devices", PCIDEV_MAX, &r->top, &list, r->err) != 0)
		return -1;
	n = jin_count(list);
	r->t.devs = (struct pcidev_list){xcalloc(n + 1, sizeof(*r->t.devs.v)), n};
	r->t.facts = arena_alloc(&r->t.arena, (n + 1) * sizeof(*r->t.facts));
	for (i = 0; i < n; i++) {
		struct jmap_place at = jmap_item(&r->top, "devices", i);

		if (read_device(jin_at(list, i), &at, &r->t.devs.v[i], &r->t.facts[i], r->err) != 0)
			return -1;
	}
	return check_devices(&r->t, &r->top, r->err);
}

/* Members are known by the devices. */
static int read_groups(struct reader *r)
{
	const struct json_t *list;
	size_t i;

	topology_make_groups(&r->t);
	if (jmap_array(r->doc, "groups", GROUPS_MAX, &r->top, &list, r->err) != 0)
		return -1;
	for (i = 0; i < jin_count(list); i++) {
		struct jmap_place at = jmap_item(&r->top, "groups", i);
		const struct iommu_group *known;
		struct iommu_group said = {0};

		if (jmap_read(snapshot_group, jin_at(list, i), &at, &said, r->err) != 0)
			return -1;
		known = topology_group(&r->t, &(struct pcidev){.iommu_group = said.number});
		if (known == NULL)
			return wrong(&at, "number", "is no device's group", r->err);
		r->t.groups[known - r->t.groups].type = said.type;
		r->t.groups[known - r->t.groups].reserved = said.reserved ? said.reserved : "";
	}
	return 0;
}

/* ---- the rest ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hostfile *)a)->path, ((const struct hostfile *)b)->path);
}

static int read_files(struct reader *r)
{
	const struct json_t *list;
	struct hostfiles *f = &r->t.files;
	size_t i;

	if (jmap_array(r->doc, "files", HOSTFILES_MAX, &r->top, &list, r->err) != 0)
		return -1;
	f->v = arena_alloc(&r->t.arena, (jin_count(list) + 1) * sizeof(*f->v));
	for (i = 0; i < jin_count(list); i++) {
		struct jmap_place at = jmap_item(&r->top, "files", i);

		if (jmap_read(snapshot_file, jin_at(list, i), &at, &f->v[i], r->err) != 0)
			return -1;
		if (f->v[i].text == NULL || strlen(f->v[i].text) > HOSTFILE_MAX)
			return wrong(&at, "text", "must be a text of at most 64 KiB", r->err);
	}
	f->n = jin_count(list);
	qsort(f->v, f->n, sizeof(*f->v), by_path);
	return 0;
}

static void understand(struct reader *r, struct topology_domain *d)
{
	struct domdef *def = arena_alloc(&r->t.arena, sizeof(*def));
	struct err err = {0};

	if (d->xml == NULL) {
		d->problem = d->problem ? d->problem : "its definition is not in the snapshot";
	} else if (domdef_parse(d->xml, strlen(d->xml), def, &err) == 0) {
		d->def = def;
		d->problem = NULL;
	} else {
		d->problem = arena_strdup(&r->t.arena, err.msg);
	}
}

static int read_domains(struct reader *r)
{
	const struct json_t *list;
	size_t i;

	if (jmap_array(r->doc, "domains", DOMAINS_MAX, &r->top, &list, r->err) != 0)
		return -1;
	r->t.ndomains = jin_count(list);
	r->t.domains = arena_alloc(&r->t.arena, (r->t.ndomains + 1) * sizeof(*r->t.domains));
	for (i = 0; i < r->t.ndomains; i++) {
		struct jmap_place at = jmap_item(&r->top, "domains", i);

		if (jmap_read(snapshot_domain, jin_at(list, i), &at, &r->t.domains[i], r->err) != 0)
			return -1;
		understand(r, &r->t.domains[i]);
	}
	return 0;
}

static int read_words(struct reader *r)
{
	const struct json_t *list;
	size_t i;

	if (jmap_array(r->doc, "kernel_log", WORDS_MAX, &r->top, &list, r->err) != 0)
		return -1;
	r->t.nwords = jin_count(list);
	r->t.words = arena_alloc(&r->t.arena, (r->t.nwords + 1) * sizeof(*r->t.words));
	for (i = 0; i < r->t.nwords; i++) {
		struct jmap_place at = jmap_item(&r->top, "kernel_log", i);

		if (jmap_read(snapshot_word, jin_at(list, i), &at, &r->t.words[i], r->err) != 0)
			return -1;
	}
	return 0;
}

static int read_object(struct reader *r, const char *key, const struct jmap *map, void *to)
{
	struct jmap_place at = jmap_below(&r->top, key);

	return jmap_read(map, jin_get(r->doc, key), &at, to, r->err);
}

static int read_all(struct reader *r)
{
	const char *schema = jin_text(jin_get(r->doc, "schema"));

	if (!str_eq(schema, SNAPSHOT_SCHEMA)) {
		err_set(r->err, ERR_INPUT, 0, "not a snapshot of " SNAPSHOT_SCHEMA);
		return err_hint(r->err, HINT);
	}
	if (read_object(r, "snapshot", snapshot_head, &r->t) != 0 ||
		read_object(r, "machine", snapshot_machine, &r->t.machine) != 0 ||
		read_object(r, "known", snapshot_tail, &r->t) != 0 || read_files(r) != 0 ||
		read_devices(r) != 0 || read_groups(r) != 0 || read_domains(r) != 0)
		return -1;
	return read_words(r);
}

int snapshot_parse(
	const char *text, size_t n, const char *name, struct topology *out, struct err *err)
{
	struct reader r = {.err = err};
	struct json_t *doc;
	int rc;

	if (jin_load(text, n, name, &doc, err) != 0) {
		if (n == 0)
			err_set(err, ERR_INPUT, 0, "it is empty");
		err_wrap(err, "%s is no snapshot", name);
		return err_hint(err, HINT);
	}
	r.doc = doc;
	r.top.arena = &r.t.arena;
	rc = read_all(&r);
	jin_free(doc);
	if (rc != 0) {
		topology_finish(&r.t);
		return err_wrap(err, "%s", name);
	}
	r.t.snapshot = arena_printf(&r.t.arena, "%s at %s",
		*r.t.machine.name ? r.t.machine.name : "an unnamed host",
		*r.t.taken ? r.t.taken : "an unknown time");
	*out = r.t;
	return 0;
}

int snapshot_read(const char *path, struct topology *out, struct err *err)
{
	struct str text = {0};
	struct instream *in;
	char buf[65536];
	ssize_t n;
	int rc;

	if (instream_open(path, &in, err) != 0)
		return err->sys == ENOENT ? err_hint(err, HINT) : -1;
	while ((n = instream_read(in, buf, sizeof(buf), err)) > 0 && text.len <= SNAPSHOT_MAX)
		str_addn(&text, buf, (size_t)n);
	instream_close(in);
	if (n < 0)
		rc = -1;
	else if (text.len > SNAPSHOT_MAX)
		rc = err_set(err, ERR_INPUT, 0, "%s: more than %u MiB are no snapshot", path,
			SNAPSHOT_MAX >> 20);
	else
		rc = snapshot_parse(text.s ? text.s : "", text.len, path, out, err);
	str_finish(&text);
	return rc;
}
