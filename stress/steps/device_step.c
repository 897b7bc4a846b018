/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/device_step.h"

#include "base/mem.h"
#include "base/str.h"
#include "device/guard.h"
#include "device/hold.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "world/vm.h"

#include <stdlib.h>
#include <string.h>

#define METHOD_MS INT64_C(75000) /* the kernel waits 70 s (1023 ... 65535 ms) for a dead device */

static void refresh(struct lane_device *dev, const struct pcidev_list *all)
{
	const struct pcidev *now = pcidev_find(all, dev->pci.bdf);
	char name[sizeof(dev->pci.name)];

	if (now == NULL)
		return;
	str_set(name, dev->pci.name);
	dev->pci = *now;
	str_set(dev->pci.name, name);
}

int device_scan(struct step_ctx *ctx, struct pcidev_list *all, struct err *err)
{
	size_t i;

	if (pcidev_scan_nameless(ctx->host, all, err) != 0)
		return -1;
	for (i = 0; i < ctx->ndevs; i++)
		refresh(&ctx->devs[i], all);
	return 0;
}

int device_look(struct step_ctx *ctx, struct pcidev_list *all, struct err *err)
{
	struct pcidev_list list = {0};
	char bdf[BDF_LEN];

	if (device_scan(ctx, &list, err) != 0)
		return -1;
	if (pcidev_find(&list, ctx->dev->pci.bdf) == NULL) {
		pcidev_list_finish(&list);
		return err_set(err, ERR_ABSENT, 0, "%s is gone from sysfs",
			bdf_text(ctx->dev->pci.bdf, bdf));
	}
	*all = list;
	return 0;
}

bool device_in_lane(const struct step_ctx *ctx, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < ctx->ndevs; i++)
		if (bdf_eq(ctx->devs[i].pci.bdf, bdf))
			return true;
	return false;
}

/* The QEMU that may hold the devices: the lane's own, when the step says so or it will be stopped. */
static pid_t friendly_qemu(const struct step_ctx *ctx, enum device_asking asking)
{
	if (ctx->vm == NULL)
		return 0;
	if (asking == ASK_PREPARE || asking == ASK_PREPARE_UNBIND)
		return ctx->lane->take_over ? vm_qemu_pid(ctx->vm) : 0;
	return ctx->step->while_running && asking == ASK_NOW ? vm_qemu_pid(ctx->vm) : 0;
}

/* A driver on it is no reason to refuse when it will be gone by then, or was asked for. */
static bool may_be_bound(const struct step_ctx *ctx, enum device_asking asking)
{
	if (ctx->step->while_bound || asking == ASK_UNBIND || asking == ASK_PREPARE_UNBIND)
		return true;
	return asking == ASK_PREPARE &&
		(ctx->lane->driver == DRIVER_VFIO_PCI || ctx->step->while_running);
}

/* The question for the guard: whom it reaches, and who may have these. */
struct question {
	struct bdf_set set;
	struct bdf *lane;
	struct guard_friends friends;
};

static void question_init(struct question *q, const struct step_ctx *ctx,
	const struct pcidev_list *all, enum reset_scope scope, enum device_asking asking)
{
	size_t i;

	q->lane = xcalloc(ctx->ndevs, sizeof(*q->lane));
	for (i = 0; i < ctx->ndevs; i++)
		q->lane[i] = ctx->devs[i].pci.bdf;
	q->friends = (struct guard_friends){
		.lane = q->lane,
		.nlane = ctx->ndevs,
		.qemu = friendly_qemu(ctx, asking),
		.while_bound = may_be_bound(ctx, asking),
		.allow = ctx->dev->allow,
	};
	scope_disturbed(all, &ctx->dev->pci, scope, &q->set);
}

static void question_finish(struct question *q)
{
	bdf_set_finish(&q->set);
	free(q->lane);
}

int device_allowed(struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	enum device_asking asking, struct err *err)
{
	struct question q;
	int rc;

	question_init(&q, ctx, all, scope, asking);
	rc = guard_check(ctx->host, all, q.set.v, q.set.n, &q.friends, err);
	question_finish(&q);
	return rc;
}

void device_opinion(struct step_ctx *ctx, const struct pcidev_list *all, const struct pcidev *other,
	enum device_asking asking, struct guard_opinion *out)
{
	struct question q;

	question_init(&q, ctx, all, SCOPE_FUNCTION, asking);
	guard_think(ctx->host, all, other, &q.friends, out);
	question_finish(&q);
}

int device_claim(struct step_ctx *ctx, const struct pcidev_list *all, enum reset_scope scope,
	struct hold *out, struct err *err)
{
	struct question q;
	int rc;

	question_init(&q, ctx, all, scope, ASK_NOW);
	rc = guard_check(ctx->host, all, q.set.v, q.set.n, &q.friends, err);
	if (rc == 0)
		rc = hold_take(ctx->host, all, q.set.v, q.set.n, &q.friends, out, err);
	question_finish(&q);
	return rc;
}

