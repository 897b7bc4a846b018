/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_read.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/complain.h"
#include "cli/scan.h"
#include "cli/scan_json.h"
#include "klog/copies.h"
#include "klog/klog.h"
#include "klog/loglist.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "klog/sieve.h"
#include "klog/unwrap.h"

#include <stdlib.h>
#include <string.h>

/*
 * Parts of a rotated log are read as one: their lines are numbered through, for the incidents; only
 * the kernel's own numbers stay as they are.
 */
struct part {
	const char *name;
	struct savedlog *log;
	uint64_t before; /* lines of the parts in front of it */
	size_t no;
	bool has_time; /* of the sort that --since asks for */
	bool is_later; /* than --since, what was read last */
	bool asked; /* whether to sieve it */
};

struct scan {
	struct scan_question q;
	const struct rules *rules;
	struct classifier *classifier; /* klog has it too */
	struct sieve *sieve; /* NULL = not needed yet */
	struct copies *copies; /* of what is being read, NULL = there is no second log in it yet */
	unsigned bundle;
	struct klog *klog;
	VEC(struct part) parts; /* of the log that is being read */
	size_t nparts_read;
	struct unwrap *unwrap; /* NULL = lines count as they stand */
	bool several; /* say which */
	VEC(const char *) files;
	scan_tell *tell; /* of a log that grows; NULL = it is collected */
	void *tell_arg;
	uint32_t last_no; /* of the incidents told */
	size_t kept[SEV_FATAL + 1]; /* of each severity */
	struct scan_result result;
};

/* ---- incidents ---- */

/* The least severe one that was kept, if it is less so than `severity`. */
static struct found *make_room(struct scan *s, enum severity severity)
{
	enum severity least = SEV_INFO;

	s->result.omitted++;
	while (least < severity && s->kept[least] == 0)
		least++;
	if (least == severity)
		return NULL;
	s->kept[least]--;
	vec_foreach (f, &s->result.found)
		if (f->inc.severity == least) {
			incident_finish(&f->inc);
			return f;
		}
	return NULL;
}

static bool is_of_device(const struct scan *s, const struct incident *inc)
{
	return !s->q.one_device || (inc->has_bdf && bdf_eq(inc->bdf, s->q.device)) ||
		(inc->has_reporter && bdf_eq(inc->reporter, s->q.device));
}

static const struct part *part_of(const struct scan *s, uint64_t seq)
{
	size_t i = s->parts.n - 1;

	while (i > 0 && seq <= s->parts.v[i].before)
		i--;
	return &s->parts.v[i];
}

/* Where it stands. Records of the kernel come in one part. */
static void find_lines(const struct scan *s, struct found *f)
{
	const struct part *first = &s->parts.v[0], *last = first;

	f->raw = savedlog_is_raw(first->log);
	if (f->raw) {
		savedlog_lines_of(first->log, f->inc.first_seq, f->inc.last_seq, &f->first_line,
			&f->last_line);
	} else {
		first = part_of(s, f->inc.first_seq);
		last = part_of(s, f->inc.last_seq);
		f->first_line = f->inc.first_seq - first->before;
		f->last_line = f->inc.last_seq - last->before;
	}
	f->file = s->several ? first->name : NULL;
	f->last_file = last != first ? last->name : NULL;
	f->file_no = first->no;
}

static void keep(struct scan *s, const struct incident *inc)
{
	struct found *f = s->result.found.n < SCAN_INCIDENTS_MAX ? vec_push(&s->result.found)
								 : make_room(s, inc->severity);

	if (f == NULL)
		return;
	s->kept[inc->severity]++;
	incident_copy(&f->inc, inc);
	find_lines(s, f);
}

static void tell(struct scan *s, const struct incident *inc)
{
	struct found f = {.inc = *inc};

	find_lines(s, &f);
	s->tell(s->tell_arg, &f);
}

/* Called once for each, unless the log grows. */
static void take(void *arg, const struct incident *inc)
{
	struct scan *s = arg;
	bool again = s->tell != NULL && inc->no <= s->last_no;

	if (!is_of_device(s, inc))
		return;
	if (inc->severity > s->result.worst)
		s->result.worst = inc->severity;
	s->last_no = again ? s->last_no : inc->no;
	s->result.told += !again;
	if (inc->severity < s->q.least)
		s->result.hidden += !again;
	else if (s->tell != NULL)
		tell(s, inc);
	else
		keep(s, inc);
}

static int by_place(const void *a, const void *b)
{
	const struct found *f = a, *g = b;

	if (f->file_no != g->file_no)
		return f->file_no < g->file_no ? -1 : 1;
	return f->inc.first_seq < g->inc.first_seq ? -1 : f->inc.first_seq > g->inc.first_seq;
}

/* ---- records that several logs of a bundle hold ---- */

static bool is_copy(void *arg, const struct klog_rec *rec)
{
	struct scan *s = arg;
	bool copy = s->copies != NULL && copies_is_copy(s->copies, rec);

	s->result.copies += copy;
	return copy;
}

