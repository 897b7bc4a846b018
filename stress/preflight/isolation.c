/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <string.h>

static void group(struct look *l);
static void acs(struct look *l);
static void reserved(struct look *l);
static void twins(struct look *l);

const struct check checks_isolation[] = {
	{"device.group", CHECK_DEVICE, WEIGHT_ESSENTIAL, "who shares its IOMMU group?",
		"A group goes to one guest as a whole. VFIO refuses it while a member has a driver "
		"of the host.",
		"Assign the others with it or unbind them; or use another slot.", group},
	{"device.acs", CHECK_DEVICE, WEIGHT_NORMAL,
		"is access control (ACS) on along its way to the root?",
		"Below a port without it, devices can reach each other past the IOMMU.",
		"Switch ACS on in the firmware's setup, or use a slot of its own root port.", acs},
	{"device.reserved-memory", CHECK_DEVICE, WEIGHT_NORMAL,
		"does the firmware keep memory for its DMA (RMRR)?",
		"The firmware has the device write to memory behind the kernel's back. VFIO "
		"refuses "
		"it: 'ineligible for IOMMU domain attach due to platform RMRR requirement'.",
		"Switch off shared memory for this slot in the firmware's setup (HPE: "
		"`hponcfg`, 'HP Shared Memory Features').",
		reserved},
	{"device.twins", CHECK_DEVICE, WEIGHT_NORMAL, "are there more of its kind?",
		"A rule by vendor:device (`ids=`) takes all of them.",
		"Use driver_override by address (driverctl) in place of `ids=`.", twins},
	{0},
};

/* ---- the group ---- */

/* Members by what they mean for VFIO (vfio_dev_viable, iommu_device_claim_dma_owner). */
enum member {
	MEMBER_BRIDGE, /* stays; a bridge's driver does no DMA */
	MEMBER_OWN, /* of the same slot, or in the same domain: goes along */
	MEMBER_OWN_BOUND, /* the same, and a driver of the host has it */
	MEMBER_LOOSE, /* somebody else that nobody has */
	MEMBER_BOUND, /* somebody else that a driver of the host has */
	MEMBER_KINDS
};

/* Do both go to one guest, with libvirt to see to their drivers? */
static bool go_together(const struct topology *t, struct bdf a, struct bdf b)
{
	size_t i, j;

	for (i = 0; i < t->ndomains; i++) {
		const struct domdef *def = t->domains[i].def;
		bool with_a = false, with_b = false;

		for (j = 0; def != NULL && j < def->nhostdevs; j++) {
			with_a |= bdf_eq(def->hostdevs[j].bdf, a);
			with_b |= def->hostdevs[j].managed && bdf_eq(def->hostdevs[j].bdf, b);
		}
		if (with_a && with_b)
			return true;
	}
	return false;
}

static enum member kind_of(
	const struct topology *t, const struct pcidev *dev, const struct pcidev *other)
{
	bool bound = other->driver[0] != '\0' && !pcidev_vfio_driver(other->driver) &&
		!str_eq(other->driver, "pci-stub");

	if (other->is_bridge)
		return MEMBER_BRIDGE;
	if (go_together(t, dev->bdf, other->bdf))
		return MEMBER_OWN;
	if (topology_same_slot(dev, other))
		return bound ? MEMBER_OWN_BOUND : MEMBER_OWN;
	return bound ? MEMBER_BOUND : MEMBER_LOOSE;
}

struct members {
	struct str text[MEMBER_KINDS];
	struct namelist list[MEMBER_KINDS];
};

static void judge_members(struct look *l, int number, const struct members *m)
{
	struct finding *f;

	if (m->list[MEMBER_BOUND].n > 0) {
		answer(l, CHECK_FAIL, "group %d: the host uses %s", number,
			m->text[MEMBER_BOUND].s);
	} else if (m->list[MEMBER_LOOSE].n > 0) {
		f = answer(l, CHECK_WARN, "group %d also has %s", number, m->text[MEMBER_LOOSE].s);
		finding_means(l, f,
			"They go to the same guest, or to none: none of them may get a driver of "
			"the host.");
	} else if (m->list[MEMBER_OWN_BOUND].n > 0) {
		f = answer(l, CHECK_WARN, "group %d: the host uses %s of the same slot", number,
			m->text[MEMBER_OWN_BOUND].s);
		finding_advises(l, f, "Pass all functions of the slot through to the same guest.");
	} else if (m->list[MEMBER_OWN].n > 0) {
		answer(l, CHECK_OK, "group %d: with %s, which goes along%s", number,
			m->text[MEMBER_OWN].s, m->list[MEMBER_BRIDGE].n ? ", and bridges" : "");
	} else if (m->list[MEMBER_BRIDGE].n > 0) {
		answer(l, CHECK_OK, "group %d: with bridges only (%s)", number,
			m->text[MEMBER_BRIDGE].s);
	} else {
		answer(l, CHECK_OK, "group %d: alone", number);
	}
}

static void no_group(struct look *l)
{
	struct finding *f = answer(l, CHECK_FAIL, "it is in no IOMMU group");

	finding_means(l, f, "It cannot be passed through.");
	finding_advises(l, f, "%s",
		l->t->ngroups ? "It is behind no IOMMU; use another slot."
			      : "Switch the IOMMU on (iommu.groups).");
}

