/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/crashlog.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "klog/copies.h"
#include "klog/loglist.h"
#include "klog/savedlog.h"
#include "world/host.h"
#include "world/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Dumps of one place: news that are read, and all that are known, for nobody clears these folders. */
#define FILES_MAX 256
#define KNOWN_MAX 4096
/* /var/lib/systemd/pstore/NUMBER/NUMBER/dmesg.txt, /var/crash/DATE/dmesg.DATE */
#define DEPTH_MAX 2

/*
 * pstore comes first: it is the kernel's own memory, whole to the last line. kdump's kernel runs before
 * pstore is written. systemd-pstore moves what it finds away at boot.
 */
static const char *const places[] = {"/sys/fs/pstore", "/var/lib/systemd/pstore", "/var/crash"};

/* Where there is no journal: those before the rotation first. */
static const char *const daemon_logs[] = {"/var/log/kern.log.1", "/var/log/kern.log",
	"/var/log/messages.1", "/var/log/messages", "/var/log/syslog.1", "/var/log/syslog"};

#define MARK_BYTES_MAX 65536
#define MARK_SIZE      17

struct reading {
	const struct crashlog_question *q;
	struct crashlog *out;
	struct copies *copies;
};

/* ---- records ---- */

static struct klog_rec *copy_of(const struct klog_rec *rec)
{
	size_t size = offsetof(struct klog_rec, text) + rec->len + 1u;
	/* readers of the struct may look at all of it */
	struct klog_rec *copy = xcalloc(1, sizeof(*copy));

	memcpy(copy, rec, size);
	return copy;
}

static void keep(struct reading *r, const struct klog_rec *rec)
{
	struct crashlog *c = r->out;
	size_t i;

	*vec_push(&c->recs) = copy_of(rec);
	if (c->recs.n < 2 * CRASHLOG_RECORDS_MAX)
		return;
	for (i = 0; i < CRASHLOG_RECORDS_MAX; i++)
		free(c->recs.v[i]);
	c->recs.n -= CRASHLOG_RECORDS_MAX;
	memmove(c->recs.v, c->recs.v + CRASHLOG_RECORDS_MAX, c->recs.n * sizeof(*c->recs.v));
}

/* When since its boot. False: that cannot be told. A line without a stamp goes with the one before. */
static bool give_time(const struct crashlog_question *q, int64_t before_usec, struct klog_rec *rec)
{
	if (rec->usec < 0)
		rec->usec = before_usec;
	if (rec->usec < 0 && rec->wall_ns != 0 && q->after_usec >= 0)
		rec->usec = q->after_usec + (rec->wall_ns - q->after_wall_ns) / 1000;
	return rec->usec >= 0;
}

/* Dates in files have whole seconds. */
static bool is_of_that_boot(const struct crashlog_question *q, const struct klog_rec *rec)
{
	return rec->wall_ns == 0 ||
		(rec->wall_ns + NS_PER_S > q->since_ns && rec->wall_ns < q->until_ns);
}

/* Takes what is news; how much that was. `sure`: all of it is of that boot, whatever its clock said. */
static size_t take_log(struct reading *r, struct savedlog *log, bool sure)
{
	struct savedlog_line line;
	int64_t before_usec = -1;
	struct err err = {0};
	size_t n = 0;
	int rc;

	copies_next_log(r->copies);
	while ((rc = savedlog_next(log, &line, &err)) > 0) {
		if (!line.is_record || line.rec.origin == ORIGIN_QEMU ||
			(!sure && !is_of_that_boot(r->q, &line.rec)) ||
			!give_time(r->q, before_usec, &line.rec))
			continue;
		before_usec = line.rec.usec;
		if (line.rec.usec <= r->q->after_usec || copies_is_copy(r->copies, &line.rec))
			continue;
		keep(r, &line.rec);
		n++;
	}
	if (rc < 0)
		log_warn("resume", "%s", err.msg);
	savedlog_close(log);
	return n;
}

static void name_source(struct reading *r, const char *name, size_t records)
{
	if (records > 0)
		*vec_push(&r->out->sources) = xasprintf("%s (%zu lines)", name, records);
}

/* ---- files ---- */

