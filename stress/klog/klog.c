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
	{"hotplug.card-absent", report_dpc_also},
	{"hotplug.link-down", report_dpc_also},
	{"hotplug.no-link", report_dpc_also},
	{"log.suppressed", report_suppressed},
	{"nvrm.detail", report_nvrm_detail},
	{"nvrm.fallen-off", report_nvrm},
	{"nvrm.xid", report_nvrm},
	{"pci.config-inaccessible", report_reset_inaccessible},
	{"pci.flr-pending", report_reset_line},
	{"pci.not-ready-timeout", report_reset_line},
	{"pci.not-ready-wait", report_reset_line},
	{"pci.power-inaccessible", report_reset_inaccessible},
	{"pci.ready", report_reset_ready},
	{"pci.reset-done", report_reset_end},
	{"pci.resetting", report_reset_begin},
	{"vfio.device-request", report_dpc_also},
	{"vfio.reset-recovery", report_reset_recovery},
};

/* A line that waits for the report that it introduces. */
struct pending {
	const char *id; /* NULL = free */
	uint64_t seq;
	int64_t usec;
	uint64_t suppressed; /* of a rate limiter's line */
	bool lower_bound;
	bool has_bdf;
	struct bdf bdf;
	char text[KMSG_TEXT_MAX + 1];
};

#define PENDING_MAX   8
#define RESETTING_MAX 16

