/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/progress_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "model/event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDE       100 /* columns: room for a bar in every row */
#define VERY_WIDE  140 /* and for what the lane has */
#define BAR_WIDTH  20
#define PIECES_MAX 12
#define ROWS_ABOVE 3 /* at least, for what has been said */
#define SLOW_NS    (3 * NS_PER_S) /* over twice its usual time, and that much longer: look at it */

/* A part of a row. What matters least goes first where there is no room for all. */
struct piece {
	unsigned rank; /* 0 = stays, and is cut */
	struct str text;
};

struct row {
	struct piece v[PIECES_MAX];
	size_t n;
};

static void __attribute__((format(printf, 3, 4)))
add(struct row *row, unsigned rank, const char *fmt, ...)
{
	struct piece *p = &row->v[row->n++];
	va_list ap;

	*p = (struct piece){.rank = rank};
	va_start(ap, fmt);
	str_addv(&p->text, fmt, ap);
	va_end(ap);
}

static struct str *last(struct row *row)
{
	return &row->v[row->n - 1].text;
}

static size_t columns(const struct row *row)
{
	size_t i, n = 0;

	for (i = 0; i < row->n; i++)
		n += utf8_columns(row->v[i].text.s);
	return n;
}

static bool drop_least(struct row *row)
{
	size_t i, least = 0;

	for (i = 0; i < row->n; i++)
		if (row->v[i].rank > row->v[least].rank)
			least = i;
	if (row->v[least].rank == 0)
		return false;
	str_finish(&row->v[least].text);
	memmove(&row->v[least], &row->v[least + 1], (row->n - least - 1) * sizeof(row->v[0]));
	row->n--;
	return true;
}

/* Shows what fits into so many columns, and frees it. */
static void put(struct progress *p, struct row *row, enum tint tint, unsigned width)
{
	struct str s = {0};
	size_t i;

	while (columns(row) >= width && drop_least(row))
		;
	for (i = 0; i < row->n; i++) {
		str_add(&s, row->v[i].text.s);
		str_finish(&row->v[i].text);
	}
	screen_block_add(&p->screen, tint, s.s);
	str_finish(&s);
}

const char *progress_seconds(int64_t ns, char *buf, size_t size)
{
	if (ns < NS_PER_S)
		return str_copy(buf, size, "0s");
	return duration_text(ns / NS_PER_S * 1000, buf, size);
}

/* ---- what is left ---- */

int64_t progress_lane_left_ns(const struct progress *p, const struct lane_now *l, int64_t elapsed)
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
		int64_t lane = progress_lane_left_ns(p, &p->lanes[i], elapsed);

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

void progress_left_text(const struct progress *p, int64_t left, struct str *s)
{
	char buf[32];

	if (all_over(p))
		str_add(s, ", waiting for late kernel messages");
	else if (p->stopping)
		str_add(s, ", stopping");
	else if (left >= NS_PER_S)
		str_addf(s, ", about %s left", progress_seconds(left, buf, sizeof(buf)));
}

/* ---- the head ---- */

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "  90/600 cycles, 5400/h" */
static void add_rate(struct row *row, const struct progress *p, int64_t elapsed)
{
	uint64_t done = 0;
	double rate;
	size_t i;

	for (i = 0; i < p->nlanes; i++)
		done += p->lanes[i].done;
	add(row, 2, "  %" PRIu64, done);
	if (p->sc->cycles > 0)
		str_addf(last(row), "/%" PRId64, p->sc->cycles * (int64_t)p->nlanes);
	str_addf(last(row), " cycle%s", p->sc->cycles > 0 ? "s" : plural(done));
	if (done == 0 || elapsed < NS_PER_S)
		return;
	rate = (double)done * 3600 * (double)NS_PER_S / (double)elapsed;
	add(row, 3, rate < 10 ? ", %.1f/h" : ", %.0f/h", rate);
}

