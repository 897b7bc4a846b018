/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/modalias.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/pcidev.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define ALIAS_LINE 512
#define NAMES_MAX  256 /* bytes of all names of one function */
#define ALIAS      "alias pci:v"
#define ALIAS_SKIP (sizeof("alias ") - 1)

/* Functions of one kind are asked about once. */
struct kind {
	const struct pcidev *dev;
	char modalias[80];
	char names[NAMES_MAX];
};

struct kinds {
	struct kind *v;
	size_t n, cap;
};

static int by_kind(const void *a, const void *b)
{
	const struct pcidev *x = *(const struct pcidev *const *)a,
			    *y = *(const struct pcidev *const *)b;
	const uint32_t p[] = {x->vendor, x->device, x->subvendor, x->subdevice, x->class_code};
	const uint32_t q[] = {y->vendor, y->device, y->subvendor, y->subdevice, y->class_code};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		if (p[i] != q[i])
			return p[i] < q[i] ? -1 : 1;
	return 0;
}

/* As the kernel writes it (pci_uevent, drivers/pci/pci-driver.c). */
static void add_kind(struct kinds *kinds, const struct pcidev *dev)
{
	struct kind *k = vec_push(kinds);

	k->dev = dev;
	snprintf(k->modalias, sizeof(k->modalias), "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X",
		dev->vendor, dev->device, dev->subvendor, dev->subdevice,
		dev->class_code >> 16 & 0xff, dev->class_code >> 8 & 0xff, dev->class_code & 0xff);
}

static void add_name(struct kind *k, const char *name)
{
	size_t len = strlen(k->names), n = strlen(name);
	const char *have = k->names;

	while ((have = strstr(have, name)) != NULL) {
		if ((have == k->names || have[-1] == ' ') && (have[n] == ' ' || have[n] == '\0'))
			return;
		have += n;
	}
	snprintf(k->names + len, sizeof(k->names) - len, "%s%s", len ? " " : "", name);
}

/* "alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau" */
static void take_line(struct kinds *kinds, char *line)
{
	char *pattern = line + ALIAS_SKIP, *name, printable[64], vendor[9];
	uint64_t id = 0;
	bool any = line[sizeof(ALIAS) - 1] == '*';

	name = strchr(pattern, ' ');
	if (name == NULL)
		return;
	*name++ = '\0';
	snprintf(vendor, sizeof(vendor), "%.8s", line + sizeof(ALIAS) - 1);
	if (!any && !str_to_u64(vendor, 16, UINT32_MAX, &id))
		return;
	vec_foreach (k, kinds)
		if ((any || k->dev->vendor == id) && fnmatch(pattern, k->modalias, 0) == 0)
			add_name(
				k, str_printable(printable, sizeof(printable), name, strlen(name)));
}

static void collect_kinds(const struct pcidev **order, size_t n, struct kinds *kinds)
{
	size_t i;

	qsort(order, n, sizeof(*order), by_kind);
	for (i = 0; i < n; i++)
		if (i == 0 || by_kind(&order[i - 1], &order[i]) != 0)
			add_kind(kinds, order[i]);
}

/* Both are in the same order: each kind's names go to all its functions. */
static void hand_out(const struct pcidev **order, const struct pcidev_list *devs,
	struct kinds *kinds, struct arena *arena, const char **out)
{
	const char *names = "";
	size_t i, k = 0;

	for (i = 0; i < devs->n; i++) {
		if (k < kinds->n && kinds->v[k].dev == order[i])
			names = arena_strdup(arena, kinds->v[k++].names);
		out[order[i] - devs->v] = names;
	}
}

bool modalias_drivers(const struct host *host, const struct pcidev_list *devs, struct arena *arena,
	const char **out)
{
	auto_free const struct pcidev **order = xcalloc(devs->n + 1, sizeof(*order));
	char release[64], path[HOST_PATH_MAX], line[ALIAS_LINE];
	struct kinds kinds = {0};
	struct err err;
	size_t i;

	for (i = 0; i < devs->n; i++) {
		order[i] = &devs->v[i];
		out[i] = "";
	}
	if (host_read(host, "/proc/sys/kernel/osrelease", release, sizeof(release), &err) != 0 ||
		strchr(release, '/') != NULL)
		return false;
	auto_file FILE *f =
		fopen(host_path(host, path, "/lib/modules/%s/modules.alias", release), "re");
	if (f == NULL)
		return false;
	collect_kinds(order, devs->n, &kinds);
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (str_starts(line, ALIAS))
			take_line(&kinds, line);
	}
	hand_out(order, devs, &kinds, arena, out);
	vec_finish(&kinds);
	return true;
}