static size_t read_file(struct reading *r, const char *full, const char *shown)
{
	struct loglist *list = loglist_new();
	struct savedlog *log;
	struct err err = {0};
	size_t n = 0;

	if (loglist_add(list, full, &err) == 0 && loglist_count(list) > 0 &&
		loglist_open(list, 0, &log, &err) == 0)
		n = take_log(r, log, false);
	if (err.code != ERR_NONE)
		log_warn("resume", "%s", err.msg);
	loglist_free(list);
	name_source(r, shown, n);
	return n;
}

struct paths {
	VEC(char *) v;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* dmesg-erst-1234, dmesg.txt, dmesg.202611211345, vmcore-dmesg.txt; what could not be unpacked not. */
static bool is_dump(const char *name)
{
	return strstr(name, "dmesg") != NULL && !str_ends(name, ".enc.z");
}

/* Those of before the run are of other crashes. Some backends keep no time. */
static bool is_recent(const struct stat *st, int64_t since_ns)
{
	return st->st_mtim.tv_sec == 0 || (st->st_mtim.tv_sec + 1) * NS_PER_S > since_ns;
}

/* By its beginning: a part of pstore is smaller, and no two boots begin at the same microseconds. */
static void mark_of(const char *path, char mark[MARK_SIZE])
{
	auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	size_t left = MARK_BYTES_MAX;
	unsigned char buf[4096];
	ssize_t n, i;

	while (fd >= 0 && left > 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			hash = (hash ^ buf[i]) * UINT64_C(0x100000001b3);
		left -= (size_t)n < left ? (size_t)n : left;
	}
	snprintf(mark, MARK_SIZE, "%016" PRIx64, hash);
}

static bool is_news(const struct crashlog_question *q, const char *path, const struct stat *st)
{
	char mark[MARK_SIZE];

	if (q->known_dumps == NULL)
		return is_recent(st, q->since_ns);
	mark_of(path, mark);
	return strstr(q->known_dumps, mark) == NULL;
}

/* q == NULL: all of them, else what is news. */
static void find_dumps(
	const struct crashlog_question *q, const char *folder, int depth, struct paths *out)
{
	size_t max = q != NULL ? FILES_MAX : KNOWN_MAX;
	DIR *d = opendir(folder);
	struct dirent *e;
	struct stat st;

	while (d != NULL && (e = readdir(d)) != NULL && out->v.n < max) {
		auto_free char *path = xasprintf("%s/%s", folder, e->d_name);

		if (e->d_name[0] == '.' || lstat(path, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			find_dumps(q, path, depth + 1, out);
		else if (S_ISREG(st.st_mode) && is_dump(e->d_name) &&
			(q == NULL || is_news(q, path, &st)))
			*vec_push(&out->v) = take_ptr(path);
	}
	if (d != NULL)
		closedir(d);
}

static void read_place(struct reading *r, const char *place)
{
	struct paths found = {0};
	char full[HOST_PATH_MAX];

	find_dumps(r->q, host_path(r->q->host, full, "%s", place), 0, &found);
	if (found.v.n > 0)
		qsort(found.v.v, found.v.n, sizeof(*found.v.v), by_name);
	vec_foreach (path, &found.v) {
		read_file(r, *path, *path + strlen(r->q->host->root));
		free(*path);
	}
	vec_finish(&found.v);
}

static void add_marks(const struct host *host, const char *place, struct str *marks)
{
	char full[HOST_PATH_MAX], mark[MARK_SIZE];
	struct paths found = {0};

	find_dumps(NULL, host_path(host, full, "%s", place), 0, &found);
	vec_foreach (path, &found.v) {
		mark_of(*path, mark);
		str_addf(marks, "%s\n", mark);
		free(*path);
	}
	vec_finish(&found.v);
}

char *crashlog_dumps(const struct host *host)
{
	struct str marks = {0};
	size_t i;

	str_add(&marks, "");
	for (i = 0; i < ARRAY_SIZE(places); i++)
		add_marks(host, places[i], &marks);
	return marks.s;
}

/* ---- the journal, or what others keep ---- */

static bool read_journal(struct reading *r)
{
	const struct host *host = r->q->host;
	char folder[HOST_PATH_MAX];
	struct journal *journal;
	struct err err;
	size_t n;

	host_path(host, folder, "/var/log/journal");
	if (journal_open_boot(*host->root != '\0' ? folder : NULL, r->q->boot_id, &journal, &err) !=
		0) {
		log_info("resume", "%s", err.msg);
		return false;
	}
	n = take_log(r, savedlog_of_journal(journal), true);
	name_source(r, "the journal of that boot", n);
	return n > 0;
}

static void read_daemon_logs(struct reading *r)
{
	char full[HOST_PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(daemon_logs); i++) {
		host_path(r->q->host, full, "%s", daemon_logs[i]);
		/* a pipe of that name would hold up the post-mortem for ever */
		if (stat(full, &st) == 0 && S_ISREG(st.st_mode) && is_recent(&st, r->q->since_ns))
			read_file(r, full, daemon_logs[i]);
	}
}

/* ---- what the boot that runs now was told ---- */

/* drivers/acpi/apei/bert.c; arch/x86/kernel/cpu/amd.c since Linux 6.16 */
static bool begins_message(const char *text)
{
	return str_starts(text, "BERT: Error records from previous boot:") ||
		str_starts(text, "x86/amd: Previous system reset reason");
}

static size_t take_firmware(struct reading *r, struct savedlog *log)
{
	struct savedlog_line line;
	bool inside = false;
	struct err err;
	size_t n = 0;

	while (savedlog_next(log, &line, &err) > 0) {
		if (!line.is_record)
			continue;
		inside = begins_message(line.rec.text) ||
			(inside && str_starts(line.rec.text, "[Hardware Error]:"));
		if (!inside)
			continue;
		keep(r, &line.rec);
		n++;
	}
	savedlog_close(log);
	return n;
}

/* A FIFO stands for the kernel's log in tests: what is read from it is gone. */
static int open_own_log(
	struct loglist *list, const char *path, struct savedlog **out, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0 || S_ISFIFO(st.st_mode))
		return err_set(err, ERR_ABSENT, 0, "%s is not a log", path);
	if (!S_ISREG(st.st_mode))
		return savedlog_open_kmsg(path, out, err);
	return loglist_add(list, path, err) == 0 ? loglist_open(list, 0, out, err) : -1;
}

static void read_firmware(struct reading *r)
{
	struct loglist *list = loglist_new();
	struct savedlog *log;
	struct err err;

	if (open_own_log(list, r->q->host->kmsg, &log, &err) == 0)
		r->out->nfirmware = take_firmware(r, log);
	else
		log_info("resume", "%s", err.msg);
	name_source(r, "the firmware's report to the next boot", r->out->nfirmware);
	loglist_free(list);
}

/* ---- all of it ---- */

/* Stable: lines of one moment stay as they were read. */
struct numbered {
	struct klog_rec *rec;
	size_t no;
};

static int by_time(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	if (x->rec->usec != y->rec->usec)
		return x->rec->usec < y->rec->usec ? -1 : 1;
	return x->no < y->no ? -1 : x->no > y->no;
}

static void sort(struct crashlog *c)
{
	auto_free struct numbered *all = xcalloc(c->recs.n + 1, sizeof(*all));
	size_t i;

	for (i = 0; i < c->recs.n; i++)
		all[i] = (struct numbered){c->recs.v[i], i};
	qsort(all, c->recs.n, sizeof(*all), by_time);
	for (i = 0; i < c->recs.n; i++)
		c->recs.v[i] = all[i].rec;
}

static void number(const struct crashlog_question *q, struct crashlog *c)
{
	size_t i;

	for (i = 0; i < c->recs.n; i++) {
		struct klog_rec *rec = c->recs.v[i];

		rec->seq = q->after_seq + 1 + i;
		rec->by_line = false;
		rec->lost = 0;
		if (rec->wall_ns == 0 && q->after_usec >= 0)
			rec->wall_ns = q->after_wall_ns + (rec->usec - q->after_usec) * 1000;
	}
}

void crashlog_read(const struct crashlog_question *q, struct crashlog *out)
{
	struct reading r = {.q = q, .out = out, .copies = copies_new()};
	size_t i;

	*out = (struct crashlog){0};
	for (i = 0; i < ARRAY_SIZE(places); i++)
		read_place(&r, places[i]);
	if (!read_journal(&r))
		read_daemon_logs(&r);
	sort(out);
	read_firmware(&r);
	number(q, out);
	copies_free(r.copies);
}

void crashlog_finish(struct crashlog *c)
{
	vec_foreach (rec, &c->recs)
		free(*rec);
	vec_finish(&c->recs);
	vec_foreach (source, &c->sources)
		free(*source);
	vec_finish(&c->sources);
}
