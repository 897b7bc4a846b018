// SPDX-License-Identifier: GPL-2.0-or-later
#include "events.h"
#include "machine.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- PCI functions and their configuration space, from outside ------------------------------- */

struct bdf {
	unsigned int bus, dev, fn;
};

static bool parse_bdf(const char *text, struct bdf *bdf)
{
	unsigned int domain;

	return sscanf(text, "%x:%x:%x.%x", &domain, &bdf->bus, &bdf->dev, &bdf->fn) == 4 ||
		sscanf(text, "%x:%x.%x", &bdf->bus, &bdf->dev, &bdf->fn) == 3;
}

/* The name that QEMU's monitor knows a function by: text itself unless it is a BDF. */
static bool qdev_of(struct machine *machine, const char *text, char *id, size_t size)
{
	static char pci[1 << 18];
	char head[64], *at, *end;
	struct bdf bdf;

	if (!parse_bdf(text, &bdf)) {
		snprintf(id, size, "%s", text);
		return true;
	}
	if (!machine_monitor(machine, "info pci", pci, sizeof(pci)))
		return false;
	snprintf(head, sizeof(head), "Bus %2u, device %3u, function %u:", bdf.bus, bdf.dev, bdf.fn);
	at = strstr(pci, head);
	end = at ? strstr(at + 1, "  Bus ") : NULL;
	if (end)
		*end = '\0';
	at = at ? strstr(at, "id \"") : NULL;
	if (!at || at[4] == '"')
		return false;
	at += 4;
	at[strcspn(at, "\"")] = '\0';
	snprintf(id, size, "%s", at);
	return true;
}

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu

static bool port_write(struct machine *machine, unsigned int port, uint32_t value)
{
	char command[64], output[256];

	snprintf(command, sizeof(command), "o/w 0x%x 0x%x", port, value);
	return machine_monitor(machine, command, output, sizeof(output));
}

static bool port_read(struct machine *machine, unsigned int port, uint32_t *value)
{
	char command[64], output[256];
	const char *equals;

	snprintf(command, sizeof(command), "i/w 0x%x", port);
	if (!machine_monitor(machine, command, output, sizeof(output)))
		return false;
	equals = strchr(output, '=');
	if (!equals)
		return false;
	*value = (uint32_t)strtoul(equals + 1, NULL, 0);
	return true;
}

static uint32_t config_address(const struct bdf *bdf, unsigned int reg)
{
	return 0x80000000u | bdf->bus << 16 | bdf->dev << 11 | bdf->fn << 8 | (reg & 0xfcu);
}

static bool config_read(
	struct machine *machine, const struct bdf *bdf, unsigned int reg, uint32_t *value)
{
	return port_write(machine, CONFIG_ADDRESS, config_address(bdf, reg)) &&
		port_read(machine, CONFIG_DATA, value);
}

static bool config_write(
	struct machine *machine, const struct bdf *bdf, unsigned int reg, uint32_t value)
{
	return port_write(machine, CONFIG_ADDRESS, config_address(bdf, reg)) &&
		port_write(machine, CONFIG_DATA, value);
}

#define PCI_CAP_POINTER  0x34u
#define PCI_CAP_EXPRESS  0x10u
#define EXP_SLOT_CONTROL 0x18u
#define POWER_OFF        0x0400u

static unsigned int find_express(struct machine *machine, const struct bdf *bdf)
{
	uint32_t value;
	unsigned int at;

	if (!config_read(machine, bdf, PCI_CAP_POINTER, &value))
		return 0;
	at = value & 0xfcu;
	for (int i = 0; i < 48 && at; i++) {
		if (!config_read(machine, bdf, at, &value))
			return 0;
		if ((value & 0xffu) == PCI_CAP_EXPRESS)
			return at;
		at = value >> 8 & 0xfcu;
	}
	return 0;
}

static bool set_slot_power(struct machine *machine, const struct bdf *port, bool on)
{
	unsigned int express = find_express(machine, port), reg = express + EXP_SLOT_CONTROL;
	uint32_t value;

	if (!express || !config_read(machine, port, reg, &value))
		return false;
	/* The upper half is Slot Status, whose bits are cleared by writing ones. */
	value &= 0xffffu & ~POWER_OFF;
	return config_write(machine, port, reg, on ? value : value | POWER_OFF);
}

/*
 * Switches a slot's power controller while its indicator stays as it is: QEMU then answers all
 * config reads below with ones, and the kernel is not told. The machine stands still meanwhile, and
 * the address register is put back, so the kernel's own config accesses are not disturbed.
 */
