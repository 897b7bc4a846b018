/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "use_machine.h"

#include "base/mem.h"
#include "base/vec.h"
#include "cli/devices_json.h"
#include "cli/devices_text.h"
#include "cli/pick.h"
#include "cli/preflight_json.h"
#include "cli/preflight_text.h"
#include "device/scope.h"
#include "model/diff.h"
#include "model/snapshot.h"
#include "model/topology.h"
#include "preflight/preflight.h"

#include <stdlib.h>
#include <string.h>

static void list_devices(const struct topology *t, const struct pick *pick, FILE *out)
{
	devices_write_table(t, pick, 80, out);
	devices_write_tree(t, pick, 80, out);
	devices_write_groups(t, pick, 80, out);
	devices_write_json(t, pick, out);
}

static void preflight(const struct topology *t, const struct pick *pick, FILE *out)
{
	const struct preflight_style all = {.all = true, .columns = 80};
	const struct preflight_style screen = {.columns = 80, .rows = 24};
	struct preflight p;

	preflight_look(t, pick->v, pick->n, &p);
	preflight_write_text(&p, &all, out);
	preflight_write_text(&p, &screen, out);
	preflight_write_json(&p, 0, out);
	preflight_finish(&p);
}

static void reach(const struct topology *t)
{
	struct bdf_set set;
	size_t i;

	for (i = 0; i < t->devs.n && i < 16; i++) {
		scope_disturbed(&t->devs, &t->devs.v[i], SCOPE_SLOT, &set);
		if (set.n == 0)
			abort();
		bdf_set_finish(&set);
	}
}

/* As it is when it was written down. */
static void read_back(const struct topology *t, struct topology *out)
{
	auto_free char *text = NULL;
	struct err err = {0};
	size_t n = 0;
	FILE *file = open_memstream(&text, &n);

	snapshot_write(t, "0", file);
	fclose(file);
	if (snapshot_parse(text, n, "what was written", out, &err) != 0) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
}

/* What was written is read; without its secrets it is the same machine ever after. */
static void write_down(const struct topology *t)
{
	struct topology once, twice;
	struct machine_diff d;

	read_back(t, &once);
	read_back(&once, &twice);
	machine_diff_make(&once, &twice, &d);
	vec_foreach (c, &d)
		fprintf(stderr, "%s: %s\n", c->subject, c->text);
	if (d.n > 0)
		abort();
	machine_diff_finish(&d);
	topology_finish(&once);
	topology_finish(&twice);
}

void use_machine(const struct topology *t)
{
	FILE *out = fopen("/dev/null", "we");
	struct err err = {0};
	struct pick pick;

	if (out == NULL || pick_devices(t, NULL, 0, true, &pick, &err) != 0)
		abort();
	list_devices(t, &pick, out);
	preflight(t, &pick, out);
	reach(t);
	write_down(t);
	pick_finish(&pick);
	fclose(out);
}
