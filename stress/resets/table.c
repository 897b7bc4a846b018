/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "resets/resets.h"

const struct reset_method *const reset_methods[] = {
	&reset_acpi,
	&reset_af_flr,
	&reset_bus,
	&reset_cxl_bus,
	&reset_default,
	&reset_device_specific,
	&reset_flr,
	&reset_pm,
	NULL,
};

const struct reset_method *reset_method_find(const char *name)
{
	size_t i;

	for (i = 0; reset_methods[i] != NULL; i++)
		if (str_eq(reset_methods[i]->name, name))
			return reset_methods[i];
	return NULL;
}

enum reset_scope reset_reach(const struct reset_method *method, const struct pcidev *dev)
{
	size_t i;

	if (!str_eq(method->name, "default") || str_eq(dev->reset_methods, method->name))
		return method->scope;
	for (i = 0; reset_methods[i] != NULL; i++)
		if (reset_methods[i]->scope != SCOPE_FUNCTION &&
			pcidev_offers(dev, reset_methods[i]->name))
			return reset_methods[i]->scope;
	return SCOPE_FUNCTION;
}
