/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/progress.h"

#include "base/bdf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/progress_parts.h"
#include "model/event.h"
#include "model/incident.h"
#include "world/pcidev.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUIET_PLAIN_NS (300 * NS_PER_S) /* elsewhere than on a terminal: a sign of life so often */
#define BURST_NS       (10 * NS_PER_S)
#define BURST_MAX      20 /* lines about incidents in that time */
#define NAME_WIDTH     20
#define TIMES_MAX      256 /* steps of a lane whose usual time is known */

/* log_set_sink passes no argument. */
static struct progress *on_display;

/* ---- lines ---- */

/* When what is being told happened. */
static int64_t then_ns(const struct progress *p)
{
	return p->at_ns != 0 ? p->at_ns : clock_mono_ns();
}

/* Of those that were before somebody looked, the last ones by time. */
static void keep_past(struct progress *p, enum tint tint, const char *text)
{
	int64_t at = then_ns(p);
	size_t i;

	if (p->npast == PAST_LINES) {
		p->past_dropped++;
		if (at < p->past[0].at_ns)
			return;
		free(p->past[0].text);
		memmove(&p->past[0], &p->past[1], (PAST_LINES - 1) * sizeof(p->past[0]));
		p->npast--;
	}
	for (i = p->npast; i > 0 && p->past[i - 1].at_ns > at; i--)
		p->past[i] = p->past[i - 1];
	p->past[i] = (struct past_line){.at_ns = at, .tint = tint, .text = xstrdup(text)};
	p->npast++;
}

static void __attribute__((format(printf, 3, 0)))
say(struct progress *p, enum tint tint, const char *fmt, va_list ap)
{
	struct str s = {0};
	char stamp[32];

	if (p->run[0] != '\0')
		str_addf(&s, "[%s] ",
			progress_seconds(then_ns(p) - p->begun_ns, stamp, sizeof(stamp)));
	str_addv(&s, fmt, ap);
	if (p->in_past) {
		keep_past(p, tint, s.s);
	} else {
		screen_line(&p->screen, tint, s.s);
		p->last_line_ns = clock_mono_ns();
	}
	str_finish(&s);
}

static void __attribute__((format(printf, 3, 4)))
line(struct progress *p, enum tint tint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(p, tint, fmt, ap);
	va_end(ap);
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
	int64_t left = last ? 0 : progress_lane_left_ns(p, l, then_ns(p) - p->begun_ns);
	struct str s = {0};

	str_addf(&s, "%s: %" PRIu32, l->name, l->done);
	if (p->sc->cycles > 0)
		str_addf(&s, " of %" PRId64, p->sc->cycles);
	str_addf(&s, " cycle%s done, %" PRIu32 " failed",
		l->done == 1 && p->sc->cycles == 0 ? "" : "s", l->failed);
	progress_left_text(p, left, &s);
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
		progress_where_text(l, &s);
		line(p, TINT_NONE, "%s: cycle %" PRIu32 ", %s for %s", l->name, l->cycle, s.s,
			progress_seconds(now - l->since_ns, buf, sizeof(buf)));
		str_finish(&s);
	}
}

/* ---- what the supervisor calls ---- */

/* Also of a quiet run: the log is none of what it is quiet about. */
static void show_log_line(const char *text)
{
	pthread_mutex_lock(&on_display->lock);
	screen_line(&on_display->screen, TINT_NONE, text);
	pthread_mutex_unlock(&on_display->lock);
}

/* A store that somebody sent names lanes, too. */
static void name_lane(struct progress *p, struct lane_now *l, const char *name)
{
	size_t len = strlen(name), size = 4 * len + 8;
	int width;

	l->name = str_printable(xmalloc(size), size, name, len);
	l->step = -1;
	width = (int)utf8_columns(l->name);
	if (p->name_width < width)
		p->name_width = width < NAME_WIDTH ? width : NAME_WIDTH;
}

struct progress *progress_new_on(const struct scenario *sc, int fd, bool quiet)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	size_t i;

	p->sc = sc;
	p->quiet = quiet;
	p->nlanes = sc->nlanes < LANES_MAX ? sc->nlanes : LANES_MAX;
	for (i = 0; i < p->nlanes; i++)
		name_lane(p, &p->lanes[i], sc->lanes[i].name);
	pthread_mutex_init(&p->lock, NULL);
	screen_init(&p->screen, fd);
	on_display = p;
	log_set_sink(show_log_line);
	return p;
}

