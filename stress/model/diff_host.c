/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff_parts.h"

#include "base/str.h"
#include "base/vec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- versions ---- */

static void compare_text(
	struct differ *d, const char *id, const char *subject, const char *was, const char *is)
{
	struct change *c;

	if (str_eq(was, is))
		return;
	c = diff_add(d, id, CHANGE_NEUTRAL, subject, "%s, was %s", *is ? is : "unknown",
		*was ? was : "unknown");
	c->was = *was ? arena_strdup(&d->out->arena, was) : NULL;
	c->is = *is ? arena_strdup(&d->out->arena, is) : NULL;
}

static void compare_versions(struct differ *d)
{
	const struct machine_facts *a = &d->a->machine, *b = &d->b->machine;
	char was[256] = "", is[256] = "";
	const char *text;

	compare_text(d, "host.name", "host", a->name, b->name);
	compare_text(d, "host.board", "board", a->board, b->board);
	compare_text(d, "host.bios", "BIOS", a->bios, b->bios);
	compare_text(d, "host.cpu", "processor", a->cpu, b->cpu);
	compare_text(d, "host.microcode", "microcode", a->microcode, b->microcode);
	compare_text(d, "host.kernel", "kernel", a->kernel, b->kernel);
	compare_text(d, "host.libvirt", "libvirt", d->a->libvirt, d->b->libvirt);
	compare_text(d, "host.qemu", "QEMU", d->a->qemu, d->b->qemu);
	if ((text = hostfiles_text(&d->a->files, "/etc/os-release")) != NULL)
		hostfile_value(text, "PRETTY_NAME", was, sizeof(was));
	if ((text = hostfiles_text(&d->b->files, "/etc/os-release")) != NULL)
		hostfile_value(text, "PRETTY_NAME", is, sizeof(is));
	compare_text(d, "host.os", "operating system", was, is);
}

/* ---- words and lines that one of two texts has ---- */

/* Is [s, s+n) one of the parts of `text`, which `blanks` separate? */
static bool has_part(const char *text, const char *blanks, const char *s, size_t n)
{
	for (text += strspn(text, blanks); *text != '\0';) {
		size_t len = strcspn(text, blanks);

		if (len == n && memcmp(text, s, n) == 0)
			return true;
		text += len;
		text += strspn(text, blanks);
	}
	return false;
}

/* Parts of `text` that `other` lacks; those that begin with `but` (NULL = none) do not count. */
static void parts_without(
	const char *text, const char *other, const char *blanks, const char *but, struct str *out)
{
	for (text += strspn(text, blanks); *text != '\0';) {
		size_t len = strcspn(text, blanks);

		if (!has_part(other, blanks, text, len) && (but == NULL || !str_starts(text, but)))
			str_addf(out, "%s%.*s", out->len ? " " : "", (int)len, text);
		text += len;
		text += strspn(text, blanks);
	}
}

/* "x is new, y is gone"; `less` is what it means to lose parts, `more` to gain some. */
static void compare_parts(struct differ *d, const char *id, const char *subject, const char *was,
	const char *is, const char *blanks, const char *but, enum change_effect less,
	enum change_effect more)
{
	struct str gone = {0}, added = {0};

	parts_without(was, is, blanks, but, &gone);
	parts_without(is, was, blanks, but, &added);
	if (gone.len + added.len > 0)
		diff_add(d, id, gone.len > 0 ? less : more, subject, "%s%s%s%s%s",
			added.len ? added.s : "", added.len ? " is new" : "",
			added.len && gone.len ? ", " : "", gone.len ? gone.s : "",
			gone.len ? " is gone" : "");
	str_finish(&gone);
	str_finish(&added);
}

static const char *text_of(const struct topology *t, const char *path)
{
	const char *text = hostfiles_text(&t->files, path);

	return text ? text : "";
}

/* ---- files ---- */

/* Single values, each with what it is. `*` ends a prefix. */
static const struct setting {
	const char *path, *id, *subject;
} settings[] = {
	{"/sys/firmware/efi/efivars/SecureBoot-*", "host.secure-boot", "Secure Boot"},
	{"/sys/kernel/security/lockdown", "kernel.lockdown", "lockdown"},
	{"/sys/module/kvm/parameters/*", "kernel.parameter", NULL},
	{"/sys/module/kvm_amd/parameters/*", "kernel.parameter", NULL},
	{"/sys/module/kvm_intel/parameters/*", "kernel.parameter", NULL},
	{"/sys/module/pcie_aspm/parameters/*", "kernel.parameter", NULL},
	{"/sys/module/pstore/parameters/*", "kernel.parameter", NULL},
	{"/sys/class/iommu/*", "iommu.capabilities", NULL},
	{"/proc/sys/kernel/hung_task_panic", "kernel.setting", NULL},
	{"/proc/sys/kernel/panic", "kernel.setting", NULL},
	{"/proc/sys/kernel/panic_on_oops", "kernel.setting", NULL},
	{"/proc/sys/kernel/panic_on_warn", "kernel.setting", NULL},
	{"/proc/sys/kernel/printk_devkmsg", "kernel.setting", NULL},
	{"/proc/sys/kernel/softlockup_panic", "kernel.setting", NULL},
	{"/etc/driverctl.d/*", "driver.rule", NULL},
};

/* Files of lines, in any order. */
static const struct setting line_files[] = {
	{"/etc/libvirt/*", "libvirt.settings", NULL},
	{"/etc/modprobe.d/*", "modprobe.settings", NULL},
	{"/lib/modprobe.d/*", "modprobe.settings", NULL},
	{"/run/modprobe.d/*", "modprobe.settings", NULL},
};

