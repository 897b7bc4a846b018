/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"

#include <string.h>

/* Lines without a family that knows more than to count. */

bool report_plain(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r =
		report_storm(k, ln, REPORT_PLAIN, id, ln->m->has_bdf ? &ln->m->bdf : NULL);

	if (r == NULL)
		r = report_new(k, ln, REPORT_PLAIN, id);
	report_raise(r, ln->m->severity);
	report_take_fields(r, ln);
	report_line(k, r, ln);
	report_count(r);
	return true;
}

/* Normal lines make an incident only when their text, or a user's rule, says that they are not. */
bool report_info(struct klog *k, const struct kline *ln)
{
	return ln->m->severity >= SEV_WARNING && report_plain(k, ln);
}

/* A device that is off the bus after an error of it that is told already, or an incident of its own. */
bool report_lost(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); ln->m->has_bdf && r != NULL; r = r->next)
		if (r->kind != REPORT_PLAIN && r->inc.severity >= SEV_ERROR && r->inc.has_bdf &&
			bdf_eq(r->inc.bdf, ln->m->bdf) && report_age(r, ln) <= LATER_US &&
			report_same_place(k, r, ln)) {
			report_add(r, "also", VALUE_STRINGS, ln->m->rule->id);
			report_raise(r, ln->m->severity);
			report_line(k, r, ln);
			return true;
		}
	return report_plain(k, ln);
}

/* The kernel lets go of a device: nothing in a log, but a loss when a lane is at work with it. */
bool report_removed(struct klog *k, const struct kline *ln)
{
	if (!klog_unexpected_in_lane(k, ln))
		return report_info(k, ln);
	report_plain(k, ln);
	report_raise(klog_newest(k), SEV_ERROR);
	return true;
}

bool report_family_context(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id, *dot = strchr(id, '.');
	size_t family = (size_t)(dot - id) + 1;
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (strncmp(r->inc.id, id, family) == 0 && report_age(r, ln) <= 2 * SECOND_US &&
			(!r->inc.has_bdf || !ln->m->has_bdf || bdf_eq(r->inc.bdf, ln->m->bdf))) {
			report_line(k, r, ln);
			return true;
		}
	klog_keep_pending(k, ln, false);
	return true;
}
