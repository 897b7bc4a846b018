/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_HOSTFILES_H
#define VFIO_STRESS_WORLD_HOSTFILES_H

#include "world/host.h"

#include <stdint.h>

struct arena;

/*
 * The small files outside of the PCI tree that say how a machine is set up: kernel command line,
 * module parameters, memory, huge pages, lockdown, firmware tables ... Text, reduced to what is
 * looked at; of a node or a socket: "TYPE MODE UID GID" (TYPE as ls has it, MODE octal).
 */
struct hostfile {
	const char *path, *text; /* text "" when sys != 0 */
	int sys; /* errno: EACCES = there, but not for us */
	bool cut; /* longer than is kept */
};

/* By path. The texts are an arena's. */
struct hostfiles {
	struct hostfile *v;
	size_t n;
};

#define HOSTFILE_MAX  65536 /* bytes kept of one */
#define HOSTFILES_MAX 8192 /* files; further ones of a directory are left out */

void hostfiles_read(const struct host *host, struct arena *arena, struct hostfiles *out);
/* NULL: there is no such file. */
const struct hostfile *hostfiles_find(const struct hostfiles *f, const char *path);
/* Its text; NULL when it is absent or was not readable. */
const char *hostfiles_text(const struct hostfiles *f, const char *path);
/* Whole text as a decimal number. */
bool hostfiles_number(const struct hostfiles *f, const char *path, uint64_t *out);
/* Files by beginning and end of their path ("/sys/class/iommu/", "/ecap"), one after the other. */
const struct hostfile *hostfiles_next(const struct hostfiles *f, const struct hostfile *after,
	const char *begin, const char *end);
/* The value of a "key: value" or "key = value" line, up to the line's end. False: no such line. */
bool hostfile_value(const char *text, const char *key, char *buf, size_t size);

#endif
