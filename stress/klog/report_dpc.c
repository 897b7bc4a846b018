/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "klog/rule_field.h"

#include <string.h>

/* Downstream Port Containment: the port cuts off what is below it, and hotplug sees it vanish. */

static struct report *open_at(struct klog *k, const struct kline *ln, struct bdf port)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_DPC && bdf_eq(r->port, port) && !r->has_outcome &&
			report_age(r, ln) <= RECOVERY_US)
			return r;
	return NULL;
}

static struct report *new_at(struct klog *k, const struct kline *ln)
{
	struct report *r = report_new(k, ln, REPORT_DPC, ln->m->rule->id);

	r->has_port = true;
	r->port = ln->m->prefix;
	return r;
}

/* The same containment again, in the same place: counted. */
static struct report *again_at(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_DPC && bdf_eq(r->port, ln->m->prefix) &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln))
			return r;
	return NULL;
}

static void find_source(struct klog *k, struct report *r, const struct kline *ln)
{
	struct span source = match_group(ln->m, "source");
	struct bdf bdf;
	uint64_t rid;

	if (span_bdf(source, r->port.domain, &bdf))
		;
	/* valid for ERR_NONFATAL and ERR_FATAL only, but then never 0 */
	else if (span_number(match_group(ln->m, "source_id"), true, &rid) && rid != 0 &&
		rid < 0xffff)
		bdf = bdf_from_rid(r->port.domain, (uint16_t)rid);
	else
		return;
	report_set_bdf(k, r, r->inc.id, bdf);
	r->inc.has_reporter = true;
	r->inc.reporter = r->port;
	report_agent(r, bdf);
}

bool report_dpc_containment(struct klog *k, const struct kline *ln)
{
	struct report *r = again_at(k, ln);
	bool had_event = r != NULL && report_is(r, "edr.event");

	if (r == NULL)
		r = new_at(k, ln);
	if (had_event) {
		report_rename(k, r, ln->m->rule->id);
		report_add(r, "also", VALUE_STRINGS, "edr.event");
	} else {
		report_count(r);
	}
	report_raise(r, ln->m->severity);
	report_take_fields(r, ln);
	/* up to 6.7 the word for it is in the next line, but the register has it */
	if (str_eq(report_field(r, "trigger"), "ERR_FATAL") && !ln->m->rule->severity_overridden)
		report_raise(r, SEV_FATAL);
	find_source(k, r, ln);
	report_line(k, r, ln);
	r->has_outcome = false;
	return true;
}

bool report_edr(struct klog *k, const struct kline *ln)
{
	struct report *r = again_at(k, ln);

	if (r == NULL)
		r = new_at(k, ln);
	report_count(r);
	report_line(k, r, ln);
	r->has_outcome = false;
	return true;
}

bool report_dpc_part(struct klog *k, const struct kline *ln)
{
	struct report *r = open_at(k, ln, ln->m->prefix);

	if (r == NULL && strcmp(ln->m->rule->id, "edr.detail") == 0)
		r = again_at(k, ln); /* "successfully recovered" comes behind the outcome */
	if (r == NULL)
		return ln->m->rule->role == ROLE_PRIMARY && report_plain(k, ln);
	report_set_span(r, "reason", match_group(ln->m, "reason"));
	report_add_span(r, "rp_pio", match_group(ln->m, "request"));
	report_tlp_header(r, ln);
	report_line(k, r, ln);
	return true;
}

/* The card and the link of a port that was cut off come back. */
bool report_dpc_back(struct klog *k, const struct kline *ln)
{
	struct report *r = ln->m->has_bdf ? again_at(k, ln) : NULL;

	if (r == NULL)
		return false;
	if (strcmp(ln->m->rule->id, "hotplug.link-up") == 0)
		report_set(r, "returned", VALUE_BOOL, "true");
	report_line(k, r, ln);
	return true;
}

/* Does that happen because a port was cut off? The port's own slot, or the device that it names. */
bool report_dpc_also(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); ln->m->has_bdf && r != NULL; r = r->next)
		if (r->kind == REPORT_DPC && !r->has_outcome && report_age(r, ln) <= RECOVERY_US &&
			(bdf_eq(r->port, ln->m->bdf) || report_has_agent(r, ln->m->bdf))) {
			report_add(r, "also", VALUE_STRINGS, ln->m->rule->id);
			report_line(k, r, ln);
			return true;
		}
	return str_starts(ln->m->rule->id, "hotplug.") ? report_link_lost(k, ln)
						       : report_plain(k, ln);
}
