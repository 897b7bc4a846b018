/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include "model/topology.h"
#include "use_machine.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes: a snapshot that is refused, or a machine of which everything can be said. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	struct topology t;

	if (snapshot_parse((const char *)data, size, "input", &t, &err) != 0)
		return 0;
	use_machine(&t);
	topology_finish(&t);
	return 0;
}
