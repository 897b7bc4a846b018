/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/aftermath.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/baseline.h"
#include "engine/deliver.h"
#include "engine/report_out.h"
#include "engine/streaming.h"
#include "engine/supervise.h"
#include "engine/undo_run.h"
#include "engine/verdict.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/store.h"
#include "reporters/reporters.h"

#include <poll.h>
#include <stdio.h>

#define END_PATIENCE_NS (10 * NS_PER_S) /* with a disk that refuses the run's end */
#define END_RETRY_MS    1000

static void say_error(const char *what, const struct err *err)
{
	fprintf(stderr, "vfio-stress: %s: %s\n", what, err->msg);
	if (err->hint[0] != '\0')
		fprintf(stderr, "  hint: %s\n", err->hint);
}

/* It counts for the verdict for good, whoever undoes it later. */
static int note_what_is_left(struct store *store, int64_t run, struct err *err)
{
	auto_free struct undo_open *open = NULL;
	char text[96];
	size_t n = 0;

	if (store_undo_list(store, run, &open, &n, err) != 0)
		return -1;
	if (n == 0)
		return 0;
	snprintf(text, sizeof(text), "%zu change%s of the host could not be put back", n,
		n == 1 ? "" : "s");
	return store_note(store, run, "left", text, err);
}

/*
 * A terminal that was stopped: neither the host nor who is to be told far away waits until somebody looks
 * here.
 */
static bool would_wait(FILE *out)
{
	struct pollfd p = {.fd = fileno(out), .events = POLLOUT};

	return poll(&p, 1, 0) == 0;
}

/* What a lane could not put back, because it was killed or died. */
static void put_back(const struct run_request *req, struct store *store, int64_t run,
	const char *run_id, int cancel_fd)
{
	auto_free struct undo_open *open = NULL;
	struct err err;
	size_t n = 0;

	if (store_undo_list(store, run, &open, &n, &err) != 0) {
		say_error("undo", &err);
		return;
	}
	if (n == 0)
		return;
	if (!req->quiet && !would_wait(stderr))
		fprintf(stderr,
			"vfio-stress: putting back what lanes have left, for %d min at most; an"
			" interrupt leaves it to `vfio-stress undo`\n",
			UNDO_CHILD_S / 60);
	if (undo_in_child(req->host, store_path(store), run_id, cancel_fd, &err) != 0)
		say_error("undo", &err);
}

/* What is judged is a run that has ended; a run without an end is one that died. */
static int end_and_judge(struct store *store, int64_t run, const char *run_id,
	struct run_view **out, struct err *err)
{
	if (store_run_end(store, run, VERDICT_BROKEN, 4, "not judged", err) != 0 ||
		run_view_load(store, run_id, out, err) != 0)
		return -1;
	verdict_judge(*out);
	return store_run_end(
		store, run, (*out)->verdict, (*out)->exit_code, (*out)->verdict_reason, err);
}

static int make(const struct report_spec *spec, const struct run_view *view, struct store *store)
{
	struct err err = {0};

	if (report_make(spec, view, store, &err) == 0)
		return 0;
	say_error(spec->type->word.name, &err);
	return -1;
}

/* What a child delivers from the store. */
static int hand_over_reports(
	const struct run_request *req, const struct run_view *view, struct store *store)
{
	const struct report_spec *spec;
	size_t i;
	int rc = 0;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++)
		if (spec->type->hand_over != NULL && make(spec, view, store) != 0)
			rc = -1;
	return rc;
}

/*
 * In one transaction: killed meanwhile, it is a run that died, and never one that was not judged, or
 * whose end nobody is told.
 */
static int judge(const struct run_request *req, struct store *store, int64_t run,
	const char *run_id, struct run_view **out, bool *told, struct err *err)
{
	struct run_view *view = NULL;

	if (store_begin(store, err) != 0)
		return -1;
	if (note_what_is_left(store, run, err) != 0 ||
		end_and_judge(store, run, run_id, &view, err) != 0)
		goto failed;
	*told = hand_over_reports(req, view, store) == 0;
	if (store_reports_due(store, run, true, err) != 0)
		goto failed;
	if (store_commit(store, err) != 0)
		goto failed;
	*out = view;
	return 0;
failed:
	store_rollback(store);
	run_view_free(view);
	return -1;
}

