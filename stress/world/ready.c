/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/ready.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/agent.h"
#include "world/console.h"
#include "world/tcp.h"
#include "world/vm_parts.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A text printed this shortly after the reset was still on its way from the old boot: the console's
 * reader and QEMU's clock agree to milliseconds, and no firmware boots in that time.
 */
#define SKEW_NS       (20 * NS_PER_MS)
#define CLOSED_NS     (2 * NS_PER_S) /* from the end of QEMU's console to that of QEMU */
#define AGENT_POLL_NS NS_PER_S
#define AGENT_PING_S  5
#define BOOT_ID_NS    (5 * NS_PER_S)
#define TCP_POLL_NS   (250 * NS_PER_MS)
#define TCP_TRY_NS    (2 * NS_PER_S)

struct readiness {
	struct vm *vm;
	struct ready_how how;
	enum ready_after after;
	struct console *console;
	char console_path[DOMDEF_PATH_MAX]; /* of a pty; "" = no rivals possible */
	char boot_id[40]; /* of the old boot, "" = not known */
	char seen[256]; /* last thing that it was not ready by */
};

/* The console to read: the first serial device, else the first console. */
static enum vm_why pick_console(
	const struct domdef *def, const struct domdef_serial **out, struct err *err)
{
	struct err why_not;

	if (def->nserials == 0)
		return vm_say(err, VM_NO_CONSOLE, NULL);
	if (console_check(&def->serials[0], &why_not) != 0) {
		vm_say(err, VM_NO_CONSOLE, "%s", why_not.msg);
		err_hint(err, "%s", why_not.hint);
		return VM_NO_CONSOLE;
	}
	*out = &def->serials[0];
	return VM_OK;
}

static enum vm_why check_agent(struct vm *vm, struct err *err)
{
	if (!vm_has_qemu(vm))
		return vm_say(err, VM_UNSUPPORTED, "%s has no guest agents", vm->uri);
	if (vm->def.has_agent)
		return VM_OK;
	vm_say(err, VM_NO_AGENT, NULL);
	return VM_NO_AGENT;
}

enum vm_why ready_check(struct vm *vm, const struct ready_how *how, struct err *err)
{
	const struct domdef_serial *unused;

	switch (how->way) {
	case READY_BY_SERIAL:
		return pick_console(&vm->def, &unused, err);
	case READY_BY_AGENT:
		return check_agent(vm, err);
	default:
		return VM_OK;
	}
}

bool ready_wants_pause(const struct vm *vm, const struct ready_how *how)
{
	return vm_has_qemu(vm) && (how->way == READY_BY_SERIAL || how->way == READY_BY_TCP);
}

static enum vm_why arm_serial(struct readiness *r, struct err *err)
{
	const struct domdef_serial *s;
	struct domdef def;
	struct err failed;
	enum vm_why why = vm_live_def(r->vm, &def, err);

	if (why == VM_OK)
		why = pick_console(&def, &s, err);
	if (why != VM_OK)
		return why;
	if (s->kind == SERIAL_PTY && s->log[0] == '\0')
		str_set(r->console_path, s->path);
	if (console_open(s, r->how.pattern, &r->console, &failed) == 0)
		return VM_OK;
	return vm_say(err, VM_CONSOLE_LOST, "%s", failed.msg);
}

/* Only a hint: when the agent's connection is not reported, a changed boot_id proves the boot. */
static enum vm_why arm_agent(struct readiness *r, struct err *err)
{
	struct err ignored;
	enum vm_why why;

	(void)err;
	if (r->after != READY_AFTER_RESET)
		return VM_OK;
	why = agent_boot_id(r->vm, r->boot_id, clock_mono_ns() + BOOT_ID_NS, &ignored);
	if (why != VM_OK)
		r->boot_id[0] = '\0';
	return VM_OK;
}

/* What answers while the guest has not run yet is not the guest. */
static enum vm_why arm_tcp(struct readiness *r, struct err *err)
{
	char seen[128];

