/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which lines belong to a family that knows more than to count; the rest are plain. */
static const struct {
	const char *id;
	report_handler *take;
} handlers[] = {
	{"aer.bus-error", report_aer_bus_error},
	{"aer.cant-recover", report_aer_cant_recover},
	{"aer.device-status", report_aer_block},
	{"aer.error-bit", report_aer_block},
	{"aer.firmware-layer", report_aer_block},
	{"aer.firmware-status", report_aer_firmware},
	{"aer.firmware-uncor-severity", report_aer_block},
	{"aer.function-reset", report_aer_during},
	{"aer.link-reset", report_aer_during},
	{"aer.no-details", report_aer_no_details},
	{"aer.recovery-failed", report_aer_recovery},
	{"aer.recovery-ok", report_aer_recovery},
	{"aer.recovery-step", report_aer_during},
	{"aer.reported-first", report_aer_block},
	{"aer.root-message", report_aer_root},
	{"aer.subordinate-reset-failed", report_aer_during},
	{"aer.tlp-header", report_aer_block},
	{"amdvi.completion-wait-timeout", report_amdvi_wait},
	{"amdvi.event-log-overflow", report_amdvi_overflow},
	{"amdvi.io-page-fault", report_amdvi_fault},
	{"amdvi.iotlb-inv-timeout", report_amdvi_timeout},
	{"amdvi.not-attached", report_amdvi_not_attached},
	{"bert.header", report_bert},
	{"dmar.dma-fault", report_dmar_fault},
	{"dmar.fault-dump", report_dmar_part},
	{"dmar.fault-status", report_dmar_status},
	{"dmar.intr-remap-fault", report_dmar_fault},
	{"dmar.inval-completion-error", report_dmar_inval},
	{"dmar.inval-queue-error", report_dmar_inval},
	{"dmar.inval-timeout", report_dmar_inval},
	{"dmar.qi-cleared", report_dmar_qi},
	{"dmar.qi-detail", report_dmar_qi},
	{"dpc.containment", report_dpc_containment},
	{"dpc.port-busy", report_dpc_part},
	{"dpc.reason", report_dpc_part},
	{"dpc.rp-pio", report_dpc_part},
	{"dpc.rp-pio-bit", report_dpc_part},
	{"dpc.tlp-header", report_dpc_part},
	{"driver.device-lost", report_lost},
	{"driver.pci-error", report_aer_during},
	{"edr.detail", report_dpc_part},
	{"edr.event", report_edr},
	{"ghes.corrected-note", report_ghes_part},
	{"ghes.detail", report_ghes_part},
	{"ghes.error-type", report_ghes_part},
	{"ghes.event-severity", report_ghes_part},
	{"ghes.header", report_ghes_header},
	{"ghes.pcie-aer", report_ghes_part},
	{"ghes.pcie-device", report_ghes_part},
	{"ghes.section", report_ghes_part},
	{"host.bug", report_host},
	{"host.hard-lockup", report_host},
	{"host.hung-task", report_host},
	{"host.irq-unhandled", report_host},
	{"host.oops", report_host},
	{"host.panic", report_panic},
	{"host.rcu-stall", report_host},
	{"host.soft-lockup", report_host},
	{"host.warn", report_host},
	{"host.workqueue-lockup", report_host},
	{"hotplug.card-absent", report_dpc_also},
	{"hotplug.card-present", report_link_back},
	{"hotplug.link-down", report_dpc_also},
	{"hotplug.link-ignored", report_link_back},
	{"hotplug.link-up", report_link_back},
	{"hotplug.no-link", report_dpc_also},
	{"hotplug.power-fault", report_dpc_also},
	{"iommu.group-remove", report_removed},
	{"log.suppressed", report_suppressed},
	{"nvrm.detail", report_nvrm_detail},
	{"nvrm.fallen-off", report_nvrm},
	{"nvrm.init-failed", report_nvrm_start},
	{"nvrm.probe-failed", report_nvrm_start},
	{"nvrm.xid", report_nvrm},
	{"pci.bar-failed", report_bar_failed},
	{"pci.bar-no-space", report_bar_failed},
	{"pci.config-inaccessible", report_reset_inaccessible},
	{"pci.flr-pending", report_reset_line},
	{"pci.not-ready-timeout", report_reset_line},
	{"pci.not-ready-wait", report_reset_line},
	{"pci.power-inaccessible", report_reset_inaccessible},
	{"pci.ready", report_reset_ready},
	{"pci.reset-done", report_reset_end},
	{"pci.resetting", report_reset_begin},
	{"pci.resource-info", report_bar_assigned},
	{"vfio.device-request", report_dpc_also},
	{"vfio.reset-recovery", report_reset_recovery},
};

