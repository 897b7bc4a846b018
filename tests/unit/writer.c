/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/writer.h"

#include "base/clock.h"
#include "base/str.h"
#include "model/db.h"

#include "cmocka_all.h"
#include "small_run.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct disk {
	char dir[64], path[96];
	struct store *other; /* what makes the writer wait */
	struct writer *writer;
};

static void open_disk(struct disk *d)
{
	struct store *store;
	struct err err;
	int64_t key;

	str_set(d->dir, "/tmp/writer.XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->path, sizeof(d->path), "%s/runs.db", d->dir);
	store = small_run(d->path, &key);
	assert_int_equal(store_open(d->path, STORE_CREATE, &d->other, &err), 0);
	d->writer = writer_start(store, key, "");
}

static void remove_disk(struct disk *d, struct store *store)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char path[128];
	size_t i;

	store_close(d->other);
	store_close(store);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", d->path, ends[i]);
		unlink(path);
	}
	rmdir(d->dir);
}

static void change(struct disk *d, uint32_t no, uint64_t count)
{
	struct incident inc = {
		.no = no, .id = "aer.bus-error", .severity = SEV_ERROR, .count = count};

	writer_incident(d->writer, &inc);
}

/* An item that waits is an item of memory; those that were not written are counted. */
static void an_incident_that_keeps_changing_waits_once_while_the_disk_stands_still(void **state)
{
	struct store *store;
	struct disk d;
	struct err err;
	uint64_t i;

	(void)state;
	open_disk(&d);
	assert_int_equal(store_begin(d.other, &err), 0);
	for (i = 1; i <= 1000; i++) {
		change(&d, 1, i);
		change(&d, 2, i);
	}
	/* at most twice: once in the hands of the thread, and once behind that */
	assert_in_range(writer_stop(d.writer, 0, &store), 2, 4);
	remove_disk(&d, store);
}

/* Longer than SQLite waits by itself. NULL when it could not; cmocka's asserts are for its own thread. */
static void *lets_go_of_the_store(void *arg)
{
	struct disk *d = arg;
	struct err err;

	(void)poll(NULL, 0, 6000);
	return store_commit(d->other, &err) == 0 ? d : NULL;
}

/* `runs prune` may have it for longer than a disk that refuses has at the end, and will be done with it. */
static void a_store_that_another_process_has_is_waited_for_at_the_end(void **state)
{
	struct store *store;
	pthread_t thread;
	struct disk d;
	struct err err;
	size_t unwritten;
	void *let_go;

	(void)state;
	open_disk(&d);
	writer_bear_locks(d.writer, 60000);
	assert_int_equal(store_begin(d.other, &err), 0);
	assert_int_equal(pthread_create(&thread, NULL, lets_go_of_the_store, &d), 0);
	change(&d, 1, 1);
	unwritten = writer_stop(d.writer, 1000, &store);
	assert_int_equal(pthread_join(thread, &let_go), 0);
	assert_non_null(let_go);
	assert_int_equal(unwritten, 0);
	remove_disk(&d, store);
}

static void its_last_state_is_what_is_written(void **state)
{
	struct run_view *view;
	struct store *store;
	struct disk d;
	struct err err;
	uint64_t i;

	(void)state;
	open_disk(&d);
	assert_int_equal(store_begin(d.other, &err), 0);
	for (i = 1; i <= 1000; i++) {
		change(&d, 2, i);
		change(&d, 1, 2 * i);
	}
	assert_int_equal(store_commit(d.other, &err), 0);
	/* the thread is stopped first, so all is written then */
	assert_int_equal(writer_stop(d.writer, 20000, &store), 0);
	assert_int_equal(run_view_load(store, "run", &view, &err), 0);
	assert_int_equal(view->nincidents, 2);
	assert_int_equal(view->incidents[0].count + view->incidents[1].count, 3000);
	run_view_free(view);
	remove_disk(&d, store);
}

