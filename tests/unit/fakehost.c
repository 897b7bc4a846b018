/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fakehost.h"

#include "base/bdf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG_SIZE 256
#define FILLER      4096 /* fills a pipe of one page, so that a write to it waits */

enum fifo_kind { FIFO_RESET, FIFO_REMOVE, FIFO_RESCAN, FIFO_BIND, FIFO_UNBIND, FIFO_PROBE };

/* An attribute that acts. */
struct fifo {
	enum fifo_kind kind;
	char path[HOST_PATH_MAX];
	size_t dev; /* RESET, REMOVE */
	uint8_t bus; /* RESCAN */
	bool everywhere; /* RESCAN: of all buses */
	char driver[32]; /* BIND */
	int fd, watch;
	int64_t due_ns; /* the write in flight ends then; 0 = none */
	bool opened; /* by a writer, who has not closed it */
};

struct fakehost {
	char dir[128];
	struct host host;
	struct fake_dev *devs;
	size_t n;
	VEC(struct fifo) fifos;
	int holders;
	pid_t kernel;
	struct arena arena;
};

static void __attribute__((noreturn)) die(const char *what, const char *path)
{
	fprintf(stderr, "fakehost: %s %s: %s\n", what, path, strerror(errno));
	abort();
}

static const char *full(const struct fakehost *fake, char *buf, const char *path)
{
	return host_path(&fake->host, buf, "%s", path);
}

static void make_parents(const char *path)
{
	char part[HOST_PATH_MAX], *slash = part;

	str_set(part, path);
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			die("mkdir", part);
		*slash = '/';
	}
}

static void write_bytes(
	const struct fakehost *fake, const char *path, const void *data, size_t n, off_t offset)
{
	char buf[HOST_PATH_MAX];
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (offset ? 0 : O_TRUNC), fd;

	make_parents(full(fake, buf, path));
	fd = open(buf, flags, 0644);
	if (fd < 0 || pwrite(fd, data, n, offset) != (ssize_t)n)
		die("write", buf);
	close(fd);
}

void fakehost_write(const struct fakehost *fake, const char *path, const char *text)
{
	write_bytes(fake, path, text, strlen(text), 0);
}

void fakehost_link(const struct fakehost *fake, const char *path, const char *target)
{
	char buf[HOST_PATH_MAX];

	make_parents(full(fake, buf, path));
	unlink(buf);
	if (symlink(target, buf) != 0)
		die("symlink", buf);
}

void fakehost_remove(const struct fakehost *fake, const char *path)
{
	char buf[HOST_PATH_MAX];

	remove(full(fake, buf, path));
}

const char *fakehost_text(const struct fakehost *fake, const char *path)
{
	static char text[1024];
	struct err err;

	if (host_read(&fake->host, path, text, sizeof(text), &err) != 0)
		text[0] = '\0';
	return text;
}

void fakehost_holder(const struct fakehost *fake, pid_t pid, const char *name, const char *path)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/comm", (int)pid);
	fakehost_write(fake, file, name);
	snprintf(file, sizeof(file), "/proc/%d/fd/%d", (int)pid,
		10 + ((struct fakehost *)fake)->holders++);
	fakehost_link(fake, file, path);
}

pid_t fakehost_while_reading(
	const struct fakehost *fake, const char *path, void (*happens)(const struct fakehost *fake))
{
	char buf[HOST_PATH_MAX], held[CONFIG_SIZE];
	int fd = open(full(fake, buf, path), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, held, sizeof(held));
	pid_t pid;

	if (n < 0 || close(fd) != 0 || unlink(buf) != 0 || mkfifo(buf, 0644) != 0)
		die("replace", buf);
	pid = fork();
	if (pid != 0)
		return pid;
	/* waits for the reader */
	fd = open(buf, O_WRONLY | O_CLOEXEC);
	happens(fake);
	unlink(buf);
	write_bytes(fake, path, held, (size_t)n, 0);
	if (write(fd, held, (size_t)n) != n)
		die("write", buf);
	_exit(0);
}

