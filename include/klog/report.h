/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_REPORT_H
#define VFIO_STRESS_KLOG_REPORT_H

#include "klog/rules.h"
#include "klog/sighting.h"
#include "world/kmsg.h"

/*
 * Inside klog: an incident that still grows. The files report_*.c know what belongs together in
 * one family of kernel messages; klog.c feeds them and closes what has been quiet.
 */

#define SECOND_US INT64_C(1000000)
/* lines of one multi-line report follow each other within microseconds; CPUs interleave */
#define REPORT_US (1 * SECOND_US)
/* firmware's second half comes from a worker; a driver's callback runs seconds later */
#define LATER_US (10 * SECOND_US)
/* recovery waits up to 60 s for the device (PCIE_RESET_READY_POLL_MS); nothing is joined later */
#define RECOVERY_US (80 * SECOND_US)
/* the same fault again within this time is the same incident */
#define STORM_US (60 * SECOND_US)

enum report_kind {
	REPORT_PLAIN, /* one line, counted */
	REPORT_AER,
	REPORT_GHES,
	REPORT_DPC,
	REPORT_FAULT, /* of an IOMMU */
	REPORT_INVAL, /* a device that does not answer the IOMMU */
	REPORT_RESET,
	REPORT_GPU, /* NVIDIA's */
	REPORT_STORY, /* of a driver, in several messages */
	REPORT_LINK, /* a hotplug slot */
	REPORT_HOST, /* with a trace */
	REPORT_GAP,
};

#define AGENTS_MAX 8

struct report {
	/* what each line is compared with stands together, for the processor's caches */
	enum report_kind kind;
	const struct rule *rule; /* of inc.id */
	struct report *prev, *next; /* most recently touched first */
	int64_t first_usec, last_usec, touched_ns;
	bool dirty, announced;
	bool told; /* inc.telling is set */
	uint64_t suppressed;
	struct incident inc;
	/* how often each witness saw it, of its culprit and of its agents; the log's is inc.count */
	uint64_t seen[WITNESSES], agent_seen[AGENTS_MAX][WITNESSES];

	/* AER, DPC, GHES: who tells */
	bool has_port, has_sender, corrected, has_root;
	struct bdf port, sender;
	struct bdf agents[AGENTS_MAX]; /* functions with a block of their own */
	size_t nagents;
	bool has_outcome; /* of the recovery */
	uint64_t status, mask; /* of the newest firmware-first block */

	/* GHES */
	bool has_seq, is_bert;
	uint64_t seq;
	int secondary_bus; /* -1 = unknown */

	/* RESET, LINK */
	bool ended;
	int64_t begin_usec; /* -1 = unknown */
	uint64_t waited_ms, last_ms;
	/* INVAL */
	bool has_sid;
	uint64_t sid;
	/* HOST */
	size_t frames; /* of its trace */
};

struct klog;

