/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/uses.h"
#include "device/uses_parts.h"

#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define HINT_TARGET "take it out of the scenario, or end what exports it"
#define HINT_LOOP   "take it out of the scenario: the host needs it, or losetup -d"
#define CONFIGFS    "/sys/kernel/config"

/* ---- files of which something is made ---- */

/* File systems that may ask a server, and wait for it. */
static bool is_remote(const struct mount *m)
{
	static const char *const types[] = {"nfs", "cifs", "smb", "ceph", "fuse", "9p", "afs"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (str_starts(m->type, types[i]))
			return true;
	return false;
}

/*
 * Where a file or directory lies; NULL when that does not show. The kernel tells the path that it had
 * when it was put to use: in an initramfs, or in a container, that is not ours.
 */
static const struct mount *lies_on(const struct uses *u, const char *file)
{
	const struct mount *m = file[0] == '/' ? mounts_of_path(&u->mounts, file) : NULL;
	char path[HOST_PATH_MAX];

	if (m == NULL || is_remote(m))
		return m;
	return access(host_path(u->host, path, "%s", file), F_OK) == 0 ? m : NULL;
}

/* One of the directories of an overlay, "\:" of its path undone. */
static void add_overlay(struct uses *u, const struct mount *overlay, const char *dir, size_t len)
{
	char path[HOST_PATH_MAX];
	struct layer *layer;
	size_t i, n = 0;

	for (i = 0; i < len && n + 1 < sizeof(path); i++)
		if (dir[i] != '\\' || i + 1 == len || dir[i + 1] != ':')
			path[n++] = dir[i];
	path[n] = '\0';
	if (n == 0)
		return; /* "::" in front of data layers */
	layer = vec_push(&u->layers);
	layer->overlay = overlay;
	layer->on = lies_on(u, path);
	if (layer->on != NULL && mount_same(layer->on, overlay))
		layer->on = NULL;
}

/* "/a:/b\:c": the length of the first one */
static size_t first_dir(const char *list, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (list[i] == ':' && (i == 0 || list[i - 1] != '\\'))
			return i;
	return len;
}

/* "rw,lowerdir=/a:/b,upperdir=/c,workdir=/d" (fs/overlayfs/super.c, ovl_show_options) */
static void read_overlay(struct uses *u, const struct mount *overlay)
{
	static const char *const keys[] = {"lowerdir=", "lowerdir+=", "datadir+=", "upperdir="};
	const char *s = overlay->options;
	size_t i, len;

	for (; *s != '\0'; s += len + (s[len] == ',')) {
		len = strcspn(s, ",");
		for (i = 0; i < ARRAY_SIZE(keys); i++) {
			size_t at = strlen(keys[i]), n;

			if (!str_starts(s, keys[i]))
				continue;
			for (; at < len; at += n + 1) {
				n = first_dir(s + at, len - at);
				add_overlay(u, overlay, s + at, n);
			}
		}
	}
}

/* ---- disks that are used as they are ---- */

/*
 * Some open a disk without a claim of their own (blkdev_get_by_path with no holder): whoever opens it
 * exclusively afterwards succeeds.
 */
static struct raw_user *add_raw(struct uses *u, const char *file)
{
	struct raw_user *raw = vec_push(&u->raw_users);
	char path[HOST_PATH_MAX], real[PATH_MAX];
	size_t root = strlen(u->host->root);
	struct statx st;

	str_set(raw->path, file);
	host_path(u->host, path, "%s", file);
	/* "/dev/disk/by-id/...", "/dev/vg/lv" are links */
	if (str_starts(file, "/dev/") && realpath(path, real) != NULL &&
		strncmp(real, u->host->root, root) == 0)
		str_set(raw->path, real + root);
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
		S_ISBLK(st.stx_mode)) {
		raw->major = st.stx_rdev_major;
		raw->minor = st.stx_rdev_minor;
	}
	return raw;
}

static void read_loop(struct uses *u, const char *name, const char *file)
{
	const struct mount *on = lies_on(u, file);
	struct raw_user *raw = on == NULL || !is_remote(on) ? add_raw(u, file) : NULL;
	struct layer *layer;

	if (raw != NULL && (raw->major != 0 || str_starts(raw->path, "/dev/"))) {
		raw->is_loop = true;
		str_set(raw->what, name);
		return;
	}
	if (raw != NULL)
		u->raw_users.n--;
	layer = vec_push(&u->layers);
	layer->on = on;
	str_set(layer->loop, name);
	str_set(layer->file, file);
}

static void read_loops(struct uses *u)
{
	char dir[96], name[32], file[256];
	DIR *at = NULL;

	while (uses_next_entry(u, "/sys/class/block", "loop", &at, name, sizeof(name))) {
		snprintf(dir, sizeof(dir), "/sys/class/block/%s/loop", name);
		if (uses_text(u, dir, "backing_file", file, sizeof(file)))
			read_loop(u, name, file);
	}
}

/* One thing that a target exports. An `enable` of 0 has let go of the disk. */
static void add_target(struct uses *u, const char *dir, const char *file, const char *what)
{
	char on[8];

	if (file[0] == '/' && (!uses_text(u, dir, "enable", on, sizeof(on)) || !str_eq(on, "0")))
		str_set(add_raw(u, file)->what, what);
}

/* What is two levels below a directory of configfs: TOP/OUTER/BETWEEN/INNER. */
typedef void export_fn(struct uses *u, const char *dir, const char *outer, const char *inner);

