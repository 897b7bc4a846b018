/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/scope.h"

#include <stdlib.h>

void bdf_set_finish(struct bdf_set *set)
{
	free(set->v);
	*set = (struct bdf_set){0};
}
