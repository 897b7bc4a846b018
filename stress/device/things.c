/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/things.h"

#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define DEPTH_MAX 16 /* a disk behind a USB hub behind a hub is 11 deep */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool read_file(
	const struct host *host, const char *dir, const char *name, char *buf, size_t size)
{
	char path[HOST_PATH_MAX];
	struct err err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return host_read(host, path, buf, size, &err) == 0;
}

static struct thing *add(
	struct things *out, enum thing_kind kind, const char *name, const char *dir)
{
	struct thing *t = vec_push(out);

	t->kind = kind;
	str_printable(t->name, sizeof(t->name), name, strlen(name));
	str_set(t->dir, dir);
	return t;
}

static void add_numbered(struct things *out, enum thing_kind kind, const char *name,
	const char *dir, unsigned major, unsigned minor)
{
	struct thing *t = add(out, kind, name, dir);

	t->major = major;
	t->minor = minor;
}

/* "MAJ:MIN" in `dev`. */
static bool numbers(const struct host *host, const char *dir, unsigned *major, unsigned *minor)
{
	char text[32], *colon;
	uint64_t a, b;

	if (!read_file(host, dir, "dev", text, sizeof(text)) || (colon = strchr(text, ':')) == NULL)
		return false;
	*colon = '\0';
	if (!str_to_u64(text, 10, UINT32_MAX, &a) || !str_to_u64(colon + 1, 10, UINT32_MAX, &b))
		return false;
	*major = (unsigned)a;
	*minor = (unsigned)b;
	return true;
}

/* The node's path below /dev, which may differ from the directory's name ("dri/card1"). */
static void devname(const struct host *host, const char *dir, char *buf, size_t size)
{
	char uevent[1024], *s, *rest = uevent;

	str_copy(buf, size, last_part(dir));
	if (!read_file(host, dir, "uevent", uevent, sizeof(uevent)))
		return;
	while ((s = strsep(&rest, "\n")) != NULL)
		if (str_starts(s, "DEVNAME="))
			str_copy(buf, size, s + strlen("DEVNAME="));
}

/*
 * With native multipath the disk of an NVMe controller is nvme0n1 of its subsystem, elsewhere in
 * sysfs; below the controller there is only the hidden path nvme0c0n1, without a number.
 */
static void add_multipath_head(const struct host *host, const char *dir, struct things *out)
{
	const char *hidden = last_part(dir), *c = strchr(hidden, 'c'),
		   *ns = c ? strchr(c, 'n') : NULL;
	unsigned major = 0, minor = 0;
	char head[64], path[128];

	/* one that cannot be resolved keeps no number: nobody can prove it idle */
	if (ns == NULL) {
		add_numbered(out, THING_DISK, hidden, dir, 0, 0);
		return;
	}
	snprintf(head, sizeof(head), "%.*s%s", (int)(c - hidden), hidden, ns);
	snprintf(path, sizeof(path), "/sys/class/block/%s", head);
	numbers(host, path, &major, &minor);
	add_numbered(out, THING_DISK, head, path, major, minor);
}

static bool in_use(const struct host *host, const char *dir)
{
	char text[32];

	return read_file(host, dir, "in_use", text, sizeof(text)) && !str_eq(text, "0");
}

/* A root hub's path is "0": it is the controller itself. */
static bool is_plugged_usb(const struct host *host, const char *dir)
{
	char text[32];

	return read_file(host, dir, "busnum", text, sizeof(text)) &&
		read_file(host, dir, "devpath", text, sizeof(text)) && !str_eq(text, "0");
}

/*
 * The class it belongs to. Its parent's name does not tell: a disk whose parent has a class of its
 * own (nvme0n1 under nvme0) stands there directly (drivers/base/core.c, get_device_parent).
 */
static void class_of(const struct host *host, const char *dir, char *buf, size_t size)
{
	char path[HOST_PATH_MAX];

	snprintf(path, sizeof(path), "%s/subsystem", dir);
	host_link_name(host, path, buf, size);
}

static void look_at_block(const struct host *host, const char *dir, struct things *out)
{
	unsigned major, minor;
	char text[32];

	if (!numbers(host, dir, &major, &minor))
		add_multipath_head(host, dir, out);
	else if (read_file(host, dir, "partition", text, sizeof(text)))
		add_numbered(out, THING_PARTITION, last_part(dir), dir, major, minor);
	else
		add_numbered(out, THING_DISK, last_part(dir), dir, major, minor);
}

static void look_at(const struct host *host, const char *dir, struct things *out)
{
	unsigned major, minor;
	char text[64];

	class_of(host, dir, text, sizeof(text));
	if (str_eq(text, "block")) {
		look_at_block(host, dir, out);
		return;
	}
	if (str_eq(text, "net"))
		add(out, THING_NETDEV, last_part(dir), dir);
	else if (str_eq(text, "graphics"))
		add(out, THING_FRAMEBUFFER, last_part(dir), dir);
	else if (str_eq(text, "infiniband"))
		add(out, THING_RDMA, last_part(dir), dir);
	else if (is_plugged_usb(host, dir))
		add(out, THING_USB, last_part(dir), dir);
	else if (in_use(host, dir))
		add(out, THING_DMA, last_part(dir), dir);
	if (numbers(host, dir, &major, &minor)) {
		devname(host, dir, text, sizeof(text));
		add_numbered(out, THING_NODE, text, dir, major, minor);
	}
}

static int walk(
	const struct host *host, const char *dir, int depth, struct things *out, struct err *err)
{
	char path[HOST_PATH_MAX];
	DIR *d = opendir(host_path(host, path, "%s", dir));
	struct dirent *entry;
	struct bdf other;
	int rc = 0, dirs = 0;

	if (d == NULL)
		return errno == ENOENT ? 0 : err_set(err, ERR_REFUSED, errno, "open %s", dir);
	while (rc == 0 && (entry = readdir(d)) != NULL) {
		char below[sizeof(((struct thing *)0)->dir)];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
			bdf_parse(entry->d_name, &other))
			continue;
		dirs++;
		if (snprintf(below, sizeof(below), "%s/%s", dir, entry->d_name) >=
				(int)sizeof(below) ||
			depth == DEPTH_MAX || out->n >= THINGS_MAX) {
			rc = err_set(err, ERR_REFUSED, 0, "%s: more than can be looked at", dir);
			break;
		}
		look_at(host, below, out);
		rc = walk(host, below, depth + 1, out, err);
	}
	closedir(d);
	if (rc == 0 && dirs == 0 && str_eq(last_part(dir), "net"))
		add(out, THING_HIDDEN_NETDEV, "net", dir);
	return rc;
}

int things_of(const struct host *host, struct bdf bdf, struct things *out, struct err *err)
{
	char text[BDF_LEN], dir[64];
	struct things found = {0};

	snprintf(dir, sizeof(dir), "/sys/bus/pci/devices/%s", bdf_text(bdf, text));
	if (walk(host, dir, 0, &found, err) != 0) {
		vec_finish(&found);
		return -1;
	}
	*out = found;
	return 0;
}
