/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_USES_PARTS_H
#define VFIO_STRESS_DEVICE_USES_PARTS_H

#include "base/vec.h"
#include "device/mounts.h"
#include "device/routes.h"

#include <dirent.h>

struct thing;
struct use;

/* What the host does, and a walk through it. For stress/device/uses*.c only. */
struct uses {
	const struct host *host;
	struct mounts mounts;
	struct routes routes;
	VEC(struct swap {
		char path[256]; /* "/dev/dm-1", "/swapfile" */
		const struct mount *on; /* a file: its file system */
	})
	swaps;
	VEC(const struct mount *) own; /* where this run keeps its files */
	const struct mount *kdump; /* where a crash would be saved */

	char chain[448];
	size_t told;
	void (*fn)(void *arg, const struct use *use);
	void *arg;
};

#define USES_DEPTH 8 /* a crypt on LVM on md on multipath is 5 deep */

/* Adds " -> words" to the chain; chain_cut with what it returns takes them away again. */
size_t chain_add(struct uses *u, const char *fmt, ...) printf_like(2, 3);
void chain_cut(struct uses *u, size_t len);
/* The chain as it is now is a use. */
void uses_tell(struct uses *u, bool vital, const char *hint);
/* The same, and nobody is known to use the disk at its end. */
void uses_tell_open_end(struct uses *u, const char *end, const char *hint);
/* The names in a directory below host->root that begin with `prefix`; *at begins as NULL. */
bool uses_next_entry(
	struct uses *u, const char *dir, const char *prefix, DIR **at, char *buf, size_t size);
bool uses_text(const struct uses *u, const char *dir, const char *name, char *buf, size_t size);

/* A disk, partition, or what is made of them, by its name in sysfs and its directory there. */
struct use_disk {
	char name[64], dir[256];
	unsigned major, minor;
};
void uses_read_disks(struct uses *u);
void uses_of_disk(struct uses *u, const struct use_disk *disk, int depth);
/* Is it vital that a file system stays? */
bool uses_mount_is_vital(const struct mount *m);

void uses_of_netdev(struct uses *u, const char *name, const char *dir, int depth);

#endif
