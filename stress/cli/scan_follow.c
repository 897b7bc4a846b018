/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_follow.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/scan.h"
#include "cli/scan_json.h"
#include "cli/scan_read.h"
#include "cli/scan_text.h"
#include "engine/report_out.h"
#include "klog/savedlog.h"
#include "world/loop.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* the lines of one report come within microseconds; late ones make it another, told again */
#define SETTLE_NS (700 * NS_PER_MS)
/* a power of two, more than are open at once: of two with the same place one is told once more */
#define SHOWN_MAX 4096

/* What was told of an incident, and how it stands. */
struct shown {
	uint32_t no;
	enum severity severity;
	char id[48];
	bool has_bdf, lower_bound;
	struct bdf bdf;
	uint64_t told, count;
	int64_t first_wall_ns, last_wall_ns, first_usec, last_usec;
};

struct follow {
	struct scan *scan;
	struct savedlog *log;
	struct loop *loop;
	struct loop_timer news;
	enum follow_format format;
	bool colour;
	struct shown shown[SHOWN_MAX];
	struct err err;
};

static void remember(struct shown *shown, const struct incident *inc)
{
	shown->no = inc->no;
	shown->severity = inc->severity;
	str_set(shown->id, inc->id);
	shown->has_bdf = inc->has_bdf;
	shown->bdf = inc->bdf;
	shown->count = inc->count;
	shown->lower_bound = inc->count_is_lower_bound;
	shown->first_wall_ns = inc->first_wall_ns;
	shown->last_wall_ns = inc->last_wall_ns;
	shown->first_usec = inc->first_usec;
	shown->last_usec = inc->last_usec;
}

static void tell_count(struct follow *f, struct shown *shown)
{
	struct found brief = {.inc = {
				      .severity = shown->severity,
				      .has_bdf = shown->has_bdf,
				      .bdf = shown->bdf,
				      .count = shown->count,
				      .count_is_lower_bound = shown->lower_bound,
				      .first_wall_ns = shown->first_wall_ns,
				      .last_wall_ns = shown->last_wall_ns,
				      .first_usec = shown->first_usec,
				      .last_usec = shown->last_usec,
			      }};

	str_set(brief.inc.id, shown->id);
	scan_write_live_text(&brief, NEWS_MORE, f->colour, stdout);
	shown->told = shown->count;
}

/* A storm is told again each time that it has doubled. */
static void tell_text(struct follow *f, const struct found *found)
{
	const struct incident *inc = &found->inc;
	struct shown *shown = &f->shown[inc->no % SHOWN_MAX];
	bool known = shown->no == inc->no,
	     same = shown->severity == inc->severity && str_eq(shown->id, inc->id);

	remember(shown, inc);
	if (known && same) {
		if (inc->count >= 2 * shown->told)
			tell_count(f, shown);
		return;
	}
	scan_write_live_text(found, known ? NEWS_OTHER : NEWS_NEW, f->colour, stdout);
	shown->told = inc->count;
}

static void tell_last_counts(struct follow *f)
{
	size_t i;

	for (i = 0; i < SHOWN_MAX; i++)
		if (f->shown[i].count > f->shown[i].told)
			tell_count(f, &f->shown[i]);
}

static void tell(void *arg, const struct found *found)
{
	struct follow *f = arg;

	if (f->format == FOLLOW_TEXT)
		tell_text(f, found);
	else if (f->format == FOLLOW_JSONL)
		scan_write_live_json(found, stdout);
}

static void tell_news(void *arg)
{
	struct follow *f = arg;

	scan_tell_news(f->scan);
	/* who reads it is gone */
	if (fflush(stdout) != 0)
		loop_stop(f->loop);
}

static void read_more(void *arg)
{
	struct follow *f = arg;
	int fd = savedlog_fd(f->log);

	savedlog_wake(f->log);
	if (scan_read_more(f->scan, &f->err) != 0)
		loop_stop(f->loop);
	if (f->format == FOLLOW_LINES && fflush(stdout) != 0)
		loop_stop(f->loop);
	if (!f->news.set)
		loop_timer_set(f->loop, &f->news, clock_mono_ns() + SETTLE_NS, tell_news, f);
	if (savedlog_fd(f->log) >= 0)
		return;
	loop_unwatch(f->loop, fd);
	loop_stop(f->loop);
}

static void stop(void *arg, int sig)
{
	struct follow *f = arg;

	(void)sig;
	loop_stop(f->loop);
}

static int run(struct follow *f, struct err *err)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, 0};
	int fd = savedlog_fd(f->log);

	if (loop_open(&f->loop, err) != 0 || loop_signals(f->loop, signals, stop, f, err) != 0)
		return -1;
	/* the journal is readable only when something has come since */
	read_more(f);
	if (f->err.code != ERR_NONE || savedlog_fd(f->log) < 0)
		return 0;
	return loop_watch(f->loop, fd, read_more, f, err) != 0 ? -1 : loop_run(f->loop, err);
}

int scan_follow(struct scan *s, struct savedlog *log, const char *name, enum follow_format format,
	struct err *err)
{
	struct follow *f = xcalloc(1, sizeof(*f));
	int rc;

	f->scan = s;
	f->log = log;
	f->format = format;
	f->colour = report_colour(STDOUT_FILENO);
	scan_begin_live(s, log, name, tell, f);
	rc = run(f, err);
	if (rc == 0 && f->err.code != ERR_NONE) {
		*err = f->err;
		rc = -1;
	}
	scan_end_live(s);
	tell_last_counts(f);
	loop_close(f->loop);
	free(f);
	return rc;
}
