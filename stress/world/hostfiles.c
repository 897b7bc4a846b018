/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/hostfiles.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/instream.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes read of what is reduced a lot; a kernel's configuration has 250 KiB. */
#define BIG (1u << 20)

/* Makes of a file's `n` bytes what is kept; appends it to `out`. */
typedef void reduce_fn(const char *data, size_t n, struct str *out);

static reduce_fn keep_all, keep_first_block, keep_directives, keep_first_words, keep_chips,
	keep_hex, keep_config, keep_config_gz;

/* What is read. A '*' stands for any names in a directory, %k for the kernel's release. */
static const struct row {
	const char *path;
	reduce_fn *reduce; /* NULL: type, mode and owner, not its contents */
	size_t max; /* bytes read; 0 = HOSTFILE_MAX */
} rows[] = {
	{"/boot/config-%k", keep_config, BIG},
	{"/dev/iommu", NULL, 0},
	{"/dev/ipmi*", NULL, 0},
	{"/dev/kvm", NULL, 0},
	{"/dev/vfio/*", NULL, 0},
	{"/etc/driverctl.d/*", keep_directives, 0},
	{"/etc/libvirt/libvirtd.conf", keep_directives, 0},
	{"/etc/libvirt/qemu.conf", keep_directives, 0},
	{"/etc/libvirt/virtqemud.conf", keep_directives, 0},
	{"/etc/modprobe.d/*.conf", keep_directives, 0},
	{"/etc/os-release", keep_directives, 0},
	{"/lib/modprobe.d/*.conf", keep_directives, 0},
	{"/proc/cmdline", keep_all, 0},
	{"/proc/config.gz", keep_config_gz, BIG},
	{"/proc/consoles", keep_all, 0},
	{"/proc/cpuinfo", keep_first_block, 8192},
	{"/proc/fb", keep_all, 0},
	/* those of the IO-APIC come first and tell enough */
	{"/proc/interrupts", keep_chips, BIG},
	{"/proc/meminfo", keep_all, 0},
	{"/proc/modules", keep_first_words, BIG},
	{"/proc/self/limits", keep_all, 0},
	{"/proc/swaps", keep_all, 0},
	{"/proc/sys/kernel/hardlockup_panic", keep_all, 0},
	{"/proc/sys/kernel/hung_task_panic", keep_all, 0},
	{"/proc/sys/kernel/nmi_watchdog", keep_all, 0},
	{"/proc/sys/kernel/osrelease", keep_all, 0},
	{"/proc/sys/kernel/panic", keep_all, 0},
	{"/proc/sys/kernel/panic_on_oops", keep_all, 0},
	{"/proc/sys/kernel/panic_on_warn", keep_all, 0},
	{"/proc/sys/kernel/printk_devkmsg", keep_all, 0},
	{"/proc/sys/kernel/softlockup_panic", keep_all, 0},
	{"/proc/sys/kernel/tainted", keep_all, 0},
	{"/proc/vmcore", NULL, 0},
	{"/run/libvirt/libvirt-sock", NULL, 0},
	{"/run/libvirt/virtqemud-sock", NULL, 0},
	{"/run/modprobe.d/*.conf", keep_directives, 0},
	{"/sys/class/dmi/id/bios_date", keep_all, 0},
	{"/sys/class/dmi/id/bios_vendor", keep_all, 0},
	{"/sys/class/dmi/id/bios_version", keep_all, 0},
	{"/sys/class/dmi/id/board_name", keep_all, 0},
	{"/sys/class/dmi/id/board_vendor", keep_all, 0},
	{"/sys/class/dmi/id/product_name", keep_all, 0},
	{"/sys/class/dmi/id/sys_vendor", keep_all, 0},
	{"/sys/class/iommu/*/amd-iommu/cap", keep_all, 0},
	{"/sys/class/iommu/*/amd-iommu/features", keep_all, 0},
	{"/sys/class/iommu/*/intel-iommu/cap", keep_all, 0},
	{"/sys/class/iommu/*/intel-iommu/ecap", keep_all, 0},
	{"/sys/class/watchdog/*/identity", keep_all, 0},
	{"/sys/class/watchdog/*/state", keep_all, 0},
	{"/sys/devices/system/cpu/online", keep_all, 0},
	{"/sys/devices/system/node/node*/cpulist", keep_all, 0},
	{"/sys/devices/system/node/node*/hugepages/hugepages-*/free_hugepages", keep_all, 0},
	{"/sys/devices/system/node/node*/hugepages/hugepages-*/nr_hugepages", keep_all, 0},
	{"/sys/devices/system/node/node*/meminfo", keep_all, 0},
	{"/sys/firmware/acpi/tables/DMAR", keep_hex, 64},
	{"/sys/firmware/acpi/tables/FACP", NULL, 0},
	{"/sys/firmware/acpi/tables/IVRS", keep_hex, 64},
	{"/sys/firmware/efi/efivars/SecureBoot-*", keep_hex, 8},
	{"/sys/firmware/efi/fw_platform_size", keep_all, 0},
	{"/sys/fs/pstore/*", NULL, 0},
	{"/sys/kernel/kexec_crash_loaded", keep_all, 0},
	{"/sys/kernel/mm/hugepages/hugepages-*/free_hugepages", keep_all, 0},
	{"/sys/kernel/mm/hugepages/hugepages-*/nr_hugepages", keep_all, 0},
	{"/sys/kernel/security/lockdown", keep_all, 0},
	{"/sys/module/kvm/parameters/ignore_msrs", keep_all, 0},
	{"/sys/module/kvm_amd/parameters/nested", keep_all, 0},
	{"/sys/module/kvm_intel/parameters/nested", keep_all, 0},
	{"/sys/module/pcie_aspm/parameters/policy", keep_all, 0},
	{"/sys/module/pstore/parameters/backend", keep_all, 0},
	{"/sys/module/vfio/parameters/*", keep_all, 0},
	{"/sys/module/vfio_iommu_type1/parameters/*", keep_all, 0},
	{"/sys/module/vfio_pci/parameters/*", keep_all, 0},
	{"/var/lib/systemd/pstore/*", NULL, 0},
	{"/var/log/journal", NULL, 0},
};