/* One line on its way through. */
struct kline {
	const struct klog_rec *rec;
	const struct klog_match *m;
	struct span text; /* one line of the record */
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

#define PENDING_MAX 8

struct pending_lines {
	struct pending v[PENDING_MAX];
	size_t next; /* the oldest, to be overwritten */
};

struct pending_lines *klog_pending(struct klog *k);
/* NULL when there is none. */
const struct rule *klog_rule(struct klog *k, const char *id);

#define CLAIMS_MAX 128 /* sightings that wait for the log's word */
#define TOLD_MAX   32 /* AER reports that were closed: what they told is not told again */

struct claims {
	struct sighting v[CLAIMS_MAX]; /* count: what is not yet accounted for */
	size_t n;
	struct {
		struct bdf bdf;
		enum aer_class cls;
		int64_t until_ns; /* its last line */
	} told[TOLD_MAX];
	size_t next_told;
};

struct claims *klog_claims(struct klog *k);
/* Accounts for claims that are older than KLOG_SETTLE_NS, with or without the log's word. */
void witness_settle(struct klog *k, int64_t now_ns);
/* Sets seen_by and the fields about disagreement; returns the count to be told. */
uint64_t witness_reconcile(struct report *r);
void witness_remember(struct klog *k, const struct report *closed);
/* Is the line about a device of a run's lane, and is it not what the running step makes it say? */
bool klog_unexpected_in_lane(struct klog *k, const struct kline *ln);
/* What unclassified lines follow may be this one's trace. */
void klog_trace(struct klog *k, struct report *r);

/* ---- finding ---- */

struct report *klog_newest(struct klog *k);
/* Microseconds since the report's last line: 0 when unknown, huge when the clock began anew. */
int64_t report_age(const struct report *r, const struct kline *ln);
bool report_is(const struct report *r, const char *id_prefix);
bool span_is(struct span s, const char *text);
/* Same kind, id and device, in the same place, and not long ago: the storm goes on. */
struct report *report_storm(struct klog *k, const struct kline *ln, enum report_kind kind,
	const char *id, const struct bdf *bdf);
bool report_is_at(const struct report *r, const struct place *place);
/* Is `bdf` where the line's device is now (lane, cycle, step)? */
bool report_same_place(struct klog *k, struct report *r, const struct kline *ln);

/* ---- growing ---- */

/* A moment without a line: right behind the newest record. */
void klog_moment(const struct klog *k, struct klog_rec *out);
/* Something was added to it just now. */
void report_touch(struct klog *k, struct report *r, const struct kline *ln);
struct report *report_new(
	struct klog *k, const struct kline *ln, enum report_kind kind, const char *id);
/* The line becomes part of it. */
void report_line(struct klog *k, struct report *r, const struct kline *ln);
void report_add_text(struct report *r, uint64_t seq, const char *s, size_t n);
void report_count(struct report *r);
void report_raise(struct report *r, enum severity severity);
void report_rename(struct klog *k, struct report *r, const char *id);
void report_set_bdf(struct klog *k, struct report *r, const char *id, struct bdf bdf);
void report_set(struct report *r, const char *name, enum value_kind kind, const char *text);
void report_set_number(struct report *r, const char *name, uint64_t v);
void report_set_span(struct report *r, const char *name, struct span s);
void report_unset(struct report *r, const char *name);
/* Adds to a list what is not in it yet. */
void report_add(struct report *r, const char *name, enum value_kind kind, const char *text);
/* Takes a text out of a list; an empty one is unset. False when it was not in it. */
bool report_remove(struct report *r, const char *name, const char *text);
void report_add_span(struct report *r, const char *name, struct span s);
void report_add_bdf(struct report *r, const char *name, struct bdf bdf);
const char *report_field(const struct report *r, const char *name);
/* The fields of the line, decoded. */
void report_take_fields(struct report *r, const struct kline *ln);
/* Lines that came before and only now have a report to belong to. */
void report_take_pending(
	struct klog *k, struct report *r, const struct kline *ln, const char *id_prefix);
struct pending *klog_keep_pending(struct klog *k, const struct kline *ln, bool lower_bound);
void report_agent(struct report *r, struct bdf bdf);
bool report_has_agent(const struct report *r, struct bdf bdf);
/* Lines, count and times of `from` become `into`'s; `from` is gone. Only while unannounced. */
void report_absorb(struct klog *k, struct report *into, struct report *from);
/* It was no report after all. Only while unannounced. */
void report_drop(struct klog *k, struct report *r);

/* The words of a transaction's header: what it was, who sent it and where to. */
void report_tlp_header(struct report *r, const struct kline *ln);
/* An AER bit, with what the rule aer.error-bit says of it (rule NULL: nothing). */
void report_bit(struct report *r, const struct rule *rule, const char *bit);

void klog_note_resetting(struct klog *k, const struct kline *ln, bool begins);

/* ---- families: each takes the line, or says that it is nobody's ---- */

typedef bool report_handler(struct klog *k, const struct kline *ln);

report_handler report_plain;
report_handler report_info;
report_handler report_lost;
report_handler report_removed;
report_handler report_family_context;
report_handler report_suppressed;

report_handler report_aer_root, report_aer_bus_error, report_aer_block, report_aer_no_details,
	report_aer_cant_recover, report_aer_recovery, report_aer_during, report_aer_firmware;
report_handler report_ghes_header, report_ghes_part, report_bert;
report_handler report_dpc_containment, report_dpc_part, report_edr, report_dpc_also,
	report_dpc_back;
report_handler report_dmar_fault, report_dmar_status, report_dmar_part, report_dmar_inval,
	report_dmar_qi;
report_handler report_amdvi_fault, report_amdvi_timeout, report_amdvi_wait,
	report_amdvi_not_attached, report_amdvi_overflow;
report_handler report_bar_failed, report_bar_assigned;
report_handler report_reset_line, report_reset_ready, report_reset_inaccessible,
	report_reset_recovery, report_reset_begin, report_reset_end;
report_handler report_nvrm, report_nvrm_detail, report_nvrm_start;
report_handler report_link_lost, report_link_back;
report_handler report_host, report_panic;
report_handler report_story;

/* Is it of a family that tells one thing in several messages? */
bool report_is_story(const char *id);
/* A line that no rule knows: is it part of the trace that explains r? Then it is taken. */
bool report_trace(struct klog *k, struct report *r, const struct kline *ln);

#endif
