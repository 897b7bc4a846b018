/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/store.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/db.h"
#include "model/process.h"
#include "model/pulse.h"
#include "model/scenario.h"
#include "model/scrub.h"
#include "model/step.h"
#include "model/store_baseline.h"
#include "model/store_copy.h"
#include "model/store_schema.h"
#include "model/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

struct store {
	struct db *db;
	char *path;
	bool is_copy;
};

/*
 * In KiB when negative. A run appends; SQLite's 2 MB would fill during the first 2,000 cycles and look
 * like a leak of the supervisor.
 */
#define CACHE_SIZE "-256"
/*
 * Of 4 KiB, in the write-ahead log before they go into the file. That syncs both, and what is to be
 * stored waits meanwhile: with SQLite's 1000, every half second of a storm. The pages of an incident
 * that keeps changing go over once, however often they were written.
 */
#define CHECKPOINT_PAGES 4000
#define PAGE_BYTES       4096 /* SQLite's default */
/* On a small disk the log may be such a part of it, since what goes over needs room in the file too. */
#define CHECKPOINT_PART 16

/* ---- the file ---- */

int store_default_path(char **out, struct err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (geteuid() == 0) {
		*out = xstrdup("/var/lib/vfio-stress/runs.db");
	} else if (state != NULL && *state == '/') {
		*out = xasprintf("%s/vfio-stress/runs.db", state);
	} else if (home != NULL && *home == '/') {
		*out = xasprintf("%s/.local/state/vfio-stress/runs.db", home);
	} else {
		err_set(err, ERR_IO, 0, "HOME is not set, so nobody knows where the store is");
		return err_hint(err, "name it with --db FILE");
	}
	return 0;
}

/* mkdir -p of the file's folder; what is created is private (0700). */
static int make_folder(const char *path, struct err *err)
{
	auto_free char *folder = xstrdup(path);
	char *slash;

	for (slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
			err_set(err, ERR_IO, errno, "create the store's folder %s", folder);
			return err_hint(err, "choose another place with --db FILE");
		}
		*slash = '/';
	}
	return 0;
}

/* SQLite would create the file with the umask's mode; it may hold other people's logs. */
static int create_private(const char *path, struct err *err)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		return 0;
	err_set(err, ERR_IO, errno, "open the store %s", path);
	return err_hint(err, "choose another place with --db FILE");
}

static int is_empty(const struct store *s, struct err *err)
{
	return err_set(err, ERR_ABSENT, 0, "%s is empty: no run was stored there yet", s->path);
}

/* One of an older program stays as it is: a copy of it is brought up to date, and read. */
static int prepare_for_reading(struct store *s, struct err *err)
{
	enum schema_state state;
	struct db *copy;

	if (schema_look(s->db, s->path, &state, err) != 0)
		return -1;
	if (state == SCHEMA_NONE)
		return is_empty(s, err);
	if (state == SCHEMA_CURRENT)
		return 0;
	if (db_copy(s->db, NULL, &copy, err) != 0)
		return -1;
	db_close(s->db);
	s->db = copy;
	s->is_copy = true;
	return schema_update(s->db, s->path, err);
}

bool store_room(const struct store *s, uint64_t *left_out, uint64_t *whole_out)
{
	struct statvfs st;

	if (statvfs(s->path, &st) != 0)
		return false;
	*left_out = (uint64_t)st.f_bavail * st.f_frsize;
	*whole_out = (uint64_t)st.f_blocks * st.f_frsize;
	return true;
}

static int set_pragmas(struct store *s, struct err *err)
{
	uint64_t left, whole, pages = CHECKPOINT_PAGES;
	char pragmas[200];

	if (store_room(s, &left, &whole) && whole / CHECKPOINT_PART / PAGE_BYTES < pages)
		pages = whole / CHECKPOINT_PART / PAGE_BYTES + 1; /* 0 would mean never */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"PRAGMA wal_autocheckpoint = %" PRIu64 "; PRAGMA cache_size = " CACHE_SIZE ";",
		pages);
	return db_exec(s->db, pragmas, err);
}

