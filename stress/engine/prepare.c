/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/driver.h"
#include "device/oracle.h"
#include "device/reset.h"
#include "model/step.h"
#include "steps/steps.h"
#include "world/host.h"
#include "world/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whom to tell, and how much was told. */
struct refusals {
	lane_refusal *fn;
	void *arg;
	size_t n;
};

static void refuse(struct refusals *r, const char *subject, const struct err *err)
{
	r->n++;
	r->fn(r->arg, subject, err);
}

/* ---- the domain ---- */

static void tell_fact(struct lane *lane, const char *what, const char *text)
{
	struct event ev = {.kind = EV_LANE_FACT};

	str_set(ev.subject, what);
	str_set(ev.text, text);
	if (lane->out.fd >= 0 && *text != '\0')
		emit(&lane->out, &ev);
}

static void check_running(struct lane *lane, struct refusals *r)
{
	enum vm_state state = vm_found(lane->vm)->state;
	struct err err = {0};

	if (lane->spec->take_over || state == VM_STATE_OFF)
		return;
	err_set(&err, ERR_REFUSED, 0, "domain '%s' is %s", lane->spec->domain,
		vm_state_name(state));
	err_hint(
		&err, "stop it first, or write `take-over: true` in its lane to let it be stopped");
	refuse(r, lane->spec->domain, &err);
}

static void tell_facts(struct lane *lane)
{
	char libvirt[24], qemu[24];

	vm_versions(lane->vm, libvirt, qemu);
	tell_fact(lane, "libvirt", libvirt);
	tell_fact(lane, "qemu", qemu);
	tell_fact(lane, "qemu-log", vm_log_path(lane->vm));
}

static void find_domain(struct lane *lane, struct refusals *r)
{
	struct err err = {0};

	if (vm_open(lane->host, lane->scenario->connect, lane->spec->domain, &lane->vm, &err) != 0)
		refuse(r, lane->spec->domain, &err);
}

/* ---- the devices ---- */

static void add_device(struct lane *lane, const struct pcidev *dev)
{
	size_t i;

	for (i = 0; i < lane->ndevs; i++)
		if (bdf_eq(lane->devs[i].pci.bdf, dev->bdf))
			return;
	lane->devs = xrealloc(lane->devs, (lane->ndevs + 1) * sizeof(lane->devs[0]));
	lane->devs[lane->ndevs++] =
		(struct lane_device){.pci = *dev, .allow = &lane->allow, .lock_fd = -1};
}

static void add_hostdevs(struct lane *lane, struct refusals *r)
{
	const struct domdef_hostdev *devs;
	size_t i, n;

	devs = vm_hostdevs(lane->vm, &n);
	for (i = 0; i < n; i++) {
		const struct pcidev *dev = pcidev_find(&lane->topology, devs[i].bdf);
		struct err err = {0};
		char bdf[BDF_LEN];

		if (dev != NULL) {
			add_device(lane, dev);
			continue;
		}
		bdf_text(devs[i].bdf, bdf);
		err_set(&err, ERR_ABSENT, 0,
			"domain '%s' passes %s through, but there is no such device",
			lane->spec->domain, bdf);
		err_hint(&err,
			"`vfio-stress devices` lists what is there; a BIOS update may have "
			"renumbered it");
		refuse(r, bdf, &err);
	}
}

static void add_selected(struct lane *lane, const struct selector *sel, struct refusals *r)
{
	struct err err = {0};
	size_t i, n = 0;

	for (i = 0; i < lane->topology.n; i++) {
		const struct pcidev *dev = &lane->topology.v[i];

		if (dev->is_bridge || !pcidev_matches(dev, sel->text))
			continue;
		add_device(lane, dev);
		n++;
	}
	if (n > 0)
		return;
	err_set(&err, ERR_ABSENT, 0, "no device here is '%s'", sel->text);
	err_hint(&err, "`vfio-stress devices` lists what is there");
	refuse(r, sel->text, &err);
}

static int by_bdf(const void *a, const void *b)
{
	const struct lane_device *x = a, *y = b;

	return bdf_cmp(x->pci.bdf, y->pci.bdf);
}

static void find_devices(struct lane *lane, struct refusals *r)
{
	size_t i;

	if (lane->spec->hostdevs && lane->vm != NULL)
		add_hostdevs(lane, r);
	for (i = 0; i < lane->spec->ndevices; i++)
		add_selected(lane, &lane->spec->devices[i], r);
	if (lane->ndevs > 0)
		qsort(lane->devs, lane->ndevs, sizeof(lane->devs[0]), by_bdf);
}

static bool disturbs_devices(const struct step_list *list)
{
	const unsigned both = STEP_ON_DEVICES | STEP_DISRUPTIVE;
	size_t i;

	for (i = 0; i < list->n; i++)
		if ((list->v[i].type->flags & both) == both)
			return true;
	return false;
}