/* "/sys/bus/pci/devices/BDF/NAME" */
static const char *attr_path(char *buf, const char *bdf, const char *name)
{
	snprintf(buf, HOST_PATH_MAX, "/sys/bus/pci/devices/%s/%s", bdf, name);
	return buf;
}

static void attr(const struct fakehost *fake, const char *bdf, const char *name, const char *fmt,
	...) printf_like(4, 5);

static void attr(
	const struct fakehost *fake, const char *bdf, const char *name, const char *fmt, ...)
{
	char path[HOST_PATH_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fakehost_write(fake, attr_path(path, bdf, name), text);
}

void fakehost_config(const struct fakehost *fake, const char *bdf, size_t offset, uint8_t value)
{
	char path[HOST_PATH_MAX], buf[HOST_PATH_MAX];
	int fd = open(full(fake, buf, attr_path(path, bdf, "config")), O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, &value, 1, (off_t)offset) != 1)
		die("write", buf);
	close(fd);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)v);
	put16(p + 2, (uint16_t)(v >> 16));
}

#define BAR0_START 0xfe000000u

/* A type 0 (or 1) header with PM, MSI and PCIe capabilities. */
static void make_config(const struct fakehost *fake, const struct fake_dev *dev)
{
	uint8_t c[CONFIG_SIZE] = {0};
	char path[HOST_PATH_MAX];

	put16(c, dev->physfn ? 0xffff : dev->vendor);
	put16(c + 2, dev->physfn ? 0xffff : dev->device);
	put16(c + 4, dev->physfn ? 0 : 0x0002);
	put16(c + 6, 0x0010);
	put32(c + 8, dev->class_code << 8 | dev->revision);
	c[0x0e] = dev->secondary ? 1 : 0;
	if (!dev->physfn && !dev->secondary)
		put32(c + 0x10, BAR0_START);
	put16(c + 0x2c, 0x1af4);
	put16(c + 0x2e, 0x1100);
	c[0x34] = 0x40;
	put16(c + 0x40, 0x5001); /* PM, next 0x50 */
	put16(c + 0x50, 0x6005); /* MSI, next 0x60 */
	put16(c + 0x60, 0x0010); /* PCIe, last */
	write_bytes(fake, attr_path(path, dev->bdf, "config"), c, sizeof(c), 0);
}

static struct fifo *add_fifo(struct fakehost *fake, enum fifo_kind kind, const char *path)
{
	struct fifo *f = vec_push(&fake->fifos);

	f->kind = kind;
	full(fake, f->path, path);
	make_parents(f->path);
	if (mkfifo(f->path, 0644) != 0)
		die("mkfifo", f->path);
	return f;
}

static void add_driver(struct fakehost *fake, const char *driver)
{
	char path[HOST_PATH_MAX], buf[HOST_PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/bind", driver);
	if (access(full(fake, buf, path), F_OK) == 0)
		return;
	str_set(add_fifo(fake, FIFO_BIND, path)->driver, driver);
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/unbind", driver);
	add_fifo(fake, FIFO_UNBIND, path);
}

static void add_bus(struct fakehost *fake, uint32_t domain, uint8_t bus, const char *above)
{
	char path[HOST_PATH_MAX], buf[HOST_PATH_MAX], name[16];

	snprintf(name, sizeof(name), "%04x:%02x", domain, bus);
	snprintf(path, sizeof(path), "%s/pci_bus/%s/rescan", above, name);
	if (access(full(fake, buf, path), F_OK) == 0)
		return;
	add_fifo(fake, FIFO_RESCAN, path)->bus = bus;
	snprintf(path, sizeof(path), "%s/pci_bus/%s", above, name);
	full(fake, buf, path);
	snprintf(path, sizeof(path), "/sys/class/pci_bus/%s", name);
	fakehost_link(fake, path, buf);
}

static void set_driver(const struct fakehost *fake, const struct fake_dev *dev, const char *driver)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX], node[64];

	attr_path(path, dev->bdf, "driver");
	fakehost_remove(fake, path);
	snprintf(node, sizeof(node), "/dev/vfio/%d", dev->group);
	if (driver == NULL || !str_eq(driver, "vfio-pci"))
		fakehost_remove(fake, node);
	if (driver == NULL)
		return;
	host_path(&fake->host, target, "/sys/bus/pci/drivers/%s", driver);
	fakehost_link(fake, path, target);
	if (str_eq(driver, "vfio-pci") && dev->group > 0)
		fakehost_write(fake, node, "");
}

