/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/incident.h"

#include "base/mem.h"

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

const char *incident_line(const struct incident *inc)
{
	if (inc->nfirst == 0)
		return "";
	return inc->first[inc->telling < inc->nfirst ? inc->telling : 0].text;
}

static void copy_lines(struct incident_line *lines, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		lines[i].text = xstrdup(lines[i].text);
}

void incident_copy(struct incident *dst, const struct incident *src)
{
	*dst = *src;
	copy_lines(dst->first, dst->nfirst);
	copy_lines(dst->last, dst->nlast);
	dst->meaning = src->meaning ? xstrdup(src->meaning) : NULL;
	dst->advice = src->advice ? xstrdup(src->advice) : NULL;
}
