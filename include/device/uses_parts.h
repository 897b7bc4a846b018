/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_USES_PARTS_H
#define VFIO_STRESS_DEVICE_USES_PARTS_H

#include "base/vec.h"
#include "device/mounts.h"
#include "device/routes.h"

#include <dirent.h>

struct thing;
struct use;

/* A file or directory of which something else is made. */
struct layer {
	const struct mount *on; /* where it lies; NULL: that does not show */
	const struct mount *overlay; /* that is made of it, or */
	char loop[32]; /* "loop0" */
	char file[256]; /* of the loop device */
};

/* Who uses a disk as it is, without a claim that an exclusive open would meet. */
struct raw_user {
	char path[256]; /* of the disk, as its user knows it */
	unsigned major, minor; /* of it; 0, 0 = unknown */
	char what[192]; /* "NVMe target nqn.2014-08:disks, namespace 1", "loop0" */
	bool is_loop;
};

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
	VEC(struct layer) layers;
	VEC(struct raw_user) raw_users;
	const char *raw_hidden; /* whose raw use of disks does not show; NULL = nobody's */
	bool root_hidden; /* on which disk root really lies does not show */
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
/* The chain as it is now is a use, and nobody is known to use the disk at its end. */
void uses_tell_open_end(struct uses *u, const struct use_disk *end, const char *hint);
/* A disk of /sys/class/block. */
void uses_find_disk(struct uses *u, const char *name, struct use_disk *out);
/* Is this path one of its names? Mounts and swaps know it as "/dev/dm-1" or "/dev/mapper/vg-root". */
bool uses_is_called(const struct uses *u, const struct use_disk *disk, const char *path);
/* Tells where a file system is mounted, of all places the most telling. */
void uses_of_mount(struct uses *u, const struct mount *m, int depth);
bool mount_same(const struct mount *a, const struct mount *b); /* the same file system? */
/* Is it vital that a file system stays? */
bool uses_mount_is_vital(const struct mount *m);

/* What is made of files and of raw disks: loop devices, overlays, targets. After the mounts. */
void uses_read_layers(struct uses *u);
/* What is made of files of a file system. */
void uses_of_layers(struct uses *u, const struct mount *on, int depth);
/* Who uses a disk as it is. */
void uses_of_raw(struct uses *u, const struct use_disk *disk, int depth);
/* Whoever may use any disk as it is, and does not show which. */
void uses_of_hidden_targets(struct uses *u);

void uses_of_netdev(struct uses *u, const char *name, const char *dir, int depth);

#endif
