/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/machine.h"

#include <string.h>

/* A whole attribute; "" when it cannot be read. */
static const char *attribute(const struct host *host, struct arena *arena, const char *path)
{
	char buf[4096];
	struct err err;

	if (host_read(host, path, buf, sizeof(buf), &err) != 0)
		return "";
	return arena_strdup(arena, buf);
}

/* The value of the first "key : value" line in a text. */
static const char *cpuinfo_value(struct arena *arena, const char *text, const char *key)
{
	const char *s = strstr(text, key), *colon, *end;

	if (s == NULL || (colon = strchr(s, ':')) == NULL)
		return "";
	colon += strspn(colon, ": \t");
	end = strchr(colon, '\n');
	return arena_strndup(arena, colon, end ? (size_t)(end - colon) : strlen(colon));
}

static const char *joined(struct arena *arena, const char *a, const char *b)
{
	if (*a == '\0' || *b == '\0')
		return *a ? a : b;
	return arena_printf(arena, "%s %s", a, b);
}

void machine_facts_read(const struct host *host, struct arena *arena, struct machine_facts *out)
{
	const char *cpuinfo = attribute(host, arena, "/proc/cpuinfo");

	*out = (struct machine_facts){
		.name = attribute(host, arena, "/proc/sys/kernel/hostname"),
		.kernel = attribute(host, arena, "/proc/sys/kernel/osrelease"),
		.cmdline = attribute(host, arena, "/proc/cmdline"),
		.bios = joined(arena,
			joined(arena, attribute(host, arena, "/sys/class/dmi/id/bios_vendor"),
				attribute(host, arena, "/sys/class/dmi/id/bios_version")),
			attribute(host, arena, "/sys/class/dmi/id/bios_date")),
		.board = joined(arena, attribute(host, arena, "/sys/class/dmi/id/board_vendor"),
			attribute(host, arena, "/sys/class/dmi/id/board_name")),
		.cpu = cpuinfo_value(arena, cpuinfo, "model name"),
		.microcode = cpuinfo_value(arena, cpuinfo, "microcode"),
	};
}