/* Its children, which put back and deliver at its end, would find a store that is too new for them. */
static int update(struct store *s, struct err *err)
{
	int64_t newest;
	size_t n;

	if (store_running(s, &n, &newest, err) != 0)
		return -1;
	if (n == 0)
		return schema_update(s->db, s->path, err);
	err_set(err, ERR_IO, 0, "a run of an older vfio-stress goes on in %s", s->path);
	return err_hint(err, "wait for its end, or name another store with --db FILE");
}

static int prepare_for_writing(struct store *s, enum store_mode mode, struct err *err)
{
	enum schema_state state;

	if (schema_look(s->db, s->path, &state, err) != 0)
		return -1;
	if (state == SCHEMA_NONE && mode != STORE_CREATE)
		return is_empty(s, err);
	if (set_pragmas(s, err) != 0)
		return -1;
	switch (state) {
	case SCHEMA_NONE:
		return schema_update(s->db, s->path, err);
	case SCHEMA_OLDER:
		return update(s, err);
	case SCHEMA_CURRENT:
		break;
	}
	return 0;
}

static int prepare_alone(struct store *s, struct err *err)
{
	enum schema_state state;

	/* before the first read: it decides that the index of the log is in memory */
	if (db_exec(s->db, "PRAGMA locking_mode = EXCLUSIVE", err) != 0 ||
		schema_look(s->db, s->path, &state, err) != 0)
		return -1;
	if (state != SCHEMA_CURRENT)
		return err_set(
			err, ERR_IO, 0, "%s is of an older version of this program", s->path);
	return 0;
}

static int prepare(struct store *s, enum store_mode mode, struct err *err)
{
	if (mode == STORE_READ)
		return prepare_for_reading(s, err);
	return mode == STORE_ALONE ? prepare_alone(s, err) : prepare_for_writing(s, mode, err);
}

static int is_absent(const struct store *s, bool is_default, struct err *err)
{
	err_set(err, ERR_ABSENT, errno, "there is no store %s", s->path);
	return err_hint(err, "%s",
		is_default && geteuid() != 0
			? "this user has stored no run yet: as root you see root's; --db FILE "
			  "names another store"
			: "no run was stored there yet; --db FILE names another one");
}

/* What SQLite cannot read because nothing can be written beside it. */
static int open_copy(struct store *s, struct err *err)
{
	db_close(take_ptr(s->db));
	s->is_copy = true;
	return store_copy_open(s->path, &s->db, err) == 0 ? prepare_for_reading(s, err) : -1;
}

