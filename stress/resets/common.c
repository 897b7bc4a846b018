/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/common.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/oracle.h"
#include "device/reset.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "world/child.h"

#include <errno.h>

/* The device's own word goes in front of what the kernel said. */
static void look_again(const struct host *host, const struct pcidev *dev, struct err *err)
{
	struct dev_state st = {0};
	struct err ignored;

	if (oracle_take(host, dev->bdf, clock_mono_ns() + ORACLE_NS, &st, &ignored) != 0) {
		err_wrap(err, "its config space does not answer");
	} else if (!st.present) {
		err->code = ERR_ABSENT;
		err_wrap(err, "it is gone from sysfs");
	} else if (!st.readable) {
		err_wrap(err, "its config space reads all ones");
	}
}

void reset_explain(const char *method, const struct host *host, const struct pcidev *dev,
	const struct reset_meaning *meanings, size_t n, struct err *err)
{
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < n; i++) {
		if (meanings[i].sys != err->sys)
			continue;
		err_set(err, err->code, err->sys, "%s reset of %s: %s", method,
			bdf_text(dev->bdf, bdf), meanings[i].what);
		err_hint(err, "%s", meanings[i].hint);
		break;
	}
	look_again(host, dev, err);
}

int reset_needs_bridge_above(
	const struct reset_method *self, const struct pcidev *dev, struct err *why_not)
{
	char bdf[BDF_LEN];

	bdf_text(dev->bdf, bdf);
	if (dev->is_bridge) {
		err_set(why_not, ERR_REFUSED, 0, "%s is a bridge", bdf);
		return err_hint(why_not, "reset the devices below it");
	}
	if (dev->is_vf) {
		err_set(why_not, ERR_UNSUPPORTED, 0,
			"%s is a virtual function: it has no bus of "
			"its own",
			bdf);
		return err_hint(why_not, "reset the physical function that it belongs to");
	}
	if (dev->has_parent)
		return 0;
	err_set(why_not, ERR_UNSUPPORTED, 0,
		"%s is on a root bus: no bridge above it can do a %s reset", bdf, self->name);
	return err_hint(why_not, "`vfio-stress list resets %s` shows what else it offers", bdf);
}

int64_t reset_first_deadline(const struct step_ctx *ctx)
{
	int64_t quarter = (ctx->deadline_ns - clock_mono_ns()) / 4;

	return ctx->deadline_ns - (quarter < RESET_BACK_NS ? quarter : RESET_BACK_NS);
}

void reset_await_left(struct step_ctx *ctx, int64_t start_ns, const struct child_result *child,
	struct reset_run *run)
{
	int64_t bound = ctx->deadline_ns - start_ns;
	char bdf[BDF_LEN];

	if (child->stood[0] != '\0')
		str_set(run->stood, child->stood);
	if (child->left == 0)
		return;
	emit_substep(ctx->out, bdf_text(ctx->dev->pci.bdf, bdf),
		"still in the kernel at its deadline", clock_mono_ns() - start_ns);
	run->late = true;
	if (!child_left_ends(child->left,
		    ctx->deadline_ns + bound - (bound > 20 * NS_PER_S ? 5 * NS_PER_S : 0)))
		run->left = child->left;
}