/* Of the kernel's configuration: what passthrough and its evidence depend on. */
static const char *const configs[] = {
	"CONFIG_ACPI_APEI_PCIEAER",
	"CONFIG_AMD_IOMMU",
	"CONFIG_HOTPLUG_PCI_PCIE",
	"CONFIG_INTEL_IOMMU",
	"CONFIG_INTEL_IOMMU_DEFAULT_ON",
	"CONFIG_IOMMUFD",
	"CONFIG_IOMMU_DEFAULT_DMA_LAZY",
	"CONFIG_IOMMU_DEFAULT_DMA_STRICT",
	"CONFIG_IOMMU_DEFAULT_PASSTHROUGH",
	"CONFIG_IRQ_REMAP",
	"CONFIG_LOG_BUF_SHIFT",
	"CONFIG_PCIEAER",
	"CONFIG_PCIE_DPC",
	"CONFIG_VFIO_DEVICE_CDEV",
	"CONFIG_VFIO_GROUP",
	"CONFIG_VFIO_NOIOMMU",
	"CONFIG_VFIO_PCI",
};

/* ---- reductions ---- */

static void keep_all(const char *data, size_t n, struct str *out)
{
	while (n > 0 && isspace((unsigned char)data[n - 1]))
		n--;
	str_addn(out, data, n);
}

/* The first processor speaks for all. */
static void keep_first_block(const char *data, size_t n, struct str *out)
{
	const char *end = memmem(data, n, "\n\n", 2);

	keep_all(data, end ? (size_t)(end - data) : n, out);
}

/* The next line of a text that need not end in a newline; false at its end. */
static bool next_line(const char **data, size_t *n, const char **line, size_t *len)
{
	const char *end;

	if (*n == 0)
		return false;
	end = memchr(*data, '\n', *n);
	*line = *data;
	*len = end ? (size_t)(end - *data) : *n;
	*data += *len + (end != NULL);
	*n -= *len + (end != NULL);
	return true;
}

static void add_line(struct str *out, const char *line, size_t len)
{
	if (out->len > 0)
		str_add(out, "\n");
	str_addn(out, line, len);
}

/* Lines that say something, without blanks around them. */
static void keep_directives(const char *data, size_t n, struct str *out)
{
	const char *line;
	size_t len;

	while (next_line(&data, &n, &line, &len)) {
		while (len > 0 && isspace((unsigned char)*line))
			line++, len--;
		while (len > 0 && isspace((unsigned char)line[len - 1]))
			len--;
		if (len > 0 && *line != '#')
			add_line(out, line, len);
	}
}

static void keep_first_words(const char *data, size_t n, struct str *out)
{
	const char *line;
	size_t len, word;

	while (next_line(&data, &n, &line, &len)) {
		for (word = 0; word < len && line[word] != ' '; word++)
			continue;
		if (word > 0)
			add_line(out, line, word);
	}
}

