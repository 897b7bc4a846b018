/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm_why.h"

#include <stdarg.h>
#include <stdio.h>

static const struct vm_why_row rows[VM_WHY_COUNT] = {
	[VM_OK] = {"", VM_BLAME_NOBODY, "", ""},
	[VM_AGENT_SILENT] = {"agent-silent", VM_BLAME_DEVICE, "the guest agent does not answer",
		"is qemu-guest-agent running in the guest, and does the guest still run? `virsh "
		"qemu-agent-command DOMAIN '{\"execute\":\"guest-ping\"}'` asks it"},
	[VM_ALREADY_RUNNING] = {"already-running", VM_BLAME_DEVICE, "the domain already runs",
		"a cycle that starts the domain must also stop it: put `stop` or `destroy` before "
		"this "
		"`start`"},
	[VM_BACKGROUND_ENDED] = {"background-ended", VM_BLAME_DEVICE,
		"a background command in the guest ended before the VM was stopped",
		"see its output; give the step `may-exit: true` when that is fine"},
	[VM_GROUP_BUSY] = {"group-busy", VM_BLAME_DEVICE,
		"the VM is gone but its VFIO group is still held",
		"`fuser -v /dev/vfio/*` shows by whom"},
	[VM_GUEST_EXIT] = {"guest-exit", VM_BLAME_DEVICE, "the command failed in the guest",
		"see its output; `guest` commands must end with status 0"},
	[VM_GUEST_PANICKED] = {"guest-panicked", VM_BLAME_DEVICE, "the guest's kernel panicked",
		"read the guest's console; a passed-through device that answers with all ones is a "
		"common cause"},
	[VM_GUEST_PAUSED] = {"guest-paused-by-error", VM_BLAME_DEVICE,
		"QEMU paused the guest because of an error",
		"VFIO does this on an uncorrectable error of a device: see the AER incidents and "
		"QEMU's "
		"log"},
	[VM_GUEST_REBOOTED] = {"guest-rebooted-itself", VM_BLAME_DEVICE,
		"the guest reset itself, nobody asked it to",
		"a triple fault, a guest watchdog or `panic=` in the guest does this: read its "
		"console"},
	[VM_GUEST_STOPPED] = {"guest-stopped-itself", VM_BLAME_DEVICE,
		"the guest powered off by itself", "read the guest's own log for who asked for it"},
	[VM_GUEST_WATCHDOG] = {"guest-watchdog", VM_BLAME_DEVICE,
		"the guest's watchdog device fired: the guest hung",
		"read the guest's console and the incidents at that time"},
	[VM_NOT_READY] = {"not-ready", VM_BLAME_DEVICE, "the guest did not get ready in time",
		"look at its console; raise the time in `ready: {timeout: ...}` when it is just "
		"slow"},
	[VM_NOT_RUNNING] = {"not-running", VM_BLAME_DEVICE, "the domain does not run",
		"put `start` before this step"},
	[VM_QEMU_DIED] = {"qemu-died", VM_BLAME_DEVICE, "the QEMU process died",
		"killed (out of memory? see the kernel log) or crashed (`coredumpctl list`)"},
	[VM_REBOOT_IGNORED] = {"reboot-ignored", VM_BLAME_DEVICE,
		"the guest did not reset after it was asked to reboot",
		"does the guest handle the ACPI power button, or run the guest agent? `vm-reset` "
		"does "
		"not ask"},
	[VM_SHUTDOWN_IGNORED] = {"shutdown-ignored", VM_BLAME_DEVICE,
		"the guest did not power off when asked",
		"does the guest handle the ACPI power button, or run the guest agent? `stop` falls "
		"back "
		"to destroy"},
	[VM_START_FAILED] = {"start-failed", VM_BLAME_DEVICE, "the domain did not start",
		"`virsh start DOMAIN` and QEMU's log show it again"},
	[VM_STOP_FAILED] = {"stop-failed", VM_BLAME_DEVICE, "the domain did not stop",
		"see QEMU's log and the kernel log"},
	[VM_TIMEOUT] = {"timeout", VM_BLAME_DEVICE, "it took too long",
		"raise the step's `timeout`"},
	[VM_UNEXPECTED_OUTPUT] = {"unexpected-output", VM_BLAME_DEVICE,
		"the command's output does not have the expected text", "see its output"},
	[VM_WEDGED] = {"wedged", VM_BLAME_DEVICE, "QEMU cannot be ended: it hangs in the kernel",
		"a device that does not answer holds it; see `stack` of the process and the kernel "
		"log. "
		"Usually only a power cycle helps"},

	[VM_AGENT_REFUSED] = {"agent-refused", VM_BLAME_TOOL, "the guest agent refused the command",
		"is the program in the guest, and is guest-exec allowed there? Some distributions "
		"switch it off (BLACKLIST_RPC in /etc/sysconfig/qemu-ga)"},
	[VM_CANNOT_START] = {"cannot-start", VM_BLAME_TOOL, "libvirt refuses to start the domain",
		"`virsh start DOMAIN` shows it again"},
	[VM_CONSOLE_LOST] = {"console-lost", VM_BLAME_TOOL, "the guest's console cannot be read",
		"close other readers of it (`virsh console`), or add `<log file=.../>` to the "
		"serial "
		"device"},
	[VM_LIBVIRT_BUSY] = {"libvirt-busy", VM_BLAME_TOOL,
		"libvirt did not get its lock of the domain: another job holds it",
		"`virsh domjobinfo DOMAIN` shows it; leave the domain to this run. When nobody "
		"else "
		"uses it, its QEMU does not answer libvirt: restart libvirtd"},
	[VM_LIBVIRT_ERROR] = {"libvirt-error", VM_BLAME_TOOL, "libvirt failed",
		"`journalctl -u libvirtd` may say more"},
	[VM_LIBVIRT_LOST] = {"libvirt-lost", VM_BLAME_TOOL, "the connection to libvirtd was lost",
		"was libvirtd restarted? `journalctl -u libvirtd`"},
	[VM_LIBVIRT_SILENT] = {"libvirt-silent", VM_BLAME_TOOL, "libvirtd does not answer any more",
		"it hangs: `virsh list` should answer at once; `systemctl restart libvirtd`, and "
		"look for "
		"devices that it waits for"},
	[VM_NO_AGENT] = {"no-agent", VM_BLAME_TOOL, "the domain has no guest agent channel",
		"add <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/>"
		"</channel> to the domain and run qemu-guest-agent in it, or prove boots "
		"otherwise: "
		"`ready: {serial: \"login:\"}`"},
	[VM_NO_CONSOLE] = {"no-console", VM_BLAME_TOOL,
		"the domain has no console that can be read",
		"add <serial type='pty'> with <log file=.../> to the domain"},
	[VM_NO_PROOF] = {"no-proof", VM_BLAME_TOOL, "that way of being ready proves nothing",
		"something in between answers for the guest (a port forward, a proxy): use the "
		"guest's "
		"own address, or `serial`"},
	[VM_PAUSED_BY_OTHER] = {"paused-by-other", VM_BLAME_TOOL, "somebody else paused the domain",
		"leave the domain to this run while it lasts"},
	[VM_QEMU_NOT_FOUND] = {"qemu-not-found", VM_BLAME_TOOL,
		"the domain runs, but its QEMU is not a process of this machine",
		"run on the machine, and in the PID namespace, where libvirtd runs"},
	[VM_RENAMED_BY_OTHER] = {"renamed-by-other", VM_BLAME_TOOL,
		"somebody else renamed the domain", "name it back, and leave it to this run"},
	[VM_RESET_BY_OTHER] = {"reset-by-other", VM_BLAME_TOOL, "somebody else reset the domain",
		"leave the domain to this run while it lasts"},
	[VM_RESUMED_BY_OTHER] = {"resumed-by-other", VM_BLAME_TOOL,
		"somebody else resumed the domain", "leave the domain to this run while it lasts"},
	[VM_STARTED_BY_OTHER] = {"started-by-other", VM_BLAME_TOOL,
		"somebody else started the domain",
		"look for autostart, `on_crash: restart` and cluster managers; keep them off it"},
	[VM_STOPPED_BY_OTHER] = {"stopped-by-other", VM_BLAME_TOOL,
		"somebody else stopped the domain", "leave the domain to this run while it lasts"},
	[VM_UNDEFINED_BY_OTHER] = {"undefined-by-other", VM_BLAME_TOOL,
		"somebody else undefined the domain", "define it again, and leave it to this run"},

	[VM_UNSUPPORTED] = {"unsupported", VM_BLAME_NONE_TRIED, "this connection cannot do that",
		""},
};

