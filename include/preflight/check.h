/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_PREFLIGHT_CHECK_H
#define VFIO_STRESS_PREFLIGHT_CHECK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct finding;
struct look;
struct pcidev;
struct pcifacts;
struct preflight;
struct topology;
struct topology_domain;

enum check_state { CHECK_OK, CHECK_WARN, CHECK_UNKNOWN, CHECK_FAIL };

enum check_of { CHECK_HOST, CHECK_DEVICE, CHECK_DOMAIN };

/* How much hangs on it. */
enum check_weight {
	WEIGHT_NORMAL,
	WEIGHT_ESSENTIAL, /* when it cannot be told, preflight as a whole cannot */
	WEIGHT_REFUSES, /* essential, and where it fails no run begins: it could not be trusted */
};

/* One question: a row of a table in stress/preflight/. Ids are for ever. */
struct check {
	const char *id; /* "iommu.groups": the word before the dot is its section */
	enum check_of of;
	enum check_weight weight;
	const char *asks; /* "is the IOMMU on?" */
	const char *meaning, *advice; /* of an answer that is not ok */
	/* Gives any number of answers; none = the question does not arise here. */
	void (*look)(struct look *l);
};

/* What a check looks at: the machine and, by check.of, one device or one domain of it. */
struct look {
	const struct check *check;
	const struct topology *t;
	const struct pcidev *dev;
	const struct pcifacts *facts; /* of dev */
	const struct topology_domain *dom;
	struct preflight *answers;
};

/* An answer, with what was seen. CHECK_UNKNOWN: why it cannot be told. */
struct finding *answer(struct look *l, enum check_state state, const char *fmt, ...)
	printf_like(3, 4);
/* May it be answered from the kernel's log? Where that could not be read, this is the answer. */
bool answer_from_log(struct look *l);
/* Other words than the check's own, for this answer only. */
void finding_means(struct look *l, struct finding *f, const char *fmt, ...) printf_like(3, 4);
void finding_advises(struct look *l, struct finding *f, const char *fmt, ...) printf_like(3, 4);
/* Which of several it is about: a word of the command line. */
void finding_item(struct look *l, struct finding *f, const char *item);

/* Tables of one file each; they end with .id == NULL. In the order of the output. */
extern const struct check checks_processor[], checks_firmware[], checks_iommu[], checks_kernel[],
	checks_vfio[], checks_host[], checks_log[], checks_isolation[], checks_device[],
	checks_reset[], checks_link[], checks_domain[];

#endif