static const struct fake_dev *find(const struct fakehost *fake, const char *bdf)
{
	size_t i;

	for (i = 0; i < fake->n; i++)
		if (str_eq(fake->devs[i].bdf, bdf))
			return &fake->devs[i];
	return NULL;
}

/* "/sys/devices/pci0000:00/0000:00:01.0/BDF" */
static void real_path(const struct fakehost *fake, const struct fake_dev *dev, char *buf)
{
	const struct fake_dev *up = dev->parent ? find(fake, dev->parent) : NULL;
	char above[HOST_PATH_MAX];
	struct bdf b;

	if (!bdf_parse(dev->bdf, &b))
		die("not an address:", dev->bdf);
	if (up != NULL)
		real_path(fake, up, above);
	else
		snprintf(above, sizeof(above), "/sys/devices/pci%04x:%02x", b.domain, b.bus);
	snprintf(buf, HOST_PATH_MAX, "%s/%s", above, dev->bdf);
}

/* A class device: /sys/bus/pci/devices/BDF/DIR with its number, node and class. */
static void add_class(struct fakehost *fake, const char *bdf, const char *dir, const char *class,
	unsigned major, size_t minor, const char *node)
{
	char name[160], path[HOST_PATH_MAX];

	snprintf(name, sizeof(name), "%s/subsystem", dir);
	snprintf(path, sizeof(path), "/sys/class/%s", class);
	fakehost_link(fake, attr_path((char[HOST_PATH_MAX]){0}, bdf, name), path);
	if (node == NULL)
		return;
	snprintf(name, sizeof(name), "%s/dev", dir);
	attr(fake, bdf, name, "%u:%zu\n", major, minor);
	snprintf(name, sizeof(name), "%s/uevent", dir);
	attr(fake, bdf, name, "MAJOR=%u\nMINOR=%zu\nDEVNAME=%s\n", major, minor, node);
	snprintf(path, sizeof(path), "/dev/%s", node);
	fakehost_write(fake, path, "");
}

static void add_classes(struct fakehost *fake, const struct fake_dev *dev, size_t index)
{
	char name[128];

	if (dev->block != NULL) {
		snprintf(name, sizeof(name), "%s/%s",
			str_starts(dev->block, "nvme") ? "nvme/nvme0" : "block", dev->block);
		add_class(fake, dev->bdf, name, "block", 259, index, dev->block);
	}
	if (dev->netdev != NULL) {
		snprintf(name, sizeof(name), "net/%s", dev->netdev);
		add_class(fake, dev->bdf, name, "net", 0, 0, NULL);
		snprintf(name, sizeof(name), "net/%s/flags", dev->netdev);
		attr(fake, dev->bdf, name, "0x%x\n", dev->net_up ? 0x1003 : 0x1002);
	}
	if (dev->node != NULL)
		add_class(fake, dev->bdf, "misc/node0", "misc", 226, index, dev->node);
}

static void add_links(struct fakehost *fake, const struct fake_dev *dev)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX];
	int k;

	if (dev->group > 0) {
		host_path(&fake->host, target, "/sys/kernel/iommu_groups/%d", dev->group);
		fakehost_link(fake, attr_path(path, dev->bdf, "iommu_group"), target);
		snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/devices/%s", dev->group,
			dev->bdf);
		fakehost_link(fake, path, "../../../../bus/pci/devices");
	}
	if (dev->physfn != NULL) {
		snprintf(target, sizeof(target), "../%s", dev->physfn);
		fakehost_link(fake, attr_path(path, dev->bdf, "physfn"), target);
		snprintf(target, sizeof(target), "../%s", dev->bdf);
		for (k = 0; k < 256; k++) {
			char name[32], buf[HOST_PATH_MAX];
			struct stat st;

			snprintf(name, sizeof(name), "virtfn%d", k);
			attr_path(path, dev->physfn, name);
			if (lstat(full(fake, buf, path), &st) != 0)
				break;
		}
		fakehost_link(fake, path, target);
	}
}

