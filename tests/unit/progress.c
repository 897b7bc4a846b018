/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/progress.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/scenario.h"
#include "pty_read.h"

#include "cmocka_all.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NOW (1000 * NS_PER_S)

static struct lane_spec specs[] = {{.name = "gpu-vm"}, {.name = "disk"}};
static const struct scenario two_lanes = {
	.name = "soak",
	.lanes = specs,
	.nlanes = 2,
	.cycles = 300,
};

/* ---- what a terminal makes of it ---- */

#define ROWS 60
#define COLS 200

struct terminal {
	int master, slave;
	char cell[ROWS][COLS + 1];
	bool red[ROWS]; /* something of it */
	unsigned row, col, top; /* top = first row that the cursor can reach */
	unsigned width, height;
	size_t escapes;
};

static void open_terminal(struct terminal *t, unsigned short width, unsigned short height)
{
	struct winsize ws = {.ws_col = width, .ws_row = height};

	memset(t, 0, sizeof(*t));
	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(t->master >= 0);
	assert_int_equal(grantpt(t->master) | unlockpt(t->master), 0);
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
	assert_true(t->slave >= 0);
	ioctl(t->master, TIOCSWINSZ, &ws);
	t->width = width;
	t->height = height;
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	clock_test_set(NOW);
}

static void close_terminal(struct terminal *t)
{
	close(t->slave);
	close(t->master);
	clock_test_set(0);
}

static void resize(struct terminal *t, unsigned short width, unsigned short height)
{
	struct winsize ws = {.ws_col = width, .ws_row = height};

	ioctl(t->master, TIOCSWINSZ, &ws);
	t->width = width;
	t->height = height;
}

static void clear_from(struct terminal *t, bool below)
{
	unsigned r;

	memset(t->cell[t->row] + t->col, 0, COLS - t->col);
	t->red[t->row] &= t->col > 0;
	for (r = t->row + 1; below && r < ROWS; r++) {
		memset(t->cell[r], 0, COLS);
		t->red[r] = false;
	}
}

static const char *escape(struct terminal *t, const char *s)
{
	unsigned n = 0;

	assert_int_equal(*s++, '[');
	for (; isdigit((unsigned char)*s) || *s == ';'; s++)
		n = *s == ';' ? 0 : n * 10 + (unsigned)(*s - '0');
	if (*s == 'A')
		t->row = t->row - t->top >= n ? t->row - n : t->top;
	else if (*s == 'K')
		clear_from(t, false);
	else if (*s == 'J')
		clear_from(t, true);
	else if (*s == 'm')
		t->red[t->row] |= n == 31; /* ECMA-48, SGR */
	else
		fail_msg("an escape that no terminal knows: %c", *s);
	t->escapes++;
	return s + 1;
}

/* Reads all there is and paints it. */
static void look(struct terminal *t)
{
	char buf[70000];
	const char *s;

	pty_read(t->master, t->slave, buf, sizeof(buf));
	for (s = buf; *s != '\0';) {
		if (*s == '\x1b') {
			s = escape(t, s + 1);
		} else if (*s == '\r') {
			t->col = 0;
			s++;
		} else if (*s == '\n') {
			t->row++;
			assert_true(t->row < ROWS);
			if (t->row - t->top >= t->height)
				t->top++;
			s++;
		} else {
			assert_true(t->col < t->width);
			t->cell[t->row][t->col++] = *s++;
		}
	}
}

/* The row that begins like this, or -1. */
static int row_of(const struct terminal *t, const char *beginning)
{
	int r;

	for (r = 0; r < ROWS; r++)
		if (str_starts(t->cell[r], beginning))
			return r;
	return -1;
}

static int rows_used(const struct terminal *t)
{
	int r, n = 0;

	for (r = 0; r < ROWS; r++)
		n += t->cell[r][0] != '\0';
	return n;
}

static struct progress *begun_on(const struct scenario *sc, int fd)
{
	struct progress *p = progress_new_on(sc, fd, false);

	progress_begin(p, "20261121-040714-1f3a", clock_mono_ns());
	return p;
}

