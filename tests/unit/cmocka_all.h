/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmocka wants these headers before its own. */
#ifndef VFIO_STRESS_TESTS_CMOCKA_ALL_H
#define VFIO_STRESS_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Ends the test. Why is told at the end of all of them (tests/tell). */
#define skip_for(why)                                                                              \
	do {                                                                                       \
		print_message("not tried: %s\n", why);                                             \
		skip();                                                                            \
	} while (0)

#endif