static void add_device(struct fakehost *fake, size_t index)
{
	struct fake_dev *dev = &fake->devs[index];
	char path[HOST_PATH_MAX], real[HOST_PATH_MAX], target[HOST_PATH_MAX], *slash;
	struct bdf b;

	real_path(fake, dev, real);
	bdf_parse(dev->bdf, &b);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", dev->bdf);
	snprintf(target, sizeof(target), "../../..%s", real + strlen("/sys"));
	fakehost_link(fake, path, target);
	snprintf(path, sizeof(path), "%s/vendor", real);
	fakehost_write(fake, path, "");
	slash = strrchr(real, '/');
	if (dev->parent == NULL) {
		*slash = '\0';
		add_bus(fake, b.domain, b.bus, real);
		*slash = '/';
	}
	if (dev->secondary)
		add_bus(fake, b.domain, dev->secondary, real);
	attr(fake, dev->bdf, "vendor", "0x%04x\n", dev->vendor);
	attr(fake, dev->bdf, "device", "0x%04x\n", dev->device);
	attr(fake, dev->bdf, "subsystem_vendor", "0x1af4\n");
	attr(fake, dev->bdf, "subsystem_device", "0x1100\n");
	attr(fake, dev->bdf, "class", "0x%06x\n", dev->class_code);
	attr(fake, dev->bdf, "revision", "0x%02x\n", dev->revision);
	attr(fake, dev->bdf, "numa_node", "-1\n");
	attr(fake, dev->bdf, "enable", "0\n");
	attr(fake, dev->bdf, "driver_override", "(null)\n");
	attr(fake, dev->bdf, "power_state", "%s\n", dev->power);
	attr(fake, dev->bdf, "power/runtime_status", "active\n");
	attr(fake, dev->bdf, "current_link_width", "%d\n", dev->link_width);
	attr(fake, dev->bdf, "current_link_speed", "16.0 GT/s PCIe\n");
	attr(fake, dev->bdf, "resource", "0x%016x 0x%016x 0x%016x\n",
		dev->secondary ? 0 : BAR0_START, dev->secondary ? 0 : BAR0_START + 0xffff,
		dev->secondary ? 0 : 0x40200);
	if (dev->class_code >> 16 == 3)
		attr(fake, dev->bdf, "boot_vga", "%d\n", dev->boot_vga);
	make_config(fake, dev);
	add_links(fake, dev);
	add_classes(fake, dev, index);
	add_fifo(fake, FIFO_REMOVE, attr_path(path, dev->bdf, "remove"))->dev = index;
	if (dev->methods != NULL && !dev->old_kernel)
		attr(fake, dev->bdf, "reset_method", "%s\n", dev->methods);
	if (dev->methods != NULL || dev->old_kernel)
		add_fifo(fake, FIFO_RESET, attr_path(path, dev->bdf, "reset"))->dev = index;
	if (dev->driver != NULL)
		add_driver(fake, dev->driver);
	set_driver(fake, dev, dev->driver);
}

