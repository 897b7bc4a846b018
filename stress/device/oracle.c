/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/oracle.h"

#include "base/mem.h"
#include "model/lane_device.h"
#include "world/child.h"
#include "world/pciconf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Registers of the header and of capabilities: linux/pci_regs.h. */
#define REG_COMMAND    0x04
#define REG_REVISION   0x08
#define REG_HEADER     0x0e
#define REG_BAR0       0x10
#define REG_SUBSYSTEM  0x2c
#define COMMAND_IO     0x1
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define CAP_PM         0x01
#define CAP_EXP        0x10
#define PM_CTRL        4 /* from the capability on */
#define EXP_DEVCTL     8
#define CAP_LAST       0x15 /* flattening portal bridge */
#define EXT_CAP_LAST   0x3f

#define ATTR_LEN 64

/* What the child reads, in this order: power first, because the rest may wake the device. */
static const char *const attr_names[] = {
	"power_state",
	"power/runtime_status",
	"enable",
	"current_link_width",
	"current_link_speed",
	"vendor",
	"device",
};
enum { POWER_STATE, RUNTIME_STATUS, ENABLE, LINK_WIDTH, LINK_SPEED, VENDOR, DEVICE, NATTRS };

/* Raw text, interpreted by the parent: the child may only use plain system calls. */
struct look {
	bool is_vf;
	int dir_sys, config_sys; /* errno of opening the directory, of reading config */
	size_t config_len;
	uint8_t config[PCICONF_SIZE];
	char attr[NATTRS][ATTR_LEN];
	char runtime_after[ATTR_LEN]; /* RUNTIME_STATUS once more */
	char reset_methods[96];
	char driver[HOST_PATH_MAX];
	char resource[1024];
};

struct look_at {
	size_t n;
	char (*dirs)[HOST_PATH_MAX];
};

static ssize_t read_at(int dirfd, const char *name, void *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size);
	close(fd);
	return n;
}

static void read_text(int dirfd, const char *name, char *buf, size_t size)
{
	ssize_t n = read_at(dirfd, name, buf, size - 1);

	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n > 0 ? n : 0] = '\0';
}

static long fetch(void *arg, void *buf, size_t n, size_t at)
{
	ssize_t got = pread(*(int *)arg, buf, n, (off_t)at);

	return got < 0 ? -errno : (long)got;
}

static void read_config_space(int dirfd, struct look *look)
{
	int fd = openat(dirfd, "config", O_RDONLY | O_CLOEXEC);
	long n = fd < 0 ? -errno : pciconf_read(fetch, &fd, look->config);

	look->config_sys = n < 0 ? (int)-n : 0;
	look->config_len = n > 0 ? (size_t)n : 0;
	if (fd >= 0)
		close(fd);
}

