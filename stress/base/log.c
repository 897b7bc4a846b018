/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum log_level threshold = LOG_WARN;
static void (*sink_of_lines)(const char *line);

void log_set_level(enum log_level level)
{
	threshold = level;
}

void log_set_sink(void (*sink)(const char *line))
{
	sink_of_lines = sink;
}

void log_say(enum log_level level, const char *module, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char text[1024], clean[2 * sizeof(text)], line[sizeof(clean) + 64];
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %s: %s", names[level], module,
		str_printable(clean, sizeof(clean), text, strlen(text)));
	if (sink_of_lines != NULL)
		sink_of_lines(line);
	else
		fprintf(stderr, "%s\n", line);
}
