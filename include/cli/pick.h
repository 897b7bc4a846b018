/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_PICK_H
#define VFIO_STRESS_CLI_PICK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct pcidev;
struct topology;

/* Devices of a topology, in its order. */
struct pick {
	const struct pcidev **v;
	size_t n;
};

/* Those that the selectors name; each must name one. Without any: what could be passed through. */
int pick_devices(const struct topology *t, const char *const *selectors, size_t n, bool all,
	struct pick *out, struct err *err) must_check;
bool pick_has(const struct pick *p, const struct pcidev *dev);
void pick_finish(struct pick *p);

#endif
