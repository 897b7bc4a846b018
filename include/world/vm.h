/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VM_H
#define VFIO_STRESS_WORLD_VM_H

#include "world/domdef.h"
#include "world/vm_why.h"

#include <stdint.h>
#include <sys/types.h>

struct host;
struct pollfd;

/*
 * One domain on one connection. One thread (the steps') calls these functions; libvirt's events
 * are taken in by a second one that runs all the time.
 */
struct vm;

enum vm_state { VM_STATE_OFF, VM_STATE_RUNNING, VM_STATE_PAUSED, VM_STATE_CRASHED };

/* How the domain was found by vm_open. */
struct vm_found {
	enum vm_state state;
	bool persistent; /* false: it vanishes when it stops */
	bool managed_save; /* its next start resumes a saved guest instead of booting one */
};

/* Is it a local libvirt URI: qemu:///system, qemu:///session or test:///...? */
int vm_uri_check(const char *uri, struct err *err) must_check;

/*
 * Connects and finds the domain. ERR_INPUT: not a local URI. ERR_ABSENT: no libvirtd there, or no
 * such domain (the nearest name is in the hint). ERR_REFUSED: no permission, or not this machine.
 */
int vm_open(const struct host *host, const char *uri, const char *domain, struct vm **out,
	struct err *err) must_check;
void vm_close(struct vm *vm);

/* This process goes on after another one of its run, which had found it so: what runs is ours. */
void vm_adopt(struct vm *vm, enum vm_state found);

const struct vm_found *vm_found(const struct vm *vm);
/* What its persistent XML says; the running one when it has no other. */
const struct domdef *vm_def(const struct vm *vm);
/* The functions that it passes through, in BDF order. */
const struct domdef_hostdev *vm_hostdevs(const struct vm *vm, size_t *n_out);
bool vm_has_qemu(const struct vm *vm); /* false: test:///, nothing real runs */
pid_t vm_qemu_pid(const struct vm *vm); /* 0 = none runs, or not found */
/* QEMU's own log; "" = none. It need not exist yet. */
const char *vm_log_path(const struct vm *vm);
/* "9.0.0" each; "" = unknown. */
void vm_versions(const struct vm *vm, char libvirt[24], char qemu[24]);
/* The running domain's definition, with the paths of its ptys. */
enum vm_why vm_live_def(struct vm *vm, struct domdef *out, struct err *err) must_check;

enum vm_why vm_state(struct vm *vm, enum vm_state *out, struct err *err) must_check;
const char *vm_state_name(enum vm_state state); /* as virsh says it: "shut off" */
bool vm_state_of_name(const char *name, enum vm_state *out);

/*
 * Has anything happened that nobody here asked for? Cheap when libvirt said nothing since the last
 * call. What happened between two steps is told to the next one, once.
 */
enum vm_why vm_check(struct vm *vm, struct err *err) must_check;
/* vm_check, then: the domain runs (or is paused), or is off. */
enum vm_why vm_require(struct vm *vm, bool running, struct err *err) must_check;

/*
 * Sleeps until an event comes, a descriptor of `fds` is ready, or the deadline; then vm_check.
 * VM_OK says nothing about which of these it was: look, and call again.
 */
enum vm_why vm_wait(struct vm *vm, struct pollfd *fds, size_t nfds, int64_t deadline_ns,
	struct err *err) must_check;

/* When the guest last reset since vm_mark: 0 = it has not. QEMU's own time where it is known. */
int64_t vm_reset_ns(const struct vm *vm);
unsigned vm_resets(const struct vm *vm); /* how often since vm_mark */
int64_t vm_agent_up_ns(const struct vm *vm); /* when its agent last connected since then, or 0 */
void vm_mark(struct vm *vm); /* before an action whose boot is to be proved */

/* Who is asked to stop the guest: its agent, or ACPI by its power button; libvirt chooses by default. */
enum vm_mode { VM_MODE_DEFAULT, VM_MODE_ACPI, VM_MODE_AGENT };

/* Starts it; `paused`: without letting it run (unsupported on test:///). */
enum vm_why vm_start(struct vm *vm, bool paused, struct err *err) must_check;
/* Waits until libvirt says shut off, QEMU is dead and its VFIO groups are free. */
enum vm_why vm_shutdown(
	struct vm *vm, enum vm_mode mode, int64_t deadline_ns, struct err *err) must_check;
enum vm_why vm_destroy(struct vm *vm, int64_t deadline_ns, struct err *err) must_check;
enum vm_why vm_kill(struct vm *vm, int64_t deadline_ns, struct err *err) must_check;
/* These return when libvirt does; a guest may ignore a reboot. */
enum vm_why vm_reboot(struct vm *vm, enum vm_mode mode, struct err *err) must_check;
enum vm_why vm_reset(struct vm *vm, struct err *err) must_check;
enum vm_why vm_suspend(struct vm *vm, struct err *err) must_check;
enum vm_why vm_resume(struct vm *vm, struct err *err) must_check;

/*
 * After VM_LIBVIRT_LOST: a new connection, tried for again and again until the deadline, for 30 s at
 * most. What the domain should be stays as it was: vm_check tells whether it is.
 */
enum vm_why vm_reconnect(struct vm *vm, int64_t deadline_ns, struct err *err) must_check;

/*
 * Brings it back to a state in which it was found; no boot is proved. A guest that ran before us is
 * asked to power off and has a minute for it; one that we started is destroyed.
 */
enum vm_why vm_restore(
	struct vm *vm, enum vm_state found, int64_t deadline_ns, struct err *err) must_check;

/*
 * Passes a JSON command to the guest agent and waits for its reply, at most timeout_s seconds.
 * *reply_out is freed with free().
 */
enum vm_why vm_agent(struct vm *vm, const char *command, int timeout_s, char **reply_out,
	struct err *err) must_check;

#endif
