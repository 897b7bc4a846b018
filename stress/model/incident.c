/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/incident.h"

#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

void incident_finish(struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfirst; i++)
		free(inc->first[i].text);
	for (i = 0; i < inc->nlast; i++)
		free(inc->last[i].text);
	free(inc->fields);
	free(inc->meaning);
	free(inc->advice);
	*inc = (struct incident){0};
}

struct incident_field *incident_add_field(
	struct incident *inc, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f;

	if (inc->nfields == INCIDENT_FIELDS)
		return NULL;
	if (inc->nfields == inc->fields_room) {
		inc->fields_room = INCIDENT_FIELDS;
		inc->fields = xrealloc(inc->fields, INCIDENT_FIELDS * sizeof(inc->fields[0]));
	}
	f = &inc->fields[inc->nfields++];
	str_set(f->name, name);
	f->kind = kind;
	str_set(f->text, text);
	return f;
}

struct incident_field *incident_field(const struct incident *inc, const char *name)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (str_eq(inc->fields[i].name, name))
			return &inc->fields[i];
	return NULL;
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
	dst->fields_room = src->nfields;
	dst->fields = NULL;
	if (src->nfields > 0) {
		dst->fields = xmalloc(src->nfields * sizeof(dst->fields[0]));
		memcpy(dst->fields, src->fields, src->nfields * sizeof(dst->fields[0]));
	}
	copy_lines(dst->first, dst->nfirst);
	copy_lines(dst->last, dst->nlast);
	dst->meaning = src->meaning ? xstrdup(src->meaning) : NULL;
	dst->advice = src->advice ? xstrdup(src->advice) : NULL;
}