/* A run of a night does not lose its end to a disk that refuses for a moment. */
static int judge_in_time(const struct run_request *req, struct store *store, int64_t run,
	const char *run_id, int cancel_fd, int64_t patience_ns, struct run_view **out, bool *told,
	struct err *err)
{
	const int64_t until_ns = clock_mono_ns() + patience_ns;
	struct pollfd p = {.fd = cancel_fd, .events = POLLIN};
	int rc;

	do
		rc = judge(req, store, run, run_id, out, told, err);
	while (rc != 0 && clock_mono_ns() < until_ns && poll(&p, 1, END_RETRY_MS) <= 0);
	return rc;
}

/* The store cannot be written any more: of what stands in it a report can still be made. */
static int judge_what_is_there(struct store *store, const char *run_id, struct run_view **out)
{
	struct run_view *view;
	struct err err;

	if (run_view_load(store, run_id, &view, &err) != 0) {
		say_error("the run could not be read", &err);
		return -1;
	}
	view->running = false;
	view->aborted = "the store could not be written";
	verdict_judge(view);
	*out = view;
	return 0;
}

/* What was written to it while the run went on is not written a second time. */
static int end_stdout(const struct report_spec *spec, struct streaming *streaming, int cancel_fd)
{
	struct err err;

	if (streaming_end_stdout(streaming, cancel_fd, &err) == 0)
		return 0;
	say_error(spec->type->word.name, &err);
	return -1;
}

/* The files, each whatever becomes of the others. `files`: those that are there now, for a sentence. */
static int write_files(const struct run_request *req, const struct run_view *view,
	struct store *store, struct str *files)
{
	const struct report_spec *spec;
	size_t i;
	int rc = 0;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++) {
		if (spec->type->hand_over != NULL || report_to_stdout(spec))
			continue;
		if (make(spec, view, store) != 0)
			rc = -1;
		else
			str_addf(files, "%s%s", files->len > 0 ? ", " : "",
				((const struct file_opts *)spec->opts)->path);
	}
	return rc;
}

/* Its reader may be a person who looks at it page by page. */
static int write_to_stdout(const struct run_request *req, const struct run_view *view,
	struct store *store, struct streaming *streaming, int cancel_fd)
{
	const struct report_spec *spec;
	size_t i;
	int rc = 0;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++) {
		if (spec->type->hand_over != NULL || !report_to_stdout(spec))
			continue;
		if (streaming_to_stdout(streaming) ? end_stdout(spec, streaming, cancel_fd) != 0
						   : make(spec, view, store) != 0)
			rc = -1;
	}
	return rc;
}

static void say_how_to_make_it(const struct run_request *req, const struct run_view *view)
{
	fprintf(stderr,
		"  hint: the run is kept: `vfio-stress report %s --format FORMAT -o FILE%s%s`"
		" makes its report again\n",
		view->id, req->db != NULL ? " --db " : "", req->db != NULL ? req->db : "");
}

/* Who pipes a report into a program does not want the summary in it. */
static FILE *summary_stream(const struct run_request *req)
{
	const struct report_spec *spec;
	size_t i;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++)
		if (report_to_stdout(spec))
			return stderr;
	return stdout;
}

/* *ms_left: how long receivers may still take, however often it is asked. */
static void deliver_webhooks(struct store *store, bool quiet, int cancel_fd, int64_t *ms_left)
{
	int64_t left = 0, began_ns = clock_mono_ns(), ms = *ms_left;
	struct err err;

	if (store_outbox_pending(store) <= 0)
		return;
	if (deliver_in_child(store, ms, cancel_fd, quiet, &left, &err) != 0)
		say_error("webhooks", &err);
	else if (left > 0)
		fprintf(stderr,
			"vfio-stress: %lld webhook messages are not delivered yet; `vfio-stress "
			"deliver`"
			" tries again\n",
			(long long)left);
	ms -= (clock_mono_ns() - began_ns) / NS_PER_MS;
	*ms_left = ms > DELIVER_LEAST_MS ? ms : DELIVER_LEAST_MS;
}

