/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_TEMPLATE_FILTERS_H
#define VFIO_STRESS_REPORTERS_TEMPLATE_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

struct str;

/* Adds one character (n bytes, valid and printable) in another form. */
typedef void escape_fn(struct str *out, const char *s, size_t n);

/* What may stand behind a value and a bar. */
struct template_filter {
	const char *name, *help;
	bool number; /* takes one */
	escape_fn *escape; /* NULL: it is no way of escaping */
};

extern const struct template_filter template_filters[]; /* ends with .name == NULL */

#endif
