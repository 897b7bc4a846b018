/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm_parts.h"

#include "base/clock.h"
#include "base/str.h"
#include "world/qemulog.h"
#include "world/vfiogroup.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define GROUP_POLL_MS      20 /* nothing announces that a VFIO group is free */
#define FOREIGN_GRACE_NS   (60 * NS_PER_S) /* a guest with unsaved data that ran before us */
#define RECONNECT_NS       (30 * NS_PER_S) /* a restart of libvirtd */
#define RECONNECT_FIRST_MS 250 /* its socket may belong to systemd and never go away */
#define RECONNECT_MOST_MS  4000

static bool names_a_device(const struct vm *vm, const char *words)
{
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < vm->def.nhostdevs; i++)
		if (strstr(words, bdf_text(vm->def.hostdevs[i].bdf, bdf)) != NULL)
			return true;
	return strstr(words, "/sys/bus/pci/") != NULL || strstr(words, "vfio") != NULL;
}

/* Is it the device, the guest or QEMU that keeps the domain from starting, or its environment? */
static enum vm_why blame_start(const struct vm *vm, const struct lv_error *lv)
{
	switch (lv->kind) {
	case LV_DENIED:
	case LV_CONFIG:
		return VM_CANNOT_START;
	case LV_SYSTEM: /* about a device in sysfs: it is gone, or does not bind */
		return names_a_device(vm, lv->words) ? VM_START_FAILED : VM_CANNOT_START;
	default:
		return VM_START_FAILED;
	}
}

enum vm_why vm_find_qemu(struct vm *vm, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;
	struct lv_error lv;
	struct err why_not;

	if (!lvdom_real(vm->dom) || qemuproc_alive(&vm->proc) ||
		qemuproc_find(vm->host, vm->name, lvdom_uuid(vm->dom), &vm->proc, &why_not) == 0)
		return VM_OK;
	/* perhaps it has already ended */
	if (lvdom_state(vm->dom, &state, &actual, &lv) == 0 && actual.off)
		return vm_check(vm, err);
	return vm_say(err, VM_QEMU_NOT_FOUND, "%s", why_not.msg);
}

enum vm_why vm_start(struct vm *vm, bool paused, struct err *err)
{
	enum vm_why why = vm_require(vm, false, err);
	struct lv_error lv;

	if (why != VM_OK)
		return why;
	ear_forget(vm->ear);
	vm->njobs = 0;
	vm->ours = true;
	vm->asked_off = false;
	qemuproc_finish(&vm->proc);
	vm_mark(vm);
	vm->log_start = qemulog_size(vm->log_path);
	vm->expect = paused ? EXPECT_PAUSED : EXPECT_RUNNING;
	if (lvdom_call(vm->dom, paused ? LV_START_PAUSED : LV_START, &lv) != 0) {
		vm->expect = EXPECT_OFF;
		return vm_call_failed(vm, blame_start(vm, &lv), "start", &lv, err);
	}
	return vm_find_qemu(vm, err);
}

/* One call that changes what we expect; undone when it fails. */
static enum vm_why call(struct vm *vm, enum lv_call what, enum vm_expect then, struct err *err)
{
	enum vm_expect before = vm->expect;
	struct lv_error lv;

	vm->expect = then;
	if (lvdom_call(vm->dom, what, &lv) == 0)
		return VM_OK;
	vm->expect = before;
	/* an agent that stays silent is the guest's failure */
	return vm_call_failed(vm, lv.kind == LV_AGENT ? VM_AGENT_SILENT : VM_LIBVIRT_ERROR,
		lv_call_name(what), &lv, err);
}

enum vm_why vm_suspend(struct vm *vm, struct err *err)
{
	enum vm_why why = vm_require(vm, true, err);

	return why == VM_OK ? call(vm, LV_SUSPEND, EXPECT_PAUSED, err) : why;
}