void aftermath_tell(struct store *store, bool quiet, int cancel_fd)
{
	int64_t ms_left = DELIVER_WAIT_MS;

	deliver_webhooks(store, quiet, cancel_fd, &ms_left);
}

/* What of it is for people and files, and then what others are told. Frees the view. */
static int report(const struct run_request *req, struct store *store, int64_t run,
	struct run_view *view, struct streaming *streaming, bool told, int cancel_fd,
	int64_t ms_left)
{
	struct str files = {0};
	struct err err;
	bool written = write_files(req, view, store, &files) == 0;
	int code;

	/* when that cannot be stored they are written once more, by a `resume` */
	(void)!store_reports_due(store, run, false, &err);
	if (summary_stream(req) != stdout || would_wait(stdout))
		deliver_webhooks(store, req->quiet, cancel_fd, &ms_left);
	written &= write_to_stdout(req, view, store, streaming, cancel_fd) == 0;
	if (!written)
		say_how_to_make_it(req, view);
	/* a report that cannot be written must not look like a good run to a script */
	code = view->exit_code == 0 && !(told && written) ? 4 : view->exit_code;
	if (report_summary(view, summary_stream(req), files.s, req->db, &err) != 0)
		say_error("summary", &err);
	str_finish(&files);
	run_view_free(view);
	deliver_webhooks(store, req->quiet, cancel_fd, &ms_left);
	return code;
}

int aftermath(const struct run_request *req, struct store *store, int64_t run, const char *run_id,
	struct streaming *streaming, int cancel_fd, bool at_once, struct err *unstored)
{
	/* who is to be told whether it is stored tries again in a way of its own */
	const int64_t patience_ns = at_once || unstored != NULL ? 0 : END_PATIENCE_NS;
	int64_t ms_left = at_once ? DELIVER_LEAST_MS : DELIVER_WAIT_MS;
	struct run_view *view = NULL;
	struct err err = {0};
	bool told = true;
	int rc;

	put_back(req, store, run, run_id, cancel_fd);
	rc = judge_in_time(req, store, run, run_id, cancel_fd, patience_ns, &view, &told, &err);
	if (req->stored_out != NULL)
		*req->stored_out = rc == 0;
	if (unstored != NULL)
		*unstored = rc == 0 ? (struct err){0} : err;
	if (rc != 0) {
		say_error("the end of the run could not be stored", &err);
		streaming_drop_stdout(streaming);
		if (unstored != NULL || judge_what_is_there(store, run_id, &view) != 0)
			return 4;
	} else if (baseline_compare(store, view, &err) != 0) {
		say_error("the run could not be compared with its baseline", &err);
	}
	return report(req, store, run, view, streaming, told, cancel_fd, ms_left);
}

int aftermath_of_ended(
	const struct run_request *req, struct store *store, int64_t run, const char *run_id)
{
	struct run_view *view;
	struct err err;

	put_back(req, store, run, run_id, -1);
	if (note_what_is_left(store, run, &err) != 0)
		say_error("undo", &err);
	if (run_view_load(store, run_id, &view, &err) != 0) {
		say_error("the run could not be read", &err);
		return 4;
	}
	verdict_judge(view);
	if (view->baseline == NULL && baseline_compare(store, view, &err) != 0)
		say_error("the run could not be compared with its baseline", &err);
	return report(req, store, run, view, NULL, true, -1, DELIVER_WAIT_MS);
}

void aftermath_unstored(
	const struct run_request *req, struct store *store, int64_t run, const char *run_id)
{
	struct run_view *view = NULL;
	struct str files = {0};
	struct err err;
	bool written;

	if (end_and_judge(store, run, run_id, &view, &err) != 0) {
		say_error("the run could not be judged", &err);
		run_view_free(view);
		if (judge_what_is_there(store, run_id, &view) != 0)
			return;
	}
	written = write_files(req, view, store, &files) == 0;
	written &= write_to_stdout(req, view, store, NULL, -1) == 0;
	if (!written)
		say_how_to_make_it(req, view);
	if (report_summary(view, summary_stream(req), files.s, req->db, &err) != 0)
		say_error("summary", &err);
	str_finish(&files);
	run_view_free(view);
}
