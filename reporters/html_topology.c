/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_topology.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/culprit.h"
#include "model/run_view.h"
#include "model/snapshot.h"
#include "model/store.h"
#include "model/topology.h"
#include "reporters/html_page.h"

#include <stdlib.h>

#define TEXT_MAX       (16u << 20) /* of a snapshot; a machine of 1,000 functions has 3 MiB */
#define DEPTH_MAX      32 /* a parent that is its own descendant is a lie */
#define DEPTH_WIDE     4 /* ports and switches between root and device that fit a screen side by side */
#define NODES_MAX      300
#define NEIGHBOURS_MAX 8 /* below one port */

/* What a function is to the run. */
enum role {
	ROLE_NONE, /* not in the picture */
	ROLE_NEIGHBOUR, /* of its slot or group, or below the same port */
	ROLE_PATH, /* above one of a lane */
	ROLE_LANE,
};

/* One place of the tree: of the device at the same index. */
struct node {
	const struct pcidev *above; /* NULL on a root bus */
	enum role role;
	bool failing; /* it, or what is below it, is the culprit */
	size_t shown; /* below it */
};

struct picture {
	FILE *out;
	const struct run_view *run;
	const struct topology *t;
	struct node *nodes;
	const struct pcidev *lanes[NODES_MAX]; /* devices of them */
	size_t nlanes;
	size_t shown, left_out; /* left_out: devices of lanes, for want of room */
	unsigned depth; /* of the deepest */
	const struct pcidev *culprit; /* NULL = none, or not of this machine */
};

static struct node *node_of(const struct picture *pic, const struct pcidev *dev)
{
	return &pic->nodes[dev - pic->t->devs.v];
}

/* ---- what is in it ---- */

static void show(struct picture *pic, const struct pcidev *dev, enum role role)
{
	struct node *node = node_of(pic, dev);

	if (node->role == ROLE_NONE) {
		pic->shown++;
		if (node->above != NULL)
			node_of(pic, node->above)->shown++;
	}
	if (node->role < role)
		node->role = role;
}

/* It, and all that is above it. */
static void show_path(
	struct picture *pic, const struct pcidev *dev, enum role role, enum role above)
{
	const struct pcidev *up = node_of(pic, dev)->above;
	unsigned depth;

	show(pic, dev, role);
	for (depth = 0; up != NULL && depth < DEPTH_MAX; depth++) {
		show(pic, up, above);
		up = node_of(pic, up)->above;
	}
	pic->depth = depth > pic->depth ? depth : pic->depth;
}

static void show_lanes(struct picture *pic)
{
	size_t i, k;

	for (i = 0; i < pic->run->nlanes; i++)
		for (k = 0; k < pic->run->lanes[i].ndevices; k++) {
			const struct pcidev *dev =
				pcidev_find(&pic->t->devs, pic->run->lanes[i].devices[k].bdf);

			if (dev == NULL)
				continue;
			if (pic->shown >= NODES_MAX || pic->nlanes == NODES_MAX) {
				pic->left_out++;
				continue;
			}
			pic->lanes[pic->nlanes++] = dev;
			show_path(pic, dev, ROLE_LANE, ROLE_PATH);
		}
}

static void show_culprit(struct picture *pic)
{
	const struct pcidev *dev;
	struct culprit c;
	struct bdf bdf;
	unsigned depth;

	if (!culprit_find(pic->run, &c) || !bdf_parse(c.device, &bdf))
		return;
	pic->culprit = pcidev_find(&pic->t->devs, bdf);
	if (pic->culprit == NULL)
		return;
	show_path(pic, pic->culprit, ROLE_PATH, ROLE_PATH);
	for (dev = pic->culprit, depth = 0; dev != NULL && depth < DEPTH_MAX; depth++) {
		node_of(pic, dev)->failing = true;
		dev = node_of(pic, dev)->above;
	}
}

static bool shares(const struct pcidev *a, const struct pcidev *b)
{
	return topology_same_slot(a, b) ||
		(a->iommu_group >= 0 && a->iommu_group == b->iommu_group);
}

/* Would a lane's device take it along: by its slot, its group, or the port above? */
static bool is_neighbour(const struct picture *pic, const struct pcidev *dev)
{
	const struct pcidev *above = node_of(pic, dev)->above;
	size_t i;

	if (above != NULL && node_of(pic, above)->role == ROLE_PATH &&
		node_of(pic, above)->shown < NEIGHBOURS_MAX)
		return true;
	for (i = 0; i < pic->nlanes; i++)
		if (shares(dev, pic->lanes[i]))
			return true;
	return false;
}

