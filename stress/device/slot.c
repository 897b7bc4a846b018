/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/slot.h"

#include "base/str.h"
#include "world/host.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOTS "/sys/bus/pci/slots"

static void read_slot(const struct host *host, const char *name, struct slot *out)
{
	char path[HOST_PATH_MAX], link[128];

	*out = (struct slot){0};
	str_set(out->name, name);
	snprintf(link, sizeof(link), SLOTS "/%s/module", out->name);
	host_link_name(host, link, out->driver, sizeof(out->driver));
	out->has_power = access(host_path(host, path, SLOTS "/%s/power", out->name), F_OK) == 0;
}

/* "0000:41:00"; of all devices of a bus "0000:41" (address_read_file, drivers/pci/slot.c). */
static bool is_at(const struct host *host, const char *name, struct bdf bdf)
{
	char path[128], text[32], slot[32], bus[32];
	struct err ignored;

	snprintf(path, sizeof(path), SLOTS "/%s/address", name);
	if (host_read(host, path, text, sizeof(text), &ignored) != 0)
		return false;
	snprintf(bus, sizeof(bus), "%04x:%02x", bdf.domain, bdf.bus);
	snprintf(slot, sizeof(slot), "%s:%02x", bus, bdf.dev);
	return str_eq(text, slot) || str_eq(text, bus);
}

bool slot_of(const struct host *host, struct bdf bdf, struct slot *out)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, SLOTS));
	struct dirent *entry;
	bool found = false;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = entry->d_name[0] != '.' && strlen(entry->d_name) < sizeof(out->name) &&
			is_at(host, entry->d_name, bdf);
		if (found)
			read_slot(host, entry->d_name, out);
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}
