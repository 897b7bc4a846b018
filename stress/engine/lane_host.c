/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_parts.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/driver.h"
#include "device/oracle.h"
#include "device/undo_replay.h"
#include "engine/lane.h"
#include "engine/lane_keep.h"
#include "model/step.h"
#include "model/undo.h"
#include "steps/away.h"
#include "steps/domain.h"
#include "world/vm.h"

#include <stdio.h>

#define RESTORE_NS (180 * NS_PER_S) /* for a VM that has to be stopped or started */
#define DEVICE_MS  INT64_C(140000) /* a driver that probes slowly, and a look at the device */

/* ---- how long it may take ---- */

static const struct {
	const char *what;
	bool devices; /* all of them as well, not only the domain */
} stretches[] = {
	[STRETCH_SETUP] = {"taking the host over", true},
	[STRETCH_RETURN] = {"returning to the start state", false},
	[STRETCH_GIVE_BACK] = {"giving the host back", true},
};

void lane_tell_stretch(struct lane *lane, enum stretch what)
{
	struct event ev = {.kind = EV_STRETCH, .code = what};
	struct step_ctx ctx;
	int64_t ms = 0;

	lane_step_ctx(lane, NULL, NULL, &ctx);
	if (lane->vm != NULL)
		ms = domain_bound_ms(&ctx, RESTORE_NS / NS_PER_MS);
	if (stretches[what].devices)
		ms += DEVICE_MS * (int64_t)lane->ndevs;
	ev.dur_ns = ms * NS_PER_MS;
	str_set(ev.text, stretches[what].what);
	emit(&lane->out, &ev);
}

/* ---- taking over ---- */

static int record_domain(struct lane *lane, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_DOMAIN};

	str_set(rec.subject, lane->spec->domain);
	str_set(rec.value, vm_state_name(vm_found(lane->vm)->state));
	if (undo_begin(&lane->out, &rec, &lane->undo_domain, err) != 0)
		return -1;
	lane->domain_changed = true;
	return 0;
}

/* Since it was found off, somebody may have started it. */
static int still_off(struct lane *lane, struct err *err)
{
	enum vm_state state;

	if (lane->spec->take_over || vm_found(lane->vm)->state != VM_STATE_OFF)
		return 0;
	if (vm_state(lane->vm, &state, err) != VM_OK)
		return -1;
	if (state == VM_STATE_OFF)
		return 0;
	return err_set(err, ERR_REFUSED, 0, "domain '%s' was started by somebody else",
		lane->spec->domain);
}

static int take_domain(struct lane *lane, struct err *err)
{
	if (lane->vm == NULL)
		return 0;
	if (still_off(lane, err) != 0 || record_domain(lane, err) != 0)
		return -1;
	return vm_restore(lane->vm, VM_STATE_OFF, clock_mono_ns() + RESTORE_NS, err) == VM_OK ? 0
											      : -1;
}

static int take_devices(struct lane *lane, struct err *err)
{
	struct err ignored;
	size_t i;

	for (i = 0; i < lane->ndevs; i++) {
		struct lane_device *dev = &lane->devs[i];

		if (lane->spec->driver == DRIVER_VFIO_PCI &&
			driver_take(lane->host, &lane->topology, dev, &lane->out, err) != 0)
			return -1;
		/* the first step that looks at a device that cannot be read says so */
		(void)!oracle_remember(lane->host, dev, &ignored);
	}
	return 0;
}

int lane_take_host(struct lane *lane, struct err *err)
{
	lane_tell_stretch(lane, STRETCH_SETUP);
	if (take_domain(lane, err) != 0 || take_devices(lane, err) != 0)
		return -1;
	lane_keep_states(lane);
	return 0;
}

void lane_note_start_state(struct lane *lane)
{
	enum vm_state state = VM_STATE_OFF;
	struct err err;

	if (lane->vm != NULL && vm_state(lane->vm, &state, &err) != VM_OK)
		state = VM_STATE_OFF;
	lane->keep->start_state = (int)state;
}

int lane_return_to_start(struct lane *lane, struct err *err)
{
	if (lane->vm == NULL)
		return 0;
	return vm_restore(lane->vm, (enum vm_state)lane->keep->start_state,
		       clock_mono_ns() + RESTORE_NS, err) == VM_OK
		? 0
		: -1;
}

/* ---- after a process that is gone ---- */

static struct lane_device *device_of(struct lane *lane, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < lane->ndevs; i++)
		if (bdf_eq(lane->devs[i].pci.bdf, bdf))
			return &lane->devs[i];
	return NULL;
}

