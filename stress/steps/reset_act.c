/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/reset_act.h"

#include "base/str.h"
#include "device/hold.h"
#include "device/reset.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/away.h"
#include "steps/device_step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A reset that took this long met a device that was not ready when the kernel gave up waiting for
 * it (PCIE_RESET_READY_POLL_MS, 60 s); if it then succeeded, another method did it.
 */
#define NOT_READY_NS (60 * NS_PER_S)

struct act {
	struct step_ctx *ctx;
	const struct reset_method *method;
	struct subjects subjects;
	struct result *res;
};

/* ---- may it be? ---- */

/* Before the run the lane's devices are not bound yet: they will be. */
static bool has_vfio(const struct step_ctx *ctx, const struct pcidev *dev, bool prepare)
{
	if (prepare && ctx->lane->driver == DRIVER_VFIO_PCI && device_in_lane(ctx, dev->bdf))
		return true;
	return pcidev_vfio_driver(dev->driver);
}

static int check_member(const struct step_ctx *ctx, const struct reset_method *method,
	const struct pcidev *dev, bool prepare, struct err *err)
{
	char bdf[BDF_LEN];

	bdf_text(dev->bdf, bdf);
	if (method->needs_vfio && dev->is_bridge) {
		err_set(err, ERR_UNSUPPORTED, 0,
			"%s is a bridge that a %s reset would reach, and VFIO cannot have bridges",
			bdf, method->name);
		return err_hint(err, "`reset: subordinate` asks VFIO for nothing");
	}
	if (method->whole && !dev->is_bridge && !device_in_lane(ctx, dev->bdf)) {
		err_set(err, ERR_UNSUPPORTED, 0,
			"%s would be reset as well, and is not in the lane: a %s reset takes all "
			"that is below the bridge",
			bdf, method->name);
		return err_hint(err, "name it in the lane's `devices`");
	}
	if (method->needs_vfio && !has_vfio(ctx, dev, prepare)) {
		err_set(err, ERR_UNSUPPORTED, 0,
			"%s is not on a VFIO driver, which a %s reset needs", bdf, method->name);
		return err_hint(err, "`driver: vfio-pci` in the lane binds it");
	}
	return 0;
}

static int check_members(const struct step_ctx *ctx, const struct pcidev_list *all,
	const struct reset_method *method, bool prepare, struct err *err)
{
	struct bdf_set set = {0};
	size_t i;
	int rc = 0;

	if (!method->whole && !method->needs_vfio)
		return 0;
	scope_disturbed(all, &ctx->dev->pci, method->scope, &set);
	for (i = 0; rc == 0 && i < set.n; i++)
		rc = check_member(ctx, method, pcidev_find(all, set.v[i]), prepare, err);
	bdf_set_finish(&set);
	return rc;
}

static bool removes(const struct step_ctx *ctx, const struct reset_method *method)
{
	return method->removes != NULL && method->removes(ctx->host, &ctx->dev->pci);
}

int reset_may(struct step_ctx *ctx, const struct pcidev_list *all,
	const struct reset_method *method, bool prepare, struct err *err)
{
	if (check_members(ctx, all, method, prepare, err) != 0)
		return -1;
	if (removes(ctx, method) &&
		away_may(ctx, all, reset_reach(method, &ctx->dev->pci), err) != 0)
		return -1;
	return prepare
		? device_allowed(ctx, all, reset_reach(method, &ctx->dev->pci), ASK_PREPARE, err)
		: 0;
}

const struct lane_device *reset_lead(const struct step_ctx *ctx, const struct reset_method *method)
{
	return method->whole ? subjects_lead(ctx, method->scope) : ctx->dev;
}

/* ---- what became of it ---- */

/* The kernel refused, or did not come back. */
static enum outcome fire_failed(struct act *act, const struct reset_run *run, struct err *err)
{
	const struct pcidev *dev = &act->ctx->dev->pci;
	const struct reset_method *method = act->method;
	double took_s = (double)run->took_ns / (double)NS_PER_S;
	struct result *res = act->res;
	char bdf[BDF_LEN], stood[CHILD_STOOD_MAX + 32] = "";

