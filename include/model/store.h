/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STORE_H
#define VFIO_STRESS_MODEL_STORE_H

#include "model/event.h"
#include "model/run_view.h"
#include "model/undo.h"
#include "world/kmsg.h"

#include <sys/types.h>

struct lane_spec;
struct run_call;
struct scenario;

/*
 * The journal, the history and the webhook outbox in one SQLite file (WAL, synchronous=FULL).
 * A `struct store` belongs to one thread; open another for another thread or process.
 */
struct store;

enum store_mode {
	STORE_READ, /* ERR_ABSENT when there is no file */
	STORE_CHANGE, /* that too */
	/*
	 * For what will be rolled back: nobody else has it meanwhile, and it can be read although its disk
	 * is full, and takes not even SQLite's -shm
	 */
	STORE_ALONE,
	STORE_CREATE, /* creates the file (0600) and its folder (0700) */
};

/* `path` NULL: /var/lib/vfio-stress/runs.db for root, $XDG_STATE_HOME/vfio-stress/runs.db else. */
int store_open(
	const char *path, enum store_mode mode, struct store **out, struct err *err) must_check;
void store_close(struct store *s);
int store_default_path(char **out, struct err *err) must_check; /* heap */
const char *store_path(const struct store *s);
/* What is read is a copy, because the store is of an older version: what that one writes is not seen. */
bool store_is_copy(const struct store *s);
/* Beside it: what a run in the background has to say. Heap. */
char *store_log_path(const char *store_path, const char *run_id);
/* Of its file system: the bytes that we may still take, and all. False: not known. */
bool store_room(const struct store *s, uint64_t *left_out, uint64_t *whole_out);

/* A lane and what it resolved to. */
struct lane_begin {
	const struct lane_spec *spec;
	const struct pcidev *devices;
	size_t ndevices;
};

/* What is known of a run when it begins. */
struct run_begin {
	const char *id; /* run_id_new */
	const struct lane_begin *lanes; /* one per lane of the scenario */
	const struct scenario *scenario;
	const char *settings; /* --set, as engine/stored_settings.h writes them */
	const char *tool_version;
	const char *boot_id;
	const char *machine_id; /* NULL, "" = not known */
	uint64_t seed;
	bool simulated;
	struct host_facts host;
	pid_t pid;
	const struct run_call *call; /* model/unfinished.h; NULL = not known */
};

#define RUN_ID_MAX 24
/* "20261121-040714-1f3a": when, and four random digits. */
const char *run_id_new(char buf[RUN_ID_MAX]);

/*
 * Writes the run with its lanes, step rows and call, durably, or nothing of it; run_out is its key for
 * the rest.
 */
int store_run_begin(
	struct store *s, const struct run_begin *run, int64_t *run_out, struct err *err) must_check;
int store_event(struct store *s, int64_t run, const struct event *ev, uint64_t klog_seq,
	struct err *err) must_check;
int store_record(
	struct store *s, int64_t run, const struct klog_rec *rec, struct err *err) must_check;
/* New or changed. Lines that are stored already are not written again. */
int store_incident(
	struct store *s, int64_t run, const struct incident *inc, struct err *err) must_check;
int store_undo(struct store *s, int64_t run, const struct event *ev, const char *boot_id,
	uint64_t *id_out, struct err *err) must_check;
int store_undo_done(struct store *s, uint64_t id, struct err *err) must_check;
/* A sentence for the report: kind "note" or "blind-spot". */
int store_note(struct store *s, int64_t run, const char *kind, const char *text,
	struct err *err) must_check;
/*
 * The machine as it was when the run began (model/snapshot.h). Those of the last
 * STORE_SNAPSHOTS_MAX runs are kept, and those of baselines.
 */
#define STORE_SNAPSHOTS_MAX 50
int store_snapshot(
	struct store *s, int64_t run, const char *text, size_t n, struct err *err) must_check;
/* 1 = that of `run`, or of the last run that has one (run 0); 0 = there is none. Heap. */
int store_snapshot_get(struct store *s, int64_t run, char **text_out, size_t *n_out,
	char id_out[RUN_ID_MAX], struct err *err) must_check;
/* What preflight answered when the run began, the worst first. */
int store_preflight(struct store *s, int64_t run, const struct check_row *checks, size_t n,
	struct err *err) must_check;
int store_heartbeat(
	struct store *s, int64_t run, int64_t wall_ns, int64_t mono_ns, struct err *err) must_check;