static void add_machine(struct fakehost *fake)
{
	add_fifo(fake, FIFO_PROBE, "/sys/bus/pci/drivers_probe");
	add_fifo(fake, FIFO_RESCAN, "/sys/bus/pci/rescan")->everywhere = true;
	fakehost_write(fake, "/sys/bus/pci/drivers_autoprobe", "1\n");
	fakehost_write(fake, "/sys/bus/pci/devices/.keep", "");
	fakehost_write(fake, "/proc/self/mountinfo", "");
	fakehost_write(fake, "/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
	fakehost_write(fake, "/proc/consoles", "tty0                 -WU (EC p  )    4:1\n");
	fakehost_write(fake, "/proc/fb", "");
	fakehost_write(fake, "/proc/interrupts", " 24:  0  IR-PCI-MSI 0-edge  PCIe PME\n");
	fakehost_write(
		fake, "/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
	fakehost_write(fake, "/dev/vfio/vfio", "");
	fakehost_write(fake, "/run/.keep", "");
	fakehost_write(fake, "/.gone/.keep", "");
	fakehost_write(fake, "/.resets/.keep", "");
	add_driver(fake, "vfio-pci");
}

/* ---- the kernel ---- */

static void all_ones(const struct fakehost *fake, const char *bdf)
{
	uint8_t ones[CONFIG_SIZE];
	char path[HOST_PATH_MAX];

	memset(ones, 0xff, sizeof(ones));
	write_bytes(fake, attr_path(path, bdf, "config"), ones, sizeof(ones), 0);
}

static void take_away(const struct fakehost *fake, const struct fake_dev *dev)
{
	char real[HOST_PATH_MAX], path[HOST_PATH_MAX], from[HOST_PATH_MAX], to[HOST_PATH_MAX];

	set_driver(fake, dev, NULL);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", dev->bdf);
	fakehost_remove(fake, path);
	real_path(fake, dev, real);
	snprintf(path, sizeof(path), "/.gone/%s", dev->bdf);
	if (rename(full(fake, from, real), full(fake, to, path)) != 0)
		die("rename", from);
}

static const char *natural_driver(const struct fake_dev *dev)
{
	return str_eq(dev->driver, "vfio-pci") ? NULL : dev->driver;
}

static void probe(const struct fakehost *fake, const struct fake_dev *dev)
{
	char path[HOST_PATH_MAX], override[64], buf[HOST_PATH_MAX];

	str_set(override, fakehost_text(fake, attr_path(path, dev->bdf, "driver_override")));
	if (override[0] == '\0' || str_eq(override, "(null)")) {
		set_driver(fake, dev, natural_driver(dev));
		return;
	}
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", override);
	if (access(full(fake, buf, path), F_OK) == 0)
		set_driver(fake, dev, override);
}

static void appear(const struct fakehost *fake, const struct fake_dev *dev)
{
	char real[HOST_PATH_MAX], path[HOST_PATH_MAX], from[HOST_PATH_MAX], to[HOST_PATH_MAX];

	snprintf(path, sizeof(path), "/.gone/%s", dev->bdf);
	if (access(full(fake, from, path), F_OK) != 0)
		return;
	real_path(fake, dev, real);
	if (rename(from, full(fake, to, real)) != 0)
		die("rename", from);
	snprintf(to, sizeof(to), "../../..%s", real + strlen("/sys"));
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", dev->bdf);
	fakehost_link(fake, path, to);
	attr(fake, dev->bdf, "driver_override", "(null)\n");
	if (str_eq(fakehost_text(fake, "/sys/bus/pci/drivers_autoprobe"), "1"))
		probe(fake, dev);
}

void fakehost_return(const struct fakehost *fake, const char *bdf)
{
	appear(fake, find(fake, bdf));
}

static void bring_back(const struct fakehost *fake, const struct fifo *f)
{
	size_t i;

	for (i = 0; i < fake->n; i++) {
		struct bdf b;

		bdf_parse(fake->devs[i].bdf, &b);
		if ((b.bus == f->bus || f->everywhere) && !fake->devs[i].lost)
			appear(fake, &fake->devs[i]);
	}
}

/* A byte for each reset that was asked for, in a file that is no part of the machine. */
static void count_reset(const struct fakehost *fake, const struct fake_dev *dev)
{
	char path[HOST_PATH_MAX];
	int fd;

	host_path(&fake->host, path, "/.resets/%s", dev->bdf);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "R", 1) != 1)
		die("write", path);
	close(fd);
}

