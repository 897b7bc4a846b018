/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preflight_json.h"
#include "cli/preflight_text.h"

#include "base/str.h"
#include "golden.h"
#include "machine.h"
#include "preflight/preflight.h"
#include "preflight/words.h"

#include "cmocka_all.h"

#include <string.h>

struct view {
	const char *name;
	bool json;
	struct preflight_style style;
};

static const struct view views[] = {
	{"text", false, {.columns = 80, .rows = 24}},
	{"verbose", false, {.all = true, .columns = 80}},
	{"colour", false, {.colour = true, .columns = 100, .rows = 24}},
	{"json", true, {0}},
};

static void check(const char *machine, const char *wanted)
{
	auto_free char *log = xasprintf(SOURCE_DIR "/tests/trees/%s.kmsg", machine);
	const struct host host = {.root = "/nonexistent", .kmsg = log, .simulated = true};
	struct topology *t = machine_of(machine);
	const struct pcidev *devs[64];
	struct preflight p;
	size_t i;

	words_read(&host, t);
	preflight_look(t, devs, preflight_suggest(t, devs), &p);
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		auto_free char *path =
			xasprintf("preflight/%s.%s.expected", machine, views[i].name);
		auto_free char *bytes = NULL;
		size_t len = 0;
		FILE *out;

		if (strstr(wanted, views[i].name) == NULL)
			continue;
		out = open_memstream(&bytes, &len);
		if (views[i].json)
			preflight_write_json(&p, p.count[CHECK_FAIL] > 0, out);
		else
			preflight_write_text(&p, &views[i].style, out);
		fclose(out);
		golden_check(path, bytes, len);
	}
	preflight_finish(&p);
	machine_free(t);
}

static void each_variant_of_the_lab_is_judged_rightly(void **state)
{
	(void)state;
	check("intel", "text verbose colour json");
	check("amd", "text");
	check("none", "text json");
}

/* ---- docs/checks.md ---- */

static void write_check(FILE *out, const struct check *c)
{
	fprintf(out, "\n### %s\n\n%c%s (%s%s)\n", c->id, c->asks[0] - 'a' + 'A', c->asks + 1,
		c->of == CHECK_HOST             ? "once"
			: c->of == CHECK_DEVICE ? "of each device"
						: "of each domain",
		c->weight == WEIGHT_REFUSES             ? "; where it fails no run begins"
			: c->weight == WEIGHT_ESSENTIAL ? "; essential"
							: "");
	if (c->meaning[0] != '\0')
		fprintf(out, "\n%s\n", c->meaning);
	if (c->advice[0] != '\0')
		fprintf(out, "\n*%s*\n", c->advice);
}

