/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_JRECORD_H
#define VFIO_STRESS_KLOG_JRECORD_H

#include "world/kmsg.h"

#define BOOT_ID_MAX 40 /* 32 hex digits and a NUL; some write them with dashes */

/* A record of the journal, put together from its fields, in whatever order they come. */
struct jrecord {
	struct klog_rec rec;
	bool has_message, has_transport, is_kernel; /* is_kernel: it came through /dev/kmsg */
	bool has_source_wall; /* the sender's clock, not the journal's */
	uint8_t facility; /* 255 = unknown */
	char identifier[32];
	char boot[BOOT_ID_MAX]; /* "" = unknown */
};

void jrecord_init(struct jrecord *r);
/* systemd.journal-fields(7), and the members of dmesg --json. `value` need not be terminated. */
void jrecord_field(struct jrecord *r, const char *name, const char *value, size_t n);
/* A further line of the message. */
void jrecord_more(struct jrecord *r, const char *s, size_t n);
/* All fields are there. False when it has no message. */
bool jrecord_finish(struct jrecord *r);

#endif
