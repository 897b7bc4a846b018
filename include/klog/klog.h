/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_KLOG_H
#define VFIO_STRESS_KLOG_KLOG_H

#include "base/clock.h"
#include "model/incident.h"
#include "world/kmsg.h"

struct classifier; /* klog/rules.h */
struct pattern;
struct rule;
struct rules;
struct sighting; /* klog/sighting.h */
struct klog;

/* Where the engine says a record belongs. `bdf` NULL = the record names no device. */
typedef void klog_locate(
	void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out);
/*
 * An incident is new or has changed: `no` says which, all else may be another than last time (a
 * report that grows, a count, even the id when a wait becomes a time-out). Valid during the call.
 */
typedef void klog_changed(void *arg, const struct incident *inc);
/* A record of which something is known: is it one that was fed before, from another log? */
typedef bool klog_is_copy(void *arg, const struct klog_rec *rec);

struct klog_hooks {
	klog_locate *locate; /* NULL: nowhere in particular */
	klog_changed *changed;
	klog_is_copy *is_copy; /* NULL: none is */
	void *arg;
	struct classifier *classifier; /* of the same rules, borrowed; NULL: it makes its own */
};

/*
 * Turns records, in order, into incidents; `changed` is called by klog_tick and klog_flush only,
 * and when an incident is closed because there are too many. Memory is bounded: at most
 * KLOG_OPEN_MAX incidents are open; older ones are closed (reported a last time) and forgotten.
 *
 * One incident is one multi-line report, or the same fault of the same device in the same place
 * (locate) without a minute's pause. Ids are those of the rules, with these for reports:
 *   aer.bus-error       native AER, whatever part of the report was read
 *   ghes.header         firmware-first, joined with the aer_status lines that follow
 *   aer.firmware-status those lines without their block
 *   pci.not-ready-wait  becomes pci.not-ready-timeout when the kernel gives up
 *   nvrm.fallen-off     with the Xids beside it
 *   log.gap             records that nobody read
 */
#define KLOG_OPEN_MAX 512

struct klog *klog_new(const struct rules *rules, const struct klog_hooks *hooks);
void klog_feed(struct klog *k, const struct klog_rec *rec);
/*
 * What another witness saw. An error that the log tells too, within KLOG_SETTLE_NS, is one incident
 * with both in `seen_by`; one that the log does not tell becomes an incident of its own, with the id
 * that its line would have had. `count` is the largest that any witness gives; where they differ the
 * fields count_log, count_counters ... say so.
 */
#define KLOG_SETTLE_NS NS_PER_S
void klog_sight(struct klog *k, const struct sighting *s);
/*
 * For who passes over lines of a file: are lines awaited that no rule matches? If not, a line is
 * worth feeding only when a heeded rule may match it.
 */
bool klog_wants_all(const struct klog *k);
bool klog_heeds(const struct rule *rule);
bool klog_heeds_pattern(const struct rule *rule, const struct pattern *pattern);
/* Reports what changed, and lets end what has been quiet since before `now`. Call it after feeding. */
void klog_tick(struct klog *k, int64_t now_mono_ns);
/* Closes everything that is open. */
void klog_flush(struct klog *k);
void klog_free(struct klog *k);

/*
 * The words of budgets. An id; "family.*"; or aer.correctable, aer.nonfatal, aer.fatal: AER errors
 * by the severity of the incident, native or firmware-first. A non-fatal error whose recovery
 * failed is fatal.
 */
bool klog_fault_matches(const char *wanted, const struct incident *inc);
/* An AER error: told by the root port, by the firmware with its bits, or by a PCIe block of it. */
bool klog_is_aer(const struct incident *inc);
/* Can an incident have it? For checks at load time. */
bool klog_fault_known(const char *wanted, const struct rules *rules);
/*
 * Does this step (its word and main argument, which may be NULL) make the kernel say this? Of one
 * device at most *most_out times; 0 = however often.
 */
bool klog_expected_in(const char *id, const char *step_word, const char *arg, uint32_t *most_out);

#endif
