/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_AGENT_H
#define VFIO_STRESS_WORLD_AGENT_H

#include "world/vm_why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define AGENT_OUTPUT_MAX (1u << 20) /* of a command; more is cut, and said */

/* A command in the guest, as far as it has come. */
struct agent_run {
	int64_t pid; /* in the guest */
	bool ended;
	bool by_signal; /* then `status` is the signal (on Windows: the exception) */
	int64_t status;
	char *output; /* stdout, then stderr; as the guest wrote it, NUL-terminated */
	size_t len;
	bool cut;
};

enum vm_why agent_ping(struct vm *vm, int timeout_s, struct err *err) must_check;
/* The guest's boot_id; VM_UNSUPPORTED when it has none (not Linux) or may not run commands. */
enum vm_why agent_boot_id(
	struct vm *vm, char buf[40], int64_t deadline_ns, struct err *err) must_check;

/* Starts argv[0] with arguments; its output is kept in the guest until asked for. */
enum vm_why agent_exec(struct vm *vm, const char *const *argv, size_t n, struct agent_run *out,
	struct err *err) must_check;
/* The reply to the question how it is, as the guest wrote it. Pure. */
enum vm_why agent_status_read(const char *reply, struct agent_run *run, struct err *err) must_check;
/* Until it ends; VM_TIMEOUT at the deadline. */
enum vm_why agent_wait(
	struct vm *vm, struct agent_run *run, int64_t deadline_ns, struct err *err) must_check;
void agent_run_finish(struct agent_run *run);
/* "exit status 3" and the output's last line with text, printable. Returns buf. */
const char *agent_run_text(const struct agent_run *run, char *buf, size_t size);

/* A command that runs in the background until the VM's next stop or reset. */
#define AGENT_JOBS_MAX 16

struct agent_job {
	int64_t pid;
	char name[64];
	bool may_exit;
};

enum vm_why agent_job_add(struct vm *vm, const struct agent_job *job, struct err *err) must_check;
/*
 * Have all that must not end kept running? VM_BACKGROUND_ENDED names the first that has not. Of a
 * guest that we paused nothing is asked.
 */
enum vm_why agent_jobs_check(struct vm *vm, struct err *err) must_check;
size_t agent_jobs(const struct vm *vm);

#endif