/* The kernel log's account, for the verdict. */
struct klog_account {
	uint64_t records, lost;
	bool blind;
	char reason[ADVICE_MAX]; /* why blind, "" = not */
};

int store_run_klog(
	struct store *s, int64_t run, const struct klog_account *k, struct err *err) must_check;
/* The run was cut short: "interrupted", in words. */
int store_run_aborted(struct store *s, int64_t run, const char *why, struct err *err) must_check;
/* How it ended; `reason` is one sentence. */
int store_run_end(struct store *s, int64_t run, enum verdict verdict, int exit_code,
	const char *reason, struct err *err) must_check;

/* Its report files are still to be written: `resume` does so when its process died before. */
int store_reports_due(struct store *s, int64_t run, bool due, struct err *err) must_check;

int store_begin(struct store *s, struct err *err) must_check;
int store_commit(struct store *s, struct err *err) must_check;
void store_rollback(struct store *s);
/*
 * Like store_begin, but nothing is written before a commit, not even when it is much: for what will be
 * rolled back, on a disk that refuses.
 */
int store_begin_in_memory(struct store *s, struct err *err) must_check;

/* One line of `runs`. */
struct run_line {
	char id[RUN_ID_MAX], scenario[65];
	int64_t started_ns, ended_ns; /* ended 0 = still running or died */
	bool alive; /* its process still lives */
	bool baseline; /* later runs are compared with it */
	enum verdict verdict;
	uint64_t cycles_done, cycles_failed;
};

/* Newest first; the callback returns false to stop. */
int store_list_runs(struct store *s, bool (*each)(void *arg, const struct run_line *line),
	void *arg, struct err *err) must_check;
/* Key of the run that is named by id, unique prefix or "latest". */
int store_find_run(
	struct store *s, const char *which, int64_t *run_out, struct err *err) must_check;

/* Undo records that are not done, newest first. run 0 = of all runs. */
struct undo_open {
	struct undo_rec rec;
	int64_t run;
	char run_id[RUN_ID_MAX];
	char boot_id[40];
	char connect[128]; /* libvirt URI of its run */
	bool run_alive; /* its process lives, and has not written the run's end */
	pid_t pid; /* of that process */
};

int store_undo_list(struct store *s, int64_t run, struct undo_open **out, size_t *n_out,
	struct err *err) must_check;

/* A message to be delivered, kept until it is. Heap members; free with outbox_item_finish. */
struct outbox_item {
	char run[RUN_ID_MAX];
	char event_id[64];
	/* adding: what waits for this url with such a beginning of its id, whatever number follows, and
	 * the end of this one's id; "" = nothing */
	char replaces[64];
	/* as the scenario has them, "${env:NAME}" is not expanded in here; secret and key may be NULL */
	char *url, *secret;
	char *key; /* the body, an object, gets it as its first member `routing_key` */
	char *content_type;
	char *body;
	size_t body_len;
	int64_t next_try_ns, created_ns; /* wall */
	unsigned tries;
	int timeout_ms;
};

void outbox_item_finish(struct outbox_item *item);
int store_outbox_add(struct store *s, const struct outbox_item *item, struct err *err) must_check;
/* Nobody puts a message off for so long: one that seems to be was, before the clock was set back. */
#define OUTBOX_AHEAD_NS INT64_C(3660000000000)
/*
 * 1 = took one that is due, 0 = none is due, -1 = error. A receiver gets its messages in order: only the
 * oldest one that waits for it can be due. One that is OUTBOX_AHEAD_NS ahead is due.
 */
int store_outbox_next(
	struct store *s, int64_t now_wall_ns, struct outbox_item *out, struct err *err) must_check;
/*
 * After a try: delivered, or try again at next_try_ns, or given up (next_try_ns == NEVER). One that was
 * replaced meanwhile is gone, and its row may be another's: it is known by its event and url.
 */
int store_outbox_result(struct store *s, const struct outbox_item *item, bool delivered,
	int64_t next_try_ns, const char *problem, struct err *err) must_check;
/* Makes every message that waits due now. */
int store_outbox_hurry(struct store *s, struct err *err) must_check;
/* Messages that are neither delivered nor given up; -1 when that cannot be told. */
int64_t store_outbox_pending(struct store *s);
/* When the next one is due (wall), NEVER when there is none. */
int64_t store_outbox_due_ns(struct store *s);

/* For run_view.c and others of this room. */
struct db *store_db(struct store *s);

#endif
