/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "klog/rule_field.h"

#include <string.h>

/*
 * A reset that does not end: the kernel waits 1, 2, 4 .. 65 s, tries the next method, and finds
 * the functions of the slot dead. All that is one incident.
 */

static bool same_slot(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus && a.dev == b.dev;
}

/* The next line of a wait comes when it has doubled. */
static struct report *sequence_of(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next) {
		int64_t limit = r->ended ? LATER_US : RECOVERY_US;

		if (r->kind == REPORT_RESET && same_slot(r->inc.bdf, ln->m->bdf) &&
			report_age(r, ln) <= limit && (!r->ended || report_same_place(k, r, ln)))
			return r;
	}
	return NULL;
}

static struct report *begin(struct klog *k, const struct kline *ln)
{
	struct report *r = report_new(k, ln, REPORT_RESET, ln->m->rule->id);
	uint64_t waited = 0;

	/* the first line of a wait comes after it */
	span_number(match_group(ln->m, "ms"), false, &waited);
	if (ln->rec->usec >= 0 && waited < UINT32_MAX)
		r->begin_usec = ln->rec->usec - (int64_t)waited * 1000;
	report_count(r);
	return r;
}

static void note_wait(struct report *r, const struct kline *ln)
{
	struct incident_field fields[RULE_FIELDS_MAX];
	size_t i, n = match_fields(ln->m, false, fields, RULE_FIELDS_MAX);
	uint64_t v = 0;

	span_number(match_group(ln->m, "ms"), false, &v);
	for (i = 0; i < n; i++)
		if (strcmp(fields[i].name, "after") == 0)
			report_add(r, "methods", VALUE_STRINGS, fields[i].text);
	/* after an answer it begins anew */
	if (r->ended && report_field(r, "recovered") != NULL && v < r->last_ms)
		report_count(r);
	r->last_ms = v;
	r->ended = false;
	if (v > r->waited_ms)
		r->waited_ms = v;
	report_set_number(r, "waited_ms", r->waited_ms);
	if (r->begin_usec >= 0 && ln->rec->usec >= r->begin_usec)
		report_set_number(r, "total_ms", (uint64_t)(ln->rec->usec - r->begin_usec) / 1000);
}

/* From a wish for patience over a device that took long to one that is lost. */
static const char *const grades[] = {
	"pci.flr-pending",
	"pci.not-ready-wait",
	"pci.power-inaccessible",
	"pci.config-inaccessible",
	"pci.not-ready-timeout",
};

static void grade(struct klog *k, struct report *r, const struct kline *ln)
{
	size_t i, now = 0, was = 0;

	for (i = 0; i < sizeof(grades) / sizeof(grades[0]); i++) {
		if (strcmp(grades[i], ln->m->rule->id) == 0)
			now = i;
		if (strcmp(grades[i], r->inc.id) == 0)
			was = i;
	}
	if (now > was)
		report_rename(k, r, ln->m->rule->id);
	report_raise(r, ln->m->severity);
}

bool report_reset_line(struct klog *k, const struct kline *ln)
{
	struct report *r = sequence_of(k, ln);

	if (r == NULL)
		r = begin(k, ln);
	grade(k, r, ln);
	if (strcmp(ln->m->rule->id, "pci.flr-pending") == 0)
		report_set(r, "pending_transaction", VALUE_BOOL, "true");
	else
		note_wait(r, ln);
	if (strcmp(ln->m->rule->id, "pci.not-ready-timeout") == 0)
		r->ended = true;
	report_line(k, r, ln);
	return true;
}

bool report_reset_ready(struct klog *k, const struct kline *ln)
{
	struct report *r = sequence_of(k, ln);

	if (r == NULL || r->waited_ms == 0)
		return false; /* it was ready in time */
	note_wait(r, ln);
	r->ended = true;
	if (r->inc.severity < SEV_FATAL)
		report_set(r, "recovered", VALUE_BOOL, "true");
	report_line(k, r, ln);
	return true;
}

bool report_reset_inaccessible(struct klog *k, const struct kline *ln)
{
	struct report *r = sequence_of(k, ln);

	if (r == NULL)
		r = begin(k, ln);
	else if (report_is(r, ln->m->rule->id))
		report_count(r);
	grade(k, r, ln);
	report_take_fields(r, ln);
	report_add_bdf(r, "inaccessible", ln->m->bdf);
	r->ended = true;
	report_line(k, r, ln);
	return true;
}

/* The configuration that such a reset lost is put back: part of it, when it comes at once. */
bool report_reset_recovery(struct klog *k, const struct kline *ln)
{
	struct report *r = ln->m->has_bdf ? sequence_of(k, ln) : NULL;

	if (r == NULL || !r->ended || report_age(r, ln) > 2 * SECOND_US)
		return report_plain(k, ln);
	report_line(k, r, ln);
	return true;
}

bool report_reset_begin(struct klog *k, const struct kline *ln)
{
	klog_note_resetting(k, ln, true);
	return true;
}

bool report_reset_end(struct klog *k, const struct kline *ln)
{
	klog_note_resetting(k, ln, false);
	return true;
}
