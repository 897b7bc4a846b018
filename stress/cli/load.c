/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/load.h"

#include "cli/settings.h"
#include "engine/scenario_rules.h"
#include "engine/vocabulary.h"

#include <stdio.h>

struct scenario *load_scenario(
	const char *path, const struct settings *settings, struct rules **rules_out)
{
	struct scenario *sc;
	struct diags diags = {0};
	struct rules *rules = NULL;

	sc = scenario_load(path, settings->list.v, settings->list.n, &words_of_this_build, &diags);
	if (sc != NULL)
		rules = scenario_rules(sc, &diags);
	diags_print(&diags, stderr);
	if (rules == NULL) {
		scenario_free(sc);
		return NULL;
	}
	*rules_out = rules;
	return sc;
}
