/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/watch.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/progress.h"
#include "engine/report_out.h"
#include "engine/screen.h"
#include "engine/stored_settings.h"
#include "engine/verdict.h"
#include "engine/vocabulary.h"
#include "model/incident_rows.h"
#include "model/pulse.h"
#include "model/run_rows.h"
#include "model/run_view.h"
#include "model/scenario.h"
#include "world/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK_NS    (NS_PER_S / 2) /* between two looks at the store */
#define SILENCE_NS (15 * NS_PER_S) /* a run says once a second that it lives */

enum { EXIT_UNKNOWN = 4 };

struct watch {
	const char *db;
	struct store *store;
	struct stat file; /* of the store, when it was opened */
	struct run_view *view;
	struct run_pulse pulse;

	struct arena arena;
	struct scenario *parsed; /* NULL: this program cannot read it any more */
	struct progress *progress;
	struct run_rows *events;
	struct incident_feed *incidents;

	struct loop *loop;
	struct loop_timer tick, redraw;
	int pidfd;
	pid_t pid; /* that pidfd is of */
	bool process_gone, said_silent;
	bool replaced; /* the store is another file now */
	bool left; /* whoever watched does not want to any more */
	int rc; /* -1: err */
	struct err *err;
};

/* ---- what the run is ---- */

/* What can be told of a scenario that cannot be read any more. */
static const struct scenario *nameless(struct watch *w)
{
	struct scenario *sc = arena_alloc(&w->arena, sizeof(*sc));
	size_t i;

	*sc = (struct scenario){.name = w->view->scenario, .nlanes = w->view->nlanes};
	sc->lanes = arena_alloc(&w->arena, (sc->nlanes + 1) * sizeof(*sc->lanes));
	for (i = 0; i < sc->nlanes; i++)
		sc->lanes[i] = (struct lane_spec){.name = w->view->lanes[i].name};
	return sc;
}

static const struct scenario *scenario_of(struct watch *w)
{
	auto_free struct diags *diags = xcalloc(1, sizeof(*diags));
	const struct run_view *v = w->view;
	struct setting *settings;
	size_t n = stored_settings(&w->arena, v->settings, &settings);

	w->parsed = scenario_parse(v->id, v->scenario_text, strlen(v->scenario_text), settings, n,
		&words_of_this_build, diags);
	if (w->parsed == NULL || w->parsed->nlanes != v->nlanes)
		return nameless(w);
	return w->parsed;
}

static const char *word_of(const struct run_view *v, const struct event *ev)
{
	size_t i;

	if (ev->lane >= v->nlanes)
		return "?";
	for (i = 0; i < v->lanes[ev->lane].nsteps; i++) {
		const struct step_row *s = &v->lanes[ev->lane].steps[i];

		if (s->phase == (enum phase)ev->phase && (int64_t)s->index == ev->step)
			return s->word;
	}
	return "?";
}

/* ---- what is new ---- */

static int read_events(struct watch *w)
{
	struct event ev;
	int rc;

	while ((rc = run_events_next(w->events, &ev, w->err)) == 1) {
		ev.mono_ns = clock_mono_of(ev.wall_ns);
		progress_event(w->progress, &ev, word_of(w->view, &ev));
	}
	return rc;
}

static int read_incidents(struct watch *w)
{
	struct incident inc;
	int rc;

	while ((rc = incident_feed_next(w->incidents, &inc, w->err)) == 1) {
		progress_incident(w->progress, &inc);
		incident_finish(&inc);
	}
	return rc;
}

/* In this order: what is read after the end was seen is all that there is. */
static int read_news(struct watch *w)
{
	if (store_pulse(w->store, w->view->key, &w->pulse, w->err) != 0 || read_events(w) != 0 ||
		read_incidents(w) != 0)
		return -1;
	if (w->pulse.stopping)
		progress_stopping(w->progress);
	return 0;
}

static bool is_silent(const struct watch *w)
{
	return clock_wall_ns() - w->pulse.alive_ns > SILENCE_NS;
}

