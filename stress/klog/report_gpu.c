/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include <string.h>

/* NVIDIA's Xids: the ones that an application can cause stay apart from those of a dying GPU. */

#define XID_FALLEN_OFF "79"

static struct report *gpu_of(struct klog *k, const struct kline *ln)
{
	bool harmless = ln->m->severity <= SEV_WARNING;
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_GPU && report_age(r, ln) <= STORM_US &&
			(!ln->m->has_bdf || (r->inc.has_bdf && bdf_eq(r->inc.bdf, ln->m->bdf))) &&
			harmless == (r->inc.severity <= SEV_WARNING) && report_same_place(k, r, ln))
			return r;
	return NULL;
}

bool report_nvrm(struct klog *k, const struct kline *ln)
{
	struct span xid = match_group(ln->m, "xid");
	struct report *r = gpu_of(k, ln);
	char number[8] = "";
	bool lost;

	if (xid.s != NULL && xid.n < sizeof(number))
		memcpy(number, xid.s, xid.n);
	lost = strcmp(ln->m->rule->id, "nvrm.fallen-off") == 0 ||
		strcmp(number, XID_FALLEN_OFF) == 0;
	if (r == NULL)
		r = report_new(k, ln, REPORT_GPU, ln->m->rule->id);
	if (lost && !report_is(r, "nvrm.fallen-off"))
		report_rename(k, r, "nvrm.fallen-off");
	report_raise(r, ln->m->severity);
	report_take_pending(k, r, ln, "nvrm.");
	report_take_fields(r, ln);
	if (number[0] != '\0')
		report_add(r, "xids", VALUE_INTS, number);
	/* losing the bus is told twice: by number and in words */
	if (xid.s != NULL || r->inc.count == 0)
		report_count(r);
	report_line(k, r, ln);
	return true;
}

/* A GPU that is lost cannot be started either: that is told already. */
bool report_nvrm_start(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (report_is(r, "nvrm.fallen-off") && report_age(r, ln) <= LATER_US &&
			(!ln->m->has_bdf || !r->inc.has_bdf || bdf_eq(r->inc.bdf, ln->m->bdf))) {
			report_add(r, "also", VALUE_STRINGS, ln->m->rule->id);
			report_line(k, r, ln);
			return true;
		}
	return report_plain(k, ln);
}

bool report_nvrm_detail(struct klog *k, const struct kline *ln)
{
	struct report *r;

	/* "This PCI I/O region .. is invalid:" and then, in the same record, which */
	for (r = klog_newest(k); ln->m->has_bdf && r != NULL; r = r->next)
		if (report_is(r, "nvrm.init-failed") && !r->inc.has_bdf &&
			report_age(r, ln) <= REPORT_US) {
			report_set_bdf(k, r, r->inc.id, ln->m->bdf);
			report_line(k, r, ln);
			return true;
		}
	/* "GPU at PCI:.." and "The NVIDIA GPU .." introduce what follows */
	for (r = klog_newest(k); !ln->m->has_bdf && r != NULL; r = r->next)
		if (report_is(r, "nvrm.") && report_age(r, ln) <= REPORT_US) {
			report_line(k, r, ln);
			return true;
		}
	klog_keep_pending(k, ln, false);
	return true;
}
