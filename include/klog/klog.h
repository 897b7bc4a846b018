/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_KLOG_H
#define VFIO_STRESS_KLOG_KLOG_H

#include "base/diags.h"
#include "model/incident.h"
#include "world/kmsg.h"

struct rules;
struct klog;

/* The compiled-in catalogue plus the user's files. NULL with diags when a user's file is wrong. */
struct rules *rules_load(const char *const *files, size_t nfiles, struct diags *diags);
void rules_free(struct rules *rules);

/* Where the engine says a record belongs. `bdf` NULL = the record names no device. */
typedef void klog_locate(
	void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out);
/* An incident is new or has changed. Valid during the call. */
typedef void klog_changed(void *arg, const struct incident *inc);

struct klog_hooks {
	klog_locate *locate; /* NULL: nowhere in particular */
	klog_changed *changed;
	void *arg;
};

/*
 * Turns records, in order, into incidents. Memory is bounded: at most KLOG_OPEN_MAX incidents are
 * open; older ones are closed (reported a last time) and forgotten.
 */
#define KLOG_OPEN_MAX 512

struct klog *klog_new(const struct rules *rules, const struct klog_hooks *hooks);
void klog_feed(struct klog *k, const struct klog_rec *rec);
/* Lets multi-line reports and storms end that have been quiet since before `now`. */
void klog_tick(struct klog *k, int64_t now_mono_ns);
/* Closes everything that is open. */
void klog_flush(struct klog *k);
void klog_free(struct klog *k);

#endif
