/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/klog.h"

#include <string.h>

/*
 * Witnesses besides the log. A sighting is a claim until it is settled: the kernel counts, traces and
 * prints an error within microseconds of each other, in an order that differs between versions, but a
 * slow console may hold the lines back. What then no report has accounted for is an error that the
 * log did not tell.
 */

static const struct {
	const char *word; /* in seen_by; NULL = that of another */
	const char *count; /* the field with what it counted, NULL = it does not count */
	enum witness said_as;
} witnesses[WITNESSES] = {
	[WITNESS_LOG] = {"log", "count_log", WITNESS_LOG},
	[WITNESS_COUNTERS] = {"counters", "count_counters", WITNESS_COUNTERS},
	[WITNESS_TRACEPOINT] = {"tracepoint", "count_tracepoint", WITNESS_TRACEPOINT},
	[WITNESS_ROOT_PORT] = {NULL, "count_root_port", WITNESS_COUNTERS},
	[WITNESS_CONFIG] = {"config-space", NULL, WITNESS_CONFIG},
};

/* The clocks of a look and of a record's arrival are read by different threads. */
#define SLACK_NS (2 * NS_PER_S)

/* ---- which report is about it ---- */

static enum aer_class class_of(const struct report *r)
{
	const char *word = report_field(r, "severity");
	enum aer_class cls;

	if (str_eq(word, "recoverable")) /* CPER's word for it */
		return AER_NONFATAL;
	if (aer_class_parse(word, &cls))
		return cls;
	return r->inc.severity >= SEV_FATAL    ? AER_FATAL
		: r->inc.severity == SEV_ERROR ? AER_NONFATAL
					       : AER_CORRECTABLE;
}

/* Status bits do not say how an uncorrectable error was signalled; nor does a port that contains it. */
static bool same_class(enum aer_class a, enum aer_class b, bool loosely)
{
	return a == b || (loosely && a != AER_CORRECTABLE && b != AER_CORRECTABLE);
}

static bool is_aer_about(const struct report *r, const struct sighting *s)
{
	if (r->kind != REPORT_AER && r->kind != REPORT_GHES && r->kind != REPORT_DPC)
		return false;
	if (!same_class(class_of(r), s->cls, s->witness == WITNESS_CONFIG || r->kind == REPORT_DPC))
		return false;
	if (s->witness == WITNESS_ROOT_PORT || r->kind == REPORT_DPC)
		if (r->has_port && bdf_eq(r->port, s->bdf))
			return true;
	return s->witness != WITNESS_ROOT_PORT && r->inc.has_bdf &&
		(bdf_eq(r->inc.bdf, s->bdf) || report_has_agent(r, s->bdf));
}

static bool is_about(const struct report *r, const struct sighting *s)
{
	switch (s->kind) {
	case SIGHTING_AER:
		return is_aer_about(r, s);
	case SIGHTING_PAGE_FAULT:
		return report_is(r, "amdvi.io-page-fault") && r->inc.has_bdf &&
			bdf_eq(r->inc.bdf, s->bdf);
	case SIGHTING_FIRMWARE:
		return r->kind == REPORT_GHES && !r->inc.has_bdf;
	}
	return false;
}

/* ---- accounting ---- */

/* How often it happened: the largest number that any witness gives. */
static uint64_t told(const struct report *r)
{
	uint64_t most = r->inc.count;
	int w;

	for (w = 0; w < WITNESSES; w++)
		if (r->seen[w] > most)
			most = r->seen[w];
	return most;
}

/* The tally that a sighting adds to: the culprit's, or that of another agent of the same message. */
static uint64_t *tally_of(struct report *r, const struct sighting *s)
{
	size_t i;

	for (i = 0; i < r->nagents && s->witness != WITNESS_ROOT_PORT; i++)
		if (bdf_eq(r->agents[i], s->bdf) && !bdf_eq(r->inc.bdf, s->bdf))
			return &r->agent_seen[i][s->witness];
	return &r->seen[s->witness];
}

