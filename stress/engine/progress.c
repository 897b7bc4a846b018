/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/progress.h"

#include "base/bdf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/screen.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/scenario.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_PLAIN_NS (300 * NS_PER_S) /* elsewhere than on a terminal: a sign of life so often */
#define BURST_NS       (10 * NS_PER_S)
#define BURST_MAX      20 /* lines about incidents in that time */
#define BAR_WIDTH      20
#define NAME_WIDTH     20

/* What a lane is at. */
struct lane_now {
	const char *name;
	uint32_t cycle, done, failed;
	char word[24], device[64];
	int64_t since_ns; /* of that step */
	int64_t done_ns; /* from the run's begin to the end of the newest cycle that is done */
	bool seen, over;
};

struct progress {
	const struct scenario *sc;
	struct screen screen;
	bool quiet, stopping;
	pthread_mutex_t lock; /* log lines come from other threads */
	char run[32]; /* "" = not begun */
	int64_t begun_ns, last_line_ns;
	uint64_t incidents, over_budget, failures;
	uint32_t newest; /* incident; lower ones are told again */
	int64_t burst_ns; /* when the present burst of incidents began */
	unsigned burst, hidden;
	size_t nlanes;
	int name_width;
	struct lane_now lanes[LANES_MAX];
};

/* log_set_hooks passes no argument. */
static struct progress *on_display;

/* ---- words ---- */

static const char *seconds_text(int64_t ns, char *buf, size_t size)
{
	if (ns < NS_PER_S)
		return str_copy(buf, size, "0s");
	return duration_text(ns / NS_PER_S * 1000, buf, size);
}

/* Until this lane has done its cycles or the time is up; -1 = cannot be told yet. */
static int64_t lane_left_ns(const struct progress *p, const struct lane_now *l, int64_t elapsed)
{
	int64_t by_time = p->sc->duration_ms > 0 ? p->sc->duration_ms * NS_PER_MS - elapsed : -1;
	int64_t each, left, by_cycles;

	if (l->over)
		return 0;
	if (p->sc->cycles == 0 || l->done == 0)
		return by_time;
	each = l->done_ns / l->done;
	left = p->sc->cycles - (int64_t)l->done;
	by_cycles = left * each - (elapsed - l->done_ns);
	if (by_cycles < (left - 1) * each)
		by_cycles = (left - 1) * each;
	return by_time >= 0 && by_time < by_cycles ? by_time : by_cycles;
}

/* Of the slowest lane. */
static int64_t left_ns(const struct progress *p, int64_t elapsed)
{
	int64_t left = 0;
	size_t i;

	for (i = 0; i < p->nlanes; i++) {
		int64_t lane = lane_left_ns(p, &p->lanes[i], elapsed);

		if (lane < 0)
			return -1;
		if (lane > left)
			left = lane;
	}
	return left;
}

static bool all_over(const struct progress *p)
{
	size_t i;

	for (i = 0; i < p->nlanes; i++)
		if (!p->lanes[i].over)
			return false;
	return true;
}

/* ", about 9m left" */
static void left_text(const struct progress *p, int64_t left, struct str *s)
{
	char buf[32];

	if (all_over(p))
		str_add(s, ", waiting for late kernel messages");
	else if (p->stopping)
		str_add(s, ", stopping");
	else if (left >= NS_PER_S)
		str_addf(s, ", about %s left", seconds_text(left, buf, sizeof(buf)));
}

/* "reset 0000:41:00.0" */
static void where_text(const struct lane_now *l, struct str *s)
{
	if (l->over)
		str_add(s, "ended");
	else if (!l->seen)
		str_add(s, "preparing");
	else if (l->word[0] == '\0')
		str_add(s, "between steps");
	else
		str_addf(s, "%s%s%s", l->word, *l->device ? " " : "", l->device);
}

/* ---- the block on a terminal ---- */