	if (r->after == READY_AFTER_RESET || !vm_has_qemu(r->vm) ||
		!tcp_answers(r->how.address, clock_mono_ns() + TCP_TRY_NS, seen, sizeof(seen)))
		return VM_OK;
	return vm_say(err, VM_NO_PROOF, "%s accepts connections while the guest is not running yet",
		r->how.address);
}

enum vm_why ready_arm(struct vm *vm, const struct ready_how *how, enum ready_after after,
	struct readiness **out, struct err *err)
{
	struct readiness *r = xcalloc(1, sizeof(*r));
	enum vm_why why = VM_OK;

	r->vm = vm;
	r->how = *how;
	r->after = after;
	if (how->way == READY_BY_SERIAL)
		why = arm_serial(r, err);
	else if (how->way == READY_BY_AGENT)
		why = arm_agent(r, err);
	else if (how->way == READY_BY_TCP)
		why = arm_tcp(r, err);
	if (why != VM_OK) {
		ready_free(r);
		return why;
	}
	if (after == READY_AFTER_RESET)
		vm_mark(vm);
	vm->booting = true;
	*out = r;
	return VM_OK;
}

void ready_free(struct readiness *r)
{
	if (r == NULL)
		return;
	console_close(r->console);
	r->vm->booting = false;
	free(r);
}

/* When the new boot began: what answers or is printed after that is its. */
static int64_t boot_began(const struct readiness *r)
{
	return r->after == READY_AFTER_RESET && vm_has_qemu(r->vm) ? vm_reset_ns(r->vm) + SKEW_NS
								   : r->vm->mark_ns;
}

static enum vm_why wait_reset(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = VM_OK;

	while (why == VM_OK && vm_reset_ns(r->vm) == 0 && clock_mono_ns() < deadline_ns)
		why = vm_wait(r->vm, NULL, 0, deadline_ns, err);
	if (why == VM_OK && vm_reset_ns(r->vm) == 0)
		return vm_say(err, VM_REBOOT_IGNORED, NULL);
	return why;
}

static enum vm_why not_ready(struct readiness *r, struct err *err)
{
	unsigned more = vm_resets(r->vm) - (r->after == READY_AFTER_RESET);
	char rival[80] = "", resets[80] = "";

	if (r->console_path[0] != '\0' && console_look(r->console).bytes == 0)
		console_rival(r->vm->host, r->console_path, rival, sizeof(rival));
	if (vm_has_qemu(r->vm) && vm_resets(r->vm) > 0 && more > 0)
		snprintf(resets, sizeof(resets), "; it reset itself %u times", more);
	if (rival[0] != '\0')
		return vm_say(
			err, VM_CONSOLE_LOST, "%s is also read by %s", r->console_path, rival);
	return vm_say(err, VM_NOT_READY, "%s%s", r->seen, resets);
}

/* Nobody closes it but a QEMU that ends: is that what happened? */
static enum vm_why console_closed(struct readiness *r, struct err *err)
{
	int64_t until = clock_mono_ns() + CLOSED_NS;
	enum vm_why why = VM_OK;

	while (why == VM_OK && clock_mono_ns() < until)
		why = vm_wait(r->vm, NULL, 0, until, err);
	return why == VM_OK ? vm_say(err, VM_CONSOLE_LOST, "it was closed") : why;
}

static enum vm_why wait_serial(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	struct pollfd fd = {.fd = console_fd(r->console), .events = POLLIN};
	enum vm_why why;

	for (;;) {
		struct console_seen seen = console_look(r->console);

		if (seen.matches > 0 && seen.match_ns >= boot_began(r))
			return VM_OK;
		if (seen.panicked)
			return vm_say(err, VM_GUEST_PANICKED, "%s", seen.last);
		if (seen.ended)
			return console_closed(r, err);
		snprintf(r->seen, sizeof(r->seen), "'%.40s' was not printed; the console %s%s%s",
			r->how.pattern, seen.bytes ? "ends with '" : "is silent", seen.last,
			seen.bytes ? "'" : "");
		if (clock_mono_ns() >= deadline_ns)
			return not_ready(r, err);
		why = vm_wait(r->vm, &fd, 1, deadline_ns, err);
		if (why != VM_OK)
			return why;
	}
}