static void look_into(int dirfd, struct look *look)
{
	ssize_t n;
	size_t i;

	for (i = 0; i < NATTRS; i++)
		read_text(dirfd, attr_names[i], look->attr[i], ATTR_LEN);
	read_text(dirfd, "reset_method", look->reset_methods, sizeof(look->reset_methods));
	if (look->reset_methods[0] == '\0' && faccessat(dirfd, "reset_method", F_OK, 0) != 0 &&
		faccessat(dirfd, "reset", F_OK, 0) == 0)
		memcpy(look->reset_methods, "default", sizeof("default"));
	n = readlinkat(dirfd, "driver", look->driver, sizeof(look->driver) - 1);
	look->driver[n > 0 ? n : 0] = '\0';
	look->is_vf = faccessat(dirfd, "physfn", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	read_text(dirfd, "resource", look->resource, sizeof(look->resource));
	read_config_space(dirfd, look);
	read_text(dirfd, attr_names[RUNTIME_STATUS], look->runtime_after, ATTR_LEN);
}

static int send_all(int fd, const void *data, size_t left)
{
	const char *p = data;
	ssize_t n;

	while (left > 0 && (n = write(fd, p, left)) > 0) {
		p += n;
		left -= (size_t)n;
	}
	return left == 0 ? 0 : 1;
}

static int in_child(void *arg, int reply_fd)
{
	static struct look look; /* in a child of its own: too big for a stack of unknown size */
	const struct look_at *at = arg;
	size_t i;

	for (i = 0; i < at->n; i++) {
		int dirfd = open(at->dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		look = (struct look){.dir_sys = dirfd < 0 ? errno : 0};
		if (dirfd >= 0)
			look_into(dirfd, &look);
		if (dirfd >= 0)
			close(dirfd);
		if (send_all(reply_fd, &look, sizeof(look)) != 0)
			return 1;
	}
	return 0;
}

static uint64_t present(const struct pciconf *c, unsigned last,
	size_t (*find)(const struct pciconf *c, unsigned id))
{
	uint64_t set = 0;
	unsigned id;

	for (id = 1; id <= last; id++)
		if (find(c, id) != 0)
			set |= UINT64_C(1) << id;
	return set;
}

static size_t find_cap(const struct pciconf *c, unsigned id)
{
	return pciconf_cap(c, (uint8_t)id);
}

static size_t find_ext_cap(const struct pciconf *c, unsigned id)
{
	return pciconf_ext_cap(c, (uint16_t)id);
}

static void read_capabilities(const struct pciconf *c, struct dev_state *st)
{
	size_t pm = pciconf_cap(c, CAP_PM), exp = pciconf_cap(c, CAP_EXP);
	struct pci_interrupts irq;

	st->caps = present(c, CAP_LAST, find_cap);
	st->ext_caps = present(c, EXT_CAP_LAST, find_ext_cap);
	pciconf_interrupts(c, &irq);
	st->msi_enabled = irq.msi_used;
	st->msix_enabled = irq.msix_used;
	st->has_pm = pm != 0;
	st->pm_state = pm ? pciconf_16(c, pm + PM_CTRL) & 3 : 0;
	st->is_pcie = exp != 0;
	st->max_payload = exp ? pciconf_16(c, exp + EXP_DEVCTL) >> 5 & 7 : 0;
	st->max_read = exp ? pciconf_16(c, exp + EXP_DEVCTL) >> 12 & 7 : 0;
}

static void read_config(const struct pciconf *c, struct dev_state *st)
{
	size_t i, nbars;

	st->vendor = pciconf_16(c, 0);
	st->device = pciconf_16(c, 2);
	st->command = pciconf_16(c, REG_COMMAND);
	st->revision = pciconf_8(c, REG_REVISION);
	st->class_code = pciconf_32(c, REG_REVISION) >> 8;
	st->header_type = pciconf_8(c, REG_HEADER);
	/* a bridge has two, then its bus numbers and windows; its subsystem is in a capability */
	nbars = (st->header_type & 0x7f) == 0 ? 6 : 2;
	for (i = 0; i < nbars; i++)
		st->bars[i] = pciconf_32(c, REG_BAR0 + 4 * i);
	if (nbars == 6) {
		st->subvendor = pciconf_16(c, REG_SUBSYSTEM);
		st->subdevice = pciconf_16(c, REG_SUBSYSTEM + 2);
	}
	read_capabilities(c, st);
}

/* "0x00000000fe000000 0x00000000fe00ffff 0x0000000000040200", one BAR a line. */
static void read_resources(char *text, struct dev_state *st)
{
	char *line, *word, *rest = text;
	uint64_t end;
	size_t i;

	for (i = 0; i < 6 && (line = strsep(&rest, "\n")) != NULL; i++) {
		word = strsep(&line, " ");
		if (!str_to_u64(word, 0, UINT64_MAX, &st->resources[i]))
			st->resources[i] = 0;
		word = strsep(&line, " ");
		if (word != NULL && str_to_u64(word, 0, UINT64_MAX, &end) && end > st->resources[i])
			st->sizes[i] = end - st->resources[i] + 1;
	}
}

/*
 * On its way to sleep is asleep: reading config space waits until a suspend that is under way has ended
 * (pci_config_pm_runtime_get), and finds what it left.
 */
static bool sleeps(const char *runtime_status)
{
	return str_eq(runtime_status, "suspended") || str_eq(runtime_status, "suspending") ||
		str_eq(runtime_status, "resuming");
}

static void interpret(struct look *look, struct dev_state *st)
{
	struct pciconf config = {look->config, look->config_len};
	uint64_t width = 0, id = 0;
	char *slash;

	st->present = true;
	st->is_vf = look->is_vf;
	st->enabled = look->attr[ENABLE][0] != '\0' && !str_eq(look->attr[ENABLE], "0");
	st->suspended = sleeps(look->attr[RUNTIME_STATUS]) || sleeps(look->runtime_after);
	str_printable(st->power_state, sizeof(st->power_state), look->attr[POWER_STATE],
		strlen(look->attr[POWER_STATE]));
	str_printable(st->link_speed, sizeof(st->link_speed), look->attr[LINK_SPEED],
		strlen(look->attr[LINK_SPEED]));
	/* an unreadable link status says 63 (0x3f) or, from a wider field, 255 */
	if (str_to_u64(look->attr[LINK_WIDTH], 10, 32, &width))
		st->link_width = (uint8_t)width;
	str_printable(st->reset_methods, sizeof(st->reset_methods), look->reset_methods,
		strlen(look->reset_methods));
	slash = strrchr(look->driver, '/');
	slash = slash ? slash + 1 : look->driver;
	str_printable(st->driver, sizeof(st->driver), slash, strlen(slash));
	read_resources(look->resource, st);
	if (look->config_len < PCICONF_HEADER)
		return;
	st->readable = !pciconf_all_ones(&config, st->is_vf);
	read_config(&config, st);
	if (!st->is_vf)
		return;
	/* the PF's SR-IOV capability says what a VF is; the kernel has read it there */
	if (str_to_u64(look->attr[VENDOR], 0, 0xffff, &id))
		st->vendor = (uint16_t)id;
	if (str_to_u64(look->attr[DEVICE], 0, 0xffff, &id))
		st->device = (uint16_t)id;
}

/* Pulled out before this or in the middle of it: its files go, or refuse to be read. */
static bool is_gone(int sys)
{
	return sys == ENOENT || sys == ENODEV;
}

/* What the child saw of one; gone is a state as well. */
static int understand(struct look *look, struct dev_state *out, struct err *err)
{
	int sys = look->dir_sys ? look->dir_sys : look->config_sys;
	struct dev_state st = {0};

	if (sys != 0 && !is_gone(sys))
		return err_set(
			err, ERR_IO, sys, "read %s", look->dir_sys ? "its folder" : "config space");
	if (sys == 0)
		interpret(look, &st);
	*out = st;
	return 0;
}

int oracle_take_several(const struct host *host, const struct bdf *bdfs, size_t n,
	int64_t deadline_ns, struct dev_state *out, size_t *done_out, struct err *err)
{
	auto_free struct look *looks = xcalloc(n + 1, sizeof(*looks));
	auto_free void *dirs = xcalloc(n + 1, HOST_PATH_MAX);
	struct look_at at = {n, dirs};
	struct child_result res = {0};
	char text[BDF_LEN];
	size_t i;
	int rc;

	for (i = 0; i < n; i++)
		host_dev_path(host, at.dirs[i], bdfs[i], "");
	rc = child_call(in_child, &at, looks, n * sizeof(*looks), deadline_ns, &res, err);
	for (i = 0; i < res.len / sizeof(*looks); i++) {
		if (understand(&looks[i], &out[i], err) != 0)
			break;
		out[i].took_ns = res.took_ns;
	}
	*done_out = i;
	if (i == n)
		return 0;
	if (rc == 0 && i == res.len / sizeof(*looks))
		err_set(err, ERR_LOST, 0, "the child ended early");
	return err_wrap(err, "reading the state of %s", bdf_text(bdfs[i], text));
}

int oracle_take(const struct host *host, struct bdf bdf, int64_t deadline_ns, struct dev_state *out,
	struct err *err)
{
	struct dev_state st = {0};
	size_t done;

	if (oracle_take_several(host, &bdf, 1, deadline_ns, &st, &done, err) != 0)
		return -1;
	*out = st;
	return 0;
}

/* One that is dead is in "D3cold" as well, but nobody has suspended it. */
bool oracle_would_wake(const struct host *host, struct bdf bdf)
{
	char power[16], status[16], path[64], text[BDF_LEN];
	struct err ignored;

	bdf_text(bdf, text);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power_state", text);
	if (host_read(host, path, power, sizeof(power), &ignored) != 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/power/runtime_status", text);
	return str_eq(power, "D3cold") &&
		host_read(host, path, status, sizeof(status), &ignored) == 0 &&
		str_eq(status, "suspended");
}

/* A reset clears the BARs, and the kernel or VFIO writes them back after it. */
bool oracle_amid_reset(const struct dev_state *st)
{
	size_t i;

	for (i = 0; i < 6 && !st->is_vf; i++)
		if (st->bars[i] == 0 && st->resources[i] != 0)
			return true;
	return false;
}

/* ---- comparison ---- */

static void differ(struct str *out, size_t *n, const char *fmt, ...) printf_like(3, 4);

static void differ(struct str *out, size_t *n, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	str_addf(out, "%s%s", (*n)++ ? "; " : "", text);
}

static void compare_identity(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	if (a->vendor != b->vendor || a->device != b->device)
		differ(out, n, "it is %04x:%04x, was %04x:%04x", b->vendor, b->device, a->vendor,
			a->device);
	if (a->subvendor != b->subvendor || a->subdevice != b->subdevice)
		differ(out, n, "subsystem is %04x:%04x, was %04x:%04x", b->subvendor, b->subdevice,
			a->subvendor, a->subdevice);
	if (a->revision != b->revision)
		differ(out, n, "revision is %02x, was %02x", b->revision, a->revision);
	if (a->class_code != b->class_code)
		differ(out, n, "class is %06x, was %06x", b->class_code, a->class_code);
	if (a->header_type != b->header_type)
		differ(out, n, "header type is %02x, was %02x", b->header_type, a->header_type);
}

static void compare_bars(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	size_t i;

	for (i = 0; i < 6; i++) {
		if (!a->is_vf && a->bars[i] != b->bars[i])
			differ(out, n, "BAR %zu is %08x, was %08x", i, b->bars[i], a->bars[i]);
		if (a->resources[i] != b->resources[i])
			differ(out, n, "resource %zu is at %llx, was at %llx", i,
				(unsigned long long)b->resources[i],
				(unsigned long long)a->resources[i]);
		if (a->sizes[i] != b->sizes[i])
			differ(out, n, "resource %zu has 0x%llx bytes, had 0x%llx", i,
				(unsigned long long)b->sizes[i], (unsigned long long)a->sizes[i]);
	}
}

bool oracle_left_mastering(const struct dev_state *before, const struct dev_state *after)
{
	return !before->is_vf && !before->enabled && !after->enabled &&
		(after->command & (uint16_t)~before->command & COMMAND_MASTER);
}

/*
 * The kernel restores the command register after a reset. When the last user closes the device,
 * vfio restores what it found at open (with memory enabled) and clears bus mastering: an idle device
 * may lose that bit and gain the others (vfio_pci_core_disable, pci_disable_device).
 */
static void compare_command(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	uint16_t lost = a->command & (uint16_t)~b->command;

	if (lost & (COMMAND_IO | COMMAND_MEMORY))
		differ(out, n, "command register is %04x, was %04x: memory or I/O decoding is off",
			b->command, a->command);
	else if (a->enabled && (lost & COMMAND_MASTER))
		differ(out, n, "command register is %04x, was %04x: bus mastering is off",
			b->command, a->command);
	else if (oracle_left_mastering(a, b))
		differ(out, n,
			"command register is %04x, was %04x: bus mastering is on while nobody "
			"uses it",
			b->command, a->command);
}

static bool in_a_guest(const struct dev_state *st)
{
	return st->enabled && strstr(st->driver, "vfio") != NULL;
}

/*
 * Reset wakes a device (pci_dev_save_and_disable), so that D0 is always right. Whom nobody uses,
 * runtime PM puts to sleep, into D3cold where the platform can (vfio_pci_core_register_device). A guest
 * puts what it has into D1 to D3hot whenever it likes (vfio_pm_config_write).
 */
static void compare_power(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	if (in_a_guest(b) && b->power_state[0] == 'D' && !str_eq(b->power_state, "D3cold"))
		return;
	if (a->power_state[0] != '\0' && !str_eq(b->power_state, a->power_state) &&
		!str_eq(b->power_state, "D0") &&
		!(b->suspended && str_starts(b->power_state, "D3")))
		differ(out, n, "power state is %s, was %s", b->power_state, a->power_state);
	/* the kernel may believe otherwise */
	if (b->pm_state != 0 && a->pm_state == 0 && !b->suspended)
		differ(out, n, "its registers say power state D%u, were D0", b->pm_state);
}

static void compare_set(uint64_t a, uint64_t b, const char *what, struct str *out, size_t *n)
{
	unsigned id;

	for (id = 0; id < 64; id++)
		if ((a ^ b) >> id & 1)
			differ(out, n, "%s 0x%02x is %s", what, id, b >> id & 1 ? "new" : "gone");
}

/* Drivers choose the size of read requests: only between states of the same user. */
static void compare_sizes(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	if (!a->is_pcie || !b->is_pcie)
		return;
	if (a->max_payload != b->max_payload)
		differ(out, n, "max payload is %u, was %u", 128u << b->max_payload,
			128u << a->max_payload);
	if (a->max_read != b->max_read)
		differ(out, n, "max read request is %u, was %u", 128u << b->max_read,
			128u << a->max_read);
}

/* What firmware had switched on stays off until a driver enables the device (pci_enable_resources). */
static void forgive_decoding(struct dev_state *before)
{
	if (!before->enabled)
		before->command &= (uint16_t) ~(COMMAND_IO | COMMAND_MEMORY);
}

void oracle_forgive_new(struct dev_state *before)
{
	before->power_state[0] = '\0';
	before->is_pcie = false;
	forgive_decoding(before);
}

void oracle_renew_sizes(struct lane_device *dev, const struct dev_state *now)
{
	struct dev_state *reference = dev->oracle;

	if (reference == NULL)
		return;
	reference->max_payload = now->max_payload;
	reference->max_read = now->max_read;
}

void oracle_renew(struct lane_device *dev, const struct dev_state *now)
{
	struct dev_state *reference = dev->oracle;

	if (reference == NULL)
		return;
	oracle_renew_sizes(dev, now);
	forgive_decoding(reference);
	reference->command |= now->command & (COMMAND_IO | COMMAND_MEMORY);
}

/* Words that were lost; a method more is no harm. */
static void compare_methods(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	struct pcidev now = {0};
	char copy[sizeof(a->reset_methods)], *word, *rest = copy;
	bool lost = false;

	str_set(copy, a->reset_methods);
	str_set(now.reset_methods, b->reset_methods);
	while ((word = strsep(&rest, " ")) != NULL)
		lost |= *word != '\0' && !pcidev_offers(&now, word);
	if (lost)
		differ(out, n, "reset methods are '%s', were '%s'", b->reset_methods,
			a->reset_methods);
}

/* False: there is nothing more to compare. */
static bool compare_presence(const struct dev_state *b, struct str *out, size_t *n)
{
	if (!b->present)
		differ(out, n, "it is gone from sysfs");
	else if (!b->readable)
		differ(out, n, "its config space reads all ones");
	return b->present && b->readable;
}

static void compare_what_it_is(
	const struct dev_state *a, const struct dev_state *b, struct str *out, size_t *n)
{
	compare_identity(a, b, out, n);
	if (a->link_width > b->link_width)
		differ(out, n, "link width is x%d, was x%d", b->link_width, a->link_width);
	compare_bars(a, b, out, n);
	compare_set(a->caps, b->caps, "capability", out, n);
	compare_set(a->ext_caps, b->ext_caps, "extended capability", out, n);
}

size_t oracle_compare(
	const struct dev_state *before, const struct dev_state *after, struct str *differences)
{
	const struct dev_state *a = before, *b = after;
	bool same_user = str_eq(a->driver, b->driver) && a->enabled == b->enabled;
	size_t n = 0;

	if (!compare_presence(b, differences, &n))
		return n;
	compare_what_it_is(a, b, differences, &n);
	if (same_user)
		compare_sizes(a, b, differences, &n);
	if (same_user && !a->is_vf)
		compare_command(a, b, differences, &n);
	compare_power(a, b, differences, &n);
	if (same_user && a->msi_enabled != b->msi_enabled)
		differ(differences, &n, "MSI is %s, was %s", b->msi_enabled ? "on" : "off",
			a->msi_enabled ? "on" : "off");
	if (same_user && a->msix_enabled != b->msix_enabled)
		differ(differences, &n, "MSI-X is %s, was %s", b->msix_enabled ? "on" : "off",
			a->msix_enabled ? "on" : "off");
	compare_methods(a, b, differences, &n);
	if (!str_eq(a->driver, b->driver))
		differ(differences, &n, "driver is %s, was %s", b->driver[0] ? b->driver : "none",
			a->driver[0] ? a->driver : "none");
	return n;
}

size_t oracle_compare_bystander(
	const struct dev_state *before, const struct dev_state *after, struct str *differences)
{
	size_t n = 0;

	if (compare_presence(after, differences, &n))
		compare_what_it_is(before, after, differences, &n);
	return n;
}

size_t oracle_notes(
	const struct dev_state *before, const struct dev_state *after, struct str *notes)
{
	size_t n = 0;

	if (!after->present || !after->readable)
		return 0;
	/* links slow down at idle by design: no verdict from one look */
	if (!str_eq(before->link_speed, after->link_speed))
		differ(notes, &n, "link speed is %s, was %s", after->link_speed,
			before->link_speed);
	if (before->link_width != 0 && after->link_width > before->link_width)
		differ(notes, &n, "link width is x%d, was x%d", after->link_width,
			before->link_width);
	return n;
}

void oracle_forget(struct lane_device *dev)
{
	free(dev->oracle);
	dev->oracle = NULL;
}

void oracle_recall(struct lane_device *dev, const struct dev_state *reference)
{
	struct dev_state *st = xmalloc(sizeof(*st));

	*st = *reference;
	oracle_forget(dev);
	dev->oracle = st;
}

int oracle_remember(const struct host *host, struct lane_device *dev, struct err *err)
{
	struct dev_state *st = xcalloc(1, sizeof(*st));

	if (oracle_take(host, dev->pci.bdf, clock_mono_ns() + ORACLE_NS, st, err) != 0) {
		free(st);
		return -1;
	}
	oracle_forget(dev);
	if (st->readable)
		dev->oracle = take_ptr(st);
	free(st);
	return 0;
}

const char *oracle_text(const struct dev_state *st, char *buf, size_t size)
{
	if (!st->present)
		return str_copy(buf, size, "gone from sysfs");
	if (!st->readable)
		return str_copy(buf, size, "config space reads all ones");
	snprintf(buf, size, "%04x:%04x rev %02x %s x%d %s command %04x BAR0 %08x driver %s",
		st->vendor, st->device, st->revision, st->power_state, st->link_width,
		st->link_speed, st->command, st->bars[0], st->driver[0] ? st->driver : "none");
	return buf;
}