static void say(struct disk *d, uint64_t first, size_t n)
{
	struct klog_rec rec = {.len = 1000};
	size_t i;

	memset(rec.text, 'x', rec.len);
	for (i = 0; i < n; i++) {
		rec.seq = first + i;
		writer_record(d->writer, &rec);
	}
}

/* `sql` is a literal. */
static int64_t ask(struct disk *d, const char *sql)
{
	struct query *q;
	struct err err;
	int64_t n;

	assert_int_equal(db_query(store_db(d->other), &q, &err, sql, ""), 0);
	assert_int_equal(db_row(q, &err), 1);
	n = db_int(q, 0);
	db_done(q);
	return n;
}

static int64_t records_stored(struct disk *d)
{
	return ask(d, "SELECT count(*) FROM record");
}

static void wait_for_ack(struct disk *d, uint32_t ask)
{
	struct pollfd p = {.fd = writer_fd(d->writer), .events = POLLIN};
	struct writer_ack ack = {0};

	while (!writer_next_ack(d->writer, &ack))
		assert_int_equal(poll(&p, 1, 20000), 1);
	assert_int_equal(ack.ask, ask);
}

/* A step waits for its begin to be stored. */
static void in_a_storm_an_event_does_not_wait_for_all_records(void **state)
{
	const struct event ev = {.kind = EV_STEP_BEGIN, .flags = EVENT_ACK, .ask = 5};
	struct store *store;
	struct disk d;
	struct err err;

	(void)state;
	open_disk(&d);
	assert_int_equal(store_begin(d.other, &err), 0);
	say(&d, 1, 20000);
	writer_event(d.writer, &ev, 20000);
	assert_int_equal(store_commit(d.other, &err), 0);
	wait_for_ack(&d, 5);
	assert_in_range(records_stored(&d), 0, 10000);
	assert_int_equal(writer_stop(d.writer, 20000, &store), 0);
	assert_int_equal(records_stored(&d), 20000);
	remove_disk(&d, store);
}

/* The begin of a storm tells more than its end. */
static void records_that_memory_cannot_hold_are_counted(void **state)
{
	size_t n = 80000, dropped;
	struct store *store;
	struct disk d;
	struct err err;

	(void)state;
	open_disk(&d);
	assert_int_equal(store_begin(d.other, &err), 0);
	say(&d, 1, n);
	dropped = writer_dropped(d.writer);
	assert_in_range(dropped, n / 10, n / 2);
	/* refused until the end, none of them is in the store */
	assert_int_equal(writer_stop(d.writer, 0, &store), n - dropped);
	assert_int_equal(store_commit(d.other, &err), 0);
	assert_int_equal(records_stored(&d), 0);
	remove_disk(&d, store);
}

static void wait_until_stored(struct disk *d, uint64_t seq)
{
	const struct timespec a_while = {.tv_nsec = 10 * NS_PER_MS};

	while (ask(d, "SELECT coalesce(max(seq), 0) FROM record WHERE run = 1") < (int64_t)seq)
		nanosleep(&a_while, NULL);
}

/* Prints MiB of log, of which the last takes so long. */
static void fill(struct disk *d, uint64_t *seq, int64_t *now_ns, int mib, int64_t last_ns)
{
	struct klog_rec rec = {.len = 1000};
	int i, n = mib * 1024;

	memset(rec.text, 'x', rec.len);
	for (i = 0; i < n; i++) {
		rec.seq = ++*seq;
		rec.wall_ns = *now_ns += i < n - 1024 ? NS_PER_MS : last_ns / 1024;
		writer_record(d->writer, &rec);
		/* the queue holds no more: a run prints that in minutes */
		if (i % 16384 == 16383)
			wait_until_stored(d, *seq);
	}
	wait_until_stored(d, *seq);
}

static int64_t kept(struct disk *d, uint64_t first, uint64_t last)
{
	struct query *q;
	struct err err;
	int64_t n;

	assert_int_equal(db_query(store_db(d->other), &q, &err,
				 "SELECT count(*) FROM record WHERE seq BETWEEN ? AND ?", "ii",
				 (int64_t)first, (int64_t)last),
		0);
	n = db_row(q, &err) == 1 ? db_int(q, 0) : -1;
	db_done(q);
	return n;
}

