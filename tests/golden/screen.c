/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/progress.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "golden.h"
#include "model/event.h"
#include "model/incident.h"
#include "model/scenario.h"
#include "world/pcidev.h"
#include "pty_read.h"

#include "cmocka_all.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOW    (1000 * NS_PER_S)
#define MANY   30
#define HEIGHT 12
#define GPU    "0000:41:00.0"

/* ---- a run of so many lanes ---- */

static void tell(struct progress *p, uint32_t lane, enum event_kind kind, uint32_t cycle,
	enum outcome outcome)
{
	struct event ev = {.kind = kind,
		.lane = lane,
		.cycle = cycle,
		.phase = PHASE_CYCLE,
		.step = kind == EV_STEP_BEGIN || kind == EV_STEP_END ? 2 : -1,
		.outcome = (uint8_t)outcome,
		.dur_ns = (kind == EV_STEP_BEGIN ? 240 : 3) * NS_PER_S};

	if (ev.step >= 0)
		str_set(ev.subject, GPU);
	if (outcome == OUTCOME_FAIL && kind == EV_STEP_END)
		str_set(ev.reason, "wedged");
	progress_event(p, &ev, "reset");
}

static void do_cycle(struct progress *p, uint32_t lane, uint32_t cycle)
{
	enum outcome outcome = lane == 1 && cycle == 7 ? OUTCOME_FAIL : OUTCOME_PASS;

	tell(p, lane, EV_CYCLE_BEGIN, cycle, OUTCOME_PASS);
	tell(p, lane, EV_STEP_BEGIN, cycle, OUTCOME_PASS);
	tell(p, lane, EV_STEP_END, cycle, outcome);
	tell(p, lane, EV_CYCLE_END, cycle, outcome);
}

static void tell_incident(struct progress *p, int32_t lane)
{
	struct incident inc = {.no = 1,
		.id = "aer.correctable",
		.severity = SEV_WARNING,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.lane = lane, .cycle = 7, .step = "reset"},
		.nfirst = 1};

	inc.last_wall_ns = clock_wall_ns() + NS_PER_S; /* now, whatever the clock reads */
	inc.first[0].text = xstrdup("pcieport: hostile \x1b]0;x\x07");
	progress_incident(p, &inc);
	incident_finish(&inc);
}

/* Lane 0 is slow in its reset, 1 has failed, 2 has ended, 3 has not begun, others are as 4. */
static void live_a_little(struct progress *p, uint32_t n)
{
	const struct pcidev devices[] = {{.bdf = {0, 0x41, 0, 0}}, {.bdf = {0, 0x41, 0, 1}}};
	uint32_t i, cycle;

	progress_devices(p, 0, devices, 2);
	for (cycle = 1; cycle <= 10; cycle++) {
		clock_test_advance(12 * NS_PER_S);
		for (i = 0; i < n; i++)
			if (i != 3)
				do_cycle(p, i, cycle);
	}
	tell_incident(p, 0);
	for (i = 0; i < n; i++)
		if (i != 3)
			tell(p, i, EV_CYCLE_BEGIN, 11, OUTCOME_PASS);
	tell(p, 0, EV_STEP_BEGIN, 11, OUTCOME_PASS);
	if (n > 2)
		tell(p, 2, EV_LANE_END, 0, OUTCOME_ABORTED);
	clock_test_advance(65 * NS_PER_S);
}

/* ---- what a terminal of a size shows of it ---- */

struct terminal {
	int master, slave;
};

static void open_terminal(struct terminal *t, unsigned short width)
{
	const struct winsize ws = {.ws_col = width, .ws_row = HEIGHT};

	t->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_true(t->master >= 0);
	assert_int_equal(grantpt(t->master) | unlockpt(t->master), 0);
	t->slave = open(ptsname(t->master), O_RDWR | O_NOCTTY);
	assert_true(t->slave >= 0);
	ioctl(t->master, TIOCSWINSZ, &ws);
}

/* What moves the cursor and clears. */
static void strip(char *line)
{
	char *from = line, *to = line;

	for (; *from != '\0'; from++) {
		if (*from != '\x1b') {
			*to++ = *from;
			continue;
		}
		from += strcspn(from, "AJK");
	}
	*to = '\0';
}

/* One picture. No row of the block may fill its line. */
static void add_picture(struct terminal *t, struct str *out, unsigned width)
{
	char buf[16384], *rest = buf, *line;
	bool in_block = false;

	pty_read(t->master, t->slave, buf, sizeof(buf));
	while ((line = strsep(&rest, "\r\n")) != NULL) {
		strip(line);
		in_block |= str_starts(line, "soak");
		assert_true(!in_block || utf8_columns(line) < width);
		if (*line != '\0')
			str_addf(out, "%s\n", line);
	}
}

static void paint(struct str *out, unsigned short width, uint32_t n)
{
	static struct lane_spec lanes[MANY] = {{.name = "gpu-vm"}, {.name = "disk"},
		{.name = "\xe8\xaf\x95\xe9\xaa\x8c"}, {.name = "ev\x1b[2Jil"}};
	const struct scenario sc = {.name = "soak", .lanes = lanes, .nlanes = n, .cycles = 300};
	struct terminal t;
	struct progress *p;
	uint32_t i;

	for (i = 4; i < MANY; i++)
		lanes[i].name = "lane";
	clock_test_set(NOW);
	open_terminal(&t, width);
	p = progress_new_on(&sc, t.slave, false);
	progress_past_begin(p);
	progress_begin(p, "20261121-040714-1f3a", NOW);
	live_a_little(p, n);
	str_addf(out, "==== %u lanes, %u columns\n", n, width);
	progress_past_end(p);
	add_picture(&t, out, width);
	progress_free(p);
	close(t.slave);
	close(t.master);
	clock_test_set(0);
}

static void the_screen_fits_its_window(void **state)
{
	static const unsigned short widths[] = {40, 59, 80, 120, 200};
	static const uint32_t lanes[] = {1, 4, MANY};
	struct str out = {0};
	size_t i, k;

	(void)state;
	setenv("TERM", "xterm", 1);
	setenv("NO_COLOR", "1", 1);
	for (i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++)
		for (k = 0; k < sizeof(widths) / sizeof(widths[0]); k++)
			paint(&out, widths[k], lanes[i]);
	golden_check("screen.expected", out.s, out.len);
	str_finish(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_screen_fits_its_window),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
