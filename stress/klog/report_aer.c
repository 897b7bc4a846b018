/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/rule_field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * AER: the root port says who sent a message, each agent's registers follow as a block of lines,
 * then the recovery. DPC and firmware-first reports share the blocks and the recovery.
 */

static bool tells_of_pcie(const struct report *r)
{
	return r->kind == REPORT_AER || r->kind == REPORT_GHES || r->kind == REPORT_DPC;
}

static bool same_bus(struct bdf a, struct bdf b)
{
	return a.domain == b.domain && a.bus == b.bus;
}

static const char *class_word(enum severity severity)
{
	return severity == SEV_FATAL ? "fatal" : severity == SEV_ERROR ? "nonfatal" : "corrected";
}

static void set_class(struct report *r, const struct kline *ln)
{
	struct incident_field f;

	/* the rule's own word for it; a user's severity for the id does not change the class */
	if (match_fields(ln->m, false, &f, 1) == 1 && strcmp(f.name, "severity") == 0)
		report_set(r, "severity", VALUE_STRING, f.text);
	else
		report_set(r, "severity", VALUE_STRING, class_word(ln->m->severity));
	r->corrected = str_eq(report_field(r, "severity"), "corrected");
}

static bool class_is(const struct report *r, const struct kline *ln)
{
	struct incident_field f;

	return match_fields(ln->m, false, &f, 1) == 1 &&
		str_eq(report_field(r, "severity"), f.text);
}

/* ---- the root port's message ---- */

/*
 * An Error Source ID of 0 is one that the port did not latch, or a device 0000:00:00.0: the kernel
 * then asks all devices below the port for errors (is_error_source), and their blocks tell.
 */
static bool is_nobody(struct bdf sender)
{
	return bdf_rid(sender) == 0;
}

static struct report *message_of(
	struct klog *k, const struct kline *ln, struct bdf port, struct bdf sender)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_AER && r->has_root && bdf_eq(r->port, port) &&
			bdf_eq(r->sender, sender) && class_is(r, ln) &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln))
			return r;
	return NULL;
}

static struct report *new_message(
	struct klog *k, const struct kline *ln, struct bdf port, struct bdf sender)
{
	struct report *r = report_new(k, ln, REPORT_AER, "aer.bus-error");

	r->has_root = r->has_port = r->has_sender = true;
	r->port = port;
	r->sender = sender;
	/* until a block says more */
	if (is_nobody(sender))
		report_set_bdf(k, r, r->inc.id, port);
	r->inc.has_reporter = !bdf_eq(port, r->inc.bdf);
	r->inc.reporter = port;
	set_class(r, ln);
	return r;
}

bool report_aer_root(struct klog *k, const struct kline *ln)
{
	struct bdf port = ln->m->prefix;
	/* up to 4.17 in hex, and then 0 is nobody */
	struct bdf sender = ln->m->has_bdf ? ln->m->bdf : bdf_from_rid(port.domain, 0);
	struct report *r = message_of(k, ln, port, sender);

	if (r == NULL)
		r = new_message(k, ln, port, sender);
	if (match_group(ln->m, "multiple").s != NULL) {
		report_set(r, "multiple", VALUE_BOOL, "true");
		r->inc.count_is_lower_bound = true;
	}
	if (match_group(ln->m, "no_details").s != NULL)
		report_set(r, "no_details", VALUE_BOOL, "true");
	report_take_pending(k, r, ln, "aer.");
	report_line(k, r, ln);
	report_count(r);
	r->has_outcome = false;
	return true;
}

bool report_aer_no_details(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_AER && r->has_port && bdf_eq(r->port, ln->m->prefix) &&
			report_age(r, ln) <= REPORT_US) {
			report_set(r, "no_details", VALUE_BOOL, "true");
			report_line(k, r, ln);
			return true;
		}
	return report_plain(k, ln);
}

/* ---- blocks ---- */

/* How well an agent's block fits a report; 0 = not at all. */
static int fit(const struct report *r, struct bdf agent)
{
	if (!tells_of_pcie(r) || (r->kind == REPORT_GHES && !report_has_agent(r, agent)))
		return 0;
	if ((r->has_sender && bdf_eq(r->sender, agent)) || report_has_agent(r, agent))
		return 4;
	if (r->has_port && bdf_eq(r->port, agent))
		return 3;
	if (r->has_sender && same_bus(r->sender, agent))
		return 2;
	if (r->has_sender && is_nobody(r->sender) && r->sender.domain == agent.domain)
		return 1;
	/* "Multiple": only the first sender is named */
	return report_field(r, "multiple") != NULL && r->has_sender &&
			r->sender.domain == agent.domain
		? 1
		: 0;
}

static struct report *best_fit(struct klog *k, const struct kline *ln, struct bdf agent)
{
	struct report *r, *best = NULL;
	int score = 0;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (report_age(r, ln) <= REPORT_US && fit(r, agent) > score) {
			score = fit(r, agent);
			best = r;
		}
	return best;
}

