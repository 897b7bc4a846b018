/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "resets/resets.h"

#include <string.h>

const struct reset_method *const reset_methods[] = {
	&reset_acpi,
	&reset_af_flr,
	&reset_bus,
	&reset_cxl_bus,
	&reset_d3hot,
	&reset_default,
	&reset_device_specific,
	&reset_flr,
	&reset_hot,
	&reset_pm,
	&reset_slot,
	&reset_subordinate,
	NULL,
};

const char *reset_method_word(size_t i)
{
	return reset_methods[i] != NULL ? reset_methods[i]->name : NULL;
}

const struct reset_method *reset_method_find(const char *name)
{
	size_t i;

	for (i = 0; reset_methods[i] != NULL; i++)
		if (str_eq(reset_methods[i]->name, name))
			return reset_methods[i];
	return NULL;
}

/* Does this method stay within the function? One that a newer kernel names may not. */
static bool stays_in_function(const char *name)
{
	const struct reset_method *method = reset_method_find(name);

	return method != NULL && method->scope == SCOPE_FUNCTION;
}

enum reset_scope reset_reach(const struct reset_method *method, const struct pcidev *dev)
{
	char copy[sizeof(dev->reset_methods)], *word, *rest = copy;

	if (!str_eq(method->name, "default"))
		return method->scope;
	str_set(copy, dev->reset_methods);
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0' && !stays_in_function(word))
			return SCOPE_BUS;
	return SCOPE_FUNCTION;
}
