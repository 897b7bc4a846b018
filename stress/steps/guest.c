/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "model/scenario.h"
#include "steps/domain.h"
#include "world/agent.h"
#include "world/vm.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BASE_MS      300000
#define AGENT_UP_NS  (60 * NS_PER_S) /* it may start after the text that showed the guest ready */
#define AGENT_LOOK_S 5
#define RETRY_NS     (500 * NS_PER_MS)

struct guest_args {
	struct strings run;
	const char *expect;
	bool background, may_exit;
};

static const struct field fields[] = {
	{.name = "run",
		.help = "program and arguments; no shell is involved",
		.kind = FIELD_STRINGS,
		.offset = offsetof(struct guest_args, run),
		.required = true},
	{.name = "expect",
		.help = "text that its output must have",
		.kind = FIELD_STRING,
		.offset = offsetof(struct guest_args, expect)},
	{.name = "background",
		.help = "leave it running, as load, until the VM's next stop or reboot",
		.kind = FIELD_BOOL,
		.offset = offsetof(struct guest_args, background)},
	{.name = "may-exit",
		.help = "with background: it may end earlier",
		.kind = FIELD_BOOL,
		.needs = "background",
		.offset = offsetof(struct guest_args, may_exit)},
	{0},
};

static int check(const struct step *step, const struct lane_spec *lane, struct diags *diags)
{
	const struct guest_args *a = step->args;

	(void)lane;
	if (a->run.n == 0 || a->run.v[0][0] == '\0')
		return diag_error(diags, step_pos_of(step, "run"), "'run' names no program");
	if (a->background && a->expect != NULL)
		return diag_error(diags, step_pos_of(step, "expect"),
			"'expect' needs the output of a command that ends, 'background' does not "
			"wait");
	if (a->may_exit && !a->background)
		return diag_error(diags, step_pos_of(step, "may-exit"),
			"'may-exit' is for commands in the background");
	return 0;
}

static int prepare(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	if (domain_present(ctx, args, why_not) != 0)
		return -1;
	if (!vm_has_qemu(ctx->vm) || vm_def(ctx->vm)->has_agent)
		return 0; /* on test:/// the step is skipped, with the reason */
	err_set(why_not, ERR_REFUSED, 0, "'%s' has no guest agent channel, which `guest` needs",
		domain_name(ctx));
	return err_hint(why_not,
		"add <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/>"
		"</channel>");
}

static int64_t bound_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return BASE_MS;
}

static int64_t typical_ms(const struct step_ctx *ctx, const void *args)
{
	(void)ctx, (void)args;
	return 1000;
}

/* Until the agent answers: a serial console may have shown the guest ready before that. */
static enum vm_why wait_agent(struct step_ctx *ctx, struct err *err)
{
	int64_t until = clock_mono_ns() + AGENT_UP_NS;
	enum vm_why why;

	if (until > ctx->deadline_ns)
		until = ctx->deadline_ns;
	while ((why = agent_ping(ctx->vm, AGENT_LOOK_S, err)) == VM_AGENT_SILENT &&
		clock_mono_ns() < until) {
		int64_t next = clock_mono_ns() + RETRY_NS;

		why = vm_wait(ctx->vm, NULL, 0, next < until ? next : until, err);
		if (why != VM_OK)
			return why;
	}
	return why;
}

static enum vm_why run_in_background(struct step_ctx *ctx, const struct guest_args *a,
	const struct agent_run *run, struct err *err)
{
	struct agent_job job = {.pid = run->pid, .may_exit = a->may_exit};

	(void)ctx;
	str_set(job.name, a->run.v[0]);
	return agent_job_add(ctx->vm, &job, err);
}

static enum vm_why judge(const struct guest_args *a, const struct agent_run *run, struct err *err)
{
	char text[400];

	agent_run_text(run, text, sizeof(text));
	if (run->by_signal || run->status != 0)
		return vm_say(err, VM_GUEST_EXIT, "'%.60s': %s", a->run.v[0], text);
	if (a->expect != NULL &&
		(run->output == NULL ||
			memmem(run->output, run->len, a->expect, strlen(a->expect)) == NULL))
		return vm_say(err, VM_UNEXPECTED_OUTPUT, "no '%.80s' in %zu bytes of output%s; %s",
			a->expect, run->len, run->cut ? " (cut)" : "", text);
	return VM_OK;
}

static enum vm_why run_and_judge(struct step_ctx *ctx, const struct guest_args *a, struct err *err)
{
	struct agent_run run = {0};
	enum vm_why why = agent_exec(ctx->vm, a->run.v, a->run.n, &run, err);

	if (why == VM_OK && a->background)
		return run_in_background(ctx, a, &run, err);
	if (why == VM_OK)
		why = agent_wait(ctx->vm, &run, ctx->deadline_ns, err);
	if (why == VM_OK)
		why = judge(a, &run, err);
	agent_run_finish(&run);
	return why;
}

static enum outcome run(struct step_ctx *ctx, const void *args, struct result *res)
{
	struct err err;
	enum vm_why why;

	if (!vm_has_qemu(ctx->vm))
		return result_skip(
			res, "unsupported", "no guest stands behind %s", ctx->scenario->connect);
	why = vm_require(ctx->vm, true, &err);
	if (why == VM_OK)
		why = agent_jobs_check(ctx->vm, &err);
	if (why == VM_OK)
		why = wait_agent(ctx, &err);
	if (why == VM_OK)
		why = run_and_judge(ctx, args, &err);
	return domain_result(res, why, &err);
}

static void describe(const struct step_ctx *ctx, const void *args, char *buf, size_t size)
{
	const struct guest_args *a = args;

	snprintf(buf, size, "run '%.80s%s' in %s%s", a->run.n ? a->run.v[0] : "",
		a->run.n > 1 ? " ..." : "", domain_name(ctx),
		a->background ? ", in the background" : "");
}

const struct step_type step_guest = {
	.word = {.name = "guest",
		.summary = "run a command in the guest, through its agent",
		.main_arg = "run",
		.fields = fields,
		.args_size = sizeof(struct guest_args)},
	.flags = STEP_DISRUPTIVE | STEP_NEEDS_DOMAIN | STEP_USES_VM,
	.check = check,
	.prepare = prepare,
	.bound_ms = bound_ms,
	.typical_ms = typical_ms,
	.run = run,
	.describe = describe,
};
