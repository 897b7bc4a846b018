/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include <string.h>

/*
 * A hotplug slot that loses its card: link down, card not present, and the way back are one
 * incident of the slot's port. What is below the port is the culprit; who that is, topology says.
 */

static struct report *open_at(struct klog *k, const struct kline *ln, int64_t within_us)
{
	struct report *r;

	for (r = klog_newest(k); ln->m->has_bdf && r != NULL; r = r->next)
		if (r->kind == REPORT_LINK && bdf_eq(r->port, ln->m->bdf) &&
			report_age(r, ln) <= within_us)
			return r;
	return NULL;
}

static struct report *begin(struct klog *k, const struct kline *ln)
{
	struct report *r = report_new(k, ln, REPORT_LINK, ln->m->rule->id);

	r->has_port = true;
	r->port = ln->m->bdf;
	r->begin_usec = ln->rec->usec;
	report_count(r);
	return r;
}

/* It was back, and is lost again: the slot flaps. */
static void again(struct report *r, const struct kline *ln)
{
	r->ended = false;
	r->begin_usec = ln->rec->usec;
	report_set(r, "returned", VALUE_BOOL, "false");
	report_count(r);
}

bool report_link_lost(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r = open_at(k, ln, STORM_US);

	if (!ln->m->has_bdf)
		return report_plain(k, ln);
	if (r == NULL || (r->ended && !report_same_place(k, r, ln)))
		r = begin(k, ln);
	else if (r->ended || report_is(r, id))
		again(r, ln);
	else
		report_add(r, "also", VALUE_STRINGS, id);
	if (ln->m->severity > r->inc.severity) {
		report_add(r, "also", VALUE_STRINGS, r->inc.id);
		report_rename(k, r, id);
		report_raise(r, ln->m->severity);
	}
	report_take_fields(r, ln);
	report_line(k, r, ln);
	return true;
}

bool report_link_back(struct klog *k, const struct kline *ln)
{
	struct report *r = open_at(k, ln, RECOVERY_US);

	if (r == NULL || r->ended)
		return report_dpc_back(k, ln) || report_info(k, ln);
	report_line(k, r, ln);
	/* a card alone is not yet a link */
	if (strcmp(ln->m->rule->id, "hotplug.link-up") != 0)
		return true;
	r->ended = true;
	report_set(r, "returned", VALUE_BOOL, "true");
	if (r->begin_usec >= 0 && ln->rec->usec >= r->begin_usec)
		report_set_number(r, "down_ms", (uint64_t)(ln->rec->usec - r->begin_usec) / 1000);
	return true;
}
