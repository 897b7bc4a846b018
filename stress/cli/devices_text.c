/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/devices_text.h"

#include "base/str.h"
#include "base/utf8.h"
#include "cli/pick.h"
#include "model/topology.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define USERS_SHOWN 3
#define DEPTH_MAX   64

/* One line, cut to the terminal's width; "~" shows that it was. */
static void line(FILE *out, size_t columns, const char *fmt, ...) printf_like(3, 4);

static void line(FILE *out, size_t columns, const char *fmt, ...)
{
	char text[512];
	size_t len, fits;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (len = strlen(text); len > 0 && text[len - 1] == ' ';)
		text[--len] = '\0';
	if (utf8_columns(text) <= columns) {
		fprintf(out, "%s\n", text);
		return;
	}
	fits = utf8_fit(text, columns - 1);
	fprintf(out, "%.*s~\n", (int)fits, text);
}

/* "x16 2.5/16 GT/s", "x8/x16 16 GT/s"; "-" for what has no link. Now first, then what it could. */
static const char *link_text(
	const struct topology *t, const struct pcidev *dev, char *buf, size_t size)
{
	const struct pcifacts *f = topology_facts(t, dev);
	char width[24], speed[40];
	struct pcie_link l;

	if (f->conf_state == CONF_ASLEEP || f->conf_state == CONF_STUCK)
		return f->conf_state == CONF_ASLEEP ? "asleep" : "stuck";
	if (f->conf_state != CONF_READ)
		return "?";
	if (pciconf_all_ones(&f->conf, dev->is_vf))
		return "gone";
	if (dev->is_vf || !pciconf_link(&f->conf, &l))
		return "-";
	if (l.width == 0)
		return "down";
	if (l.width == l.width_max)
		snprintf(width, sizeof(width), "x%u", l.width);
	else
		snprintf(width, sizeof(width), "x%u/x%u", l.width, l.width_max);
	if (l.speed == l.speed_max)
		snprintf(speed, sizeof(speed), "%s", pcie_speed_name(l.speed));
	else
		snprintf(speed, sizeof(speed), "%.*s/%s",
			(int)strcspn(pcie_speed_name(l.speed), " "), pcie_speed_name(l.speed),
			pcie_speed_name(l.speed_max));
	snprintf(buf, size, "%s %s", width, speed);
	return buf;
}

static const char *number_text(int n, char *buf, size_t size)
{
	if (n < 0)
		return "-";
	snprintf(buf, size, "%d", n);
	return buf;
}

/* What pci.ids calls it, or its numbers. */
static const char *name_text(const struct pcidev *dev, char *buf, size_t size)
{
	if (dev->name[0] != '\0')
		return dev->name;
	snprintf(
		buf, size, "%04x:%04x, class %04x", dev->vendor, dev->device, dev->class_code >> 8);
	return buf;
}

/* ---- the table ---- */

static void write_users(const struct pcifacts *f, size_t columns, FILE *out)
{
	size_t i;

	for (i = 0; i < f->nusers && i < USERS_SHOWN; i++)
		line(out, columns, "    %s", f->users[i].text);
	if (f->nusers > USERS_SHOWN)
		line(out, columns, "    and %zu more", f->nusers - USERS_SHOWN);
}

static void write_row(const struct topology *t, const struct pcidev *dev, size_t columns, FILE *out)
{
	char bdf[BDF_LEN], group[16], node[16], link[64], name[64];
	const struct pcifacts *f = topology_facts(t, dev);

	line(out, columns, "%-12s %5s %4s  %-12s %-18s %s", bdf_text(dev->bdf, bdf),
		number_text(dev->iommu_group, group, sizeof(group)),
		number_text(dev->numa_node, node, sizeof(node)), dev->driver[0] ? dev->driver : "-",
		link_text(t, dev, link, sizeof(link)),
		dev->reset_methods[0] ? dev->reset_methods : "none");
	line(out, columns, "    %s", name_text(dev, name, sizeof(name)));
	write_users(f, columns, out);
}