/* Without root nothing can be bound or reset; in a container sysfs may be read-only. */
static void check_may_change(struct lane *lane, struct refusals *r)
{
	char path[HOST_PATH_MAX], bdf[BDF_LEN];
	struct err err = {0};
	size_t i;

	if (lane->spec->driver == DRIVER_MANAGED && !disturbs_devices(&lane->scenario->before) &&
		!disturbs_devices(&lane->spec->steps) && !disturbs_devices(&lane->scenario->after))
		return;
	for (i = 0; i < lane->ndevs; i++) {
		bdf_text(lane->devs[i].pci.bdf, bdf);
		host_path(lane->host, path, "/sys/bus/pci/devices/%s/driver_override", bdf);
		if (access(path, W_OK) == 0 || (errno != EACCES && errno != EROFS))
			continue;
		err_set(&err, ERR_REFUSED, errno, "%s cannot be bound or reset", bdf);
		err_hint(&err,
			err.sys == EROFS ? "/sys is read-only here: run it on the host itself"
					 : "run it as root");
		refuse(r, bdf, &err);
	}
}

/* ---- do they answer? ---- */

static int answers(const struct host *host, struct bdf bdf, int64_t deadline_ns, struct err *err)
{
	struct dev_state st;
	char text[BDF_LEN];

	bdf_text(bdf, text);
	if (oracle_take(host, bdf, deadline_ns, &st, err) != 0) {
		if (err->code != ERR_TIMEOUT)
			return -1;
		err_set(err, ERR_REFUSED, 0,
			"%s does not answer: a read of its config space did not end within %d s",
			text, (int)(ORACLE_NS / NS_PER_S));
		return err_hint(err,
			"a reset of it may be under way: wait, and look in the kernel log; when it "
			"hangs, only a power cycle of the host helps");
	}
	if (!st.present)
		return err_set(err, ERR_ABSENT, 0, "%s is gone from sysfs", text);
	if (st.readable)
		return 0;
	err_set(err, ERR_REFUSED, 0, "%s is dark: its config space reads all ones", text);
	return err_hint(err,
		"is its power on, and the link up? reseat it or power the host off and on; the "
		"kernel log says what the port above saw");
}

/* One that does not answer is enough: the others may hang with it, each for as long. */
static void check_answers(struct lane *lane, struct refusals *r)
{
	int64_t deadline_ns = clock_mono_ns() + ORACLE_NS;
	size_t i;

	for (i = 0; i < lane->ndevs && clock_mono_ns() < deadline_ns; i++) {
		struct bdf bdf = lane->devs[i].pci.bdf;
		struct err err = {0};
		char text[BDF_LEN];

		if (!oracle_would_wake(lane->host, bdf) &&
			answers(lane->host, bdf, deadline_ns, &err) != 0)
			refuse(r, bdf_text(bdf, text), &err);
	}
}

/* Can they all be taken for vfio-pci? What is on it already is judged by the steps. */
static void check_drivers(struct lane *lane, struct refusals *r)
{
	auto_free struct bdf *bdfs = xcalloc(lane->ndevs + 1, sizeof(*bdfs));
	size_t i;

	for (i = 0; i < lane->ndevs; i++)
		bdfs[i] = lane->devs[i].pci.bdf;
	for (i = 0; i < lane->ndevs; i++) {
		const struct pcidev *dev = &lane->devs[i].pci;
		struct err err = {0};
		char bdf[BDF_LEN];

		if (!str_eq(dev->driver, "vfio-pci") &&
			driver_check(lane->host, &lane->topology, dev, bdfs, lane->ndevs,
				&lane->allow, &err) != 0)
			refuse(r, bdf_text(dev->bdf, bdf), &err);
	}
}

/* ---- the steps ---- */

bool lane_step_applies(const struct step *step, const struct lane_device *dev)
{
	return step->device == NULL || pcidev_matches(&dev->pci, step->device);
}

void lane_step_ctx(
	struct lane *lane, const struct step *step, struct lane_device *dev, struct step_ctx *out)
{
	*out = (struct step_ctx){
		.host = lane->host,
		.scenario = lane->scenario,
		.lane = lane->spec,
		.step = step,
		.vm = lane->vm,
		.devs = lane->devs,
		.ndevs = lane->ndevs,
		.dev = dev,
		.beside = &lane->beside,
		.out = &lane->out,
		.deadline_ns = NEVER,
	};
}

static void prepare_on(
	struct lane *lane, const struct step *step, struct lane_device *dev, struct refusals *r)
{
	char subject[BDF_LEN] = "";
	struct step_ctx ctx;
	struct err err = {0};

	if (step->type->prepare == NULL)
		return;
	lane_step_ctx(lane, step, dev, &ctx);
	if (step->type->prepare(&ctx, step->args, &err) == 0)
		return;
	err_wrap(&err, "line %u, %s", step->pos.line, step->name);
	if (dev != NULL)
		bdf_text(dev->pci.bdf, subject);
	refuse(r, subject, &err);
}

