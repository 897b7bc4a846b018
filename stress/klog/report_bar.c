/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/vec.h"

#include <stdio.h>
#include <string.h>

/*
 * Regions (BARs, ROMs, windows of bridges) that got no address. The kernel tries again with other
 * sizes (pci_assign_unassigned_root_bus_resources): what is assigned in the end did not fail.
 */

#define REGION_MAX 40 /* bytes of its name */

/*
 * "BAR 0", "VF BAR 2", "ROM", "bridge window mem pref": a bridge has several windows, and up to 6.7
 * a number tells which. False when the line names none.
 */
static bool name_region(const struct kline *ln, char out[REGION_MAX])
{
	const char *s = ln->text.s, *end = s + ln->text.n, *at, *open;
	static const char *const names[] = {"bridge window ", "VF BAR ", "BAR ", "ROM "};
	const char *type = "", *pref = "";
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if ((at = memmem(s, ln->text.n, names[i], strlen(names[i]))) != NULL)
			break;
	if (i == ARRAY_SIZE(names))
		return false;
	n = strlen(names[i]);
	while (at + n < end && at[n] >= '0' && at[n] <= '9')
		n++;
	while (n > 0 && at[n - 1] == ' ')
		n--;
	open = memchr(at, '[', (size_t)(end - at));
	if (n >= REGION_MAX || open == NULL)
		return false;
	if (i == 0) {
		type = memmem(open, (size_t)(end - open), "[io", 3) ? " io" : " mem";
		pref = memmem(open, (size_t)(end - open), "pref", 4) ? " pref" : "";
	}
	snprintf(out, REGION_MAX, "%.*s%s%s", (int)n, at, type, pref);
	return true;
}

/* Those that the device needs apart from those that it can do without. */
static struct report *failed_of(struct klog *k, const struct kline *ln)
{
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_PLAIN && report_is(r, ln->m->rule->id) &&
			bdf_eq(r->inc.bdf, ln->m->bdf) && r->inc.severity == ln->m->severity &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln))
			return r;
	return NULL;
}

bool report_bar_failed(struct klog *k, const struct kline *ln)
{
	struct report *r = failed_of(k, ln);
	char region[REGION_MAX];

	if (r == NULL)
		r = report_new(k, ln, REPORT_PLAIN, ln->m->rule->id);
	if (name_region(ln, region))
		report_add(r, "regions", VALUE_STRINGS, region);
	report_line(k, r, ln);
	report_count(r);
	return true;
}

/* Not reported yet: it never was. Else what was told is taken back. */
static void withdraw(struct klog *k, struct report *r, const struct kline *ln)
{
	if (!r->announced) {
		report_drop(k, r);
		return;
	}
	r->inc.severity = SEV_INFO;
	report_set(r, "withdrawn", VALUE_BOOL, "true");
	report_line(k, r, ln);
}

bool report_bar_assigned(struct klog *k, const struct kline *ln)
{
	struct report *r, *next;
	char region[REGION_MAX];
	bool known = false;

	if (match_group(ln->m, "assigned").s == NULL || !name_region(ln, region))
		return false;
	for (r = klog_newest(k); r != NULL; r = next) {
		next = r->next;
		if (!report_is(r, "pci.bar-") || !bdf_eq(r->inc.bdf, ln->m->bdf) ||
			report_age(r, ln) > STORM_US || !report_remove(r, "regions", region))
			continue;
		known = true;
		if (report_field(r, "regions") == NULL)
			withdraw(k, r, ln);
	}
	return known;
}