static void begin_log(struct scan *s, unsigned bundle)
{
	if (bundle != s->bundle || bundle == 0) {
		copies_free(s->copies);
		s->copies = bundle != 0 ? copies_new() : NULL;
	}
	s->bundle = bundle;
	if (s->copies != NULL)
		copies_next_log(s->copies);
}

#define SECTION_NVIDIA        "________________________________"
#define SECTION_SUPPORTCONFIG "#==[ "

/*
 * nvidia-bug-report.log and supportconfig's files have several logs, one below the other, each
 * below its heading.
 */
static bool begins_section(const struct klog_rec *rec)
{
	return rec->text[0] == '_'    ? str_starts(rec->text, SECTION_NVIDIA)
		: rec->text[0] == '#' ? str_starts(rec->text, SECTION_SUPPORTCONFIG)
				      : false;
}

static void begin_section(struct scan *s)
{
	if (s->copies == NULL)
		s->copies = copies_new();
	copies_next_log(s->copies);
}

/* ---- lines ---- */

/* A record may hold several lines: the one that makes an incident speaks for it. */
static void classify_record(
	struct classifier *c, const struct savedlog_line *line, struct klog_match *out)
{
	const char *s = line->rec.text, *end;
	struct klog_match m;

	*out = (struct klog_match){0};
	for (;;) {
		s += strspn(s, " \t");
		end = strchrnul(s, '\n');
		if (classify(c, s, (size_t)(end - s), line->source, &m) &&
			(out->rule == NULL || m.rule->role < out->rule->role))
			*out = m;
		if (*end == '\0')
			return;
		s = end + 1;
	}
}

static void write_line(struct scan *s, const struct part *part, const struct savedlog_line *line)
{
	struct klog_match m = {0};

	if (line->is_record)
		classify_record(s->classifier, line, &m);
	scan_write_line(s->several ? part->name : NULL, line, &m, stdout);
}

/* ---- reading ---- */

static void end_log(struct scan *s)
{
	klog_flush(s->klog);
	klog_free(take_ptr(s->klog));
	vec_foreach (part, &s->parts)
		savedlog_close(part->log);
	s->parts.n = 0;
}

static void begin_part(struct scan *s, struct savedlog *log, const char *name)
{
	struct klog_hooks hooks = {
		.changed = take, .is_copy = is_copy, .arg = s, .classifier = s->classifier};
	uint64_t before = s->parts.n
		? savedlog_lines(s->parts.v[s->parts.n - 1].log) + s->parts.v[s->parts.n - 1].before
		: 0;

	/* the kernel's numbers do not go on in another file */
	if (s->klog != NULL && savedlog_is_raw(s->parts.v[0].log)) {
		end_log(s);
		before = 0;
	}
	if (s->klog == NULL)
		s->klog = klog_new(s->rules, &hooks);
	*vec_push(&s->parts) =
		(struct part){.name = name, .log = log, .before = before, .no = ++s->nparts_read};
	*vec_push(&s->files) = name;
}

/* A line without a time is as old as the one before it. What came before any time is not left out. */
static bool is_too_old(struct scan *s, struct part *part, const struct klog_rec *rec)
{
	const struct since *since = &s->q.since;

	if (since->kind == SINCE_WALL && rec->wall_ns != 0) {
		part->has_time = true;
		part->is_later = rec->wall_ns >= since->wall_ns;
	} else if (since->kind == SINCE_BOOT && rec->usec >= 0) {
		part->has_time = true;
		part->is_later = rec->usec >= since->usec;
	}
	return part->has_time && !part->is_later;
}

/* --since is asked of a log that does not know. */
static void say_timeless(const struct scan *s, const struct part *part)
{
	struct err err = {0};

	if (s->q.since.kind == SINCE_ALWAYS || part->has_time || savedlog_lines(part->log) == 0)
		return;
	err_set(&err, ERR_UNSUPPORTED, 0,
		"%s does not tell the %s: --since leaves nothing out of it", part->name,
		s->q.since.kind == SINCE_WALL ? "day" : "time since the boot");
	if (s->q.since.kind == SINCE_WALL)
		err_hint(&err, "such logs take seconds since the boot, as in their brackets");
	complain(&err);
}

/*
 * A small log is not worth building the sieve for; where each line's time counts or lines are torn,
 * none is passed over.
 */
static void sieve_if_large(struct scan *s, struct part *part)
{
	static const char *const also[] = {SECTION_NVIDIA, SECTION_SUPPORTCONFIG, NULL};

	if (part->asked || s->unwrap == NULL || unwrap_count(s->unwrap) > 0 ||
		s->q.since.kind != SINCE_ALWAYS || savedlog_bytes(part->log) < SAVEDLOG_BEGINNING)
		return;
	part->asked = true;
	if (s->sieve == NULL)
		s->sieve = savedlog_make_sieve(s->rules, also);
	savedlog_sieve(part->log, s->sieve);
}

