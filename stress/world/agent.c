/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/agent.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/vm_parts.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_TIMEOUT_S 10 /* one question; the agent answers at once or hangs */
#define POLL_FIRST_MS  20 /* between questions about a command: doubled up to the second */
#define POLL_MAX_MS    500

/* Sends a command, which is released. The caller frees *reply_out. */
static enum vm_why send_command(
	struct vm *vm, json_t *command, int timeout_s, char **reply_out, struct err *err)
{
	char *text = json_dumps(command, JSON_COMPACT);
	enum vm_why why = text == NULL ? vm_say(err, VM_GUEST_EXIT, "the command is not UTF-8")
				       : vm_agent(vm, text, timeout_s, reply_out, err);

	json_decref(command);
	free(text);
	return why;
}

/* What a reply has under "return"; the guest writes it. The caller releases *ret_out. */
static enum vm_why take_return(const char *reply, json_t **ret_out, struct err *err)
{
	json_error_t bad;
	json_t *root = json_loads(reply, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &bad);

	*ret_out = json_incref(json_object_get(root, "return"));
	json_decref(root);
	if (*ret_out == NULL)
		return vm_say(err, VM_AGENT_SILENT, "its reply is no JSON object with a `return`");
	return VM_OK;
}

static enum vm_why ask(
	struct vm *vm, json_t *command, int timeout_s, json_t **ret_out, struct err *err)
{
	char *reply;
	enum vm_why why = send_command(vm, command, timeout_s, &reply, err);

	if (why != VM_OK)
		return why;
	why = take_return(reply, ret_out, err);
	free(reply);
	return why;
}

enum vm_why agent_ping(struct vm *vm, int timeout_s, struct err *err)
{
	json_t *ret = NULL;
	enum vm_why why =
		ask(vm, json_pack("{s:s}", "execute", "guest-ping"), timeout_s, &ret, err);

	json_decref(ret);
	return why;
}

enum vm_why agent_exec(
	struct vm *vm, const char *const *argv, size_t n, struct agent_run *out, struct err *err)
{
	json_t *args = json_array(), *ret = NULL, *pid;
	enum vm_why why;
	size_t i;

	for (i = 1; i < n; i++) {
		if (json_array_append_new(args, json_string(argv[i])) == 0)
			continue;
		json_decref(args);
		return vm_say(err, VM_GUEST_EXIT, "argument %zu is not UTF-8", i);
	}
	why = ask(vm,
		json_pack("{s:s, s:{s:s, s:o, s:b}}", "execute", "guest-exec", "arguments", "path",
			argv[0], "arg", args, "capture-output", 1),
		CALL_TIMEOUT_S, &ret, err);
	if (why != VM_OK)
		return why;
	pid = json_object_get(ret, "pid");
	*out = (struct agent_run){.pid = json_integer_value(pid)};
	if (!json_is_integer(pid))
		why = vm_say(err, VM_AGENT_SILENT, "guest-exec gives no pid");
	json_decref(ret);
	return why;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Appends decoded base64 up to the limit; what is not base64 ends it. */
static void add_base64(struct agent_run *run, const char *text)
{
	unsigned bits = 0, n = 0;
	int digit;

	if (text == NULL || *text == '\0')
		return;
	run->output = xrealloc(run->output, run->len + strlen(text) / 4 * 3 + 4);
	for (; (digit = base64_digit(*text)) >= 0 && !run->cut; text++) {
		bits = bits << 6 | (unsigned)digit;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (run->len == AGENT_OUTPUT_MAX)
			run->cut = true;
		else
			run->output[run->len++] = (char)(bits >> n);
	}
	run->output[run->len] = '\0';
}

static enum vm_why take_status(struct agent_run *run, const json_t *ret, struct err *err)
{
	const json_t *code = json_object_get(ret, "exitcode"),
		     *sig = json_object_get(ret, "signal");

	run->ended = json_is_true(json_object_get(ret, "exited"));
	if (!run->ended)
		return VM_OK;
	/* a status that is not given is not 0 */
	if (!json_is_integer(sig) && !json_is_integer(code))
		return vm_say(err, VM_AGENT_SILENT, "it does not say how the command ended");
	run->by_signal = json_is_integer(sig);
	run->status = json_integer_value(run->by_signal ? sig : code);
	add_base64(run, json_string_value(json_object_get(ret, "out-data")));
	add_base64(run, json_string_value(json_object_get(ret, "err-data")));
	run->cut |= json_is_true(json_object_get(ret, "out-truncated")) ||
		json_is_true(json_object_get(ret, "err-truncated"));
	return VM_OK;
}

enum vm_why agent_status_read(const char *reply, struct agent_run *run, struct err *err)
{
	json_t *ret;
	enum vm_why why = take_return(reply, &ret, err);

