/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/rule_field.h"

#include <string.h>

/* Faults and invalidation errors of VT-d and AMD-Vi. */

static struct report *fault_of(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r =
		report_storm(k, ln, REPORT_FAULT, id, ln->m->has_bdf ? &ln->m->bdf : NULL);

	return r != NULL ? r : report_new(k, ln, REPORT_FAULT, id);
}

static void add_to_list(struct report *r, const char *list, enum value_kind kind, const char *from)
{
	const char *value = report_field(r, from);

	if (value != NULL)
		report_add(r, list, kind, value);
}

/* ---- VT-d ---- */

bool report_dmar_fault(struct klog *k, const struct kline *ln)
{
	struct report *r = fault_of(k, ln);

	report_take_fields(r, ln);
	add_to_list(r, "directions", VALUE_STRINGS, "direction");
	add_to_list(r, "addresses", VALUE_STRINGS, "address");
	add_to_list(r, "reasons", VALUE_INTS, "reason");
	report_take_pending(k, r, ln, "dmar.");
	report_line(k, r, ln);
	report_count(r);
	return true;
}

/* Printed before each batch of faults. Bit 0: the unit had more to tell than it could keep (PFO). */
bool report_dmar_status(struct klog *k, const struct kline *ln)
{
	uint64_t status;
	bool overflow =
		span_number(match_group(ln->m, "status"), true, &status) && (status & 1) != 0;

	klog_keep_pending(k, ln, overflow);
	return true;
}

/* The newest report of that family, when the line comes right behind it. */
static struct report *newest_of(
	struct klog *k, const struct kline *ln, enum report_kind kind, const char *prefix)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == kind && report_is(r, prefix) && report_age(r, ln) <= REPORT_US)
			return r;
	return NULL;
}

/* "Dump dmar1 table entries for IOVA ..": of the fault at that address, when two are told at once. */
static struct report *dumped(struct klog *k, const struct kline *ln)
{
	struct span iova = match_group(ln->m, "iova");
	struct report *r;

	for (r = klog_newest(k); iova.s != NULL && r != NULL; r = r->next)
		if (r->kind == REPORT_FAULT && span_is(iova, report_field(r, "address")) &&
			report_age(r, ln) <= REPORT_US)
			return r;
	return newest_of(k, ln, REPORT_FAULT, "dmar.");
}

bool report_dmar_part(struct klog *k, const struct kline *ln)
{
	struct report *r = dumped(k, ln);

	if (r == NULL)
		return false;
	report_set_span(r, "unit", match_group(ln->m, "unit"));
	report_line(k, r, ln);
	return true;
}

static struct report *inval_of(struct klog *k, const struct kline *ln, const uint64_t *sid)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next) {
		if (r->kind != REPORT_INVAL || !report_is(r, "dmar."))
			continue;
		/* one interrupt may report a queue, a completion and a time-out error at once */
		if (report_age(r, ln) <= REPORT_US &&
			(sid == NULL || !r->has_sid || r->sid == *sid))
			return r;
		if (report_age(r, ln) <= STORM_US && (sid != NULL) == r->has_sid &&
			(sid == NULL || r->sid == *sid) && report_is(r, ln->m->rule->id) &&
			report_same_place(k, r, ln))
			return r;
	}
	return NULL;
}

bool report_dmar_inval(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	uint64_t sid;
	bool has_sid = span_number(match_group(ln->m, "rid"), true, &sid);
	struct report *r = inval_of(k, ln, has_sid ? &sid : NULL);

	if (r == NULL)
		r = report_new(k, ln, REPORT_INVAL, id);
	if (has_sid) {
		r->has_sid = true;
		r->sid = sid;
	}
	if (ln->m->has_bdf && !r->inc.has_bdf)
		report_set_bdf(k, r, id, ln->m->bdf);
	report_take_fields(r, ln);
	if (report_is(r, id))
		report_count(r);
	else
		report_add(r, "also", VALUE_STRINGS, id);
	report_raise(r, ln->m->severity);
	report_take_pending(k, r, ln, "dmar.");
	report_line(k, r, ln);
	return true;
}