static bool has_line(const struct str *out, const char *line, size_t len)
{
	const char *data = out->s, *other;
	size_t n = out->len, other_len;

	while (next_line(&data, &n, &other, &other_len))
		if (other_len == len && memcmp(other, line, len) == 0)
			return true;
	return false;
}

/*
 * The kinds of interrupt controllers in use: " 24:  0  0  IR-PCI-MSI-0000:00:01.0  0-edge  PME" is
 * "IR-PCI-MSI". Newer kernels have the device in the name, older ones a number.
 */
static void keep_chips(const char *data, size_t n, struct str *out)
{
	const char *line;
	size_t len;

	while (next_line(&data, &n, &line, &len)) {
		const char *s = memchr(line, ':', len), *end = line + len, *word;

		/* NMI and the like have a sentence there */
		if (s == NULL || s == line || !isdigit((unsigned char)s[-1]))
			continue;
		for (s++; s < end && (isdigit((unsigned char)*s) || *s == ' '); s++)
			continue;
		for (word = s; s < end && *s != ' ' &&
			!(*s == '-' && s + 1 < end && isdigit((unsigned char)s[1]));
			s++)
			continue;
		if (s > word && memchr(word, '-', (size_t)(s - word)) != NULL &&
			!has_line(out, word, (size_t)(s - word)))
			add_line(out, word, (size_t)(s - word));
	}
}

static void keep_hex(const char *data, size_t n, struct str *out)
{
	size_t i;

	for (i = 0; i < n; i++)
		str_addf(out, "%02x", (unsigned char)data[i]);
}

static void keep_config(const char *data, size_t n, struct str *out)
{
	const char *line;
	size_t len, i;

	while (next_line(&data, &n, &line, &len))
		for (i = 0; i < ARRAY_SIZE(configs); i++) {
			size_t name = strlen(configs[i]);

			if (len > name && line[name] == '=' && memcmp(line, configs[i], name) == 0)
				add_line(out, line, len);
		}
}

static void keep_config_gz(const char *data, size_t n, struct str *out)
{
	auto_free char *text = xmalloc(BIG);
	int fd = memfd_create("config.gz", MFD_CLOEXEC);
	struct instream *in;
	struct err unused;
	size_t len = 0;
	ssize_t more;

	if (fd < 0)
		return;
	if (write(fd, data, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0) {
		close(fd);
		return;
	}
	in = instream_of_fd(fd, "config.gz");
	while (len < BIG && (more = instream_read(in, text + len, BIG - len, &unused)) > 0)
		len += (size_t)more;
	instream_close(in);
	keep_config(text, len, out);
}

/* ---- reading ---- */

struct reader {
	const struct host *host;
	struct arena *arena;
	VEC(struct hostfile) found;
	char *buf; /* as big as the largest row's max */
	char release[64];
};

static char type_letter(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFSOCK:
		return 's';
	case S_IFIFO:
		return 'p';
	case S_IFREG:
		return '-';
	default:
		return '?';
	}
}

static void read_status(struct reader *r, const char *full, struct hostfile *f)
{
	struct stat st;

	f->text = "";
	if (stat(full, &st) != 0)
		f->sys = errno;
	else
		f->text = arena_printf(r->arena, "%c %04o %u %u", type_letter(st.st_mode),
			st.st_mode & 07777, st.st_uid, st.st_gid);
}

