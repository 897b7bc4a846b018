/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "cli/complain.h"
#include "cli/runhost.h"
#include "engine/aftermath.h"
#include "engine/resume.h"
#include "engine/spare.h"
#include "model/store.h"
#include "world/notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RETRY_MS       120000 /* a disk may be emptied, or come back; then it is the caller's to try */
#define RETRY_PAUSE_MS 2000
#define BEGIN_NS       (600 * NS_PER_S) /* until a run's loop is there: the host is looked at before */

/* Runs without an end, and those of them that go on once all were looked at. */
struct revival {
	struct resume_request q;
	char *db; /* absolute: each run goes where it was started */
	struct unfinished *runs;
	size_t nruns;
	struct resumed *resumed; /* one per run */
	bool *goes_on;
	_Atomic int64_t *alive_ns; /* shared by those that go on side by side: one per run */
	bool tells; /* one ended or goes on, and with it goes what others had left in the outbox */
	int64_t retry_until_ns;
	bool unsettled; /* what the copy has of one may be all there is */
	bool said_all; /* what became of them, before the store could be opened */
	int code;
};

/*
 * A failed run is told before one that proves nothing, and that before a refusal. What is not in the
 * store has to be done again, whatever else there is.
 */
static int worse(int a, int b)
{
	static const int order[] = {[EXIT_GOOD] = 0,
		[EXIT_REFUSED] = 1,
		[EXIT_USAGE] = 2,
		[EXIT_INCONCLUSIVE] = 3,
		[EXIT_FAIL] = 4,
		[EXIT_UNWRITTEN] = 5};

	return order[a] >= order[b] ? a : b;
}

static int complain_of_store(const struct err *err)
{
	int code = complain(err);

	return err->code == ERR_IO ? EXIT_UNWRITTEN : code;
}

/* A disk that refuses may be emptied, or come back. `said`: why we wait. */
static bool try_again(const struct revival *v, const struct err *err, bool *said)
{
	int64_t now = clock_mono_ns();

	if (err->code != ERR_IO || now >= v->retry_until_ns)
		return false;
	if (!*said)
		fprintf(stderr, "vfio-stress: %s; trying again for %d s\n", err->msg,
			(int)((v->retry_until_ns - now) / NS_PER_S));
	*said = true;
	poll(NULL, 0, RETRY_PAUSE_MS);
	return true;
}

static int settle(struct revival *v, struct store *store, size_t i, struct err *err)
{
	enum resume_answer answer;

	v->q.said = v->said_all;
	while (resume_run(&v->q, store, &v->runs[i], &v->resumed[i], &answer, err) != 0)
		if (!try_again(v, err, &v->q.said))
			return -1;
	if (answer == RESUME_LEFT)
		v->code = worse(v->code, complain_of_store(err));
	else if (answer == RESUME_ENDED)
		v->code = worse(
			v->code, v->resumed[i].refused ? EXIT_UNWRITTEN : v->resumed[i].exit_code);
	v->goes_on[i] = answer == RESUME_GOES_ON;
	v->tells |= answer != RESUME_LEFT;
	return 0;
}

static void forget_runs(struct unfinished *runs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		unfinished_finish(&runs[i]);
	free(runs);
}

static int open_and_look(struct revival *v, const char *which, enum store_mode mode,
	struct store **out, struct err *err)
{
	int64_t run = 0;

	if (store_open(v->q.db, mode, out, err) != 0)
		return -1;
	if ((which == NULL || store_find_run(*out, which, &run, err) == 0) &&
		store_unfinished(*out, run, &v->runs, &v->nruns, err) == 0)
		return 0;
	store_close(take_ptr(*out));
	return -1;
}

/* No copy is to be had: files at least, of what can be read. */
static void report_all_unstored(struct revival *v, struct store *store, const struct err *why)
{
	size_t i;

	for (i = 0; store != NULL && i < v->nruns; i++)
		resume_report_unstored(&v->q, store, &v->runs[i], why);
}

static int tell_all_unstored(struct revival *v, const char *which, struct store *store,
	const struct err *why, struct err *err)
{
	if (store != NULL && v->nruns == 0 && store_outbox_pending(store) == 0)
		return 0;
	return resume_tell(&v->q, store, which, why, err);
}

/* Whatever the disk does next, it was said once: true. */
static bool say_all_unstored(
	struct revival *v, const char *which, const struct err *why, bool first)
{
	struct store *store = NULL;
	struct err err = {0};
	bool said = true;

	v->q.store_is_shut = true;
	/* where nothing at all can be written it cannot be opened; what another process has can wait */
	if ((open_and_look(v, which, STORE_ALONE, &store, &err) != 0 &&
		    (err.code != ERR_IO || err.sys == EBUSY)) ||
		tell_all_unstored(v, which, store, why, &err) != 0) {
		if (first)
			complain(&err);
		report_all_unstored(v, store, why);
		said = store != NULL;
	}
	forget_runs(take_ptr(v->runs), v->nruns);
	v->nruns = 0;
	store_close(store);
	v->q.store_is_shut = false;
	return said;
}

