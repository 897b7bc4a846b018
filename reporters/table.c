/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/str.h"

const struct reporter *const reporters[] = {
	&reporter_bundle,
	&reporter_html,
	&reporter_json,
	&reporter_junit,
	&reporter_ocp,
	&reporter_prometheus,
	&reporter_text,
	&reporter_webhook,
	NULL,
};

const struct reporter *reporter_find(const char *name)
{
	const struct reporter *const *r;

	for (r = reporters; *r != NULL; r++)
		if (str_eq((*r)->word.name, name))
			return *r;
	return NULL;
}