struct klog {
	const struct rules *rules;
	struct klog_hooks hooks;
	struct classifier *classifier;
	report_handler **handler_of; /* per rule */
	struct report *newest, *oldest;
	size_t nopen;
	uint32_t last_no;
	uint64_t last_seq; /* of the kernel's records; 0 = none yet */
	struct pending pending[PENDING_MAX];
	size_t next_pending;
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

static void drop_report(struct klog *k, struct report *r)
{
	if (k->tracing == r)
		k->tracing = NULL;
	unlink_report(k, r);
	k->nopen--;
	incident_finish(&r->inc);
	free(r);
}

/* What sort of thing it is, for people and for grouping in reports. */
static const char *kind_word(const struct report *r)
{
	const char *section;

	switch (r->kind) {
	case REPORT_AER:
		return "aer";
	case REPORT_GHES:
		section = report_field(r, "section");
		return section == NULL                      ? "ghes"
			: strstr(section, "PCIe") != NULL   ? "ghes-aer"
			: strstr(section, "memory") != NULL ? "ghes-memory"
							    : "ghes";
	case REPORT_DPC:
		return "dpc";
	case REPORT_FAULT:
		return "iommu-fault";
	case REPORT_INVAL:
		return "iommu-invalidation-timeout";
	case REPORT_RESET:
		return r->inc.severity == SEV_FATAL ? "reset-failure" : "reset-slow";
	case REPORT_GPU:
		return report_is(r, "nvrm.fallen-off") ? "gpu-lost" : "gpu";
	case REPORT_GAP:
		return "log-gap";
	default:
		return NULL;
	}
}

static void announce(struct klog *k, struct report *r)
{
	if (!r->dirty)
		return;
	r->dirty = false;
	if (!r->announced)
		r->inc.no = ++k->last_no;
	r->announced = true;
	if (kind_word(r) != NULL)
		report_set(r, "kind", VALUE_STRING, kind_word(r));
	if (r->suppressed > 0) {
		report_set_number(r, "count_logged", r->inc.count - r->suppressed);
		report_set_number(r, "count_suppressed", r->suppressed);
	}
	if (k->hooks.changed != NULL)
		k->hooks.changed(k->hooks.arg, &r->inc);
}

static void close_report(struct klog *k, struct report *r)
{
	announce(k, r);
	drop_report(k, r);
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

static bool same_place(const struct place *a, const struct place *b)
{
	return a->lane == b->lane && a->candidates == b->candidates && a->cycle == b->cycle &&
		a->step_index == b->step_index && a->late == b->late &&
		a->expected == b->expected && strcmp(a->step, b->step) == 0;
}

bool report_same_place(struct klog *k, struct report *r, const struct kline *ln)
{
	struct place now;

	if (k->hooks.locate == NULL)
		return true;
	locate(k, r->inc.has_bdf ? &r->inc.bdf : NULL, r->inc.id, ln->rec->seq, &now);
	return same_place(&now, &r->inc.place);
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

static void touch(struct klog *k, struct report *r, const struct kline *ln)
{
	if (k->newest != r) {
		unlink_report(k, r);
		link_newest(k, r);
	}
	if (ln->rec->usec >= 0)
		r->last_usec = ln->rec->usec;
	r->touched_ns = clock_mono_ns();
	r->dirty = true;
	r->inc.last_seq = ln->rec->seq;
	if (ln->rec->wall_ns != 0)
		r->inc.last_wall_ns = ln->rec->wall_ns;
}

void report_rename(struct klog *k, struct report *r, const char *id)
{
	const struct rule *rule = rules_find(k->rules, id);

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
	r->last_usec = ln->rec->usec;
	r->inc.first_seq = r->inc.last_seq = ln->rec->seq;
	r->inc.first_wall_ns = r->inc.last_wall_ns =
		ln->rec->wall_ns != 0 ? ln->rec->wall_ns : clock_wall_ns();
	str_set(r->inc.seen_by, "log");
	report_rename(k, r, id);
	if (ln->m != NULL) {
		r->inc.severity = ln->m->severity;
		r->inc.has_bdf = ln->m->has_bdf;
		r->inc.bdf = ln->m->bdf;
	}
	link_newest(k, r);
	k->nopen++;
	if (r->inc.has_bdf)
		report_set_bdf(k, r, id, r->inc.bdf);
	else
		locate_report(k, r);
	return r;
}

/* A GPU's UUID and a board's serial number are nobody's business. */
static size_t without_identity(const char *s, size_t n)
{
	static const char *const marks[] = {": GPU-", "Board Serial Number"};
	size_t i;

	if (n < 5 || memcmp(s, "NVRM:", 5) != 0)
		return n;
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *at = memmem(s, n, marks[i], strlen(marks[i]));

		if (at != NULL)
			return (size_t)(at - s) + strlen(marks[i]);
	}
	return n;
}

static void add_text(struct incident *inc, uint64_t seq, const char *s, size_t n)
{
	struct incident_line oldest;
	size_t keep = without_identity(s, n);

	if (n > KMSG_TEXT_MAX)
		n = KMSG_TEXT_MAX;
	n = keep < n ? keep : n;
	if (inc->nfirst < INCIDENT_FIRST_LINES) {
		inc->first[inc->nfirst++] = (struct incident_line){seq, xstrndup(s, n)};
		return;
	}
	if (inc->nlast < INCIDENT_LAST_LINES) {
		/* room for any line: a storm then needs no allocation */
		oldest.text = xmalloc(KMSG_TEXT_MAX + 1);
	} else {
		oldest = inc->last[0];
		memmove(&inc->last[0], &inc->last[1],
			(INCIDENT_LAST_LINES - 1) * sizeof(inc->last[0]));
		inc->nlast--;
		inc->lines_omitted++;
	}
	memcpy(oldest.text, s, n);
	oldest.text[n] = '\0';
	oldest.seq = seq;
	inc->last[inc->nlast++] = oldest;
}

void report_line(struct klog *k, struct report *r, const struct kline *ln)
{
	touch(k, r, ln);
	add_text(&r->inc, ln->rec->seq, ln->text.s, ln->text.n);
	if (ln->rec->wall_ns == 0)
		r->inc.last_wall_ns = clock_wall_ns();
}

void report_count(struct report *r)
{
	r->inc.count++;
	r->dirty = true;
}

void report_raise(struct report *r, enum severity severity)
{
	if (severity > r->inc.severity)
		r->inc.severity = severity;
}

static struct incident_field *find_field(struct report *r, const char *name, bool create)
{
	struct incident *inc = &r->inc;
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (strcmp(inc->fields[i].name, name) == 0)
			return &inc->fields[i];
	if (!create || inc->nfields == INCIDENT_FIELDS)
		return NULL;
	str_set(inc->fields[inc->nfields].name, name);
	inc->fields[inc->nfields].kind = VALUE_NULL;
	inc->fields[inc->nfields].text[0] = '\0';
	return &inc->fields[inc->nfields++];
}

const char *report_field(const struct report *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->inc.nfields; i++)
		if (strcmp(r->inc.fields[i].name, name) == 0)
			return r->inc.fields[i].text;
	return NULL;
}

void report_set(struct report *r, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f = find_field(r, name, true);

	if (f == NULL)
		return;
	f->kind = kind;
	str_set(f->text, text);
}

void report_set_number(struct report *r, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	report_set(r, name, VALUE_INT, text);
}

void report_set_span(struct report *r, const char *name, struct span s)
{
	char text[sizeof(((struct incident_field *)0)->text)];

	if (s.s == NULL)
		return;
	if (s.n >= sizeof(text))
		s.n = sizeof(text) - 1;
	memcpy(text, s.s, s.n);
	text[s.n] = '\0';
	report_set(r, name, VALUE_STRING, text);
}

static bool list_has(const char *list, const char *item)
{
	size_t n = strlen(item);
	const char *s = list;

	while (*s != '\0') {
		size_t len = strcspn(s, "\n");

		if (len == n && memcmp(s, item, n) == 0)
			return true;
		s += len + (s[len] == '\n');
	}
	return false;
}

void report_add(struct report *r, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f = find_field(r, name, true);
	size_t used;

	if (f == NULL)
		return;
	f->kind = kind;
	used = strlen(f->text);
	if (list_has(f->text, text) || used + strlen(text) + 6 > sizeof(f->text)) {
		/* what no longer fits: said once, where a text can say it */
		if (kind == VALUE_STRINGS && !list_has(f->text, text) &&
			!list_has(f->text, "...") && used + 5 <= sizeof(f->text))
			memcpy(f->text + used, "\n...", 5);
		return;
	}
	snprintf(f->text + used, sizeof(f->text) - used, "%s%s", used ? "\n" : "", text);
}

/* Devices are listed in order, whoever was told first. */
void report_add_bdf(struct report *r, const char *name, struct bdf bdf)
{
	const char *list = report_field(r, name);
	char item[BDF_LEN], all[sizeof(((struct incident_field *)0)->text)];
	size_t at = 0;

	bdf_text(bdf, item);
	if (list == NULL || list_has(list, item)) {
		report_add(r, name, VALUE_STRINGS, item);
		return;
	}
	while (list[at] != '\0' && strncmp(list + at, item, strlen(item)) < 0)
		at += strcspn(list + at, "\n") + (strchr(list + at, '\n') != NULL);
	if (list[at] == '\0' || strlen(list) + strlen(item) + 2 > sizeof(all)) {
		report_add(r, name, VALUE_STRINGS, item);
		return;
	}
	snprintf(all, sizeof(all), "%.*s%s\n%s", (int)at, list, item, list + at);
	report_set(r, name, VALUE_STRINGS, all);
}

void report_take_fields(struct report *r, const struct kline *ln)
{
	struct incident_field fields[2 * RULE_FIELDS_MAX];
	size_t i, n = match_fields(ln->m, true, fields, ARRAY_SIZE(fields));

	for (i = 0; i < n; i++)
		report_set(r, fields[i].name, fields[i].kind, fields[i].text);
}

void report_agent(struct report *r, struct bdf bdf)
{
	if (!report_has_agent(r, bdf) && r->nagents < AGENTS_MAX)
		r->agents[r->nagents++] = bdf;
}

bool report_has_agent(const struct report *r, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < r->nagents; i++)
		if (bdf_eq(r->agents[i], bdf))
			return true;
	return false;
}