static void account(struct klog *k, struct report *r, struct sighting *s, uint64_t n)
{
	struct klog_rec rec;
	struct kline ln = {.rec = &rec, .text = {"", 0}};

	klog_moment(k, &rec);
	/* witnesses tell in their own order */
	rec.wall_ns = s->wall_ns > r->inc.last_wall_ns ? s->wall_ns : r->inc.last_wall_ns;
	if (s->wall_ns < r->inc.first_wall_ns)
		r->inc.first_wall_ns = s->wall_ns;
	*tally_of(r, s) += n;
	s->count -= n;
	report_touch(k, r, &ln);
}

static uint64_t room_for(struct report *r, const struct sighting *s)
{
	uint64_t has = *tally_of(r, s), most = told(r);

	return most > has ? most - has : 0;
}

/* Errors that others have told: those of the same step first. */
static void match(struct klog *k, struct sighting *s, bool same_place)
{
	struct report *r, *next;

	for (r = klog_newest(k); r != NULL && s->count > 0; r = next) {
		uint64_t room;

		next = r->next;
		if (!is_about(r, s) || r->touched_ns < s->since_ns - SLACK_NS ||
			(same_place && !report_is_at(r, &s->place)))
			continue;
		room = s->witness == WITNESS_CONFIG ? s->count : room_for(r, s);
		if (room > 0)
			account(k, r, s, room < s->count ? room : s->count);
	}
}

/* Bits that stay set after their report was closed tell nothing new. */
static bool was_told(struct klog *k, const struct sighting *s)
{
	const struct claims *c = klog_claims(k);
	size_t i;

	for (i = 0; s->witness == WITNESS_CONFIG && i < TOLD_MAX; i++)
		if (c->told[i].until_ns > s->since_ns - SLACK_NS &&
			bdf_eq(c->told[i].bdf, s->bdf) && same_class(c->told[i].cls, s->cls, true))
			return true;
	return false;
}

void witness_remember(struct klog *k, const struct report *closed)
{
	struct claims *c = klog_claims(k);
	size_t i = c->next_told;

	if (!closed->inc.has_bdf ||
		(closed->kind != REPORT_AER && closed->kind != REPORT_GHES &&
			closed->kind != REPORT_DPC))
		return;
	c->told[i].bdf = closed->inc.bdf;
	c->told[i].cls = class_of(closed);
	c->told[i].until_ns = closed->touched_ns;
	c->next_told = (i + 1) % TOLD_MAX;
}

/* ---- what only other witnesses tell ---- */

static const char *id_of(const struct sighting *s)
{
	static const char *const ids[] = {
		[SIGHTING_AER] = "aer.bus-error",
		[SIGHTING_PAGE_FAULT] = "amdvi.io-page-fault",
		[SIGHTING_FIRMWARE] = "ghes.header",
	};

	return s->witness == WITNESS_ROOT_PORT ? "aer.no-details" : ids[s->kind];
}

static enum severity severity_of(const struct sighting *s)
{
	static const enum severity by_class[AER_CLASSES] = {
		[AER_CORRECTABLE] = SEV_WARNING,
		[AER_NONFATAL] = SEV_ERROR,
		[AER_FATAL] = SEV_FATAL,
	};

	return s->kind == SIGHTING_PAGE_FAULT ? SEV_ERROR : by_class[s->cls];
}

static struct report *open_report(struct klog *k, const struct sighting *s)
{
	static const enum report_kind kinds[] = {
		[SIGHTING_AER] = REPORT_AER,
		[SIGHTING_PAGE_FAULT] = REPORT_FAULT,
		[SIGHTING_FIRMWARE] = REPORT_GHES,
	};
	struct klog_rec rec;
	struct kline ln = {.rec = &rec, .text = {"", 0}};
	struct report *r;
	size_t i;

