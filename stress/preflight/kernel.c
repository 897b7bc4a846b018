/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"
#include "preflight/cmdline.h"
#include "preflight/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void crash_kernel(struct look *l);
static void version(struct look *l);
static void lockdown(struct look *l);
static void taint(struct look *l);
static void config(struct look *l);
static void log_ring(struct look *l);
static void panics(struct look *l);
static void come_back(struct look *l);
static void evidence(struct look *l);
static void old_crash(struct look *l);

const struct check checks_kernel[] = {
	{"kernel.crash-kernel", CHECK_HOST, WEIGHT_REFUSES, "is this the everyday kernel?",
		"This is the kernel that saves the memory of one that crashed: the devices are as "
		"the crash left them.",
		"Let it finish, and boot the everyday kernel.", crash_kernel},
	{"kernel.version", CHECK_HOST, WEIGHT_NORMAL, "which kernel is it?", "It does not say.", "",
		version},
	{"kernel.command-line", CHECK_HOST, WEIGHT_NORMAL,
		"what do the words of its command line mean for passing devices through?", "",
		"Read /proc/cmdline by hand.", check_command_line},
	{"kernel.lockdown", CHECK_HOST, WEIGHT_NORMAL, "is the kernel locked down?",
		"Config space cannot be written, and with 'confidentiality' tracepoints are out of "
		"reach: some resets and witnesses are not available.",
		"Switch Secure Boot off for the time of the test, or do without them.", lockdown},
	{"kernel.taint", CHECK_HOST, WEIGHT_NORMAL, "has the kernel been well since its start?",
		"Something has already gone wrong, or foreign code runs in it: what is seen from "
		"now on may be the consequence.",
		"Find it in dmesg, and reboot before a test whose result counts.", taint},
	{"kernel.config", CHECK_HOST, WEIGHT_NORMAL, "was the kernel built with what is needed?",
		"Without these options devices cannot be passed through, or their errors go "
		"unseen.",
		"Use a kernel that has them.", config},
	{"kernel.log-ring", CHECK_HOST, WEIGHT_ESSENTIAL, "can the kernel's log be followed?",
		"The log is the main witness. Debian's ring holds about 1,000 records, which a "
		"storm of errors overruns in a moment; what is lost is counted, and the run then "
		"does not pass.",
		"Boot with `log_buf_len=4M`.", log_ring},
	{"kernel.panic", CHECK_HOST, WEIGHT_NORMAL, "what makes the kernel panic?",
		"A task that waits for a dying device, or a mere warning, takes the host down by "
		"design, and the run with it.",
		"Set it to 0 for the test (`sysctl -w`), unless that is what is tested.", panics},
	{"kernel.come-back", CHECK_HOST, WEIGHT_NORMAL,
		"would the host come back by itself from a panic or a hang?",
		"A host that stays dead is told by nobody, and its run is not resumed, until "
		"somebody presses the button.",
		"`sysctl -w kernel.panic=30` reboots it after a panic, softlockup_panic and "
		"hardlockup_panic make panics of hangs; a management controller can power it off"
		" and on. No watchdog is armed by this program.",
		come_back},
	{"kernel.evidence", CHECK_HOST, WEIGHT_NORMAL, "would a crash leave anything behind?",
		"When the host dies there is nothing to tell why.",
		"Set up kdump, or a pstore backend (efi_pstore, erst, ramoops), and keep the "
		"journal (/var/log/journal).",
		evidence},
	{"kernel.old-crash", CHECK_HOST, WEIGHT_NORMAL, "has this host crashed before?",
		"Records of an earlier crash are still there.",
		"Read them and remove them, so that they are not taken for a new one's.",
		old_crash},
	{0},
};

static void crash_kernel(struct look *l)
{
	if (hostfiles_find(&l->t->files, "/proc/vmcore") != NULL)
		answer(l, CHECK_FAIL, "/proc/vmcore is there");
	else
		answer(l, CHECK_OK, "it is the everyday one");
}

/* PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"; "" when it is not known. */
static const char *system_name(const struct topology *t, char *buf, size_t size)
{
	const char *text = hostfiles_text(&t->files, "/etc/os-release");
	char *name = buf;

	if (text == NULL || !hostfile_value(text, "PRETTY_NAME", buf, size))
		return "";
	name += *name == '"';
	name[strcspn(name, "\"")] = '\0';
	return name;
}

static void version(struct look *l)
{
	char buf[128];
	const char *name = system_name(l->t, buf, sizeof(buf));

	if (l->t->machine.kernel[0] == '\0')
		answer(l, CHECK_UNKNOWN, "/proc/sys/kernel/osrelease is not readable");
	else
		answer(l, CHECK_OK, "Linux %s%s%s", l->t->machine.kernel, name[0] ? ", " : "",
			name);
}

static void lockdown(struct look *l)
{
	const char *path = "/sys/kernel/security/lockdown";
	const struct hostfile *f = hostfiles_find(&l->t->files, path);
	const char *open, *close;

	if (f == NULL)
		answer(l, CHECK_OK, "this kernel has no lockdown");
	else if (f->sys != 0 || (open = strchr(f->text, '[')) == NULL ||
		(close = strchr(open, ']')) == NULL)
		answer(l, CHECK_UNKNOWN, "%s is not readable", path);
	else
		answer(l, str_starts(open, "[none]") ? CHECK_OK : CHECK_WARN, "%.*s",
			(int)(close - open - 1), open + 1);
}

/* Bits of /proc/sys/kernel/tainted (Documentation/admin-guide/tainted-kernels.rst). */
static const struct {
	unsigned bit;
	bool bad; /* something went wrong, not only somebody else's code */
	const char *words;
} taints[] = {
	{0, false, "a proprietary module"},
	{1, true, "a module loaded by force"},
	{2, true, "a processor out of specification"},
	{3, true, "a module unloaded by force"},
	{4, true, "a machine check"},
	{5, true, "a bad page"},
	{6, false, "a program asked for it"},
	{7, true, "an oops or BUG"},
	{8, false, "an overridden ACPI table"},
	{9, true, "a warning"},
	{10, false, "a staging driver"},
	{11, false, "a workaround for the firmware"},
	{12, false, "a module from outside the kernel"},
	{13, false, "an unsigned module"},
	{14, true, "a soft lockup"},
	{15, false, "a live patch"},
	{17, false, "a randomised structure layout"},
	{18, false, "an in-kernel test"},
};

static void taint(struct look *l)
{
	struct str words = {0};
	bool bad = false;
	uint64_t bits;
	size_t i;

	if (!hostfiles_number(&l->t->files, "/proc/sys/kernel/tainted", &bits)) {
		answer(l, CHECK_UNKNOWN, "/proc/sys/kernel/tainted is not readable");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(taints); i++) {
		if (!(bits >> taints[i].bit & 1))
			continue;
		str_addf(&words, "%s%s", words.len ? ", " : "", taints[i].words);
		bad |= taints[i].bad;
	}
	if (bits == 0)
		answer(l, CHECK_OK, "not tainted");
	else
		answer(l, bad ? CHECK_WARN : CHECK_OK, "tainted (%" PRIu64 "): %s", bits,
			words.s ? words.s : "by what is not known here");
	str_finish(&words);
}

/* ---- how it was built ---- */

static const struct {
	const char *option;
	enum check_state without;
	const char *words;
} needed[] = {
	{"CONFIG_VFIO_PCI", CHECK_FAIL, "VFIO for PCI devices"},
	{"CONFIG_IRQ_REMAP", CHECK_WARN, "interrupt remapping"},
	{"CONFIG_PCIEAER", CHECK_WARN, "PCIe error reports"},
	{"CONFIG_PCIE_DPC", CHECK_WARN, "containment of PCIe errors (DPC)"},
	{"CONFIG_HOTPLUG_PCI_PCIE", CHECK_WARN, "resets of hotplug slots"},
};