static void no_device(const struct step *step, struct refusals *r)
{
	struct err err = {0};

	err_set(&err, ERR_ABSENT, 0, "line %u, %s: the lane has no %s%s", step->pos.line,
		step->name, step->device ? "device " : "devices", step->device ? step->device : "");
	err_hint(&err, "name the lane's `devices`, or pass one through to its domain");
	refuse(r, "", &err);
}

static void prepare_step(struct lane *lane, const struct step *step, struct refusals *r)
{
	size_t i, n = 0;

	if (!(step->type->flags & STEP_ON_DEVICES)) {
		if (lane->vm != NULL || !(step->type->flags & STEP_NEEDS_DOMAIN))
			prepare_on(lane, step, NULL, r);
		return;
	}
	for (i = 0; i < lane->ndevs; i++) {
		if (!lane_step_applies(step, &lane->devs[i]))
			continue;
		prepare_on(lane, step, &lane->devs[i], r);
		n++;
	}
	if (n == 0)
		no_device(step, r);
}

static void prepare_list(struct lane *lane, const struct step_list *list, struct refusals *r)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		prepare_step(lane, &list->v[i], r);
}

/* ---- what a reader should know before the run ---- */

/* Counts the resets of a list, one per device, and those that the devices offer. */
static void count_resets(
	const struct lane *lane, const struct step_list *list, size_t *asked, size_t *offered)
{
	struct err why_not;
	size_t i, d;

	for (i = 0; i < list->n; i++) {
		const struct reset_method *method = reset_method_find(list->v[i].arg);

		if (!str_eq(list->v[i].type->word.name, "reset") || method == NULL)
			continue;
		for (d = 0; d < lane->ndevs; d++) {
			if (!lane_step_applies(&list->v[i], &lane->devs[d]))
				continue;
			++*asked;
			*offered += method->available(
					    method, lane->host, &lane->devs[d].pci, &why_not) == 0;
		}
	}
}

/* With `if-offered` everywhere a run may come to reset nothing at all: not a quiet success. */
static void note_no_reset(struct lane *lane)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	size_t asked = 0, offered = 0;

	count_resets(lane, &lane->scenario->before, &asked, &offered);
	count_resets(lane, &lane->spec->steps, &asked, &offered);
	count_resets(lane, &lane->scenario->after, &asked, &offered);
	if (asked == 0 || offered > 0 || lane->out.fd < 0)
		return;
	str_set(ev.text,
		"no reset is possible here: the devices offer none of the methods asked for");
	emit(&lane->out, &ev);
}

static void tell_lifted(
	void *arg, const struct allow *row, const struct pcidev *dev, const char *objections)
{
	struct event ev = {.kind = EV_LANE_NOTE};
	struct lane *lane = arg;
	char bdf[BDF_LEN];

	str_set(ev.reason, NOTE_ONCE);
	snprintf(ev.text, sizeof(ev.text), "%s may be disturbed (%.120s): %s",
		bdf_text(dev->bdf, bdf), row->reason, objections);
	if (lane->out.fd >= 0)
		emit(&lane->out, &ev);
}

static void find_all(struct lane *lane, struct refusals *r)
{
	struct err err = {0};

	lane->allow = (struct guard_allow){.v = lane->spec->allow,
		.n = lane->spec->nallow,
		.lifted = tell_lifted,
		.arg = lane};

	if (pcidev_scan(lane->host, &lane->topology, &err) != 0) {
		refuse(r, "", &err);
		return;
	}
	if (lane->spec->domain != NULL)
		find_domain(lane, r);
	if (lane->spec->domain == NULL || lane->vm != NULL)
		find_devices(lane, r);
	lane->devices_known = r->n == 0;
}

size_t lane_find(struct lane *lane, lane_refusal *fn, void *arg)
{
	struct refusals r = {fn, arg, 0};

	find_all(lane, &r);
	return r.n;
}

size_t lane_prepare(struct lane *lane, lane_refusal *fn, void *arg)
{
	struct refusals r = {fn, arg, 0};

	find_all(lane, &r);
	if (lane->vm != NULL) {
		tell_facts(lane);
		check_running(lane, &r);
	}
	if (r.n == 0)
		check_may_change(lane, &r);
	if (r.n == 0)
		check_answers(lane, &r);
	if (r.n == 0 && lane->spec->driver == DRIVER_VFIO_PCI)
		check_drivers(lane, &r);
	if (r.n > 0)
		return r.n; /* what the steps would say follows from that */
	prepare_list(lane, &lane->scenario->before, &r);
	prepare_list(lane, &lane->spec->steps, &r);
	prepare_list(lane, &lane->scenario->after, &r);
	note_no_reset(lane);
	return r.n;
}

void lane_finish(struct lane *lane)
{
	size_t i;

	for (i = 0; i < lane->ndevs; i++)
		oracle_forget(&lane->devs[i]);
	vm_close(lane->vm);
	pcidev_list_finish(&lane->topology);
	free(lane->devs);
	beside_forget(&lane->beside);
	*lane = (struct lane){0};
}