/* ---- what lanes do, now ---- */

static void begin_cycle(struct progress *p, uint32_t lane, uint32_t cycle)
{
	const struct event ev = {.kind = EV_CYCLE_BEGIN, .lane = lane, .cycle = cycle, .step = -1};

	progress_event(p, &ev, "?");
}

static void end_cycle(struct progress *p, uint32_t lane, uint32_t cycle, enum outcome outcome)
{
	const struct event ev = {.kind = EV_CYCLE_END,
		.lane = lane,
		.cycle = cycle,
		.step = -1,
		.outcome = (uint8_t)outcome};

	progress_event(p, &ev, "?");
}

static void begin_step(
	struct progress *p, uint32_t lane, uint32_t cycle, const char *word, const char *device)
{
	struct event ev = {.kind = EV_STEP_BEGIN,
		.lane = lane,
		.cycle = cycle,
		.phase = PHASE_CYCLE,
		.step = 2,
		.dur_ns = 240 * NS_PER_S};

	str_set(ev.subject, device);
	progress_event(p, &ev, word);
}

static void end_step(struct progress *p, uint32_t lane, const char *device, int64_t dur_ns)
{
	struct event ev = {.kind = EV_STEP_END,
		.lane = lane,
		.phase = PHASE_CYCLE,
		.step = 2,
		.dur_ns = dur_ns};

	str_set(ev.subject, device);
	progress_event(p, &ev, "reset");
}

static void end_lane(struct progress *p, uint32_t lane)
{
	const struct event ev = {.kind = EV_LANE_END, .lane = lane, .step = -1};

	progress_event(p, &ev, "?");
}

static void fail_step(struct progress *p, uint32_t cycle)
{
	struct event ev = {
		.kind = EV_STEP_END, .cycle = cycle, .phase = PHASE_CYCLE, .outcome = OUTCOME_FAIL};

	str_set(ev.subject, "0000:41:00.0");
	str_set(ev.reason, "config-unreadable");
	str_set(ev.text, "all ones \x1b[2J");
	str_set(ev.hint, "power-cycle the slot");
	progress_event(p, &ev, "reset");
}

static void tell_incident(struct progress *p, uint32_t no, enum severity severity)
{
	struct incident inc = {.no = no,
		.id = "aer.nonfatal",
		.severity = severity,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.over_budget = severity >= SEV_ERROR,
		.place = {.lane = 0, .cycle = 7, .step = "reset"},
		.nfirst = 2,
		.telling = 1};

	inc.first[0].text = xstrdup("pcieport: error message received");
	inc.first[1].text = xstrdup("pcieport: hostile \x1b]0;x\x07");
	progress_incident(p, &inc);
	incident_finish(&inc);
}

static void a_terminal_shows_one_block_and_redraws_it(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 120, 24);
	p = begun_on(&two_lanes, t.slave);
	begin_cycle(p, 0, 31);
	begin_step(p, 0, 31, "reset", "0000:41:00.0");
	clock_test_advance(60 * NS_PER_S);
	end_cycle(p, 0, 30, OUTCOME_PASS);
	end_cycle(p, 1, 60, OUTCOME_PASS);
	progress_tick(p);
	look(&t);
	assert_string_equal(t.cell[0],
		"soak  1m, about 9m left  90/600 cycles, 5400/h  0 incidents, 0 failures"
		"  run 20261121-040714-1f3a");
	assert_string_equal(t.cell[1],
		"  gpu-vm [##------------------]  31/300  reset "
		"0000:41:00.0 1m (at most 4m)");
	assert_int_equal(rows_used(&t), 3);
	clock_test_advance(60 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_int_equal(rows_used(&t), 3);
	assert_true(str_starts(t.cell[0], "soak  2m"));
	progress_free(p);
	look(&t);
	assert_int_equal(rows_used(&t), 0);
	close_terminal(&t);
}