	bdf_text(dev->bdf, bdf);
	if (run->stood[0] != '\0')
		snprintf(stood, sizeof(stood), "; where it stood: %s", run->stood);
	if (run->left != 0) {
		result_fail(res, "wedged",
			"the %s reset of %s is still in the kernel after %.1f s (process %d)%s",
			method->name, bdf, took_s, (int)run->left, stood);
		result_advise(res, "the device cannot be used any more: reboot the host");
		return OUTCOME_FAIL;
	}
	if (run->late)
		return result_fail(res, "slow-reset",
			"the %s reset of %s came back from the kernel only after %.1f s%s",
			method->name, bdf, took_s, stood);
	if (err->code == ERR_TIMEOUT) {
		result_fail(res, "timeout", "the %s reset of %s did not return within %.1f s%s",
			method->name, bdf, took_s, stood);
		result_advise(res,
			"whether it was reset is not known: power-cycle it before its VM is "
			"started; if it is only slow, give the step a longer `timeout`");
		return OUTCOME_FAIL;
	}
	if (err->code == ERR_LOST)
		return result_broken(res, "not-recorded", err);
	if (err->code == ERR_REFUSED)
		return result_broken(res, "refused", err);
	if (err->sys == EPERM || err->sys == EACCES || err->sys == EROFS)
		return result_broken(res, "not-permitted", err);
	if (method->diagnose != NULL && err->code != ERR_UNSUPPORTED)
		method->diagnose(method, act->ctx->host, dev, err);
	result_fail(res,
		err->code == ERR_ABSENT                ? "device-vanished"
			: err->code == ERR_UNSUPPORTED ? "not-offered"
						       : "reset-failed",
		"%s (after %.1f s)", err->msg, took_s);
	result_advise(res, "%s", err->hint);
	return OUTCOME_FAIL;
}

static bool has_word(const char *words, const char *word, size_t len)
{
	for (words += strspn(words, " "); *words != '\0'; words += strspn(words, " ")) {
		size_t n = strcspn(words, " ");

		if (n == len && strncmp(words, word, len) == 0)
			return true;
		words += n;
	}
	return false;
}

/* Takes words out of a list, in place. */
static void take_out(char *list, const char *words)
{
	char *to = list, *s = list;

	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		if (!has_word(words, s, n)) {
			if (to != list)
				*to++ = ' ';
			memmove(to, s, n);
			to += n;
		}
		s += n;
	}
	*to = '\0';
}

/* Words that the kernel dropped when the list was put back are no doing of the device. */
static void forgive_dropped(struct act *act, const struct reset_run *run)
{
	struct subject *s = &act->subjects.list.v[0];
	struct dev_state *reference = s->dev->oracle;

	take_out(s->before.reset_methods, run->dropped);
	if (reference != NULL)
		take_out(reference->reset_methods, run->dropped);
}

/*
 * The kernel said that all went well. What do the devices say? back_ns: how long it took until they could
 * be asked, with which the kernel waits before it returns, unless they left it.
 */
static enum outcome judge(struct act *act, const struct reset_run *run, int64_t back_ns)
{
	enum outcome outcome;
	char bdf[BDF_LEN];

	forgive_dropped(act, run);
	outcome = subjects_judge(&act->subjects, act->res);
	if (outcome == OUTCOME_PASS)
		subjects_tell_usable(&act->subjects, back_ns);
	if (outcome != OUTCOME_PASS || run->took_ns < NOT_READY_NS)
		return outcome;
	result_fail(act->res, "slow-reset",
		"the kernel called the %s reset of %s successful after %.1f s: it had given up "
		"waiting for the device once",
		act->method->name, bdf_text(act->ctx->dev->pci.bdf, bdf),
		(double)run->took_ns / (double)NS_PER_S);
	result_advise(act->res,
		"see the kernel log: 'not ready ... giving up' names the method that failed");
	return OUTCOME_FAIL;
}

/* ---- the reset ---- */

/* One that is gone can be healed by what removes it and brings it back; nothing else reaches it. */
static int look(const struct act *act, enum aim aim, struct pcidev_list *all, struct err *err)
{
	return aim == AIM_HEAL && removes(act->ctx, act->method) ? device_scan(act->ctx, all, err)
								 : device_look(act->ctx, all, err);
}

/*
 * The last look, after what may have taken long: the guard judges what is there now, and the groups
 * are held from here on, so that a VM cannot start on them in the middle. Not of what may go away:
 * the kernel would wait for us. What surely goes is taken from its driver first; what only may go is
 * reset under it.
 */