/* Does the agent of the new boot answer? A lost guest ends the wait, a silent one does not. */
static enum vm_why try_agent(struct readiness *r, bool *answers, struct err *err)
{
	bool connected = vm_agent_up_ns(r->vm) > boot_began(r);
	char boot_id[40] = "";
	enum vm_why why;

	*answers = false;
	if (r->after == READY_AFTER_START || connected) {
		why = agent_ping(r->vm, AGENT_PING_S, err);
		*answers = why == VM_OK;
	} else if (r->boot_id[0] != '\0') {
		why = agent_boot_id(r->vm, boot_id, clock_mono_ns() + BOOT_ID_NS, err);
		*answers = why == VM_OK && !str_eq(boot_id, r->boot_id);
	} else {
		vm_say(err, VM_AGENT_SILENT, "it has not connected since the reset");
		why = VM_AGENT_SILENT;
	}
	if (why != VM_OK)
		str_set(r->seen, err->msg);
	return why == VM_AGENT_SILENT || why == VM_AGENT_REFUSED || why == VM_LIBVIRT_ERROR ||
			why == VM_UNSUPPORTED || why == VM_TIMEOUT
		? VM_OK
		: why;
}

static enum vm_why wait_agent(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	enum vm_why why;
	bool answers;

	for (;;) {
		int64_t until = clock_mono_ns() + AGENT_POLL_NS;

		why = try_agent(r, &answers, err);
		if (why != VM_OK || answers)
			return why;
		if (clock_mono_ns() >= deadline_ns)
			return not_ready(r, err);
		why = vm_wait(r->vm, NULL, 0, until < deadline_ns ? until : deadline_ns, err);
		if (why != VM_OK)
			return why;
	}
}

static enum vm_why wait_tcp(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	enum vm_why why;
	char seen[128];

	for (;;) {
		int64_t now = clock_mono_ns(), until = now + TCP_POLL_NS;

		if (tcp_answers(r->how.address, now + TCP_TRY_NS, seen, sizeof(seen)) &&
			now >= boot_began(r))
			return VM_OK;
		snprintf(r->seen, sizeof(r->seen), "%s: %s", r->how.address, seen);
		if (clock_mono_ns() >= deadline_ns)
			return not_ready(r, err);
		why = vm_wait(r->vm, NULL, 0, until < deadline_ns ? until : deadline_ns, err);
		if (why != VM_OK)
			return why;
	}
}

static enum vm_why wait_delay(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	int64_t until = clock_mono_ns() + r->how.delay_ms * NS_PER_MS;
	enum vm_why why = VM_OK;

	if (until > deadline_ns)
		until = deadline_ns;
	while (why == VM_OK && clock_mono_ns() < until)
		why = vm_wait(r->vm, NULL, 0, until, err);
	return why;
}

static enum vm_why wait_nothing(struct readiness *r, int64_t deadline_ns, struct err *err)
{
	(void)deadline_ns;
	return vm_check(r->vm, err);
}

static const struct {
	enum vm_why (*wait)(struct readiness *r, int64_t deadline_ns, struct err *err);
	bool proves;
} ways[] = {
	[READY_BY_NOTHING] = {wait_nothing, false},
	[READY_BY_SERIAL] = {wait_serial, true},
	[READY_BY_AGENT] = {wait_agent, true},
	[READY_BY_TCP] = {wait_tcp, true},
	[READY_BY_DELAY] = {wait_delay, false},
};

enum vm_why ready_wait(struct readiness *r, int64_t deadline_ns, bool *proved_out, struct err *err)
{
	enum vm_why why = VM_OK;

	if (r->after == READY_AFTER_RESET && vm_has_qemu(r->vm))
		why = wait_reset(r, deadline_ns, err);
	if (why == VM_OK)
		why = ways[r->how.way].wait(r, deadline_ns, err);
	/* resets until here were part of booting */
	if (why == VM_OK)
		why = vm_check(r->vm, err);
	if (why == VM_OK)
		*proved_out = ways[r->how.way].proves;
	return why;
}