/* Long after the first records of the run there is a storm of more than all that is kept of it. */
static void of_a_long_log_the_ends_are_kept_and_where_storms_begin(void **state)
{
	uint64_t seq = 0, quiet, storm;
	int64_t now_ns = 0;
	struct store *store;
	struct disk d;

	(void)state;
	open_disk(&d);
	fill(&d, &seq, &now_ns, 36, 300 * NS_PER_S);
	quiet = seq;
	fill(&d, &seq, &now_ns, 44, NS_PER_S);
	storm = seq;
	assert_int_equal(writer_stop(d.writer, 20000, &store), 0);
	assert_int_equal(kept(&d, 1, 1024), 1024);
	assert_int_equal(kept(&d, quiet - 100, quiet + 800), 901);
	/* an item has some bytes besides its text */
	assert_int_equal(kept(&d, storm - 28 * 1024, storm), 28 * 1024 + 1);
	assert_int_equal(kept(&d, quiet + 4 * 1024, quiet + 6 * 1024), 0);
	assert_in_range(ask(&d, "SELECT count(*) FROM record"), 0, 68 * 1024);
	remove_disk(&d, store);
}

/* Of the file system. */
static uint64_t blocks_left, blocks_in_all;

int __real_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out);

int __wrap_statvfs(const char *path, struct statvfs *out)
{
	if (blocks_in_all == 0)
		return __real_statvfs(path, out);
	*out = (struct statvfs){
		.f_frsize = 4096, .f_blocks = blocks_in_all, .f_bavail = blocks_left};
	return 0;
}

/* Stores some records, an event and an incident on a disk with so much room; the records stored. */
static int64_t stored_with(uint64_t left, uint64_t in_all)
{
	const struct event ev = {.kind = EV_STEP_BEGIN, .flags = EVENT_ACK, .ask = 1};
	struct run_view *view;
	struct store *store;
	struct disk d;
	struct err err;
	uint64_t dropped;
	size_t unwritten;
	int64_t n;

	blocks_left = left;
	blocks_in_all = in_all;
	open_disk(&d);
	say(&d, 1, 5000);
	change(&d, 1, 7);
	writer_event(d.writer, &ev, 5000);
	wait_for_ack(&d, 1);
	dropped = writer_dropped(d.writer);
	unwritten = writer_stop(d.writer, 20000, &store);
	assert_int_equal(run_view_load(store, "run", &view, &err), 0);
	assert_int_equal(view->nincidents, 1);
	run_view_free(view);
	n = records_stored(&d);
	assert_int_equal(unwritten, 5000 - n);
	assert_int_equal(dropped, 5000 - n);
	remove_disk(&d, store);
	blocks_in_all = 0;
	return n;
}

static void records_leave_room_for_what_tells_more(void **state)
{
	(void)state;
	/* 16 MiB: a quarter of it */
	assert_int_equal(stored_with(1100, 4096), 5000);
	assert_int_equal(stored_with(1000, 4096), 0);
	/* 1 TiB: 64 MiB */
	assert_int_equal(stored_with(17000, 1 << 28), 5000);
	assert_int_equal(stored_with(16000, 1 << 28), 0);
}

/* A quota, or a pool that is full: what is large is refused, and statvfs shows room. */
static _Atomic bool refuses_records;
static _Atomic int refusals; /* as many chunks */

int __real_store_record(struct store *s, int64_t run, const struct klog_rec *rec, struct err *err);
int __wrap_store_record(struct store *s, int64_t run, const struct klog_rec *rec, struct err *err);

int __wrap_store_record(struct store *s, int64_t run, const struct klog_rec *rec, struct err *err)
{
	if (!refuses_records)
		return __real_store_record(s, run, rec, err);
	refusals++;
	return err_set(err, ERR_IO, ENOSPC, "write the store");
}

static _Atomic int64_t stands_still_at; /* the time; 0: it goes on */

