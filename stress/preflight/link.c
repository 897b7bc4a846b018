/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <stdio.h>

static void link(struct look *l);
static void aspm(struct look *l);

const struct check checks_link[] = {
	{"device.link", CHECK_DEVICE, WEIGHT_NORMAL,
		"are the links up to the root as wide as they can be?",
		"A narrow link is a matter of the slot when the port is narrow, and of riser, "
		"cable "
		"or card when both ends could do more. Speed drops by design while nothing moves.",
		"Reseat card and riser; look at the slot's lanes in the board's manual, and at "
		"bifurcation in the firmware's setup.",
		link},
	{"device.aspm", CHECK_DEVICE, WEIGHT_NORMAL, "may its link sleep (ASPM)?", "", "", aspm},
	{0},
};

/* One link: the port above and the function below it. */
struct segment {
	const struct pcidev *port, *below;
	struct pcie_link up, down;
};

static bool segment_of(const struct topology *t, const struct pcidev *below, struct segment *out)
{
	*out = (struct segment){.port = topology_parent(t, below), .below = below};
	return out->port != NULL && pciconf_link(&topology_facts(t, out->port)->conf, &out->up) &&
		pciconf_link(&topology_facts(t, below)->conf, &out->down);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* What is wrong with it, as a sentence; false when nothing is. */
static bool is_narrow(const struct segment *s, struct str *out)
{
	unsigned can = least(s->up.width_max, s->down.width_max);
	char port[BDF_LEN], below[BDF_LEN];

	bdf_text(s->port->bdf, port);
	bdf_text(s->below->bdf, below);
	if (s->down.width < can)
		str_addf(out, "%s%s to %s runs x%u, both ends can do x%u", out->len ? "; " : "",
			port, below, s->down.width, can);
	else if (s->up.width_max < s->down.width_max)
		str_addf(out, "%sport %s has x%u, %s could do x%u", out->len ? "; " : "", port,
			s->up.width_max, below, s->down.width_max);
	else
		return false;
	return true;
}

static void describe(struct look *l, const struct segment *s)
{
	unsigned can = least(s->up.speed_max, s->down.speed_max);

	if (s->down.speed < can)
		answer(l, CHECK_OK, "x%u, %s of %s now", s->down.width,
			pcie_speed_name(s->down.speed), pcie_speed_name(can));
	else
		answer(l, CHECK_OK, "x%u, %s", s->down.width, pcie_speed_name(s->down.speed));
}

static void link(struct look *l)
{
	const struct pcidev *dev = l->dev;
	struct str narrow = {0};
	struct segment s, first = {0};
	bool found = false;
	int depth;

	/* a VF has its PF's link, and says nothing of its own */
	if (dev->is_vf)
		return;
	for (depth = 0; dev != NULL && depth < 64; depth++, dev = topology_parent(l->t, dev)) {
		if (!segment_of(l->t, dev, &s))
			continue;
		if (!found)
			first = s;
		found = true;
		is_narrow(&s, &narrow);
	}
	if (narrow.len > 0)
		answer(l, CHECK_WARN, "%s", narrow.s);
	else if (found)
		describe(l, &first);
	else if (dev == NULL && l->facts->conf_state == CONF_HEADER_ONLY)
		answer(l, CHECK_UNKNOWN, "config space is readable by root only");
	str_finish(&narrow);
}

static void aspm(struct look *l)
{
	static const char *const words[] = {"no", "L0s", "L1", "L0s and L1"};
	struct pcie_link mine;

	if (l->dev->is_vf || !pciconf_link(&l->facts->conf, &mine))
		return;
	answer(l, CHECK_OK, "%s (it can: %s)", words[mine.aspm], words[mine.aspm_max]);
}