static bool matches(const char *path, const char *pattern)
{
	size_t n = strlen(pattern);

	return pattern[n - 1] == '*' ? strncmp(path, pattern, n - 1) == 0 : str_eq(path, pattern);
}

static const struct setting *setting_of(const struct setting *table, size_t n, const char *path)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (matches(path, table[i].path))
			return &table[i];
	return NULL;
}

static void compare_file(struct differ *d, const char *path)
{
	const struct setting *one = setting_of(settings, ARRAY_SIZE(settings), path);
	const struct setting *lines = setting_of(line_files, ARRAY_SIZE(line_files), path);

	if (one != NULL)
		compare_text(d, one->id, one->subject ? one->subject : path, text_of(d->a, path),
			text_of(d->b, path));
	if (lines != NULL)
		compare_parts(d, lines->id, path, text_of(d->a, path), text_of(d->b, path), "\n",
			NULL, CHANGE_NEUTRAL, CHANGE_NEUTRAL);
}

static void compare_files(struct differ *d)
{
	size_t i;

	for (i = 0; i < d->a->files.n; i++)
		compare_file(d, d->a->files.v[i].path);
	for (i = 0; i < d->b->files.n; i++)
		if (hostfiles_find(&d->a->files, d->b->files.v[i].path) == NULL)
			compare_file(d, d->b->files.v[i].path);
}

/* The kernel's own, whose path has its release in it. */
static const char *kernel_config(const struct topology *t)
{
	const struct hostfile *boot = hostfiles_next(&t->files, NULL, "/boot/config-", "");
	const char *text = hostfiles_text(&t->files, "/proc/config.gz");

	if (text == NULL && boot != NULL && boot->sys == 0)
		text = boot->text;
	return text ? text : "";
}

static void compare_kernel(struct differ *d)
{
	const char *was = kernel_config(d->a), *is = kernel_config(d->b);

	/* where the kernel lies says its version, which is told already */
	compare_parts(d, "kernel.command-line", "kernel command line",
		text_of(d->a, "/proc/cmdline"), text_of(d->b, "/proc/cmdline"), " \n",
		"BOOT_IMAGE=", CHANGE_NEUTRAL, CHANGE_NEUTRAL);
	if (*was != '\0' && *is != '\0')
		compare_parts(d, "kernel.config", "kernel configuration", was, is, "\n", NULL,
			CHANGE_REGRESSION, CHANGE_IMPROVEMENT);
}

/* ---- what is there or not, and how much of it ---- */

static void compare_presence(struct differ *d, const char *id, const char *path, const char *what)
{
	bool was = hostfiles_find(&d->a->files, path) != NULL,
	     is = hostfiles_find(&d->b->files, path) != NULL;

	if (was != is)
		diff_add(d, id, is ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION, what,
			is ? "is there now" : "is not there any more");
}

/* The chips of /proc/interrupts: those behind an IOMMU begin with "IR-". */
static void compare_remapping(struct differ *d)
{
	const char *was = text_of(d->a, "/proc/interrupts"),
		   *is = text_of(d->b, "/proc/interrupts");
	bool had = strstr(was, "IR-") != NULL, has = strstr(is, "IR-") != NULL;

	if (*was != '\0' && *is != '\0' && had != has)
		diff_add(d, "iommu.interrupt-remapping",
			has ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION, "interrupt remapping",
			has ? "is on now" : "is off");
}

static void compare_memory(struct differ *d)
{
	const char *a = text_of(d->a, "/proc/meminfo"), *b = text_of(d->b, "/proc/meminfo");
	char was[32], is[32];
	uint64_t before, after, gap;

	if (!hostfile_value(a, "MemTotal", was, sizeof(was)) ||
		!hostfile_value(b, "MemTotal", is, sizeof(is)))
		return;
	before = strtoull(was, NULL, 10);
	after = strtoull(is, NULL, 10);
	gap = before > after ? before - after : after - before;
	/* what a kernel takes for itself differs from boot to boot and from version to version */
	if (gap > before / 50)
		diff_add(d, "host.memory", after > before ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION,
			"memory", "%" PRIu64 " MiB, were %" PRIu64, after >> 10, before >> 10);
}

static void compare_hugepages(struct differ *d)
{
	const struct hostfile *f = NULL;
	uint64_t was, is;

	while ((f = hostfiles_next(
			&d->a->files, f, "/sys/kernel/mm/hugepages/", "/nr_hugepages")) != NULL)
		if (hostfiles_number(&d->a->files, f->path, &was) &&
			hostfiles_number(&d->b->files, f->path, &is) && was != is)
			diff_add(d, "host.hugepages",
				is > was ? CHANGE_IMPROVEMENT : CHANGE_REGRESSION, f->path,
				"%" PRIu64 ", were %" PRIu64, is, was);
}

void diff_host(struct differ *d)
{
	compare_versions(d);
	compare_kernel(d);
	compare_files(d);
	compare_remapping(d);
	compare_presence(d, "iommu.tables", "/sys/firmware/acpi/tables/DMAR", "ACPI table DMAR");
	compare_presence(d, "iommu.tables", "/sys/firmware/acpi/tables/IVRS", "ACPI table IVRS");
	compare_presence(d, "processor.kvm", "/dev/kvm", "/dev/kvm");
	compare_text(d, "processor.online", "processors online",
		text_of(d->a, "/sys/devices/system/cpu/online"),
		text_of(d->b, "/sys/devices/system/cpu/online"));
	compare_memory(d);
	compare_hugepages(d);
}