/* The configuration, from wherever it is kept. NULL: nowhere. */
static const char *config_text(const struct topology *t)
{
	const struct hostfile *f =
		hostfiles_next(&t->files, NULL, "/boot/config-", t->machine.kernel);

	if (f != NULL && f->sys == 0 && f->text[0] != '\0')
		return f->text;
	return hostfiles_text(&t->files, "/proc/config.gz");
}

static void config(struct look *l)
{
	const char *text = config_text(l->t);
	size_t i, missing = 0;
	char value[16];

	if (text == NULL || text[0] == '\0') {
		answer(l, CHECK_UNKNOWN, "neither /boot nor /proc has its configuration");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		if (hostfile_value(text, needed[i].option, value, sizeof(value)))
			continue;
		finding_item(l,
			answer(l, needed[i].without, "%s is not set: no %s", needed[i].option,
				needed[i].words),
			needed[i].option);
		missing++;
	}
	if (missing == 0)
		answer(l, CHECK_OK, "VFIO, interrupt remapping, AER, DPC and hotplug are built");
}

/* ---- the log ---- */

#define RING_GOOD (1u << 20) /* bytes: some ten thousand records */

/* Bytes of the ring: log_buf_len on the command line, else as built; 0 = not known. */
static uint64_t ring_size(const struct topology *t)
{
	const char *built = config_text(t);
	char text[32], *unit;
	uint64_t n, shift;

	if (cmdline_value(t, "log_buf_len", text, sizeof(text))) {
		n = strtoull(text, &unit, 0);
		return *unit == 'M' || *unit == 'm'    ? n << 20
			: *unit == 'K' || *unit == 'k' ? n << 10
			: *unit == 'G' || *unit == 'g' ? n << 30
						       : n;
	}
	if (built != NULL && hostfile_value(built, "CONFIG_LOG_BUF_SHIFT", text, sizeof(text)) &&
		str_to_u64(text, 10, 32, &shift))
		return UINT64_C(1) << shift;
	return 0;
}

static void log_ring(struct look *l)
{
	const char *devkmsg = hostfiles_text(&l->t->files, "/proc/sys/kernel/printk_devkmsg");
	uint64_t bytes = ring_size(l->t);
	struct finding *f;
	char text[32];

	if (devkmsg != NULL && str_eq(devkmsg, "off")) {
		f = answer(l, CHECK_FAIL, "`printk.devkmsg=off`");
		finding_means(l, f, "/dev/kmsg cannot be read, so a run would be blind.");
		finding_advises(l, f, "Take it off the command line; it cannot be undone later.");
	} else if (l->t->log_unknown != NULL) {
		f = answer(l, CHECK_UNKNOWN, "%s", l->t->log_unknown);
		finding_means(l, f, "A run that cannot read the kernel's log is blind.");
		finding_advises(l, f, "Run as root.");
	} else if (bytes >= RING_GOOD) {
		answer(l, CHECK_OK, "it can, and its ring holds %s",
			bytes_text(bytes, text, sizeof(text)));
	} else if (bytes > 0) {
		answer(l, CHECK_WARN, "it can, but its ring holds only %s",
			bytes_text(bytes, text, sizeof(text)));
	} else {
		answer(l, CHECK_OK, "it can; how much its ring holds is not known");
	}
}

/* ---- crashes ---- */

static const char *const panic_knobs[] = {
	"hung_task_panic",
	"panic_on_warn",
	"softlockup_panic",
};

static void panics(struct look *l)
{
	struct str set = {0};
	char path[64];
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(panic_knobs); i++) {
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", panic_knobs[i]);
		if (hostfiles_number(&l->t->files, path, &n) && n != 0)
			str_addf(&set, "%skernel.%s = %" PRIu64, set.len ? ", " : "",
				panic_knobs[i], n);
	}
	if (set.len > 0)
		answer(l, CHECK_WARN, "%s", set.s);
	else
		answer(l, CHECK_OK, "neither a warning, nor a hung task, nor a soft lockup does");
	str_finish(&set);
}

