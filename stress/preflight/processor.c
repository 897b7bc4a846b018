/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "model/topology.h"
#include "preflight/facts.h"

#include <string.h>

static void virtualization(struct look *l);
static void kvm(struct look *l);
static void microcode(struct look *l);

const struct check checks_processor[] = {
	{"processor.virtualization", CHECK_HOST, WEIGHT_ESSENTIAL,
		"can the processor run guests (VT-x, AMD-V)?",
		"KVM cannot run a guest here: the processor lacks it, the firmware has switched it "
		"off, or this is itself a guest.",
		"Switch on Intel VT-x or AMD SVM in the firmware's setup.", virtualization},
	{"processor.kvm", CHECK_HOST, WEIGHT_NORMAL, "is KVM there?",
		"Guests of type 'kvm' cannot start.",
		"Load it: `modprobe kvm_intel` or `modprobe kvm_amd`; dmesg says why it fails.",
		kvm},
	{"processor.microcode", CHECK_HOST, WEIGHT_NORMAL, "which microcode does it run?",
		"The kernel does not say.", "Look in dmesg for 'microcode'.", microcode},
	{0},
};

/* Without a guest of type 'kvm' nobody needs it: QEMU can emulate. */
static enum check_state without_kvm(const struct look *l)
{
	bool emulated = false;
	size_t i;

	for (i = 0; i < l->t->ndomains; i++) {
		const struct domdef *def = l->t->domains[i].def;

		if (def != NULL && str_eq(def->type, "kvm"))
			return CHECK_FAIL;
		emulated |= def != NULL && str_eq(def->type, "qemu");
	}
	return emulated ? CHECK_WARN : CHECK_FAIL;
}

/* "kvm: disabled by bios", the one thing that the flags do not tell. */
static const struct kernel_word *disabled_by_firmware(const struct look *l)
{
	size_t i;

	for (i = 0; i < l->t->nwords; i++)
		if (str_eq(l->t->words[i].id, "kvm.disabled-by-firmware"))
			return &l->t->words[i];
	return NULL;
}

static bool has_flag(const char *flags, const char *flag)
{
	size_t len = strlen(flag);
	const char *s = flags;

	while ((s = strstr(s, flag)) != NULL) {
		if ((s == flags || s[-1] == ' ') && (s[len] == ' ' || s[len] == '\0'))
			return true;
		s += len;
	}
	return false;
}

static void virtualization(struct look *l)
{
	const char *cpu = hostfiles_text(&l->t->files, "/proc/cpuinfo");
	const struct kernel_word *word = disabled_by_firmware(l);
	char flags[8192];

	if (cpu == NULL || !hostfile_value(cpu, "flags", flags, sizeof(flags))) {
		answer(l, CHECK_UNKNOWN, "/proc/cpuinfo has no flags");
		return;
	}
	if (word != NULL)
		answer(l, without_kvm(l), "the kernel says: %s", word->text);
	else if (has_flag(flags, "vmx"))
		answer(l, CHECK_OK, "VT-x (vmx)%s",
			has_flag(flags, "hypervisor") ? ", in a guest" : "");
	else if (has_flag(flags, "svm"))
		answer(l, CHECK_OK, "AMD-V (svm)%s",
			has_flag(flags, "hypervisor") ? ", in a guest" : "");
	else
		answer(l, without_kvm(l), "neither vmx nor svm is among the processor's flags");
}

static void kvm(struct look *l)
{
	const struct hostfile *node = hostfiles_find(&l->t->files, "/dev/kvm");

	if (node == NULL)
		answer(l, without_kvm(l), "there is no /dev/kvm");
	else
		answer(l, CHECK_OK, "/dev/kvm%s%s",
			module_loaded(l->t, "kvm_intel") ? ", kvm_intel" : "",
			module_loaded(l->t, "kvm_amd") ? ", kvm_amd" : "");
}

static void microcode(struct look *l)
{
	const struct machine_facts *m = &l->t->machine;

	if (m->microcode[0] != '\0')
		answer(l, CHECK_OK, "%s, microcode %s", m->cpu, m->microcode);
	else
		answer(l, CHECK_UNKNOWN, "/proc/cpuinfo does not say");
}
