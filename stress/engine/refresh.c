/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/refresh.h"

#include "base/clock.h"
#include "base/vec.h"
#include "engine/progress.h"
#include "engine/self.h"
#include "engine/supervise.h"
#include "engine/way_out.h"
#include "model/reporter.h"
#include "reporters/reporters.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_NS (600 * NS_PER_S) /* for one report */
#define LAST_NS (2 * NS_PER_S) /* for the one that is being made when the run ends */

struct due {
	const struct reporter *type;
	const struct file_opts *file;
	int64_t next_ns;
	bool failed; /* the last time, which was said */
};

struct refresh {
	const char *db, *run_id;
	struct progress *progress;
	VEC(struct due) reports;
	struct due *now; /* being made; NULL = none is */
	pid_t pid;
	int64_t give_up_ns;
};

/* ---- the child ---- */

static void say_failed(struct refresh *r, const char *why)
{
	if (!r->now->failed)
		progress_note(r->progress,
			"the %s report could not be made now (%s); it is made again later, and at "
			"the end",
			r->now->type->word.name, why);
	r->now->failed = true;
}

/* Its text goes where nobody reads: `report` says the same to who asks. */
static int start(struct refresh *r, struct err *err)
{
	char *argv[] = {(char *)"vfio-stress", (char *)"report", (char *)r->run_id,
		(char *)"--format", (char *)r->now->type->word.name, (char *)"--output",
		(char *)r->now->file->path, (char *)"--db", (char *)r->db, (char *)"--refresh",
		NULL};
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	return self_start(argv, null, null, null, &r->pid, err);
}

static void begin(struct refresh *r, struct due *report)
{
	int64_t now = clock_mono_ns();
	struct err err;

	r->now = report;
	r->give_up_ns = now + MOST_NS;
	report->next_ns = now + report->file->every_ms * NS_PER_MS;
	if (start(r, &err) == 0)
		return;
	say_failed(r, err.msg);
	r->now = NULL;
}

static void look_at_child(struct refresh *r)
{
	int status;

	if (waitpid(r->pid, &status, WNOHANG) == 0) {
		if (clock_mono_ns() > r->give_up_ns)
			kill(r->pid, SIGKILL);
		return;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		r->now->failed = false;
	else
		say_failed(r, WIFEXITED(status) ? "`vfio-stress report` tells why" : "killed");
	r->now = NULL;
}

/* ---- from start to end ---- */

/* Where one takes longer than its `every`, it does not keep others from their turn. */
static struct due *longest_due(struct refresh *r)
{
	struct due *first = NULL;

	vec_foreach (report, &r->reports)
		if (first == NULL || report->next_ns < first->next_ns)
			first = report;
	return first != NULL && first->next_ns <= clock_mono_ns() ? first : NULL;
}

void refresh_tick(struct refresh *r)
{
	struct due *report;

	if (r->now != NULL)
		look_at_child(r);
	report = longest_due(r);
	if (r->now == NULL && report != NULL)
		begin(r, report);
}

static void add(struct refresh *r, const struct report_spec *specs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const struct file_opts *file = specs[i].opts;

		if (specs[i].type->hand_over == NULL && file->every_ms > 0)
			*vec_push(&r->reports) = (struct due){.type = specs[i].type,
				.file = file,
				.next_ns = clock_mono_ns() + file->every_ms * NS_PER_MS};
	}
}

struct refresh *refresh_begin(const struct run_request *req, const char *db, const char *run_id,
	struct progress *progress)
{
	struct refresh *r = xcalloc(1, sizeof(*r));

	r->db = db;
	r->run_id = run_id;
	r->progress = progress;
	add(r, req->reports, req->nreports);
	add(r, req->scenario->reports, req->scenario->nreports);
	return r;
}

void refresh_end(struct refresh *r, const struct way_out *out)
{
	if (r == NULL)
		return;
	if (r->now != NULL) {
		auto_close int pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		/* it is nearly done: killed it would leave the file that it writes beside the report */
		if (poll(&p, 1, clock_poll_ms(way_out_ask_until(out, LAST_NS))) <= 0) {
			kill(r->pid, SIGKILL);
			poll(&p, 1, clock_poll_ms(out->until_ns));
		}
		waitpid(r->pid, NULL, WNOHANG);
	}
	vec_finish(&r->reports);
	free(r);
}
