/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_MOUNTS_H
#define VFIO_STRESS_DEVICE_MOUNTS_H

#include "base/mem.h"
#include "world/host.h"

#include <stdbool.h>
#include <sys/types.h>

/* Something that is mounted. Texts are the arena's, with the kernel's escapes undone. */
struct mount {
	unsigned major, minor; /* of the file system; of btrfs it is no disk's */
	const char *at, *type, *source, *options;
	pid_t elsewhere; /* a process that sees it, when we and process 1 do not; 0 = we do */
};

/* Of all mount namespaces: a container's mounts show in no other. */
struct mounts {
	struct arena arena;
	struct mount *v;
	size_t n, cap;
};

void mounts_read(const struct host *host, struct mounts *out);
void mounts_finish(struct mounts *m);
/* Where a file lies, as we see it: the mount with the longest matching path. NULL: nowhere. */
const struct mount *mounts_of_path(const struct mounts *m, const char *path);
/* "\040" of /proc/mounts and /proc/swaps back to a space, in place. */
void mounts_unescape(char *text);

#endif