static void head_row(struct progress *p, int64_t now, unsigned width)
{
	int64_t elapsed = now - p->begun_ns;
	struct row row = {0};
	char buf[32];

	add(&row, 0, "%s  %s", p->sc->name, progress_seconds(elapsed, buf, sizeof(buf)));
	add(&row, 1, "%s", "");
	progress_left_text(p, left_ns(p, elapsed), last(&row));
	add_rate(&row, p, elapsed);
	add(&row, 1, "  %" PRIu64 " incident%s, %" PRIu64 " failure%s", p->incidents,
		plural(p->incidents), p->failures, plural(p->failures));
	add(&row, 4, "  run %s", p->run);
	put(p, &row,
		p->failures || p->over_budget ? TINT_BAD
			: p->incidents        ? TINT_WARN
					      : TINT_GOOD,
		width);
}

/* ---- a lane ---- */

static void add_padded(struct row *row, const char *before, const char *text, unsigned width)
{
	size_t fits = utf8_fit(text, width);
	unsigned used = (unsigned)strlen(before);

	add(row, 0, "%s%.*s", before, (int)fits, text);
	for (width += used, used = (unsigned)utf8_columns(last(row)->s); used < width; used++)
		str_add(last(row), " ");
}

static void add_bar(struct row *row, uint32_t done, int64_t total)
{
	static const char full[] = "####################", none[] = "--------------------";
	int n = (int)(done < total ? done * (int64_t)BAR_WIDTH / total : BAR_WIDTH);

	add(row, 0, " [%.*s%.*s]", n, full, BAR_WIDTH - n, none);
}

static int digits(int64_t n)
{
	int d = 1;

	for (; n >= 10; n /= 10)
		d++;
	return d;
}

static void add_cycle(struct row *row, const struct progress *p, const struct lane_now *l)
{
	if (p->sc->cycles > 0)
		add(row, 0, " %*" PRIu32 "/%" PRId64, digits(p->sc->cycles), l->cycle,
			p->sc->cycles);
	else
		add(row, 0, " cycle %" PRIu32, l->cycle);
}

static int compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of the newest times of the step that the lane is at; 0 = none is known. */
static int64_t usual_ns(const struct lane_now *l)
{
	int64_t sorted[TIMES_KEPT];
	size_t n;

	vec_foreach (t, &l->times) {
		if (t->phase != l->phase || t->step != l->step || !str_eq(t->subject, l->device))
			continue;
		n = t->n < TIMES_KEPT ? (size_t)t->n : TIMES_KEPT;
		memcpy(sorted, t->ns, n * sizeof(sorted[0]));
		qsort(sorted, n, sizeof(sorted[0]), compare_ns);
		return sorted[n / 2];
	}
	return 0;
}

/* " (usually 3s, at most 4m)" */
static void add_limits(struct row *row, int64_t usual, int64_t bound)
{
	char a[32], b[32];

	if (usual >= NS_PER_S && bound > 0)
		add(row, 4, " (usually %s, at most %s)", progress_seconds(usual, a, sizeof(a)),
			progress_seconds(bound, b, sizeof(b)));
	else if (usual >= NS_PER_S)
		add(row, 4, " (usually %s)", progress_seconds(usual, a, sizeof(a)));
	else if (bound > 0)
		add(row, 4, " (at most %s)", progress_seconds(bound, b, sizeof(b)));
}

static const char *doing(const struct lane_now *l)
{
	if (l->over)
		return "ended";
	if (!l->seen)
		return "preparing";
	return *l->what ? l->what : "between steps";
}

static bool is_working(const struct lane_now *l)
{
	return l->seen && !l->over && *l->what != '\0';
}

static bool names_phase(const struct lane_now *l)
{
	return l->step >= 0 && (l->phase == PHASE_BEFORE || l->phase == PHASE_AFTER);
}

void progress_where_text(const struct lane_now *l, struct str *s)
{
	bool working = is_working(l);

	if (working && names_phase(l))
		str_addf(s, "%s: ", phase_name((enum phase)l->phase));
	str_add(s, doing(l));
	if (working && *l->device)
		str_addf(s, " %s", l->device);
}