static report_handler *handler_for(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handlers); i++)
		if (strcmp(handlers[i].id, rule->id) == 0)
			return handlers[i].take;
	if (report_is_story(rule->id) && rule->role != ROLE_INFO)
		return report_story;
	return rule->role == ROLE_PRIMARY    ? report_plain
		: rule->role == ROLE_CONTEXT ? report_family_context
					     : report_info;
}

/* Of normal lines only those can say that something is wrong whose text tells the severity. */
bool klog_heeds(const struct rule *rule)
{
	return handler_for(rule) != report_info || rule->by_text != NULL ||
		rule->severity >= SEV_WARNING;
}

/* Of these only the lines with the group tell something. */
static const struct {
	const char *id, *group;
} telling[] = {
	{"pci.resource-info", "assigned"},
};

static bool pattern_has(const struct pattern *p, const char *group)
{
	int g;

	for (g = 1; g < PATTERN_GROUPS_MAX; g++)
		if (str_eq(pattern_group_name(p, g), group))
			return true;
	return false;
}

bool klog_heeds_pattern(const struct rule *rule, const struct pattern *pattern)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(telling); i++)
		if (strcmp(telling[i].id, rule->id) == 0 && !pattern_has(pattern, telling[i].group))
			return false;
	return klog_heeds(rule);
}

#define RESETTING_MAX 16
#define STORM_MIN     10 /* as often as that it is worth a rate */

struct klog {
	const struct rules *rules;
	struct klog_hooks hooks;
	struct classifier *classifier, *own; /* own: NULL = borrowed */
	report_handler **handler_of; /* per rule, NULL: not heeded */
	struct report *newest, *oldest;
	size_t nopen;
	uint32_t slots[KLOG_OPEN_MAX]; /* from nopen on: the free ones */
	uint32_t last_no;
	uint64_t last_seq; /* of the kernel's records; 0 = none yet */
	uint64_t gap_seq; /* the record behind the newest gap; 0 = there is none */
	int64_t last_usec;
	struct pending_lines pending;
	struct claims claims;
	struct {
		struct bdf bdf;
		bool on;
	} resetting[RESETTING_MAX];
	size_t next_resetting;
	struct report *tracing; /* an oops or lockup whose trace may follow */
};

/* ---- the list of open reports ---- */

struct report *klog_newest(struct klog *k)
{
	return k->newest;
}

struct pending_lines *klog_pending(struct klog *k)
{
	return &k->pending;
}

struct claims *klog_claims(struct klog *k)
{
	return &k->claims;
}

void klog_moment(const struct klog *k, struct klog_rec *out)
{
	*out = (struct klog_rec){.seq = k->last_seq, .usec = k->last_usec};
}

const struct rule *klog_rule(struct klog *k, const char *id)
{
	return rules_find(k->rules, id);
}

void klog_trace(struct klog *k, struct report *r)
{
	k->tracing = r;
}

static void unlink_report(struct klog *k, struct report *r)
{
	*(r->prev ? &r->prev->next : &k->newest) = r->next;
	*(r->next ? &r->next->prev : &k->oldest) = r->prev;
	r->prev = r->next = NULL;
}

