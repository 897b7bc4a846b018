/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum log_level threshold = LOG_WARN;
static void (*before_line)(void), (*after_line)(void);

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_set_hooks(void (*before)(void), void (*after)(void))
{
	before_line = before;
	after_line = after;
}

void log_say(enum log_level level, const char *module, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char line[1024], clean[2 * sizeof(line)];
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (before_line != NULL)
		before_line();
	fprintf(stderr, "%s: %s: %s\n", names[level], module,
		str_printable(clean, sizeof(clean), line, strlen(line)));
	if (after_line != NULL)
		after_line();
}
