/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/domain.h"

#include "base/clock.h"
#include "base/str.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"
#include "world/agent.h"
#include "world/vm.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define READY_DEFAULT_MS INT64_C(300000)
#define BOOT_TYPICAL_MS  INT64_C(30000)
#define JOBS_LOOK_NS     NS_PER_S /* nothing announces that a command in the guest has ended */

const char *const domain_modes[] = {"default", "acpi", "agent", NULL};

enum outcome domain_result(struct result *res, enum vm_why why, const struct err *err)
{
	const struct vm_why_row *row = vm_why_row(why);
	enum outcome outcome;

	if (why == VM_OK)
		return OUTCOME_PASS;
	if (row->blame == VM_BLAME_TOOL)
		return result_broken(res, row->id, err);
	outcome = row->blame == VM_BLAME_NONE_TRIED ? result_skip(res, row->id, "%s", err->msg)
						    : result_fail(res, row->id, "%s", err->msg);
	result_advise(res, "%s", err->hint);
	return outcome;
}

const char *domain_name(const struct step_ctx *ctx)
{
	return ctx->lane->domain ? ctx->lane->domain : "the domain";
}

int domain_present(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	(void)args;
	if (ctx->vm != NULL)
		return 0;
	return err_set(why_not, ERR_INPUT, 0, "the lane has no domain");
}

/* The lane's `ready`. Without one: the agent where there is a channel; nothing on test:///. */
static struct ready_how ready_how(const struct step_ctx *ctx)
{
	static const enum ready_way ways[] = {
		[READY_DEFAULT] = READY_BY_AGENT,
		[READY_SERIAL] = READY_BY_SERIAL,
		[READY_AGENT] = READY_BY_AGENT,
		[READY_TCP] = READY_BY_TCP,
		[READY_DELAY] = READY_BY_DELAY,
	};
	const struct ready *ready = &ctx->lane->ready;
	struct ready_how how = {
		.way = ways[ready->kind],
		.pattern = ready->pattern,
		.address = ready->address,
		.delay_ms = ready->delay_ms,
	};

	if (ready->kind == READY_DEFAULT && !vm_has_qemu(ctx->vm))
		how.way = READY_BY_NOTHING;
	return how;
}

int domain_can_boot(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	struct ready_how how;

	if (domain_present(ctx, args, why_not) != 0)
		return -1;
	how = ready_how(ctx);
	if (ready_check(ctx->vm, &how, why_not) == VM_OK)
		return 0;
	why_not->code = ERR_REFUSED;
	return err_wrap(why_not, "'%s' cannot be proved to boot", domain_name(ctx));
}

/* libvirt's actions: "restart" and "destroy" are the defaults of on_reboot and on_poweroff. */
static int refuse_action(const struct step_ctx *ctx, const char *element, const char *has,
	const char *wants, struct err *why_not)
{
	if (*has == '\0' || str_eq(has, wants))
		return 0;
	err_set(why_not, ERR_REFUSED, 0, "'%s' has <%s>%s</%s>, which this step cannot work with",
		domain_name(ctx), element, has, element);
	return err_hint(why_not, "`virsh edit %s` and make it <%s>%s</%s>", domain_name(ctx),
		element, wants, element);
}

int domain_can_reboot(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	if (domain_can_boot(ctx, args, why_not) != 0)
		return -1;
	return refuse_action(ctx, "on_reboot", vm_def(ctx->vm)->on_reboot, "restart", why_not);
}

int domain_can_power_off(struct step_ctx *ctx, const void *args, struct err *why_not)
{
	if (domain_present(ctx, args, why_not) != 0)
		return -1;
	return refuse_action(ctx, "on_poweroff", vm_def(ctx->vm)->on_poweroff, "destroy", why_not);
}

int64_t domain_bound_ms(const struct step_ctx *ctx, int64_t base_ms)
{
	int64_t ms = base_ms;
	size_t i;

	for (i = 0; i < ctx->ndevs; i++)
		ms += device_methods_ms(&ctx->devs[i].pci, "default");
	return ctx->ndevs > 0 ? ms + DEVICE_SLACK_MS : ms;
}

int64_t domain_ready_ms(const struct step_ctx *ctx)
{
	const struct ready *ready = &ctx->lane->ready;
	int64_t ms = ready->timeout_ms ? ready->timeout_ms : READY_DEFAULT_MS;

	return ready->kind == READY_DELAY ? ready->delay_ms + DEVICE_SLACK_MS : ms;
}

int64_t domain_boot_typical_ms(const struct step_ctx *ctx)
{
	const struct ready *ready = &ctx->lane->ready;

	if (ready->kind == READY_DELAY)
		return ready->delay_ms;
	/* who gives a guest less time than that knows that it boots quickly */
	if (ready->timeout_ms > 0 && ready->timeout_ms / 2 < BOOT_TYPICAL_MS)
		return ready->timeout_ms / 2;
	return BOOT_TYPICAL_MS;
}

enum vm_why domain_enter(struct step_ctx *ctx, struct err *err)
{
	enum vm_why why = vm_check(ctx->vm, err);

	return why == VM_OK ? agent_jobs_check(ctx->vm, err) : why;
}

/*
 * libvirtd was restarted: neither what idles nor what acts on a device needs it. The domain must be as
 * it should; that it was all the while, nobody saw.
 */
