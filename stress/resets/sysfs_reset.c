/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resets/sysfs_reset.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/attr.h"
#include "device/methods.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/undo.h"
#include "resets/common.h"
#include "resets/resets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIST_NS      (30 * NS_PER_S) /* a write of reset_method probes every method */
#define WORD_DEFAULT "default"

/* ---- is it offered? ---- */

/* Another function of the same slot, by its name in sysfs. */
static bool has_sibling(const struct host *host, struct bdf bdf, struct bdf *out)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/sys/bus/pci/devices"));
	struct dirent *entry;
	bool found = false;
	struct bdf b;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = bdf_parse(entry->d_name, &b) && b.domain == bdf.domain &&
			b.bus == bdf.bus && b.dev == bdf.dev && b.fn != bdf.fn;
		if (found)
			*out = b;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

static int not_offered(
	const struct reset_method *self, const struct pcidev *dev, struct err *why_not)
{
	char bdf[BDF_LEN];

	bdf_text(dev->bdf, bdf);
	if (dev->reset_methods[0] == '\0') {
		err_set(why_not, ERR_UNSUPPORTED, 0, "%s offers no reset at all", bdf);
		return err_hint(why_not,
			"a function that shares its slot with others often has none; all may be "
			"switched off in its reset_method");
	}
	if (str_eq(dev->reset_methods, WORD_DEFAULT)) {
		err_set(why_not, ERR_UNSUPPORTED, 0,
			"this kernel does not let '%s' be chosen for %s", self->name, bdf);
		return err_hint(why_not,
			"reset_method exists since Linux 5.15; use `reset: default` before");
	}
	err_set(why_not, ERR_UNSUPPORTED, 0, "%s offers '%s', not '%s'", bdf, dev->reset_methods,
		self->name);
	return err_hint(why_not, "`reset: {method: %s, if-offered: true}` skips it", self->name);
}

/* Does the device list nothing but methods that reset its whole bus? */
static bool only_whole_bus(const struct pcidev *dev)
{
	char copy[sizeof(dev->reset_methods)], *word, *rest = copy;
	const struct reset_method *method;
	bool only = true;

	str_set(copy, dev->reset_methods);
	while (only && (word = strsep(&rest, " ")) != NULL) {
		method = *word != '\0' ? reset_method_find(word) : &reset_bus;
		only = method == &reset_bus || method == &reset_cxl_bus;
	}
	return only;
}

int sysfs_reset_available(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *why_not)
{
	bool any = str_eq(self->name, WORD_DEFAULT) && dev->reset_methods[0] != '\0';
	char bdf[BDF_LEN], other[BDF_LEN];
	struct bdf sibling;

	if (dev->is_bridge) {
		err_set(why_not, ERR_REFUSED, 0, "%s is a bridge", bdf_text(dev->bdf, bdf));
		return err_hint(why_not, "reset the devices below it");
	}
	if (!any && !pcidev_offers(dev, self->name))
		return not_offered(self, dev, why_not);
	/* listed since it was probed before its siblings existed; the kernel refuses it now */
	if (self->scope == SCOPE_BUS && (!any || only_whole_bus(dev)) &&
		has_sibling(host, dev->bdf, &sibling)) {
		err_set(why_not, ERR_UNSUPPORTED, 0,
			"%s lists '%s', but the kernel refuses it: %s is in the same slot",
			bdf_text(dev->bdf, bdf), any ? dev->reset_methods : self->name,
			bdf_text(sibling, other));
		return err_hint(why_not,
			"a bus reset of a slot with several functions is VFIO's "
			"hot reset, which takes all of them");
	}
	return 0;
}

/* ---- the reset ---- */

/* One reset in progress. */
struct firing {
	struct step_ctx *ctx;
	struct pcidev *dev; /* ctx->dev's */
	char bdf[BDF_LEN];
	char was[METHODS_MAX]; /* the list before it was narrowed; "" = it was not */
	uint64_t undo;
};

static void attr_path(const struct firing *f, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "/sys/bus/pci/devices/%s/%s", f->bdf, name);
}

