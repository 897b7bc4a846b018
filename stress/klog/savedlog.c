/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/savedlog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/ahead.h"
#include "klog/journaltext.h"
#include "klog/jrecord.h"
#include "klog/logdate.h"
#include "klog/logline.h"
#include "klog/rules.h"
#include "klog/sieve.h"
#include "world/journal.h"
#include "world/logfile.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a raw record stands in its file. */
struct whereabouts {
	uint64_t seq, line;
};

struct savedlog {
	struct logfile *file;
	struct kmsg_dump *dump; /* or the kernel itself */
	struct journal *journal; /* or systemd's */
	struct ahead *ahead; /* reads the rest of the file */
	bool raw, any, every;
	uint64_t no, last_seq, bytes;
	struct logdates dates;
	struct logfile_line line; /* the newest that was read */
	struct journaltext_record spread; /* over lines that are being told */
	char boot[BOOT_ID_MAX]; /* of the newest record that names one; "" = none yet */
	VEC(struct whereabouts) records;
};

struct savedlog *savedlog_of_file(struct logfile *file)
{
	struct savedlog *l = xcalloc(1, sizeof(*l));

	l->file = file;
	logdates_init(&l->dates, logfile_written_ns(file));
	return l;
}

struct savedlog *savedlog_of_journal(struct journal *journal)
{
	struct savedlog *l = xcalloc(1, sizeof(*l));

	l->journal = journal;
	return l;
}

int savedlog_open_kmsg(const char *path, struct savedlog **out, struct err *err)
{
	struct kmsg_dump *dump;

	if (kmsg_dump_open(path, &dump, err) != 0)
		return -1;
	*out = xcalloc(1, sizeof(**out));
	(*out)->dump = dump;
	(*out)->raw = true;
	return 0;
}

void savedlog_close(struct savedlog *l)
{
	if (l == NULL)
		return;
	ahead_free(l->ahead);
	logfile_close(l->file);
	kmsg_dump_close(l->dump);
	journal_close(l->journal);
	vec_finish(&l->records);
	free(l);
}

int savedlog_fd(struct savedlog *l)
{
	return l->file != NULL    ? logfile_fd(l->file)
		: l->dump != NULL ? kmsg_dump_follow(l->dump)
				  : journal_fd(l->journal);
}

void savedlog_wake(struct savedlog *l)
{
	if (l->journal != NULL)
		journal_wake(l->journal);
}

bool savedlog_is_raw(const struct savedlog *l)
{
	return l->raw;
}

struct sieve *savedlog_make_sieve(const struct rules *rules, const char *const *also)
{
	/* of lines that tell of lost records, and of records of the journal, in each of its forms */
	static const char *const own[] = {"printk messages dropped", " kernel message",
		"__CURSOR=", "\"MESSAGE\"", "\"msg\"", " [s=", "\n{\n", " {\n", "},{\n", "{\r\n",
		/* and of another boot */
		"-- Boot ", "-- Reboot --"};
	VEC(const char *) texts = {0};
	struct sieve *sieve;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		*vec_push(&texts) = own[i];
	for (; *also != NULL; also++)
		*vec_push(&texts) = *also;
	sieve = sieve_new(rules, texts.v, texts.n);
	vec_finish(&texts);
	return sieve;
}

void savedlog_sieve(struct savedlog *l, const struct sieve *sieve)
{
	/* numbers of raw records must be without a gap; the journal's lines belong together */
	if (l->file != NULL && !l->raw && l->spread.last_no == 0)
		l->ahead = ahead_new(l->file, sieve, l->no);
}

void savedlog_want_every(struct savedlog *l, bool every)
{
	l->every = every;
}

uint64_t savedlog_bytes(const struct savedlog *l)
{
	return l->bytes;
}

uint64_t savedlog_lines(const struct savedlog *l)
{
	return l->no;
}

/* A number behind the last one read: text between records leaves no gap. */
static uint64_t seq_of(struct savedlog *l, const struct logfile_line *line)
{
	return l->raw ? l->last_seq : line->no;
}