static void what_happens_stays_above_the_block(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 120, 24);
	p = begun_on(&two_lanes, t.slave);
	fail_step(p, 7);
	tell_incident(p, 1, SEV_ERROR);
	tell_incident(p, 2, SEV_INFO);
	progress_note(p, "gpu-vm: %s", "a note");
	progress_tick(p);
	look(&t);
	assert_string_equal(t.cell[0],
		"[0s] gpu-vm: cycle 7: reset of 0000:41:00.0 failed: "
		"config-unreadable: all ones \\x1b[2J");
	assert_string_equal(t.cell[1], "[0s]   power-cycle the slot");
	assert_string_equal(t.cell[2],
		"[0s] aer.nonfatal, error, 0000:41:00.0, gpu-vm cycle 7 reset: "
		"pcieport: hostile \\x1b]0;x\\x07");
	assert_string_equal(t.cell[3], "[0s] gpu-vm: a note");
	assert_int_equal(row_of(&t, "soak"), 4);
	assert_non_null(strstr(t.cell[4], "1 incident, 1 failure"));
	assert_int_equal(rows_used(&t), 7);
	progress_free(p);
	close_terminal(&t);
}

static void a_resized_window_keeps_every_row_whole(void **state)
{
	static const unsigned short sizes[][2] = {{60, 24}, {30, 6}, {30, 3}, {150, 40}, {80, 24}};
	struct terminal t;
	struct progress *p;
	size_t i;

	(void)state;
	open_terminal(&t, 100, 24);
	p = begun_on(&two_lanes, t.slave);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		look(&t);
		resize(&t, sizes[i][0], sizes[i][1]);
		progress_tick(p);
		progress_note(p, "note %zu", i);
		look(&t); /* no row is wider than the window: checked there */
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		auto_free char *note = xasprintf("[0s] note %zu", i);

		assert_true(row_of(&t, note) >= 0);
	}
	assert_true(row_of(&t, "soak") >= 0);
	progress_free(p);
	close_terminal(&t);
}