/* Where a command to a device's translation cache says which device (VT-d 6.5.2.5, 6.5.2.6). */
static const struct {
	const char *type;
	unsigned shift;
} targets[] = {
	{"Device-TLB Invalidation", 32},
	{"PASID-based Device-TLB Invalidation", 16},
};

/* Many units keep no source ID (SID 0), but the command that is not answered has it. */
static void take_target(struct klog *k, struct report *r, const struct kline *ln)
{
	struct span type = match_group(ln->m, "type");
	uint64_t qw0;
	size_t i;

	if (r->inc.has_bdf || !span_number(match_group(ln->m, "qw0"), true, &qw0))
		return;
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		uint16_t rid = (uint16_t)(qw0 >> targets[i].shift);

		if (span_is(type, targets[i].type) && rid != 0 && rid != UINT16_MAX)
			report_set_bdf(k, r, r->inc.id, bdf_from_rid(0, rid));
	}
}

bool report_dmar_qi(struct klog *k, const struct kline *ln)
{
	struct report *r = newest_of(k, ln, REPORT_INVAL, "dmar.");

	if (r == NULL)
		return false;
	take_target(k, r, ln);
	report_line(k, r, ln);
	return true;
}

/* ---- AMD-Vi ---- */

bool report_amdvi_fault(struct klog *k, const struct kline *ln)
{
	struct report *r = fault_of(k, ln);

	report_take_fields(r, ln);
	add_to_list(r, "rw_bits", VALUE_STRINGS, "rw");
	add_to_list(r, "addresses", VALUE_STRINGS, "address");
	report_take_pending(k, r, ln, "amdvi.");
	report_line(k, r, ln);
	report_count(r);
	return true;
}

/* Completion-Wait time-outs name no device: one that came just before was this device's. */
static void absorb_waits(struct klog *k, struct report *r, const struct kline *ln)
{
	struct report *other, *next;

	for (other = klog_newest(k); other != NULL; other = next) {
		next = other->next;
		if (other != r && !other->announced &&
			report_is(other, "amdvi.completion-wait-timeout") &&
			report_age(other, ln) <= LATER_US) {
			other->inc.count = 0;
			report_absorb(k, r, other);
		}
	}
}

bool report_amdvi_timeout(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r = report_storm(k, ln, REPORT_INVAL, id, &ln->m->bdf);

	if (r == NULL)
		r = report_new(k, ln, REPORT_INVAL, id);
	report_take_fields(r, ln);
	report_set_span(r, "reporter", ln->m->unit);
	absorb_waits(k, r, ln);
	report_take_pending(k, r, ln, "amdvi.");
	report_line(k, r, ln);
	report_count(r);
	return true;
}

bool report_amdvi_wait(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (report_is(r, "amdvi.iotlb-inv-timeout") && report_age(r, ln) <= LATER_US) {
			report_line(k, r, ln);
			return true;
		}
	r = report_storm(k, ln, REPORT_INVAL, ln->m->rule->id, NULL);
	if (r == NULL)
		r = report_new(k, ln, REPORT_INVAL, ln->m->rule->id);
	report_take_fields(r, ln);
	report_line(k, r, ln);
	report_count(r);
	return true;
}

/* Two records: what, and then which device. */
bool report_amdvi_not_attached(struct klog *k, const struct kline *ln)
{
	struct report *r = newest_of(k, ln, REPORT_PLAIN, ln->m->rule->id);

	if (match_group(ln->m, "bdf").s == NULL || r == NULL)
		return report_plain(k, ln);
	if (!r->inc.has_bdf)
		report_set_bdf(k, r, r->inc.id, ln->m->bdf);
	report_set_span(r, "domain", match_group(ln->m, "domain"));
	report_line(k, r, ln);
	return true;
}

bool report_amdvi_overflow(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_FAULT && report_is(r, "amdvi.") &&
			report_age(r, ln) <= LATER_US) {
			r->inc.count_is_lower_bound = true;
			r->dirty = true;
		}
	return report_plain(k, ln);
}
