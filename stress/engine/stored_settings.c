/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/stored_settings.h"

#include "model/scenario.h"

#include <string.h>

/*
 * "NAME=VALUE" a line. An empty line in front says that a value's own newlines and backslashes are
 * "\n" and "\\"; older programs wrote none, and left values as they were.
 */

void stored_settings_text(const struct setting *list, size_t n, struct str *out)
{
	const char *s;
	size_t i;

	str_add(out, n > 0 ? "\n" : "");
	for (i = 0; i < n; i++) {
		str_addf(out, "%s=", list[i].name);
		for (s = list[i].value; *s != '\0'; s++)
			if (*s == '\n' || *s == '\\')
				str_add(out, *s == '\n' ? "\\n" : "\\\\");
			else
				str_addn(out, s, 1);
		str_add(out, "\n");
	}
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0')
			*to++ = *++s == 'n' ? '\n' : *s;
		else
			*to++ = *s;
	}
	*to = '\0';
}

size_t stored_settings(struct arena *arena, const char *text, struct setting **out)
{
	char *line = arena_strdup(arena, text), *next, *eq;
	struct setting *list;
	size_t n = 0, most = 1;
	bool escaped = *line == '\n';
	const char *s;

	line += escaped;
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
			if (escaped)
				unescape(eq + 1);
			list[n++] = (struct setting){line, eq + 1};
		} else if (n > 0) {
			list[n - 1].value = arena_printf(arena, "%s\n%s", list[n - 1].value, line);
		}
	}
	*out = list;
	return n;
}