static int claim(struct act *act, struct hold *hold, struct err *err)
{
	struct step_ctx *ctx = act->ctx;
	enum reset_scope scope = reset_reach(act->method, &ctx->dev->pci);
	struct pcidev_list all = {0};
	int rc;

	if (look(act, act->subjects.aim, &all, err) != 0)
		return -1;
	rc = reset_may(ctx, &all, act->method, false, err);
	if (rc == 0)
		rc = removes(ctx, act->method)
			? device_allowed(ctx, &all, scope,
				  act->method->may_remove ? ASK_NOW : ASK_UNBIND, err)
			: device_claim(ctx, &all, scope, hold, err);
	pcidev_list_finish(&all);
	return rc;
}

static enum outcome cannot_begin(const struct err *err, struct result *res)
{
	if (err->code != ERR_UNSUPPORTED)
		return device_cannot_begin(err, res);
	result_fail(res, "not-offered", "%s", err->msg);
	result_advise(res, "%s", err->hint);
	return OUTCOME_FAIL;
}

/* What became of it, when that can still be seen: for the record. */
static enum outcome failed(struct act *act, const struct reset_run *run, struct err *err)
{
	enum outcome outcome = fire_failed(act, run, err);
	struct result ignored = {0};
	struct dev_state after;

	/* a device that is dead has lost more than words */
	if (run->left == 0 && device_observe(act->ctx, "after", &after, &ignored) == OUTCOME_PASS)
		forgive_dropped(act, run);
	return outcome;
}

static enum outcome fire(struct act *act)
{
	struct hold hold = {0};
	struct reset_run run = {0};
	struct err err = {0};
	enum outcome outcome;

	if (claim(act, &hold, &err) != 0)
		return cannot_begin(&err, act->res);
	if (act->method->fire(act->method, act->ctx, &hold, &run, &err) == 0)
		outcome = judge(act, &run, run.took_ns);
	else
		outcome = failed(act, &run, &err);
	hold_release(&hold);
	return outcome;
}

static enum outcome fire_and_await(struct act *act, struct away *away)
{
	struct reset_run run = {0};
	struct err err = {0};
	enum outcome outcome;
	int64_t start_ns;
	bool left;

	if (away_begin(away, &err) != 0)
		return result_broken(
			act->res, err.code == ERR_TIMEOUT ? "blocked" : "not-recorded", &err);
	if (claim(act, NULL, &err) != 0)
		return cannot_begin(&err, act->res);
	start_ns = clock_mono_ns();
	if (act->method->fire(act->method, act->ctx, NULL, &run, &err) != 0) {
		outcome = failed(act, &run, &err);
		away->stuck = run.left != 0;
		if (!away->stuck)
			away_rescue(away);
		return outcome;
	}
	left = away_settle(away);
	outcome = away_return(away, act->res);
	if (outcome != OUTCOME_PASS)
		return outcome;
	return judge(act, &run, left ? clock_mono_ns() - start_ns : run.took_ns);
}

static enum outcome fire_away(struct act *act)
{
	struct away away;
	enum outcome outcome;

	away_init(&away, act->ctx);
	away_add(&away, &act->subjects);
	outcome = fire_and_await(act, &away);
	away_finish(&away);
	if (outcome == OUTCOME_PASS)
		subjects_renew(&act->subjects);
	return outcome;
}

static enum outcome act_on(struct act *act)
{
	enum outcome outcome = subjects_observe(&act->subjects, act->res);

	if (outcome != OUTCOME_PASS)
		return outcome;
	return removes(act->ctx, act->method) ? fire_away(act) : fire(act);
}

enum outcome reset_act(
	struct step_ctx *ctx, const struct reset_method *method, enum aim aim, struct result *res)
{
	struct act act = {.ctx = ctx, .method = method, .res = res};
	struct pcidev_list all = {0};
	enum outcome outcome;
	struct err err = {0};

	if (look(&act, aim, &all, &err) != 0)
		return device_cannot_begin(&err, res);
	subjects_find(&act.subjects, ctx, &all, reset_reach(method, &ctx->dev->pci), aim);
	pcidev_list_finish(&all);
	outcome = beside_judge(&act.subjects.beside, act_on(&act), res);
	subjects_finish(&act.subjects);
	return outcome;
}
