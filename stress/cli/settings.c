/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/settings.h"

#include "base/str.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

int settings_read(const struct options *o, struct settings *out)
{
	size_t i;

	for (i = 0; i < o->nset; i++) {
		const char *text = o->set[i].value, *eq;
		struct setting *s;

		if (!str_eq(o->set[i].opt->name, "set"))
			continue;
		eq = strchr(text, '=');
		if (eq == NULL || eq == text) {
			fprintf(stderr, "vfio-stress: --set '%s' is not NAME=VALUE\n", text);
			return -1;
		}
		s = vec_push(&out->list);
		s->name = arena_strndup(&out->arena, text, (size_t)(eq - text));
		s->value = eq + 1;
	}
	return 0;
}

void settings_finish(struct settings *s)
{
	vec_finish(&s->list);
	arena_finish(&s->arena);
}