/* What people run by hand on such a host, and which checks answer it. */
static const struct {
	const char *command, *checks;
} by_hand[] = {
	{"`lscpu`, `grep -c -e vmx -e svm /proc/cpuinfo`", "processor.virtualization"},
	{"`ls -l /dev/kvm`, `lsmod \\| grep kvm`", "processor.kvm"},
	{"`dmesg \\| grep -e DMAR -e IOMMU -e AMD-Vi`: is it on?",
		"iommu.groups firmware.tables firmware.complaints log.iommu"},
	{"the same, for 'remapping', 'x2apic', 'default domain type'",
		"iommu.interrupt-remapping iommu.domain-type"},
	{"`cat /proc/cmdline`", "kernel.command-line"},
	{"`ls /sys/kernel/iommu_groups`: how many?", "iommu.groups"},
	{"`for g in /sys/kernel/iommu_groups/*`: who is in each group of a device?",
		"device.group"},
	{"the groups that hold GPUs; strangers in them; several GPUs in one",
		"iommu.gpu-groups device.group"},
	{"`lspci -nnk`: driver, and modules that would take it",
		"device.driver device.competitors"},
	{"`lspci -nn`: the same vendor:device twice, for `vfio-pci.ids=`", "device.twins vfio.ids"},
	{"`lspci -vv \\| grep ACSCtl`", "device.acs"},
	{"`lspci -vv \\| grep -e LnkCap -e LnkSta -e ASPM`", "device.link device.aspm"},
	{"`lspci -vv \\| grep -e Region -e Resizable`", "device.bars device.resizable-bar"},
	{"`cat /sys/bus/pci/devices/*/reset_method`", "device.reset device.siblings"},
	{"`cat .../power_state`, `.../d3cold_allowed`, `.../power/control`", "device.power"},
	{"`cat .../numa_node`", "device.numa domain.numa"},
	{"`cat .../boot_vga`, `/proc/fb`", "device.boot-display"},
	{"`cat .../aer_dev_*`, `dmesg \\| grep -i aer`", "device.aer device.errors log.errors"},
	{"`lsmod \\| grep vfio`, `/sys/module/vfio*/parameters`",
		"vfio.modules vfio.parameters iommu.noiommu-mode"},
	{"`ls -l /dev/vfio`, `fuser -v /dev/vfio/* /dev/nvidia*`, `lsof /dev/dri/*`",
		"vfio.nodes device.users"},
	{"`ulimit -l`, `grep Huge /proc/meminfo`, `swapon`",
		"vfio.memlock host.hugepages host.memory host.swap"},
	{"`uname -r`, `dmidecode`, `cat /proc/sys/kernel/tainted`, `mokutil --sb-state`",
		"kernel.version firmware.version processor.microcode kernel.taint "
		"firmware.secure-boot kernel.lockdown"},
	{"`virsh dumpxml`: q35, OVMF, hostdevs, memory, CPU, agent",
		"domain.machine domain.firmware domain.slots domain.managed domain.memory "
		"domain.hugepages domain.cpu domain.agent"},
};

static bool is_check(const char *id)
{
	const struct check *const *table, *c;

	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++)
			if (str_eq(c->id, id))
				return true;
	return false;
}

static void write_by_hand(FILE *out)
{
	size_t i;

	fputs("\n## In place of the usual commands\n\n| by hand | checks |\n| --- | --- |\n", out);
	for (i = 0; i < sizeof(by_hand) / sizeof(by_hand[0]); i++) {
		auto_free char *copy = xstrdup(by_hand[i].checks);
		char *id, *rest = copy, *name;
		const char *sep = "";

		fprintf(out, "| %s | ", by_hand[i].command);
		while ((id = strsep(&rest, " ")) != NULL) {
			auto_free char *anchor = xstrdup(id);

			if (!is_check(id))
				fail_msg("there is no check %s", id);
			/* as the page's headings are linked to: without the dot */
			name = strchr(anchor, '.');
			memmove(name, name + 1, strlen(name));
			fprintf(out, "%s[%s](#%s)", sep, id, anchor);
			sep = ", ";
		}
		fputs(" |\n", out);
	}
	fputs("\nWhom a reset disturbs stands below the checks of `preflight -v`, as a tree; who "
	      "is in which group,\nand where in the topology, in `devices`.\n",
		out);
}

static void the_page_of_checks_says_what_the_tables_say(void **state)
{
	const struct check *const *table, *c;
	const char *section = NULL;
	auto_free char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	(void)state;
	fputs("# Checks\n\nWhat `vfio-stress preflight` looks at, what it means when it is not as"
	      " it should be, and *what\nto do*. Made from the tables in stress/preflight/ "
	      "(`golden_preflight --update-golden`); `vfio-stress\nlist checks` prints the same."
	      " Ids are for ever: scripts and reports use them. Where something\n*essential* "
	      "cannot be "
	      "told, preflight as a whole cannot (exit code 3).\n",
		out);
	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++) {
			if (!str_eq(section, check_section(c)))
				fprintf(out, "\n## %s\n", check_section(c));
			section = check_section(c);
			write_check(out, c);
		}
	write_by_hand(out);
	fclose(out);
	golden_check("../../docs/checks.md", bytes, len);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_variant_of_the_lab_is_judged_rightly),
		cmocka_unit_test(the_page_of_checks_says_what_the_tables_say),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