static bool slot_power(struct machine *machine, const char *arg, bool on, char *said, size_t size)
{
	uint32_t address;
	struct bdf port;
	bool ok;

	if (!parse_bdf(arg, &port)) {
		snprintf(said, size, "not the BDF of a port");
		return false;
	}
	if (!machine_monitor(machine, "stop", said, size))
		return false;
	ok = port_read(machine, CONFIG_ADDRESS, &address);
	if (ok) {
		ok = set_slot_power(machine, &port, on);
		ok = port_write(machine, CONFIG_ADDRESS, address) && ok;
	}
	if (!machine_monitor(machine, "cont", said, size))
		return false;
	if (!ok)
		snprintf(said, size, "not a port with a slot, or QEMU did not answer");
	return ok;
}

/* --- events ---------------------------------------------------------------------------------- */

static bool inject(
	struct machine *machine, const char *id, const char *error, int n, char *said, size_t size)
{
	char command[512];

	snprintf(command, sizeof(command), "pcie_aer_inject_error %s %.*s", id, n, error);
	return machine_monitor(machine, command, said, size) && strncmp(said, "OK", 2) == 0;
}

/* Several at one moment, so that the root port finds "Multiple": the machine stands still. */
static bool event_aer(struct machine *machine, const char *arg, char *said, size_t size)
{
	const char *name = strrchr(arg, ':');
	char who[128], id[128], ignored[256];
	bool ok = true, several;

	if (!name) {
		snprintf(said, size, "needs aer:DEVICE:ERROR");
		return false;
	}
	snprintf(who, sizeof(who), "%.*s", (int)(name - arg), arg);
	if (!qdev_of(machine, who, id, sizeof(id))) {
		snprintf(said, size, "no such device in QEMU");
		return false;
	}
	several = strchr(name, ',') != NULL;
	if (several && !machine_monitor(machine, "stop", said, size))
		return false;
	for (name++; ok && *name; name += *name == ',') {
		int n = (int)strcspn(name, ",");

		ok = inject(machine, id, name, n, said, size);
		name += n;
	}
	return (!several || machine_monitor(machine, "cont", ignored, sizeof(ignored))) && ok;
}

static bool event_darken(struct machine *machine, const char *arg, char *said, size_t size)
{
	return slot_power(machine, arg, false, said, size);
}

static bool event_lighten(struct machine *machine, const char *arg, char *said, size_t size)
{
	return slot_power(machine, arg, true, said, size);
}

static bool event_remove(struct machine *machine, const char *arg, char *said, size_t size)
{
	char id[128], command[256];

	if (!qdev_of(machine, arg, id, sizeof(id))) {
		snprintf(said, size, "no such device in QEMU");
		return false;
	}
	snprintf(command, sizeof(command), "device_del %s", id);
	return machine_monitor(machine, command, said, size) && !*said;
}

static bool event_add(struct machine *machine, const char *arg, char *said, size_t size)
{
	char command[1024];

	snprintf(command, sizeof(command), "device_add %s", arg);
	return machine_monitor(machine, command, said, size) && !*said;
}

static bool event_hmp(struct machine *machine, const char *arg, char *said, size_t size)
{
	return machine_monitor(machine, arg, said, size);
}

static bool event_reset_host(struct machine *machine, const char *arg, char *said, size_t size)
{
	(void)arg;
	return machine_monitor(machine, "system_reset", said, size);
}

static int boots_begun(void)
{
	char text[16];

	return machine_read("share/boots", text, sizeof(text)) ? (int)strtol(text, NULL, 10) : 0;
}

static bool event_power_cut(struct machine *machine, const char *arg, char *said, size_t size)
{
	(void)arg;
	machine_kill(machine);
	snprintf(said, size, "%s", "");
	if (boots_begun() >= machine->boots) {
		machine->ended_by_event = true;
		return true;
	}
	return machine_start(machine);
}

static bool event_quit(struct machine *machine, const char *arg, char *said, size_t size)
{
	(void)arg;
	machine_kill(machine);
	machine->ended_by_event = true;
	snprintf(said, size, "%s", "");
	return true;
}

static const struct event_type event_types[] = {
	{"add", event_add},
	{"aer", event_aer},
	{"darken", event_darken},
	{"hmp", event_hmp},
	{"lighten", event_lighten},
	{"power-cut", event_power_cut},
	{"quit", event_quit},
	{"remove", event_remove},
	{"reset-host", event_reset_host},
};

const struct event_type *event_find(const char *event)
{
	size_t len = strcspn(event, ":");

	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++) {
		const char *name = event_types[i].name;

		if (strlen(name) == len && strncmp(name, event, len) == 0)
			return &event_types[i];
	}
	return NULL;
}
