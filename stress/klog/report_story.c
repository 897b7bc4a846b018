/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"

#include <string.h>

/*
 * Families that tell one thing in several messages: a GPU's ring that hangs, the reset and its
 * outcome; a process that wants memory and another that dies for it; a drive that does not answer,
 * and is given up. The worst names the incident.
 */

static const struct {
	const char *family;
	int64_t within_us; /* from one message to the next */
} stories[] = {
	{"amdgpu.", LATER_US},
	{"i915.", LATER_US},
	{"mce.", REPORT_US},
	{"nouveau.", LATER_US},
	{"nvme.", STORM_US},
	{"oom.", LATER_US},
	{"xe.", LATER_US},
};

bool report_is_story(const char *id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stories); i++)
		if (str_starts(id, stories[i].family))
			return true;
	return false;
}

/* The kernel names NVMe drives by a number of its own. */
static bool may_be_of(const struct report *r, const struct kline *ln)
{
	struct span controller = match_group(ln->m, "controller");

	if (controller.s != NULL && !span_is(controller, report_field(r, "controller")))
		return false;
	return !r->inc.has_bdf || !ln->m->has_bdf || bdf_eq(r->inc.bdf, ln->m->bdf);
}

/*
 * AMD's decoder (drivers/edac/mce_amd.c) begins each corrected error with the same words, with
 * "Machine check events logged" in front of two in a minute only.
 */
static bool begins_record(const struct kline *ln)
{
	return match_group(ln->m, "begins").s != NULL;
}

static const char *told_id(const struct kline *ln)
{
	return begins_record(ln) ? "mce.record" : ln->m->rule->id;
}

/* The story that goes on, or the same thing again within a minute. */
static struct report *story_of(struct klog *k, const struct kline *ln)
{
	const char *id = told_id(ln);
	size_t family = (size_t)(strchr(id, '.') - id) + 1, i;
	int64_t within = 0;
	struct report *r;

	for (i = 0; i < ARRAY_SIZE(stories); i++)
		if (strncmp(stories[i].family, id, family) == 0)
			within = stories[i].within_us;
	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_STORY && strncmp(r->inc.id, id, family) == 0 &&
			may_be_of(r, ln) &&
			(report_age(r, ln) <= within ||
				(report_age(r, ln) <= STORM_US && report_is(r, id))) &&
			report_same_place(k, r, ln))
			return r;
	return NULL;
}

/*
 * "Machine check events logged" only announces the records behind it. What the rule says counts: the
 * incident may be worse by a line of another family.
 */
static bool gives_way(const struct report *r, const struct kline *ln)
{
	return ln->m->severity > r->rule->severity || strcmp(r->inc.id, "mce.logged") == 0;
}

static void join(struct klog *k, struct report *r, const struct kline *ln)
{
	const char *id = told_id(ln);

	if (strcmp(r->inc.id, id) == 0) {
		/* the reason, behind the registers that it was found in, is no second error */
		if (match_group(ln->m, "why").s == NULL)
			report_count(r);
	} else if (!gives_way(r, ln)) {
		report_add(r, "also", VALUE_STRINGS, id);
	} else {
		report_add(r, "also", VALUE_STRINGS, r->inc.id);
		report_rename(k, r, id);
		r->inc.count = 1;
	}
	report_raise(r, ln->m->severity);
}

bool report_story(struct klog *k, const struct kline *ln)
{
	struct report *r = story_of(k, ln);
	bool tells = ln->m->rule->role == ROLE_PRIMARY || begins_record(ln);

	if (r == NULL && !tells)
		return report_family_context(k, ln);
	if (r == NULL) {
		r = report_new(k, ln, REPORT_STORY, told_id(ln));
		if (begins_record(ln))
			report_raise(r, r->rule->severity);
		report_count(r);
	} else if (tells) {
		join(k, r, ln);
	}
	if (ln->m->has_bdf && !r->inc.has_bdf)
		report_set_bdf(k, r, r->inc.id, ln->m->bdf);
	report_take_fields(r, ln);
	report_line(k, r, ln);
	return true;
}