static void head_row(struct progress *p, int64_t now)
{
	int64_t elapsed = now - p->begun_ns;
	struct str s = {0};
	char buf[32];

	/* what matters least is last, where a narrow window cuts */
	str_addf(&s, "%s  %s", p->sc->name, seconds_text(elapsed, buf, sizeof(buf)));
	left_text(p, left_ns(p, elapsed), &s);
	str_addf(&s, "  %" PRIu64 " incident%s, %" PRIu64 " failure%s", p->incidents,
		p->incidents == 1 ? "" : "s", p->failures, p->failures == 1 ? "" : "s");
	str_addf(&s, "  run %s", p->run);
	screen_block_add(&p->screen,
		p->failures || p->over_budget ? TINT_BAD
			: p->incidents        ? TINT_WARN
					      : TINT_GOOD,
		s.s);
	str_finish(&s);
}

static void add_bar(struct str *s, uint32_t done, int64_t total)
{
	static const char full[] = "####################", none[] = "--------------------";
	int n = (int)(done * (int64_t)BAR_WIDTH / total);

	str_addf(s, "[%.*s%.*s] ", n, full, BAR_WIDTH - n, none);
}

static void lane_row(struct progress *p, const struct lane_now *l, int64_t now, bool wide)
{
	char name[NAME_WIDTH + 1], buf[32];
	struct str s = {0};

	str_addf(&s, "  %-*s ", p->name_width, str_set(name, l->name));
	if (p->sc->cycles > 0 && wide)
		add_bar(&s, l->done, p->sc->cycles);
	str_addf(&s, "cycle %" PRIu32, l->cycle);
	if (p->sc->cycles > 0)
		str_addf(&s, "/%" PRId64, p->sc->cycles);
	if (l->failed > 0)
		str_addf(&s, ", %" PRIu32 " failed", l->failed);
	str_add(&s, "  ");
	where_text(l, &s);
	if (l->seen && !l->over && now - l->since_ns >= NS_PER_S)
		str_addf(&s, " %s", seconds_text(now - l->since_ns, buf, sizeof(buf)));
	screen_block_add(&p->screen, l->failed ? TINT_BAD : TINT_NONE, s.s);
	str_finish(&s);
}

static void redraw(struct progress *p)
{
	int64_t now = clock_mono_ns();
	unsigned width, height;
	size_t i, shown;

	if (!p->screen.live || p->run[0] == '\0')
		return;
	screen_size(&p->screen, &width, &height);
	shown = height > 4 ? height - 4 : 1; /* some rows for what has been said */
	if (shown > p->nlanes)
		shown = p->nlanes;
	screen_block_clear(&p->screen);
	head_row(p, now);
	for (i = 0; i < shown; i++)
		lane_row(p, &p->lanes[i], now, width >= 80);
	if (shown < p->nlanes) {
		auto_free char *more = xasprintf("  and %zu more lanes", p->nlanes - shown);

		screen_block_add(&p->screen, TINT_DIM, more);
	}
	screen_block_draw(&p->screen);
}

/* ---- lines ---- */

static void __attribute__((format(printf, 3, 4)))
line(struct progress *p, enum tint tint, const char *fmt, ...)
{
	struct str s = {0};
	char stamp[32];
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (p->run[0] != '\0')
		str_addf(&s, "[%s] ",
			seconds_text(clock_mono_ns() - p->begun_ns, stamp, sizeof(stamp)));
	str_add(&s, text);
	free(text);
	screen_line(&p->screen, tint, s.s);
	p->last_line_ns = clock_mono_ns();
	str_finish(&s);
}

/* 1, 2, 5, 10, 20, 50 ..., every tenth of all, and the last. */
static bool is_milestone(uint32_t n, int64_t total)
{
	uint32_t m = n;

	if (total >= 10 && (int64_t)n * 10 / total != ((int64_t)n - 1) * 10 / total)
		return true;
	while (m >= 10 && m % 10 == 0)
		m /= 10;
	return m == 1 || m == 2 || m == 5 || (int64_t)n == total;
}

static void say_milestone(struct progress *p, const struct lane_now *l)
{
	/* a failed cycle may be the last one */
	bool last = l->failed > 0 && p->sc->on_failure == ON_FAILURE_STOP;
	int64_t left = last ? 0 : lane_left_ns(p, l, clock_mono_ns() - p->begun_ns);
	struct str s = {0};

	str_addf(&s, "%s: %" PRIu32, l->name, l->done);
	if (p->sc->cycles > 0)
		str_addf(&s, " of %" PRId64, p->sc->cycles);
	str_addf(&s, " cycle%s done, %" PRIu32 " failed",
		l->done == 1 && p->sc->cycles == 0 ? "" : "s", l->failed);
	left_text(p, left, &s);
	line(p, TINT_NONE, "%s", s.s);
	str_finish(&s);
}