/* A block whose message was not read: the agent stands for itself. */
static struct report *orphan_block(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_AER && !r->has_root && bdf_eq(r->inc.bdf, ln->m->bdf) &&
			class_is(r, ln) && report_age(r, ln) <= STORM_US &&
			report_same_place(k, r, ln))
			break;
	if (r == NULL) {
		r = report_new(k, ln, REPORT_AER, "aer.bus-error");
		r->has_sender = true;
		r->sender = ln->m->bdf;
		set_class(r, ln);
	}
	report_count(r);
	return r;
}

/* The first agent of a message with the ID of nobody is whom it was about; the port comes last. */
static void take_culprit(struct klog *k, struct report *r, struct bdf agent)
{
	if (!bdf_eq(r->inc.bdf, r->port) || bdf_eq(agent, r->port))
		return;
	report_set_bdf(k, r, r->inc.id, agent);
	r->inc.has_reporter = true;
	r->inc.reporter = r->port;
}

bool report_aer_bus_error(struct klog *k, const struct kline *ln)
{
	struct bdf agent = ln->m->prefix;
	struct report *r = best_fit(k, ln, agent);

	if (r == NULL || (r->kind == REPORT_AER && !r->has_root))
		r = orphan_block(k, ln);
	report_agent(r, agent);
	if (r->has_root && is_nobody(r->sender))
		take_culprit(k, r, agent);
	/* ERR_COR with an uncorrectable block: the detail of an Advisory Non-Fatal error (7.x) */
	if (r->kind == REPORT_AER && r->corrected && !class_is(r, ln))
		report_set(r, "advisory_nonfatal", VALUE_BOOL, "true");
	else if (bdf_eq(agent, r->inc.bdf) || report_field(r, "layer") == NULL) {
		report_set_span(r, "layer", match_group(ln->m, "layer"));
		report_set_span(r, "agent", match_group(ln->m, "agent"));
	}
	report_line(k, r, ln);
	return true;
}

/* A port that cut its link has a status of its own (DPC's): the device's is told beside it. */
static const char *status_name(const struct report *r, const char *name)
{
	if (r->kind != REPORT_DPC)
		return name;
	return strcmp(name, "status") == 0  ? "aer_status"
		: strcmp(name, "mask") == 0 ? "aer_mask"
					    : name;
}

static void take_status(struct report *r, const struct kline *ln)
{
	struct incident_field fields[RULE_FIELDS_MAX];
	size_t i, n = match_fields(ln->m, false, fields, ARRAY_SIZE(fields));

	/* the culprit's registers, not those of whoever else was asked */
	if (report_field(r, status_name(r, "status")) != NULL &&
		(!bdf_eq(ln->m->prefix, r->inc.bdf) || report_field(r, "advisory_nonfatal")))
		return;
	for (i = 0; i < n; i++)
		report_set(r, status_name(r, fields[i].name), fields[i].kind, fields[i].text);
}

void report_bit(struct report *r, const struct rule *rule, const char *bit)
{
	char text[sizeof(((struct incident_field *)0)->text)];
	const char *meaning = rule_field_choice(rule, "bit_meaning", bit);

	report_add(r, "bits", VALUE_STRINGS, bit);
	if (meaning == NULL)
		return;
	snprintf(text, sizeof(text), "%s: %s", bit, meaning);
	report_add(r, "bit_meanings", VALUE_STRINGS, text);
}

static void take_bit(struct report *r, const struct kline *ln)
{
	struct span name = match_group(ln->m, "name");
	char text[40] = "";

	if (name.n >= sizeof(text))
		return;
	memcpy(text, name.s, name.n);
	report_bit(r, ln->m->rule, text);
	/* the First Error Pointer is for uncorrectable errors only */
	if (match_group(ln->m, "first").s != NULL && !r->corrected)
		report_set(r, "first", VALUE_STRING, text);
	/* from 7.x on they stand here */
	if (report_field(r, "layer") == NULL || match_group(ln->m, "layer").n > 0)
		report_set_span(r, "layer", match_group(ln->m, "layer"));
}

static void take_severity(struct report *r, const struct kline *ln)
{
	uint64_t fatal;

	if (!span_number(match_group(ln->m, "uncor_severity"), true, &fatal) ||
		r->kind == REPORT_GHES)
		return;
	report_raise(r, (r->status & ~r->mask & fatal) != 0 ? SEV_FATAL : SEV_ERROR);
	report_set(r, "severity", VALUE_STRING, class_word(r->inc.severity));
}

bool report_aer_block(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r;

	if (!ln->m->has_prefix)
		return report_ghes_part(k, ln);
	r = best_fit(k, ln, ln->m->prefix);
	if (r == NULL)
		return false;
	if (strcmp(id, "aer.tlp-header") == 0)
		report_tlp_header(r, ln);
	else if (strcmp(id, "aer.device-status") == 0)
		take_status(r, ln);
	else if (strcmp(id, "aer.error-bit") == 0)
		take_bit(r, ln);
	else if (strcmp(id, "aer.firmware-uncor-severity") == 0)
		take_severity(r, ln);
	else if (strcmp(id, "aer.firmware-layer") == 0)
		report_take_fields(r, ln);
	report_line(k, r, ln);
	return true;
}

