/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_JOURNAL_H
#define VFIO_STRESS_WORLD_JOURNAL_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* What the kernel, QEMU and libvirt wrote into the systemd journal, through libsystemd. */
struct journal;

/* begins each of its files (systemd's Journal File Format) */
#define JOURNAL_MAGIC     "LPKSHHRH"
#define JOURNAL_MAGIC_LEN 8

enum journal_boots {
	JOURNAL_ALL_BOOTS,
	JOURNAL_ONE_BOOT, /* as in journalctl -b: 0 the newest, -1 the one before, 1 the oldest */
};

/*
 * `directory` NULL = this host's; there boot 0 is the running one. Fails when this build has no
 * libsystemd, when nothing may be read, or when there is no such boot.
 */
int journal_open(const char *directory, enum journal_boots boots, int boot, struct journal **out,
	struct err *err) must_check;
/* The same of the boot with this id, as in /proc/sys/kernel/random/boot_id. */
int journal_open_boot(const char *directory, const char *boot_id, struct journal **out,
	struct err *err) must_check;
/* One file of a journal. Takes fd; `name` is for messages. */
int journal_open_file(int fd, const char *name, struct journal **out, struct err *err) must_check;
void journal_close(struct journal *j);

/* A field of a record, systemd.journal-fields(7); valid during the call. */
typedef void journal_field(void *arg, const char *name, const char *value, size_t n);
/* 1 = a record: `field` was called for each of its fields; 0 = no more now; -1. */
int journal_next(struct journal *j, journal_field *field, void *arg, struct err *err) must_check;
/* Readable when there may be more; then journal_wake, then journal_next. */
int journal_fd(struct journal *j);
void journal_wake(struct journal *j);

#endif