static void do_reset(const struct fakehost *fake, const struct fake_dev *dev)
{
	size_t i;

	count_reset(fake, dev);
	switch (dev->on_reset) {
	case FAKE_OK:
	case FAKE_NEVER:
		break;
	case FAKE_ALARM:
		kill(getppid(), SIGALRM);
		break;
	case FAKE_DARK:
		all_ones(fake, dev->bdf);
		break;
	case FAKE_NARROW:
		attr(fake, dev->bdf, "current_link_width", "1\n");
		break;
	case FAKE_OTHER_ID:
		fakehost_config(fake, dev->bdf, 2, (uint8_t)(dev->device + 1));
		break;
	case FAKE_BARS_LOST:
		fakehost_config(fake, dev->bdf, 4, 0);
		for (i = 0x10; i < 0x28; i++)
			fakehost_config(fake, dev->bdf, i, 0);
		break;
	case FAKE_D3COLD:
		attr(fake, dev->bdf, "power_state", "D3cold\n");
		break;
	case FAKE_GONE:
		take_away(fake, dev);
		break;
	}
}

/* Reset, remove and rescan act before the write returns: until then the pipe is full. */
static bool waits(const struct fifo *f)
{
	return f->kind == FIFO_RESET || f->kind == FIFO_REMOVE || f->kind == FIFO_RESCAN;
}

static void fill(struct fifo *f)
{
	static const char filler[FILLER];
	char sink[FILLER];

	while (read(f->fd, sink, sizeof(sink)) > 0)
		continue;
	if (write(f->fd, filler, sizeof(filler)) != FILLER)
		die("fill", f->path);
}

static void open_fifo(struct fifo *f, int notify)
{
	f->fd = open(f->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0)
		die("open", f->path);
	f->watch = -1;
	if (!waits(f))
		return;
	if (fcntl(f->fd, F_SETPIPE_SZ, FILLER) != FILLER)
		die("shrink", f->path);
	fill(f);
	f->watch = inotify_add_watch(notify, f->path, IN_OPEN | IN_CLOSE_WRITE);
}

static void act_on_address(const struct fakehost *fake, const struct fifo *f, const char *bdf)
{
	const struct fake_dev *dev = find(fake, bdf);

	if (dev == NULL)
		return;
	if (f->kind == FIFO_PROBE)
		probe(fake, dev);
	else
		set_driver(fake, dev, f->kind == FIFO_BIND ? f->driver : NULL);
}

/*
 * What was written to bind, unbind or drivers_probe: an address, or several one after the other when
 * several lanes wrote before we came to read.
 */
static void act_on_value(const struct fakehost *fake, struct fifo *f)
{
	char text[1024], bdf[sizeof("0000:01:00.0")];
	ssize_t n = read(f->fd, text, sizeof(text) - 1);
	const char *s = text;

	if (n <= 0)
		return;
	text[n] = '\0';
	for (s += strspn(s, "\n"); *s != '\0'; s += strspn(s, "\n")) {
		snprintf(bdf, sizeof(bdf), "%s", s);
		s += strlen(bdf);
		act_on_address(fake, f, bdf);
	}
}

static int64_t write_takes_ns(const struct fakehost *fake, const struct fifo *f)
{
	const struct fake_dev *dev = &fake->devs[f->dev];

	if (f->kind != FIFO_RESET)
		return 0;
	return dev->on_reset == FAKE_NEVER ? 3600 * NS_PER_S : dev->reset_ms * NS_PER_MS;
}

static void see_writers(struct fakehost *fake, int notify)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(notify, buf, sizeof(buf)), at;

	for (at = 0; at < n;) {
		const struct inotify_event *ev = (const struct inotify_event *)(buf + at);

		at += (ssize_t)(sizeof(*ev) + ev->len);
		vec_foreach (f, &fake->fifos) {
			if (f->watch != ev->wd)
				continue;
			f->opened = (ev->mask & IN_OPEN) != 0;
			if (f->opened && f->due_ns == 0)
				f->due_ns = clock_mono_ns() + write_takes_ns(fake, f) + 1;
		}
	}
}

