/* SPDX-License-Identifier: GPL-2.0-or-later */
/* make_stored_run DB CYCLES ended|died: stored_run.c's store, for other programs. */
#include "stored_run.h"

#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	stored_run_make(argv[1], (uint32_t)strtoul(argv[2], NULL, 10),
		strcmp(argv[3], "died") == 0 ? STORED_DIED : STORED_ENDED);
	return 0;
}