int64_t __real_clock_mono_ns(void);
int64_t __wrap_clock_mono_ns(void);

int64_t __wrap_clock_mono_ns(void)
{
	return stands_still_at != 0 ? stands_still_at : __real_clock_mono_ns();
}

static void write_event(struct disk *d, uint32_t ask)
{
	const struct event ev = {.kind = EV_STEP_BEGIN, .flags = EVENT_ACK, .ask = ask};

	writer_event(d->writer, &ev, 0);
}

static void refused_records_neither_hold_up_the_others_nor_are_trouble(void **state)
{
	struct pollfd p = {.events = POLLIN};
	struct writer_ack ack;
	struct store *store;
	struct disk d;
	struct err err;

	(void)state;
	open_disk(&d);
	refuses_records = true;
	/* the first keeps the thread, so that the others come together */
	assert_int_equal(store_begin(d.other, &err), 0);
	writer_heartbeat(d.writer);
	say(&d, 1, 100);
	write_event(&d, 5);
	assert_int_equal(store_commit(d.other, &err), 0);
	p.fd = writer_fd(d.writer);
	assert_int_equal(poll(&p, 1, 20000), 1);
	assert_false(writer_in_trouble(d.writer, &err));
	assert_true(writer_next_ack(d.writer, &ack));
	assert_int_equal(refusals, 1);
	refuses_records = false;
	assert_int_equal(writer_stop(d.writer, 20000, &store), 0);
	assert_int_equal(records_stored(&d), 100);
	remove_disk(&d, store);
}

/* Chunks that were refused until so long after. */
static int refused_after(struct disk *d, int64_t ms)
{
	stands_still_at += ms * NS_PER_MS;
	write_event(d, 1);
	wait_for_ack(d, 1);
	return refusals;
}

static void records_are_tried_less_and_less_often_while_they_are_refused(void **state)
{
	static const int64_t held_s[] = {1, 2, 4, 8, 16, 32, 64, 64};
	struct store *store;
	struct disk d;
	size_t i;

	(void)state;
	open_disk(&d);
	refusals = 0;
	refuses_records = true;
	stands_still_at = NS_PER_S;
	say(&d, 1, 100);
	assert_int_equal(refused_after(&d, 0), 1);
	for (i = 0; i < sizeof(held_s) / sizeof(held_s[0]); i++) {
		/* at first it may be over soon, and then it is said */
		assert_int_equal(writer_dropped(d.writer), held_s[i] < 16 ? 0 : 100);
		assert_int_equal(refused_after(&d, held_s[i] * 1000 - 1), i + 1);
		assert_int_equal(refused_after(&d, 1), i + 2);
	}
	refuses_records = false;
	refused_after(&d, 64000);
	assert_int_equal(writer_dropped(d.writer), 0);
	assert_int_equal(records_stored(&d), 100);

	refuses_records = true;
	say(&d, 101, 1);
	assert_int_equal(refused_after(&d, 0), i + 2);
	assert_int_equal(refused_after(&d, 1000), i + 3);
	/* at the end nothing is held for long */
	refuses_records = false;
	assert_int_equal(writer_stop(d.writer, 20000, &store), 0);
	assert_int_equal(records_stored(&d), 101);
	stands_still_at = 0;
	remove_disk(&d, store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_incident_that_keeps_changing_waits_once_while_the_disk_stands_still),
		cmocka_unit_test(a_store_that_another_process_has_is_waited_for_at_the_end),
		cmocka_unit_test(its_last_state_is_what_is_written),
		cmocka_unit_test(in_a_storm_an_event_does_not_wait_for_all_records),
		cmocka_unit_test(records_that_memory_cannot_hold_are_counted),
		cmocka_unit_test(of_a_long_log_the_ends_are_kept_and_where_storms_begin),
		cmocka_unit_test(records_leave_room_for_what_tells_more),
		cmocka_unit_test(refused_records_neither_hold_up_the_others_nor_are_trouble),
		cmocka_unit_test(records_are_tried_less_and_less_often_while_they_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
