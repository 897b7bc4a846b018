/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/reporters.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/event.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "model/scrub.h"
#include "model/store.h"
#include "reporters/options.h"
#include "world/jout.h"
#include "world/kmsg.h"
#include "world/pack.h"
#include "world/tempfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER (64u << 10) /* of streams through which 100 MB go */

/* A file of the archive. What it says passes through scrub_line on its way in. */
struct member {
	const char *name, *what;
	int (*write)(const struct run_view *run, FILE *out, struct err *err);
};

static int write_readme(const struct run_view *run, FILE *out, struct err *err);
static int write_text(const struct run_view *run, FILE *out, struct err *err);
static int write_json(const struct run_view *run, FILE *out, struct err *err);
static int write_scenario(const struct run_view *run, FILE *out, struct err *err);
static int write_records(const struct run_view *run, FILE *out, struct err *err);
static int write_events(const struct run_view *run, FILE *out, struct err *err);
static int write_snapshot(const struct run_view *run, FILE *out, struct err *err);

static const struct member members[] = {
	{"README.txt", "this", write_readme},
	{"report.txt", "the report on one screen: begin here", write_text},
	{"report.json", "the whole report (vfio-stress/run/1)", write_json},
	{"scenario.yaml", "what was to be done", write_scenario},
	{"kernel.log", "every kernel log record of the run, as `dmesg -r` prints them",
		write_records},
	{"events.jsonl", "the end of every step, with its time, and the evidence taken, in order",
		write_events},
	{"snapshot.json", "the machine as it was when the run began (empty: none is kept)",
		write_snapshot},
};

static int write_readme(const struct run_view *run, FILE *out, struct err *err)
{
	size_t i;

	(void)err;
	fprintf(out, "Run %s of vfio-stress %s, for whoever has to find out why.\n\n", run->id,
		run->tool_version);
	for (i = 0; i < ARRAY_SIZE(members); i++)
		fprintf(out, "%-14s %s\n", members[i].name, members[i].what);
	fputs("\nPasswords and other secrets, addresses of webhooks, MAC addresses and the serial\n"
	      "numbers and UUIDs of GPUs were taken out wherever they were recognised; "
	      "\"removed\"\n"
	      "stands in their place. Kernel log and guest output are as they came otherwise: "
	      "look\n"
	      "through them before you send them away.\n",
		out);
	return 0;
}

static int write_text(const struct run_view *run, FILE *out, struct err *err)
{
	return reporter_text.write(run, NULL, out, err);
}

static int write_json(const struct run_view *run, FILE *out, struct err *err)
{
	return reporter_json.write(run, NULL, out, err);
}

static int write_scenario(const struct run_view *run, FILE *out, struct err *err)
{
	(void)err;
	fputs(run->scenario_text, out);
	return 0;
}

/* A record of several lines goes on behind a blank, as dmesg prints it. */
static void write_record(const struct klog_rec *rec, FILE *out)
{
	int64_t usec = rec->usec > 0 ? rec->usec : 0;
	const char *s = rec->text;
	size_t len;

	fprintf(out, "<%u>[%5" PRId64 ".%06" PRId64 "] ",
		rec->facility * 8u + (rec->level <= 7 ? rec->level : 4u), usec / 1000000,
		usec % 1000000);
	for (; (len = strcspn(s, "\n"), s[len] != '\0'); s += len + 1)
		fprintf(out, "%.*s\n ", (int)len, s);
	fputs(s, out);
	putc('\n', out);
}

static int write_records(const struct run_view *run, FILE *out, struct err *err)
{
	struct run_rows *rows = run_records(run);
	struct klog_rec rec;
	int rc;

	while ((rc = run_records_next(rows, &rec, err)) == 1)
		write_record(&rec, out);
	run_rows_free(rows);
	return rc;
}

/* ",\"key\":" and the text; what is not there is left out, for there are many of them. */
static void put_known(FILE *out, const char *key, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	fputs(key, out);
	jout_write_str(text, out);
}

/* A million of them: no tree is made of what has a form of its own, and little is formatted. */
static void write_event(const struct run_view *run, const struct event *ev, FILE *out)
{
	bool ends = ev->kind == EV_STEP_END || ev->kind == EV_CYCLE_END || ev->kind == EV_LANE_END;
	char time[40];

	fputs("{\"time\":", out);
	if (ev->wall_ns != 0)
		jout_write_str(clock_rfc3339(ev->wall_ns, time, sizeof(time)), out);
	else
		fputs("null", out);
	put_known(out, ",\"kind\":", event_kind_name((enum event_kind)ev->kind));
	put_known(out, ",\"lane\":", ev->lane < run->nlanes ? run->lanes[ev->lane].name : NULL);
	fprintf(out, ",\"cycle\":%" PRIu32, ev->cycle);
	put_known(out, ",\"phase\":", phase_name((enum phase)ev->phase));
	fprintf(out, ",\"step\":%" PRId32, ev->step);
	put_known(out, ",\"outcome\":", ends ? outcome_name((enum outcome)ev->outcome) : NULL);
	fprintf(out, ",\"ns\":%" PRId64, ev->dur_ns);
	if (ev->code != 0)
		fprintf(out, ",\"code\":%" PRIu32, ev->code);
	put_known(out, ",\"subject\":", ev->subject);
	put_known(out, ",\"reason\":", ev->reason);
	put_known(out, ",\"text\":", ev->text);
	put_known(out, ",\"hint\":", ev->hint);
	fputs("}\n", out);
}

