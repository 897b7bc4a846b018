/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "model/topology.h"

#include <string.h>

static void version(struct look *l);
static void tables(struct look *l);
static void complaints(struct look *l);
static void secure_boot(struct look *l);

const struct check checks_firmware[] = {
	{"firmware.version", CHECK_HOST, WEIGHT_NORMAL, "which firmware is it?",
		"A later change of behaviour cannot be tied to an update.",
		"Run as root, or note the BIOS version by hand.", version},
	{"firmware.tables", CHECK_HOST, WEIGHT_NORMAL,
		"does the firmware describe an IOMMU (DMAR, IVRS)?",
		"Without that table the kernel finds no IOMMU, and nothing can be passed through.",
		"Switch on VT-d (Intel) or AMD-Vi/IOMMU (AMD) in the firmware's setup.", tables},
	{"firmware.complaints", CHECK_HOST, WEIGHT_NORMAL,
		"does the kernel complain about the firmware's IOMMU tables?",
		"What the firmware says about the IOMMU is wrong, and the kernel works around it.",
		"Look for a BIOS update; note this as a known fault of the board.", complaints},
	{"firmware.secure-boot", CHECK_HOST, WEIGHT_NORMAL, "was it booted with Secure Boot?",
		"Secure Boot locks the kernel down, which bars writing config space.",
		"Run as root to find out.", secure_boot},
	{0},
};

static void version(struct look *l)
{
	const struct machine_facts *m = &l->t->machine;
	const char *vendor = hostfiles_text(&l->t->files, "/sys/class/dmi/id/sys_vendor"),
		   *product = hostfiles_text(&l->t->files, "/sys/class/dmi/id/product_name");

	if (m->bios[0] == '\0')
		answer(l, CHECK_UNKNOWN, "there are no DMI tables");
	else
		answer(l, CHECK_OK, "%s; %s%s%s, board %s", m->bios, vendor ? vendor : "?",
			product ? " " : "", product ? product : "", m->board[0] ? m->board : "?");
}

static void tables(struct look *l)
{
	const struct hostfiles *f = &l->t->files;

	if (hostfiles_find(f, "/sys/firmware/acpi/tables/DMAR") != NULL)
		answer(l, CHECK_OK, "DMAR: Intel VT-d");
	else if (hostfiles_find(f, "/sys/firmware/acpi/tables/IVRS") != NULL)
		answer(l, CHECK_OK, "IVRS: AMD-Vi");
	else if (l->t->ngroups > 0)
		answer(l, CHECK_OK, "neither DMAR nor IVRS, and yet there are IOMMU groups");
	else if (hostfiles_find(f, "/sys/firmware/acpi/tables/FACP") == NULL)
		answer(l, CHECK_UNKNOWN, "the ACPI tables are not in sysfs");
	else
		answer(l, CHECK_FAIL, "there is neither a DMAR nor an IVRS table");
}

static void complaints(struct look *l)
{
	size_t i, n = 0;

	if (!answer_from_log(l))
		return;
	for (i = 0; i < l->t->nwords; i++) {
		const struct kernel_word *w = &l->t->words[i];

		if (!str_ends(w->id, ".firmware-bug"))
			continue;
		finding_item(l, answer(l, CHECK_WARN, "%s", w->text), w->id);
		n++;
	}
	if (n == 0 && l->t->log_from_boot)
		answer(l, CHECK_OK, "none in the log of this boot");
	else if (n == 0)
		answer(l, CHECK_UNKNOWN, "the kernel's log no longer reaches back to the boot");
}

static void secure_boot(struct look *l)
{
	const struct hostfile *f =
		hostfiles_next(&l->t->files, NULL, "/sys/firmware/efi/efivars/SecureBoot-", "");

	if (f != NULL && f->sys == 0 && strlen(f->text) == 10)
		/* four bytes of attributes, then the value */
		answer(l, CHECK_OK, "%s", str_ends(f->text, "01") ? "on" : "off");
	else if (hostfiles_find(&l->t->files, "/sys/firmware/efi/fw_platform_size") == NULL)
		answer(l, CHECK_OK, "no: booted without UEFI");
	else
		answer(l, CHECK_UNKNOWN, "the EFI variable SecureBoot is not readable");
}
