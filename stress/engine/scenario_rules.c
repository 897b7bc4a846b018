/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/scenario_rules.h"

#include "base/mem.h"
#include "klog/klog.h"
#include "klog/rules.h"
#include "model/scenario.h"

#include <stdlib.h>

static void check_budget(const struct rules *rules, const struct tolerate *t, struct diags *diags)
{
	size_t i, n = rules_count(rules);
	auto_free const char **ids = xcalloc(n + 1, sizeof(*ids));
	const char *near;

	if (klog_fault_known(t->fault, rules))
		return;
	for (i = 0; i < n; i++)
		ids[i] = rules_at(rules, i)->id;
	diag_warning(
		diags, t->pos, "no rule has the id '%s': this budget tolerates nothing", t->fault);
	near = nearest_word(t->fault, ids);
	if (near != NULL)
		diag_hint(diags, "did you mean '%s'?", near);
	else
		diag_hint(diags, "`vfio-stress list faults` shows all");
}

struct rules *scenario_rules(const struct scenario *sc, struct diags *diags)
{
	struct rules *rules = rules_load(sc->fault_files.v, sc->fault_files.n, diags);
	size_t i;

	for (i = 0; rules != NULL && i < sc->ntolerate; i++)
		check_budget(rules, &sc->tolerate[i], diags);
	return rules;
}
