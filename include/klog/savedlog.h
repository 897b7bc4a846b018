/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_SAVEDLOG_H
#define VFIO_STRESS_KLOG_SAVEDLOG_H

#include "world/kmsg.h"

/*
 * A log that somebody saved, in any form that logline.h knows or as raw records of /dev/kmsg; or
 * what the running kernel still holds.
 */
struct journal;
struct logfile;
struct rules;
struct savedlog;
struct sieve;

struct savedlog_line {
	uint64_t no; /* of the physical line (of the record: /dev/kmsg, the journal), from 1 */
	/* its seq is the line's number; in a file of raw records the kernel's */
	struct klog_rec rec;
	bool is_record; /* false: a line of a raw record's dictionary */
	bool new_boot; /* the record is of another boot than those before it */
	bool bare; /* nothing but the text stands in the line */
	uint32_t indent; /* blanks in front of it */
	uint32_t columns; /* of the physical line; 0 = no line of text */
	unsigned source; /* for classify() */
};

/* These take what they are made of. */
struct savedlog *savedlog_of_file(struct logfile *file);
struct savedlog *savedlog_of_journal(struct journal *journal);
int savedlog_open_kmsg(const char *path, struct savedlog **out, struct err *err) must_check;
void savedlog_close(struct savedlog *l);
/* Readable when there may be more, then savedlog_wake and savedlog_next; -1 = nothing comes. */
int savedlog_fd(struct savedlog *l);
void savedlog_wake(struct savedlog *l);
/* 1 = a line, 0 = the end (of what is there now), -1. */
int savedlog_next(struct savedlog *l, struct savedlog_line *out, struct err *err) must_check;
/*
 * Large logs: from here on, lines that fall through the sieve may be passed over (their numbers are
 * missed) unless every line is wanted. Only a log whose beginning has been read, and has shown that
 * its lines stand for themselves, is sieved.
 */
#define SAVEDLOG_BEGINNING (1u << 18) /* bytes */
void savedlog_sieve(struct savedlog *l, const struct sieve *sieve);
/* `also`: texts, the last one NULL, whose lines must not be passed over. */
struct sieve *savedlog_make_sieve(const struct rules *rules, const char *const *also);
void savedlog_want_every(struct savedlog *l, bool every);
/* Bytes of lines that were returned. */
uint64_t savedlog_bytes(const struct savedlog *l);
/* Physical lines that were read. */
uint64_t savedlog_lines(const struct savedlog *l);
/* Are sequence numbers the kernel's? */
bool savedlog_is_raw(const struct savedlog *l);
/*
 * The physical lines of what has these sequence numbers, 0 when they are not known. Raw records
 * are remembered up to SAVEDLOG_RECORDS_MAX, more than any kernel's buffer holds in practice.
 */
#define SAVEDLOG_RECORDS_MAX (1u << 20)
void savedlog_lines_of(const struct savedlog *l, uint64_t first_seq, uint64_t last_seq,
	uint64_t *first_line, uint64_t *last_line);

#endif
