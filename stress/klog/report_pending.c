/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/rule_field.h"
#include "world/kmsg.h"

#include <string.h>

/* Lines that come before the report that they belong to, and what rate limiters held back. */

struct pending *klog_keep_pending(struct klog *k, const struct kline *ln, bool lower_bound)
{
	struct pending_lines *lines = klog_pending(k);
	struct pending *p = &lines->v[lines->next++ % PENDING_MAX];

	p->id = ln->m->rule->id;
	p->seq = ln->rec->seq;
	p->usec = ln->rec->usec;
	p->suppressed = 0;
	p->lower_bound = lower_bound;
	p->has_bdf = ln->m->has_bdf;
	p->bdf = ln->m->bdf;
	memcpy(p->text, ln->text.s, ln->text.n);
	p->text[ln->text.n] = '\0';
	return p;
}

static void add_suppressed(struct report *r, uint64_t n)
{
	r->inc.count += n;
	r->suppressed += n;
	r->inc.count_is_lower_bound = true;
	r->dirty = true;
}

static void take_one_pending(struct report *r, struct pending *p)
{
	report_add_text(r, p->seq, p->text, strlen(p->text));
	if (p->seq < r->inc.first_seq)
		r->inc.first_seq = p->seq;
	if (p->suppressed > 0)
		add_suppressed(r, p->suppressed);
	if (p->lower_bound)
		r->inc.count_is_lower_bound = true;
	if (p->has_bdf && !r->inc.has_bdf) {
		r->inc.has_bdf = true;
		r->inc.bdf = p->bdf;
	}
	p->id = NULL;
}

void report_take_pending(
	struct klog *k, struct report *r, const struct kline *ln, const char *id_prefix)
{
	struct pending_lines *lines = klog_pending(k);
	bool had_bdf = r->inc.has_bdf;
	size_t i;

	for (i = 0; i < PENDING_MAX; i++) {
		/* the oldest first */
		struct pending *p = &lines->v[(lines->next + i) % PENDING_MAX];
		int64_t age = ln->rec->usec < 0 || p->usec < 0 ? 0 : ln->rec->usec - p->usec;

		if (p->id != NULL && str_starts(p->id, id_prefix) && age <= LATER_US)
			take_one_pending(r, p);
	}
	if (!had_bdf && r->inc.has_bdf)
		report_set_bdf(k, r, r->inc.id, r->inc.bdf);
}

/* Rate limiters of the kernel and the faults that they hold back. NULL ends it. */
static const struct {
	const char *function, *family;
} limiters[] = {
	{"aer_ratelimit", "aer."},
	{"amd_iommu_int_thread", "amdvi."},
	{"amd_iommu_report_page_fault", "amdvi.io-page-fault"},
	{"amd_iommu_report_rmp_fault", "amdvi.rmp"},
	{"dmar_fault", "dmar."},
	{"ghes_print_estatus", "ghes."},
	{"pci_set_low_power_state", "pci.power"},
	{"vfio_pci_core_request", "vfio.device-request"},
};

/*
 * A limiter names no device, and most are shared by all. The number goes to the most recent report;
 * what was held back may have been of the others as well, so none of their counts is exact.
 */
static bool give_suppressed(struct klog *k, const struct kline *ln, const char *family, uint64_t n)
{
	struct report *r, *most_recent = NULL;

	for (r = klog_newest(k); r != NULL; r = r->next) {
		if (!report_is(r, family) || report_age(r, ln) > STORM_US)
			continue;
		if (most_recent == NULL) {
			most_recent = r;
			continue;
		}
		if (!r->inc.count_is_lower_bound)
			r->inc.count_is_lower_bound = r->dirty = true;
		report_set(most_recent, "suppressed_of_several", VALUE_BOOL, "true");
	}
	if (most_recent == NULL)
		return false;
	report_line(k, most_recent, ln);
	add_suppressed(most_recent, n);
	return true;
}

bool report_suppressed(struct klog *k, const struct kline *ln)
{
	struct span function = match_group(ln->m, "function"), count = match_group(ln->m, "count");
	const char *family = NULL;
	struct pending *waiting;
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limiters); i++)
		if (strlen(limiters[i].function) == function.n &&
			memcmp(limiters[i].function, function.s, function.n) == 0)
			family = limiters[i].family;
	if (family == NULL || !span_number(count, false, &n) || n > UINT32_MAX)
		return false;
	if (give_suppressed(k, ln, family, n))
		return true;
	/* printed when the next window opens: what it counts may be before what we read */
	waiting = klog_keep_pending(k, ln, false);
	waiting->id = family;
	waiting->suppressed = n;
	return true;
}
