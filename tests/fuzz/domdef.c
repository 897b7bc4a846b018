/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/domdef.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The devices are functions that can be, in order, each once. */
static void check_hostdevs(const struct domdef *def)
{
	size_t i;

	if (def->nhostdevs > DOMDEF_HOSTDEVS_MAX)
		abort();
	for (i = 0; i < def->nhostdevs; i++) {
		const struct domdef_hostdev *dev = &def->hostdevs[i];

		if (dev->bdf.dev > 0x1f || dev->bdf.fn > 7 || dev->element[0] == '\0')
			abort();
		if (i > 0 && bdf_cmp(def->hostdevs[i - 1].bdf, dev->bdf) >= 0)
			abort();
	}
}

/* Whatever is accepted keeps the promises of struct domdef; what is not leaves it alone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domdef *def = calloc(1, sizeof(*def));
	struct err err = {0};
	size_t i;

	if (domdef_parse((const char *)data, size, def, &err) == 0) {
		check_hostdevs(def);
		if (def->name[0] == '\0' || def->nserials > DOMDEF_SERIALS_MAX ||
			memchr(def->placement.cpus, '\0', DOMDEF_CPUS_MAX) == NULL)
			abort();
		for (i = 0; i < def->nserials; i++)
			if (def->serials[i].kind > SERIAL_FILE ||
				strlen(def->serials[i].path) >= DOMDEF_PATH_MAX)
				abort();
	} else if (err.code != ERR_INPUT || err.msg[0] == '\0' || def->name[0] != '\0') {
		abort();
	}
	free(def);
	return 0;
}