enum vm_why vm_resume(struct vm *vm, struct err *err)
{
	enum vm_why why = vm_check(vm, err);

	return why == VM_OK ? call(vm, LV_RESUME, EXPECT_RUNNING, err) : why;
}

enum vm_why vm_reset(struct vm *vm, struct err *err)
{
	enum vm_why why = vm_require(vm, true, err);

	vm->njobs = 0;
	return why == VM_OK ? call(vm, LV_RESET, vm->expect, err) : why;
}

enum vm_why vm_reboot(struct vm *vm, enum vm_mode mode, struct err *err)
{
	static const enum lv_call calls[] = {LV_REBOOT, LV_REBOOT_ACPI, LV_REBOOT_AGENT};
	enum vm_why why = vm_require(vm, true, err);

	vm->njobs = 0;
	return why == VM_OK ? call(vm, calls[mode], vm->expect, err) : why;
}

/* libvirt says that it is gone; QEMU's exit and the release of the groups may take their time. */
static enum vm_why wait_gone(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	char bdf[BDF_LEN];
	size_t i;
	int group;

	if (!qemuproc_wait_dead(&vm->proc, deadline_ns)) {
		bool hangs = qemuproc_in_kernel(vm->host, vm->proc.pid);

		return vm_say(err, hangs ? VM_WEDGED : VM_STOP_FAILED,
			"libvirt says shut off, but QEMU (pid %d) is still there%s", vm->proc.pid,
			hangs ? " in state D" : "");
	}
	qemuproc_finish(&vm->proc);
	for (i = 0; lvdom_real(vm->dom) && i < vm->def.nhostdevs; i++) {
		while (vfiogroup_held(vm->host, vm->def.hostdevs[i].bdf, &group)) {
			if (clock_mono_ns() >= deadline_ns)
				return vm_say(err, VM_GROUP_BUSY, "/dev/vfio/%d of %s", group,
					bdf_text(vm->def.hostdevs[i].bdf, bdf));
			poll(NULL, 0, GROUP_POLL_MS);
		}
	}
	return VM_OK;
}

/* Until libvirt says shut off (*off), or the deadline; anything bad on the way ends it. */
static enum vm_why wait_off(struct vm *vm, int64_t deadline_ns, bool *off, struct err *err)
{
	enum vm_why why = VM_OK;
	enum vm_state state = VM_STATE_RUNNING;

	for (;;) {
		why = vm_state(vm, &state, err);
		*off = state == VM_STATE_OFF;
		if (why != VM_OK || *off || clock_mono_ns() >= deadline_ns)
			break;
		if (lvdom_real(vm->dom) && !qemuproc_alive(&vm->proc)) {
			/* its pidfd would wake us at once, over and over; libvirt has the word now */
			struct pollfd p = {.fd = ear_fd(vm->ear), .events = POLLIN};

			poll(&p, 1, clock_poll_ms(deadline_ns));
			ear_drain(vm->ear);
			continue;
		}
		vm_sleep(vm, NULL, 0, deadline_ns);
		why = vm_check(vm, err);
		if (why != VM_OK)
			return why;
	}
	if (why == VM_OK && *off) {
		/* hear our own stop now, so that it is not taken for news of the next life */
		vm_wait_for_cause(vm);
		vm->expect = EXPECT_OFF;
	}
	return why;
}

/* It should be stopping: by the deadline it is gone, or `ignored` is why not. */
static enum vm_why finish_stop(
	struct vm *vm, enum vm_why ignored, int64_t deadline_ns, struct err *err)
{
	bool off = false, hangs;
	enum vm_why why = wait_off(vm, deadline_ns, &off, err);

