/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* What waits to be written, one after the other in a growing buffer. */
enum item_kind {
	ITEM_EVENT,
	ITEM_RECORD,
	ITEM_INCIDENT,
	ITEM_NOTE,
	ITEM_HEARTBEAT,
	ITEM_KLOG,
	ITEM_ABORTED,
	ITEM_OUTBOX,
};

struct item {
	enum item_kind kind;
	uint32_t size; /* of the payload that follows, padded to 8 */
};

struct event_item {
	struct event ev;
	uint64_t klog_seq;
};

struct note_item {
	char kind[16];
	char text[DETAIL_MAX];
};

struct heartbeat_item {
	int64_t wall_ns, mono_ns;
};

struct batch {
	unsigned char *data;
	size_t len, cap, items;
	bool urgent; /* somebody waits for it: sync */
};

/*
 * Kernel records are kept from the start of the run until half of WRITER_RECORDS_MAX, and then the
 * newest half: older chunks of the tail are deleted, but for those in which a storm begins.
 */
#define CHUNK_BYTES (1u << 20)
#define TAIL_CHUNKS (WRITER_RECORDS_MAX / 2 / CHUNK_BYTES)
/*
 * Records wait in chunks of their own, of which a transaction takes one: in a storm nobody waits for
 * more than that.
 */
#define WAITING_CHUNKS (WRITER_RECORDS_MAX / CHUNK_BYTES)
/* What records leave of a disk (a quarter of a small one): events and incidents tell more. */
#define RESERVE_BYTES (64u << 20)
/*
 * Records that were refused are not tried for a second, and twice as long each further time: a quota
 * or a full pool can stay for the night. Once that is long they are said to be lost.
 */
#define HOLD_MAX_NS  (64 * NS_PER_S)
#define HOLD_LONG_NS (16 * NS_PER_S)
/* Of incidents that wait: where in the batch those are whose numbers end so. */
#define WAITING_INCIDENTS 1024

/* A storm: a chunk is full so soon, after one that was not. Of each, these two are kept. */
#define STORM_NS   (20 * NS_PER_S)
#define STORMS_MAX 8

struct tail_chunk {
	int64_t first; /* rowid of its first record */
	int64_t wall_ns; /* when that was printed */
};

struct retention {
	size_t head_bytes, chunk_bytes;
	struct tail_chunk tail[TAIL_CHUNKS]; /* a ring */
	size_t chunks, oldest, storms;
	bool in_storm; /* the one before the oldest began one */
	bool cut;
};

struct writer {
	struct store *store;
	int64_t run;
	char boot_id[40];
	int fd; /* eventfd */

	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;
	struct batch filling; /* all but records */
	struct {
		uint32_t no;
		size_t at;
	} waiting[WAITING_INCIDENTS]; /* in it; no 0 = none */
	struct batch records[WAITING_CHUNKS]; /* a ring: the oldest first */
	size_t first_chunk, chunks;
	unsigned char *spare[WAITING_CHUNKS]; /* memory of chunks: as many as ever waited at once */
	size_t spares;
	bool low; /* the disk has no room for records: they wait */
	int64_t held_until_ns; /* records are not tried before: they were refused */
	int64_t hold_ns; /* for so long; 0: the last ones were written */
	VEC(struct writer_ack) acks;
	size_t acks_taken;
	bool stop, in_trouble;
	int64_t give_up_ns; /* when stopping */
	int locks_ms; /* when stopping: how long another process may have the store; 0 = as ever */
	size_t records_dropped;
	struct err err;
	size_t unwritten;

	struct retention retention; /* the thread's own */
	VEC(struct writer_ack) pending_acks;
};

/* ---- filling a batch (any thread) ---- */

static void *batch_add(struct batch *b, enum item_kind kind, size_t size)
{
	size_t padded = (size + 7) & ~(size_t)7, need = b->len + sizeof(struct item) + padded;
	struct item *item;

	if (need > b->cap) {
		b->cap = need > 2 * b->cap ? need : 2 * b->cap;
		b->data = xrealloc(b->data, b->cap);
	}
	item = (struct item *)(b->data + b->len);
	*item = (struct item){kind, (uint32_t)padded};
	b->len = need;
	b->items++;
	return item + 1;
}