static void finish_write(struct fakehost *fake, struct fifo *f, int notify)
{
	struct pollfd p[] = {{.fd = f->fd, .events = POLLIN}, {.fd = notify, .events = POLLIN}};
	const struct fake_dev *dev = &fake->devs[f->dev];
	char sink[FILLER];

	f->due_ns = 0;
	if (f->kind == FIFO_RESET)
		do_reset(fake, dev);
	else if (f->kind == FIFO_REMOVE)
		take_away(fake, dev);
	else
		bring_back(fake, f);
	/* now that there is room the writer writes, unless it was killed meanwhile: then it closes only */
	if (read(f->fd, sink, sizeof(sink)) < 0)
		die("drain", f->path);
	while (f->opened && poll(p, 2, -1) > 0 && !(p[0].revents & POLLIN))
		see_writers(fake, notify);
	fill(f);
}

static void __attribute__((noreturn)) be_the_kernel(struct fakehost *fake, int ready_fd)
{
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd *polls = xcalloc(fake->fifos.n + 1, sizeof(*polls));
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < fake->fifos.n; i++) {
		struct fifo *f = &fake->fifos.v[i];

		open_fifo(f, notify);
		polls[i] = (struct pollfd){.fd = waits(f) ? -1 : f->fd, .events = POLLIN};
	}
	polls[i] = (struct pollfd){.fd = notify, .events = POLLIN};
	close(ready_fd);
	for (;;) {
		int64_t next = NEVER;

		vec_foreach (f, &fake->fifos)
			if (f->due_ns != 0 && f->due_ns < next)
				next = f->due_ns;
		poll(polls, fake->fifos.n + 1, clock_poll_ms(next));
		see_writers(fake, notify);
		for (i = 0; i < fake->fifos.n; i++) {
			struct fifo *f = &fake->fifos.v[i];

			if (polls[i].revents & POLLIN)
				act_on_value(fake, f);
			if (f->due_ns != 0 && f->due_ns <= clock_mono_ns())
				finish_write(fake, f, notify);
		}
	}
}

static void start_kernel(struct fakehost *fake)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) != 0)
		die("pipe", fake->dir);
	fake->kernel = fork();
	if (fake->kernel < 0)
		die("fork", fake->dir);
	if (fake->kernel == 0) {
		close(ready[0]);
		be_the_kernel(fake, ready[1]);
	}
	close(ready[1]);
	while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
		continue;
	close(ready[0]);
}

static const char *or_else(const char *given, const char *otherwise)
{
	return given ? given : otherwise;
}

static struct fakehost *build(struct fakehost *fake, const struct fake_dev *devs, size_t n)
{
	size_t i;

	fake->host = (struct host){.root = fake->dir, .kmsg = "/dev/null", .simulated = true};
	fake->devs = xcalloc(n + 1, sizeof(*devs));
	fake->n = n;
	add_machine(fake);
	for (i = 0; i < n; i++) {
		struct fake_dev *dev = &fake->devs[i];

		*dev = devs[i];
		dev->vendor = dev->vendor ? dev->vendor : 0x1234;
		dev->device = dev->device ? dev->device : 0x11e8;
		if (dev->class_code == 0)
			dev->class_code = dev->secondary ? 0x060400 : 0x030000;
		dev->link_width = dev->link_width ? dev->link_width : 16;
		dev->power = or_else(dev->power, "D0");
	}
	for (i = 0; i < n; i++)
		add_device(fake, i);
	start_kernel(fake);
	return fake;
}

struct fakehost *fakehost_new(const struct fake_dev *devs, size_t n)
{
	struct fakehost *fake = xcalloc(1, sizeof(*fake));

	snprintf(fake->dir, sizeof(fake->dir), "%s/fakehost.XXXXXX",
		or_else(getenv("TMPDIR"), "/tmp"));
	if (mkdtemp(fake->dir) == NULL)
		die("mkdtemp", fake->dir);
	return build(fake, devs, n);
}

