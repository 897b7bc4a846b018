/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"

#include "base/mem.h"
#include "engine/vocabulary.h"
#include "model/step.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct step_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].type == NULL || list->v[i].args == NULL || list->v[i].name == NULL ||
			list->v[i].timeout_ms < 0)
			abort();
}

/* Whatever is accepted keeps the promises of struct scenario. */
static void check_promises(const struct scenario *sc)
{
	size_t i;

	if (sc->name == NULL || sc->connect == NULL || sc->nlanes == 0 || sc->nlanes > LANES_MAX ||
		(sc->cycles == 0 && sc->duration_ms == 0))
		abort();
	check_list(&sc->before);
	check_list(&sc->after);
	for (i = 0; i < sc->nlanes; i++) {
		const struct lane_spec *lane = &sc->lanes[i];

		if (lane->name == NULL || *lane->name == '\0' || lane->steps.n == 0 ||
			(lane->domain == NULL && lane->ndevices == 0))
			abort();
		check_list(&lane->steps);
	}
	for (i = 0; i < sc->nreports; i++)
		if (sc->reports[i].type == NULL || sc->reports[i].opts == NULL)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct setting setting = {"domain", "vm"};
	struct diags *diags = xcalloc(1, sizeof(*diags));
	struct scenario *sc = scenario_parse("fuzz.yaml", (const char *)data, size, &setting,
		size % 2, &words_of_this_build, diags);
	auto_file FILE *out = fopen("/dev/null", "w");

	if (sc != NULL)
		check_promises(sc);
	else if (diags->errors == 0)
		abort();
	diags_print(diags, out);
	scenario_free(sc);
	free(diags);
	source_forget_all();
	return 0;
}