void devices_write_table(const struct topology *t, const struct pick *p, size_t columns, FILE *out)
{
	size_t i;

	if (p->n == 0) {
		fputs("no device here could be passed through; --all shows every function\n", out);
		return;
	}
	line(out, columns, "%-12s %5s %4s  %-12s %-18s %s", "ADDRESS", "GROUP", "NODE", "DRIVER",
		"LINK (NOW/BEST)", "RESETS");
	for (i = 0; i < p->n; i++)
		write_row(t, p->v[i], columns, out);
}

/* ---- the tree ---- */

static void write_branch(
	const struct topology *t, const struct pcidev *dev, int depth, size_t columns, FILE *out)
{
	const struct pcifacts *f = topology_facts(t, dev);
	char bdf[BDF_LEN], link[64], name[64], group[24] = "";
	int indent = depth ? 3 * depth - 3 : 0;

	if (dev->iommu_group >= 0)
		snprintf(group, sizeof(group), "  group %d", dev->iommu_group);
	line(out, columns, "%*s%s%s  %s%s%s%s  %s", indent, "", depth ? "`- " : "",
		bdf_text(dev->bdf, bdf), link_text(t, dev, link, sizeof(link)), group,
		dev->driver[0] ? "  " : "", dev->driver,
		dev->is_bridge ? topology_bridge_name(f) : name_text(dev, name, sizeof(name)));
}

/* Is it picked, or above somebody who is? */
static bool leads_to(const struct topology *t, const struct pick *p, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (pcidev_is_below(&t->devs, p->v[i], dev->bdf))
			return true;
	return false;
}

static void write_below(const struct topology *t, const struct pick *p, const struct pcidev *above,
	int depth, size_t columns, FILE *out)
{
	size_t i;

	/* a parent that is its own descendant is a lie of a tree made for tests */
	if (depth == DEPTH_MAX)
		return;
	for (i = 0; i < t->devs.n; i++) {
		const struct pcidev *dev = &t->devs.v[i];

		if (topology_parent(t, dev) != above || !leads_to(t, p, dev))
			continue;
		write_branch(t, dev, depth, columns, out);
		write_below(t, p, dev, depth + 1, columns, out);
	}
}

void devices_write_tree(const struct topology *t, const struct pick *p, size_t columns, FILE *out)
{
	write_below(t, p, NULL, 0, columns, out);
}

/* ---- by IOMMU group ---- */

static void write_member(const struct pick *p, const struct pcidev *dev, size_t columns, FILE *out)
{
	char bdf[BDF_LEN], name[64];

	line(out, columns, "  %s %-12s [%04x] %04x:%04x  %-12s %s", pick_has(p, dev) ? " " : "*",
		bdf_text(dev->bdf, bdf), dev->class_code >> 8, dev->vendor, dev->device,
		dev->driver[0] ? dev->driver : "-", name_text(dev, name, sizeof(name)));
}

static bool is_concerned(const struct iommu_group *g, const struct pick *p)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (pick_has(p, g->members[i]))
			return true;
	return false;
}

void devices_write_groups(const struct topology *t, const struct pick *p, size_t columns, FILE *out)
{
	size_t i, j, without = 0;
	bool marked = false;

	for (i = 0; i < t->ngroups; i++) {
		const struct iommu_group *g = &t->groups[i];

		if (!is_concerned(g, p))
			continue;
		line(out, columns, "group %d%s%s", g->number, g->type[0] ? "  " : "", g->type);
		for (j = 0; j < g->n; j++) {
			write_member(p, g->members[j], columns, out);
			marked |= !pick_has(p, g->members[j]);
		}
	}
	for (i = 0; i < p->n; i++)
		without += p->v[i]->iommu_group < 0;
	if (marked)
		fputs("* in the group, but not among the devices asked for\n", out);
	if (without > 0)
		fprintf(out,
			"%zu device%s in no IOMMU group: nothing can be passed through without "
			"one\n",
			without, without == 1 ? " is" : "s are");
}
