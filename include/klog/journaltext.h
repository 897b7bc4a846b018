/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_JOURNALTEXT_H
#define VFIO_STRESS_KLOG_JOURNALTEXT_H

#include "klog/jrecord.h"
#include "world/logfile.h"

/*
 * The journal as text with all its fields: journalctl -o export, verbose, json, json-pretty,
 * json-sse, json-seq; and dmesg --json.
 */
enum journaltext {
	JOURNALTEXT_NONE,
	JOURNALTEXT_EXPORT,
	JOURNALTEXT_JSON, /* a line */
	JOURNALTEXT_PRETTY, /* a member a line */
	JOURNALTEXT_VERBOSE,
};

/* A record and the lines that it takes. */
struct journaltext_record {
	uint64_t first_no, last_no;
	uint64_t message_no; /* 0 = it has no message */
	struct klog_rec rec; /* when it has one */
	char boot[BOOT_ID_MAX];
	bool more; /* *line is the one behind it already */
};

/* Does the line begin a record? */
enum journaltext journaltext_begins(const struct logfile_line *line);
/*
 * Reads on to the record's end. 1 = it is there, as far as it was saved; 0 = it was none after all,
 * and only *line was read; -1.
 */
int journaltext_read(struct logfile *f, enum journaltext kind, struct logfile_line *line,
	struct journaltext_record *out, struct err *err) must_check;

#endif
