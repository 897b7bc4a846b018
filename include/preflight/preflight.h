/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_PREFLIGHT_H
#define VFIO_STRESS_PREFLIGHT_PREFLIGHT_H

#include "base/mem.h"
#include "preflight/check.h"

/* One answer to one check. Texts are the preflight's. */
struct finding {
	const struct check *check;
	enum check_state state;
	const struct pcidev *dev; /* CHECK_DEVICE */
	const struct topology_domain *dom; /* CHECK_DOMAIN */
	const char *item; /* which of several; NULL = there is only one */
	const char *seen; /* CHECK_UNKNOWN: why it cannot be told */
	const char *meaning, *advice; /* NULL where nothing is to be said */
};

/* All answers, in the order of the tables, then of the devices and domains. */
struct preflight {
	struct arena arena;
	const struct topology *t;
	const struct pcidev *const *devs; /* that were asked for */
	size_t ndevs;
	const struct topology_domain **doms; /* that pass one of them through */
	size_t ndoms;
	struct finding *v;
	size_t n, cap;
	size_t count[CHECK_FAIL + 1]; /* by state */
};

/* Asks everything about the machine and these devices. `t` and `devs` outlive it. */
void preflight_look(const struct topology *t, const struct pcidev *const *devs, size_t ndevs,
	struct preflight *out);
void preflight_finish(struct preflight *p);

/* The worst of what counts: OK and WARN are good, UNKNOWN only where it is essential. */
enum check_state preflight_verdict(const struct preflight *p);
const char *check_state_name(enum check_state state); /* "ok" */
const char *check_of_name(enum check_of of); /* "host" */

/* The tables, in order; NULL-terminated. */
extern const struct check *const check_tables[];
/* "iommu" to "IOMMU": the heading of a section; the check's id gives the section. */
const char *check_section(const struct check *check);

/*
 * Devices that this host seems to have for passing through, when none are named: on VFIO or in a
 * domain, else GPUs and accelerators. Returns how many were written to `out` (t->devs.n at most).
 */
size_t preflight_suggest(const struct topology *t, const struct pcidev **out);

#endif