	klog_moment(k, &rec);
	rec.wall_ns = s->wall_ns;
	r = report_new(k, &ln, kinds[s->kind], id_of(s));
	r->inc.severity = severity_of(s);
	r->inc.has_bdf = s->has_bdf;
	r->inc.bdf = s->bdf;
	r->inc.has_reporter = s->has_port && !bdf_eq(s->port, s->bdf);
	r->inc.reporter = s->port;
	r->has_port = s->has_port || s->witness == WITNESS_ROOT_PORT;
	r->port = s->has_port ? s->port : s->bdf;
	r->inc.place = s->place;
	r->inc.expected = s->place.expected;
	r->corrected = s->cls == AER_CORRECTABLE;
	if (s->kind != SIGHTING_PAGE_FAULT)
		report_set(r, "severity", VALUE_STRING, aer_class_word(s->cls));
	for (i = 0; i < s->nfields; i++)
		report_set(r, s->fields[i].name, s->fields[i].kind, s->fields[i].text);
	return r;
}

static void add_bits(struct report *r, const struct sighting *s)
{
	unsigned bit;

	for (bit = 0; bit < AER_BITS; bit++)
		if ((s->bits & UINT32_C(1) << bit) != 0 && aer_bit_name(s->cls, bit) != NULL)
			report_add(r, "bits", VALUE_STRINGS, aer_bit_name(s->cls, bit));
}

/* More of what the step's report is about, or a report of its own. */
static void settle(struct klog *k, struct sighting *s)
{
	struct report *r;

	match(k, s, false);
	if (s->count == 0 || was_told(k, s))
		return;
	for (r = klog_newest(k); r != NULL; r = r->next)
		if (is_about(r, s) && report_is_at(r, &s->place))
			break;
	if (r == NULL)
		r = open_report(k, s);
	if (r->inc.count == 0)
		add_bits(r, s);
	account(k, r, s, s->count);
}

void witness_settle(struct klog *k, int64_t now_ns)
{
	struct claims *c = klog_claims(k);
	struct sighting *s;
	size_t left = 0, i;
	int w;

	for (i = 0; i < c->n; i++)
		match(k, &c->v[i], true);
	/* who saw the error itself opens the report that a port's message then belongs to */
	for (w = WITNESS_LOG; w < WITNESSES; w++)
		for (s = c->v; s < c->v + c->n; s++)
			if ((int)s->witness == w && s->count > 0 &&
				now_ns - s->noticed_ns >= KLOG_SETTLE_NS)
				settle(k, s);
	for (i = 0; i < c->n; i++)
		if (c->v[i].count > 0 && now_ns - c->v[i].noticed_ns < KLOG_SETTLE_NS)
			c->v[left++] = c->v[i];
	c->n = left;
}

void klog_sight(struct klog *k, const struct sighting *s)
{
	struct claims *c = klog_claims(k);

	if (c->n == CLAIMS_MAX)
		witness_settle(k, NEVER);
	c->v[c->n++] = *s;
}

/* ---- what is said in the end ---- */

static uint64_t seen_by(const struct report *r, int witness)
{
	return witness == WITNESS_LOG ? r->inc.count : r->seen[witness];
}

static void name_witnesses(struct report *r)
{
	bool saw[WITNESSES] = {false};
	struct str list = {0};
	int w;

	for (w = 0; w < WITNESSES; w++)
		saw[witnesses[w].said_as] |= seen_by(r, w) > 0;
	for (w = 0; w < WITNESSES; w++)
		if (saw[w])
			str_addf(&list, "%s%s", list.len ? "," : "", witnesses[w].word);
	str_set(r->inc.seen_by, list.s ? list.s : "log");
	str_finish(&list);
}

static void tell_disagreement(struct report *r, uint64_t most)
{
	bool differ = false;
	int w;

	for (w = 0; w < WITNESSES; w++)
		differ |= witnesses[w].count != NULL && seen_by(r, w) > 0 && seen_by(r, w) != most;
	for (w = 0; w < WITNESSES; w++) {
		if (witnesses[w].count == NULL)
			continue;
		if (differ && seen_by(r, w) > 0)
			report_set_number(r, witnesses[w].count, seen_by(r, w));
		else
			report_unset(r, witnesses[w].count);
	}
}

uint64_t witness_reconcile(struct report *r)
{
	uint64_t most = told(r);

	name_witnesses(r);
	tell_disagreement(r, most);
	return most;
}