static int write_events(const struct run_view *run, FILE *out, struct err *err)
{
	const uint32_t begins = EVENTS_OF(EV_STEP_BEGIN) | EVENTS_OF(EV_CYCLE_BEGIN);
	struct run_rows *rows = run_events(run, EVENTS_ALL & ~begins);
	struct event ev;
	int rc;

	while ((rc = run_events_next(rows, &ev, err)) == 1)
		write_event(run, &ev, out);
	run_rows_free(rows);
	return rc;
}

static int write_snapshot(const struct run_view *run, FILE *out, struct err *err)
{
	auto_free char *text = NULL;
	char id[RUN_ID_MAX];
	size_t n = 0;

	if (run->store == NULL)
		return 0;
	if (store_snapshot_get(run->store, run->key, &text, &n, id, err) < 0)
		return -1;
	if (n > 0)
		fwrite(text, 1, n, out);
	return 0;
}

/* ---- the archive ---- */

static FILE *temporary(struct err *err)
{
	int fd = tempfile_open(err);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");

	if (f == NULL && fd >= 0)
		abort();
	if (f != NULL)
		setvbuf(f, NULL, _IOFBF, BUFFER);
	return f;
}

/* A stream that takes secrets out, line by line: a report may be long, a line of it is not. */
struct scrubber {
	FILE *out;
	struct str line, clean;
};

static void scrub(struct scrubber *s, const char *line, size_t len)
{
	scrub_line(line, len, &s->clean);
	fwrite(s->clean.s, 1, s->clean.len, s->out);
	str_reset(&s->clean);
}

static void scrub_rest(struct scrubber *s)
{
	if (s->line.len == 0)
		return;
	scrub(s, s->line.s, s->line.len);
	str_reset(&s->line);
}

static ssize_t scrub_bytes(void *arg, const char *buf, size_t size)
{
	struct scrubber *s = arg;
	size_t n = size;

	while (n > 0) {
		const char *newline = memchr(buf, '\n', n);
		size_t line = newline ? (size_t)(newline - buf) + 1 : n;

		if (newline != NULL && s->line.len == 0) {
			scrub(s, buf, line); /* whole as it is */
		} else {
			str_addn(&s->line, buf, line);
			if (newline != NULL)
				scrub_rest(s);
		}
		buf += line;
		n -= line;
	}
	return ferror(s->out) ? 0 : (ssize_t)size;
}

static int write_scrubbed(
	const struct run_view *run, const struct member *m, FILE *clean, struct err *err)
{
	struct scrubber s = {.out = clean};
	FILE *out = fopencookie(&s, "w", (cookie_io_functions_t){.write = scrub_bytes});
	int rc;

	if (out == NULL)
		return err_set(err, ERR_IO, errno, "bundle");
	setvbuf(out, NULL, _IOFBF, BUFFER);
	rc = m->write(run, out, err);
	if (fclose(out) != 0 && rc == 0)
		rc = err_set(err, ERR_IO, errno, "write a temporary file");
	scrub_rest(&s);
	str_finish(&s.line);
	str_finish(&s.clean);
	return rc;
}

/* Of the archive; a store may come from anywhere. */
static void add_name(struct str *s, const struct run_view *run, const char *member)
{
	static const char plain[] = "0123456789-abcdefghijklmnopqrstuvwxyz";
	const char *c;

	str_add(s, "vfio-stress-");
	for (c = run->id; *c != '\0'; c++)
		str_addf(s, "%c", strchr(plain, *c) != NULL ? *c : '_');
	str_addf(s, "/%s", member);
}

/* tar wants the size first, so each member is a file of its own before. */
static int add_member(
	struct pack *p, const struct run_view *run, const struct member *m, struct err *err)
{
	auto_file FILE *clean = temporary(err);
	struct str name = {0};
	int rc;

	if (clean == NULL || write_scrubbed(run, m, clean, err) != 0)
		return -1;
	add_name(&name, run, m->name);
	rc = pack_add(p, name.s, run->ended_ns, clean, err);
	str_finish(&name);
	return rc;
}

static int write_report(const struct run_view *run, const void *opts, FILE *out, struct err *err)
{
	struct err ignored;
	struct pack *p;
	size_t i;

	(void)opts;
	if (pack_open(out, &p, err) != 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (add_member(p, run, &members[i], err) != 0) {
			(void)!pack_close(p, &ignored);
			return -1;
		}
	return pack_close(p, err);
}

static const char *const endings[] = {".tar", NULL};

const struct reporter reporter_bundle = {
	.word = {.name = "bundle",
		.summary = "one tar to send to a vendor: reports, kernel log, events, snapshot, no "
			   "secrets",
		.main_arg = "path",
		.fields = file_fields,
		.args_size = sizeof(struct file_opts)},
	.endings = endings,
	.load = file_check_name,
	.write = write_report,
};