/* One whose process cannot be seen from here (another namespace) is told by its heartbeat. */
static bool has_died(const struct watch *w)
{
	bool gone = w->process_gone && w->pid == w->pulse.pid;

	return !w->pulse.ended && (gone || (!w->pulse.lives && is_silent(w)));
}

static void say_silence(struct watch *w)
{
	bool silent = is_silent(w) && !w->pulse.ended;

	if (silent && !w->said_silent)
		progress_note(w->progress,
			"nothing was heard of the run for %d s, but its process is there: was it "
			"stopped, or does its disk not answer?",
			(int)(SILENCE_NS / NS_PER_S));
	else if (!silent && w->said_silent)
		progress_note(w->progress, "the run is heard of again");
	w->said_silent = silent;
}

/* Moved away, deleted, or another one in its place: what is open is not what others see. */
static bool is_replaced(const struct watch *w)
{
	struct stat st;

	return stat(store_path(w->store), &st) != 0 || st.st_dev != w->file.st_dev ||
		st.st_ino != w->file.st_ino;
}

static void on_process_end(void *arg);

/* `resume` may go on with the run in another process. */
static void watch_process(struct watch *w)
{
	struct err err;

	if (w->pid == w->pulse.pid || !w->pulse.lives)
		return;
	if (w->pidfd >= 0) {
		loop_unwatch(w->loop, w->pidfd);
		close(w->pidfd);
	}
	w->pid = w->pulse.pid;
	w->process_gone = false;
	w->pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
	/* without it its silence tells, a little later */
	if (w->pidfd >= 0 && loop_watch(w->loop, w->pidfd, on_process_end, w, &err) != 0)
		close(take_fd(&w->pidfd));
}

static void look(struct watch *w)
{
	w->replaced = is_replaced(w);
	if (!w->replaced)
		w->rc = read_news(w);
	if (w->replaced || w->rc != 0 || w->pulse.ended || has_died(w)) {
		loop_stop(w->loop);
		return;
	}
	watch_process(w);
	say_silence(w);
	progress_tick(w->progress);
}

static void on_tick(void *arg)
{
	struct watch *w = arg;

	loop_timer_set(w->loop, &w->tick, clock_mono_ns() + LOOK_NS, on_tick, w);
	look(w);
}

static void on_process_end(void *arg)
{
	struct watch *w = arg;

	loop_unwatch(w->loop, w->pidfd);
	close(take_fd(&w->pidfd));
	w->process_gone = true;
	look(w);
}

/* ---- from start to end ---- */

static void redraw(void *arg)
{
	struct watch *w = arg;

	progress_tick(w->progress);
}

static void on_signal(void *arg, int sig)
{
	struct watch *w = arg;

	if (sig == SIGCONT) {
		progress_continued(w->progress);
	} else if (sig == SIGWINCH) {
		loop_timer_set(w->loop, &w->redraw, clock_mono_ns() + SCREEN_SETTLES_NS, redraw, w);
	} else {
		w->left = true;
		loop_stop(w->loop);
	}
}

static int begin_screen(struct watch *w)
{
	const struct run_view *v = w->view;
	uint32_t i;

	w->progress = progress_new(scenario_of(w), false);
	w->events = run_events(v, EVENTS_ALL);
	w->incidents = incident_feed_new(v);
	progress_past_begin(w->progress);
	progress_begin(w->progress, v->id, clock_mono_of(v->started_ns));
	for (i = 0; i < v->nlanes; i++)
		progress_devices(w->progress, i, v->lanes[i].devices, v->lanes[i].ndevices);
	if (read_news(w) != 0)
		return -1;
	progress_past_end(w->progress);
	return 0;
}

/* Shows it until it ends, dies, or is left. */
static int follow(struct watch *w)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT, 0};

	signal(SIGTTOU, SIG_IGN); /* as in supervise(): `stty tostop` */
	if (loop_open(&w->loop, w->err) != 0 ||
		loop_signals(w->loop, signals, on_signal, w, w->err) != 0 || begin_screen(w) != 0)
		return -1;
	loop_timer_set(w->loop, &w->tick, 0, on_tick, w);
	return loop_run(w->loop, w->err) == 0 ? w->rc : -1;
}