static void a_step_is_held_against_its_usual_time(void **state)
{
	struct terminal t;
	struct progress *p;
	int i;

	(void)state;
	open_terminal(&t, 120, 24);
	p = begun_on(&two_lanes, t.slave);
	for (i = 1; i <= 20; i++)
		end_step(p, 0, "0000:41:00.0", (i == 20 ? 200 : i < 11 ? 90 : 3) * NS_PER_S);
	begin_step(p, 0, 21, "reset", "0000:41:00.0");
	clock_test_advance(5 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_non_null(strstr(t.cell[1], "reset 0000:41:00.0 5s (usually 3s, at most 4m)"));
	begin_step(p, 0, 21, "reset", "0000:41:00.1"); /* of which nothing is known */
	clock_test_advance(5 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_non_null(strstr(t.cell[1], "reset 0000:41:00.1 5s (at most 4m)"));
	progress_free(p);
	close_terminal(&t);
}

static void who_comes_later_sees_the_last_lines_and_all_counts(void **state)
{
	struct terminal t;
	struct progress *p;
	uint32_t i;

	(void)state;
	open_terminal(&t, 120, 24);
	p = progress_new_on(&two_lanes, t.slave, false);
	clock_test_advance(3600 * NS_PER_S);
	progress_past_begin(p);
	progress_begin(p, "r1", NOW);
	for (i = 1; i <= 20; i++) {
		struct event ev = {.kind = EV_STEP_END,
			.cycle = i,
			.phase = PHASE_CYCLE,
			.outcome = OUTCOME_FAIL,
			/* told in any order: each odd minute twice */
			.mono_ns = NOW + (i % 2 ? i : 21 - i) * 60 * NS_PER_S};

		str_set(ev.reason, "wedged");
		progress_event(p, &ev, "reset");
	}
	look(&t);
	assert_int_equal(rows_used(&t), 0);
	progress_past_end(p);
	look(&t);
	assert_string_equal(t.cell[0], "(what was before is in the report)");
	assert_string_equal(t.cell[1], "[13m] gpu-vm: cycle 8: reset failed: wedged");
	assert_string_equal(t.cell[8], "[19m] gpu-vm: cycle 19: reset failed: wedged");
	assert_true(str_starts(t.cell[9], "soak  1h  0/600 cycles  0 incidents, 20 failures"));
	progress_free(p);
	close_terminal(&t);
}

static void give_more_time(struct progress *p, uint32_t lane, int64_t dur_ns)
{
	const struct event ev = {
		.kind = EV_MORE_TIME, .lane = lane, .mono_ns = clock_mono_ns(), .dur_ns = dur_ns};

	progress_event(p, &ev, "reset");
}

/* A look at neighbours that do not answer takes longer than the step that silenced them. */
static void what_got_more_time_is_not_shown_as_overdue(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 120, 24);
	p = begun_on(&two_lanes, t.slave);
	begin_cycle(p, 0, 1);
	begin_step(p, 0, 1, "reset", "0000:41:00.0");
	clock_test_advance(200 * NS_PER_S);
	give_more_time(p, 0, 100 * NS_PER_S);
	give_more_time(p, 0, NS_PER_S); /* less than it has is no loss */
	clock_test_advance(60 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_non_null(strstr(t.cell[1], "reset 0000:41:00.0 4m20s (at most 5m)"));
	assert_false(t.red[1]);
	clock_test_advance(60 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_true(t.red[1]);
	progress_free(p);
	close_terminal(&t);
}

static void after_a_stop_the_block_is_drawn_anew(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 100, 24);
	p = begun_on(&two_lanes, t.slave);
	look(&t);
	assert_int_equal(write(t.slave, "$ fg\n", 5), 5); /* the shell's, meanwhile */
	progress_continued(p);
	progress_tick(p);
	look(&t);
	assert_string_equal(t.cell[3], "$ fg");
	assert_int_equal(row_of(&t, "soak"), 0);
	assert_true(str_starts(t.cell[4], "soak"));
	assert_int_equal(rows_used(&t), 7);
	progress_free(p);
	close_terminal(&t);
}

/* 150 cycles of 2 s left after 150: it counts down, stands still in a cycle that is late. */
static void what_is_left_counts_down_within_a_cycle(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 110, 24);
	p = begun_on(&two_lanes, t.slave);
	end_lane(p, 1);
	clock_test_advance(300 * NS_PER_S);
	end_cycle(p, 0, 150, OUTCOME_PASS);
	clock_test_advance(1 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_true(str_starts(t.cell[0], "soak  5m1s, about 4m59s left"));
	clock_test_advance(60 * NS_PER_S);
	progress_tick(p);
	look(&t);
	assert_true(str_starts(t.cell[0], "soak  6m1s, about 4m58s left"));
	progress_free(p);
	close_terminal(&t);
}

static void the_head_says_what_is_waited_for(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 110, 24);
	p = begun_on(&two_lanes, t.slave);
	clock_test_advance(60 * NS_PER_S);
	end_cycle(p, 0, 30, OUTCOME_PASS);
	end_cycle(p, 1, 60, OUTCOME_PASS);
	end_lane(p, 0); /* it has failed: only the other one is left */
	progress_tick(p);
	look(&t);
	assert_true(str_starts(t.cell[0], "soak  1m, about 4m left"));
	assert_non_null(strstr(t.cell[1], "  ended"));
	end_cycle(p, 1, 300, OUTCOME_ABORTED);
	progress_stopping(p);
	progress_tick(p);
	look(&t);
	assert_true(str_starts(t.cell[0], "soak  1m, stopping  90/600 cycles"));
	end_lane(p, 1);
	progress_tick(p);
	look(&t);
	assert_true(str_starts(t.cell[0], "soak  1m, waiting for late kernel messages  90/"));
	progress_free(p);
	close_terminal(&t);
}

static void log_lines_do_not_garble_the_block(void **state)
{
	struct terminal t;
	struct progress *p;
	int saved = dup(STDERR_FILENO);

	(void)state;
	open_terminal(&t, 100, 24);
	p = begun_on(&two_lanes, t.slave);
	dup2(t.slave, STDERR_FILENO);
	log_warn("store", "the disk is slow");
	dup2(saved, STDERR_FILENO);
	close(saved);
	look(&t);
	assert_string_equal(t.cell[0], "warning: store: the disk is slow");
	assert_int_equal(row_of(&t, "soak"), 1);
	assert_int_equal(rows_used(&t), 4);
	progress_free(p);
	close_terminal(&t);
}

static void no_color_means_no_colour_but_still_a_block(void **state)
{
	struct terminal t;
	struct progress *p;
	char buf[4096];
	ssize_t n;

	(void)state;
	open_terminal(&t, 100, 24);
	setenv("NO_COLOR", "1", 1);
	p = begun_on(&two_lanes, t.slave);
	fail_step(p, 7);
	n = read(t.master, buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_non_null(strstr(buf, "\x1b[J"));
	assert_null(strstr(buf, "m\x1b["));
	assert_null(strstr(buf, "\x1b[0m"));
	progress_free(p);
	close_terminal(&t);
}

static void a_dumb_terminal_gets_plain_lines(void **state)
{
	struct terminal t;
	struct progress *p;

	(void)state;
	open_terminal(&t, 100, 24);
	setenv("TERM", "dumb", 1);
	p = begun_on(&two_lanes, t.slave);
	progress_tick(p);
	fail_step(p, 7);
	look(&t);
	assert_int_equal(t.escapes, 0);
	assert_string_equal(t.cell[0], "[0s] soak: run 20261121-040714-1f3a has begun");
	assert_int_equal(rows_used(&t), 3);
	progress_free(p);
	close_terminal(&t);
}

static double seconds_of_real_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void a_stopped_terminal_stops_nobody(void **state)
{
	struct terminal t;
	struct progress *p;
	double began = seconds_of_real_time();
	char buf[200000];
	size_t len = 0;
	int i;

	(void)state;
	open_terminal(&t, 100, 24);
	p = begun_on(&two_lanes, t.slave);
	for (i = 0; i < 5000; i++)
		progress_note(
			p, "%d: a line that nobody reads, of some length, again and again", i);
	assert_true(seconds_of_real_time() - began < 5);
	for (i = 0; i < 100; i++) { /* the reader is back */
		ssize_t n = read(t.master, buf + len, sizeof(buf) - 1 - len);

		len += n > 0 ? (size_t)n : 0;
		progress_tick(p);
		if (i == 90)
			progress_note(p, "done");
	}
	buf[len] = '\0';
	assert_non_null(strstr(buf, "[0s] 0: a line"));
	assert_non_null(strstr(buf, "lines were not shown: the terminal was stopped)"));
	assert_non_null(strstr(buf, "[0s] done"));
	progress_free(p);
	close_terminal(&t);
}

static void a_stopped_terminal_holds_up_no_log_line(void **state)
{
	struct terminal t;
	struct progress *p;
	int i, saved = dup(STDERR_FILENO);

	(void)state;
	open_terminal(&t, 100, 24);
	p = begun_on(&two_lanes, t.slave);
	dup2(t.slave, STDERR_FILENO);
	alarm(20); /* a write that waits would wait for ever */
	for (i = 0; i < 5000; i++)
		log_warn("store", "%d: the disk is slow, and nobody reads that", i);
	alarm(0);
	dup2(saved, STDERR_FILENO);
	close(saved);
	progress_free(p);
	close_terminal(&t);
}

/* ---- not a terminal ---- */

static const char *plain(const struct scenario *sc, void (*act)(struct progress *p), bool quiet)
{
	static char buf[65536];
	int fds[2];
	struct progress *p;
	ssize_t n;

	clock_test_set(NOW);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	p = progress_new_on(sc, fds[1], quiet);
	progress_note(p, "preparing");
	progress_begin(p, "r1", clock_mono_ns());
	act(p);
	progress_free(p);
	close(fds[1]);
	n = read(fds[0], buf, sizeof(buf) - 1);
	close(fds[0]);
	clock_test_set(0);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void three_hundred_cycles(struct progress *p)
{
	uint32_t i;

	for (i = 1; i <= 300; i++) {
		begin_step(p, 0, i, "start", "");
		clock_test_advance(NS_PER_S);
		end_cycle(p, 0, i, i == 150 ? OUTCOME_FAIL : OUTCOME_PASS);
		end_cycle(p, 1, i, OUTCOME_PASS);
		progress_tick(p);
	}
}

static size_t count(const char *s, const char *what)
{
	size_t n = 0;

	for (; (s = strstr(s, what)) != NULL; s++)
		n++;
	return n;
}

static void a_log_file_gets_milestones(void **state)
{
	const char *s = plain(&two_lanes, three_hundred_cycles, false);

	(void)state;
	assert_true(str_starts(s,
		"preparing\n[0s] soak: run r1 has begun\n"
		"[1s] gpu-vm: 1 of 300 cycles done, 0 failed, about 4m59s left\n"));
	assert_non_null(
		strstr(s, "[30s] gpu-vm: 30 of 300 cycles done, 0 failed, about 4m30s left\n"));
	assert_non_null(strstr(s, "[5m] gpu-vm: 300 of 300 cycles done, 1 failed\n"));
	/* 1 2 5 10 20 50 100 200, and 30 60 90 ... 300 */
	assert_int_equal(count(s, "gpu-vm: "), 18);
	assert_null(strchr(s, '\x1b'));
}

static void stuck_for_an_hour(struct progress *p)
{
	int i;

	begin_cycle(p, 0, 3);
	begin_step(p, 0, 3, "reset", "0000:41:00.0");
	for (i = 0; i < 3600; i++) {
		clock_test_advance(NS_PER_S);
		progress_tick(p);
	}
}

static void a_long_silence_is_broken_by_a_sign_of_life(void **state)
{
	const char *s = plain(&two_lanes, stuck_for_an_hour, false);

	(void)state;
	assert_non_null(strstr(s, "[5m] gpu-vm: cycle 3, reset 0000:41:00.0 for 5m\n"));
	assert_int_equal(count(s, "gpu-vm: cycle 3"), 12);
}

static void a_storm_of_incidents(struct progress *p)
{
	uint32_t i;

	for (i = 1; i <= 5000; i++)
		tell_incident(p, i, SEV_FATAL);
	clock_test_advance(11 * NS_PER_S);
	progress_tick(p);
}

static void a_storm_is_counted_and_not_listed(void **state)
{
	const char *s = plain(&two_lanes, a_storm_of_incidents, false);

	(void)state;
	assert_int_equal(count(s, "aer.nonfatal"), 20);
	assert_non_null(strstr(s, "[11s] 4980 more incidents were not shown here\n"));
}

static void all_at_once(struct progress *p)
{
	three_hundred_cycles(p);
	fail_step(p, 7);
	tell_incident(p, 1, SEV_FATAL);
}

static void quiet_says_nothing(void **state)
{
	(void)state;
	assert_string_equal(plain(&two_lanes, all_at_once, true), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_terminal_shows_one_block_and_redraws_it),
		cmocka_unit_test(what_happens_stays_above_the_block),
		cmocka_unit_test(a_resized_window_keeps_every_row_whole),
		cmocka_unit_test(a_step_is_held_against_its_usual_time),
		cmocka_unit_test(who_comes_later_sees_the_last_lines_and_all_counts),
		cmocka_unit_test(what_got_more_time_is_not_shown_as_overdue),
		cmocka_unit_test(after_a_stop_the_block_is_drawn_anew),
		cmocka_unit_test(the_head_says_what_is_waited_for),
		cmocka_unit_test(what_is_left_counts_down_within_a_cycle),
		cmocka_unit_test(log_lines_do_not_garble_the_block),
		cmocka_unit_test(no_color_means_no_colour_but_still_a_block),
		cmocka_unit_test(a_dumb_terminal_gets_plain_lines),
		cmocka_unit_test(a_stopped_terminal_stops_nobody),
		cmocka_unit_test(a_stopped_terminal_holds_up_no_log_line),
		cmocka_unit_test(a_log_file_gets_milestones),
		cmocka_unit_test(a_long_silence_is_broken_by_a_sign_of_life),
		cmocka_unit_test(a_storm_is_counted_and_not_listed),
		cmocka_unit_test(quiet_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