/* Hangs that are made panics, so that they end like these. */
static const struct {
	const char *path, *words;
} hang_knobs[] = {
	{"/proc/sys/kernel/softlockup_panic", "a soft lockup"},
	{"/proc/sys/kernel/hardlockup_panic", "a hard lockup"},
	{"/proc/sys/kernel/hung_task_panic", "a hung task"},
	{"/proc/sys/kernel/panic_on_oops", "an oops"},
};

static void add_hangs(const struct look *l, struct str *out)
{
	const char *join = "; panics: ";
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hang_knobs); i++) {
		if (!hostfiles_number(&l->t->files, hang_knobs[i].path, &n) || n == 0)
			continue;
		str_addf(out, "%s%s", join, hang_knobs[i].words);
		join = ", ";
	}
}

/* "iTCO_wdt (inactive)" of each: who arms it decides about the host. */
static void add_watchdogs(const struct look *l, struct str *out)
{
	const struct hostfile *f = NULL;
	const char *state;
	char path[128];

	while ((f = hostfiles_next(&l->t->files, f, "/sys/class/watchdog/", "")) != NULL) {
		if (!str_ends(f->path, "/identity") || f->sys != 0)
			continue;
		snprintf(path, sizeof(path), "%.*sstate",
			(int)(strlen(f->path) - strlen("identity")), f->path);
		state = hostfiles_text(&l->t->files, path);
		str_addf(out, "; watchdog: %s (%s)", f->text, state ? state : "state unknown");
	}
}

static bool has_controller(const struct look *l)
{
	return hostfiles_next(&l->t->files, NULL, "/dev/ipmi", "") != NULL;
}

static void come_back(struct look *l)
{
	const char *panic = hostfiles_text(&l->t->files, "/proc/sys/kernel/panic");
	bool controller = has_controller(l);
	struct str words = {0};
	int64_t s;

	if (panic == NULL || !str_to_i64(panic, 10, INT32_MIN, INT32_MAX, &s)) {
		answer(l, CHECK_UNKNOWN, "/proc/sys/kernel/panic is not readable");
		return;
	}
	if (s == 0)
		str_add(&words, "after a panic it stays as it is");
	else if (s < 0)
		str_add(&words, "after a panic it reboots at once");
	else
		str_addf(&words, "after a panic it reboots in %" PRId64 " s", s);
	add_hangs(l, &words);
	add_watchdogs(l, &words);
	str_addf(&words, "; management controller: %s", controller ? "there (IPMI)" : "none seen");
	answer(l, s != 0 || controller ? CHECK_OK : CHECK_WARN, "%s", words.s);
	str_finish(&words);
}

static void evidence(struct look *l)
{
	const char *backend = hostfiles_text(&l->t->files, "/sys/module/pstore/parameters/backend");
	bool kdump = false, pstore = backend && *backend && !str_eq(backend, "(null)"), journal;
	uint64_t n;

	if (hostfiles_number(&l->t->files, "/sys/kernel/kexec_crash_loaded", &n))
		kdump = n == 1;
	journal = hostfiles_find(&l->t->files, "/var/log/journal") != NULL;
	answer(l, kdump || pstore ? CHECK_OK : CHECK_WARN, "kdump: %s; pstore: %s; journal: %s",
		kdump ? "loaded" : "no", pstore ? backend : "no",
		journal ? "kept" : "not kept over a reboot");
}

static void old_crash(struct look *l)
{
	static const char *const places[] = {"/sys/fs/pstore/", "/var/lib/systemd/pstore/"};
	const char *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		const struct hostfile *f = NULL;

		while ((f = hostfiles_next(&l->t->files, f, places[i], "")) != NULL) {
			first = first ? first : f->path;
			n++;
		}
	}
	if (n > 0)
		answer(l, CHECK_WARN, "%s%s", first, n > 1 ? " and others" : "");
	else
		answer(l, CHECK_OK, "pstore has no records");
}
