/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/streaming.h"

#include "base/clock.h"
#include "base/vec.h"
#include "engine/report_out.h"
#include "engine/self.h"
#include "engine/supervise.h"
#include "engine/way_out.h"
#include "model/reporter.h"
#include "reporters/reporters.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* At the end, for a reader of standard output that does not read. */
#define READER_NS (300 * NS_PER_S)

struct streaming {
	VEC(pid_t) files;
	pid_t to_stdout; /* 0 = none */
};

/* ---- the children ---- */

/* What it cannot do it says itself, on standard error. */
static pid_t start(
	const struct report_spec *spec, const char *db, const char *run_id, int in, int out)
{
	const struct file_opts *file = spec->opts;
	char *argv[] = {(char *)"vfio-stress", (char *)"report", (char *)run_id, (char *)"--format",
		(char *)spec->type->word.name, (char *)"--output", (char *)file->path,
		(char *)"--db", (char *)db, (char *)"--refresh", (char *)"--follow", NULL};
	struct err err;
	pid_t pid;

	if (self_start(argv, in, out, STDERR_FILENO, &pid, &err) == 0)
		return pid;
	fprintf(stderr, "vfio-stress: %s: %s; it is written at the end\n", spec->type->word.name,
		err.msg);
	return 0;
}

/* False also when cancel_fd was readable first. */
static bool gone_by(pid_t pid, int cancel_fd, int64_t until_ns)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = {
		{.fd = pidfd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	int n;

	do {
		n = poll(fds, 2, clock_poll_ms(until_ns));
	} while (n < 0 && errno == EINTR);
	return n > 0 && fds[0].revents != 0;
}

static void end_killed(pid_t pid, int64_t until_ns)
{
	kill(pid, SIGKILL);
	(void)gone_by(pid, -1, until_ns);
	waitpid(pid, NULL, WNOHANG);
}

/* ---- from start to end ---- */

static bool grows(const struct report_spec *spec)
{
	const struct file_opts *file = spec->opts;

	return spec->type->stream_begin != NULL && file->every_ms == 0;
}

/* Two reports on it come one after the other; a terminal shows the run meanwhile. */
static bool stdout_is_free(const struct run_request *req)
{
	const struct report_spec *spec;
	size_t i, n = 0;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++)
		n += report_to_stdout(spec);
	return n == 1 && !isatty(STDOUT_FILENO);
}

struct streaming *streaming_begin(const struct run_request *req, const char *db, const char *run_id)
{
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct streaming *s = xcalloc(1, sizeof(*s));
	const struct report_spec *spec;
	size_t i;
	pid_t pid;

	for (i = 0; (spec = run_request_report(req, i)) != NULL; i++) {
		if (!grows(spec))
			continue;
		if (!report_to_stdout(spec)) {
			pid = start(spec, db, run_id, null, null);
			if (pid > 0)
				*vec_push(&s->files) = pid;
		} else if (stdout_is_free(req)) {
			s->to_stdout = start(spec, db, run_id, null, STDOUT_FILENO);
		}
	}
	return s;
}

void streaming_end_files(struct streaming *s, const struct way_out *out)
{
	vec_foreach (pid, &s->files)
		kill(*pid, SIGKILL);
	vec_foreach (pid, &s->files)
		end_killed(*pid, out->until_ns);
	s->files.n = 0;
}

bool streaming_to_stdout(const struct streaming *s)
{
	return s != NULL && s->to_stdout != 0;
}

void streaming_drop_stdout(struct streaming *s)
{
	if (streaming_to_stdout(s))
		kill(s->to_stdout, SIGKILL);
}

static int not_whole(const char *why, struct err *err)
{
	return err_set(err, ERR_IO, 0, "standard output has not got the whole report: %s", why);
}

int streaming_end_stdout(struct streaming *s, int cancel_fd, struct err *err)
{
	pid_t pid = s->to_stdout;
	int status = 0;

	s->to_stdout = 0;
	if (!gone_by(pid, cancel_fd, clock_mono_ns() + READER_NS)) {
		end_killed(pid, way_out_begin().until_ns);
		return not_whole("nobody reads it", err);
	}
	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return not_whole(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE
			? "its reader has gone"
			: "the process that wrote it has failed",
		err);
}

void streaming_free(struct streaming *s)
{
	if (s == NULL)
		return;
	if (s->to_stdout != 0)
		end_killed(s->to_stdout, way_out_begin().until_ns);
	vec_finish(&s->files);
	free(s);
}