static void group(struct look *l)
{
	const struct iommu_group *g = topology_group(l->t, l->dev);
	struct members m = {0};
	enum member kind;
	size_t i;

	if (g == NULL) {
		no_group(l);
		return;
	}
	for (kind = 0; kind < MEMBER_KINDS; kind++)
		m.list[kind] = (struct namelist){&m.text[kind], 0, 7};
	for (i = 0; i < g->n; i++)
		if (g->members[i] != l->dev)
			namelist_add(&m.list[kind_of(l->t, l->dev, g->members[i])], g->members[i]);
	for (kind = 0; kind < MEMBER_KINDS; kind++)
		namelist_end(&m.list[kind]);
	judge_members(l, g->number, &m);
	for (kind = 0; kind < MEMBER_KINDS; kind++)
		str_finish(&m.text[kind]);
}

/* ---- ACS ---- */

static const struct {
	unsigned bit;
	const char *name; /* as lspci has it */
} acs_bits[] = {
	{ACS_SOURCE_VALIDATION, "SrcValid"},
	{ACS_P2P_REQUEST_REDIRECT, "ReqRedir"},
	{ACS_P2P_COMPLETION, "CmpltRedir"},
	{ACS_UPSTREAM_FORWARDING, "UpstreamFwd"},
};

/* What a port lacks; false when it lacks nothing. */
static bool lacks(const struct pcifacts *port, struct str *out)
{
	unsigned capable, enabled, missing;
	size_t i, n = 0;

	if (!pciconf_acs(&port->conf, &capable, &enabled)) {
		str_add(out, "no ACS");
		return true;
	}
	missing = ACS_ISOLATES & ~enabled;
	for (i = 0; i < ARRAY_SIZE(acs_bits); i++)
		if (missing & acs_bits[i].bit)
			str_addf(out, "%s%s", n++ ? " " : "no ", acs_bits[i].name);
	return missing != 0;
}

static bool has_strangers(const struct iommu_group *g, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (!g->members[i]->is_bridge && !topology_same_slot(g->members[i], dev))
			return true;
	return false;
}

static void judge_acs(struct look *l, const char *ports, bool unread)
{
	const struct iommu_group *g = topology_group(l->t, l->dev);
	char value[8];
	struct finding *f;

	if (ports == NULL && unread) {
		answer(l, CHECK_UNKNOWN, "config space of a port above it is not readable");
	} else if (ports == NULL) {
		answer(l, CHECK_OK, "on at every port above it");
	} else if (cmdline_value(l->t, "pcie_acs_override", value, sizeof(value))) {
		f = answer(l, CHECK_WARN, "%s; the groups come from `pcie_acs_override`", ports);
		finding_means(l, f, "The isolation that the groups show is not there.");
	} else if (g != NULL && has_strangers(g, l->dev)) {
		answer(l, CHECK_WARN, "%s: that is why the group is shared", ports);
	} else {
		f = answer(l, CHECK_OK, "%s; nobody else is in its group", ports);
		finding_means(l, f,
			"Either there is nobody else to reach, or the kernel knows that the port "
			"isolates without saying so.");
	}
}

static void acs(struct look *l)
{
	const struct pcidev *port = topology_parent(l->t, l->dev);
	struct str ports = {0};
	char bdf[BDF_LEN];
	bool unread = false;
	int depth;

	if (port == NULL)
		return;
	for (depth = 0; port != NULL && depth < 64; depth++, port = topology_parent(l->t, port)) {
		const struct pcifacts *f = topology_facts(l->t, port);
		enum pcie_type type = pciconf_type(&f->conf);
		struct str what = {0};

		unread |= f->conf_state != CONF_READ;
		if ((type == PCIE_ROOT_PORT || type == PCIE_DOWNSTREAM) && lacks(f, &what))
			str_addf(&ports, "%s%s: %s", ports.len ? "; " : "",
				bdf_text(port->bdf, bdf), what.s);
		str_finish(&what);
	}
	judge_acs(l, ports.s, unread);
	str_finish(&ports);
}

/* ---- reserved memory ---- */

static void reserved(struct look *l)
{
	const struct iommu_group *g = topology_group(l->t, l->dev);
	const char *s;
	char type[32];

	if (g == NULL)
		return;
	/* "0x00000000bdf6e000 0x00000000bdf84fff direct" */
	for (s = g->reserved; *s != '\0'; s += strcspn(s, "\n"), s += *s == '\n') {
		if (sscanf(s, "%*s %*s %31s", type) == 1 && str_eq(type, "direct")) {
			answer(l, CHECK_FAIL, "%.*s", (int)strcspn(s, "\n"), s);
			return;
		}
	}
	answer(l, CHECK_OK, "none");
}

/* ---- twins ---- */

static void twins(struct look *l)
{
	struct str names = {0};
	struct namelist list = {&names, 0, 6};
	char id[16];
	size_t i;

	snprintf(id, sizeof(id), "%04x:%04x", l->dev->vendor, l->dev->device);
	for (i = 0; i < l->t->devs.n; i++) {
		const struct pcidev *dev = &l->t->devs.v[i];

		if (dev != l->dev && dev->vendor == l->dev->vendor && dev->device == l->dev->device)
			namelist_add(&list, dev);
	}
	namelist_end(&list);
	if (list.n == 0)
		answer(l, CHECK_OK, "it is the only %s", id);
	else if (cmdline_has(l->t, "vfio-pci.ids", id))
		answer(l, CHECK_WARN, "%s is in `vfio-pci.ids`, and so are %s", id, names.s);
	else
		answer(l, CHECK_OK, "%s are of this kind too", names.s);
	str_finish(&names);
}