	if (why != VM_OK)
		return why;
	why = take_status(run, ret, err);
	json_decref(ret);
	return why;
}

/* Asks once how it is. When it has ended the agent forgets it: ask no more. */
static enum vm_why poll_once(struct vm *vm, struct agent_run *run, struct err *err)
{
	char *reply;
	enum vm_why why = send_command(vm,
		json_pack("{s:s, s:{s:I}}", "execute", "guest-exec-status", "arguments", "pid",
			(json_int_t)run->pid),
		CALL_TIMEOUT_S, &reply, err);

	if (why != VM_OK)
		return why;
	why = agent_status_read(reply, run, err);
	free(reply);
	return why;
}

enum vm_why agent_wait(struct vm *vm, struct agent_run *run, int64_t deadline_ns, struct err *err)
{
	int64_t pause_ms = POLL_FIRST_MS;

	for (;;) {
		enum vm_why why = poll_once(vm, run, err);
		int64_t until = clock_mono_ns() + pause_ms * NS_PER_MS;

		if (why != VM_OK || run->ended)
			return why;
		if (clock_mono_ns() >= deadline_ns)
			return vm_say(err, VM_TIMEOUT, "the command still runs in the guest");
		why = vm_wait(vm, NULL, 0, until < deadline_ns ? until : deadline_ns, err);
		if (why != VM_OK)
			return why;
		pause_ms = pause_ms * 2 < POLL_MAX_MS ? pause_ms * 2 : POLL_MAX_MS;
	}
}

void agent_run_finish(struct agent_run *run)
{
	free(run->output);
	*run = (struct agent_run){0};
}

const char *agent_run_text(const struct agent_run *run, char *buf, size_t size)
{
	size_t end = run->len, start;
	int n = snprintf(
		buf, size, "%s %" PRId64, run->by_signal ? "signal" : "exit status", run->status);

	while (end > 0 && strchr(" \t\r\n", run->output[end - 1]) != NULL)
		end--;
	for (start = end; start > 0 && run->output[start - 1] != '\n'; start--)
		continue;
	if (end > start && n > 0 && (size_t)n + 16 < size) {
		n += (int)strlen(str_copy(buf + n, size - (size_t)n, ", it said: "));
		str_printable(buf + n, size - (size_t)n, run->output + start, end - start);
	}
	return buf;
}

enum vm_why agent_boot_id(struct vm *vm, char buf[40], int64_t deadline_ns, struct err *err)
{
	static const char *const argv[] = {"cat", "/proc/sys/kernel/random/boot_id"};
	struct agent_run run = {0};
	enum vm_why why = agent_exec(vm, argv, 2, &run, err);

	if (why == VM_OK)
		why = agent_wait(vm, &run, deadline_ns, err);
	if (why == VM_OK && (run.by_signal || run.status != 0 || run.len < 36))
		why = vm_say(err, VM_UNSUPPORTED, "the guest has no boot_id");
	if (why == VM_OK)
		snprintf(buf, 40, "%.36s", run.output);
	agent_run_finish(&run);
	return why;
}

enum vm_why agent_job_add(struct vm *vm, const struct agent_job *job, struct err *err)
{
	if (vm->njobs == AGENT_JOBS_MAX)
		return vm_say(err, VM_GUEST_EXIT, "more than %d commands in the background",
			AGENT_JOBS_MAX);
	vm->jobs[vm->njobs++] = *job;
	return VM_OK;
}

size_t agent_jobs(const struct vm *vm)
{
	return vm->njobs;
}

enum vm_why agent_jobs_check(struct vm *vm, struct err *err)
{
	char text[200];
	size_t i = 0;

	/* libvirt passes nothing on to the agent of a guest that stands still */
	if (vm->expect == EXPECT_PAUSED)
		return VM_OK;
	while (i < vm->njobs) {
		const struct agent_job job = vm->jobs[i];
		struct agent_run run = {.pid = job.pid};
		enum vm_why why = poll_once(vm, &run, err);

		if (why != VM_OK)
			return why;
		if (!run.ended) {
			i++;
			continue;
		}
		memmove(&vm->jobs[i], &vm->jobs[i + 1], (--vm->njobs - i) * sizeof(vm->jobs[0]));
		if (!job.may_exit)
			why = vm_say(err, VM_BACKGROUND_ENDED, "'%s': %s", job.name,
				agent_run_text(&run, text, sizeof(text)));
		agent_run_finish(&run);
		if (why != VM_OK)
			return why;
	}
	return VM_OK;
}