/* Those that are in a group or a slot with a lane may be elsewhere in the tree. */
static void show_neighbours(struct picture *pic)
{
	size_t i;

	for (i = 0; i < pic->t->devs.n && pic->shown < NODES_MAX; i++)
		if (pic->nodes[i].role == ROLE_NONE && is_neighbour(pic, &pic->t->devs.v[i]))
			show_path(pic, &pic->t->devs.v[i], ROLE_NEIGHBOUR, ROLE_NEIGHBOUR);
}

/* ---- drawing ---- */

/* "x8 of x16, 16 GT/s": the link above it. */
static void link_words(FILE *out, const struct pcie_link *l)
{
	if (l->width == 0) {
		fprintf(out, "<span class=\"warning\">link down</span>");
		return;
	}
	fprintf(out, "<span>");
	if (l->width == l->width_max)
		fprintf(out, "x%u", l->width);
	else
		fprintf(out, "<strong class=\"warning\">x%u of x%u</strong>", l->width,
			l->width_max);
	fprintf(out, ", %s", pcie_speed_name(l->speed));
	if (l->speed != l->speed_max)
		fprintf(out, " of %s", pcie_speed_name(l->speed_max));
	fprintf(out, "</span>");
}

/* The link belongs to what is below it: ports that lead down tell of the one below them. */
static void edge(struct picture *pic, const struct pcidev *dev)
{
	const struct pcifacts *facts = topology_facts(pic->t, dev);
	enum pcie_type type = pciconf_type(&facts->conf);
	struct pcie_link link;

	fprintf(pic->out, "<span class=\"edge\">");
	if (node_of(pic, dev)->failing)
		fprintf(pic->out, "<strong class=\"fail-word\">\u2716 failing path</strong> ");
	if (type != PCIE_ROOT_PORT && type != PCIE_DOWNSTREAM && topology_link(dev, facts, &link))
		link_words(pic->out, &link);
	fprintf(pic->out, "</span>");
}

static void lane_words(struct picture *pic, const struct pcidev *dev)
{
	size_t i, k;

	for (i = 0; i < pic->run->nlanes; i++)
		for (k = 0; k < pic->run->lanes[i].ndevices; k++)
			if (bdf_eq(pic->run->lanes[i].devices[k].bdf, dev->bdf)) {
				fprintf(pic->out, ", lane ");
				html_text(pic->out, pic->run->lanes[i].name);
			}
}

static void box(struct picture *pic, const struct pcidev *dev)
{
	const struct node *node = node_of(pic, dev);
	char bdf[BDF_LEN];

	fprintf(pic->out, "<div class=\"node%s\">",
		dev == pic->culprit                    ? " culprit"
			: node->role == ROLE_LANE      ? " lane"
			: node->role == ROLE_NEIGHBOUR ? " neighbour"
						       : "");
	if (dev == pic->culprit)
		fprintf(pic->out, "<strong class=\"fail-word\">\u2716 culprit</strong> ");
	fprintf(pic->out, "<span class=\"id\">%s</span><br>%s", bdf_text(dev->bdf, bdf),
		dev->is_bridge ? topology_bridge_name(topology_facts(pic->t, dev))
			: node->role == ROLE_NEIGHBOUR ? "neighbour"
						       : "device");
	lane_words(pic, dev);
	if (!dev->is_bridge && dev->name[0] != '\0') {
		fprintf(pic->out, "<br>");
		html_text(pic->out, dev->name);
	}
	fprintf(pic->out, "<br><small>");
	if (dev->iommu_group >= 0)
		fprintf(pic->out, "group %d, ", dev->iommu_group);
	html_text(pic->out, dev->driver[0] ? dev->driver : "no driver");
	fprintf(pic->out, "</small></div>");
}

static bool is_below(
	const struct picture *pic, size_t i, const struct pcidev *above, const struct pcidev *root)
{
	const struct pcidev *dev = &pic->t->devs.v[i];

	return pic->nodes[i].above == above &&
		(above != NULL ||
			(dev->bdf.domain == root->bdf.domain && dev->bdf.bus == root->bdf.bus));
}

/* All below a port, or (above NULL) on the root bus of `root`. */
static void branches(
	struct picture *pic, const struct pcidev *above, const struct pcidev *root, unsigned depth)
{
	size_t i, others = 0, mine = 0;

