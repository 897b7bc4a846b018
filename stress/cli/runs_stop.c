/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runs_stop.h"

#include "base/mem.h"
#include "cli/command.h"
#include "model/outcome.h"
#include "model/pulse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without a name: the one that goes on. */
static int find(struct store *store, const struct options *o, int64_t *run_out, struct err *err)
{
	size_t n;

	if (o->nargs > 1)
		return store_find_run(store, o->args[1], run_out, err);
	if (store_running(store, &n, run_out, err) != 0)
		return -1;
	if (n == 1)
		return 0;
	if (n == 0)
		return err_set(err, ERR_ABSENT, 0, "no run goes on in %s", store_path(store));
	err_set(err, ERR_USAGE, 0, "%zu runs go on: stop which of them?", n);
	return err_hint(err, "`vfio-stress runs` lists them");
}

/* Does the process ignore this signal? A shell without job control has `vfio-stress run &` do so. */
static bool ignores(pid_t pid, int sig)
{
	auto_free char *path = xasprintf("/proc/%d/status", (int)pid);
	auto_file FILE *in = fopen(path, "re");
	unsigned long long mask = 0;
	char line[256];

	while (in != NULL && fgets(line, sizeof(line), in) != NULL)
		if (strncmp(line, "SigIgn:", 7) == 0)
			mask = strtoull(line + 7, NULL, 16);
	return mask >> (sig - 1) & 1;
}

static int not_there(const struct run_pulse *p, struct err *err)
{
	err_set(err, ERR_ABSENT, 0, "the process of run %s is gone", p->id);
	return err_hint(err,
		"`vfio-stress resume` ends the run, `vfio-stress undo` puts back what it "
		"changed");
}

/* The descriptor is taken first: what is then found to be the run's process cannot become another. */
static int ask_to_end(
	struct store *store, int64_t run, struct run_pulse *p, int *pidfd_out, struct err *err)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	int sig = ignores(p->pid, SIGINT) ? SIGTERM : SIGINT;
	pid_t pid = p->pid;

	if (store_pulse(store, run, p, err) != 0)
		return -1;
	if (pidfd < 0 || p->pid != pid || !p->lives)
		return not_there(p, err);
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) != 0) {
		err_set(err, ERR_IO, errno, "stop run %s (process %d)", p->id, (int)p->pid);
		return err_hint(err, "ask as the user who started it, or as root");
	}
	*pidfd_out = take_fd(&pidfd);
	return 0;
}

static void wait_for_end(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* Again: a copy of an older version's store has not seen the end. */
static int look_again(const char *db, const char *id, struct run_pulse *out, struct err *err)
{
	struct store *store;
	int64_t run;
	int rc;

	if (store_open(db, STORE_READ, &store, err) != 0)
		return -1;
	rc = store_find_run(store, id, &run, err);
	if (rc == 0)
		rc = store_pulse(store, run, out, err);
	store_close(store);
	return rc;
}

static int stop(struct store *store, int64_t run, struct err *err)
{
	auto_close int pidfd = -1;
	struct run_pulse p;

	if (store_pulse(store, run, &p, err) != 0)
		return -1;
	if (p.ended) {
		printf("run %s has ended already\n", p.id);
		return EXIT_GOOD;
	}
	if (ask_to_end(store, run, &p, &pidfd, err) != 0)
		return -1;
	printf("run %s finishes its step and puts the host back; asked once more, it stops now\n",
		p.id);
	fflush(stdout);
	wait_for_end(pidfd);
	if (look_again(store_path(store), p.id, &p, err) != 0)
		return -1;
	if (!p.ended)
		return not_there(&p, err);
	printf("run %s has ended: `vfio-stress report %s` tells how\n", p.id, p.id);
	return EXIT_GOOD;
}

int runs_stop(const struct options *o, struct err *err)
{
	struct store *store;
	int64_t run;
	int rc;

	if (store_open(options_get(o, "db"), STORE_READ, &store, err) != 0)
		return -1;
	rc = find(store, o, &run, err);
	if (rc == 0)
		rc = stop(store, run, err);
	store_close(store);
	return rc;
}
