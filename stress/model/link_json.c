/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/link_json.h"

#include "model/topology.h"
#include "world/jout.h"

void link_json_put(struct json_t *o, const struct pcidev *dev, const struct pcifacts *f)
{
	struct pcie_link l;
	struct json_t *link;

	if (!topology_link(dev, f, &l)) {
		jout_null(o, "link");
		return;
	}
	link = jout_object();
	jout_int(link, "width", l.width);
	jout_int(link, "width_max", l.width_max);
	jout_text(link, "speed", pcie_speed_name(l.speed));
	jout_text(link, "speed_max", pcie_speed_name(l.speed_max));
	jout_put(o, "link", link);
}
