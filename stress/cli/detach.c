/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/detach.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "model/store.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* From the background, once. */
struct begun {
	char id[RUN_ID_MAX];
	off_t said; /* bytes of the log: what the foreground would have read until then */
};

/* ---- the log ---- */

/* The store's own checks come first: they say best what is wrong with the place. */
static int open_log(struct detach *d, const char *db, int *fd_out, struct err *err)
{
	auto_free char *name = xasprintf("begin-%d", (int)getpid());
	struct store *store;
	int fd;

	if (store_open(db, STORE_CREATE, &store, err) != 0)
		return -1;
	d->store = xstrdup(store_path(store));
	store_close(store);
	d->log = store_log_path(d->store, name);
	unlink(d->log); /* of one that was killed, and had our number */
	fd = open(d->log, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, ERR_IO, errno, "create the log %s", d->log);
	*fd_out = fd;
	return 0;
}

/* To those who wait in the foreground. */
static void relay(int log, off_t said)
{
	char buf[4096];
	off_t at = 0;

	while (at < said) {
		size_t want = said - at < (off_t)sizeof(buf) ? (size_t)(said - at) : sizeof(buf);
		ssize_t n = pread(log, buf, want, at);

		if (n <= 0)
			return;
		fwrite(buf, 1, (size_t)n, stderr);
		at += n;
	}
}

static off_t length(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_size : 0;
}

/* ---- the foreground ---- */

static void say_begun(const struct detach *d, const struct begun *b, pid_t pid, const char *db)
{
	const char *opt = db != NULL ? " --db " : "", *file = db != NULL ? db : "";
	auto_free char *log = store_log_path(d->store, b->id);

	printf("run %s goes on in the background, as process %d\n"
	       "  watch it  vfio-stress watch %s%s%s\n"
	       "  stop it   vfio-stress runs stop %s%s%s\n"
	       "  its log   %s\n",
		b->id, (int)pid, b->id, opt, file, b->id, opt, file, log);
}

/* Its wait status. */
static int ended_early(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* As if it had been us. */
static int end_as(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return EXIT_INCONCLUSIVE;
}

static int wait_for_begin(
	const struct detach *d, int fd, int log, pid_t pid, const char *db, bool quiet)
{
	struct begun b = {0};
	ssize_t n;

	/* Ctrl-C is for it, as long as the terminal is its own; it then ends, and says so */
	signal(SIGINT, SIG_IGN);
	do
		n = read(fd, &b, sizeof(b));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(b)) {
		int status = ended_early(pid);

		relay(log, length(log));
		fflush(NULL);
		unlink(d->log);
		return end_as(status);
	}
	relay(log, b.said);
	if (quiet)
		printf("%s\n", b.id);
	else
		say_begun(d, &b, pid, db);
	/* what is said at the end of the program would be 3: that nothing was tried */
	if (fflush(stdout) != 0) {
		fprintf(stderr, "vfio-stress: run %s goes on; write that: %s\n", b.id,
			strerror(errno));
		clearerr(stdout);
	}
	return EXIT_GOOD;
}

/* ---- the background ---- */

/* Also what its lanes have is the log from the beginning: an ssh that started it can end. */
static void turn_away(int log)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	/* a shell without job control has its background jobs ignore it; `runs stop` sends it */
	signal(SIGINT, SIG_DFL);
}

void detach_begun(void *arg, const char *run_id)
{
	struct detach *d = arg;
	struct begun b = {.said = length(STDERR_FILENO)};
	char *log = store_log_path(d->store, run_id);

	str_set(b.id, run_id);
	if (rename(d->log, log) != 0)
		fprintf(stderr, "vfio-stress: rename %s: %s\n", d->log, strerror(errno));
	free(d->log);
	d->log = log;
	setsid(); /* no terminal any more: neither its Ctrl-C nor its end concern the run */
	if (write(d->tell, &b, sizeof(b)) < 0)
		fprintf(stderr, "vfio-stress: nobody waits for this run's begin\n");
	close(d->tell);
	d->tell = -1;
}

/* ---- both ---- */

static int fork_with_pipe(struct detach *d, int *wait_out, pid_t *pid_out, struct err *err)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(err, ERR_IO, errno, "start a process in the background");
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return err_set(err, ERR_IO, errno, "start a process in the background");
	}
	close(ends[pid == 0 ? 0 : 1]);
	d->tell = pid == 0 ? ends[1] : -1;
	*wait_out = pid == 0 ? -1 : ends[0];
	*pid_out = pid;
	return 0;
}

bool detach_fork(struct detach *d, const char *db, bool quiet, int *code_out)
{
	auto_close int log = -1, wait = -1;
	struct err err;
	pid_t pid = -1;

	*d = (struct detach){.tell = -1};
	if (open_log(d, db, &log, &err) != 0 || fork_with_pipe(d, &wait, &pid, &err) != 0) {
		if (log >= 0)
			unlink(d->log);
		*code_out = complain(&err);
		return false;
	}
	if (pid == 0) {
		turn_away(log);
		return true;
	}
	*code_out = wait_for_begin(d, wait, log, pid, db, quiet);
	return false;
}

void detach_finish(struct detach *d)
{
	if (d->tell >= 0)
		close(d->tell);
	free(d->store);
	free(d->log);
	*d = (struct detach){.tell = -1};
}