/* SQLite tells neither which file it is nor, of a folder, what is wrong with it. */
static int open_existing(struct store *s, enum store_mode mode, bool is_default, struct err *err)
{
	bool to_read = mode == STORE_READ || mode == STORE_ALONE;
	int may = to_read ? R_OK : R_OK | W_OK;
	struct stat st;

	if (stat(s->path, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return is_absent(s, is_default, err);
	if (faccessat(AT_FDCWD, s->path, may, AT_EACCESS) != 0) {
		err_set(err, errno == EACCES || errno == EPERM ? ERR_REFUSED : ERR_IO, errno,
			"open the store %s", s->path);
		return err_hint(err, "try as root, or as who owns it; --db FILE names another one");
	}
	if (S_ISDIR(st.st_mode)) {
		err_set(err, ERR_UNSUPPORTED, EISDIR, "open the store %s", s->path);
		return err_hint(err, "name the file in it with --db FILE");
	}
	return db_open(s->path, mode == STORE_READ ? DB_READ : DB_WRITE, &s->db, err);
}

static int open_or_create(struct store *s, struct err *err)
{
	if (make_folder(s->path, err) != 0 || create_private(s->path, err) != 0)
		return -1;
	return db_open(s->path, DB_CREATE, &s->db, err);
}

int store_open(const char *path, enum store_mode mode, struct store **out, struct err *err)
{
	struct err copying;
	struct store *s;
	int rc;

	if (path != NULL && *path == '\0')
		return err_set(err, ERR_USAGE, 0, "--db needs the name of a file");
	s = xcalloc(1, sizeof(*s));
	if (path != NULL)
		s->path = xstrdup(path);
	rc = path ? 0 : store_default_path(&s->path, err);
	if (rc == 0)
		rc = mode == STORE_CREATE ? open_or_create(s, err)
					  : open_existing(s, mode, path == NULL, err);
	if (rc == 0)
		rc = prepare(s, mode, err);
	if (rc != 0 && mode == STORE_READ && err->code == ERR_IO && open_copy(s, &copying) == 0)
		rc = 0;
	if (rc != 0) {
		store_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	db_close(s->db);
	free(s->path);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}

char *store_log_path(const char *store, const char *run_id)
{
	const char *slash = strrchr(store, '/');

	return xasprintf("%.*s%s.log", slash ? (int)(slash + 1 - store) : 0, store, run_id);
}

bool store_is_copy(const struct store *s)
{
	return s->is_copy;
}

struct db *store_db(struct store *s)
{
	return s->db;
}

int store_begin(struct store *s, struct err *err)
{
	return db_exec(s->db, "BEGIN IMMEDIATE", err);
}

int store_begin_in_memory(struct store *s, struct err *err)
{
	return db_exec(s->db, "PRAGMA cache_spill = OFF; BEGIN IMMEDIATE", err);
}

int store_commit(struct store *s, struct err *err)
{
	return db_exec(s->db, "COMMIT", err);
}

void store_rollback(struct store *s)
{
	struct err ignored;

	(void)!db_exec(s->db, "ROLLBACK", &ignored);
	(void)!db_exec(s->db, "PRAGMA cache_spill = ON", &ignored);
}

/* ---- the run ---- */

const char *run_id_new(char buf[RUN_ID_MAX])
{
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	uint16_t random = 0;
	char when[20];
	struct tm tm;

	(void)!getrandom(&random, sizeof(random), 0);
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", &tm);
	snprintf(buf, RUN_ID_MAX, "%s-%04x", when, random);
	return buf;
}

static int insert_run(struct store *s, const struct run_begin *r, struct err *err)
{
	static const char sql[] = "INSERT INTO run (id, scenario, scenario_text, settings, "
				  "connect, tool_version, boot_id,"
				  " seed, simulated, pid, pid_start, started_ns, alive_ns, "
				  "host_name, kernel, cmdline, bios,"
				  " board, cpu, microcode, qemu, libvirt, machine_id)"
				  " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
	const struct host_facts *h = &r->host;
	int64_t now = clock_wall_ns();
	struct str cmdline = {0}; /* every report has it: without its secrets */
	int rc;

	if (h->cmdline != NULL)
		scrub_words(h->cmdline, &cmdline);
	rc = db_run(s->db, err, sql, "sssssssiiiiiissssssssss", r->id, r->scenario->name,
		r->scenario->source.text, r->settings, r->scenario->connect, r->tool_version,
		r->boot_id, (int64_t)r->seed, (int64_t)r->simulated, (int64_t)r->pid,
		process_mark(NULL, r->pid), now, now, h->name, h->kernel,
		cmdline.s ? cmdline.s : "", h->bios, h->board, h->cpu, h->microcode, h->qemu,
		h->libvirt, r->machine_id != NULL ? r->machine_id : "");
	str_finish(&cmdline);
	return rc;
}

static int insert_device(
	struct store *s, int64_t run, int64_t lane, const struct pcidev *d, struct err *err)
{
	char bdf[BDF_LEN];

	return db_run(s->db, err, "INSERT INTO lane_device VALUES (?,?,?,?,?,?,?,?,?,?)",
		"iisiiiiiis", run, lane, bdf_text(d->bdf, bdf), (int64_t)d->vendor,
		(int64_t)d->device, (int64_t)d->subvendor, (int64_t)d->subdevice,
		(int64_t)d->revision, (int64_t)d->class_code, d->name);
}

static int insert_step(struct store *s, int64_t run, int64_t lane, enum phase phase, size_t index,
	const struct step *step, const char *device, struct err *err)
{
	return db_run(s->db, err, "INSERT INTO step VALUES (?,?,?,?,?,?,?,?)", "iiiissss", run,
		lane, (int64_t)phase, (int64_t)index, device, step->name, step->type->word.name,
		step->arg);
}

/* One row per step; a device step has one per device that it acts on. */
static int insert_steps(struct store *s, int64_t run, int64_t lane, const struct lane_begin *l,
	enum phase phase, const struct step_list *list, struct err *err)
{
	char bdf[BDF_LEN];
	size_t i, d;

	for (i = 0; i < list->n; i++) {
		const struct step *step = &list->v[i];

		if (!(step->type->flags & STEP_ON_DEVICES)) {
			if (insert_step(s, run, lane, phase, i, step, "", err) != 0)
				return -1;
			continue;
		}
		for (d = 0; d < l->ndevices; d++) {
			const struct pcidev *dev = &l->devices[d];

			if (step->device != NULL && !pcidev_matches(dev, step->device))
				continue;
			if (insert_step(s, run, lane, phase, i, step, bdf_text(dev->bdf, bdf),
				    err) != 0)
				return -1;
		}
	}
	return 0;
}

static int insert_lane(struct store *s, int64_t run, int64_t lane, const struct scenario *sc,
	const struct lane_begin *l, struct err *err)
{
	size_t i;

	if (db_run(s->db, err, "INSERT INTO lane VALUES (?,?,?,?)", "iiss", run, lane,
		    l->spec->name, l->spec->domain) != 0)
		return -1;
	for (i = 0; i < l->ndevices; i++)
		if (insert_device(s, run, lane, &l->devices[i], err) != 0)
			return -1;
	if (insert_steps(s, run, lane, l, PHASE_BEFORE, &sc->before, err) != 0 ||
		insert_steps(s, run, lane, l, PHASE_CYCLE, &l->spec->steps, err) != 0)
		return -1;
	return insert_steps(s, run, lane, l, PHASE_AFTER, &sc->after, err);
}

static int insert_all(struct store *s, const struct run_begin *r, int64_t *run, struct err *err)
{
	size_t i;

	if (insert_run(s, r, err) != 0)
		return -1;
	*run = db_last_id(s->db);
	for (i = 0; i < r->scenario->nlanes; i++)
		if (insert_lane(s, *run, (int64_t)i, r->scenario, &r->lanes[i], err) != 0)
			return -1;
	return r->call != NULL ? store_run_call(s, *run, r->call, err) : 0;
}

static int begin_once(struct store *s, const struct run_begin *r, int64_t *run_out, struct err *err)
{
	int64_t run;

	if (store_begin(s, err) != 0)
		return -1;
	if (insert_all(s, r, &run, err) != 0 || store_commit(s, err) != 0) {
		store_rollback(s);
		return -1;
	}
	*run_out = run;
	return 0;
}

/*
 * Once more when the disk refuses: what was written but could not be synced would be found by the next
 * one who opens the file, as a run that died.
 */
int store_run_begin(struct store *s, const struct run_begin *r, int64_t *run_out, struct err *err)
{
	if (begin_once(s, r, run_out, err) == 0)
		return 0;
	return begin_once(s, r, run_out, err);
}

int store_event(
	struct store *s, int64_t run, const struct event *ev, uint64_t klog_seq, struct err *err)
{
	static const char sql[] = "INSERT INTO event (run, kind, lane, cycle, phase, step, "
				  "outcome, flags, code, mono_ns,"
				  " wall_ns, dur_ns, klog_seq, subject, reason, text, hint)"
				  " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

	return db_run(s->db, err, sql, "iiiiiiiiiiiiissss", run, (int64_t)ev->kind,
		(int64_t)ev->lane, (int64_t)ev->cycle, (int64_t)ev->phase, (int64_t)ev->step,
		(int64_t)ev->outcome, (int64_t)ev->flags, (int64_t)ev->code, ev->mono_ns,
		ev->wall_ns, ev->dur_ns, (int64_t)klog_seq, ev->subject, ev->reason, ev->text,
		ev->hint);
}

int store_record(struct store *s, int64_t run, const struct klog_rec *rec, struct err *err)
{
	return db_run(s->db, err, "INSERT INTO record VALUES (?,?,?,?,?,?,?,?)", "iiiiiiss", run,
		(int64_t)rec->seq, rec->usec, rec->wall_ns, (int64_t)rec->level,
		(int64_t)rec->facility, rec->device, rec->text);
}

int store_note(struct store *s, int64_t run, const char *kind, const char *text, struct err *err)
{
	return db_run(
		s->db, err, "INSERT OR IGNORE INTO note VALUES (?,?,?)", "iss", run, kind, text);
}

int store_heartbeat(struct store *s, int64_t run, int64_t wall_ns, int64_t mono_ns, struct err *err)
{
	return db_run(s->db, err, "UPDATE run SET alive_ns = ?, alive_mono_ns = ? WHERE key = ?",
		"iii", wall_ns, mono_ns, run);
}

int store_run_klog(struct store *s, int64_t run, const struct klog_account *k, struct err *err)
{
	return db_run(s->db, err,
		"UPDATE run SET klog_records = ?, klog_lost = ?, blind = ?, blind_reason = ?"
		" WHERE key = ?",
		"iiisi", (int64_t)k->records, (int64_t)k->lost, (int64_t)k->blind, k->reason, run);
}

int store_run_aborted(struct store *s, int64_t run, const char *why, struct err *err)
{
	return db_run(s->db, err, "UPDATE run SET aborted = ? WHERE key = ?", "si", why, run);
}

int store_reports_due(struct store *s, int64_t run, bool due, struct err *err)
{
	return db_run(s->db, err, "UPDATE run SET reports_due = ? WHERE key = ?", "ii",
		(int64_t)due, run);
}

int store_run_end(struct store *s, int64_t run, enum verdict verdict, int exit_code,
	const char *reason, struct err *err)
{
	int64_t now = clock_wall_ns();

	return db_run(s->db, err,
		/* it is ended before it is judged: a report made later tells the same end */
		"UPDATE run SET ended_ns = coalesce(ended_ns, ?), alive_ns = ?, verdict = ?,"
		" exit_code = ?, reason = ? WHERE key = ?",
		"iiiisi", now, now, (int64_t)verdict, (int64_t)exit_code, reason, run);
}

/* ---- incidents ---- */

/* "name US kind US text RS" per field: the separators cannot be in printable text. */
static void fields_pack(const struct incident *inc, struct str *out)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		str_addf(out, "%s\x1f%d\x1f%s\x1e", inc->fields[i].name, (int)inc->fields[i].kind,
			inc->fields[i].text);
}

static int insert_line(struct store *s, int64_t run, const struct incident *inc, size_t pos,
	const struct incident_line *line, bool replace, struct err *err)
{
	static const char once[] = "INSERT OR IGNORE INTO incident_line VALUES (?,?,?,?,?)";
	static const char again[] = "INSERT OR REPLACE INTO incident_line VALUES (?,?,?,?,?)";

	return db_run(s->db, err, replace ? again : once, "iiiis", run, (int64_t)inc->no,
		(int64_t)pos, (int64_t)line->seq, line->text);
}

int store_incident(struct store *s, int64_t run, const struct incident *inc, struct err *err)
{
	static const char sql[] = "INSERT OR REPLACE INTO incident VALUES"
				  " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
	const struct place *p = &inc->place;
	char bdf[BDF_LEN], reporter[BDF_LEN];
	struct str fields = {0};
	size_t i;
	int rc;

	fields_pack(inc, &fields);
	rc = db_run(s->db, err, sql, "iisiiiissiiisiiiiiiiiibisssis", run, (int64_t)inc->no,
		inc->id, (int64_t)inc->severity, (int64_t)inc->tolerated, (int64_t)inc->over_budget,
		(int64_t)inc->expected, inc->has_bdf ? bdf_text(inc->bdf, bdf) : NULL,
		inc->has_reporter ? bdf_text(inc->reporter, reporter) : NULL, (int64_t)p->lane,
		(int64_t)p->candidates, (int64_t)p->cycle, p->step, (int64_t)p->step_index,
		(int64_t)p->late, (int64_t)p->in_lane, (int64_t)inc->count,
		(int64_t)inc->count_is_lower_bound, (int64_t)inc->first_seq, (int64_t)inc->last_seq,
		inc->first_wall_ns, inc->last_wall_ns, (const void *)fields.s, fields.len,
		(int64_t)inc->lines_omitted, inc->seen_by, inc->meaning, inc->advice,
		(int64_t)inc->telling, inc->budget);
	str_finish(&fields);
	for (i = 0; rc == 0 && i < inc->nfirst; i++)
		rc = insert_line(s, run, inc, i, &inc->first[i], false, err);
	for (i = 0; rc == 0 && i < inc->nlast; i++)
		rc = insert_line(s, run, inc, INCIDENT_FIRST_LINES + i, &inc->last[i], true, err);
	return rc;
}

/* ---- undo ---- */

int store_undo(struct store *s, int64_t run, const struct event *ev, const char *boot_id,
	uint64_t *id_out, struct err *err)
{
	struct undo_rec rec;

	undo_from_event(ev, &rec);
	if (db_run(s->db, err,
		    "INSERT INTO undo (run, lane, kind, subject, path, value, boot_id)"
		    " VALUES (?,?,?,?,?,?,?)",
		    "iiissss", run, (int64_t)ev->lane, (int64_t)rec.kind, rec.subject, rec.path,
		    rec.value, boot_id) != 0)
		return -1;
	*id_out = (uint64_t)db_last_id(s->db);
	return 0;
}

int store_undo_done(struct store *s, uint64_t id, struct err *err)
{
	return db_run(s->db, err, "UPDATE undo SET done = 1 WHERE id = ?", "i", (int64_t)id);
}

int store_undo_list(
	struct store *s, int64_t run, struct undo_open **out, size_t *n_out, struct err *err)
{
	VEC(struct undo_open) list = {0};
	struct query *q;
	int rc;

	if (db_query(s->db, &q, err,
		    "SELECT u.id, u.kind, u.subject, u.path, u.value, u.boot_id, r.key, r.id, "
		    "r.connect,"
		    " r.ended_ns IS NULL, r.pid, r.pid_start FROM undo u JOIN run r ON r.key = "
		    "u.run"
		    " WHERE u.done = 0 AND (?1 = 0 OR u.run = ?1) ORDER BY u.id DESC",
		    "i", run) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		struct undo_open *u = vec_push(&list);

		u->rec.id = (uint64_t)db_int(q, 0);
		u->rec.kind = (enum undo_kind)db_int(q, 1);
		str_set(u->rec.subject, db_text(q, 2));
		str_set(u->rec.path, db_text(q, 3));
		str_set(u->rec.value, db_text(q, 4));
		str_set(u->boot_id, db_text(q, 5));
		u->run = db_int(q, 6);
		str_set(u->run_id, db_text(q, 7));
		str_set(u->connect, db_text(q, 8));
		u->pid = (pid_t)db_int(q, 10);
		u->run_alive = db_int(q, 9) && process_lives(NULL, db_int(q, 10), db_int(q, 11));
	}
	db_done(q);
	if (rc < 0) {
		vec_finish(&list);
		return -1;
	}
	*out = list.v;
	*n_out = list.n;
	return 0;
}

/* ---- finding runs ---- */

/* Of all lanes. A cycle failed when a step of it did, or an incident over budget fell into it. */
static int count_cycles(struct store *s, int64_t run, struct run_line *line, struct err *err)
{
	struct query *q;
	int rc;

	if (db_query(s->db, &q, err,
		    "SELECT count(*), coalesce(sum(outcome IN (1, 2) OR (lane, cycle) IN (SELECT"
		    " lane, cycle FROM incident WHERE run = ?1 AND over_budget)), 0)"
		    " FROM event WHERE run = ?1 AND kind = ?2 AND outcome <> 4",
		    "ii", run, (int64_t)EV_CYCLE_END) != 0)
		return -1;
	rc = db_one_row(q, err);
	if (rc == 1) {
		line->cycles_done = (uint64_t)db_int(q, 0);
		line->cycles_failed = (uint64_t)db_int(q, 1);
	}
	db_done(q);
	return rc == 1 ? 0 : -1;
}

static int read_line(struct store *s, struct query *q, struct run_line *out, struct err *err)
{
	struct run_line l = {0};

	str_set(l.id, db_text(q, 1));
	str_set(l.scenario, db_text(q, 2));
	l.started_ns = db_int(q, 3);
	l.ended_ns = db_int(q, 4);
	l.verdict = l.ended_ns ? (enum verdict)db_int(q, 5) : VERDICT_ABORTED;
	l.alive = l.ended_ns == 0 && process_lives(NULL, db_int(q, 6), db_int(q, 7));
	if (store_baseline_is(s, db_int(q, 0), &l.baseline, err) != 0)
		return -1;
	*out = l;
	return count_cycles(s, db_int(q, 0), out, err);
}

int store_list_runs(struct store *s, bool (*each)(void *arg, const struct run_line *line),
	void *arg, struct err *err)
{
	struct run_line line;
	struct query *q;
	int rc;

	if (db_query(s->db, &q, err,
		    "SELECT key, id, scenario, started_ns, ended_ns, verdict, pid, pid_start"
		    " FROM run ORDER BY key DESC",
		    "") != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		rc = read_line(s, q, &line, err);
		if (rc != 0 || !each(arg, &line))
			break;
	}
	db_done(q);
	return rc < 0 ? -1 : 0;
}

static int find_by_prefix(struct store *s, const char *which, int64_t *run_out, struct err *err)
{
	int64_t key = 0, n = 0;
	struct query *q;
	int rc;

	if (db_query(s->db, &q, err,
		    "SELECT key, id = ?1 FROM run WHERE substr(id, 1, length(?1)) = ?1 ORDER BY id "
		    "= ?1"
		    " DESC LIMIT 2",
		    "s", which) != 0)
		return -1;
	while ((rc = db_row(q, err)) == 1) {
		if (n++ == 0)
			key = db_int(q, 0);
		if (db_int(q, 1))
			break;
	}
	db_done(q);
	if (rc < 0)
		return -1;
	if (n != 1) {
		err_set(err, ERR_ABSENT, 0,
			n ? "several runs begin with '%s'" : "there is no run '%s'", which);
		return err_hint(err, "`vfio-stress runs` lists them");
	}
	*run_out = key;
	return 0;
}

int store_find_run(struct store *s, const char *which, int64_t *run_out, struct err *err)
{
	struct query *q;
	int rc;

	if (!str_eq(which, "latest"))
		return find_by_prefix(s, which, run_out, err);
	if (db_query(s->db, &q, err, "SELECT max(key) FROM run HAVING max(key) IS NOT NULL", "") !=
		0)
		return -1;
	rc = db_row(q, err);
	if (rc == 1)
		*run_out = db_int(q, 0);
	db_done(q);
	if (rc == 0)
		return err_set(err, ERR_ABSENT, 0, "%s holds no runs yet", s->path);
	return rc == 1 ? 0 : -1;
}