	if (why != VM_OK)
		return why;
	if (off)
		return wait_gone(vm, deadline_ns, err);
	vm->expect = EXPECT_RUNNING;
	hangs = qemuproc_in_kernel(vm->host, vm->proc.pid);
	if (ear_take(vm->ear).guest_off)
		return vm_say(err, hangs ? VM_WEDGED : VM_STOP_FAILED,
			"the guest powered off, but QEMU (pid %d) has not ended%s", vm->proc.pid,
			hangs ? ", it is in state D" : "");
	if (ignored == VM_SHUTDOWN_IGNORED)
		return vm_say(err, ignored, NULL);
	return vm_say(
		err, hangs ? VM_WEDGED : ignored, "QEMU (pid %d) has not ended", vm->proc.pid);
}

enum vm_why vm_shutdown(struct vm *vm, enum vm_mode mode, int64_t deadline_ns, struct err *err)
{
	static const enum lv_call calls[] = {LV_SHUTDOWN, LV_SHUTDOWN_ACPI, LV_SHUTDOWN_AGENT};
	enum vm_why why = vm_require(vm, true, err);

	if (why == VM_OK)
		why = call(vm, calls[mode], EXPECT_STOPPING, err);
	if (why != VM_OK)
		return why;
	vm->asked_off = true;
	return finish_stop(vm, VM_SHUTDOWN_IGNORED, deadline_ns, err);
}

static enum vm_why destroy_failed(struct vm *vm, const struct lv_error *lv, struct err *err)
{
	bool hangs = qemuproc_in_kernel(vm->host, vm->proc.pid);
	enum vm_why why = vm_check(vm, err);

	/* it was quicker: what ended it is the better reason */
	if (why != VM_OK)
		return why;
	return vm_call_failed(vm, hangs ? VM_WEDGED : VM_STOP_FAILED, "destroy", lv, err);
}

enum vm_why vm_destroy(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = vm_require(vm, true, err);
	enum vm_expect before = vm->expect;
	struct lv_error lv;

	if (why == VM_OK) {
		vm->expect = EXPECT_STOPPING;
		if (lvdom_call(vm->dom, LV_DESTROY, &lv) == 0)
			return finish_stop(vm, VM_STOP_FAILED, deadline_ns, err);
		vm->expect = before;
		why = destroy_failed(vm, &lv, err);
	}
	/* it obeyed an earlier vm_shutdown in the last moment: that is what is wanted here */
	if (why == VM_GUEST_STOPPED && vm->asked_off)
		return finish_stop(vm, VM_STOP_FAILED, deadline_ns, err);
	return why;
}

enum vm_why vm_kill(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	struct err failed;
	enum vm_why why;

	if (!lvdom_real(vm->dom))
		return vm_say(err, VM_UNSUPPORTED, "no QEMU process stands behind %s", vm->uri);
	why = vm_require(vm, true, err);
	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_STOPPING;
	if (qemuproc_kill(vm->host, &vm->proc, lvdom_uuid(vm->dom), &failed) != 0) {
		vm->expect = EXPECT_RUNNING;
		return vm_say(err, VM_STOP_FAILED, "%s", failed.msg);
	}
	return finish_stop(vm, VM_STOP_FAILED, deadline_ns, err);
}

enum vm_why vm_reconnect(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	int64_t until = clock_mono_ns() + RECONNECT_NS;
	int pause_ms = RECONNECT_FIRST_MS, left_ms;
	struct vm_news *news;
	struct lvdom *fresh;
	struct err why_not;

	if (until > deadline_ns)
		until = deadline_ns;
	while (lvdom_open(vm->host, vm->uri, vm->name, vm->ear, &fresh, &why_not) != 0) {
		if (clock_mono_ns() >= until)
			return vm_say(err, VM_LIBVIRT_LOST, "%s", why_not.msg);
		left_ms = clock_poll_ms(until);
		poll(NULL, 0, pause_ms < left_ms ? pause_ms : left_ms);
		if (pause_ms < RECONNECT_MOST_MS)
			pause_ms *= 2;
	}
	lvdom_close(vm->dom);
	vm->dom = fresh;
	news = ear_lock(vm->ear);
	news->lost = news->silent = false;
	ear_unlock(vm->ear);
	return VM_OK;
}

