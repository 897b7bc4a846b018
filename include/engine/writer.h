/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_WRITER_H
#define VFIO_STRESS_ENGINE_WRITER_H

#include "model/store.h"

/*
 * The thread that writes the store, so that the supervisor's loop never waits for the disk. Calls
 * copy their arguments and return at once. While the disk refuses, everything but kernel records
 * is kept in memory and tried again every second; records past WRITER_RECORDS_MAX bytes are
 * dropped and counted. Records wait, too, while the disk is nearly full, for what is left is for the
 * others; there is no more patience with it at the end. Records that it refuses alone (a quota, a full
 * pool) are tried less and less often, and hold up nothing else.
 */
struct writer;

#define WRITER_RECORDS_MAX (64u << 20) /* kernel records kept per run, and waiting in memory */

/* Takes over the store; it is closed by writer_stop. */
struct writer *writer_start(struct store *store, int64_t run, const char *boot_id);

/* `ev->flags & EVENT_ACK`: an answer comes through writer_next_ack once it is on disk. */
void writer_event(struct writer *w, const struct event *ev, uint64_t klog_seq);
void writer_record(struct writer *w, const struct klog_rec *rec);
/* Copies it, lines included. In the place of an older state of it that was not written yet. */
void writer_incident(struct writer *w, const struct incident *inc);
void writer_note(struct writer *w, const char *kind, const char *text);
void writer_heartbeat(struct writer *w);
void writer_klog(struct writer *w, const struct klog_account *k);
/* Copies it: a message for a webhook. */
void writer_outbox(struct writer *w, const struct outbox_item *item);
void writer_aborted(struct writer *w, const char *why);

struct writer_ack {
	uint32_t lane, ask; /* of the event */
	uint64_t id; /* of the undo record, 0 for other events */
};

/* Readable when there are acks or the disk's state has changed. For epoll; do not read it. */
int writer_fd(const struct writer *w);
bool writer_next_ack(struct writer *w, struct writer_ack *out);
/*
 * Kernel records that memory could not hold, and those for which the disk has no room just now, or
 * which it refuses for long.
 */
uint64_t writer_dropped(struct writer *w);
/* Is the disk refusing just now, and not only records? `err` says what it says. */
bool writer_in_trouble(struct writer *w, struct err *err);

/*
 * The same for `ms`, when what keeps it from writing is another process that has the store: that will be
 * done with it. Before the thread ends, and for who has the store then.
 */
void writer_bear_locks(struct writer *w, int ms);
/*
 * Writes what is left, for at most `patience_ms` when the disk refuses, and ends. Returns the number
 * of things that could not be written. The store is handed back open (close it).
 */
size_t writer_stop(struct writer *w, int64_t patience_ms, struct store **store_out);

#endif