static enum vm_why after_loss(struct step_ctx *ctx, struct err *err)
{
	struct event ev = {.kind = EV_BLIND_SPOT};
	enum vm_why why = vm_reconnect(ctx->vm, ctx->deadline_ns, err);

	if (why != VM_OK)
		return why;
	snprintf(ev.text, sizeof(ev.text),
		"the connection to libvirtd was lost and came back: a reset or a pause of '%s' in "
		"between would not have been seen",
		domain_name(ctx));
	emit(ctx->out, &ev);
	return vm_check(ctx->vm, err);
}

enum outcome domain_survived(struct step_ctx *ctx, enum outcome outcome, struct result *res)
{
	enum vm_why why;
	struct err err;

	if (ctx->vm == NULL || outcome != OUTCOME_PASS)
		return outcome;
	why = vm_check(ctx->vm, &err);
	if (why == VM_LIBVIRT_LOST)
		why = after_loss(ctx, &err);
	return domain_result(res, why, &err);
}

static void tell_boot(struct step_ctx *ctx, bool proved)
{
	struct event ev = {.kind = EV_BOOT_PROOF, .code = proved};

	str_set(ev.subject, domain_name(ctx));
	emit(ctx->out, &ev);
}

/* Tells of a part of the step that took from start_ns until now. */
static void tell_substep(struct step_ctx *ctx, const char *what, int64_t start_ns)
{
	emit_substep(ctx->out, domain_name(ctx), what, clock_mono_ns() - start_ns);
}

/* From the armed, running guest to the proof. */
static enum vm_why wait_ready(struct step_ctx *ctx, struct readiness *r, struct err *err)
{
	int64_t start = clock_mono_ns(), until = start + domain_ready_ms(ctx) * NS_PER_MS;
	bool proved = false;
	enum vm_why why =
		ready_wait(r, until < ctx->deadline_ns ? until : ctx->deadline_ns, &proved, err);

	if (why != VM_OK)
		return why;
	tell_substep(ctx, "ready", start);
	tell_boot(ctx, proved);
	return VM_OK;
}

static enum vm_why boot_anew(struct step_ctx *ctx, struct readiness **r, struct err *err)
{
	struct ready_how how = ready_how(ctx);
	bool paused = ready_wants_pause(ctx->vm, &how);
	int64_t start = clock_mono_ns();
	enum vm_why why = vm_start(ctx->vm, paused, err);

	if (why != VM_OK)
		return why;
	tell_substep(ctx, "libvirt start", start);
	why = ready_arm(ctx->vm, &how, READY_AFTER_START, r, err);
	if (why == VM_OK && paused)
		why = vm_resume(ctx->vm, err);
	return why;
}

enum outcome domain_boot(struct step_ctx *ctx, enum ready_after after,
	enum vm_why (*act)(struct step_ctx *ctx, const void *args, struct err *err),
	const void *args, struct result *res)
{
	struct ready_how how = ready_how(ctx);
	struct readiness *r = NULL;
	struct err err;
	enum vm_why why;

	if (after == READY_AFTER_START) {
		why = boot_anew(ctx, &r, &err);
	} else {
		why = vm_require(ctx->vm, true, &err);
		if (why == VM_OK)
			why = agent_jobs_check(ctx->vm, &err);
		if (why == VM_OK)
			why = ready_arm(ctx->vm, &how, after, &r, &err);
		if (why == VM_OK)
			why = act(ctx, args, &err);
	}
	if (why == VM_OK)
		why = wait_ready(ctx, r, &err);
	ready_free(r);
	return domain_result(res, why, &err);
}

static bool stop_asked(struct step_ctx *ctx)
{
	emitter_poll(ctx->out);
	return ctx->out->stop_asked || ctx->out->orphaned;
}

/* Until `until`, or the next look at what runs in the background. */
static enum vm_why doze(struct step_ctx *ctx, int64_t until, struct err *err)
{
	struct pollfd orders = {.fd = ctx->out->fd, .events = POLLIN};
	int64_t look = clock_mono_ns() + JOBS_LOOK_NS;
	enum vm_why why;

	if (ctx->vm == NULL) {
		poll(&orders, 1, clock_poll_ms(until));
		return VM_OK;
	}
	if (agent_jobs(ctx->vm) > 0 && look < until)
		until = look;
	why = vm_wait(ctx->vm, &orders, 1, until, err);
	if (why == VM_OK && clock_mono_ns() >= until)
		why = agent_jobs_check(ctx->vm, err);
	return why;
}

enum outcome domain_idle(struct step_ctx *ctx, int64_t ms, struct result *res)
{
	int64_t until = clock_mono_ns() + ms * NS_PER_MS;
	enum vm_why why = VM_OK;
	struct err err;

	if (ctx->vm != NULL)
		why = vm_check(ctx->vm, &err);
	if (why == VM_LIBVIRT_LOST)
		why = after_loss(ctx, &err);
	while (why == VM_OK && clock_mono_ns() < until) {
		if (stop_asked(ctx)) {
			result_skip(res, "stop-asked", "the run was asked to stop");
			return OUTCOME_ABORTED;
		}
		why = doze(ctx, until, &err);
		if (why == VM_LIBVIRT_LOST)
			why = after_loss(ctx, &err);
	}
	return domain_result(res, why, &err);
}

void domain_note(struct step_ctx *ctx, const char *fmt, ...)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ev.text, sizeof(ev.text), fmt, ap);
	va_end(ap);
	str_set(ev.subject, domain_name(ctx));
	emit(ctx->out, &ev);
}
