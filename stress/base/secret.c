/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * The kernel puts the strings one behind the other at the top of the stack (create_elf_tables); what
 * shares their first and last page goes with them: arguments, and a frame or two before main.
 */
void secret_hide_environment(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), low = UINTPTR_MAX, high = 0;
	char **e;

	for (e = environ; *e != NULL; e++) {
		uintptr_t begin = (uintptr_t)*e, end = begin + strlen(*e) + 1;

		low = begin < low ? begin : low;
		high = end > high ? end : high;
	}
	if (high == 0)
		return;
	low -= low % page;
	/* Linux 3.4; no answer would change what can be done about it */
	(void)!madvise((void *)low, high - low, MADV_DONTDUMP);
}

void secret_no_core(void)
{
	(void)!prctl(PR_SET_DUMPABLE, 0);
}
