/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VM_PARTS_H
#define VFIO_STRESS_WORLD_VM_PARTS_H

#include "world/agent.h"
#include "world/lvdom.h"
#include "world/qemuproc.h"

/* A VM from the inside. For stress/world/vm*.c only. */
struct vm {
	const struct host *host;
	char uri[64], name[DOMDEF_NAME_MAX], log_path[DOMDEF_PATH_MAX];
	struct vm_ear *ear;
	struct lvdom *dom;
	struct vm_found found;
	struct domdef def;
	struct qemuproc proc;
	enum vm_expect expect;
	uint64_t judged; /* news.count of the last vm_check that found nothing */
	bool ours; /* this life was begun by vm_start */
	bool asked_off; /* we asked the guest to power off, and it has not */
	bool booting; /* the guest may reset itself on its way up */
	unsigned resets_known; /* more than these are trouble when it is not booting */
	unsigned mark_resets;
	int64_t mark_ns;
	int64_t log_start; /* size of QEMU's log when this life began */
	struct agent_job jobs[AGENT_JOBS_MAX]; /* in the background of this boot */
	size_t njobs;
};

/* A libvirt call failed: why, in its own words and, where these are vague, in QEMU's. */
enum vm_why vm_call_failed(struct vm *vm, enum vm_why why, const char *call,
	const struct lv_error *lv, struct err *err);
/* libvirt's word about why a domain is off that should not be: waited for, but not for long. */
struct vm_news vm_wait_for_cause(struct vm *vm);
/* From now on what is counts as what should be: the same trouble is told once. */
void vm_resync(struct vm *vm, struct vm_actual actual);
/* Until news comes, QEMU dies, one of `fds` is ready or the deadline passes. */
void vm_sleep(struct vm *vm, struct pollfd *fds, size_t nfds, int64_t deadline_ns);
/* Takes hold of the process of a domain that runs. */
enum vm_why vm_find_qemu(struct vm *vm, struct err *err);

#endif
