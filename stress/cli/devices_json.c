/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/devices_json.h"

#include "base/str.h"
#include "cli/machine.h"
#include "cli/pick.h"
#include "model/link_json.h"
#include "model/topology.h"
#include "world/jout.h"

#include <inttypes.h>
#include <string.h>

static void put_hex(struct json_t *o, const char *key, uint64_t value, int digits)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*" PRIx64, digits, value);
	jout_text(o, key, text);
}

static void put_number(struct json_t *o, const char *key, int value)
{
	if (value < 0)
		jout_null(o, key);
	else
		jout_int(o, key, value);
}

static void put_bdf(struct json_t *o, const char *key, bool has, struct bdf bdf)
{
	char text[BDF_LEN];

	jout_str(o, key, has ? bdf_text(bdf, text) : NULL);
}

static void put_words(struct json_t *o, const char *key, const char *words)
{
	struct json_t *a = jout_array();
	char word[64];

	for (; *words != '\0'; words += strcspn(words, " "), words += strspn(words, " ")) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(words, " "), words);
		jout_push_str(a, word);
	}
	jout_put(o, key, a);
}

static void put_identity(struct json_t *o, const struct pcidev *dev)
{
	struct json_t *sub = jout_object();

	put_hex(o, "vendor", dev->vendor, 4);
	put_hex(o, "device", dev->device, 4);
	put_hex(sub, "vendor", dev->subvendor, 4);
	put_hex(sub, "device", dev->subdevice, 4);
	jout_put(o, "subsystem", sub);
	put_hex(o, "revision", dev->revision, 2);
	put_hex(o, "class", dev->class_code, 6);
	jout_str(o, "name", dev->name);
}

static void put_group(struct json_t *o, const struct topology *t, const struct pcidev *dev)
{
	const struct iommu_group *group = topology_group(t, dev);
	struct json_t *g;

	if (group == NULL) {
		jout_null(o, "iommu_group");
		return;
	}
	g = jout_object();
	jout_int(g, "number", group->number);
	jout_str(g, "type", group->type);
	jout_put(o, "iommu_group", g);
}

static void put_bars(struct json_t *o, const struct pcifacts *f)
{
	struct json_t *bars = jout_array();
	int i;

	for (i = 0; i < REGION_BARS; i++) {
		const struct pci_region *r = &f->regions[i];
		struct json_t *bar;

		if (r->flags == 0 || r->end < r->start)
			continue;
		bar = jout_object();
		jout_int(bar, "index", i);
		if (r->flags & REGION_UNASSIGNED)
			jout_null(bar, "address");
		else
			put_hex(bar, "address", r->start, 1);
		put_hex(bar, "size", r->end - r->start + 1, 1);
		jout_bool(bar, "memory", r->flags & REGION_MEMORY);
		jout_bool(bar, "prefetchable", r->flags & REGION_PREFETCHABLE);
		jout_bool(bar, "64bit", r->flags & REGION_64BIT);
		jout_push(bars, bar);
	}
	jout_put(o, "bars", bars);
}

static void put_users(struct json_t *o, const struct pcifacts *f)
{
	static const char *const kinds[] = {
		[USER_DOMAIN] = "domain",
		[USER_PROCESS] = "process",
		[USER_SYSTEM] = "system",
		[USER_IDLE] = "idle",
	};
	struct json_t *users = jout_array();
	size_t i;

	for (i = 0; i < f->nusers; i++) {
		struct json_t *user = jout_object();

		jout_text(user, "kind", kinds[f->users[i].kind]);
		jout_bool(user, "active", f->users[i].active);
		jout_text(user, "name", f->users[i].name);
		jout_text(user, "text", f->users[i].text);
		jout_push(users, user);
	}
	jout_put(o, "users", users);
}

static struct json_t *device_json(const struct topology *t, const struct pcidev *dev)
{
	static const char *const states[] = {
		[CONF_READ] = "read",
		[CONF_HEADER_ONLY] = "header only",
		[CONF_ASLEEP] = "asleep",
		[CONF_STUCK] = "stuck",
		[CONF_FAILED] = "failed",
	};
	const struct pcifacts *f = topology_facts(t, dev);
	struct json_t *o = jout_object();

	put_bdf(o, "bdf", true, dev->bdf);
	put_identity(o, dev);
	jout_bool(o, "bridge", dev->is_bridge);
	jout_bool(o, "candidate", topology_is_candidate(dev));
	put_bdf(o, "parent", dev->has_parent, dev->parent);
	put_bdf(o, "physfn", dev->is_vf, dev->physfn);
	jout_str(o, "slot", f->slot);
	jout_str(o, "driver", dev->driver);
	jout_str(o, "driver_override", f->driver_override);
	put_words(o, "drivers", f->drivers);
	put_group(o, t, dev);
	put_number(o, "numa_node", dev->numa_node);
	jout_text(o, "config", states[f->conf_state]);
	link_json_put(o, dev, f);
	put_words(o, "reset_methods", dev->reset_methods);
	jout_str(o, "power_state", f->power_state);
	jout_bool(o, "boot_vga", dev->boot_vga);
	put_bars(o, f);
	put_users(o, f);
	return o;
}

void devices_write_json(const struct topology *t, const struct pick *p, FILE *out)
{
	const char *separator = "\n ";
	size_t i;

	fprintf(out, "{\"schema\": \"vfio-stress/devices/1\", \"simulated\": %s, \"snapshot\": ",
		t->simulated ? "true" : "false");
	jout_write(machine_origin_json(t), out);
	fputs(", \"devices\": [", out);
	for (i = 0; i < p->n; i++) {
		fputs(separator, out);
		jout_write(device_json(t, p->v[i]), out);
		separator = ",\n ";
	}
	fputs("]}\n", out);
}
