/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/rule_field.h"
#include "world/aer.h"

#include <stdio.h>
#include <string.h>

/*
 * Firmware-first errors (APEI GHES) and those of the last boot (BERT). Blocks of two CPUs
 * interleave: the number in braces says which line belongs to which.
 */

static struct report *block_of(struct klog *k, const struct kline *ln)
{
	uint64_t seq;
	bool has_seq = span_number(match_group(ln->m, "seq"), false, &seq);
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_GHES && report_age(r, ln) <= LATER_US &&
			r->has_seq == has_seq && (!has_seq || r->seq == seq))
			return r;
	return NULL;
}

static struct report *new_block(struct klog *k, const struct kline *ln, const char *id)
{
	struct report *r = report_new(k, ln, REPORT_GHES, id);

	r->has_seq = span_number(match_group(ln->m, "seq"), false, &r->seq);
	if (r->has_seq)
		report_set_number(r, "seq", r->seq);
	report_set(r, "firmware_first", VALUE_BOOL, "true");
	r->inc.severity = SEV_WARNING;
	report_count(r);
	return r;
}

bool report_ghes_header(struct klog *k, const struct kline *ln)
{
	struct report *r = new_block(k, ln, ln->m->rule->id);

	report_take_fields(r, ln);
	report_take_pending(k, r, ln, "ghes.");
	report_line(k, r, ln);
	return true;
}

bool report_bert(struct klog *k, const struct kline *ln)
{
	struct report *r = new_block(k, ln, ln->m->rule->id);

	r->is_bert = true;
	r->inc.severity = ln->m->severity;
	report_set(r, "previous_boot", VALUE_BOOL, "true");
	report_line(k, r, ln);
	return true;
}

/* The same error of the same device again: one incident, unless it was told already. */
static struct report *join_earlier(struct klog *k, struct report *r, const struct kline *ln)
{
	struct report *other;

	for (other = klog_newest(k); other != NULL; other = other->next)
		if (other != r && other->kind == REPORT_GHES && !r->announced &&
			strcmp(other->inc.id, r->inc.id) == 0 &&
			other->inc.has_bdf == r->inc.has_bdf &&
			(!r->inc.has_bdf || bdf_eq(other->inc.bdf, r->inc.bdf)) &&
			other->inc.severity == r->inc.severity && other->has_seq && r->has_seq &&
			str_eq(report_field(other, "section"), report_field(r, "section")) &&
			report_age(other, ln) <= STORM_US && report_same_place(k, other, ln))
			break;
	if (other == NULL)
		return r;
	other->seq = r->seq;
	other->has_outcome = false;
	report_absorb(k, other, r);
	return other;
}

static const struct {
	const char *word;
	enum severity severity;
} severities[] = {{"corrected", SEV_WARNING}, {"recoverable", SEV_ERROR}, {"fatal", SEV_FATAL},
	{"info", SEV_INFO}};

static void take_severity(struct report *r, struct span word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(severities); i++)
		if (strlen(severities[i].word) == word.n &&
			memcmp(severities[i].word, word.s, word.n) == 0) {
			report_set_span(r, "severity", word);
			/* what ended the last boot is told, not judged as a fault of this one */
			if (!r->is_bert)
				r->inc.severity = severities[i].severity;
			r->corrected = severities[i].severity <= SEV_WARNING;
		}
}

static void take_bits(struct klog *k, struct report *r, const struct kline *ln)
{
	const struct rule *rule = klog_rule(k, "aer.error-bit");
	struct span kind = match_group(ln->m, "kind");
	enum aer_class cls = kind.n == 3 ? AER_CORRECTABLE : AER_FATAL;
	uint64_t status, mask;
	unsigned bit;

	report_set_span(r, "status", match_group(ln->m, "status"));
	report_set_span(r, "mask", match_group(ln->m, "mask"));
	if (!span_number(match_group(ln->m, "status"), true, &status) ||
		!span_number(match_group(ln->m, "mask"), true, &mask))
		return;
	for (bit = 0; bit < 32; bit++)
		if ((status & ~mask & UINT64_C(1) << bit) != 0 && aer_bit_name(cls, bit) != NULL)
			report_bit(r, rule, aer_bit_name(cls, bit));
}

static void take_details(struct report *r, const struct kline *ln)
{
	struct span bus = match_group(ln->m, "secondary_bus");
	uint64_t v;

	if (span_number(bus, true, &v) && v > 0 && v < 256) {
		r->secondary_bus = (int)v;
		report_set_span(r, "secondary_bus", bus);
	}
	report_set_span(r, "vendor", match_group(ln->m, "vendor"));
	report_set_span(r, "device", match_group(ln->m, "device"));
}

bool report_ghes_part(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r = block_of(k, ln);

	if (r == NULL)
		r = new_block(k, ln, "ghes.header");
	if (strcmp(id, "ghes.event-severity") == 0)
		take_severity(r, match_group(ln->m, "severity"));
	else if (strcmp(id, "ghes.section") == 0)
		report_take_fields(r, ln);
	else if (strcmp(id, "ghes.pcie-device") == 0 && ln->m->has_bdf)
		report_set_bdf(k, r, r->inc.id, ln->m->bdf);
	else if (strcmp(id, "ghes.pcie-aer") == 0)
		take_bits(k, r, ln);
	else if (strcmp(id, "aer.tlp-header") == 0)
		report_tlp_header(r, ln);
	else if (strcmp(id, "ghes.detail") == 0)
		take_details(r, ln);
	report_line(k, r, ln);
	if (strcmp(id, "ghes.pcie-device") == 0)
		join_earlier(k, r, ln);
	return true;
}
