/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_FACTS_H
#define VFIO_STRESS_PREFLIGHT_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pcidev;
struct str;
struct topology;

/*
 * The last value of a word of the kernel's command line: "on" of "intel_iommu=on", "" of a bare one.
 * '-' and '_' are the same, as they are to the kernel (parameq). False: it is not there.
 */
bool cmdline_value(const struct topology *t, const char *word, char *buf, size_t size);
/* Is `value` among the comma-separated ones of any such word? */
bool cmdline_has(const struct topology *t, const char *word, const char *value);
/* One word after the other; *at begins as 0. False at the end. */
bool cmdline_next(const struct topology *t, size_t *at, char *buf, size_t size);
/* Does the word have this name ("vfio-pci.ids" for "vfio_pci.ids=10de:2684")? */
bool cmdline_is(const char *word, const char *name);

bool module_loaded(const struct topology *t, const char *name);
/* Of a module: "Y" and "1" are true. False as well when there is no such parameter. */
bool module_flag(const struct topology *t, const char *path);
/* A directive of modprobe's configuration ("blacklist nouveau"), one after the other. */
bool modprobe_next(const struct topology *t, size_t *file, size_t *at, char *buf, size_t size);

/* Addresses, "0000:41:00.0, 0000:41:00.1 (nouveau)": of what the host uses with the driver. */
struct namelist {
	struct str *text;
	size_t n, max;
};
void namelist_add(struct namelist *l, const struct pcidev *dev);
void namelist_end(struct namelist *l); /* " and 3 more" */

/* "1 GiB", "256 MiB", "512 B". Returns buf. */
const char *bytes_text(uint64_t bytes, char *buf, size_t size);
/* Is a number in a list like "0-3,8"? */
bool cpulist_has(const char *list, unsigned n);
/* NUMA nodes of the machine; 1 when it does not tell. */
size_t numa_nodes(const struct topology *t);

#endif
