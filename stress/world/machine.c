/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/machine.h"

#include "base/str.h"

#include <string.h>

/* A whole attribute, made harmless: firmware is foreign; "" when it cannot be read. */
static const char *attribute(const struct host *host, struct arena *arena, const char *path)
{
	char buf[4096];
	struct err err;

	if (host_read(host, path, buf, sizeof(buf), &err) != 0)
		return "";
	return arena_printable(arena, buf, strlen(buf));
}

/* The value of the first "key : value" line in a text. */
static const char *cpuinfo_value(struct arena *arena, const char *text, const char *key)
{
	const char *s = strstr(text, key), *colon, *end;

	if (s == NULL || (colon = strchr(s, ':')) == NULL)
		return "";
	colon += strspn(colon, ": \t");
	end = strchr(colon, '\n');
	return arena_printable(arena, colon, end ? (size_t)(end - colon) : strlen(colon));
}

static const char *joined(struct arena *arena, const char *a, const char *b)
{
	if (*a == '\0' || *b == '\0')
		return *a ? a : b;
	return arena_printf(arena, "%s %s", a, b);
}

void machine_facts_read(const struct host *host, struct arena *arena, struct machine_facts *out)
{
	char cpuinfo[4096];
	struct err err;

	if (host_read(host, "/proc/cpuinfo", cpuinfo, sizeof(cpuinfo), &err) != 0)
		cpuinfo[0] = '\0';
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
		.id = attribute(host, arena, "/etc/machine-id"),
		.microcode = cpuinfo_value(arena, cpuinfo, "microcode"),
	};
}
