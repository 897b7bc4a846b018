/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"
#include "device/uses_parts.h"

#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HINT_UNMOUNT "take it out of the scenario: the host needs it, or unmount it"
#define HINT_HIDDEN  "take it out of the scenario: root may lie on it, for that does not show"
#define HINT_SWAP    "take it out of the scenario: the host needs it, or swapoff"
#define HINT_APART   "take it out of the scenario: the host needs it, or take that apart"

/* ---- what is there, once ---- */

static void read_swaps(struct uses *u)
{
	char path[HOST_PATH_MAX], line[1024];
	auto_file FILE *f = fopen(host_path(u->host, path, "/proc/swaps"), "re");

	/* Filename Type Size Used Priority */
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct swap *swap;
		bool is_file = strstr(line, "file\t") != NULL || strstr(line, "file ") != NULL;

		line[strcspn(line, " \t\n")] = '\0';
		if (line[0] != '/')
			continue;
		swap = vec_push(&u->swaps);
		mounts_unescape(line);
		str_set(swap->path, line);
		swap->on = is_file ? mounts_of_path(&u->mounts, swap->path) : NULL;
	}
}

static void add_own_file(struct uses *u, const char *dir, const char *name)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX];
	const struct mount *m;
	ssize_t n;

	n = readlink(host_path(u->host, path, "%s/%s", dir, name), target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	m = target[0] == '/' ? mounts_of_path(&u->mounts, target) : NULL;
	if (m != NULL)
		*vec_push(&u->own) = m;
}

/*
 * This run's store, reports and logs: what this process and the one that started it write to. And the
 * program, which a lane's process and `undo` are executed from.
 */
static void read_own_files(struct uses *u, const char *process)
{
	char dir[64], name[16];
	DIR *at = NULL;

	snprintf(dir, sizeof(dir), "/proc/%s", process);
	add_own_file(u, dir, "exe");
	snprintf(dir, sizeof(dir), "/proc/%s/fd", process);
	while (uses_next_entry(u, dir, "", &at, name, sizeof(name)))
		add_own_file(u, dir, name);
}

/* Of kdump-tools (Debian: KDUMP_COREDIR="/var/crash") and kexec-tools (`path /var/crash`). */
static void read_kdump(struct uses *u)
{
	static const struct {
		const char *file, *key;
	} configs[] = {
		{"/etc/kdump.conf", "path"},
		{"/etc/default/kdump-tools", "KDUMP_COREDIR"},
	};
	char path[HOST_PATH_MAX], line[256], where[256] = "/var/crash";
	size_t i;

	if (!uses_text(u, "/sys/kernel", "kexec_crash_loaded", line, sizeof(line)) ||
		!str_eq(line, "1"))
		return;
	for (i = 0; i < ARRAY_SIZE(configs); i++) {
		auto_file FILE *f = fopen(host_path(u->host, path, "%s", configs[i].file), "re");
		size_t len = strlen(configs[i].key);

		while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
			const char *value = line + len;

			if (!str_starts(line, configs[i].key) || strchr(" \t=", *value) == NULL)
				continue;
			value += strspn(value, " \t=\"");
			snprintf(where, sizeof(where), "%.*s", (int)strcspn(value, "\"\n"), value);
		}
	}
	u->kdump = mounts_of_path(&u->mounts, where);
}

void uses_read_disks(struct uses *u)
{
	char parent[16];

	read_swaps(u);
	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	read_own_files(u, "self");
	read_own_files(u, parent);
	read_kdump(u);
}

/* ---- mounts and swap ---- */

bool uses_mount_is_vital(const struct mount *m)
{
	static const char *const root[] = {"/", "/usr", "/etc", "/var"};
	size_t i;

	for (i = 0; m->elsewhere == 0 && i < ARRAY_SIZE(root); i++)
		if (str_eq(m->at, root[i]))
			return true;
	return false;
}