enum outcome device_cannot_begin(const struct err *err, struct result *res)
{
	if (err->code == ERR_REFUSED)
		return result_broken(res, "refused", err);
	if (err->code != ERR_ABSENT)
		return result_broken(res, "state-not-read", err);
	return result_fail(res, "device-vanished", "before the step, %s", err->msg);
}

static void tell_state(
	struct step_ctx *ctx, const char *when, enum device_use use, const char *text)
{
	struct event ev = {.kind = EV_DEVICE_STATE, .code = use};

	bdf_text(ctx->dev->pci.bdf, ev.subject);
	str_set(ev.reason, when);
	str_set(ev.text, text);
	emit(ctx->out, &ev);
}

static enum device_use use_of(const struct step_ctx *ctx, const struct dev_state *st)
{
	if (!st->present)
		return USE_UNKNOWN;
	if (*st->driver == '\0')
		return USE_UNBOUND;
	if (!pcidev_vfio_driver(st->driver))
		return USE_DRIVER;
	return st->enabled && ctx->vm != NULL && vm_qemu_pid(ctx->vm) > 0 ? USE_VM : USE_VFIO;
}

enum outcome device_observe(
	struct step_ctx *ctx, const char *when, struct dev_state *out, struct result *res)
{
	struct dev_state st = {0};
	char text[256], bdf[BDF_LEN];
	struct err err = {0};

	bdf_text(ctx->dev->pci.bdf, bdf);
	if (oracle_take(ctx->host, ctx->dev->pci.bdf, clock_mono_ns() + ORACLE_NS, &st, &err) !=
		0) {
		tell_state(ctx, when, USE_UNKNOWN, err.msg);
		if (err.code != ERR_TIMEOUT)
			return result_broken(res, "state-not-read", &err);
		return result_fail(res, "device-unreadable",
			"%s the step, %s did not answer within %lld s", when, bdf,
			(long long)(ORACLE_NS / NS_PER_S));
	}
	tell_state(ctx, when, use_of(ctx, &st), oracle_text(&st, text, sizeof(text)));
	if (!st.present)
		return result_fail(
			res, "device-vanished", "%s the step, %s is gone from sysfs", when, bdf);
	if (!st.readable) {
		result_fail(res, "device-unreadable",
			"%s the step, config space of %s reads all ones", when, bdf);
		result_advise(res, "is its power on, and the link up? see the kernel log");
		return OUTCOME_FAIL;
	}
	*out = st;
	return OUTCOME_PASS;
}

typedef size_t compare_fn(
	const struct dev_state *before, const struct dev_state *after, struct str *differences);

static enum outcome judge(struct step_ctx *ctx, compare_fn *compare, const struct dev_state *before,
	const struct dev_state *after, struct result *res)
{
	struct str differences = {0}, notes = {0};
	enum outcome outcome = OUTCOME_PASS;
	char bdf[BDF_LEN];

	if (oracle_notes(before, after, &notes) > 0)
		tell_state(ctx, "note", USE_UNKNOWN, notes.s);
	if (compare(before, after, &differences) > 0) {
		tell_state(ctx, "differs", USE_UNKNOWN, differences.s);
		outcome = result_fail(res, "state-differs", "%s: %s",
			bdf_text(ctx->dev->pci.bdf, bdf), differences.s);
	}
	str_finish(&differences);
	str_finish(&notes);
	return outcome;
}

enum outcome device_judge(struct step_ctx *ctx, const struct dev_state *before,
	const struct dev_state *after, struct result *res)
{
	return judge(ctx, oracle_compare, before, after, res);
}

enum outcome device_judge_unused(struct step_ctx *ctx, const struct dev_state *before,
	const struct dev_state *after, struct result *res)
{
	return judge(ctx, oracle_compare_bystander, before, after, res);
}

void device_forgive_user(
	const struct step_ctx *ctx, struct dev_state *reference, const struct dev_state *now)
{
	if (ctx->lane->driver != DRIVER_MANAGED || str_eq(reference->driver, now->driver))
		return;
	str_set(reference->driver, now->driver);
	reference->command = now->command;
	reference->msi_enabled = now->msi_enabled;
	reference->msix_enabled = now->msix_enabled;
}

void device_substep(struct step_ctx *ctx, const char *what, int64_t dur_ns)
{
	char bdf[BDF_LEN];

	emit_substep(ctx->out, bdf_text(ctx->dev->pci.bdf, bdf), what, dur_ns);
}

int64_t device_methods_ms(const struct pcidev *dev, const char *method)
{
	const char *s = dev->reset_methods;
	int64_t n = 0;

	if (!str_eq(method, "default") || str_eq(s, "default"))
		return METHOD_MS;
	for (s += strspn(s, " "); *s != '\0'; s += strspn(s, " ")) {
		n++;
		s += strcspn(s, " ");
	}
	return METHOD_MS * (n ? n : 1);
}