static void link_newest(struct klog *k, struct report *r)
{
	r->prev = NULL;
	r->next = k->newest;
	*(k->newest ? &k->newest->prev : &k->oldest) = r;
	k->newest = r;
}

void report_drop(struct klog *k, struct report *r)
{
	if (k->tracing == r)
		k->tracing = NULL;
	unlink_report(k, r);
	k->slots[--k->nopen] = r->inc.slot;
	incident_finish(&r->inc);
	free(r);
}

/* What sort of thing a report is that its family says nothing more of. */
static const struct {
	const char *id, *kind;
} kinds[] = {
	{"amdvi.ir-disabled", "configuration"},
	{"amdvi.firmware-bug", "configuration"},
	{"amdvi.command-buffer-timeout", "iommu-error"},
	{"amdvi.command-hw-error", "iommu-error"},
	{"amdvi.event-log-overflow", "log-gap"},
	{"amdvi.illegal-command", "iommu-error"},
	{"amdvi.", "iommu-fault"},
	{"clocksource.", "clock"},
	{"dmar-ir.", "configuration"},
	{"dmar.firmware-bug", "configuration"},
	{"dmar.setup-failed", "configuration"},
	{"dmar.", "iommu-error"},
	{"driver.device-lost", "device-lost"},
	{"driver.", "driver"},
	{"edac.", "memory"},
	{"host.bug", "oops"},
	{"host.hard-lockup", "lockup"},
	{"host.hung-task", "hung-task"},
	{"host.irq-", "interrupt"},
	{"host.oops", "oops"},
	{"host.panic", "panic"},
	{"host.rcu-stall", "lockup"},
	{"host.soft-lockup", "lockup"},
	{"host.warn", "warning"},
	{"host.workqueue-lockup", "lockup"},
	{"hotplug.", "link-down"},
	{"iommu.", "configuration"},
	{"kvm.", "kvm"},
	{"mce.", "machine-check"},
	{"nmi.", "nmi"},
	{"nvme.", "nvme"},
	{"nvrm.", "gpu"},
	{"oom.", "out-of-memory"},
	{"pci.bar-", "resources"},
	{"pci.link-", "link"},
	{"pci.power-", "power-state"},
	{"qemu.", "qemu"},
	{"thermal.", "thermal"},
	{"vfio.", "vfio"},
};

static const char *kind_of_id(const char *id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(id, kinds[i].id))
			return kinds[i].kind;
	return NULL;
}

static const char *kind_of_block(const struct report *r)
{
	const char *section = report_field(r, "section");

	if (r->is_bert)
		return "bert";
	return section == NULL                      ? "ghes"
		: strstr(section, "PCIe") != NULL   ? "ghes-aer"
		: strstr(section, "memory") != NULL ? "ghes-memory"
						    : "ghes";
}

/* For people, and for grouping in reports. */
static const char *kind_word(const struct report *r)
{
	switch (r->kind) {
	case REPORT_AER:
		return "aer";
	case REPORT_GHES:
		return kind_of_block(r);
	case REPORT_DPC:
		return "dpc";
	case REPORT_FAULT:
		return "iommu-fault";
	case REPORT_INVAL:
		return "iommu-invalidation-timeout";
	case REPORT_RESET:
		return report_field(r, "methods") == NULL && !report_is(r, "pci.flr-pending")
			? "power-state"
			: r->inc.severity == SEV_FATAL ? "reset-failure"
						       : "reset-slow";
	case REPORT_GPU:
		return report_is(r, "nvrm.fallen-off") ? "gpu-lost" : "gpu";
	case REPORT_GAP:
		return "log-gap";
	case REPORT_STORY:
		return kind_of_id(r->inc.id) ? kind_of_id(r->inc.id) : "gpu";
	default:
		return kind_of_id(r->inc.id);
	}
}

