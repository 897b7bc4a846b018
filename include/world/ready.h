/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_READY_H
#define VFIO_STRESS_WORLD_READY_H

#include "world/vm_why.h"

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* How a guest shows that it is up. */
enum ready_way {
	READY_BY_NOTHING, /* not asked for: proves nothing, takes no time */
	READY_BY_SERIAL, /* its console prints a text */
	READY_BY_AGENT, /* its agent answers */
	READY_BY_TCP, /* it accepts connections */
	READY_BY_DELAY, /* time has passed: proves nothing */
};

struct ready_how {
	enum ready_way way;
	const char *pattern; /* SERIAL */
	const char *address; /* TCP: "host:port", "[::1]:22" */
	int64_t delay_ms; /* DELAY */
};

/* What the boot that is to be proved follows. */
enum ready_after {
	READY_AFTER_START, /* a new QEMU */
	READY_AFTER_RESET, /* the same one, after a reset that it reports */
};

/* One boot that is to be proved: never the old one answering. */
struct readiness;

/* Can this way work with this domain? Read-only; VM_OK, or why not. */
enum vm_why ready_check(struct vm *vm, const struct ready_how *how, struct err *err) must_check;
/* Must the domain be started paused, so that nothing is missed and the old state is known? */
bool ready_wants_pause(const struct vm *vm, const struct ready_how *how);
/* Before the action; AFTER_START: when the new QEMU is there, and paused if that is wanted. */
enum vm_why ready_arm(struct vm *vm, const struct ready_how *how, enum ready_after after,
	struct readiness **out, struct err *err) must_check;
/*
 * Waits. VM_NOT_READY at the deadline, VM_REBOOT_IGNORED when not even a reset was seen; whatever
 * happens to the guest ends it at once. *proved_out: was that a proof of a new boot?
 */
enum vm_why ready_wait(
	struct readiness *r, int64_t deadline_ns, bool *proved_out, struct err *err) must_check;
void ready_free(struct readiness *r);

#endif