/* Up to `max` bytes; a file of /proc gives a page at a time. -1 with errno. */
static ssize_t read_up_to(const char *full, char *buf, size_t max)
{
	/* a FIFO in a tree made for tests must not block */
	auto_close int fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len < max && (n = read(fd, buf + len, max - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return len > 0 ? (ssize_t)len : -1;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static void read_text(struct reader *r, const struct row *row, const char *full, struct hostfile *f)
{
	size_t max = row->max ? row->max : HOSTFILE_MAX;
	ssize_t n = read_up_to(full, r->buf, max);
	struct str out = {0};

	f->text = "";
	if (n < 0) {
		f->sys = errno;
		return;
	}
	f->cut = row->max == 0 && (size_t)n == max;
	row->reduce(r->buf, (size_t)n, &out);
	if (out.len > HOSTFILE_MAX)
		f->cut = true;
	if (out.len > 0)
		f->text = arena_strndup(
			r->arena, out.s, out.len < HOSTFILE_MAX ? out.len : HOSTFILE_MAX);
	str_finish(&out);
}

static void read_one(struct reader *r, const struct row *row, const char *path)
{
	char full[HOST_PATH_MAX];
	struct hostfile f = {0};

	host_path(r->host, full, "%s", path);
	if (row->reduce == NULL)
		read_status(r, full, &f);
	else
		read_text(r, row, full, &f);
	if (f.sys == ENOENT || f.sys == ENOTDIR || r->found.n >= HOSTFILES_MAX)
		return;
	f.path = arena_strdup(r->arena, path);
	*vec_push(&r->found) = f;
}

/* Names of `pattern`'s first component with a '*', and so on with what is behind it. */
static void expand(struct reader *r, const struct row *row, const char *pattern)
{
	const char *star = strchr(pattern, '*'), *slash, *rest;
	char dir[HOST_PATH_MAX], name[NAME_MAX + 1], path[HOST_PATH_MAX];
	struct dirent *entry;
	DIR *d;

	if (star == NULL) {
		read_one(r, row, pattern);
		return;
	}
	for (slash = star; *slash != '/'; slash--)
		continue;
	rest = strchrnul(star, '/');
	snprintf(dir, sizeof(dir), "%.*s", (int)(slash - pattern), pattern);
	snprintf(name, sizeof(name), "%.*s", (int)(rest - slash - 1), slash + 1);
	d = opendir(host_path(r->host, path, "%s", dir));
	while (d != NULL && (entry = readdir(d)) != NULL && r->found.n < HOSTFILES_MAX) {
		if (entry->d_name[0] == '.' || fnmatch(name, entry->d_name, 0) != 0)
			continue;
		/* names come from outside: one with a '*' would be expanded again */
		if (strchr(entry->d_name, '*') == NULL &&
			snprintf(path, sizeof(path), "%s/%s%s", dir, entry->d_name, rest) <
				(int)sizeof(path))
			expand(r, row, path);
	}
	if (d != NULL)
		closedir(d);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hostfile *)a)->path, ((const struct hostfile *)b)->path);
}

void hostfiles_read(const struct host *host, struct arena *arena, struct hostfiles *out)
{
	auto_free char *buf = xmalloc(BIG);
	struct reader r = {.host = host, .arena = arena, .buf = buf};
	char path[HOST_PATH_MAX];
	struct err err;
	size_t i;

	if (host_read(host, "/proc/sys/kernel/osrelease", r.release, sizeof(r.release), &err) !=
			0 ||
		strpbrk(r.release, "/*") != NULL)
		r.release[0] = '\0';
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *k = strstr(rows[i].path, "%k");

		if (k != NULL)
			snprintf(path, sizeof(path), "%.*s%s%s", (int)(k - rows[i].path),
				rows[i].path, r.release, k + 2);
		else
			str_set(path, rows[i].path);
		expand(&r, &rows[i], path);
	}
	if (r.found.n > 0)
		qsort(r.found.v, r.found.n, sizeof(r.found.v[0]), by_path);
	out->v = arena_alloc(arena, (r.found.n + 1) * sizeof(*out->v));
	out->n = r.found.n;
	if (r.found.n > 0)
		memcpy(out->v, r.found.v, r.found.n * sizeof(*out->v));
	vec_finish(&r.found);
}

/* ---- asking ---- */

const struct hostfile *hostfiles_find(const struct hostfiles *f, const char *path)
{
	const struct hostfile key = {.path = path};

	return f->n ? bsearch(&key, f->v, f->n, sizeof(key), by_path) : NULL;
}

const char *hostfiles_text(const struct hostfiles *f, const char *path)
{
	const struct hostfile *file = hostfiles_find(f, path);

	return file != NULL && file->sys == 0 ? file->text : NULL;
}

bool hostfiles_number(const struct hostfiles *f, const char *path, uint64_t *out)
{
	const char *text = hostfiles_text(f, path);

	return text != NULL && str_to_u64(text, 10, UINT64_MAX, out);
}

const struct hostfile *hostfiles_next(
	const struct hostfiles *f, const struct hostfile *after, const char *begin, const char *end)
{
	const struct hostfile *file;

	for (file = after ? after + 1 : f->v; file < f->v + f->n; file++)
		if (str_starts(file->path, begin) && str_ends(file->path, end))
			return file;
	return NULL;
}

bool hostfile_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key), n;
	const char *s;

	for (s = text; s != NULL; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, key, len) != 0)
			continue;
		n = len + strspn(s + len, " \t");
		if (s[n] != ':' && s[n] != '=')
			continue;
		s += n + 1;
		s += strspn(s, " \t");
		str_printable(buf, size, s, strcspn(s, "\n"));
		return true;
	}
	return false;
}