static bool nothing_waits(const struct writer *w)
{
	return w->filling.items == 0 && w->chunks == 0;
}

static void add_locked(
	struct writer *w, enum item_kind kind, const void *payload, size_t size, bool urgent)
{
	bool first = w->filling.items == 0;

	memcpy(batch_add(&w->filling, kind, size), payload, size);
	w->filling.urgent |= urgent;
	if (first)
		pthread_cond_signal(&w->wake);
}

static void add(
	struct writer *w, enum item_kind kind, const void *payload, size_t size, bool urgent)
{
	pthread_mutex_lock(&w->lock);
	add_locked(w, kind, payload, size, urgent);
	pthread_mutex_unlock(&w->lock);
}

void writer_event(struct writer *w, const struct event *ev, uint64_t klog_seq)
{
	struct event_item item = {*ev, klog_seq};

	add(w, ITEM_EVENT, &item, sizeof(item), ev->flags & EVENT_ACK);
}

static struct batch *chunk_at(struct writer *w, size_t i)
{
	return &w->records[(w->first_chunk + i) % WAITING_CHUNKS];
}

/* The newest chunk that has room for an item of that size, NULL = there is none. */
static struct batch *chunk_for(struct writer *w, size_t size)
{
	struct batch *chunk;

	if (w->chunks > 0 && chunk_at(w, w->chunks - 1)->len + size <= CHUNK_BYTES)
		return chunk_at(w, w->chunks - 1);
	if (w->chunks == WAITING_CHUNKS)
		return NULL;
	chunk = chunk_at(w, w->chunks++);
	if (chunk->data == NULL) {
		chunk->data = w->spares > 0 ? w->spare[--w->spares] : xmalloc(CHUNK_BYTES);
		chunk->cap = CHUNK_BYTES;
	}
	return chunk;
}