/* Leaves the one method in the list, undo record first: vfio's own resets obey it as well. */
static int narrow(struct firing *f, const char *word, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_WRITE};

	if (str_eq(word, WORD_DEFAULT) || str_eq(f->dev->reset_methods, word))
		return 0;
	str_set(rec.subject, f->bdf);
	attr_path(f, "reset_method", rec.path, sizeof(rec.path));
	str_set(rec.value, f->dev->reset_methods);
	if (undo_begin(f->ctx->out, &rec, &f->undo, err) != 0)
		return -1;
	str_set(f->was, f->dev->reset_methods);
	return attr_write(f->ctx->host, rec.path, word, clock_mono_ns() + LIST_NS, NULL, err);
}

static void note_dropped(const struct firing *f, const char *dropped)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	str_set(ev.subject, f->bdf);
	snprintf(ev.text, sizeof(ev.text),
		"the kernel does not offer the reset method '%s' any more: it listed it before it "
		"had seen the whole slot",
		dropped);
	emit(f->ctx->out, &ev);
}

/* What cannot be put back stays in its undo record, and is said; it is no failure of the device. */
static void widen(struct firing *f, struct reset_run *run)
{
	char now[METHODS_MAX];
	struct event ev = {.kind = EV_LANE_NOTE};
	struct err err = {0};

	if (f->was[0] == '\0')
		return;
	if (methods_restore(f->ctx->host, f->dev->bdf, f->was, clock_mono_ns() + LIST_NS, now,
		    run->dropped, &err) != 0) {
		str_set(ev.subject, f->bdf);
		snprintf(ev.text, sizeof(ev.text),
			"its reset methods could not be put back to '%s': %s", f->was, err.msg);
		str_set(ev.hint, "`vfio-stress undo` tries again");
		emit(f->ctx->out, &ev);
		return;
	}
	undo_done(f->ctx->out, f->undo);
	str_set(f->dev->reset_methods, now);
	if (run->dropped[0] != '\0')
		note_dropped(f, run->dropped);
}

static int write_reset(struct firing *f, struct reset_run *run, struct err *err)
{
	int64_t start = clock_mono_ns();
	struct child_result res = {0};
	char path[128], text[64];
	int rc;

	attr_path(f, "reset", path, sizeof(path));
	rc = attr_write(f->ctx->host, path, "1", f->ctx->deadline_ns, &res, err);
	reset_await_left(f->ctx, start, &res, run);
	run->took_ns = clock_mono_ns() - start;
	snprintf(text, sizeof(text), "write to reset%s", rc == 0 ? "" : ", refused");
	emit_substep(f->ctx->out, f->bdf, text, run->took_ns);
	return rc;
}

int sysfs_reset_fire(const struct reset_method *self, struct step_ctx *ctx, const struct hold *hold,
	struct reset_run *run, struct err *err)
{
	struct firing f = {.ctx = ctx, .dev = &ctx->dev->pci};
	int rc;

	(void)hold;
	*run = (struct reset_run){0};
	bdf_text(f.dev->bdf, f.bdf);
	rc = narrow(&f, self->name, err);
	if (rc == 0)
		rc = write_reset(&f, run, err);
	/* with the reset still in the kernel, another write would only get stuck behind it */
	if (run->left == 0)
		widen(&f, run);
	return rc;
}

/* ---- what went wrong ---- */

static const struct reset_meaning meanings[] = {
	{ENOTTY, "none of the chosen methods worked",
		"a device that never became ready after the reset, or a port whose link did not "
		"come "
		"up: see the kernel log"},
	{EINVAL, "the kernel does not take this method for this device (any more)",
		"`vfio-stress list resets DEVICE` shows what it offers now"},
	{EAGAIN, "the kernel could not get the locks of all devices that it reaches",
		"another reset, or a driver that is being bound, is in the way: try again"},
	{ENODEV, "the device was removed meanwhile",
		"did the link or the slot go down? see the kernel log"},
	{ENOENT, "the device was removed meanwhile",
		"did the link or the slot go down? see the kernel log"},
	{EBUSY, "something else holds the device", "stop what uses it"},
	{EIO, "the device did not answer", "see the kernel log for its port"},
	{EPERM, "it is not permitted", "run as root; kernel lockdown forbids some of it"},
	{EACCES, "it is not permitted", "run as root"},
};

void sysfs_reset_diagnose(const struct reset_method *self, const struct host *host,
	const struct pcidev *dev, struct err *err)
{
	reset_explain(self->name, host, dev, meanings, ARRAY_SIZE(meanings), err);
}
