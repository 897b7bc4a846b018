/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_VM_NEWS_H
#define VFIO_STRESS_WORLD_VM_NEWS_H

#include "world/vm_why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stop_cause {
	STOP_NOT, /* it has not stopped */
	STOP_GUEST, /* power off, asked for or not */
	STOP_DESTROYED,
	STOP_CRASHED, /* the guest, with on_crash: destroy */
	STOP_SAVED,
	STOP_FAILED, /* QEMU's monitor was closed without a word */
	STOP_OTHER,
};

enum pause_cause { PAUSE_USER, PAUSE_ERROR, PAUSE_GUEST, PAUSE_WATCHDOG, PAUSE_PANIC };

/* What libvirt has told of one life of a domain. */
struct vm_news {
	uint64_t count; /* how many messages; never goes back */
	bool lost; /* the connection */
	bool silent; /* because libvirtd did not answer */
	bool undefined, renamed;
	bool panicked, watchdog;
	bool power_button; /* somebody pressed it */
	bool guest_off; /* the guest powered off; QEMU ends soon */
	bool signalled; /* QEMU was told to end by a signal */
	enum stop_cause stopped;
	unsigned resets;
	bool reset_by_host; /* the last one was asked for from outside the guest */
	int64_t reset_ns; /* monotonic time of the last one */
	int64_t agent_up_ns; /* when the guest agent last connected */
	char words[200]; /* of a panic, an I/O error or a lost connection; printable */
};

/* Where the event thread leaves the news for the step thread. */
struct vm_ear;

struct vm_ear *ear_new(void);
void ear_free(struct vm_ear *ear);
int ear_fd(const struct vm_ear *ear); /* readable when there is news since ear_drain */
void ear_drain(struct vm_ear *ear);
/* The event thread: changes the news between these two; the second wakes the other thread. */
struct vm_news *ear_lock(struct vm_ear *ear);
void ear_unlock(struct vm_ear *ear);
/* One event of QEMU's monitor, with its time (CLOCK_REALTIME, 0 = unknown) and JSON details. */
void ear_qemu_event(struct vm_ear *ear, const char *name, int64_t wall_ns, const char *details);
/* The step thread: a copy of all that is known. */
struct vm_news ear_take(struct vm_ear *ear);
/* A new life: forgets everything but `count`, `lost` and `undefined`. */
void ear_forget(struct vm_ear *ear);

/* What the steps expect of the domain now. */
enum vm_expect { EXPECT_OFF, EXPECT_RUNNING, EXPECT_PAUSED, EXPECT_STOPPING };

/* What it is, as libvirt answers. */
struct vm_actual {
	bool off, paused;
	enum pause_cause pause;
};

/* What the difference between these means. Pure; VM_OK when there is none. `seen` gets details. */
enum vm_why news_judge(const struct vm_news *news, enum vm_expect expect, struct vm_actual actual,
	unsigned resets_known, char *seen, size_t size);

#endif