static void say_alive(struct progress *p, int64_t now)
{
	size_t i;

	for (i = 0; i < p->nlanes; i++) {
		const struct lane_now *l = &p->lanes[i];
		struct str s = {0};
		char buf[32];

		if (l->over)
			continue;
		where_text(l, &s);
		line(p, TINT_NONE, "%s: cycle %" PRIu32 ", %s for %s", l->name, l->cycle, s.s,
			seconds_text(now - l->since_ns, buf, sizeof(buf)));
		str_finish(&s);
	}
}

/* ---- what the supervisor calls ---- */

static void hide_for_log(void)
{
	pthread_mutex_lock(&on_display->lock);
	screen_hide(&on_display->screen);
}

static void show_after_log(void)
{
	redraw(on_display);
	pthread_mutex_unlock(&on_display->lock);
}

struct progress *progress_new_on(const struct scenario *sc, int fd, bool quiet)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	size_t i;

	p->sc = sc;
	p->quiet = quiet;
	p->nlanes = sc->nlanes < LANES_MAX ? sc->nlanes : LANES_MAX;
	for (i = 0; i < p->nlanes; i++) {
		int width = (int)strnlen(sc->lanes[i].name, NAME_WIDTH);

		p->lanes[i].name = sc->lanes[i].name;
		if (p->name_width < width)
			p->name_width = width;
	}
	pthread_mutex_init(&p->lock, NULL);
	screen_init(&p->screen, fd);
	if (p->screen.live && !quiet) {
		on_display = p;
		log_set_hooks(hide_for_log, show_after_log);
	}
	return p;
}

struct progress *progress_new(const struct scenario *sc, bool quiet)
{
	return progress_new_on(sc, STDERR_FILENO, quiet);
}

void progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	if (on_display == p) {
		log_set_hooks(NULL, NULL);
		on_display = NULL;
	}
	screen_finish(&p->screen);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* False when nothing is to be said; else the caller holds the lock until leave(). */
static bool enter(struct progress *p)
{
	if (p->quiet)
		return false;
	pthread_mutex_lock(&p->lock);
	return true;
}

static void leave(struct progress *p)
{
	pthread_mutex_unlock(&p->lock);
}

static struct lane_now *lane_of(struct progress *p, uint32_t lane)
{
	return lane < p->nlanes ? &p->lanes[lane] : NULL;
}

void progress_begin(struct progress *p, const char *run_id)
{
	if (!enter(p))
		return;
	str_set(p->run, run_id);
	p->begun_ns = p->last_line_ns = clock_mono_ns();
	if (!p->screen.live)
		line(p, TINT_NONE, "%s: run %s has begun", p->sc->name, run_id);
	redraw(p);
	leave(p);
}

void progress_lane(
	struct progress *p, uint32_t lane, uint32_t cycle, const char *word, const char *device)
{
	struct lane_now *l = lane_of(p, lane);

	if (l == NULL || !enter(p))
		return;
	l->cycle = cycle;
	l->seen = true;
	l->since_ns = clock_mono_ns();
	str_set(l->word, word);
	str_set(l->device, device);
	leave(p);
}

void progress_lane_over(struct progress *p, uint32_t lane)
{
	struct lane_now *l = lane_of(p, lane);

	if (l == NULL || !enter(p))
		return;
	l->over = true;
	leave(p);
}

void progress_stopping(struct progress *p)
{
	if (!enter(p))
		return;
	p->stopping = true;
	leave(p);
}

void progress_cycle(struct progress *p, uint32_t lane, uint32_t cycle, enum outcome outcome)
{
	struct lane_now *l = lane_of(p, lane);

	if (l == NULL || outcome == OUTCOME_ABORTED || !enter(p))
		return;
	l->done = cycle;
	l->done_ns = clock_mono_ns() - p->begun_ns;
	l->failed += outcome == OUTCOME_FAIL || outcome == OUTCOME_BROKEN;
	if (!p->screen.live && is_milestone(l->done, p->sc->cycles))
		say_milestone(p, l);
	leave(p);
}

