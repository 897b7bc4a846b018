/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/process.h"

#include "base/str.h"
#include "world/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Clock ticks since the boot stay below this for 89 million years; a mark with the boot in it is above. */
#define WITH_BOOT (INT64_C(1) << 58)

static const struct host here = {.root = "", .kmsg = ""};

/*
 * Field 22 of /proc/PID/stat: two processes of one boot and one pid differ in it; 0 when there is none.
 * One that has ended, and whose parent has not asked how (state Z), is none.
 */
static int64_t start_ticks(const struct host *host, pid_t pid)
{
	char path[64], buf[1024], *s;
	struct err ignored;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (host_read(host, path, buf, sizeof(buf), &ignored) != 0)
		return 0;
	s = strrchr(buf, ')'); /* the name may hold blanks and brackets */
	if (s != NULL && str_starts(s, ") Z"))
		return 0;
	for (i = 2; s != NULL && i < 22; i++)
		s = strchr(s + 1, ' ');
	return s ? strtoll(s + 1, NULL, 10) : 0;
}

/* FNV-1a (draft-eastlake-fnv), so that two numbers and a UUID fit the one column. */
static uint64_t add_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return hash;
}

static int64_t mark_of(const struct host *host, int64_t ticks)
{
	char boot_id[40], text[64];

	snprintf(text, sizeof(text), "%s %lld", host_boot_id(host, boot_id), (long long)ticks);
	return (int64_t)(add_text(UINT64_C(0xcbf29ce484222325), text) % WITH_BOOT) | WITH_BOOT;
}

int64_t process_mark(const struct host *host, pid_t pid)
{
	int64_t ticks = start_ticks(host ? host : &here, pid);

	return ticks != 0 ? mark_of(host ? host : &here, ticks) : 0;
}

/* A version before this one wrote the ticks alone, and a run of it may go on. */
bool process_lives(const struct host *host, int64_t pid, int64_t mark)
{
	int64_t ticks;

	if (mark == 0 || pid <= 0)
		return false;
	ticks = start_ticks(host ? host : &here, (pid_t)pid);
	return ticks != 0 && (mark == ticks || mark == mark_of(host ? host : &here, ticks));
}