const struct vm_why_row *vm_why_row(enum vm_why why)
{
	return &rows[(unsigned)why < VM_WHY_COUNT ? why : VM_LIBVIRT_ERROR];
}

static enum err_code code_of(enum vm_why why)
{
	switch (why) {
	case VM_TIMEOUT:
	case VM_NOT_READY:
	case VM_SHUTDOWN_IGNORED:
	case VM_REBOOT_IGNORED:
		return ERR_TIMEOUT;
	case VM_LIBVIRT_LOST:
	case VM_LIBVIRT_SILENT:
	case VM_QEMU_DIED:
		return ERR_LOST;
	case VM_UNSUPPORTED:
		return ERR_UNSUPPORTED;
	default:
		return ERR_IO;
	}
}

enum vm_why vm_say(struct err *err, enum vm_why why, const char *seen, ...)
{
	const struct vm_why_row *row = vm_why_row(why);
	char text[sizeof(err->msg)];
	va_list ap;

	if (seen == NULL) {
		err_set(err, code_of(why), 0, "%s", row->sentence);
	} else {
		va_start(ap, seen);
		vsnprintf(text, sizeof(text), seen, ap);
		va_end(ap);
		err_set(err, code_of(why), 0, "%s: %s", row->sentence, text);
	}
	err_hint(err, "%s", row->advice);
	return why;
}
