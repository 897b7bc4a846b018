/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_KMSG_H
#define VFIO_STRESS_WORLD_KMSG_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* the kernel cuts at 976..1024 bytes (LOG_LINE_MAX, PRINTKRB_RECORD_MAX) */
#define KMSG_TEXT_MAX 1024

/*
 * One read(2) of the device. The kernel formats a record in at most 8 KiB (CONSOLE_EXT_LOG_MAX,
 * since 6.4 PRINTK_MESSAGE_MAX, 2 KiB); to a read that is shorter than the record it says EINVAL,
 * and the record is gone (devkmsg_read).
 */
#define KMSG_READ_MAX 16384

/* Who wrote a line; QEMU's own words never come through /dev/kmsg. */
enum klog_origin { ORIGIN_KERNEL, ORIGIN_QEMU, ORIGIN_UNKNOWN };

/* One kernel log record, decoded. Every reader (kmsg, journal, files) yields these. */
struct klog_rec {
	uint64_t seq; /* of /dev/kmsg; the line number in a file */
	int64_t usec; /* since boot, -1 = unknown */
	int64_t wall_ns; /* when known (from the reader thread: when it was read), else 0 */
	uint8_t level; /* 0..7, 255 = unknown */
	uint8_t facility; /* 0 = the kernel itself; 1+ = written by a process */
	uint8_t origin; /* of enum klog_origin */
	uint32_t lost; /* records known missing in front of it that its number does not tell */
	bool by_line; /* seq is a line's: one that is missing is no record that was lost */
	bool cont; /* a pr_cont fragment */
	bool truncated;
	uint16_t len;
	char device[64]; /* DEVICE= of the dictionary, "" = none: "+pci:0000:41:00.0" */
	char text[KMSG_TEXT_MAX + 1]; /* may hold newlines; a NUL from outside reads '?' */
};

/* Parses what one read(2) of /dev/kmsg returned. -1 when it is not such a record. */
int kmsg_parse(const char *buf, size_t len, struct klog_rec *out, struct err *err) must_check;

/* Of an open that failed with `sys`: why it is forbidden, NULL when that is not it. */
const char *kmsg_why_forbidden(int sys);

/*
 * A reader: one thread drains the device into bounded memory and does nothing else. It starts
 * behind the newest record. Overruns are counted, never fatal. What comes while our memory is full
 * is counted as lost, and the older records stay: the begin of a storm tells more than its end.
 *
 * The seam: `path` may be anything that open(2) takes. What is no character device is read as text
 * of the same form, one record a line (dictionary lines follow and start with a blank), each
 * written whole in one write of at most PIPE_BUF bytes; a final newline may be missing.
 */
struct kmsg;

struct kmsg_status {
	uint64_t records; /* read since open, and kept until they are taken */
	uint64_t lost; /* missing sequence numbers (overruns), and what our memory could not hold */
	uint64_t last_seq; /* of the newest record taken by kmsg_next; 0 = none */
	uint64_t read_seq; /* of the newest that was read, kept or not; 0 = none */
	bool missed_first; /* some were overwritten before the first was read: `lost` has 1 for them */
	bool failed; /* reading ended; `err` says why */
	struct err err;
};

int kmsg_open(const char *path, struct kmsg **out, struct err *err) must_check;
void kmsg_close(struct kmsg *k);
/*
 * Is it the kernel's own device? Then our marker must come back, or we are blind. At the seam
 * nobody echoes it: not required, and the report says `simulated`.
 */
bool kmsg_is_device(const struct kmsg *k);
/* Readable when kmsg_next or kmsg_synced has news. For epoll; do not read it. */
int kmsg_fd(const struct kmsg *k);
/* Takes the oldest record; false when there is none (which also quiets kmsg_fd). */
bool kmsg_next(struct kmsg *k, struct klog_rec *out);
/* Asks the thread to read until EAGAIN; answers a ticket. */
uint64_t kmsg_sync(struct kmsg *k);
/*
 * Has that been done? Then seq_out = the last sequence number that existed at that moment, 0 when
 * none was read since open, and everything up to it can be taken with kmsg_next. When the kernel
 * prints faster than we read, a ticket is answered after KMSG_SYNC_MAX_MS with what was read.
 */
#define KMSG_SYNC_MAX_MS 250
bool kmsg_synced(struct kmsg *k, uint64_t ticket, uint64_t *seq_out);
void kmsg_get_status(struct kmsg *k, struct kmsg_status *out);
/* Ends reading, since a kernel may never stop printing. What was read can still be taken. */
void kmsg_stop(struct kmsg *k);

/*
 * What the kernel still holds, from its oldest record to the newest, without a thread. A kernel
 * that prints faster than we read does not keep us for more than KMSG_DUMP_MAX_MS.
 */
#define KMSG_DUMP_MAX_MS 10000
struct kmsg_dump;
int kmsg_dump_open(const char *path, struct kmsg_dump **out, struct err *err) must_check;
void kmsg_dump_close(struct kmsg_dump *d);
/* 1 = a record, 0 = that was the newest, -1. Lost ones show in the sequence numbers. */
int kmsg_dump_next(struct kmsg_dump *d, struct klog_rec *out, struct err *err) must_check;
/* There is no last one: what is answered is readable when there are more. Do not read it. */
int kmsg_dump_follow(struct kmsg_dump *d);

/* What each line of ours in it begins with; then comes the run. */
#define MARKER_PREFIX "vfio-stress "
/*
 * Writes one line as a process (facility user). A fresh open for each, because the kernel's limit
 * of printk_devkmsg belongs to the open file (kernel/printk/printk.c, devkmsg_open). When `path` is
 * no character device (the seam) this is a no-op that succeeds.
 */
int kmsg_mark(const char *path, const char *line, struct err *err) must_check;

#endif