void report_absorb(struct klog *k, struct report *into, struct report *from)
{
	size_t i;

	for (i = 0; i < from->inc.nfirst; i++)
		add_text(&into->inc, from->inc.first[i].seq, from->inc.first[i].text,
			strlen(from->inc.first[i].text));
	for (i = 0; i < from->inc.nlast; i++)
		add_text(&into->inc, from->inc.last[i].seq, from->inc.last[i].text,
			strlen(from->inc.last[i].text));
	into->inc.lines_omitted += from->inc.lines_omitted;
	into->inc.count += from->inc.count;
	into->inc.count_is_lower_bound |= from->inc.count_is_lower_bound;
	if (from->inc.first_seq < into->inc.first_seq) {
		into->inc.first_seq = from->inc.first_seq;
		into->inc.first_wall_ns = from->inc.first_wall_ns;
	}
	if (from->inc.last_seq > into->inc.last_seq) {
		into->inc.last_seq = from->inc.last_seq;
		into->inc.last_wall_ns = from->inc.last_wall_ns;
		into->last_usec = from->last_usec;
	}
	into->touched_ns = from->touched_ns;
	into->dirty = true;
	drop_report(k, from);
}

/* ---- lines that wait ---- */

void klog_keep_pending(struct klog *k, const struct kline *ln, bool lower_bound)
{
	struct pending *p = &k->pending[k->next_pending++ % PENDING_MAX];

	p->id = ln->m->rule->id;
	p->seq = ln->rec->seq;
	p->usec = ln->rec->usec;
	p->suppressed = 0;
	p->lower_bound = lower_bound;
	p->has_bdf = ln->m->has_bdf;
	p->bdf = ln->m->bdf;
	memcpy(p->text, ln->text.s, ln->text.n);
	p->text[ln->text.n] = '\0';
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
	add_text(&r->inc, p->seq, p->text, strlen(p->text));
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
	bool had_bdf = r->inc.has_bdf;
	size_t i;

	for (i = 0; i < PENDING_MAX; i++) {
		/* the oldest first */
		struct pending *p = &k->pending[(k->next_pending + i) % PENDING_MAX];
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

bool report_suppressed(struct klog *k, const struct kline *ln)
{
	struct span function = match_group(ln->m, "function"), count = match_group(ln->m, "count");
	const char *family = NULL;
	uint64_t n = 0;
	struct report *r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limiters); i++)
		if (strlen(limiters[i].function) == function.n &&
			memcmp(limiters[i].function, function.s, function.n) == 0)
			family = limiters[i].family;
	for (i = 0; i < count.n && n < UINT32_MAX; i++)
		n = n * 10 + (uint64_t)(count.s[i] - '0');
	if (family == NULL)
		return false;
	for (r = k->newest; r != NULL; r = r->next)
		if (report_is(r, family) && report_age(r, ln) <= STORM_US) {
			report_line(k, r, ln);
			add_suppressed(r, n);
			return true;
		}
	/* printed when the next window opens: what it counts may be before what we read */
	klog_keep_pending(k, ln, false);
	k->pending[(k->next_pending - 1) % PENDING_MAX].id = family;
	k->pending[(k->next_pending - 1) % PENDING_MAX].suppressed = n;
	return true;
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

/* ---- lines without a family that knows more ---- */

bool report_plain(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r =
		report_storm(k, ln, REPORT_PLAIN, id, ln->m->has_bdf ? &ln->m->bdf : NULL);

	if (r == NULL)
		r = report_new(k, ln, REPORT_PLAIN, id);
	report_raise(r, ln->m->severity);
	report_take_fields(r, ln);
	report_line(k, r, ln);
	report_count(r);
	if (str_starts(id, "host."))
		k->tracing = r;
	return true;
}

/* Normal lines make an incident only when their text, or a user's rule, says that they are not. */
static bool report_info(struct klog *k, const struct kline *ln)
{
	return ln->m->severity >= SEV_WARNING && report_plain(k, ln);
}

bool report_family_context(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id, *dot = strchr(id, '.');
	size_t family = (size_t)(dot - id) + 1;
	struct report *r;

	for (r = k->newest; r != NULL; r = r->next)
		if (strncmp(r->inc.id, id, family) == 0 && report_age(r, ln) <= 2 * SECOND_US &&
			(!r->inc.has_bdf || !ln->m->has_bdf || bdf_eq(r->inc.bdf, ln->m->bdf))) {
			report_line(k, r, ln);
			return true;
		}
	klog_keep_pending(k, ln, false);
	return true;
}

/* What the kernel prints behind an oops, a lockup, a hung task or a warning. */
static bool is_trace(const char *s)
{
	static const char *const starts[] = {" ", "\t", "Call Trace", "RIP:", "RSP:", "RAX:",
		"RDX:", "RBP:", "R10:", "R13:", "FS:", "CS:", "CR2:", "DR0:", "DR3:", "PKRU:",
		"Code:", "Modules linked in:", "CPU:", "Hardware name:", "Workqueue:", "---[ end",
		"task:", "<TASK>", "</TASK>", "Sending NMI", "NMI backtrace", "PGD ", "Oops:"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		if (str_starts(s, starts[i]))
			return true;
	return false;
}

static void feed_trace(struct klog *k, const struct kline *ln)
{
	if (report_age(k->tracing, ln) <= REPORT_US && is_trace(ln->text.s))
		report_line(k, k->tracing, ln);
	else if (report_age(k->tracing, ln) > REPORT_US)
		k->tracing = NULL;
}

/* ---- feeding ---- */

static void feed_line(struct klog *k, const struct klog_rec *rec, const char *s, size_t n)
{
	struct klog_match m;
	struct kline ln = {.rec = rec, .m = &m, .text = {s, n}};
	size_t skip = strspn(s, " \t");

	if (skip > n)
		skip = n;
	if (!classify(k->classifier, s + skip, n - skip, rec->origin + 1u, &m)) {
		ln.m = NULL;
		if (k->tracing != NULL && rec->origin != ORIGIN_QEMU)
			feed_trace(k, &ln);
		return;
	}
	k->handler_of[m.rule - rules_at(k->rules, 0)](k, &ln);
}

/* Sequence numbers that nobody read: the log is incomplete, and the report says where. */
static void note_gap(struct klog *k, const struct klog_rec *rec)
{
	uint64_t lost = rec->seq - k->last_seq - 1;
	struct kline ln = {.rec = rec, .text = {"", 0}};
	const char *before;
	struct report *r = report_storm(k, &ln, REPORT_GAP, "log.gap", NULL);
	uint64_t sum = 0;

	if (r == NULL) {
		r = report_new(k, &ln, REPORT_GAP, "log.gap");
		r->inc.severity = SEV_WARNING;
		r->inc.first_seq = k->last_seq + 1;
		report_set_number(r, "first_missing", k->last_seq + 1);
	}
	before = report_field(r, "lost");
	if (before != NULL && !str_to_u64(before, 10, UINT64_MAX, &sum))
		sum = 0;
	report_set_number(r, "lost", sum + lost);
	report_set_number(r, "last_missing", rec->seq - 1);
	touch(k, r, &ln);
	report_count(r);
}

void klog_feed(struct klog *k, const struct klog_rec *rec)
{
	const char *s = rec->text, *end;

	if (rec->origin != ORIGIN_QEMU) {
		if (k->last_seq != 0 && rec->seq > k->last_seq + 1)
			note_gap(k, rec);
		k->last_seq = rec->seq;
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

void klog_tick(struct klog *k, int64_t now_mono_ns)
{
	struct report *r, *next;

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
	/* in the order in which they began to be quiet */
	while (k->oldest != NULL)
		close_report(k, k->oldest);
}

static report_handler *handler_for(const struct rule *rule)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(handlers); i++)
		if (strcmp(handlers[i].id, rule->id) == 0)
			return handlers[i].take;
	return rule->role == ROLE_PRIMARY    ? report_plain
		: rule->role == ROLE_CONTEXT ? report_family_context
					     : report_info;
}

struct klog *klog_new(const struct rules *rules, const struct klog_hooks *hooks)
{
	struct klog *k = xcalloc(1, sizeof(*k));
	size_t i;

	k->rules = rules;
	k->hooks = *hooks;
	k->classifier = classifier_new(rules);
	k->handler_of = xcalloc(rules_count(rules), sizeof(*k->handler_of));
	for (i = 0; i < rules_count(rules); i++)
		k->handler_of[i] = handler_for(rules_at(rules, i));
	return k;
}

void klog_free(struct klog *k)
{
	if (k == NULL)
		return;
	while (k->newest != NULL)
		drop_report(k, k->newest);
	classifier_free(k->classifier);
	free(k->handler_of);
	free(k);
}