void lane_keep_states(struct lane *lane)
{
	struct lane_keep *keep = lane->keep;
	size_t i;

	keep->nstates = 0;
	for (i = 0; i < lane->ndevs && keep->nstates < LANE_DEVICES_MAX; i++)
		if (lane->devs[i].oracle != NULL)
			keep->states[keep->nstates++] = (struct kept_state){
				lane->devs[i].pci.bdf, *(struct dev_state *)lane->devs[i].oracle};
}

static void inherit_states(struct lane *lane)
{
	size_t i;

	for (i = 0; i < lane->keep->nstates; i++) {
		struct lane_device *dev = device_of(lane, lane->keep->states[i].bdf);

		if (dev != NULL)
			oracle_recall(dev, &lane->keep->states[i].state);
	}
}

static void inherit_domain(struct lane *lane, const struct undo_rec *rec)
{
	enum vm_state state;

	if (lane->vm == NULL || !vm_state_of_name(rec->value, &state))
		return;
	lane->domain_changed = true;
	lane->undo_domain = rec->id;
	vm_adopt(lane->vm, state);
}

static void inherit_driver(struct lane *lane, const struct undo_rec *rec)
{
	struct lane_device *dev;
	struct bdf bdf;

	if (!bdf_parse(rec->subject, &bdf) || (dev = device_of(lane, bdf)) == NULL)
		return;
	dev->undo_driver = rec->id;
	str_set(dev->driver_was, rec->value);
	str_set(dev->override_was, rec->path);
}

static void cannot_put_back(struct lane *lane, const char *what, const char *why)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	snprintf(ev.text, sizeof(ev.text), "%s could not be put back: %s", what, why);
	str_set(ev.hint, "`vfio-stress undo` tries again");
	emit(&lane->out, &ev);
}

/* What a step changes, it puts back itself; this one could not. */
static void finish_write(struct lane *lane, const struct undo_rec *rec)
{
	struct err err;

	/* once all that it keeps host drivers away from is back */
	if (str_eq(rec->path, DRIVERS_AUTOPROBE) && lane->ndevs > 0)
		lane->devs[0].undo_autoprobe = rec->id;
	else if (undo_replay(lane->host, rec, &err) == 0)
		undo_done(&lane->out, rec->id);
	else
		cannot_put_back(lane, rec->path, err.msg);
}

void lane_inherit(struct lane *lane)
{
	static void (*const inherit[])(struct lane *, const struct undo_rec *) = {
		[UNDO_WRITE] = finish_write,
		[UNDO_DRIVER] = inherit_driver,
		[UNDO_DOMAIN] = inherit_domain,
	};
	size_t i;

	for (i = lane->keep->nrecords; i-- > 0;) {
		const struct undo_rec *rec = &lane->keep->records[i];

		if (rec->kind < ARRAY_SIZE(inherit)) /* others are the supervisor's */
			inherit[rec->kind](lane, rec);
	}
	away_lift(lane->host, lane->devs, lane->ndevs, &lane->out);
	inherit_states(lane);
}

/* ---- giving back ---- */

static bool give_back_domain(struct lane *lane)
{
	struct err err;

	if (vm_restore(lane->vm, vm_found(lane->vm)->state, clock_mono_ns() + RESTORE_NS, &err) !=
		VM_OK) {
		cannot_put_back(lane, lane->spec->domain, err.msg);
		return false;
	}
	undo_done(&lane->out, lane->undo_domain);
	return true;
}

static bool give_back_devices(struct lane *lane)
{
	char bdf[BDF_LEN];
	struct err err;
	bool all = true;
	size_t i;

	for (i = lane->ndevs; i-- > 0;) {
		if (driver_give_back(lane->host, &lane->devs[i], &lane->out, &err) == 0)
			continue;
		cannot_put_back(lane, bdf_text(lane->devs[i].pci.bdf, bdf), err.msg);
		all = false;
	}
	away_lift(lane->host, lane->devs, lane->ndevs, &lane->out);
	return all;
}

/*
 * A domain that was off is stopped before its devices leave it, for a driver cannot be taken from a
 * VM that runs; one that was on needs them before it starts.
 */
void lane_give_back(struct lane *lane)
{
	bool domain_on = lane->domain_changed && vm_found(lane->vm)->state != VM_STATE_OFF;

	lane_tell_stretch(lane, STRETCH_GIVE_BACK);
	if (lane->domain_changed && !domain_on && !give_back_domain(lane)) {
		if (lane->ndevs > 0)
			cannot_put_back(lane, "its devices", "the domain still runs");
		return;
	}
	if (give_back_devices(lane) && domain_on)
		give_back_domain(lane);
	else if (domain_on)
		cannot_put_back(lane, lane->spec->domain, "its devices come first");
}
