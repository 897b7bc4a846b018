/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void versions(struct look *l);
static void libvirt_reached(struct look *l);
static void sockets(struct look *l);
static void memory(struct look *l);
static void hugepages(struct look *l);
static void swap(struct look *l);

const struct check checks_host[] = {
	{"host.versions", CHECK_HOST, WEIGHT_NORMAL, "which QEMU and libvirt are there?",
		"A later change of behaviour cannot be tied to an update.",
		"Start libvirt, and look again.", versions},
	{"host.libvirt", CHECK_HOST, WEIGHT_NORMAL, "can libvirt be asked?",
		"What is known of domains is not complete.",
		"Start it (`systemctl start libvirtd` or virtqemud.socket), or run as root.",
		libvirt_reached},
	{"host.libvirt-sockets", CHECK_HOST, WEIGHT_NORMAL, "who may speak to libvirt?",
		"Whoever may write to this socket is as good as root, and may start a guest with "
		"the device in the middle of a test.",
		"Leave auth_unix_rw at 'polkit', or unix_sock_rw_perms at '0770'.", sockets},
	{"host.memory", CHECK_HOST, WEIGHT_NORMAL, "how much memory is there?",
		"/proc/meminfo is not readable.", "", memory},
	{"host.hugepages", CHECK_HOST, WEIGHT_NORMAL, "how many huge pages are free?",
		"They are not to be seen in sysfs.", "", hugepages},
	{"host.swap", CHECK_HOST, WEIGHT_NORMAL, "does the host swap?",
		"The memory of guests with devices is pinned, so everything else is swapped out "
		"first: times of starts and stops then tell about the disk.",
		"Leave more memory to the host, or `swapoff -a` for the test.", swap},
	{0},
};

static void versions(struct look *l)
{
	const struct topology *t = l->t;

	if (t->libvirt[0] == '\0' && t->qemu[0] == '\0')
		answer(l, CHECK_UNKNOWN, "%s",
			t->domains_unknown ? t->domains_unknown
					   : "domains were read without libvirt");
	else
		answer(l, CHECK_OK, "libvirt %s, QEMU %s", t->libvirt[0] ? t->libvirt : "?",
			t->qemu[0] ? t->qemu : "?");
}

static void libvirt_reached(struct look *l)
{
	if (l->t->domains_unknown != NULL)
		answer(l, CHECK_UNKNOWN, "%s", l->t->domains_unknown);
	else
		answer(l, CHECK_OK, "it knows %zu domain%s", l->t->ndomains,
			l->t->ndomains == 1 ? "" : "s");
}

/* ---- sockets ---- */

static const struct {
	const char *socket, *config;
} daemons[] = {
	{"/run/libvirt/libvirt-sock", "/etc/libvirt/libvirtd.conf"},
	{"/run/libvirt/virtqemud-sock", "/etc/libvirt/virtqemud.conf"},
};

/* Does the daemon ask nobody who connects? Its default is polkit where that is built in. */
static bool asks_nobody(const struct topology *t, const char *config)
{
	const char *text = hostfiles_text(&t->files, config);
	char value[32];

	return text != NULL && hostfile_value(text, "auth_unix_rw", value, sizeof(value)) &&
		strstr(value, "none") != NULL;
}

static void sockets(struct look *l)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(daemons); i++) {
		const struct hostfile *f = hostfiles_find(&l->t->files, daemons[i].socket);
		unsigned mode;

		if (f == NULL || f->sys != 0 || sscanf(f->text, "%*c %o", &mode) != 1)
			continue;
		n++;
		if ((mode & 02) && asks_nobody(l->t, daemons[i].config))
			finding_item(l,
				answer(l, CHECK_WARN,
					"anybody: %s has mode %04o and no "
					"authentication",
					daemons[i].socket, mode),
				daemons[i].socket);
		else
			finding_item(l,
				answer(l, CHECK_OK, "%s, mode %04o", daemons[i].socket, mode),
				daemons[i].socket);
	}
	if (n == 0)
		answer(l, CHECK_OK, "there is no socket: it does not run");
}

/* ---- memory ---- */

static uint64_t kib_of(const char *text, const char *key)
{
	char value[32];
	uint64_t n;

	if (text == NULL || !hostfile_value(text, key, value, sizeof(value)))
		return 0;
	value[strcspn(value, " ")] = '\0';
	return str_to_u64(value, 10, UINT64_MAX, &n) ? n : 0;
}

static void memory(struct look *l)
{
	const char *info = hostfiles_text(&l->t->files, "/proc/meminfo");
	uint64_t total = kib_of(info, "MemTotal"), free = kib_of(info, "MemAvailable");

	if (total == 0)
		answer(l, CHECK_UNKNOWN, "/proc/meminfo is not readable");
	else
		answer(l, CHECK_OK, "%" PRIu64 " of %" PRIu64 " MiB available, %zu NUMA node%s",
			free / 1024, total / 1024, numa_nodes(l->t),
			numa_nodes(l->t) == 1 ? "" : "s");
}

#define POOL "/sys/kernel/mm/hugepages/hugepages-"

static void hugepages(struct look *l)
{
	const struct hostfile *f = NULL;
	struct str words = {0};
	char path[128], size[32];
	uint64_t kib, total, free;
	size_t pools = 0;

	while ((f = hostfiles_next(&l->t->files, f, POOL, "/nr_hugepages")) != NULL) {
		kib = strtoull(f->path + strlen(POOL), NULL, 10);
		snprintf(path, sizeof(path), POOL "%" PRIu64 "kB/free_hugepages", kib);
		pools++;
		if (!hostfiles_number(&l->t->files, f->path, &total) || total == 0 ||
			!hostfiles_number(&l->t->files, path, &free))
			continue;
		str_addf(&words, "%s%" PRIu64 " of %" PRIu64 " pages of %s", words.len ? ", " : "",
			free, total, bytes_text(kib * 1024, size, sizeof(size)));
	}
	if (pools == 0)
		answer(l, CHECK_UNKNOWN, "sysfs has no huge pages");
	else
		answer(l, CHECK_OK, "%s", words.s ? words.s : "none are set aside");
	str_finish(&words);
}

static void swap(struct look *l)
{
	const char *info = hostfiles_text(&l->t->files, "/proc/meminfo");
	uint64_t total = kib_of(info, "SwapTotal"), free = kib_of(info, "SwapFree");

	if (info == NULL)
		answer(l, CHECK_UNKNOWN, "/proc/meminfo is not readable");
	else if (total == 0)
		answer(l, CHECK_OK, "there is no swap");
	else if (free >= total)
		answer(l, CHECK_OK, "nothing of %" PRIu64 " MiB is used", total / 1024);
	else
		answer(l, CHECK_WARN, "%" PRIu64 " of %" PRIu64 " MiB are swapped out",
			(total - free) / 1024, total / 1024);
}
