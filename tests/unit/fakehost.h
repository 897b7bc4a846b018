/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_FAKEHOST_H
#define VFIO_STRESS_TESTS_FAKEHOST_H

#include "world/host.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * A machine made of files: /sys, /proc, /dev and /run in a directory, from a table of devices. A
 * process of its own plays the kernel: it serves the attributes that act (reset, remove, rescan,
 * bind, unbind, drivers_probe), which are FIFOs. What a FIFO cannot do, an errno of write(2), is
 * done by fake_write_fails in tests that are linked with it.
 */
enum fake_effect {
	FAKE_OK, /* nothing changes */
	FAKE_DARK, /* config space reads all ones */
	FAKE_NARROW, /* the link comes back with width x1 */
	FAKE_OTHER_ID, /* another device id */
	FAKE_BARS_LOST, /* BARs and the command register read 0 */
	FAKE_D3COLD, /* stays in D3cold */
	FAKE_GONE, /* its directory disappears */
	FAKE_NEVER, /* the write never returns */
	FAKE_ALARM, /* nothing, but who made the machine gets SIGALRM while the write waits */
};

struct fake_dev {
	const char *bdf;
	const char *parent; /* bridge above, NULL = root bus */
	uint16_t vendor, device; /* 0 = 0x1234:0x11e8 */
	uint32_t class_code; /* 0 = 0x030000, or 0x060400 with `secondary` */
	uint8_t revision;
	uint8_t secondary; /* != 0: a bridge to that bus */
	const char *driver; /* NULL = unbound */
	int group; /* 0 = none, G = iommu group G */
	const char *physfn; /* a VF of that function */
	const char *methods; /* reset_method, NULL = no reset files at all */
	bool old_kernel; /* reset without reset_method */
	bool boot_vga;
	int link_width; /* 0 = 16 */
	const char *power; /* NULL = "D0" */
	enum fake_effect on_reset;
	int reset_ms; /* how long the write to reset takes */
	bool lost; /* does not come back from remove and rescan */
	const char *block; /* a disk on it: "nvme0n1" */
	const char *netdev; /* a network interface on it, down */
	bool net_up;
	const char *node; /* a character device of its own: "dri/card1" */
};

#define FAKE_DEV(address, ...)                                                                     \
	{                                                                                          \
		.bdf = (address), __VA_ARGS__                                                      \
	}

struct fakehost;

/* Builds the tree in a new directory below $TMPDIR and starts its kernel. Exits on failure. */
struct fakehost *fakehost_new(const struct fake_dev *devs, size_t n);
#define FAKEHOST(...)                                                                              \
	fakehost_new((const struct fake_dev[]){__VA_ARGS__},                                       \
		sizeof((const struct fake_dev[]){__VA_ARGS__}) / sizeof(struct fake_dev))
/* The same from a text, one device a line: "0000:41:00.0 driver=nvme group=12 methods=flr,bus". */
struct fakehost *fakehost_read(const char *dir, FILE *in);
void fakehost_free(struct fakehost *fake); /* stops the kernel, removes the tree */
const struct host *fakehost_host(const struct fakehost *fake);

/* Files by path below the root; parents are made. */
void fakehost_write(const struct fakehost *fake, const char *path, const char *text);
void fakehost_link(const struct fakehost *fake, const char *path, const char *target);
void fakehost_remove(const struct fakehost *fake, const char *path);
/* What a file holds, newline cut; "" when absent. Static buffer. */
const char *fakehost_text(const struct fakehost *fake, const char *path);
/* A process `pid` named `name` that has `path` open: /proc/PID/{comm,fd/N}. */
void fakehost_holder(const struct fakehost *fake, pid_t pid, const char *name, const char *path);
/*
 * `happens` in another process when somebody begins to read the file for the next time, and before
 * he gets what it holds. Returns that process, to be waited for.
 */
pid_t fakehost_while_reading(const struct fakehost *fake, const char *path,
	void (*happens)(const struct fakehost *fake));
/* One that a rescan did not find (`lost`), or that nobody scanned for, appears by itself. */
void fakehost_return(const struct fakehost *fake, const char *bdf);
/* A byte of a device's config space. */
void fakehost_config(const struct fakehost *fake, const char *bdf, size_t offset, uint8_t value);

#endif
