/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/ahead.h"

#include "base/mem.h"
#include "base/str.h"
#include "klog/sieve.h"
#include "world/logparts.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 4 /* one alone makes something of the lines that stay */
#define BLOCKS_MAX  (2 * THREADS_MAX)

struct block {
	char *buf;
	struct logpart part; /* in it */
	struct sieved_lines kept;
	bool ready; /* read and sieved */
	bool end; /* behind the last one */
	struct err err; /* why it is the end */
};

struct ahead {
	struct logfile *file;
	struct logparts parts; /* of a plain file, which all threads read at the same time */
	bool plain;
	const struct sieve *sieve;
	struct sieve_hand *hand; /* of the reader, who helps when it would wait */
	pthread_t helpers[THREADS_MAX];
	size_t nhelpers, nblocks;

	/* the reader's own */
	struct block *at; /* NULL = none */
	uint64_t taken; /* blocks that it is done with */
	size_t begin, pos, next_kept; /* in the block: of the line returned last, behind it */
	uint64_t lines, block_lines; /* block_lines: in front of it */

	pthread_mutex_t lock; /* guards all below, and the file */
	pthread_cond_t changed;
	struct block blocks[BLOCKS_MAX]; /* block i of the file is in i % nblocks */
	uint64_t nread, released; /* released: blocks whose memory may be used again */
	bool end, stop;
};

/* ---- any thread ---- */

/* Claims the block that follows; NULL when there is no room, or nothing to read. */
static struct block *claim_block(struct ahead *a, uint64_t *no_out)
{
	struct block *b = &a->blocks[a->nread % a->nblocks];

	if (a->end || a->stop || a->nread - a->released == a->nblocks)
		return NULL;
	b->ready = false;
	b->err = (struct err){0};
	*no_out = a->nread++;
	return b;
}

static void read_part(struct ahead *a, struct block *b, uint64_t no)
{
	b->end = no >= logparts_count(&a->parts) ||
		logparts_read(&a->parts, no, b->buf, &b->part, &b->err) != 0;
}

/* With the lock held: the next one to read begins where this one ends. */
static void read_block(struct ahead *a, struct block *b)
{
	ssize_t n = logfile_block(a->file, b->buf, &b->err);

	b->part = (struct logpart){b->buf, n > 0 ? (size_t)n : 0, 0};
	b->end = n <= 0;
}

/* Called, and returns, with the lock held. False when there was nothing to do. */
static bool work(struct ahead *a, struct sieve_hand *hand)
{
	uint64_t no;
	struct block *b = claim_block(a, &no);

	if (b == NULL)
		return false;
	if (!a->plain)
		read_block(a, b);
	pthread_mutex_unlock(&a->lock);
	if (a->plain)
		read_part(a, b, no);
	if (!b->end)
		sieve_text(hand, b->part.text, b->part.n, &b->kept);
	pthread_mutex_lock(&a->lock);
	a->end = a->end || b->end;
	b->ready = true;
	pthread_cond_broadcast(&a->changed);
	return true;
}

static void *help(void *arg)
{
	struct ahead *a = arg;
	struct sieve_hand *hand = sieve_hand_new(a->sieve);

	pthread_mutex_lock(&a->lock);
	while (!a->stop && !a->end)
		if (!work(a, hand))
			pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	sieve_hand_free(hand);
	return NULL;
}

/* ---- the reader ---- */

static void start_helpers(struct ahead *a, size_t n)
{
	sigset_t all, before;

	/* signals are for the thread that started them */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (a->nhelpers < n && pthread_create(&a->helpers[a->nhelpers], NULL, help, a) == 0)
		a->nhelpers++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static size_t count_processors(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return n > THREADS_MAX ? THREADS_MAX : (size_t)n;
}

struct ahead *ahead_new(struct logfile *file, const struct sieve *sieve, uint64_t lines)
{
	struct ahead *a = xcalloc(1, sizeof(*a));
	size_t threads = count_processors(), i;

	a->file = file;
	a->plain = logfile_parts(file, &a->parts);
	a->sieve = sieve;
	a->hand = sieve_hand_new(sieve);
	a->lines = a->block_lines = lines;
	a->nblocks = threads == 1 ? 1 : 2 * threads;
	for (i = 0; i < a->nblocks; i++)
		a->blocks[i].buf = xmalloc(LOGPART_BUF);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	start_helpers(a, threads - 1);
	return a;
}

/* Blocks that are not sieved yet are, soon. */
static void stop(struct ahead *a)
{
	size_t i;

	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->nhelpers; i++)
		pthread_join(a->helpers[i], NULL);
	a->nhelpers = 0;
}

void ahead_free(struct ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	stop(a);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	for (i = 0; i < a->nblocks; i++) {
		free(a->blocks[i].buf);
		vec_finish(&a->blocks[i].kept.list);
	}
	sieve_hand_free(a->hand);
	free(a);
}

/* Waits for the block that follows, and meanwhile does what is to be done. */
static void next_block(struct ahead *a)
{
	struct block *b = &a->blocks[a->taken % a->nblocks];

	pthread_mutex_lock(&a->lock);
	a->released = a->taken;
	pthread_cond_broadcast(&a->changed);
	while (a->nread == a->taken || !b->ready)
		if (!work(a, a->hand))
			pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	a->at = b;
	a->pos = a->next_kept = 0;
}

static void end_block(struct ahead *a)
{
	uint64_t newlines = a->at->kept.newlines;
	bool open = a->at->part.n > 0 && a->at->part.text[a->at->part.n - 1] != '\n';

	a->block_lines += newlines + open;
	a->lines = a->block_lines;
	a->at = NULL;
	a->taken++;
}

/*
 * Goes to the next line that stays; false when the block has none. Its first line always does: what
 * is looked for may begin with the newline in front of it.
 */
static bool pass_over(struct ahead *a)
{
	const struct sieved_lines *kept = &a->at->kept;

	if (a->pos == 0)
		return true;
	while (a->next_kept < kept->list.n && kept->list.v[a->next_kept].at < a->pos)
		a->next_kept++;
	if (a->next_kept == kept->list.n)
		return false;
	a->pos = kept->list.v[a->next_kept].at;
	a->lines = a->block_lines + kept->list.v[a->next_kept].before;
	return true;
}

int ahead_next(struct ahead *a, bool every, struct logfile_line *out, struct err *err)
{
	const struct logpart *part;

	for (;;) {
		if (a->at == NULL)
			next_block(a);
		if (a->at->end) {
			*err = a->at->err;
			return err->code == ERR_NONE ? 0 : -1;
		}
		part = &a->at->part;
		if (a->pos < part->n && (every || a->at->kept.all || pass_over(a)))
			break;
		end_block(a);
	}
	a->begin = a->pos;
	a->pos += logfile_line_of(part->text + a->pos, part->n - a->pos, out);
	out->no = ++a->lines;
	return 1;
}

int ahead_give_back(struct ahead *a, struct err *err)
{
	const struct logpart *part = &a->at->part;
	struct str rest = {0};
	uint64_t i;

	stop(a);
	if (a->plain)
		return logfile_go_to(a->file, part->at + (off_t)a->begin, a->lines - 1, err);
	str_addn(&rest, part->text + a->begin, part->n - a->begin);
	for (i = a->taken + 1; i < a->nread; i++) {
		part = &a->blocks[i % a->nblocks].part;
		str_addn(&rest, part->text, part->n);
	}
	logfile_unread(a->file, rest.s, rest.len, a->lines - 1);
	return 0;
}

uint64_t ahead_lines(const struct ahead *a)
{
	return a->lines;
}
