/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/beside.h"

#include "base/str.h"
#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "steps/device_step.h"

#include <stdio.h>

/* Each costs a child process before and after the act; a switch with 16 dual-function cards has 50. */
#define BESIDE_MAX 64

/* The upstream port of the switch that the device is on, or the root port that it has for itself. */
static const struct pcidev *top_of(const struct pcidev_list *all, const struct pcidev *dev)
{
	const struct pcidev *port = dev->has_parent ? pcidev_find(all, dev->parent) : NULL;
	const struct pcidev *above =
		port != NULL && port->has_parent ? pcidev_find(all, port->parent) : NULL;

	return above != NULL ? above : port;
}

static bool is_beside(const struct pcidev_list *all, const struct pcidev *top,
	const struct pcidev *dev, const struct pcidev *other)
{
	if (top == NULL) /* on a root bus: the other functions of its slot */
		return scope_together(dev, other, SCOPE_SLOT);
	return bdf_eq(other->bdf, top->bdf) || pcidev_is_below(all, other, top->bdf);
}

void beside_find(struct beside *out, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope)
{
	const struct pcidev *dev = &ctx->dev->pci, *top = top_of(all, dev);
	struct bdf_set set;
	size_t i;

	*out = (struct beside){.ctx = ctx};
	scope_disturbed(all, dev, scope, &set);
	for (i = 0; i < all->n && out->list.n < BESIDE_MAX; i++) {
		const struct pcidev *other = &all->v[i];
		bool reached = bdf_set_has(&set, other->bdf);

		if (!device_in_lane(ctx, other->bdf) &&
			(reached || is_beside(all, top, dev, other)))
			*vec_push(&out->list) =
				(struct bystander){.bdf = other->bdf, .reached = reached};
	}
	bdf_set_finish(&set);
}

void beside_finish(struct beside *b)
{
	vec_finish(&b->list);
}

/* Another lane, or another run, does with it what it likes. */
static bool is_taken(const struct beside *b, struct bdf bdf)
{
	pid_t pid;

	return lock_holder(b->ctx->host, bdf, &pid);
}

/* Reading its config space would wake it. */
static bool is_cold(const struct beside *b, struct bdf bdf)
{
	char path[HOST_PATH_MAX], text[BDF_LEN], state[16];
	struct err ignored;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power_state", bdf_text(bdf, text));
	return host_read(b->ctx->host, path, state, sizeof(state), &ignored) == 0 &&
		str_eq(state, "D3cold");
}

static int look(const struct beside *b, struct bdf bdf, struct dev_state *out, struct err *err)
{
	return oracle_take(b->ctx->host, bdf, clock_mono_ns() + ORACLE_NS, out, err);
}

void beside_observe(struct beside *b)
{
	struct err ignored;

	vec_foreach (one, &b->list)
		one->known = !is_taken(b, one->bdf) && !is_cold(b, one->bdf) &&
			look(b, one->bdf, &one->before, &ignored) == 0 && one->before.readable;
}

static size_t compare(const struct beside *b, const struct bystander *one, struct str *differences)
{
	struct dev_state after;
	struct err err;

	if (look(b, one->bdf, &after, &err) != 0) {
		str_addf(differences, "%s", err.msg);
		return 1;
	}
	return one->reached ? oracle_compare(&one->before, &after, differences)
			    : oracle_compare_bystander(&one->before, &after, differences);
}

static void tell(const struct beside *b, struct bdf bdf, const char *differences)
{
	struct event ev = {.kind = EV_DEVICE_STATE, .reason = "differs"};

	bdf_text(bdf, ev.subject);
	str_set(ev.text, differences);
	emit(b->ctx->out, &ev);
}

static size_t judge_one(const struct beside *b, const struct bystander *one, struct str *all)
{
	struct str differences = {0};
	char bdf[BDF_LEN], dev[BDF_LEN];

	if (!one->known || is_taken(b, one->bdf) || is_cold(b, one->bdf) ||
		compare(b, one, &differences) == 0) {
		str_finish(&differences);
		return 0;
	}
	tell(b, one->bdf, differences.s);
	str_addf(all, "%s%s, %s %s: %s", all->len > 0 ? ". " : "", bdf_text(one->bdf, bdf),
		one->reached ? "reached by the reset of" : "beside",
		bdf_text(b->ctx->dev->pci.bdf, dev), differences.s);
	str_finish(&differences);
	return 1;
}

enum outcome beside_judge(struct beside *b, struct result *res)
{
	size_t n = 0, too_far = 0;
	struct str all = {0};
	char dev[BDF_LEN];

	vec_foreach (one, &b->list) {
		size_t changed = judge_one(b, one, &all);

		n += changed;
		too_far += one->reached ? 0 : changed;
	}
	if (n > 0) {
		result_fail(res, "neighbour-differs", "%s", all.s);
		result_advise(res,
			too_far > 0 ? "what is done to %s reaches further than it should: nobody "
				      "else may use what changed while it is reset"
				    : "they go down with %s and did not come back as they were: "
				      "nobody may use them across its reset",
			bdf_text(b->ctx->dev->pci.bdf, dev));
	}
	str_finish(&all);
	return n > 0 ? OUTCOME_FAIL : OUTCOME_PASS;
}