static int find_runs(struct revival *v, const char *which, struct store **out, struct err *err)
{
	bool said = false;

	while (open_and_look(v, which, STORE_CHANGE, out, err) != 0) {
		if (err->code == ERR_IO && !v->said_all)
			v->said_all = say_all_unstored(v, which, err, !said);
		if (!try_again(v, err, &said))
			return -1;
	}
	return 0;
}

/* One that fails does not keep the others from being looked at. */
static void settle_all(struct revival *v, struct store *store)
{
	struct err err = {0};
	size_t i;

	if (v->nruns == 0)
		printf("nothing to resume: every run has its end\n");
	v->resumed = xcalloc(v->nruns + 1, sizeof(*v->resumed));
	v->goes_on = xcalloc(v->nruns + 1, sizeof(*v->goes_on));
	for (i = 0; i < v->nruns; i++)
		if (settle(v, store, i, &err) != 0) {
			v->code = worse(v->code, complain_of_store(&err));
			v->unsettled = true;
		}
}

static int cannot_go_on(const struct run_request *req, const struct err *why)
{
	struct store *store;
	struct err err;
	int code;

	complain(why);
	if (store_open(req->db, STORE_CHANGE, &store, &err) != 0)
		return complain_of_store(&err);
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
	return *req->stored_out ? code : EXIT_UNWRITTEN;
}

/* ---- several that go on: each in a process of its own ---- */

/* What a process that goes on with a run has of its parent, and shall not have. */
static void begin_child(const sigset_t *mask)
{
	char pid[24];

	sigprocmask(SIG_SETMASK, mask, NULL);
	unsetenv("NOTIFY_SOCKET"); /* the service manager listens to the parent alone */
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1); /* and the parent, as often, to us */
}

/* The run is ours now; it was our parent's. */
static int take_from_parent(const struct revival *v, size_t i, struct err *err)
{
	struct unfinished run = v->runs[i];
	struct store *store;
	int rc;

	if (store_open(v->q.db, STORE_CHANGE, &store, err) != 0)
		return -1;
	run.pid = getppid();
	host_boot_id(v->q.host, run.boot_id);
	rc = store_run_take_over(store, &run, run.boot_id, err);
	store_close(store);
	return rc;
}

static int go_on_apart(struct revival *v, size_t i, const sigset_t *mask)
{
	struct err err;

	begin_child(mask);
	if (take_from_parent(v, i, &err) != 0)
		return complain_of_store(&err);
	v->resumed[i].req.alive_ns = v->alive_ns != NULL ? &v->alive_ns[i] : NULL;
	return go_on(&v->resumed[i].req);
}

/* A terminal signals all of its processes itself. */
static bool is_from_terminal(const siginfo_t *info)
{
	return info->si_code > 0;
}

static void pass_on(const pid_t *children, size_t n, int sig)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (children[i] > 0)
			kill(children[i], sig);
}

static void reap(struct revival *v, pid_t *children, size_t n, size_t *left)
{
	size_t i;
	int status;

	for (i = 0; i < n; i++) {
		if (children[i] <= 0 || waitpid(children[i], &status, WNOHANG) != children[i])
			continue;
		/* killed: its run is one whose tool died, for the next `resume` */
		v->code = worse(v->code, WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_UNWRITTEN);
		children[i] = 0;
		(*left)--;
	}
}

/*
 * The service manager's watchdog hears us: who of them hangs is ended here, as it would end him. His run is
 * then one whose tool died, for the next `resume`; the others go on.
 */
static void end_hung(struct revival *v, const pid_t *children, int64_t watchdog_ms)
{
	int64_t now = clock_mono_ns();
	size_t i;

	for (i = 0; i < v->nruns; i++) {
		if (children[i] <= 0 || now - v->alive_ns[i] <= watchdog_ms * NS_PER_MS)
			continue;
		fprintf(stderr,
			"vfio-stress: run %s hangs: its process %d is killed; the next `resume` "
			"ends it\n",
			v->runs[i].id, (int)children[i]);
		kill(children[i], SIGKILL);
		v->alive_ns[i] = NEVER;
	}
}

/* A signal for us is one for them. */
static void await(struct revival *v, pid_t *children, size_t left, const sigset_t *awaited)
{
	int64_t watchdog_ms = notify_watchdog_ms(), ms = watchdog_ms > 0 ? watchdog_ms / 3 : 60000;
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	siginfo_t info;
	int sig;

	while (left > 0) {
		sig = sigtimedwait(awaited, &info, &pause);
		if (watchdog_ms > 0)
			notify_send("WATCHDOG=1");
		if (watchdog_ms > 0 && v->alive_ns != NULL)
			end_hung(v, children, watchdog_ms);
		if (sig > 0 && sig != SIGCHLD && !is_from_terminal(&info))
			pass_on(children, v->nruns, sig);
		reap(v, children, v->nruns, &left);
	}
}