static const struct {
	const char *name;
	enum fake_effect effect;
} effects[] = {
	{"ok", FAKE_OK},
	{"dark", FAKE_DARK},
	{"narrow", FAKE_NARROW},
	{"other-id", FAKE_OTHER_ID},
	{"bars-lost", FAKE_BARS_LOST},
	{"d3cold", FAKE_D3COLD},
	{"gone", FAKE_GONE},
	{"never", FAKE_NEVER},
};

/* One "key=value" of a line. False when it is not known. */
static bool set_key(struct fake_dev *dev, const char *key, char *value)
{
	unsigned long number = strtoul(value, NULL, 16);
	size_t i;

	if (str_eq(key, "parent"))
		dev->parent = value;
	else if (str_eq(key, "vendor"))
		dev->vendor = (uint16_t)number;
	else if (str_eq(key, "device"))
		dev->device = (uint16_t)number;
	else if (str_eq(key, "class"))
		dev->class_code = (uint32_t)number;
	else if (str_eq(key, "secondary"))
		dev->secondary = (uint8_t)number;
	else if (str_eq(key, "driver"))
		dev->driver = value;
	else if (str_eq(key, "group"))
		dev->group = (int)strtol(value, NULL, 10);
	else if (str_eq(key, "physfn"))
		dev->physfn = value;
	else if (str_eq(key, "methods"))
		dev->methods = value;
	else if (str_eq(key, "old-kernel"))
		dev->old_kernel = true;
	else if (str_eq(key, "boot-vga"))
		dev->boot_vga = true;
	else if (str_eq(key, "link-width"))
		dev->link_width = (int)strtol(value, NULL, 10);
	else if (str_eq(key, "power"))
		dev->power = value;
	else if (str_eq(key, "reset-ms"))
		dev->reset_ms = (int)strtol(value, NULL, 10);
	else if (str_eq(key, "lost"))
		dev->lost = true;
	else if (str_eq(key, "block"))
		dev->block = value;
	else if (str_eq(key, "net"))
		dev->netdev = value;
	else if (str_eq(key, "net-up"))
		dev->net_up = true;
	else if (str_eq(key, "node"))
		dev->node = value;
	else if (str_eq(key, "on-reset")) {
		for (i = 0; i < ARRAY_SIZE(effects); i++)
			if (str_eq(effects[i].name, value))
				dev->on_reset = effects[i].effect;
	} else
		return false;
	return true;
}

static void read_line(struct fakehost *fake, char *line, struct fake_dev *dev)
{
	char *word, *rest = line, *value;

	dev->bdf = strsep(&rest, " ");
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		value = strchr(word, '=');
		if (value != NULL)
			*value++ = '\0';
		for (char *comma = value; comma != NULL && (comma = strchr(comma, ',')) != NULL;)
			*comma = ' ';
		if (!set_key(dev, word, value ? value : arena_strdup(&fake->arena, "")))
			die("unknown key", word);
	}
}

struct fakehost *fakehost_read(const char *dir, FILE *in)
{
	struct fakehost *fake = xcalloc(1, sizeof(*fake));
	VEC(struct fake_dev) devs = {0};
	char line[1024], whole[PATH_MAX];

	/* links in the tree are absolute */
	if ((mkdir(dir, 0755) != 0 && errno != EEXIST) || realpath(dir, whole) == NULL)
		die("mkdir", dir);
	str_set(fake->dir, whole);
	while (fgets(line, sizeof(line), in) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0' && line[0] != '#')
			read_line(fake, arena_strdup(&fake->arena, line), vec_push(&devs));
	}
	build(fake, devs.v, devs.n);
	vec_finish(&devs);
	return fake;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void fakehost_free(struct fakehost *fake)
{
	if (fake == NULL)
		return;
	kill(fake->kernel, SIGKILL);
	waitpid(fake->kernel, NULL, 0);
	nftw(fake->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	vec_finish(&fake->fifos);
	arena_finish(&fake->arena);
	free(fake->devs);
	free(fake);
}

const struct host *fakehost_host(const struct fakehost *fake)
{
	return &fake->host;
}
