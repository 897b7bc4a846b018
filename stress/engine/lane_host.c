/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_parts.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/driver.h"
#include "device/oracle.h"
#include "engine/lane.h"
#include "model/undo.h"
#include "world/vm.h"

#include <stdio.h>

#define RESTORE_NS (180 * NS_PER_S) /* for a VM that has to be stopped or started */

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
	return take_domain(lane, err) == 0 && take_devices(lane, err) == 0 ? 0 : -1;
}

void lane_note_start_state(struct lane *lane)
{
	enum vm_state state = VM_STATE_OFF;
	struct err err;

	if (lane->vm != NULL && vm_state(lane->vm, &state, &err) != VM_OK)
		state = VM_STATE_OFF;
	lane->state_before_cycles = (int)state;
}

int lane_return_to_start(struct lane *lane, struct err *err)
{
	if (lane->vm == NULL)
		return 0;
	return vm_restore(lane->vm, (enum vm_state)lane->state_before_cycles,
		       clock_mono_ns() + RESTORE_NS, err) == VM_OK
		? 0
		: -1;
}

/* What cannot be given back stays in the undo records and is said. */
static void cannot_give_back(struct lane *lane, const char *what, const struct err *err)
{
	struct event ev = {.kind = EV_LANE_NOTE};

	snprintf(ev.text, sizeof(ev.text), "%s could not be put back: %s", what, err->msg);
	str_set(ev.hint, "`vfio-stress undo` tries again");
	emit(&lane->out, &ev);
}

void lane_give_back(struct lane *lane)
{
	struct err err = {0};
	char bdf[BDF_LEN];
	bool domain_on;
	size_t i;

	/* a domain that was off is stopped before its devices leave; one that was on needs them back */
	domain_on = lane->domain_changed && vm_found(lane->vm)->state != VM_STATE_OFF;
	if (lane->domain_changed && !domain_on &&
		vm_restore(lane->vm, VM_STATE_OFF, clock_mono_ns() + RESTORE_NS, &err) != VM_OK)
		cannot_give_back(lane, lane->spec->domain, &err);
	else if (lane->domain_changed && !domain_on)
		undo_done(&lane->out, lane->undo_domain);
	for (i = lane->ndevs; i-- > 0;)
		if (driver_give_back(lane->host, &lane->devs[i], &lane->out, &err) != 0)
			cannot_give_back(lane, bdf_text(lane->devs[i].pci.bdf, bdf), &err);
	if (!domain_on)
		return;
	if (vm_restore(lane->vm, vm_found(lane->vm)->state, clock_mono_ns() + RESTORE_NS, &err) !=
		VM_OK)
		cannot_give_back(lane, lane->spec->domain, &err);
	else
		undo_done(&lane->out, lane->undo_domain);
}
