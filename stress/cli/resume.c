/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/vec.h"
#include "cli/complain.h"
#include "cli/runhost.h"
#include "engine/aftermath.h"
#include "engine/resume.h"
#include "model/store.h"
#include "world/notify.h"

#include <stdio.h>
#include <stdlib.h>

/* Runs without an end, and those of them that go on once all were looked at. */
struct revival {
	struct resume_request q;
	char *db; /* absolute: each run goes where it was started */
	struct unfinished *runs;
	size_t nruns;
	struct resumed *resumed; /* one per run */
	bool *goes_on;
	bool tells; /* one ended or goes on, and with it goes what others had left in the outbox */
	int code;
};

/* A failed run is told before one that proves nothing, and that before a refusal. */
static int worse(int a, int b)
{
	static const int order[] = {
		[EXIT_GOOD] = 0, [EXIT_REFUSED] = 1, [EXIT_INCONCLUSIVE] = 2, [EXIT_FAIL] = 3};

	return order[a] >= order[b] ? a : b;
}

static int settle(struct revival *v, struct store *store, size_t i, struct err *err)
{
	enum resume_answer answer;

	if (resume_run(&v->q, store, &v->runs[i], &v->resumed[i], &answer, err) != 0)
		return -1;
	if (answer == RESUME_LEFT)
		v->code = worse(v->code, complain(err));
	else if (answer == RESUME_ENDED)
		v->code = worse(v->code, v->resumed[i].exit_code);
	v->goes_on[i] = answer == RESUME_GOES_ON;
	v->tells |= answer != RESUME_LEFT;
	return 0;
}

/* One that fails does not keep the others from being looked at. */
static int settle_all(struct revival *v, const struct options *o, struct store *store)
{
	const char *which = options_get(o, "run");
	struct err err = {0};
	int64_t run = 0;
	size_t i;

	if ((which != NULL && store_find_run(store, which, &run, &err) != 0) ||
		store_unfinished(store, run, &v->runs, &v->nruns, &err) != 0)
		return complain(&err);
	if (v->nruns == 0)
		printf("nothing to resume: every run has its end\n");
	v->resumed = xcalloc(v->nruns + 1, sizeof(*v->resumed));
	v->goes_on = xcalloc(v->nruns + 1, sizeof(*v->goes_on));
	for (i = 0; i < v->nruns; i++)
		if (settle(v, store, i, &err) != 0)
			v->code = worse(v->code, complain(&err));
	return v->code;
}

static int cannot_go_on(const struct run_request *req, const struct err *why)
{
	struct store *store;
	struct err err;
	int code;

	complain(why);
	if (store_open(req->db, STORE_CHANGE, &store, &err) != 0)
		return complain(&err);
	code = resume_give_up(req, store, OUTCOME_BROKEN, why->msg);
	store_close(store);
	return code;
}

static int go_on(struct run_request *req)
{
	struct runhost machine;
	int code;

	runhost_look(req->host, req->scenario, &machine);
	req->machine = machine.known ? &machine.machine : NULL;
	req->notes = machine.fitness.notes.v;
	req->nnotes = machine.fitness.notes.n;
	code = machine.fitness.refusal.code != ERR_NONE
		? cannot_go_on(req, &machine.fitness.refusal)
		: supervise(req);
	runhost_finish(&machine);
	return code;
}

static void finish(struct revival *v)
{
	size_t i;

	for (i = 0; i < v->nruns; i++) {
		resumed_finish(&v->resumed[i]);
		unfinished_finish(&v->runs[i]);
	}
	free(v->runs);
	free(v->resumed);
	free(v->goes_on);
	free(v->db);
}

static int run(const struct host *host, const struct options *o)
{
	struct revival v = {
		.q = {.host = host,
			.report_only = options_get(o, "report-only") != NULL,
			.quiet = options_get(o, "quiet") != NULL,
			.tool_version = STRESS_VERSION},
	};
	const char *db = options_get(o, "db");
	struct store *store = NULL;
	struct err err = {0};
	size_t i;

	v.db = db != NULL ? realpath(db, NULL) : NULL;
	/* one that is not there is complained of as it was named */
	v.q.db = v.db != NULL ? v.db : db;
	if (store_open(v.q.db, STORE_CHANGE, &store, &err) != 0) {
		free(v.db);
		if (!no_run_yet(o, &err) || options_get(o, "run") != NULL)
			return complain(&err);
		printf("nothing to resume: %s\n", err.msg);
		notify_send("READY=1");
		return EXIT_GOOD;
	}
	v.code = settle_all(&v, o, store);
	notify_send("READY=1\nSTATUS=all was looked at");
	if (!v.tells)
		aftermath_tell(store, v.q.quiet, -1);
	store_close(store);
	for (i = 0; i < v.nruns; i++)
		if (v.goes_on[i])
			v.code = worse(v.code, go_on(&v.resumed[i].req));
	finish(&v);
	return v.code;
}

static const struct option_spec options[] = {
	OPTION_DB,
	{0, "run", "RUN", "only this run", false, false},
	{0, "report-only", NULL, "let no run go on, whatever its scenario says", false, false},
	{'q', "quiet", NULL, "no progress, only the final summary", false, false},
	{0},
};

const struct command cmd_resume = {
	.name = "resume",
	.operands = "",
	.summary = "end, or go on with, runs that died with their host",
	.text = "For the boot after a crash: vfio-stress-resume.service runs it.\n"
		"It finds the runs of this host that have no end. When that was restarted "
		"since,\n"
		"the run's host died: what is left of its last words (pstore, /var/crash, "
		"journal,\n"
		"BERT) is read and kept, the step in which it died has failed, and its device is "
		"the\n"
		"suspect. Then the run is reported as at its end, or, with `on-host-crash: "
		"continue`\n"
		"in its scenario, goes on with the next cycle. If the host was not restarted, the\n"
		"tool itself died: what it had changed is put back, and the run is broken. "
		"Webhooks\n"
		"are told the rest.\n\n"
		"  vfio-stress resume\n\n"
		"Exit codes: 0 nothing to resume, or a run that went on and passed; else as of "
		"`run`,\n"
		"the worst of all; 3 also: a run is alive, or of another host.",
	.options = options,
	.run = run,
};
