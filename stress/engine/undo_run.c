/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/undo_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/driver.h"
#include "device/lock.h"
#include "device/undo_replay.h"
#include "engine/least.h"
#include "model/store.h"
#include "world/vm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOMAIN_NS      (180 * NS_PER_S)
#define CHILD_GRACE_MS 2000

static void describe(const struct undo_rec *rec, char *buf, size_t size)
{
	switch (rec->kind) {
	case UNDO_WRITE:
		snprintf(buf, size, "write '%s' to %s", rec->value, rec->path);
		return;
	case UNDO_DRIVER:
		snprintf(buf, size, "bind %s to %s", rec->subject,
			*rec->value ? rec->value : "no driver");
		return;
	case UNDO_DOMAIN:
		snprintf(buf, size, "bring domain %s to '%s'", rec->subject, rec->value);
		return;
	case UNDO_TRACE:
		snprintf(buf, size, "remove tracing instance %s", rec->subject);
		return;
	}
}

static int restore_domain(
	const struct host *host, const struct undo_open *u, enum vm_state state, struct err *err)
{
	struct vm *vm = NULL;
	int rc;

	if (vm_open(host, u->connect, u->rec.subject, &vm, err) != 0)
		return -1;
	rc = vm_restore(vm, state, clock_mono_ns() + DOMAIN_NS, err) == VM_OK ? 0 : -1;
	vm_close(vm);
	return rc;
}

/* A later run may have the domain by now. */
static int replay_domain(const struct host *host, const struct undo_open *u, struct err *err)
{
	struct domain_lock lock;
	enum vm_state state;
	int rc;

	if (!vm_state_of_name(u->rec.value, &state))
		return err_set(err, ERR_INPUT, 0, "unknown domain state '%s'", u->rec.value);
	if (lock_take_domain(host, u->connect, u->rec.subject, "undo", &lock, err) != 0)
		return -1;
	rc = restore_domain(host, u, state, err);
	lock_drop_domain(&lock);
	return rc;
}

/* A lane that still holds the device may be asleep in the kernel with it. */
static int replay_device(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	struct bdf bdf;
	int rc, lock = -1;

	if (!bdf_parse(rec->subject, &bdf))
		return undo_replay(host, rec, err);
	if (lock_take(host, bdf, &lock, err) != 0)
		return -1;
	rc = undo_replay(host, rec, err);
	close(lock);
	return rc;
}

static int replay(const struct host *host, const struct undo_open *u, struct err *err)
{
	if (u->rec.kind == UNDO_DOMAIN)
		return replay_domain(host, u, err);
	return replay_device(host, &u->rec, err);
}

/* A run that has ended its lanes has this program put back what they left: then it is our parent. */
static bool run_goes_on(const struct undo_open *u)
{
	return u->run_alive && u->pid != getppid();
}

/* False: it stays to be done. */
static bool undo_one(const struct host *host, struct store *store, const struct undo_open *u,
	const char *boot_id, bool blocked, FILE *out, struct undo_tally *tally)
{
	const char *word = "done";
	bool settled = false;
	struct err err = {0};
	char what[HOST_PATH_MAX];

	describe(&u->rec, what, sizeof(what));
	if (run_goes_on(u)) {
		word = "refused, its run is alive";
		tally->refused++;
	} else if (!str_eq(u->boot_id, boot_id)) {
		word = "not needed, the host was rebooted since";
		tally->void_++;
		settled = true;
	} else if (blocked) {
		word = "refused, what its run changed of devices is not put back";
		tally->refused++;
	} else if (replay(host, u, &err) != 0) {
		word = err.code == ERR_REFUSED ? "refused" : "failed";
		*(err.code == ERR_REFUSED ? &tally->refused : &tally->failed) += 1;
	} else {
		tally->done++;
		settled = true;
	}
	if (settled && store_undo_done(store, u->rec.id, &err) != 0)
		word = "done, but could not be marked as done";
	if (out != NULL)
		fprintf(out, "%s: %s%s%s\n", what, word, err.msg[0] ? ": " : "", err.msg);
	if (out != NULL && err.hint[0] != '\0')
		fprintf(out, "  hint: %s\n", err.hint);
	return settled;
}