	for (i = 0; i < pic->t->devs.n; i++)
		if (is_below(pic, i, above, root)) {
			mine += pic->nodes[i].role != ROLE_NONE;
			others += pic->nodes[i].role == ROLE_NONE;
		}
	if (mine + others == 0 || depth > DEPTH_MAX)
		return;
	fprintf(pic->out, "<ul>\n");
	for (i = 0; i < pic->t->devs.n && mine > 0; i++) {
		if (pic->nodes[i].role == ROLE_NONE || !is_below(pic, i, above, root))
			continue;
		fprintf(pic->out, "<li%s>", pic->nodes[i].failing ? " class=\"failing\"" : "");
		edge(pic, &pic->t->devs.v[i]);
		box(pic, &pic->t->devs.v[i]);
		branches(pic, &pic->t->devs.v[i], NULL, depth + 1);
		fprintf(pic->out, "</li>\n");
	}
	if (others > 0)
		fprintf(pic->out,
			"<li><span class=\"edge\"></span><div class=\"node others\">+%zu "
			"other%s</div></li>\n",
			others, others == 1 ? "" : "s");
	fprintf(pic->out, "</ul>");
}

static bool same_root(const struct pcidev *a, const struct pcidev *b)
{
	return a != NULL && a->bdf.domain == b->bdf.domain && a->bdf.bus == b->bdf.bus;
}

static bool root_fails(const struct picture *pic, const struct pcidev *root)
{
	size_t i;

	for (i = 0; i < pic->t->devs.n; i++)
		if (pic->nodes[i].failing && is_below(pic, i, NULL, root))
			return true;
	return false;
}

/* A root complex is what has a root bus; there is no function of it. */
static void draw(struct picture *pic)
{
	const struct pcidev *last = NULL;
	size_t i;

	fprintf(pic->out, "<div class=\"scroll\" tabindex=\"0\"><ul class=\"tree%s\">\n",
		pic->depth <= DEPTH_WIDE ? " wide" : "");
	for (i = 0; i < pic->t->devs.n; i++) {
		const struct pcidev *dev = &pic->t->devs.v[i];

		if (pic->nodes[i].role == ROLE_NONE || pic->nodes[i].above != NULL ||
			same_root(last, dev))
			continue;
		last = dev;
		fprintf(pic->out,
			"<li%s><div class=\"node\">root complex<br><span "
			"class=\"id\">%04x:%02x</span></div>",
			root_fails(pic, dev) ? " class=\"failing\"" : "", dev->bdf.domain,
			dev->bdf.bus);
		branches(pic, NULL, dev, 0);
		fprintf(pic->out, "</li>\n");
	}
	fprintf(pic->out, "</ul></div>\n");
}

static void say(const struct picture *pic)
{
	fprintf(pic->out,
		"<p>The devices of the lanes, what is above them, and their neighbours, "
		"when the run began");
	if (pic->culprit != NULL)
		fprintf(pic->out, "; \u2716 marks the culprit and the path to it");
	fprintf(pic->out, ".");
	if (pic->left_out > 0)
		fprintf(pic->out, " %zu more devices of the lanes are not in the picture.",
			pic->left_out);
	fprintf(pic->out, "</p>\n");
}

static void picture(struct page *p, const struct topology *t)
{
	auto_free struct node *nodes = xcalloc(t->devs.n + 1, sizeof(*nodes));
	struct picture pic = {.out = p->out, .run = p->run, .t = t, .nodes = nodes};
	size_t i;

	for (i = 0; i < t->devs.n; i++)
		nodes[i].above = topology_parent(t, &t->devs.v[i]);
	show_lanes(&pic);
	show_culprit(&pic);
	show_neighbours(&pic);
	if (pic.shown == 0) {
		fprintf(p->out,
			"<p>No device of a lane was in the machine when the run "
			"began.</p>\n");
		return;
	}
	say(&pic);
	draw(&pic);
}

/* Of the run's snapshot: 1, 0 (those of old runs are not kept), -1. */
static int read_machine(const struct run_view *run, struct topology *out, struct err *err)
{
	auto_free char *text = NULL;
	char id[RUN_ID_MAX];
	size_t n = 0;
	int rc;

	if (run->store == NULL)
		return 0;
	rc = store_snapshot_get(run->store, run->key, &text, &n, id, err);
	if (rc != 1)
		return rc;
	if (n > TEXT_MAX)
		return err_set(err, ERR_INPUT, 0, "it has more than %u MiB", TEXT_MAX >> 20);
	return snapshot_parse(text, n, "snapshot", out, err) == 0 ? 1 : -1;
}

void html_topology(struct page *p)
{
	struct topology t = {0};
	struct err err = {0};
	int rc = read_machine(p->run, &t, &err);

	html_section(p->out, "topology", "Topology");
	if (rc == 1) {
		picture(p, &t);
		topology_finish(&t);
		return;
	}
	fprintf(p->out, "<p>%s",
		rc == 0 ? "No snapshot of the machine is kept with this run"
			: "The snapshot of the machine that is kept with this run cannot be read");
	if (rc < 0) {
		fprintf(p->out, ": ");
		html_text(p->out, err.msg);
	}
	fprintf(p->out, ".</p>\n");
}