static void add_work(struct row *row, const struct lane_now *l, int64_t now, int64_t usual)
{
	int64_t took = now - l->since_ns;
	char buf[32];

	if (is_working(l) && names_phase(l))
		add(row, 2, "  %s:", phase_name((enum phase)l->phase));
	add(row, is_working(l) ? 0 : 1, "%s%s", is_working(l) && names_phase(l) ? " " : "  ",
		doing(l));
	if (!is_working(l))
		return;
	if (*l->device)
		add(row, 3, " %s", l->device);
	if (took < NS_PER_S)
		return;
	add(row, 1, " %s", progress_seconds(took, buf, sizeof(buf)));
	add_limits(row, usual, l->bound_ns);
}

static bool is_overdue(const struct lane_now *l, int64_t now)
{
	return is_working(l) && l->bound_ns > 0 && now - l->since_ns > l->bound_ns;
}

static bool is_slow(const struct lane_now *l, int64_t now, int64_t usual)
{
	return is_working(l) && usual > 0 && now - l->since_ns > 2 * usual + SLOW_NS;
}

static void lane_row(struct progress *p, const struct lane_now *l, int64_t now, unsigned width)
{
	unsigned most = width / 4 < (unsigned)p->name_width ? width / 4 : (unsigned)p->name_width;
	int64_t usual = usual_ns(l);
	struct row row = {0};

	add_padded(&row, "  ", l->name, most);
	if (width >= VERY_WIDE && p->subject_width > 0)
		add_padded(&row, " ", l->subject, (unsigned)p->subject_width);
	if (width >= WIDE && p->sc->cycles > 0)
		add_bar(&row, l->done, p->sc->cycles);
	add_cycle(&row, p, l);
	add_work(&row, l, now, usual);
	if (l->failed > 0)
		add(&row, 0, "  %" PRIu32 " failed", l->failed);
	if (l->incidents > 0)
		add(&row, 2, "  %" PRIu64 " incident%s", l->incidents, plural(l->incidents));
	put(p, &row,
		l->failed || is_overdue(l, now)                  ? TINT_BAD
			: l->incidents || is_slow(l, now, usual) ? TINT_WARN
			: l->over                                ? TINT_DIM
								 : TINT_NONE,
		width);
}

/* ---- which lanes ---- */

struct placed {
	const struct lane_now *lane;
	unsigned badness;
	size_t index;
};

static unsigned badness(const struct lane_now *l, int64_t now)
{
	return (is_overdue(l, now) ? 16u : 0) + (l->failed ? 8u : 0) + (l->incidents ? 4u : 0) +
		(is_slow(l, now, usual_ns(l)) ? 2u : 0) + (l->over ? 0 : 1u);
}

static int worst_first(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->badness != y->badness)
		return x->badness < y->badness ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* In their order; where not all fit, the worst. */
static void lane_rows(struct progress *p, int64_t now, unsigned width, size_t room)
{
	struct placed order[LANES_MAX];
	size_t i, shown = p->nlanes;

	for (i = 0; i < p->nlanes; i++)
		order[i] = (struct placed){&p->lanes[i], badness(&p->lanes[i], now), i};
	if (shown > room) {
		qsort(order, p->nlanes, sizeof(order[0]), worst_first);
		shown = room > 1 ? room - 1 : 1;
	}
	for (i = 0; i < shown; i++)
		lane_row(p, order[i].lane, now, width);
	if (shown < p->nlanes && room > 1) {
		auto_free char *more = xasprintf("  + %zu more", p->nlanes - shown);

		screen_block_add(&p->screen, TINT_DIM, more);
	}
}

void progress_draw(struct progress *p)
{
	int64_t now = clock_mono_ns();
	unsigned width, height;

	if (!p->screen.live || p->run[0] == '\0' || p->in_past)
		return;
	screen_size(&p->screen, &width, &height);
	screen_block_clear(&p->screen);
	head_row(p, now, width);
	/* the row of the cursor, and the head */
	lane_rows(p, now, width, height > ROWS_ABOVE + 2 ? height - ROWS_ABOVE - 2 : 1);
	screen_block_draw(&p->screen);
}