static int find(struct watch *w, const char *which, int64_t *run_out)
{
	size_t n;

	if (which != NULL)
		return store_find_run(w->store, which, run_out, w->err);
	if (store_running(w->store, &n, run_out, w->err) != 0)
		return -1;
	if (n == 0) {
		err_set(w->err, ERR_ABSENT, 0, "no run goes on in %s", store_path(w->store));
		return err_hint(w->err,
			"`vfio-stress report` shows the last one; `vfio-stress "
			"runs` lists all");
	}
	if (n > 1)
		fprintf(stderr, "%zu runs go on; this is the newest\n", n);
	return 0;
}

static int open_run(struct watch *w, const char *which)
{
	int64_t run;

	if (store_open(w->db, STORE_READ, &w->store, w->err) != 0)
		return -1;
	if (stat(store_path(w->store), &w->file) != 0)
		return err_set(w->err, ERR_IO, errno, "look at %s", store_path(w->store));
	if (find(w, which, &run) != 0 || store_pulse(w->store, run, &w->pulse, w->err) != 0 ||
		pulse_follows(&w->pulse, w->store, w->err) != 0)
		return -1;
	return run_view_load(w->store, w->pulse.id, &w->view, w->err);
}

static void close_run(struct watch *w)
{
	progress_free(w->progress);
	run_rows_free(w->events);
	incident_feed_free(w->incidents);
	run_view_free(w->view);
	scenario_free(w->parsed);
	store_close(w->store);
	loop_close(w->loop);
	if (w->pidfd >= 0)
		close(w->pidfd);
	arena_finish(&w->arena);
}

static int summarise(struct watch *w)
{
	struct run_view *view;
	int rc;

	if (run_view_load(w->store, w->pulse.id, &view, w->err) != 0)
		return -1;
	verdict_judge(view);
	rc = report_summary(view, stdout, NULL, w->db, w->err);
	run_view_free(view);
	return rc;
}

static int tell_end(struct watch *w)
{
	const char *opt = w->db != NULL ? " --db " : "", *file = w->db != NULL ? w->db : "";

	progress_free(take_ptr(w->progress));
	if (w->left) {
		fprintf(stderr,
			"run %s goes on; `vfio-stress watch %s%s%s` shows it again, `vfio-stress "
			"runs stop` ends it\n",
			w->pulse.id, w->pulse.id, opt, file);
		return EXIT_UNKNOWN;
	}
	if (summarise(w) != 0)
		return -1;
	if (w->pulse.ended)
		return w->pulse.exit_code;
	fprintf(stderr,
		"vfio-stress: the process of run %s is gone, and it left no end\n"
		"  hint: `vfio-stress resume%s%s` ends it, or lets it go on after a crash of its "
		"host; `vfio-stress undo%s%s` puts back what it changed\n",
		w->pulse.id, opt, file, opt, file);
	return EXIT_UNKNOWN;
}

/* Until the store is replaced under it, which is said in `again`: the run's id. */
static int watch_once(const char *db, const char *which, char again[RUN_ID_MAX], struct err *err)
{
	struct watch w = {.db = db, .pidfd = -1, .err = err};
	int rc = open_run(&w, which);

	if (rc == 0 && !w.pulse.ended && !has_died(&w))
		rc = follow(&w);
	*again = '\0';
	if (rc == 0 && w.replaced)
		str_copy(again, RUN_ID_MAX, w.pulse.id);
	else if (rc == 0)
		rc = tell_end(&w);
	close_run(&w);
	return rc;
}

int watch_run(const char *db, const char *which, struct err *err)
{
	char run[RUN_ID_MAX], before[RUN_ID_MAX];
	int rc = watch_once(db, which, run, err);

	while (rc == 0 && *run != '\0') {
		fprintf(stderr, "the store was replaced; looking for run %s in the new one\n", run);
		str_set(before, run);
		rc = watch_once(db, before, run, err);
	}
	return rc;
}
