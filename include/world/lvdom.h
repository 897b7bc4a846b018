/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_LVDOM_H
#define VFIO_STRESS_WORLD_LVDOM_H

#include "world/vm.h"
#include "world/vm_news.h"

struct arena;
struct vmlist;

/*
 * A domain as libvirt has it: the calls and the events, no judgement. For vm*.c only; lvdom.c is
 * the one file that knows libvirt.
 */
struct lvdom;

/* What kind of failure a call ended with. */
enum lv_kind {
	LV_OTHER,
	LV_LOST, /* the connection */
	LV_DENIED, /* permission */
	LV_CONFIG, /* the definition or the environment, not a device or the guest */
	LV_SYSTEM, /* a system call of libvirtd: the words say which */
	LV_AGENT, /* the guest agent did not answer */
	LV_BUSY, /* another job has the domain, and does not end */
};

struct lv_error {
	enum lv_kind kind;
	bool vague; /* "internal error", "operation failed": QEMU's log may say more */
	char words[300]; /* libvirt's, printable */
};

/* Connects, finds the domain and listens: news goes to `ear` from now on. */
int lvdom_open(const struct host *host, const char *uri, const char *name, struct vm_ear *ear,
	struct lvdom **out, struct err *err) must_check;
void lvdom_close(struct lvdom *d);
bool lvdom_real(const struct lvdom *d); /* QEMU, not libvirt's test driver */
const char *lvdom_uuid(const struct lvdom *d);
bool lvdom_persistent(struct lvdom *d);
bool lvdom_managed_save(struct lvdom *d);
void lvdom_versions(struct lvdom *d, char libvirt[24], char hypervisor[24]);

/* Every domain of a connection that only reads; the texts are the arena's. */
int lvdom_list(const struct host *host, const char *uri, struct arena *arena, struct vmlist *out,
	struct err *err) must_check;

/* Its state, and what that means for our expectations. A transient one that is gone is off. */
int lvdom_state(struct lvdom *d, enum vm_state *state, struct vm_actual *actual,
	struct lv_error *why) must_check;
/* The running, or (inactive) the persistent definition; freed with free(). */
int lvdom_xml(struct lvdom *d, bool inactive, char **xml_out, struct lv_error *why) must_check;

enum lv_call {
	LV_START,
	LV_START_PAUSED,
	LV_DESTROY,
	LV_SUSPEND,
	LV_RESUME,
	LV_RESET,
	LV_REBOOT,
	LV_REBOOT_ACPI,
	LV_REBOOT_AGENT,
	LV_SHUTDOWN,
	LV_SHUTDOWN_ACPI,
	LV_SHUTDOWN_AGENT,
};

int lvdom_call(struct lvdom *d, enum lv_call call, struct lv_error *why) must_check;
const char *lv_call_name(enum lv_call call); /* "start" */
/* Freed with free(). */
int lvdom_agent(struct lvdom *d, const char *command, int timeout_s, char **reply_out,
	struct lv_error *why) must_check;

#endif
