/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/domain.h"

#include "base/clock.h"
#include "base/str.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "world/vm.h"

#include <poll.h>
#include <string.h>

#define METHOD_MS INT64_C(75000) /* the kernel waits 70 s (1023 ... 65535 ms) for a dead device */
#define SLACK_MS  INT64_C(15000)

enum outcome domain_result(struct result *res, enum vm_why why, const struct err *err)
{
	const struct vm_why_row *row = vm_why_row(why);
	enum outcome outcome = OUTCOME_FAIL;

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

static int64_t methods_of(const struct lane_device *dev)
{
	const char *s = dev->pci.reset_methods;
	int64_t n = 0;

	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		n++;
		s += strcspn(s, " ");
	}
	return n;
}

int64_t domain_bound_ms(const struct step_ctx *ctx, int64_t base_ms)
{
	int64_t ms = base_ms;
	size_t i;

	for (i = 0; i < ctx->ndevs; i++)
		ms += METHOD_MS * methods_of(&ctx->devs[i]);
	return ctx->ndevs > 0 ? ms + SLACK_MS : ms;
}

bool domain_stop_asked(struct step_ctx *ctx)
{
	emitter_poll(ctx->out);
	return ctx->out->stop_asked || ctx->out->orphaned;
}

enum outcome domain_idle(struct step_ctx *ctx, int64_t ms, struct result *res)
{
	int64_t until = clock_mono_ns() + ms * NS_PER_MS;
	struct pollfd orders = {.fd = ctx->out->fd, .events = POLLIN};
	enum vm_why why = VM_OK;
	struct err err;

	do {
		if (domain_stop_asked(ctx)) {
			result_skip(res, "stop-asked", "the run was asked to stop");
			return OUTCOME_ABORTED;
		}
		if (ctx->vm != NULL)
			why = vm_wait(ctx->vm, 0, &orders, 1, until, &err);
		else
			poll(&orders, 1, clock_poll_ms(until));
	} while (why == VM_OK && clock_mono_ns() < until);
	return domain_result(res, why, &err);
}

void domain_substep(struct step_ctx *ctx, const char *what, int64_t start_ns)
{
	struct event ev = {.kind = EV_SUBSTEP, .dur_ns = clock_mono_ns() - start_ns};

	str_set(ev.subject, domain_name(ctx));
	str_set(ev.text, what);
	emit(ctx->out, &ev);
}
