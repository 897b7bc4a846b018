/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"

#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

bool thing_mount(const struct host *host, const struct thing *t, char *buf, size_t size)
{
	char path[HOST_PATH_MAX], line[1024], at[256], source[256];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/self/mountinfo"), "re");
	unsigned major, minor;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		const char *rest = strstr(line, " - ");

		/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw (proc(5)) */
		if (sscanf(line, "%*u %*u %u:%u %*s %255s", &major, &minor, at) != 3)
			continue;
		if (rest == NULL || sscanf(rest, " - %*s %255s", source) != 1)
			source[0] = '\0';
		if ((major != t->major || minor != t->minor || major == 0) &&
			!(str_starts(source, "/dev/") && str_eq(source + 5, t->name)))
			continue;
		str_printable(buf, size, at, strlen(at));
		return true;
	}
	return false;
}

bool thing_is_swap(const struct host *host, const struct thing *t)
{
	char path[HOST_PATH_MAX], line[512];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/swaps"), "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, " \t\n")] = '\0';
		if (str_starts(line, "/dev/") && str_eq(line + 5, t->name))
			return true;
	}
	return false;
}

/* The first entry of a directory: who is stacked on a disk, what enslaves an interface. */
static bool entry_of(const struct host *host, const char *dir, const char *sub, const char *prefix,
	char *buf, size_t size)
{
	char path[HOST_PATH_MAX];
	DIR *d = opendir(host_path(host, path, "%s%s", dir, sub));
	struct dirent *entry;
	bool found = false;

	while (d != NULL && !found && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !str_starts(entry->d_name, prefix))
			continue;
		str_printable(buf, size, entry->d_name, strlen(entry->d_name));
		found = true;
	}
	if (d != NULL)
		closedir(d);
	return found;
}

bool thing_holder(const struct host *host, const struct thing *t, char *buf, size_t size)
{
	return entry_of(host, t->dir, "/holders", "", buf, size);
}

#define IFF_UP_BIT 1u /* linux/if.h */

bool thing_net_up(const struct host *host, const struct thing *t, bool *up)
{
	char path[HOST_PATH_MAX], text[32];
	struct err ignored;
	uint64_t flags;

	snprintf(path, sizeof(path), "%s/flags", t->dir);
	if (host_read(host, path, text, sizeof(text), &ignored) != 0 ||
		!str_to_u64(text, 0, UINT32_MAX, &flags))
		return false;
	*up = flags & IFF_UP_BIT;
	return true;
}

bool thing_net_master(const struct host *host, const struct thing *t, char *buf, size_t size)
{
	char entry[64];

	if (entry_of(host, t->dir, "", "upper_", entry, sizeof(entry))) {
		str_copy(buf, size, entry + strlen("upper_"));
		return true;
	}
	if (!entry_of(host, t->dir, "", "master", entry, sizeof(entry)))
		return false;
	str_copy(buf, size, "a bridge or bond");
	return true;
}

bool thing_is_console(const struct host *host, const struct thing *t)
{
	char path[HOST_PATH_MAX], line[256], number[32];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/consoles"), "re");

	snprintf(number, sizeof(number), " %u:%u\n", t->major, t->minor);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (str_ends(line, number))
			return true;
	return false;
}