/*
 * A QEMU that still runs holds the devices, and a VM that must run needs them back: domains that
 * were off come first, those that were on come last. No host driver may take what a rescan brings
 * back before it is bound as it was.
 */
enum { TURN_STOP, TURN_DEVICES, TURN_AUTOPROBE, TURN_START, TURNS };

static int turn_of(const struct undo_rec *rec)
{
	if (rec->kind == UNDO_WRITE && str_eq(rec->path, DRIVERS_AUTOPROBE))
		return TURN_AUTOPROBE;
	if (rec->kind != UNDO_DOMAIN)
		return TURN_DEVICES;
	return str_eq(rec->value, vm_state_name(VM_STATE_OFF)) ? TURN_STOP : TURN_START;
}

/* Was something of its run's devices left undone? Those of other runs are no concern of its domain. */
static bool lacks_devices(
	const struct undo_open *open, const bool *left, size_t n, const struct undo_open *domain)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (left[i] && open[i].run == domain->run && turn_of(&open[i].rec) == TURN_DEVICES)
			return true;
	return false;
}

int undo_run(const struct host *host, struct store *store, int64_t run, FILE *out,
	struct undo_tally *tally, struct err *err)
{
	auto_free struct undo_open *open = NULL;
	char boot_id[40];
	size_t i, n = 0;
	int turn;

	if (store_undo_list(store, run, &open, &n, err) != 0)
		return -1;
	auto_free bool *left = xcalloc(n + 1, sizeof(*left));

	host_boot_id(host, boot_id);
	for (turn = 0; turn < TURNS; turn++)
		for (i = 0; i < n; i++)
			if (turn_of(&open[i].rec) == turn)
				left[i] = !undo_one(host, store, &open[i], boot_id,
					turn == TURN_START &&
						lacks_devices(open, left, n, &open[i]),
					out, tally);
	return 0;
}

/* Only a child that sleeps in the kernel outlives this; it is left behind. */
static void stop_child(pid_t pid, struct pollfd *ended)
{
	kill(pid, SIGTERM);
	poll(ended, 1, CHILD_GRACE_MS);
	waitpid(pid, NULL, WNOHANG);
}

static int wait_child(pid_t pid, int cancel_fd, struct err *err)
{
	int64_t deadline = clock_mono_ns() + UNDO_CHILD_S * NS_PER_S;
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd fds[] = {
		{.fd = pidfd, .events = POLLIN}, {.fd = cancel_fd, .events = POLLIN}};
	int status, n;

	do {
		n = poll(fds, 2, clock_poll_ms(deadline));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return err_set(err, ERR_TIMEOUT, 0, "`vfio-stress undo` is still at it (pid %d)",
			(int)pid);
	if (fds[0].revents == 0) {
		stop_child(pid, fds);
		err_set(err, ERR_LOST, 0, "interrupted before everything was put back");
		return err_hint(err, "`vfio-stress undo` does the rest");
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		err_set(err, ERR_IO, 0, "not everything could be put back");
		return err_hint(err, "`vfio-stress undo` tries again and says why");
	}
	return 0;
}

int undo_in_child(
	const struct host *host, const char *db, const char *run_id, int cancel_fd, struct err *err)
{
	char *argv[] = {"vfio-stress", "undo", "--db", (char *)db, "--run", (char *)run_id,
		host->simulated ? "--root" : NULL, (char *)host->root, NULL};
	auto_free char **environment = least_environment();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int rc;

	/* our own standard output is the report's */
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	/* the loop has blocked the signals that end us; the child must hear them */
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawn(&pid, "/proc/self/exe", &actions, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? wait_child(pid, cancel_fd, err)
		       : err_set(err, ERR_IO, rc, "start `vfio-stress undo`");
}
