/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_SELFTEST_H
#define VFIO_STRESS_CLI_SCAN_SELFTEST_H

#include "base/bdf.h"

#include <stdbool.h>

struct host;
struct rules;

struct selftest_question {
	const char *kmsg; /* the log */
	bool inject; /* an error into `device` */
	struct bdf device;
	int patience_ms; /* for each thing that must be seen */
};

/*
 * Proves that what the kernel says is seen: a marker is read back through the reader of a run, and on
 * demand a real error, injected, is found by the rules. Says how on standard output. Answers the exit
 * code: EXIT_GOOD when it is proved, else EXIT_REFUSED with the reason on standard error.
 */
int scan_selftest(
	const struct host *host, const struct rules *rules, const struct selftest_question *q);

#endif
