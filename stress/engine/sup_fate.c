/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/evidence.h"
#include "model/step.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * The kernel and libvirt share locks between devices: a lane that is stuck holds up others, which are
 * then not to blame. Measured: starting a healthy VM takes 55 s instead of 3.5 while another one's
 * device is dying.
 */
#define HOLDS_AFTER_NS (10 * NS_PER_S) /* what takes no longer holds up nobody for long */
#define ASLEEP_NS      (5 * NS_PER_S) /* a disk that is slow is not a device that is dead */

/* Reasons that say: not in time. What held it up may be why. */
static const char *const time_outs[] = {"agent-silent", "device-unreadable", "group-busy",
	"not-ready", "reboot-ignored", "shutdown-ignored", "stop-failed", "timeout", "wedged"};

static const struct step *open_step(const struct sup_lane *lane)
{
	return lane->at.step_open ? sup_lane_step(lane, &lane->open_step) : NULL;
}

/* A step that only waits takes no lock; what is between two steps may. */
static bool can_hold(const struct sup_lane *lane)
{
	return !lane->at.step_open || lane->open_step.flags & EVENT_DISRUPTIVE;
}

static bool can_be_held(const struct sup_lane *lane)
{
	const struct step *step = open_step(lane);

	return step == NULL || step->type->flags & (STEP_NEEDS_DOMAIN | STEP_SHARES_LOCKS);
}

/* Does a task of it sleep in the kernel, and has for a while? */
static bool is_asleep(struct sup_lane *lane, int64_t now)
{
	if (!sup_lane_in_kernel(lane))
		lane->now.in_kernel_ns = 0;
	else if (lane->now.in_kernel_ns == 0)
		lane->now.in_kernel_ns = now;
	return lane->now.in_kernel_ns != 0 && now - lane->now.in_kernel_ns >= ASLEEP_NS;
}

/* Of two that both hang, the one that began first is not held up by the other. */
static bool holds_up(const struct sup_lane *other, const struct sup_lane *lane)
{
	if (other == lane || (!other->abandoned && !other->now.holds))
		return false;
	return other->abandoned || !lane->now.holds || other->now.began_ns < lane->now.began_ns;
}

static const struct sup_lane *holder_of(const struct sup_lane *lane)
{
	const struct supervisor *s = lane->sup;
	size_t i;

	for (i = 0; can_be_held(lane) && i < s->nlanes; i++)
		if (holds_up(&s->lanes[i], lane))
			return &s->lanes[i];
	return NULL;
}

/* Once it is seen to hold something, it holds it until it comes to what is next. */
static void look_at(struct sup_lane *lane, int64_t now)
{
	struct sup_stretch *st = &lane->now;

	if (lane->life != LANE_RUNNING || st->holds || !can_hold(lane) ||
		now - st->began_ns < HOLDS_AFTER_NS)
		return;
	st->holds = is_asleep(lane, now) || (st->overdue && holder_of(lane) == NULL);
}

/* Adds what was not looked at yet. It counts from the begin of what turned out to hold it up. */
static void add_up(struct sup_lane *lane, int64_t now)
{
	const struct sup_lane *holder = holder_of(lane);
	struct sup_stretch *st = &lane->now;
	int64_t from = st->held_until_ns;

	if (holder == NULL)
		return;
	if (from < holder->now.began_ns)
		from = holder->now.began_ns;
	st->held_by = holder;
	if (now > from)
		st->held_ns += now - from;
	st->held_until_ns = now;
}

void sup_fate_look(struct supervisor *s)
{
	int64_t now = clock_mono_ns();
	size_t i;

	if (s->nlanes < 2)
		return;
	for (i = 0; i < s->nlanes; i++)
		look_at(&s->lanes[i], now);
	for (i = 0; i < s->nlanes; i++)
		if (s->lanes[i].life == LANE_RUNNING)
			add_up(&s->lanes[i], now);
}

int64_t sup_fate_extra(const struct sup_lane *lane)
{
	const struct sup_stretch *st = &lane->now;

	return st->held_ns < st->bound_ns ? st->held_ns : st->bound_ns;
}

int64_t sup_fate_forecast(const struct sup_lane *lane)
{
	const struct sup_lane *holder = holder_of(lane);
	int64_t left, now = clock_mono_ns();

	if (holder == NULL || holder->abandoned)
		return 0;
	left = holder->now.began_ns + holder->now.bound_ns - now;
	return left < 0 ? 0 : left < lane->now.bound_ns ? left : lane->now.bound_ns;
}

bool sup_fate_is_held(const struct sup_lane *lane)
{
	return holder_of(lane) != NULL;
}

const char *sup_fate_text(const struct sup_lane *lane, char *buf, size_t size)
{
	const struct sup_lane *holder = lane->now.held_by;

	if (holder == NULL)
		return str_copy(buf, size, "");
	snprintf(buf, size, ": blocked behind lane '%s', for %" PRId64 " s", holder->spec->name,
		lane->now.held_ns / NS_PER_S);
	return buf;
}

static bool is_time_out(const char *reason)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(time_outs); i++)
		if (str_eq(time_outs[i], reason))
			return true;
	return false;
}

static void judge_step(struct sup_lane *lane, struct event *ev)
{
	char behind[128], text[DETAIL_MAX];

	sup_fate_look(lane->sup);
	if (ev->outcome != OUTCOME_FAIL || lane->now.held_by == NULL || !is_time_out(ev->reason))
		return;
	lane->excused = true;
	ev->outcome = OUTCOME_BROKEN;
	str_set(text, ev->text);
	snprintf(ev->text, sizeof(ev->text), "%s%s", text,
		sup_fate_text(lane, behind, sizeof(behind)));
	str_set(ev->reason, "blocked");
	str_set(ev->hint, "look at that lane first: its device or VM held what this one needed");
}

/* The lane does not know better: its cycle and its end follow from the step. */
void sup_fate_judge(struct sup_lane *lane, struct event *ev)
{
	if (ev->kind == EV_STEP_END && lane->at.step_open)
		judge_step(lane, ev);
	else if ((ev->kind == EV_CYCLE_END || ev->kind == EV_LANE_END) &&
		ev->outcome == OUTCOME_FAIL && lane->excused)
		ev->outcome = OUTCOME_BROKEN;
}
