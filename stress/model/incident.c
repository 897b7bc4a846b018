/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/incident.h"

#include <stdlib.h>

void incident_finish(struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfirst; i++)
		free(inc->first[i].text);
	for (i = 0; i < inc->nlast; i++)
		free(inc->last[i].text);
	free(inc->meaning);
	free(inc->advice);
	*inc = (struct incident){0};
}
