/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmsg_load DB SINK rate RATE SECONDS: faults at a steady rate into the kernel's log of a run, and how
 * long each takes until a reader of the run's store sees it: "P50 P99 MOST WRITTEN STORED", in ms.
 * kmsg_load DB SINK burst COUNT: as fast as one writer can: "RATE WRITTEN", in records a second.
 * kmsg_load DB - account: of the run that has ended: "STORED LOST".
 *
 * SINK is the pipe of --kmsg, or the lab's /dev/kfault: then the kernel itself prints them. It waits
 * until the run reads them.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/db.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT                                                                                       \
	"vfio-pci 0000:41:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x1000 " \
	"flags=0x0020]"
#define LOOK_NS     (NS_PER_MS / 2)
#define PATIENCE_NS (20 * NS_PER_S)

struct load {
	const char *path;
	struct db *db;
	int fd;
	bool kernel; /* it numbers them */
	uint64_t seq;
};

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "kmsg_load: %s%s%s\n", what, err != NULL ? ": " : "",
		err != NULL ? err->msg : "");
	exit(1);
}

/* A fault that is told again and again: one incident, whose count says how far the store has come. */
static void write_record(struct load *l)
{
	char record[256];
	int n = l->kernel ? snprintf(record, sizeof(record), "3 - %s", TEXT)
			  : snprintf(record, sizeof(record), "3,%" PRIu64 ",%" PRId64 ",-;%s\n",
				    ++l->seq, clock_mono_ns() / 1000, TEXT);

	if (write(l->fd, record, (size_t)n) != n)
		die("a record could not be written", NULL);
}

/* A number of the store; 0 while there is none. `sql` is a literal. */
static uint64_t ask(struct load *l, const char *sql)
{
	struct query *q;
	struct err err;
	uint64_t n = 0;

	if (l->db == NULL && db_open(l->path, DB_READ, &l->db, &err) != 0)
		return 0;
	if (db_query(l->db, &q, &err, sql, "") != 0)
		return 0;
	if (db_row(q, &err) == 1)
		n = (uint64_t)db_int(q, 0);
	db_done(q);
	return n;
}

/* How many of them the store has. */
static uint64_t stored(struct load *l)
{
	static const char sql[] =
		"SELECT sum(count) FROM incident WHERE id = 'amdvi.io-page-fault'";

	return ask(l, sql);
}

static void rest(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	if (ns > 0)
		nanosleep(&t, NULL);
}

/* One record after the other until one arrives; returns how many are stored when all have. */
static uint64_t wait_for_run(struct load *l)
{
	int64_t until = clock_mono_ns() + PATIENCE_NS;
	uint64_t n, before = 0;

	while (stored(l) == 0) {
		if (clock_mono_ns() > until)
			die("the run stores nothing", NULL);
		write_record(l);
		rest(NS_PER_S / 5);
	}
	while ((n = stored(l)) != before) {
		before = n;
		rest(NS_PER_S);
	}
	return n;
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void steady(struct load *l, uint64_t rate, uint64_t seconds)
{
	uint64_t n = rate * seconds, written = 0, seen = 0, base = wait_for_run(l), now_stored;
	int64_t *at = xcalloc(n, sizeof(*at)), *took = xcalloc(n, sizeof(*took));
	int64_t begin = clock_mono_ns(), now, due;

	while (seen < n) {
		now = clock_mono_ns();
		due = begin + (int64_t)written * NS_PER_S / (int64_t)rate;
		if (written < n && now >= due) {
			at[written++] = now;
			write_record(l);
			continue;
		}
		now_stored = stored(l) - base;
		now = clock_mono_ns();
		for (; seen < now_stored && seen < written; seen++)
			took[seen] = now - at[seen];
		if (written == n && now > at[n - 1] + PATIENCE_NS)
			break;
		rest(written < n && due - now < LOOK_NS ? due - now : LOOK_NS);
	}
	if (seen == 0)
		die("nothing was stored", NULL);
	qsort(took, seen, sizeof(*took), by_size);
	printf("%.1f %.1f %.1f %" PRIu64 "\n", (double)took[seen / 2] / NS_PER_MS,
		(double)took[seen * 99 / 100] / NS_PER_MS, (double)took[seen - 1] / NS_PER_MS,
		n + base);
	free(at);
	free(took);
}

static void burst(struct load *l, uint64_t n)
{
	uint64_t base = wait_for_run(l), i;
	char storm[256];
	int64_t begin = clock_mono_ns();

	if (l->kernel) {
		int len = snprintf(storm, sizeof(storm), "storm 3 - %" PRIu64 " %s", n, TEXT);

		if (write(l->fd, storm, (size_t)len) != len)
			die("the storm could not be written", NULL);
	}
	for (i = 0; i < n && !l->kernel; i++)
		write_record(l);
	printf("%.0f %" PRIu64 "\n", (double)n * NS_PER_S / (double)(clock_mono_ns() - begin),
		n + base);
}

static int account(struct load *l)
{
	printf("%" PRIu64 " %" PRIu64 "\n", stored(l), ask(l, "SELECT sum(klog_lost) FROM run"));
	db_close(l->db);
	return 0;
}

int main(int argc, char **argv)
{
	struct load l = {.fd = -1};
	struct stat st;

	if (argc < 4 || (str_eq(argv[3], "burst") && argc < 5) ||
		(str_eq(argv[3], "rate") && argc < 6)) {
		fputs("usage: kmsg_load DB SINK rate RATE SECONDS | burst COUNT | account\n",
			stderr);
		return 2;
	}
	l.path = argv[1];
	if (str_eq(argv[3], "account"))
		return account(&l);
	l.fd = open(argv[2], O_RDWR | O_CLOEXEC);
	if (l.fd < 0 || fstat(l.fd, &st) != 0)
		die(argv[2], NULL);
	l.kernel = S_ISCHR(st.st_mode);
	if (str_eq(argv[3], "rate"))
		steady(&l, strtoull(argv[4], NULL, 10), strtoull(argv[5], NULL, 10));
	else
		burst(&l, strtoull(argv[4], NULL, 10));
	db_close(l.db);
	close(l.fd);
	return 0;
}
