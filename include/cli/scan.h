/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_H
#define VFIO_STRESS_CLI_SCAN_H

#include "base/vec.h"
#include "model/incident.h"

struct topology;

/* An incident of a saved log. */
struct found {
	struct incident inc;
	const char *file; /* NULL when there is one only */
	const char *last_file; /* where it ends, when in another part of a rotated log; else NULL */
	size_t file_no; /* in the order of reading */
	uint64_t first_line, last_line; /* 0 = unknown */
	bool raw; /* its sequence numbers are the kernel's */
};

/* what is kept; beyond it the less severe make room and are counted */
#define SCAN_INCIDENTS_MAX 4096

/* What a scan came to, in the order of the log. */
struct scan_result {
	VEC(struct found) found;
	uint64_t told; /* incidents, also those that are not shown */
	uint64_t omitted, hidden; /* hidden: below --min-severity */
	uint64_t lines;
	bool whole; /* all that was asked for could be read */
	uint64_t unwrapped; /* lines put together again that a mail program had broken */
	uint64_t copies; /* records that another log of the bundle held too */
	enum severity worst; /* of those told */
	const struct topology *machine; /* that the log is of; NULL = unknown */
	const char *const *files; /* what was read, when that was not just one file */
	size_t nfiles;
};

#endif