struct progress *progress_new(const struct scenario *sc, bool quiet)
{
	return progress_new_on(sc, STDERR_FILENO, quiet);
}

void progress_free(struct progress *p)
{
	size_t i;

	if (p == NULL)
		return;
	if (on_display == p) {
		log_set_sink(NULL);
		on_display = NULL;
	}
	screen_finish(&p->screen);
	while (p->npast > 0)
		free(p->past[--p->npast].text);
	for (i = 0; i < p->nlanes; i++) {
		free((char *)p->lanes[i].name);
		vec_finish(&p->lanes[i].times);
	}
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

void progress_begin(struct progress *p, const char *run_id, int64_t began_ns)
{
	if (!enter(p))
		return;
	str_set(p->run, run_id);
	p->begun_ns = began_ns;
	p->last_line_ns = clock_mono_ns();
	if (!p->screen.live && !p->in_past)
		line(p, TINT_NONE, "%s: run %s has begun", p->sc->name, run_id);
	progress_draw(p);
	leave(p);
}

void progress_devices(struct progress *p, uint32_t lane, const struct pcidev *devices, size_t n)
{
	struct lane_now *l = lane_of(p, lane);
	char bdf[BDF_LEN];

	if (l == NULL || n == 0 || !enter(p))
		return;
	bdf_text(devices[0].bdf, bdf);
	/* a lane without a domain is named after its device */
	if (n > 1)
		snprintf(l->subject, sizeof(l->subject), "%s +%zu", bdf, n - 1);
	else if (!str_eq(bdf, l->name))
		str_set(l->subject, bdf);
	if (p->subject_width < (int)strlen(l->subject))
		p->subject_width = (int)strlen(l->subject);
	leave(p);
}

void progress_stopping(struct progress *p)
{
	if (!enter(p))
		return;
	p->stopping = true;
	leave(p);
}

/* ---- what a lane does ---- */

static void is_at(struct lane_now *l, const struct event *ev, const char *what, int64_t at_ns)
{
	l->seen = true;
	l->phase = ev->phase;
	l->step = ev->step;
	l->since_ns = at_ns;
	l->bound_ns = ev->dur_ns;
	str_set(l->what, what);
	str_set(l->device, ev->subject);
}

static void has_until(struct lane_now *l, int64_t until_ns)
{
	if (l->bound_ns > 0 && until_ns - l->since_ns > l->bound_ns)
		l->bound_ns = until_ns - l->since_ns;
}

static void is_between(struct lane_now *l, int64_t at_ns)
{
	l->seen = true;
	l->step = -1;
	l->since_ns = at_ns;
	l->bound_ns = 0;
	l->what[0] = l->device[0] = '\0';
}

static void took(struct lane_now *l, const struct event *end)
{
	struct step_time *t = NULL;

	vec_foreach (known, &l->times)
		if (known->phase == end->phase && known->step == end->step &&
			str_eq(known->subject, end->subject))
			t = known;
	if (t == NULL && l->times.n == TIMES_MAX)
		return;
	if (t == NULL) {
		t = vec_push(&l->times);
		t->phase = end->phase;
		t->step = end->step;
		str_set(t->subject, end->subject);
	}
	t->ns[t->n++ % TIMES_KEPT] = end->dur_ns;
}

static void say_failure(
	struct progress *p, const struct lane_now *l, const struct event *end, const char *word)
{
	char when[32];

	if (end->phase == PHASE_CYCLE)
		snprintf(when, sizeof(when), "cycle %" PRIu32, end->cycle);
	else
		str_set(when, phase_name((enum phase)end->phase));
	line(p, end->outcome == OUTCOME_FAIL ? TINT_BAD : TINT_WARN, "%s: %s: %s%s%s %s: %s%s%s",
		l->name, when, end->step >= 0 ? word : "between steps", *end->subject ? " of " : "",
		end->subject, end->outcome == OUTCOME_FAIL ? "failed" : "could not be done",
		end->reason, *end->text ? ": " : "", end->text);
	if (*end->hint)
		line(p, TINT_NONE, "  %s", end->hint);
}

static void on_step_end(
	struct progress *p, struct lane_now *l, const struct event *ev, const char *word)
{
	if (ev->outcome == OUTCOME_PASS)
		took(l, ev);
	if (ev->outcome == OUTCOME_FAIL || ev->outcome == OUTCOME_BROKEN) {
		p->failures++;
		say_failure(p, l, ev, word);
	}
	is_between(l, then_ns(p));
}

/* One that was cut off does not count. */
static void on_cycle_end(struct progress *p, struct lane_now *l, const struct event *ev)
{
	if (ev->outcome == OUTCOME_ABORTED)
		return;
	l->done = ev->cycle;
	l->done_ns = then_ns(p) - p->begun_ns;
	l->failed += ev->outcome == OUTCOME_FAIL || ev->outcome == OUTCOME_BROKEN;
	if (!p->screen.live && !p->in_past && is_milestone(l->done, p->sc->cycles))
		say_milestone(p, l);
}

static void on_event(
	struct progress *p, struct lane_now *l, const struct event *ev, const char *word)
{
	switch (ev->kind) {
	case EV_CYCLE_BEGIN:
		l->cycle = ev->cycle;
		is_between(l, then_ns(p));
		break;
	case EV_STEP_BEGIN:
		is_at(l, ev, word, then_ns(p));
		break;
	case EV_STEP_END:
		on_step_end(p, l, ev, word);
		break;
	case EV_STRETCH:
		is_at(l, ev, ev->text, then_ns(p));
		l->step = -1;
		break;
	case EV_MORE_TIME:
		has_until(l, then_ns(p) + ev->dur_ns);
		break;
	case EV_CYCLE_END:
		on_cycle_end(p, l, ev);
		break;
	case EV_LANE_END:
		l->over = true;
		break;
	default:
		break;
	}
}

void progress_event(struct progress *p, const struct event *ev, const char *word)
{
	struct lane_now *l = lane_of(p, ev->lane);

	if (l == NULL || !enter(p))
		return;
	p->at_ns = ev->mono_ns;
	on_event(p, l, ev, word);
	p->at_ns = 0;
	leave(p);
}

/* ---- incidents ---- */

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
	struct lane_now *l = inc->place.lane >= 0 ? lane_of(p, (uint32_t)inc->place.lane) : NULL;

	if (inc->expected || (inc->severity == SEV_INFO && !inc->over_budget) || !enter(p))
		return;
	if (inc->no > p->newest) {
		p->newest = inc->no;
		p->incidents++;
		if (l != NULL)
			l->incidents++;
	}
	p->over_budget += inc->over_budget;
	if (p->in_past)
		p->at_ns = clock_mono_of(inc->last_wall_ns);
	if (p->in_past || !in_burst(p))
		say_incident(p, inc);
	p->at_ns = 0;
	leave(p);
}

void progress_note(struct progress *p, const char *fmt, ...)
{
	va_list ap;

	if (!enter(p))
		return;
	va_start(ap, fmt);
	say(p, TINT_NONE, fmt, ap);
	va_end(ap);
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
	progress_draw(p);
	leave(p);
}

void progress_continued(struct progress *p)
{
	if (!enter(p))
		return;
	screen_lost(&p->screen);
	progress_draw(p);
	leave(p);
}

/* ---- attaching to a run that has been going on ---- */

void progress_past_begin(struct progress *p)
{
	if (!enter(p))
		return;
	p->in_past = true;
	leave(p);
}

void progress_past_end(struct progress *p)
{
	size_t i;

	if (!enter(p))
		return;
	p->in_past = false;
	if (p->past_dropped > 0)
		screen_line(&p->screen, TINT_DIM, "(what was before is in the report)");
	for (i = 0; i < p->npast; i++) {
		screen_line(&p->screen, p->past[i].tint, p->past[i].text);
		free(p->past[i].text);
	}
	p->npast = 0;
	for (i = 0; !p->screen.live && i < p->nlanes; i++)
		say_milestone(p, &p->lanes[i]);
	p->last_line_ns = clock_mono_ns();
	progress_draw(p);
	leave(p);
}