/* Of a storm: how many in a second. What was held back counts, so it may be more. */
static void set_rate(struct report *r)
{
	int64_t us = r->last_usec - r->first_usec;
	char text[32];

	if (r->inc.count < STORM_MIN || r->first_usec < 0 || us <= 0)
		return;
	snprintf(text, sizeof(text), "%.1f/s", (double)r->inc.count * SECOND_US / (double)us);
	report_set(r, "rate", VALUE_STRING, text);
}

static void announce(struct klog *k, struct report *r)
{
	enum severity own = r->inc.severity;
	uint64_t logged = r->inc.count;

	if (!r->dirty)
		return;
	r->dirty = false;
	if (!r->announced)
		r->inc.no = ++k->last_no;
	r->announced = true;
	if (kind_word(r) != NULL)
		report_set(r, "kind", VALUE_STRING, kind_word(r));
	set_rate(r);
	if (r->suppressed > 0) {
		report_set_number(r, "count_logged", r->inc.count - r->suppressed);
		report_set_number(r, "count_suppressed", r->suppressed);
	}
	r->inc.count = witness_reconcile(r);
	/* what a user's file says of this id counts, whatever the report came to */
	if (r->rule != NULL && r->rule->severity_overridden)
		r->inc.severity = r->rule->severity;
	if (k->hooks.changed != NULL)
		k->hooks.changed(k->hooks.arg, &r->inc);
	r->inc.severity = own;
	r->inc.count = logged;
}

static void close_report(struct klog *k, struct report *r)
{
	announce(k, r);
	witness_remember(k, r);
	report_drop(k, r);
}

/* ---- finding ---- */

int64_t report_age(const struct report *r, const struct kline *ln)
{
	int64_t age;

	if (ln->rec->usec < 0 || r->last_usec < 0)
		return 0;
	age = ln->rec->usec - r->last_usec;
	/* records of two CPUs may be a little out of order; a clock that jumps back is a new boot */
	return age < -10 * SECOND_US ? INT64_MAX : age < 0 ? 0 : age;
}

bool report_is(const struct report *r, const char *id_prefix)
{
	return str_starts(r->inc.id, id_prefix);
}

static void locate(
	struct klog *k, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	*out = (struct place){.lane = -1, .cycle = -1, .step_index = -1};
	if (k->hooks.locate != NULL)
		k->hooks.locate(k->hooks.arg, bdf, id, seq, out);
}

/* What goes on behind the step's end is late, and the same. */
bool report_is_at(const struct report *r, const struct place *place)
{
	const struct place *a = &r->inc.place, *b = place;

	return a->lane == b->lane && a->candidates == b->candidates && a->cycle == b->cycle &&
		a->step_index == b->step_index && a->expected == b->expected &&
		strcmp(a->step, b->step) == 0;
}

bool klog_unexpected_in_lane(struct klog *k, const struct kline *ln)
{
	struct place p;

	if (!ln->m->has_bdf)
		return false;
	locate(k, &ln->m->bdf, ln->m->rule->id, ln->rec->seq, &p);
	return p.in_lane && !p.expected;
}

bool report_same_place(struct klog *k, struct report *r, const struct kline *ln)
{
	struct place now;

	if (k->hooks.locate == NULL)
		return true;
	locate(k, r->inc.has_bdf ? &r->inc.bdf : NULL, r->inc.id, ln->rec->seq, &now);
	return report_is_at(r, &now);
}

struct report *report_storm(struct klog *k, const struct kline *ln, enum report_kind kind,
	const char *id, const struct bdf *bdf)
{
	struct report *r;

	for (r = k->newest; r != NULL; r = r->next)
		if (r->kind == kind && strcmp(r->inc.id, id) == 0 &&
			r->inc.has_bdf == (bdf != NULL) &&
			(bdf == NULL || bdf_eq(r->inc.bdf, *bdf)) &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln))
			return r;
	return NULL;
}

/* ---- growing ---- */

