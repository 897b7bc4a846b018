/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "world/tail.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/*
 * QEMU's log of each lane's domain. Its own words ("stuck in D3", "Unrecoverable error detected") are
 * in no kernel log. It is followed here, not by the lane, whose process sleeps for as long as a step
 * takes and may be followed by another one.
 */

#define LINES_AT_ONCE 200 /* a QEMU that floods its log must not keep us from the lanes */
#define MORE_NS       (20 * NS_PER_MS)

static void on_more(void *arg)
{
	struct sup_lane *lane = arg;

	sup_qemu_look(lane);
	sup_pump(lane->sup);
}

void sup_qemu_look(struct sup_lane *lane)
{
	struct event ev = {.kind = EV_QEMU_LINE, .lane = sup_lane_index(lane), .step = -1};
	char line[TAIL_LINE_MAX];
	struct err ignored;
	size_t n = 0;

	if (lane->qemu_log == NULL)
		return;
	while (n < LINES_AT_ONCE && tail_line(lane->qemu_log, line, &ignored)) {
		str_set(ev.text, line);
		sup_enqueue(lane->sup, INBOX_EVENT, &ev);
		n++;
	}
	/* what was left is announced by nobody */
	if (n == LINES_AT_ONCE)
		loop_timer_set(lane->sup->loop, &lane->qemu_more, clock_mono_ns() + MORE_NS,
			on_more, lane);
}

static void say_unread(struct sup_lane *lane, const struct err *err)
{
	char text[DETAIL_MAX];

	snprintf(text, sizeof(text),
		"%s: QEMU's log is not read, so that an error which it cannot recover is not told:"
		" %s",
		lane->spec->name, err->msg);
	sup_witness_blind_spot(lane->sup, text);
}

/* It need not exist yet; a domain of the test driver has none. */
void sup_qemu_open(struct sup_lane *lane)
{
	const char *path = lane->qemu_log_path;
	struct err err = {0};

	if (*path == '\0')
		return;
	if (tail_open(path, TAIL_END, &lane->qemu_log, &err) != 0)
		lane->qemu_log = NULL;
	else if (access(path, R_OK) != 0 && errno != ENOENT)
		err_set(&err, ERR_IO, errno, "open %s", path);
	else if (tail_fd(lane->qemu_log) >= 0 &&
		loop_watch(lane->sup->loop, tail_fd(lane->qemu_log), on_more, lane, &err) == 0)
		lane->qemu_log_watched = true;
	if (err.code != ERR_NONE)
		say_unread(lane, &err);
}

void sup_qemu_close(struct sup_lane *lane)
{
	loop_timer_clear(lane->sup->loop, &lane->qemu_more);
	if (lane->qemu_log_watched)
		loop_unwatch(lane->sup->loop, tail_fd(lane->qemu_log));
	tail_close(lane->qemu_log);
	lane->qemu_log = NULL;
	lane->qemu_log_watched = false;
}