/* "** 52 printk messages dropped **" of a console, "Missed 52 kernel messages" of the journal. */
static uint32_t lost_records(const struct klog_rec *rec)
{
	unsigned n;
	char end;

	if (rec->text[0] == '*' &&
		sscanf(rec->text, "** %9u printk messages dropped *%c", &n, &end) == 2)
		return n;
	if (rec->text[0] == 'M' && rec->facility != 0 &&
		sscanf(rec->text, "Missed %9u kernel message%c", &n, &end) == 2)
		return n;
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "=3D" at s: its character; -1 when there is none, or one that would end the text or the line. */
static int quoted_char(const char *s, const char *end)
{
	int c;

	if (end - s < 3 || *s != '=' || hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0)
		return -1;
	c = hex_digit(s[1]) << 4 | hex_digit(s[2]);
	return c >= ' ' ? c : -1;
}

/* A mail in quoted-printable (RFC 2045) has "severity=3DCorrected". */
static void unquote(struct klog_rec *rec)
{
	const char *s = rec->text, *end = rec->text + rec->len;
	char *to = rec->text;

	while (s < end) {
		int c = quoted_char(s, end);

		*to++ = c < 0 ? *s : (char)c;
		s += c < 0 ? 1 : 3;
	}
	*to = '\0';
	rec->len = (uint16_t)(to - rec->text);
}

static void from_text(
	struct savedlog *l, const struct logfile_line *line, struct savedlog_line *out)
{
	struct klog_rec *rec = &out->rec;
	struct logline parsed;
	bool cut;

	logline_parse(line->s, line->n, &parsed);
	cut = parsed.len > KMSG_TEXT_MAX;
	rec->seq = seq_of(l, line);
	rec->usec = parsed.usec;
	if (parsed.date != NULL)
		rec->wall_ns = logdate_read(&l->dates, parsed.date, parsed.date_len);
	rec->level = parsed.level;
	/* anything but 0 says that the kernel did not write it */
	rec->facility = parsed.source == 0;
	rec->origin = (uint8_t)(parsed.source == 0 ? ORIGIN_UNKNOWN : parsed.source - 1);
	rec->truncated = cut || line->cut;
	rec->len = (uint16_t)(cut ? KMSG_TEXT_MAX : parsed.len);
	memcpy(rec->text, parsed.text, rec->len);
	rec->text[rec->len] = '\0';
	if (memmem(rec->text, rec->len, "=3D", 3) != NULL)
		unquote(rec);
	out->bare = parsed.bare;
	while (out->indent < line->n && line->s[out->indent] == ' ')
		out->indent++;
	out->columns = (uint32_t)line->n;
}

/* What journalctl puts between two boots. */
static bool says_new_boot(const struct logfile_line *line)
{
	static const char *const words[] = {"-- Boot ", "-- Reboot --"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (line->n >= strlen(words[i]) && line->s[0] == '-' &&
			memcmp(line->s, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

/* "6,1200,2101114001,-;text" */
static bool from_raw(struct savedlog *l, const struct logfile_line *line, struct klog_rec *rec)
{
	struct err err;

	if (line->n == 0 || line->s[0] < '0' || line->s[0] > '9' ||
		kmsg_parse(line->s, line->n, rec, &err) != 0)
		return false;
	/* a file that begins with a record is one of records; else their numbers mean nothing */
	if (!l->any)
		l->raw = true;
	if (!l->raw) {
		rec->seq = line->no;
		return true;
	}
	l->last_seq = rec->seq;
	if (l->records.n < SAVEDLOG_RECORDS_MAX)
		*vec_push(&l->records) = (struct whereabouts){rec->seq, line->no};
	return true;
}

static bool is_new_boot(struct savedlog *l, const char *boot)
{
	bool other = l->boot[0] != '\0' && boot[0] != '\0' && !str_eq(l->boot, boot);

	if (boot[0] != '\0')
		str_set(l->boot, boot);
	return other;
}

/* A record of several lines has its text in one of them. */
static void next_of_record(struct savedlog *l, struct savedlog_line *out)
{
	l->no++;
	out->is_record = l->no == l->spread.message_no;
	if (!out->is_record)
		return;
	out->rec = l->spread.rec;
	out->rec.seq = l->no;
	out->new_boot = is_new_boot(l, l->spread.boot);
}

/* Other lines than those that stay are missing when reading ahead: not where they are one record. */
static int read_line(struct savedlog *l, struct err *err)
{
	int rc;

	if (l->ahead == NULL)
		return logfile_next(l->file, &l->line, err);
	rc = ahead_next(l->ahead, l->every, &l->line, err);
	if (rc > 0 && journaltext_begins(&l->line) != JOURNALTEXT_NONE) {
		rc = ahead_give_back(l->ahead, err);
		ahead_free(take_ptr(l->ahead));
		return rc != 0 ? rc : logfile_next(l->file, &l->line, err);
	}
	if (rc <= 0)
		l->no = ahead_lines(l->ahead);
	return rc;
}

static int next_of_file(struct savedlog *l, struct savedlog_line *out, struct err *err)
{
	enum journaltext kind;
	int rc = 1;

	if (l->no < l->spread.last_no) {
		next_of_record(l, out);
		return 1;
	}
	if (!l->spread.more)
		rc = read_line(l, err);
	l->spread.more = false;
	if (rc <= 0)
		return rc;
	kind = journaltext_begins(&l->line);
	if (kind != JOURNALTEXT_NONE) {
		rc = journaltext_read(l->file, kind, &l->line, &l->spread, err);
		l->any = true;
		if (rc > 0)
			next_of_record(l, out);
		if (rc != 0)
			return rc;
	}
	l->no = l->line.no;
	l->bytes += l->line.n;
	if (!from_raw(l, &l->line, &out->rec)) {
		from_text(l, &l->line, out);
		out->new_boot = says_new_boot(&l->line);
		out->is_record = !l->raw || l->line.n == 0 || l->line.s[0] != ' ';
	}
	l->any = l->any || l->line.n > 0;
	return 1;
}

static int next_of_kmsg(struct savedlog *l, struct savedlog_line *out, struct err *err)
{
	int rc = kmsg_dump_next(l->dump, &out->rec, err);

	l->no += rc > 0;
	return rc;
}

static void take_field(void *arg, const char *name, const char *value, size_t n)
{
	jrecord_field(arg, name, value, n);
}

static int next_of_journal(struct savedlog *l, struct savedlog_line *out, struct err *err)
{
	struct jrecord r;
	int rc;

	do {
		jrecord_init(&r);
		rc = journal_next(l->journal, take_field, &r, err);
	} while (rc > 0 && !jrecord_finish(&r));
	if (rc <= 0)
		return rc;
	out->rec = r.rec;
	out->rec.seq = ++l->no;
	out->new_boot = is_new_boot(l, r.boot);
	return 1;
}

int savedlog_next(struct savedlog *l, struct savedlog_line *out, struct err *err)
{
	int rc;

	/* of its text only what a line fills */
	memset(&out->rec, 0, offsetof(struct klog_rec, text) + 1);
	out->rec.usec = -1;
	out->is_record = true;
	out->new_boot = out->bare = false;
	out->columns = out->indent = 0;
	rc = l->file != NULL      ? next_of_file(l, out, err)
		: l->dump != NULL ? next_of_kmsg(l, out, err)
				  : next_of_journal(l, out, err);
	out->no = l->no;
	out->rec.by_line = !l->raw;
	if (rc > 0 && out->is_record)
		out->rec.lost = lost_records(&out->rec);
	out->source = out->rec.facility == 0 ? out->rec.origin + 1u : 0;
	return rc;
}

/* The newest record that is not behind `seq`; SIZE_MAX when there is none. */
static size_t find_record(const struct savedlog *l, uint64_t seq)
{
	size_t low = 0, high = l->records.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (l->records.v[middle].seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

void savedlog_lines_of(const struct savedlog *l, uint64_t first_seq, uint64_t last_seq,
	uint64_t *first_line, uint64_t *last_line)
{
	size_t first, last;

	*first_line = *last_line = 0;
	if (!l->raw) {
		*first_line = first_seq;
		*last_line = last_seq;
		return;
	}
	first = find_record(l, first_seq);
	last = find_record(l, last_seq);
	/* numbers that went back are another boot's: not to be told apart */
	if (first == SIZE_MAX || last == SIZE_MAX || last < first)
		return;
	*first_line = l->records.v[first].line;
	/* with its dictionary */
	*last_line = last + 1 < l->records.n ? l->records.v[last + 1].line - 1 : l->no;
}