void writer_record(struct writer *w, const struct klog_rec *rec)
{
	size_t size = offsetof(struct klog_rec, text) + rec->len + 1;
	struct batch *chunk;
	bool first;

	pthread_mutex_lock(&w->lock);
	first = nothing_waits(w);
	chunk = chunk_for(w, sizeof(struct item) + size + 8);
	if (chunk != NULL)
		memcpy(batch_add(chunk, ITEM_RECORD, size), rec, size);
	else
		w->records_dropped++;
	if (first)
		pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

/* Takes the place of an older state of it that still waits; the older one in *copy then. */
static bool replace_waiting(struct writer *w, struct incident **copy)
{
	size_t i = (*copy)->no % WAITING_INCIDENTS;
	struct incident *older;
	unsigned char *at;

	if (w->waiting[i].no != (*copy)->no) {
		w->waiting[i].no = (*copy)->no;
		/* where `add` puts what comes next */
		w->waiting[i].at = w->filling.len + sizeof(struct item);
		return false;
	}
	at = w->filling.data + w->waiting[i].at;
	memcpy(&older, at, sizeof(older));
	memcpy(at, copy, sizeof(*copy));
	*copy = older;
	return true;
}

/*
 * While the disk stands still an incident that keeps changing waits once, not once for each change:
 * its last state is what counts.
 */
void writer_incident(struct writer *w, const struct incident *inc)
{
	struct incident *copy = xmalloc(sizeof(*copy));

	incident_copy(copy, inc);
	pthread_mutex_lock(&w->lock);
	if (replace_waiting(w, &copy)) {
		incident_finish(copy);
		free(copy);
	} else {
		add_locked(w, ITEM_INCIDENT, &copy, sizeof(copy), false);
	}
	pthread_mutex_unlock(&w->lock);
}

void writer_note(struct writer *w, const char *kind, const char *text)
{
	struct note_item item = {0};

	str_set(item.kind, kind);
	str_set(item.text, text);
	add(w, ITEM_NOTE, &item, sizeof(item), false);
}

void writer_heartbeat(struct writer *w)
{
	struct heartbeat_item now = {clock_wall_ns(), clock_mono_ns()};

	/* synced: when the host dies it tells how long the open step had taken */
	add(w, ITEM_HEARTBEAT, &now, sizeof(now), true);
}

void writer_klog(struct writer *w, const struct klog_account *k)
{
	add(w, ITEM_KLOG, k, sizeof(*k), false);
}

void writer_outbox(struct writer *w, const struct outbox_item *item)
{
	struct outbox_item *copy = xmalloc(sizeof(*copy));

	*copy = *item;
	copy->url = xstrdup(item->url);
	copy->secret = item->secret != NULL ? xstrdup(item->secret) : NULL;
	copy->key = item->key != NULL ? xstrdup(item->key) : NULL;
	copy->content_type = xstrdup(item->content_type);
	copy->body = xmalloc(item->body_len);
	memcpy(copy->body, item->body, item->body_len);
	add(w, ITEM_OUTBOX, &copy, sizeof(copy), false);
}

void writer_aborted(struct writer *w, const char *why)
{
	add(w, ITEM_ABORTED, why, strlen(why) + 1, true);
}

/* ---- writing a batch (the thread) ---- */

static int write_event(struct writer *w, const struct event_item *item, struct err *err)
{
	struct writer_ack ack = {.lane = item->ev.lane, .ask = item->ev.ask};
	int rc = 0;

	if (item->ev.kind == EV_UNDO)
		rc = store_undo(w->store, w->run, &item->ev, w->boot_id, &ack.id, err);
	else if (item->ev.kind == EV_UNDO_DONE)
		rc = store_undo_done(w->store, item->ev.code, err);
	if (rc == 0)
		rc = store_event(w->store, w->run, &item->ev, item->klog_seq, err);
	if (rc == 0 && item->ev.flags & EVENT_ACK)
		*vec_push(&w->pending_acks) = ack;
	return rc;
}

static int delete_chunk(struct writer *w, int64_t first, int64_t end, struct err *err)
{
	static const char words[] = "more than 64 MiB of kernel log: its first and its last 32 MiB "
				    "were kept, and the begin of storms";

	if (!w->retention.cut && store_note(w->store, w->run, "note", words, err) != 0)
		return -1;
	w->retention.cut = true;
	/* by rowid: the index has all of the run's records to look through (the plus keeps it out) */
	return db_run(store_db(w->store), err,
		"DELETE FROM record WHERE rowid >= ? AND rowid < ? AND +run = ?", "iii", first, end,
		w->run);
}

static const struct tail_chunk *tail_at(const struct retention *r, size_t i)
{
	return &r->tail[(r->oldest + i) % TAIL_CHUNKS];
}

/* Is the oldest chunk kept for good? One in which a storm begins, and the one behind it. */
static bool tells_of_storm(struct retention *r)
{
	int64_t took = tail_at(r, 1)->wall_ns - tail_at(r, 0)->wall_ns;
	int64_t next_took = tail_at(r, 2)->wall_ns - tail_at(r, 1)->wall_ns;
	bool behind = r->in_storm;

	r->in_storm = took >= STORM_NS && next_took < STORM_NS && r->storms < STORMS_MAX;
	r->storms += r->in_storm;
	return r->in_storm || behind;
}

static int drop_oldest(struct writer *w, struct err *err)
{
	struct retention *r = &w->retention;

	if (!tells_of_storm(r) &&
		delete_chunk(w, tail_at(r, 0)->first, tail_at(r, 1)->first, err) != 0)
		return -1;
	r->oldest = (r->oldest + 1) % TAIL_CHUNKS;
	r->chunks--;
	return 0;
}

/* Called after a record past the head was written: opens a new chunk, drops the oldest. */
static int retain(struct writer *w, const struct klog_rec *rec, size_t size, struct err *err)
{
	struct retention *r = &w->retention;
	int64_t id = db_last_id(store_db(w->store));

	if (r->head_bytes < WRITER_RECORDS_MAX / 2) {
		r->head_bytes += size;
		return 0;
	}
	r->chunk_bytes += size;
	if (r->chunks > 0 && r->chunk_bytes < CHUNK_BYTES)
		return 0;
	r->chunk_bytes = 0;
	if (r->chunks == TAIL_CHUNKS && drop_oldest(w, err) != 0)
		return -1;
	r->tail[(r->oldest + r->chunks++) % TAIL_CHUNKS] =
		(struct tail_chunk){.first = id, .wall_ns = rec->wall_ns};
	return 0;
}

static int write_item(
	struct writer *w, const struct item *item, const void *payload, struct err *err)
{
	const struct note_item *note = payload;
	const struct heartbeat_item *beat = payload;

	switch (item->kind) {
	case ITEM_EVENT:
		return write_event(w, payload, err);
	case ITEM_RECORD:
		if (store_record(w->store, w->run, payload, err) != 0)
			return -1;
		return retain(w, payload, item->size, err);
	case ITEM_INCIDENT:
		return store_incident(w->store, w->run, *(struct incident *const *)payload, err);
	case ITEM_NOTE:
		return store_note(w->store, w->run, note->kind, note->text, err);
	case ITEM_HEARTBEAT:
		return store_heartbeat(w->store, w->run, beat->wall_ns, beat->mono_ns, err);
	case ITEM_KLOG:
		return store_run_klog(w->store, w->run, payload, err);
	case ITEM_ABORTED:
		return store_run_aborted(w->store, w->run, payload, err);
	case ITEM_OUTBOX:
		return store_outbox_add(w->store, *(struct outbox_item *const *)payload, err);
	}
	return 0;
}

typedef int visit_item(
	struct writer *w, const struct item *item, const void *payload, struct err *err);

static int batch_each(struct writer *w, const struct batch *b, visit_item *visit, struct err *err)
{
	size_t at = 0;

	while (at < b->len) {
		const struct item *item = (const struct item *)(b->data + at);

		if (visit(w, item, item + 1, err) != 0)
			return -1;
		at += sizeof(*item) + item->size;
	}
	return 0;
}

static int free_item(
	struct writer *w, const struct item *item, const void *payload, struct err *err)
{
	(void)w;
	(void)err;
	if (item->kind == ITEM_INCIDENT) {
		struct incident *inc = *(struct incident *const *)payload;

		incident_finish(inc);
		free(inc);
	} else if (item->kind == ITEM_OUTBOX) {
		struct outbox_item *message = *(struct outbox_item *const *)payload;

		outbox_item_finish(message);
		free(message);
	}
	return 0;
}

/* Once: what comes then waits in SQLite, and for what was tried before there is time for another try. */
static void bear_locks(struct writer *w)
{
	int ms;

	pthread_mutex_lock(&w->lock);
	ms = w->stop ? w->locks_ms : 0;
	if (ms > 0) {
		w->locks_ms = 0;
		w->give_up_ns = clock_mono_ns() + ms * NS_PER_MS;
	}
	pthread_mutex_unlock(&w->lock);
	if (ms > 0)
		db_wait_for_locks(store_db(w->store), ms);
}

/*
 * An urgent batch is synced to the disk before its acks go out. The others are only handed to the
 * kernel: they survive our death, and the next sync takes them along.
 */
static int write_batch(
	struct writer *w, const struct batch *b, const struct batch *records, struct err *err)
{
	const char *sync = b->urgent ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
	const struct retention before = w->retention;

	w->pending_acks.n = 0;
	if (db_exec(store_db(w->store), sync, err) != 0 || store_begin(w->store, err) != 0 ||
		batch_each(w, b, write_item, err) != 0 ||
		batch_each(w, records, write_item, err) != 0 || store_commit(w->store, err) != 0) {
		store_rollback(w->store);
		w->retention = before;
		if (db_is_locked(err))
			bear_locks(w);
		return -1;
	}
	return 0;
}

static void signal_fd(struct writer *w)
{
	uint64_t one = 1;

	(void)!write(w->fd, &one, sizeof(one));
}

/* Tells the loop about acks and about the disk getting worse or better. */
static void publish(struct writer *w, int rc, const struct err *err)
{
	bool trouble = rc != 0, changed;

	pthread_mutex_lock(&w->lock);
	changed = trouble != w->in_trouble;
	w->in_trouble = trouble;
	if (trouble)
		w->err = *err;
	else
		vec_foreach (ack, &w->pending_acks)
			*vec_push(&w->acks) = *ack;
	if (changed || (!trouble && w->pending_acks.n > 0))
		signal_fd(w);
	pthread_mutex_unlock(&w->lock);
}

/* With the lock; shorter when something comes, or when asked to stop. */
static void wait_a_second(struct writer *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 1;
	(void)!pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

/* Between two tries. */
static bool wait_to_retry(struct writer *w)
{
	bool again;

	pthread_mutex_lock(&w->lock);
	wait_a_second(w);
	again = !w->stop || clock_mono_ns() < w->give_up_ns;
	pthread_mutex_unlock(&w->lock);
	return again;
}

static bool disk_is_low(struct writer *w)
{
	uint64_t left, whole;

	if (!store_room(w->store, &left, &whole))
		return false;
	return left < (whole / 4 < RESERVE_BYTES ? whole / 4 : RESERVE_BYTES);
}

/* With the lock, but not while it looks. */
static void look_at_disk(struct writer *w)
{
	bool low;

	pthread_mutex_unlock(&w->lock);
	low = disk_is_low(w);
	pthread_mutex_lock(&w->lock);
	w->low = low;
}

/* Takes it, and leaves an empty one that has the other's memory. */
static void take_batch(struct batch *from, struct batch *mine)
{
	struct batch empty = {.data = mine->data, .cap = mine->cap};

	*mine = *from;
	*from = empty;
}

static bool records_are_due(const struct writer *w)
{
	return w->chunks > 0 && !w->low && clock_mono_ns() >= w->held_until_ns;
}

static bool must_wait(const struct writer *w)
{
	if (w->filling.items > 0 || records_are_due(w))
		return false;
	/* at the end refused records have the same patience as the others, a full disk has none */
	return !w->stop || (w->chunks > 0 && !w->low && clock_mono_ns() < w->give_up_ns);
}

/* And keeps the memory of what was written before for one that comes. */
static void take_chunk(struct writer *w, struct batch *records)
{
	struct batch *oldest = chunk_at(w, 0);

	take_batch(oldest, records);
	if (oldest->data != NULL)
		w->spare[w->spares++] = oldest->data;
	*oldest = (struct batch){0};
	w->first_chunk = (w->first_chunk + 1) % WAITING_CHUNKS;
	w->chunks--;
}

/* All that waits but records, and a chunk of these if they are due; false: it is time to end. */
static bool next_batch(struct writer *w, struct batch *mine, struct batch *records)
{
	pthread_mutex_lock(&w->lock);
	look_at_disk(w);
	while (must_wait(w)) {
		if (w->chunks == 0)
			pthread_cond_wait(&w->wake, &w->lock);
		else
			wait_a_second(w);
		look_at_disk(w);
	}
	take_batch(&w->filling, mine);
	memset(w->waiting, 0, sizeof(w->waiting));
	records->len = records->items = 0;
	if (records_are_due(w))
		take_chunk(w, records);
	pthread_mutex_unlock(&w->lock);
	return mine->items > 0 || records->items > 0;
}

/* They could not be written, and the rest is to be tried without them. */
static void put_back(struct writer *w, struct batch *records)
{
	pthread_mutex_lock(&w->lock);
	w->hold_ns = w->hold_ns == 0 || w->stop ? NS_PER_S : 2 * w->hold_ns;
	if (w->hold_ns > HOLD_MAX_NS)
		w->hold_ns = HOLD_MAX_NS;
	w->held_until_ns = clock_mono_ns() + w->hold_ns;
	if (w->chunks == WAITING_CHUNKS) {
		/* the newest make room: the begin of a storm tells more */
		w->chunks--;
		*(w->stop ? &w->unwritten : &w->records_dropped) += chunk_at(w, w->chunks)->items;
	}
	w->first_chunk = (w->first_chunk + WAITING_CHUNKS - 1) % WAITING_CHUNKS;
	w->chunks++;
	take_batch(records, chunk_at(w, 0));
	pthread_mutex_unlock(&w->lock);
	records->len = records->items = 0;
}

static void no_longer_hold(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->hold_ns = 0;
	pthread_mutex_unlock(&w->lock);
}

/*
 * A disk can refuse what is large and take the rest, which then does not wait: it is in trouble only
 * when it refuses the rest alone.
 */
static int write_taken(
	struct writer *w, const struct batch *mine, struct batch *records, struct err *err)
{
	int rc = write_batch(w, mine, records, err);

	if (records->items == 0)
		return rc;
	if (rc == 0) {
		no_longer_hold(w);
		return 0;
	}
	put_back(w, records);
	return mine->items > 0 ? write_batch(w, mine, records, err) : 0;
}

/* What the disk refused for too long; the others are not even tried, each would take its time. */
static void leave_rest(struct writer *w)
{
	struct err err;
	size_t i;

	pthread_mutex_lock(&w->lock);
	w->unwritten += w->filling.items;
	(void)!batch_each(w, &w->filling, free_item, &err);
	for (i = 0; i < w->chunks; i++)
		w->unwritten += chunk_at(w, i)->items;
	w->filling.len = w->filling.items = w->chunks = 0;
	pthread_mutex_unlock(&w->lock);
}

static void *writer_main(void *arg)
{
	struct batch mine = {0}, records = {0};
	struct writer *w = arg;
	struct err err;

	while (next_batch(w, &mine, &records)) {
		int rc;

		while ((rc = write_taken(w, &mine, &records, &err)) != 0) {
			publish(w, rc, &err);
			if (!wait_to_retry(w))
				break;
		}
		if (rc == 0)
			publish(w, 0, NULL);
		else
			w->unwritten += mine.items;
		(void)!batch_each(w, &mine, free_item, &err);
		if (rc != 0)
			break;
	}
	leave_rest(w);
	free(mine.data);
	free(records.data);
	return NULL;
}

/* ---- life ---- */

struct writer *writer_start(struct store *store, int64_t run, const char *boot_id)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	pthread_condattr_t attr;

	w->store = store;
	w->run = run;
	str_set(w->boot_id, boot_id);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (w->fd < 0 || pthread_create(&w->thread, NULL, writer_main, w) != 0) {
		log_error("writer", "cannot start the store's thread");
		abort();
	}
	return w;
}

int writer_fd(const struct writer *w)
{
	return w->fd;
}

bool writer_next_ack(struct writer *w, struct writer_ack *out)
{
	uint64_t count;
	bool got;

	pthread_mutex_lock(&w->lock);
	got = w->acks_taken < w->acks.n;
	if (got) {
		*out = w->acks.v[w->acks_taken++];
	} else {
		w->acks.n = w->acks_taken = 0;
		(void)!read(w->fd, &count, sizeof(count));
	}
	pthread_mutex_unlock(&w->lock);
	return got;
}

uint64_t writer_dropped(struct writer *w)
{
	uint64_t n;
	size_t i;

	pthread_mutex_lock(&w->lock);
	n = w->records_dropped;
	for (i = 0; i < w->chunks && (w->low || w->hold_ns >= HOLD_LONG_NS); i++)
		n += chunk_at(w, i)->items;
	pthread_mutex_unlock(&w->lock);
	return n;
}

bool writer_in_trouble(struct writer *w, struct err *err)
{
	bool trouble;

	pthread_mutex_lock(&w->lock);
	trouble = w->in_trouble;
	if (trouble)
		*err = w->err;
	pthread_mutex_unlock(&w->lock);
	return trouble;
}

void writer_bear_locks(struct writer *w, int ms)
{
	pthread_mutex_lock(&w->lock);
	w->locks_ms = ms;
	pthread_mutex_unlock(&w->lock);
}

size_t writer_stop(struct writer *w, int64_t patience_ms, struct store **store_out)
{
	size_t unwritten, i;

	pthread_mutex_lock(&w->lock);
	w->stop = true;
	w->give_up_ns = clock_mono_ns() + patience_ms * NS_PER_MS;
	w->held_until_ns = 0;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);

	unwritten = w->unwritten;
	if (w->locks_ms > 0)
		db_wait_for_locks(store_db(w->store), w->locks_ms);
	*store_out = w->store;
	free(w->filling.data);
	for (i = 0; i < WAITING_CHUNKS; i++)
		free(w->records[i].data);
	while (w->spares > 0)
		free(w->spare[--w->spares]);
	vec_finish(&w->acks);
	vec_finish(&w->pending_acks);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	close(w->fd);
	free(w);
	return unwritten;
}
