/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/stored_settings.h"

#include "model/scenario.h"

#include <string.h>

size_t stored_settings(struct arena *arena, const char *text, struct setting **out)
{
	char *line = arena_strdup(arena, text), *next, *eq;
	struct setting *list;
	size_t n = 0, most = 1;
	const char *s;

	for (s = text; *s != '\0'; s++)
		most += *s == '\n';
	list = arena_alloc(arena, most * sizeof(*list));
	for (; *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next != '\0')
			*next++ = '\0';
		eq = strchr(line, '=');
		if (eq != NULL) {
			*eq = '\0';
			list[n++] = (struct setting){line, eq + 1};
		} else if (n > 0) {
			list[n - 1].value = arena_printf(arena, "%s\n%s", list[n - 1].value, line);
		}
	}
	*out = list;
	return n;
}