/* NULL when there is no memory: then nobody looks whether they hang. */
static void share_signs_of_life(struct revival *v)
{
	size_t i, size = v->nruns * sizeof(*v->alive_ns);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	v->alive_ns = at != MAP_FAILED ? at : NULL;
	for (i = 0; v->alive_ns != NULL && i < v->nruns; i++)
		v->alive_ns[i] = clock_mono_ns() + BEGIN_NS;
}

/* Returns in each such process, too, with its exit code in v->code. */
static void go_on_side_by_side(struct revival *v)
{
	auto_free pid_t *children = xcalloc(v->nruns + 1, sizeof(*children));
	sigset_t awaited, before;
	size_t i, n = 0;

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	sigaddset(&awaited, SIGINT);
	sigaddset(&awaited, SIGTERM);
	sigaddset(&awaited, SIGHUP);
	sigprocmask(SIG_BLOCK, &awaited, &before);
	share_signs_of_life(v);
	fflush(NULL);
	for (i = 0; i < v->nruns; i++) {
		if (!v->goes_on[i])
			continue;
		children[i] = fork();
		if (children[i] == 0) {
			v->code = go_on_apart(v, i, &before);
			return;
		}
		n += children[i] > 0;
		if (children[i] < 0) {
			fprintf(stderr, "vfio-stress: fork: %s\n", strerror(errno));
			v->code = worse(v->code, EXIT_UNWRITTEN);
		}
	}
	await(v, children, n, &awaited);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void go_on_with_all(struct revival *v)
{
	size_t i, n = 0, last = 0;

	for (i = 0; i < v->nruns; i++)
		if (v->goes_on[i]) {
			n++;
			last = i;
		}
	if (n == 1)
		v->code = worse(v->code, go_on(&v->resumed[last].req));
	else if (n > 1)
		go_on_side_by_side(v);
}

static void finish(struct revival *v)
{
	size_t i;

	for (i = 0; v->resumed != NULL && i < v->nruns; i++)
		resumed_finish(&v->resumed[i]);
	forget_runs(v->runs, v->nruns);
	free(v->resumed);
	if (v->alive_ns != NULL)
		munmap(v->alive_ns, v->nruns * sizeof(*v->alive_ns));
	free(v->goes_on);
	spare_free(v->q.spare);
	free(v->db);
}

static int resume_all(struct revival *v, const struct options *o)
{
	const char *which = options_get(o, "run");
	struct store *store;
	struct err err = {0};

	if (find_runs(v, which, &store, &err) != 0) {
		if (!no_run_yet(o, &err) || which != NULL)
			return complain_of_store(&err);
		printf("nothing to resume: %s\n", err.msg);
		notify_send("READY=1");
		return EXIT_GOOD;
	}
	settle_all(v, store);
	notify_send("READY=1\nSTATUS=all was looked at");
	if (!v->tells)
		aftermath_tell(store, v->q.quiet, -1);
	store_close(store);
	if (which == NULL && !v->unsettled && v->code != EXIT_UNWRITTEN)
		spare_remove(v->q.spare);
	spare_free(take_ptr(v->q.spare));
	go_on_with_all(v);
	return v->code;
}

static int run(const struct host *host, const struct options *o)
{
	const char *db = options_get(o, "db"), *retry = options_get(o, "retry");
	struct revival v = {
		.q = {.host = host,
			.report_only = options_get(o, "report-only") != NULL,
			.quiet = options_get(o, "quiet") != NULL,
			.tool_version = STRESS_VERSION},
	};
	int64_t retry_ms = RETRY_MS;
	struct err err = {0};
	int code;

	if (retry != NULL && !str_to_duration_ms(retry, &retry_ms)) {
		err_set(&err, ERR_USAGE, 0, "--retry '%s' is not a duration", retry);
		err_hint(&err, "a number with its unit: 30s, 10m, 8h");
		return complain(&err);
	}
	if (host_check_not_kdump(host, &err) != 0)
		return complain(&err);
	signal(SIGCHLD, SIG_DFL); /* ignored by our parent, no child could be waited for */
	v.retry_until_ns = clock_mono_ns() + retry_ms * NS_PER_MS;
	v.db = db != NULL ? realpath(db, NULL) : NULL;
	/* one that is not there is complained of as it was named */
	v.q.db = v.db != NULL ? v.db : db;
	v.q.spare = spare_new(host, v.q.db);
	code = resume_all(&v, o);
	finish(&v);
	return code;
}

static const struct option_spec options[] = {
	OPTION_DB,
	{0, "run", "RUN", "only this run", false, false},
	{0, "report-only", NULL, "let no run go on, whatever its scenario says", false, false},
	{0, "retry", "DURATION", "how long a store that refuses is tried again (default: 2m)",
		false, false},
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
		"the worst of all; 3 also: a run is alive, or of another host; 5: the store could "
		"not be\n"
		"written, so it is to be tried again.",
	.options = options,
	.run = run,
};
