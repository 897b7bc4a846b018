/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCAN_READ_H
#define VFIO_STRESS_CLI_SCAN_READ_H

#include "base/bdf.h"
#include "base/err.h"
#include "cli/scan_since.h"
#include "model/outcome.h"

#include <stdbool.h>

struct found;
struct loglist;
struct rules;
struct savedlog;
struct scan_result;

/* What is asked. */
struct scan_question {
	bool by_line; /* what each line is, instead of incidents */
	bool one_device;
	struct bdf device;
	enum severity least;
	struct since since;
};

/* Reads logs and collects what is in them. */
struct scan;

struct scan *scan_new(const struct rules *rules, const struct scan_question *q);
void scan_free(struct scan *s);
/* All of the list, in its order; false when some could not be read, which is complained about. */
bool scan_read_list(struct scan *s, struct loglist *list);
/* One that is no file. */
int scan_read_log(
	struct scan *s, struct savedlog *log, const char *name, struct err *err) must_check;

/* ---- a log that grows: what is found is told at once, and again when it has changed ---- */

typedef void scan_tell(void *arg, const struct found *f);

/* Takes the log; one only. */
void scan_begin_live(
	struct scan *s, struct savedlog *log, const char *name, scan_tell *tell, void *arg);
/* Reads what is there. */
int scan_read_more(struct scan *s, struct err *err) must_check;
/* Tells what is new, and what has changed. */
void scan_tell_news(struct scan *s);
/* Tells the rest. */
void scan_end_live(struct scan *s);

/* Valid until scan_free; the writers may sort it. Of a log that grows only the sums. */
struct scan_result *scan_finish(struct scan *s);

#endif