/* Of the lines that will now be added, the one to show; the first such one counts. */
static void will_tell(struct report *r, size_t which)
{
	if (r->told || r->inc.nfirst + which >= INCIDENT_FIRST_LINES)
		return;
	r->inc.telling = r->inc.nfirst + which;
	r->told = true;
}

void report_touch(struct klog *k, struct report *r, const struct kline *ln)
{
	if (k->newest != r) {
		unlink_report(k, r);
		link_newest(k, r);
	}
	if (ln->rec->usec >= 0)
		r->last_usec = r->inc.last_usec = ln->rec->usec;
	/* what was lost between two lines of it may have been its own */
	if (ln->m != NULL && r->inc.last_seq < k->gap_seq && ln->rec->seq >= k->gap_seq)
		r->inc.count_is_lower_bound = true;
	r->touched_ns = clock_mono_ns();
	r->dirty = true;
	r->inc.last_seq = ln->rec->seq;
	if (ln->rec->wall_ns != 0)
		r->inc.last_wall_ns = ln->rec->wall_ns;
}

void report_rename(struct klog *k, struct report *r, const char *id)
{
	const struct rule *rule = rules_find(k->rules, id);

	r->rule = rule;
	r->told = false;
	str_set(r->inc.id, id);
	free(r->inc.meaning);
	free(r->inc.advice);
	r->inc.meaning = rule != NULL && rule->meaning ? xstrdup(rule->meaning) : NULL;
	r->inc.advice = rule != NULL && rule->advice ? xstrdup(rule->advice) : NULL;
	r->dirty = true;
}

static void locate_report(struct klog *k, struct report *r)
{
	locate(k, r->inc.has_bdf ? &r->inc.bdf : NULL, r->inc.id, r->inc.first_seq, &r->inc.place);
	r->inc.expected = r->inc.place.expected;
}

static bool is_resetting(const struct klog *k, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < RESETTING_MAX; i++)
		if (k->resetting[i].on && bdf_eq(k->resetting[i].bdf, bdf))
			return true;
	return false;
}

void report_set_bdf(struct klog *k, struct report *r, const char *id, struct bdf bdf)
{
	(void)id;
	r->inc.has_bdf = true;
	r->inc.bdf = bdf;
	r->dirty = true;
	locate_report(k, r);
	if (is_resetting(k, bdf))
		report_set(r, "during", VALUE_STRING, "reset");
}

struct report *report_new(
	struct klog *k, const struct kline *ln, enum report_kind kind, const char *id)
{
	struct report *r = xcalloc(1, sizeof(*r));

	if (k->nopen == KLOG_OPEN_MAX)
		close_report(k, k->oldest);
	r->kind = kind;
	r->secondary_bus = -1;
	r->first_usec = r->last_usec = ln->rec->usec;
	r->begin_usec = -1;
	r->inc.first_seq = r->inc.last_seq = ln->rec->seq;
	r->inc.first_wall_ns = r->inc.last_wall_ns = ln->rec->wall_ns;
	if (ln->rec->usec >= 0)
		r->inc.first_usec = r->inc.last_usec = ln->rec->usec;
	report_rename(k, r, id);
	if (ln->m != NULL) {
		r->inc.severity = ln->m->severity;
		r->inc.has_bdf = ln->m->has_bdf;
		r->inc.bdf = ln->m->bdf;
	}
	link_newest(k, r);
	r->inc.slot = k->slots[k->nopen++];
	if (r->inc.has_bdf)
		report_set_bdf(k, r, id, r->inc.bdf);
	else
		locate_report(k, r);
	return r;
}

void report_line(struct klog *k, struct report *r, const struct kline *ln)
{
	report_touch(k, r, ln);
	if (ln->m != NULL && ln->m->rule == r->rule)
		will_tell(r, 0);
	report_add_text(r, ln->rec->seq, ln->text.s, ln->text.n);
}