/* Asks a guest that was not ours; whatever it does, it is off in the end. */
static enum vm_why put_off(struct vm *vm, enum vm_state state, int64_t deadline_ns, struct err *err)
{
	int64_t now = clock_mono_ns(), half = now + (deadline_ns - now) / 2;
	enum vm_why why = VM_STOP_FAILED;
	struct err ignored;

	if (!vm->ours && state == VM_STATE_RUNNING)
		why = vm_shutdown(vm, VM_MODE_DEFAULT,
			half < now + FOREIGN_GRACE_NS ? half : now + FOREIGN_GRACE_NS, err);
	/* libvirt asks it with SIGTERM first, and gives it 10 s to answer (src/qemu/qemu_process.c) */
	if (why != VM_OK && vm->ours && qemuproc_stopped(vm->host, vm->proc.pid))
		why = vm_kill(vm, deadline_ns, err);
	if (why != VM_OK)
		why = vm_destroy(vm, deadline_ns, err);
	/* it died, or somebody else was quicker: no matter who */
	if (why != VM_OK && why != VM_GROUP_BUSY && vm_state(vm, &state, &ignored) == VM_OK &&
		state == VM_STATE_OFF)
		return wait_gone(vm, deadline_ns, err);
	return why;
}

enum vm_why vm_restore(struct vm *vm, enum vm_state found, int64_t deadline_ns, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;
	struct lv_error lv;
	enum vm_why why = VM_OK;

	if (ear_take(vm->ear).lost)
		why = vm_reconnect(vm, deadline_ns, err);
	if (why != VM_OK)
		return why;
	if (lvdom_state(vm->dom, &state, &actual, &lv) != 0)
		return vm_call_failed(vm, VM_LIBVIRT_ERROR, "state", &lv, err);
	vm_resync(vm, actual);
	if (state != VM_STATE_OFF && (found == VM_STATE_OFF || state == VM_STATE_CRASHED)) {
		why = put_off(vm, state, deadline_ns, err);
		state = VM_STATE_OFF;
	}
	if (why == VM_OK && found != VM_STATE_OFF && state == VM_STATE_OFF) {
		why = vm_start(vm, false, err);
		state = VM_STATE_RUNNING;
	}
	if (why != VM_OK || found == VM_STATE_OFF)
		return why;
	if (found == VM_STATE_RUNNING && state == VM_STATE_PAUSED)
		return vm_resume(vm, err);
	if (found == VM_STATE_PAUSED && state == VM_STATE_RUNNING)
		return vm_suspend(vm, err);
	return VM_OK;
}

/* Whose failure it is that a command to the agent failed. */
static enum vm_why blame_agent(const struct lv_error *lv)
{
	if (lv->kind == LV_AGENT)
		return VM_AGENT_SILENT;
	/* src/qemu/qemu_agent.c: the agent's own "error" reply */
	return strstr(lv->words, "unable to execute QEMU agent command") != NULL ? VM_AGENT_REFUSED
										 : VM_LIBVIRT_ERROR;
}

enum vm_why vm_agent(
	struct vm *vm, const char *command, int timeout_s, char **reply_out, struct err *err)
{
	struct lv_error lv;
	enum vm_why why;

	if (!lvdom_real(vm->dom))
		return vm_say(err, VM_UNSUPPORTED, "%s has no guest agents", vm->uri);
	if (lvdom_agent(vm->dom, command, timeout_s > 0 ? timeout_s : 1, reply_out, &lv) == 0)
		return VM_OK;
	/* a guest that is gone answers nothing either: that is the better reason */
	why = vm_check(vm, err);
	if (why != VM_OK)
		return why;
	lv.vague = false; /* QEMU's log knows nothing of the agent */
	return vm_call_failed(vm, blame_agent(&lv), "guest agent", &lv, err);
}