static void each_export(struct uses *u, const char *top, const char *between, export_fn *fn)
{
	char dir[HOST_PATH_MAX], inside[HOST_PATH_MAX], outer[128], inner[64];
	DIR *at = NULL, *below = NULL;

	while (uses_next_entry(u, top, "", &at, outer, sizeof(outer))) {
		snprintf(dir, sizeof(dir), "%s/%s%s", top, outer, between);
		while (uses_next_entry(u, dir, "", &below, inner, sizeof(inner))) {
			snprintf(inside, sizeof(inside), "%.400s/%s", dir, inner);
			fn(u, inside, outer, inner);
		}
	}
}

static void take_nvmet(struct uses *u, const char *dir, const char *nqn, const char *number)
{
	char what[192], file[256];

	snprintf(what, sizeof(what), "NVMe target %s, namespace %s", nqn, number);
	uses_text(u, dir, "device_path", file, sizeof(file));
	add_target(u, dir, file, what);
}

/* A `fileio` may stand on a disk; its file is known to its `info` alone when nobody said udev_path. */
static void lio_file(const struct uses *u, const char *dir, char *buf, size_t size)
{
	static const char key[] = "File: ";
	char info[256];
	const char *s;

	if (uses_text(u, dir, "udev_path", buf, size))
		return;
	s = uses_text(u, dir, "info", info, sizeof(info)) ? strstr(info, key) : NULL;
	if (s != NULL)
		snprintf(buf, size, "%.*s", (int)strcspn(s + strlen(key), " \n"), s + strlen(key));
}

static void take_lio(struct uses *u, const char *dir, const char *hba, const char *name)
{
	char what[192], file[256];

	snprintf(what, sizeof(what), "SCSI target %s/%s", hba, name);
	lio_file(u, dir, file, sizeof(file));
	add_target(u, dir, file, what);
}

/* What is loaded and has nowhere to say what it uses. */
static void read_hidden(struct uses *u)
{
	static const struct {
		const char *module, *configs, *what;
	} targets[] = {
		{"nvmet", CONFIGFS "/nvmet", "nvmet"},
		{"target_core_mod", CONFIGFS "/target", "target_core_mod"},
	};
	char path[HOST_PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++)
		if (access(host_path(u->host, path, "/sys/module/%s", targets[i].module), F_OK) ==
				0 &&
			access(host_path(u->host, path, "%s", targets[i].configs), R_OK | X_OK) !=
				0)
			u->raw_hidden = targets[i].what;
}

/* ---- is root below one of them? ---- */

static void note_vital(void *arg, const struct use *use)
{
	*(bool *)arg |= use->vital;
}

static bool is_vital(struct uses *u, const struct layer *layer)
{
	struct use_disk loop;
	bool vital = false;

	u->fn = note_vital;
	u->arg = &vital;
	u->told = 0;
	chain_cut(u, 0);
	if (layer->overlay != NULL) {
		uses_of_mount(u, layer->overlay, 0);
	} else {
		uses_find_disk(u, layer->loop, &loop);
		uses_of_disk(u, &loop, 1);
	}
	return vital;
}

void uses_read_layers(struct uses *u)
{
	vec_foreach (m, &u->mounts)
		if (m->elsewhere == 0 && str_eq(m->type, "overlay"))
			read_overlay(u, m);
	read_loops(u);
	each_export(u, CONFIGFS "/nvmet/subsystems", "/namespaces", take_nvmet);
	each_export(u, CONFIGFS "/target/core", "", take_lio);
	read_hidden(u);
	vec_foreach (layer, &u->layers)
		if (layer->on == NULL && is_vital(u, layer))
			u->root_hidden = true;
}

/* ---- what is told ---- */

static bool is_told(const struct uses *u, const struct layer *layer)
{
	vec_foreach (other, &u->layers) {
		if (other == layer)
			return false;
		if (layer->overlay != NULL && other->overlay == layer->overlay &&
			other->on != NULL && mount_same(other->on, layer->on))
			return true;
	}
	return false;
}

static void of_loop(struct uses *u, const char *name, int depth)
{
	struct use_disk loop;

	uses_find_disk(u, name, &loop);
	if (depth < USES_DEPTH)
		uses_of_disk(u, &loop, depth + 1);
}

static void of_layer(struct uses *u, const struct layer *layer, int depth)
{
	size_t len;

	if (layer->overlay != NULL) {
		len = chain_add(u, "overlay");
		uses_of_mount(u, layer->overlay, depth + 1);
	} else {
		len = chain_add(u, "%s (file %s)", layer->loop, layer->file);
		of_loop(u, layer->loop, depth);
	}
	chain_cut(u, len);
}

void uses_of_layers(struct uses *u, const struct mount *on, int depth)
{
	if (depth >= USES_DEPTH || on->elsewhere != 0)
		return;
	vec_foreach (layer, &u->layers)
		if (layer->on != NULL && mount_same(layer->on, on) && !is_told(u, layer))
			of_layer(u, layer, depth);
}

void uses_of_raw(struct uses *u, const struct use_disk *disk, int depth)
{
	size_t len, told;

	vec_foreach (raw, &u->raw_users) {
		bool by_number =
			disk->major != 0 && raw->major == disk->major && raw->minor == disk->minor;

		if (!by_number && !uses_is_called(u, disk, raw->path))
			continue;
		len = chain_add(u, "%s", raw->what);
		told = u->told;
		if (raw->is_loop)
			of_loop(u, raw->what, depth);
		if (u->told == told)
			uses_tell(u, false, raw->is_loop ? HINT_LOOP : HINT_TARGET);
		chain_cut(u, len);
	}
}

void uses_of_hidden_targets(struct uses *u)
{
	size_t len;

	if (u->raw_hidden == NULL)
		return;
	len = chain_add(u, "may be exported by %s: that does not show", u->raw_hidden);
	uses_tell(u, true, "mount -t configfs none " CONFIGFS ", and run as root");
	chain_cut(u, len);
}