void report_absorb(struct klog *k, struct report *into, struct report *from)
{
	size_t i;

	if (from->told)
		will_tell(into, from->inc.telling);
	for (i = 0; i < from->inc.nfirst; i++)
		report_add_text(into, from->inc.first[i].seq, from->inc.first[i].text,
			strlen(from->inc.first[i].text));
	for (i = 0; i < from->inc.nlast; i++)
		report_add_text(into, from->inc.last[i].seq, from->inc.last[i].text,
			strlen(from->inc.last[i].text));
	into->inc.lines_omitted += from->inc.lines_omitted;
	into->inc.count += from->inc.count;
	for (i = 0; i < WITNESSES; i++)
		into->seen[i] += from->seen[i];
	into->inc.count_is_lower_bound |= from->inc.count_is_lower_bound;
	if (from->inc.first_seq < into->inc.first_seq) {
		into->inc.first_seq = from->inc.first_seq;
		into->inc.first_wall_ns = from->inc.first_wall_ns;
		into->inc.first_usec = from->inc.first_usec;
	}
	if (from->inc.last_seq > into->inc.last_seq) {
		into->inc.last_seq = from->inc.last_seq;
		into->inc.last_wall_ns = from->inc.last_wall_ns;
		into->inc.last_usec = from->inc.last_usec;
		into->last_usec = from->last_usec;
	}
	into->touched_ns = from->touched_ns;
	into->dirty = true;
	report_drop(k, from);
}

void klog_note_resetting(struct klog *k, const struct kline *ln, bool begins)
{
	size_t i;

	for (i = 0; i < RESETTING_MAX; i++)
		if (bdf_eq(k->resetting[i].bdf, ln->m->bdf))
			k->resetting[i].on = false;
	if (!begins)
		return;
	i = k->next_resetting++ % RESETTING_MAX;
	k->resetting[i].bdf = ln->m->bdf;
	k->resetting[i].on = true;
}

/* ---- feeding ---- */

static void feed_trace(struct klog *k, const struct kline *ln)
{
	if (report_age(k->tracing, ln) > REPORT_US)
		k->tracing = NULL;
	else if (!report_trace(k, k->tracing, ln) && ln->rec->usec < 0)
		k->tracing = NULL; /* without stamps only what follows at once is its trace */
}

/*
 * What no line can be part of any more. Of a running kernel's log klog_tick does the same by the clock;
 * here a long log would else be compared with KLOG_OPEN_MAX old reports at each line.
 */
static void close_old(struct klog *k, const struct kline *ln)
{
	while (k->oldest != NULL && ln->rec->usec >= 0 && k->oldest->last_usec >= 0 &&
		ln->rec->usec - k->oldest->last_usec > RECOVERY_US)
		close_report(k, k->oldest);
}

static void feed_line(struct klog *k, const struct klog_rec *rec, const char *s, size_t n)
{
	struct klog_match m;
	struct kline ln = {.rec = rec, .m = &m, .text = {s, n}};
	size_t skip = strspn(s, " \t");
	report_handler *take;

	if (skip > n)
		skip = n;
	if (!classify(k->classifier, s + skip, n - skip, rec->origin + 1u, &m)) {
		ln.m = NULL;
		if (k->tracing != NULL && rec->origin != ORIGIN_QEMU)
			feed_trace(k, &ln);
		return;
	}
	take = k->handler_of[m.rule - rules_at(k->rules, 0)];
	if (take != NULL)
		close_old(k, &ln);
	if (take != NULL && (k->hooks.is_copy == NULL || !k->hooks.is_copy(k->hooks.arg, rec)))
		take(k, &ln);
}

/* A storm that the gap cut off may have gone on in it. */
static void interrupted(struct klog *k, struct report *newest, const struct kline *ln)
{
	if (newest == NULL || newest->kind == REPORT_GAP || newest->inc.last_seq != k->last_seq ||
		report_age(newest, ln) > REPORT_US)
		return;
	newest->dirty |= !newest->inc.count_is_lower_bound;
	newest->inc.count_is_lower_bound = true;
}