static const struct swap *swap_on(const struct uses *u, const struct mount *m)
{
	vec_foreach (swap, &u->swaps)
		if (swap->on == m)
			return swap;
	return NULL;
}

static bool has_own_files(const struct uses *u, const struct mount *m)
{
	vec_foreach (own, &u->own)
		if (*own == m)
			return true;
	return false;
}

/* The most telling of the places where a file system is mounted. */
struct mounted {
	const struct mount *best;
	size_t n;
};

static int weight(const struct uses *u, const struct mount *m)
{
	if (uses_mount_is_vital(m))
		return 4;
	if (swap_on(u, m) != NULL)
		return 3;
	if (has_own_files(u, m))
		return 2;
	return u->kdump == m;
}

static void note_mount(const struct uses *u, struct mounted *at, const struct mount *m)
{
	if (at->n++ == 0 || weight(u, m) > weight(u, at->best))
		at->best = m;
}

/* " in the namespace of process 77 (postgres)" */
static void elsewhere_text(const struct uses *u, const struct mount *m, char *buf, size_t size)
{
	char path[64], name[32] = "";

	buf[0] = '\0';
	if (m->elsewhere == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d", (int)m->elsewhere);
	uses_text(u, path, "comm", name, sizeof(name));
	snprintf(buf, size, " in the namespace of process %d%s%s%s", (int)m->elsewhere,
		name[0] ? " (" : "", name, name[0] ? ")" : "");
}

static void tell_mounted(struct uses *u, const struct mounted *at, int depth)
{
	const struct mount *m = at->best;
	char where[96], more[32] = "";
	const struct swap *swap;
	size_t len;

	if (at->n == 0)
		return;
	if (at->n > 1)
		snprintf(more, sizeof(more), " and %zu more", at->n - 1);
	elsewhere_text(u, m, where, sizeof(where));
	len = chain_add(u, "mounted on %s%s%s", m->at, where, more);
	if ((swap = swap_on(u, m)) != NULL)
		chain_add(u, "swap file %s", swap->path);
	else if (has_own_files(u, m))
		chain_add(u, "where this run keeps its files");
	else if (u->kdump == m)
		chain_add(u, "where kdump saves a crash");
	uses_tell(u,
		swap != NULL || has_own_files(u, m) || uses_mount_is_vital(m) || u->root_hidden,
		swap != NULL                                        ? HINT_SWAP
			: u->root_hidden && !uses_mount_is_vital(m) ? HINT_HIDDEN
								    : HINT_UNMOUNT);
	chain_cut(u, len);
	len = chain_add(u, "mounted on %s", m->at);
	uses_of_layers(u, m, depth);
	chain_cut(u, len);
}

/* By which names mounts and swaps may know it: "/dev/dm-1", "/dev/mapper/vg-root". */
struct names {
	char node[80], mapper[144];
};

static bool named(const struct names *names, const char *source)
{
	return str_eq(source, names->node) ||
		(names->mapper[0] != '\0' && str_eq(source, names->mapper));
}

static void names_of(const struct uses *u, const struct use_disk *disk, struct names *out)
{
	char name[128];

	snprintf(out->node, sizeof(out->node), "/dev/%s", disk->name);
	out->mapper[0] = '\0';
	if (uses_text(u, disk->dir, "dm/name", name, sizeof(name)))
		snprintf(out->mapper, sizeof(out->mapper), "/dev/mapper/%s", name);
}

bool uses_is_called(const struct uses *u, const struct use_disk *disk, const char *path)
{
	struct names names;

	names_of(u, disk, &names);
	return named(&names, path);
}

/* Already told of a namespace that we see: a bind mount there needs no second word. */
static bool is_repeated(const struct uses *u, const struct mount *m)
{
	vec_foreach (other, &u->mounts) {
		if (other == m)
			return false;
		if (other->major == m->major && other->minor == m->minor &&
			str_eq(other->source, m->source) && m->elsewhere != 0)
			return true;
	}
	return false;
}

bool mount_same(const struct mount *a, const struct mount *b)
{
	return a->major == b->major && a->minor == b->minor;
}

void uses_of_mount(struct uses *u, const struct mount *m, int depth)
{
	struct mounted at = {0};

	vec_foreach (other, &u->mounts)
		if (mount_same(m, other) && !is_repeated(u, other))
			note_mount(u, &at, other);
	tell_mounted(u, &at, depth);
}

static void tell_mounts(
	struct uses *u, const struct use_disk *disk, const struct names *names, int depth)
{
	struct mounted at = {0};

	vec_foreach (m, &u->mounts) {
		bool by_number =
			disk->major != 0 && m->major == disk->major && m->minor == disk->minor;

		if ((by_number || named(names, m->source)) && !is_repeated(u, m))
			note_mount(u, &at, m);
	}
	tell_mounted(u, &at, depth);
}

static void tell_swap(struct uses *u, const struct names *names)
{
	vec_foreach (swap, &u->swaps) {
		size_t len;

		if (swap->on != NULL || !named(names, swap->path))
			continue;
		len = chain_add(u, "swap");
		uses_tell(u, true, HINT_SWAP);
		chain_cut(u, len);
	}
}

/* ---- a file system on several disks: only one of them stands in the list of mounts ---- */

static void tell_btrfs_mounts(struct uses *u, const char *fs, const struct names *self, int depth)
{
	char dir[160], node[80], name[64];
	struct mounted mounted = {0};
	DIR *at = NULL;

	snprintf(dir, sizeof(dir), "%s/devices", fs);
	while (uses_next_entry(u, dir, "", &at, name, sizeof(name))) {
		snprintf(node, sizeof(node), "/dev/%s", name);
		vec_foreach (m, &u->mounts)
			if (str_eq(m->type, "btrfs") && str_eq(m->source, node) &&
				!named(self, node) && !is_repeated(u, m))
				note_mount(u, &mounted, m);
	}
	tell_mounted(u, &mounted, depth);
}

static void tell_btrfs(
	struct uses *u, const struct use_disk *disk, const struct names *names, int depth)
{
	char fs[128], uuid[64], label[64], path[HOST_PATH_MAX];
	DIR *at = NULL;

	while (uses_next_entry(u, "/sys/fs/btrfs", "", &at, uuid, sizeof(uuid))) {
		size_t len, told = u->told;

		snprintf(fs, sizeof(fs), "/sys/fs/btrfs/%s", uuid);
		if (access(host_path(u->host, path, "%s/devices/%s", fs, disk->name), F_OK) != 0)
			continue;
		len = chain_add(u, "btrfs %s",
			uses_text(u, fs, "label", label, sizeof(label)) ? label : uuid);
		tell_btrfs_mounts(u, fs, names, depth);
		if (u->told == told && told == 0)
			uses_tell_open_end(u, disk, HINT_UNMOUNT);
		chain_cut(u, len);
	}
}

/* ---- what is stacked on a disk ---- */

/* LVM writes "vg-lv", and a '-' of a name as "--". */
static void lvm_name(const char *dm, char *buf, size_t size)
{
	bool first = true;
	size_t n = 0;

	for (; *dm != '\0' && n + 1 < size; dm++) {
		bool dash = *dm == '-';

		if (dash && dm[1] == '-')
			dm++;
		else if (dash && first) {
			buf[n++] = '/';
			first = false;
			continue;
		}
		buf[n++] = *dm;
	}
	buf[n] = '\0';
}

/* What device-mapper's users put in front of a UUID of theirs. */
static const struct {
	const char *prefix, *what;
} mappers[] = {
	{"LVM-", "LVM"},
	{"mpath-", "multipath"},
	{"CRYPT-", "encrypted"},
	{"part", "partition"},
};

/* "dm-0 (LVM vg/root)", "md127 (raid1)", "bcache0" */
static void add_stacked(struct uses *u, const struct use_disk *disk)
{
	char uuid[160], name[128], level[32];
	size_t i;

	if (uses_text(u, disk->dir, "md/level", level, sizeof(level))) {
		chain_add(u, "%s (%s)", disk->name, level);
		return;
	}
	if (!uses_text(u, disk->dir, "dm/name", name, sizeof(name))) {
		chain_add(u, "%s", disk->name);
		return;
	}
	uses_text(u, disk->dir, "dm/uuid", uuid, sizeof(uuid));
	for (i = 0; i < ARRAY_SIZE(mappers); i++)
		if (str_starts(uuid, mappers[i].prefix))
			break;
	if (i == 0)
		lvm_name(name, name, sizeof(name));
	chain_add(u, "%s (%s%s%s)", disk->name, i < ARRAY_SIZE(mappers) ? mappers[i].what : "",
		i < ARRAY_SIZE(mappers) ? " " : "", name);
}

static void find_in(struct uses *u, const char *name, const char *dir, struct use_disk *out)
{
	char numbers[32];

	*out = (struct use_disk){0};
	str_set(out->name, name);
	str_set(out->dir, dir);
	if (uses_text(u, dir, "dev", numbers, sizeof(numbers)) &&
		sscanf(numbers, "%u:%u", &out->major, &out->minor) != 2)
		out->major = out->minor = 0;
}

void uses_find_disk(struct uses *u, const char *name, struct use_disk *out)
{
	char dir[96];

	snprintf(dir, sizeof(dir), "/sys/class/block/%s", name);
	find_in(u, name, dir, out);
}

static void of_holders(struct uses *u, const struct use_disk *disk, int depth)
{
	char holders[sizeof(disk->dir) + 16], name[64];
	struct use_disk holder;
	DIR *at = NULL;

	snprintf(holders, sizeof(holders), "%s/holders", disk->dir);
	while (uses_next_entry(u, holders, "", &at, name, sizeof(name))) {
		size_t len = strlen(u->chain), told = u->told;

		uses_find_disk(u, name, &holder);
		add_stacked(u, &holder);
		if (depth < USES_DEPTH)
			uses_of_disk(u, &holder, depth + 1);
		if (u->told == told)
			uses_tell_open_end(u, &holder, HINT_APART);
		chain_cut(u, len);
	}
}

/*
 * Of what is stacked; those of a function's own disk are things themselves. One that says nothing is
 * told as well: what another one of them says is not all there is.
 */
static void of_partitions(struct uses *u, const struct use_disk *disk, int depth)
{
	char name[64], dir[sizeof(disk->dir) + 80], number[16];
	struct use_disk part;
	DIR *at = NULL;

	while (uses_next_entry(u, disk->dir, disk->name, &at, name, sizeof(name))) {
		size_t len, told = u->told;

		snprintf(dir, sizeof(dir), "%s/%s", disk->dir, name);
		if (strlen(dir) >= sizeof(part.dir) ||
			!uses_text(u, dir, "partition", number, sizeof(number)))
			continue;
		find_in(u, name, dir, &part);
		len = chain_add(u, "%s", name);
		uses_of_disk(u, &part, depth + 1);
		if (u->told == told)
			uses_tell_open_end(u, &part, HINT_APART);
		chain_cut(u, len);
	}
}

void uses_of_disk(struct uses *u, const struct use_disk *disk, int depth)
{
	struct names names;

	names_of(u, disk, &names);
	tell_mounts(u, disk, &names, depth);
	tell_swap(u, &names);
	tell_btrfs(u, disk, &names, depth);
	uses_of_raw(u, disk, depth);
	of_holders(u, disk, depth);
	if (depth > 0 && depth < USES_DEPTH)
		of_partitions(u, disk, depth);
}
