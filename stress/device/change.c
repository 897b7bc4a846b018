/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/change.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/attr.h"
#include "model/event.h"
#include "model/undo.h"

#include <stdio.h>

#define ATTR_NS (10 * NS_PER_S)

int change_make(const struct host *host, struct emitter *out, const char *subject, const char *path,
	const char *value, struct change *change, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_WRITE};
	char now[sizeof(change->was)];

	if (attr_read(host, path, now, sizeof(now), clock_mono_ns() + ATTR_NS, err) != 0)
		return -1;
	if (str_eq(now, value))
		return 0;
	str_set(rec.subject, subject);
	str_set(rec.path, path);
	str_set(rec.value, now);
	if (undo_begin(out, &rec, &change->undo, err) != 0)
		return -1;
	str_set(change->path, path);
	str_set(change->was, now);
	return attr_write(host, path, value, clock_mono_ns() + ATTR_NS, NULL, err);
}

void change_back(
	const struct host *host, struct emitter *out, const char *subject, struct change *change)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	struct err err = {0};

	if (change->undo == 0)
		return;
	if (attr_write(host, change->path, change->was, clock_mono_ns() + ATTR_NS, NULL, &err) ==
		0) {
		undo_done(out, change->undo);
	} else {
		str_set(ev.subject, subject);
		snprintf(ev.text, sizeof(ev.text), "%s could not be put back to '%s': %s",
			change->path, change->was, err.msg);
		str_set(ev.hint, "`vfio-stress undo` tries again");
		emit(out, &ev);
	}
	*change = (struct change){0};
}