static struct part *newest_part(struct scan *s)
{
	return &s->parts.v[s->parts.n - 1];
}

static void take_line(void *arg, struct savedlog_line *line)
{
	struct scan *s = arg;
	struct part *part = newest_part(s);

	if (s->q.by_line)
		write_line(s, part, line);
	if (!line->is_record || is_too_old(s, part, &line->rec))
		return;
	if (line->new_boot)
		klog_flush(s->klog);
	if (begins_section(&line->rec))
		begin_section(s);
	if (!savedlog_is_raw(part->log))
		line->rec.seq += part->before;
	klog_feed(s->klog, &line->rec);
}

/* A log that grows is told at once, and its lines are not torn. */
static void begin_unwrapping(struct scan *s)
{
	if (!s->q.by_line && s->tell == NULL)
		s->unwrap = unwrap_new(s->classifier, take_line, s);
}

static void end_unwrapping(struct scan *s)
{
	if (s->unwrap == NULL)
		return;
	unwrap_end(s->unwrap);
	s->result.unwrapped += unwrap_count(s->unwrap);
	unwrap_free(take_ptr(s->unwrap));
}

static bool wants_every(const struct scan *s)
{
	return klog_wants_all(s->klog) ||
		(s->unwrap != NULL && (unwrap_waits(s->unwrap) || unwrap_count(s->unwrap) > 0));
}

static int read_part(struct scan *s, struct err *err)
{
	struct part *part = newest_part(s);
	uint64_t before = savedlog_lines(part->log);
	struct savedlog_line line;
	int rc;

	begin_unwrapping(s);
	while ((rc = savedlog_next(part->log, &line, err)) > 0) {
		sieve_if_large(s, part);
		if (s->unwrap != NULL)
			unwrap_take(s->unwrap, &line);
		else
			take_line(s, &line);
		savedlog_want_every(part->log, wants_every(s));
	}
	end_unwrapping(s);
	s->result.lines += savedlog_lines(part->log) - before;
	return rc;
}

int scan_read_log(struct scan *s, struct savedlog *log, const char *name, struct err *err)
{
	int rc;

	begin_log(s, 0);
	begin_part(s, log, name);
	rc = read_part(s, err);
	say_timeless(s, &s->parts.v[0]);
	end_log(s);
	return rc;
}

void scan_begin_live(
	struct scan *s, struct savedlog *log, const char *name, scan_tell *tell_fn, void *arg)
{
	s->tell = tell_fn;
	s->tell_arg = arg;
	begin_log(s, 0);
	begin_part(s, log, name);
}

int scan_read_more(struct scan *s, struct err *err)
{
	return read_part(s, err);
}

void scan_tell_news(struct scan *s)
{
	klog_tick(s->klog, clock_mono_ns());
}

void scan_end_live(struct scan *s)
{
	say_timeless(s, &s->parts.v[0]);
	end_log(s);
}

bool scan_read_list(struct scan *s, struct loglist *list)
{
	size_t n = loglist_count(list), i;
	bool whole = true;

	s->several = n > 1 || (n == 1 && loglist_at(list, 0)->bundle != 0);
	for (i = 0; i < n; i++) {
		const struct logitem *item = loglist_at(list, i),
				     *next = i + 1 < n ? loglist_at(list, i + 1) : NULL;
		struct savedlog *log;
		struct err err = {0};

		if (s->klog == NULL)
			begin_log(s, item->bundle);
		if (loglist_open(list, i, &log, &err) != 0) {
			complain(&err);
			whole = false;
		} else {
			begin_part(s, log, item->name);
			if (read_part(s, &err) != 0) {
				complain(&err);
				whole = false;
			}
			say_timeless(s, &s->parts.v[s->parts.n - 1]);
		}
		if (s->klog != NULL && (next == NULL || next->family != item->family))
			end_log(s);
	}
	return whole;
}

struct scan *scan_new(const struct rules *rules, const struct scan_question *q)
{
	struct scan *s = xcalloc(1, sizeof(*s));

	s->q = *q;
	s->rules = rules;
	s->classifier = classifier_new(rules);
	return s;
}

void scan_free(struct scan *s)
{
	if (s == NULL)
		return;
	vec_foreach (f, &s->result.found)
		incident_finish(&f->inc);
	vec_finish(&s->result.found);
	vec_finish(&s->parts);
	vec_finish(&s->files);
	classifier_free(s->classifier);
	copies_free(s->copies);
	sieve_free(s->sieve);
	free(s);
}

struct scan_result *scan_finish(struct scan *s)
{
	if (s->result.found.n > 0)
		qsort(s->result.found.v, s->result.found.n, sizeof(s->result.found.v[0]), by_place);
	s->result.files = s->files.v;
	s->result.nfiles = s->several ? s->files.n : 0;
	return &s->result;
}