void progress_failure(struct progress *p, uint32_t lane, const struct event *end, const char *word)
{
	static const char *const ended_as[] = {
		[OUTCOME_PASS] = "passed",
		[OUTCOME_FAIL] = "failed",
		[OUTCOME_BROKEN] = "could not be done",
		[OUTCOME_SKIPPED] = "was skipped",
		[OUTCOME_ABORTED] = "was cut off",
	};
	struct lane_now *l = lane_of(p, lane);
	char when[32];

	if (l == NULL || end->outcome == OUTCOME_SKIPPED || !enter(p))
		return;
	if (end->phase == PHASE_CYCLE)
		snprintf(when, sizeof(when), "cycle %" PRIu32, end->cycle);
	else
		str_set(when, phase_name((enum phase)end->phase));
	p->failures++;
	line(p, end->outcome == OUTCOME_FAIL ? TINT_BAD : TINT_WARN, "%s: %s: %s%s%s %s: %s%s%s",
		l->name, when, word, *end->subject ? " of " : "", end->subject,
		end->outcome < sizeof(ended_as) / sizeof(ended_as[0]) ? ended_as[end->outcome] : "",
		end->reason, *end->text ? ": " : "", end->text);
	if (*end->hint)
		line(p, TINT_NONE, "  %s", end->hint);
	leave(p);
}

/* A storm of incidents is counted, not shown line by line. */
static bool in_burst(struct progress *p)
{
	int64_t now = clock_mono_ns();

	if (now - p->burst_ns > BURST_NS) {
		p->burst_ns = now;
		p->burst = 0;
	}
	if (p->burst++ < BURST_MAX)
		return false;
	p->hidden++;
	return true;
}

static void say_hidden(struct progress *p, int64_t now)
{
	if (p->hidden == 0 || now - p->burst_ns <= BURST_NS)
		return;
	line(p, TINT_WARN, "%u more incidents were not shown here", p->hidden);
	p->hidden = 0;
}

static void say_incident(struct progress *p, const struct incident *inc)
{
	const struct lane_now *l =
		inc->place.lane >= 0 ? lane_of(p, (uint32_t)inc->place.lane) : NULL;
	struct str s = {0};
	char bdf[BDF_LEN];

	str_addf(&s, "%s, %s", inc->id, severity_name(inc->severity));
	if (inc->budget[0] != '\0')
		str_addf(&s, ", %s its budget (%s)", inc->tolerated ? "within" : "over",
			inc->budget);
	if (inc->has_bdf)
		str_addf(&s, ", %s", bdf_text(inc->bdf, bdf));
	if (l != NULL)
		str_addf(&s, ", %s", l->name);
	if (l != NULL && inc->place.cycle > 0)
		str_addf(&s, " cycle %" PRId32, inc->place.cycle);
	if (l != NULL && inc->place.step[0] != '\0')
		str_addf(&s, " %s", inc->place.step);
	if (*incident_line(inc) != '\0')
		str_addf(&s, ": %s", incident_line(inc));
	line(p, inc->over_budget ? TINT_BAD : TINT_WARN, "%s", s.s);
	str_finish(&s);
}

void progress_incident(struct progress *p, const struct incident *inc)
{
	if (inc->expected || (inc->severity == SEV_INFO && !inc->over_budget) || !enter(p))
		return;
	if (inc->no > p->newest) {
		p->newest = inc->no;
		p->incidents++;
	}
	p->over_budget += inc->over_budget;
	if (!in_burst(p))
		say_incident(p, inc);
	leave(p);
}

void progress_note(struct progress *p, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (!enter(p))
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	line(p, TINT_NONE, "%s", text);
	free(text);
	leave(p);
}

void progress_tick(struct progress *p)
{
	int64_t now = clock_mono_ns();

	if (!enter(p))
		return;
	say_hidden(p, now);
	if (!p->screen.live && p->run[0] != '\0' && now - p->last_line_ns >= QUIET_PLAIN_NS)
		say_alive(p, now);
	redraw(p);
	leave(p);
}
