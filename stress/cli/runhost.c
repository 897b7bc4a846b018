/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runhost.h"

#include "base/str.h"
#include "base/vec.h"
#include "device/survey.h"
#include "model/scenario.h"
#include "world/vmlist.h"

void runhost_look(const struct host *host, const struct scenario *sc, struct runhost *out)
{
	const char *uri = str_eq(sc->connect, VMLIST_URI) ? NULL : sc->connect;
	struct err err = {0};

	*out = (struct runhost){0};
	out->known = survey_take(host, uri, &out->machine, &err) == 0;
	if (out->known)
		fitness_look(&out->machine, sc, &out->fitness);
	else
		*vec_push(&out->fitness.notes) = xasprintf(
			"preflight could not look at this host, nor is it compared with that of "
			"the last run: %s",
			err.msg);
}

void runhost_finish(struct runhost *r)
{
	fitness_finish(&r->fitness);
	topology_finish(&r->machine);
	*r = (struct runhost){0};
}