/* Sequence numbers that nobody read: the log is incomplete, and the report says where. */
static void note_gap(struct klog *k, const struct klog_rec *rec, uint64_t by_number)
{
	struct kline ln = {.rec = rec, .text = {rec->text, rec->lost ? rec->len : 0}};
	struct report *r = report_storm(k, &ln, REPORT_GAP, "log.gap", NULL);
	const char *before;
	uint64_t sum = 0;

	k->gap_seq = rec->seq;
	interrupted(k, k->newest, &ln);
	if (r == NULL) {
		r = report_new(k, &ln, REPORT_GAP, "log.gap");
		r->inc.severity = SEV_WARNING;
		r->inc.first_seq -= by_number;
		if (by_number > 0)
			report_set_number(r, "first_missing", r->inc.first_seq);
	}
	before = report_field(r, "lost");
	if (before != NULL && !str_to_u64(before, 10, UINT64_MAX, &sum))
		sum = 0;
	report_set_number(r, "lost", sum + by_number + rec->lost);
	if (by_number > 0)
		report_set_number(r, "last_missing", rec->seq - 1);
	if (rec->lost > 0)
		report_line(k, r, &ln);
	else
		report_touch(k, r, &ln);
	report_count(r);
}

void klog_feed(struct klog *k, const struct klog_rec *rec)
{
	const char *s = rec->text, *end;

	if (rec->origin != ORIGIN_QEMU) {
		uint64_t lost = k->last_seq != 0 && !rec->by_line && rec->seq > k->last_seq + 1
			? rec->seq - k->last_seq - 1
			: 0;

		if (lost + rec->lost > 0)
			note_gap(k, rec, lost);
		k->last_seq = rec->seq;
		k->last_usec = rec->usec;
	}
	/* what a process wrote into the log is no fault, whatever it says */
	if (rec->facility != 0)
		return;
	while ((end = strchr(s, '\n')) != NULL) {
		feed_line(k, rec, s, (size_t)(end - s));
		s = end + 1;
	}
	if (*s != '\0')
		feed_line(k, rec, s, strlen(s));
}

bool klog_wants_all(const struct klog *k)
{
	return k->tracing != NULL;
}

void klog_tick(struct klog *k, int64_t now_mono_ns)
{
	struct report *r, *next;

	witness_settle(k, now_mono_ns);
	for (r = k->newest; r != NULL; r = next) {
		int64_t quiet = r->kind == REPORT_RESET ? RECOVERY_US : STORM_US;

		next = r->next;
		if (now_mono_ns - r->touched_ns > quiet * 1000)
			close_report(k, r);
		else
			announce(k, r);
	}
}

void klog_flush(struct klog *k)
{
	witness_settle(k, NEVER);
	/* in the order in which they began to be quiet */
	while (k->oldest != NULL)
		close_report(k, k->oldest);
}

struct klog *klog_new(const struct rules *rules, const struct klog_hooks *hooks)
{
	struct klog *k = xcalloc(1, sizeof(*k));
	size_t i;

	k->rules = rules;
	k->hooks = *hooks;
	k->last_usec = -1;
	k->own = hooks->classifier == NULL ? classifier_new(rules) : NULL;
	k->classifier = k->own != NULL ? k->own : hooks->classifier;
	for (i = 0; i < KLOG_OPEN_MAX; i++)
		k->slots[i] = (uint32_t)i;
	k->handler_of = xcalloc(rules_count(rules), sizeof(*k->handler_of));
	for (i = 0; i < rules_count(rules); i++)
		if (klog_heeds(rules_at(rules, i)))
			k->handler_of[i] = handler_for(rules_at(rules, i));
	return k;
}

void klog_free(struct klog *k)
{
	if (k == NULL)
		return;
	while (k->newest != NULL)
		report_drop(k, k->newest);
	classifier_free(k->own);
	free(k->handler_of);
	free(k);
}
