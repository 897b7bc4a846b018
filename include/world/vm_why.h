/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VM_WHY_H
#define VFIO_STRESS_WORLD_VM_WHY_H

#include "base/err.h"

#include <stdbool.h>

/* Why something with a VM did not go as it should. VM_OK is 0. */
enum vm_why {
	VM_OK,
	/* the device, the guest, QEMU or the host failed */
	VM_AGENT_SILENT,
	VM_ALREADY_RUNNING,
	VM_BACKGROUND_ENDED,
	VM_GROUP_BUSY,
	VM_GUEST_EXIT,
	VM_GUEST_PANICKED,
	VM_GUEST_PAUSED,
	VM_GUEST_REBOOTED,
	VM_GUEST_STOPPED,
	VM_GUEST_WATCHDOG,
	VM_NOT_READY,
	VM_NOT_RUNNING,
	VM_QEMU_DIED,
	VM_REBOOT_IGNORED,
	VM_SHUTDOWN_IGNORED,
	VM_START_FAILED,
	VM_STOP_FAILED,
	VM_TIMEOUT,
	VM_UNEXPECTED_OUTPUT,
	VM_WEDGED,
	/* the tool or its environment failed */
	VM_AGENT_REFUSED,
	VM_CANNOT_START,
	VM_CONSOLE_LOST,
	VM_LIBVIRT_BUSY,
	VM_LIBVIRT_ERROR,
	VM_LIBVIRT_LOST,
	VM_LIBVIRT_SILENT,
	VM_NO_AGENT,
	VM_NO_CONSOLE,
	VM_NO_PROOF,
	VM_PAUSED_BY_OTHER,
	VM_QEMU_NOT_FOUND,
	VM_RENAMED_BY_OTHER,
	VM_RESET_BY_OTHER,
	VM_RESUMED_BY_OTHER,
	VM_STARTED_BY_OTHER,
	VM_STOPPED_BY_OTHER,
	VM_UNDEFINED_BY_OTHER,
	/* it cannot be done here at all */
	VM_UNSUPPORTED,
	VM_WHY_COUNT,
};

enum vm_blame { VM_BLAME_NOBODY, VM_BLAME_DEVICE, VM_BLAME_TOOL, VM_BLAME_NONE_TRIED };

struct vm_why_row {
	const char *id; /* stable: "guest-panicked" */
	enum vm_blame blame;
	const char *sentence; /* what it means */
	const char *advice; /* what to do */
};

const struct vm_why_row *vm_why_row(enum vm_why why);

/* Fills err with the sentence, what was seen (NULL = nothing to add) and the advice; returns why. */
enum vm_why vm_say(struct err *err, enum vm_why why, const char *seen, ...) printf_like(3, 4);

#endif