/* ---- firmware-first: the second half, or all that there is ---- */

static struct report *firmware_report(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next) {
		if (!r->inc.has_bdf || !bdf_eq(r->inc.bdf, ln->m->bdf))
			continue;
		if (r->kind == REPORT_GHES && report_age(r, ln) <= LATER_US)
			return r;
		if (r->kind == REPORT_AER && report_is(r, "aer.firmware-status") &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln)) {
			report_count(r);
			return r;
		}
	}
	r = report_new(k, ln, REPORT_AER, "aer.firmware-status");
	r->has_sender = true;
	r->sender = ln->m->bdf;
	report_set(r, "firmware_first", VALUE_BOOL, "true");
	report_count(r);
	return r;
}

bool report_aer_firmware(struct klog *k, const struct kline *ln)
{
	struct report *r = firmware_report(k, ln);

	report_agent(r, ln->m->bdf);
	span_number(match_group(ln->m, "status"), true, &r->status);
	span_number(match_group(ln->m, "mask"), true, &r->mask);
	if (match_group(ln->m, "kind").n == 5 && r->kind == REPORT_AER)
		report_raise(r, SEV_ERROR); /* aer_uncor_status of 7.x */
	r->corrected = r->inc.severity <= SEV_WARNING;
	report_take_fields(r, ln);
	report_line(k, r, ln);
	return true;
}

/* ---- recovery ---- */

static bool is_recovering(const struct report *r)
{
	return tells_of_pcie(r) && !r->has_outcome && !r->is_bert;
}

/* The report whose port or device this is; else the newest uncorrectable one that waits. */
static struct report *recovering_at(struct klog *k, const struct kline *ln, struct bdf at)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (is_recovering(r) && report_age(r, ln) <= RECOVERY_US &&
			((r->has_port && bdf_eq(r->port, at)) ||
				(r->inc.has_bdf && bdf_eq(r->inc.bdf, at)) ||
				report_has_agent(r, at)) &&
			(r->kind == REPORT_DPC || r->inc.severity >= SEV_ERROR))
			return r;
	return NULL;
}

static struct report *newest_recovering(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (is_recovering(r) && r->inc.severity >= SEV_ERROR &&
			report_age(r, ln) <= LATER_US)
			return r;
	return NULL;
}

/* Which report a function below a port belongs to. */
static struct report *recovering_below(struct klog *k, const struct kline *ln, struct bdf bdf)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (is_recovering(r) && report_age(r, ln) <= LATER_US &&
			r->inc.severity >= SEV_ERROR &&
			((r->inc.has_bdf && same_bus(r->inc.bdf, bdf)) ||
				r->secondary_bus == bdf.bus))
			return r;
	return newest_recovering(k, ln);
}

bool report_aer_cant_recover(struct klog *k, const struct kline *ln)
{
	struct report *r = recovering_below(k, ln, ln->m->prefix);

	if (r == NULL)
		return report_plain(k, ln);
	report_add_bdf(r, "blocked_by", ln->m->prefix);
	if (r->kind == REPORT_DPC && bdf_eq(r->inc.bdf, r->port))
		report_add_bdf(r, "downstream", ln->m->prefix);
	if (r->secondary_bus == ln->m->prefix.bus)
		report_add_bdf(r, "suspect_below", ln->m->prefix);
	report_raise(r, ln->m->severity);
	report_line(k, r, ln);
	return true;
}

bool report_aer_recovery(struct klog *k, const struct kline *ln)
{
	bool failed = strcmp(ln->m->rule->id, "aer.recovery-failed") == 0;
	struct report *r = recovering_at(k, ln, ln->m->prefix);

	if (r == NULL)
		r = newest_recovering(k, ln);
	if (r == NULL)
		return failed && report_plain(k, ln);
	report_set(r, "recovery", VALUE_STRING, failed ? "failed" : "successful");
	r->has_outcome = true;
	if (failed)
		report_raise(r, ln->m->severity);
	report_line(k, r, ln);
	return true;
}

/* What the port and the drivers say while it goes on. */
bool report_aer_during(struct klog *k, const struct kline *ln)
{
	struct report *r = NULL;

	if (ln->m->has_prefix)
		r = recovering_at(k, ln, ln->m->prefix);
	if (r == NULL)
		r = newest_recovering(k, ln);
	if (r == NULL)
		return ln->m->rule->role == ROLE_PRIMARY && report_plain(k, ln);
	if (ln->m->rule->role == ROLE_PRIMARY)
		report_raise(r, ln->m->severity);
	report_line(k, r, ln);
	return true;
}
