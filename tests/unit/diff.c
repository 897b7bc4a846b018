/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/diff.h"

#include "base/str.h"
#include "base/vec.h"
#include "model/topology.h"

#include "cmocka_all.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* A function of a machine made for a test. */
struct fn {
	const char *bdf, *parent; /* parent NULL: on a root bus */
	uint16_t vendor, device;
	uint8_t secondary; /* a port */
	int group; /* 0 = none */
	const char *methods, *driver, *override, *physfn;
	unsigned width, width_max; /* of its link; 0 = it has none */
	bool asleep;
	uint64_t bar; /* its size */
};

#define FUNCTIONS_MAX 16

struct machine {
	struct fn f[FUNCTIONS_MAX];
	const char *files[8][2]; /* path, text */
	const char *domains[4][2]; /* name, XML */
	const char *bios;
};

/* A GPU of two functions and an NVMe drive below ports, another empty port, and a NIC on the root bus. */
static const struct machine plain = {
	.f =
		{
			{"0000:00:01.0", NULL, 0x8086, 0x0101, 1, 1, .driver = "pcieport",
				.width = 16, .width_max = 16},
			{"0000:00:02.0", NULL, 0x8086, 0x0101, 2, 2, .driver = "pcieport",
				.width = 4, .width_max = 16},
			{"0000:00:03.0", NULL, 0x8086, 0x0101, 3, 3, .driver = "pcieport",
				.width_max = 16},
			{"0000:00:1f.0", NULL, 0x8086, 0x10d3, 0, 9, "flr", .driver = "e1000e"},
			{"0000:01:00.0", "0000:00:01.0", 0x10de, 0x2684, 0, 4, "flr bus",
				"vfio-pci", "vfio-pci", .width = 16, .width_max = 16,
				.bar = 0x10000000},
			{"0000:01:00.1", "0000:00:01.0", 0x10de, 0x22ba, 0, 4, "",
				.driver = "vfio-pci"},
			{"0000:02:00.0", "0000:00:02.0", 0x144d, 0xa808, 0, 5, "flr", "nvme",
				.width = 4, .width_max = 4},
		},
	.files = {{"/proc/cmdline", "quiet vfio-pci.ids=10de:2684,10de:22ba\n"},
		{"/proc/interrupts", "IR-PCI-MSI"}},
	.domains = {{"gpu-vm",
		"<domain type='kvm'><name>gpu-vm</name><devices>"
		"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' "
		"bus='1' slot='0' function='0'/></source></hostdev></devices></domain>"}},
	.bios = "ACME 1.0",
};

/* Config space of a PCIe function with nothing but its link in it. */
static struct pciconf config_of(struct topology *t, const struct fn *f)
{
	uint8_t *c = arena_alloc(&t->arena, PCICONF_LEGACY);

	memset(c, 0, PCICONF_LEGACY);
	c[0] = (uint8_t)f->vendor;
	c[1] = (uint8_t)(f->vendor >> 8);
	c[6] = 0x10;
	c[0x34] = 0x40;
	c[0x40] = 0x10;
	c[0x42] = (uint8_t)(2 | (f->secondary ? PCIE_ROOT_PORT : PCIE_ENDPOINT) << 4);
	c[0x4c] = (uint8_t)(4 | (f->width_max & 0xf) << 4);
	c[0x4d] = (uint8_t)(f->width_max >> 4);
	c[0x52] = (uint8_t)(4 | (f->width & 0xf) << 4);
	c[0x53] = (uint8_t)(f->width >> 4);
	return (struct pciconf){c, PCICONF_LEGACY};
}

static void make_function(struct topology *t, size_t i, const struct fn *f)
{
	struct pcidev *dev = &t->devs.v[i];
	struct pcifacts *facts = &t->facts[i];

	assert_true(bdf_parse(f->bdf, &dev->bdf));
	dev->vendor = f->vendor;
	dev->device = f->device;
	dev->class_code = f->secondary ? 0x060400 : 0x030000;
	dev->is_bridge = f->secondary != 0;
	dev->secondary_bus = dev->subordinate_bus = f->secondary;
	dev->iommu_group = f->group ? f->group : -1;
	dev->numa_node = -1;
	dev->has_parent = f->parent && bdf_parse(f->parent, &dev->parent);
	dev->is_vf = f->physfn && bdf_parse(f->physfn, &dev->physfn);
	str_set(dev->driver, f->driver ? f->driver : "");
	str_set(dev->reset_methods, f->methods ? f->methods : "");
	str_set(facts->driver_override, f->override ? f->override : "");
	facts->drivers = facts->slot = "";
	facts->conf_state = f->asleep ? CONF_ASLEEP : CONF_READ;
	if (!f->asleep)
		facts->conf = config_of(t, f);
	if (f->bar)
		facts->regions[0] = (struct pci_region){0x1000, 0x1000 + f->bar - 1, REGION_MEMORY};
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hostfile *)a)->path, ((const struct hostfile *)b)->path);
}

static void make_rest(struct topology *t, const struct machine *m)
{
	size_t i;

	t->machine = (struct machine_facts){.name = "gpu-07",
		.kernel = "6.1",
		.cmdline = "",
		.bios = m->bios ? m->bios : "ACME 1.0",
		.board = "board",
		.cpu = "cpu",
		.microcode = "0x1"};
	t->files.v = arena_alloc(&t->arena, 8 * sizeof(*t->files.v));
	for (i = 0; i < 8 && m->files[i][0] != NULL; i++)
		t->files.v[t->files.n++] =
			(struct hostfile){m->files[i][0], m->files[i][1], 0, false};
	qsort(t->files.v, t->files.n, sizeof(*t->files.v), by_path);
	t->domains = arena_alloc(&t->arena, 4 * sizeof(*t->domains));
	for (i = 0; i < 4 && m->domains[i][0] != NULL; i++) {
		struct domdef *def = arena_alloc(&t->arena, sizeof(*def));
		const char *xml = m->domains[i][1];
		struct err err = {0};

		assert_int_equal(domdef_parse(xml, strlen(xml), def, &err), 0);
		t->domains[t->ndomains++] =
			(struct topology_domain){.name = m->domains[i][0], .xml = xml, .def = def};
	}
}

static void make(struct topology *t, const struct machine *m)
{
	size_t n = 0, i;

	*t = (struct topology){0};
	while (n < FUNCTIONS_MAX && m->f[n].bdf != NULL)
		n++;
	t->devs = (struct pcidev_list){xcalloc(n + 1, sizeof(struct pcidev)), n};
	t->facts = arena_alloc(&t->arena, (n + 1) * sizeof(*t->facts));
	for (i = 0; i < n; i++)
		make_function(t, i, &m->f[i]);
	topology_make_groups(t);
	make_rest(t, m);
}

/* "effect id subject: text\n  breaks ...\n" of each change. */
static char *text_of(const struct machine *a, const struct machine *b)
{
	struct topology before, after;
	struct machine_diff d;
	struct str text = {0};
	size_t i;

	make(&before, a);
	make(&after, b);
	machine_diff_make(&before, &after, &d);
	topology_finish(&before);
	topology_finish(&after);
	vec_foreach (c, &d) {
		str_addf(&text, "%s %s %s: %s\n", change_effect_name(c->effect), c->id, c->subject,
			c->text);
		for (i = 0; i < c->nbreaks; i++)
			str_addf(&text, "  %s\n", c->breaks[i]);
	}
	for (i = 0; i < d.nblind; i++)
		str_addf(&text, "blind %s\n", d.blind[i]);
	machine_diff_finish(&d);
	return text.s ? text.s : xstrdup("");
}

static void changes(const struct machine *a, const struct machine *b, const char *wanted)
{
	auto_free char *text = text_of(a, b);

	assert_string_equal(text, wanted);
}

static struct fn *fn(struct machine *m, const char *bdf)
{
	size_t i;

	for (i = 0; i < FUNCTIONS_MAX && m->f[i].bdf != NULL; i++)
		if (str_eq(m->f[i].bdf, bdf))
			return &m->f[i];
	fail_msg("there is no %s", bdf);
	return NULL;
}

static void the_same_machine_has_not_changed(void **state)
{
	struct machine m = plain;
	size_t i;

	(void)state;
	changes(&plain, &plain, "");
	/* other numbers of groups, link speeds and the like are no change */
	for (i = 0; m.f[i].bdf != NULL; i++)
		m.f[i].group += 20;
	changes(&plain, &m, "");
}

static void a_lost_reset_method_is_just_that(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:01:00.0")->methods = "bus";
	changes(&plain, &m,
		"regression device.reset-methods 0000:01:00.0: reset methods: flr is lost\n");
	changes(&m, &plain,
		"improvement device.reset-methods 0000:01:00.0: reset methods: flr is new\n");
	fn(&m, "0000:01:00.0")->methods = "bus flr";
	changes(&plain, &m,
		"neutral device.reset-methods 0000:01:00.0: reset methods are in another order: "
		"bus flr, was flr bus\n");
}

/* Both ends of a link show it: the device's end is told. */
static void a_narrower_link_is_just_that(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:01:00.0")->width = 8;
	fn(&m, "0000:00:01.0")->width = 8;
	changes(&plain, &m, "regression device.link-width 0000:01:00.0: link is x8, was x16\n");
	changes(&m, &plain, "improvement device.link-width 0000:01:00.0: link is x16, was x8\n");
}

static void a_merged_group_is_just_that(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:02:00.0")->group = 4;
	changes(&plain, &m,
		"regression group.merged IOMMU group 4: has what was in several groups: "
		"0000:01:00.0 + 0000:01:00.1, 0000:02:00.0\n");
	changes(&m, &plain,
		"improvement group.split IOMMU group 4: is several groups now: "
		"0000:01:00.0 + 0000:01:00.1, 0000:02:00.0\n");
}

/* The GPU's bus gets another number, as when a firmware finds one more bridge before it. */
static void renumber(struct machine *m)
{
	fn(m, "0000:00:01.0")->secondary = 0x41;
	fn(m, "0000:01:00.0")->bdf = "0000:41:00.0";
	fn(m, "0000:01:00.1")->bdf = "0000:41:00.1";
	/* in BDF order */
	struct fn nvme = *fn(m, "0000:02:00.0");
	m->f[6] = m->f[5];
	m->f[5] = m->f[4];
	m->f[4] = nvme;
}

static void a_renumbered_bus_is_one_change_that_names_what_breaks(void **state)
{
	struct machine m = plain;

	(void)state;
	renumber(&m);
	changes(&plain, &m,
		"regression bus.renumbered bus 0000:01: is 0000:41 now: 0000:41:00.0, "
		"0000:41:00.1\n"
		"  domain gpu-vm passes 0000:01:00.0 through: nothing is there any more\n");
	m.domains[0][0] = NULL;
	changes(&plain, &m,
		"neutral bus.renumbered bus 0000:01: is 0000:41 now: 0000:41:00.0, 0000:41:00.1\n"
		"neutral domain.removed domain gpu-vm: is gone\n");
}

static void whatever_names_the_old_address_breaks(void **state)
{
	struct machine a = plain, b;

	(void)state;
	a.domains[0][0] = NULL;
	a.files[0][1] = "vfio_bind=0000:01:00.1\n";
	a.files[2][0] = "/etc/modprobe.d/x.conf";
	a.files[2][1] = "install vfio-pci bind 01:00.0";
	b = a;
	renumber(&b);
	fn(&b, "0000:41:00.0")->override = NULL;
	fn(&b, "0000:41:00.0")->driver = "nouveau";
	changes(&a, &b,
		"regression bus.renumbered bus 0000:01: is 0000:41 now: 0000:41:00.0, "
		"0000:41:00.1\n"
		"  /etc/modprobe.d/x.conf names 0000:01:00.0\n"
		"  0000:01:00.0 had driver_override vfio-pci, which is gone with its address\n"
		"  the kernel's command line names 0000:01:00.1\n"
		"regression device.driver 0000:41:00.0: is bound to nouveau, was vfio-pci\n"
		"neutral device.driver-override 0000:41:00.0: driver_override is not set, was "
		"vfio-pci\n");
}

/* The drive that now has the GPU's address is named. */
static void two_buses_that_swap_their_numbers_are_dangerous(void **state)
{
	struct machine m = plain;
	struct fn gpu = *fn(&m, "0000:01:00.0"), audio = *fn(&m, "0000:01:00.1"),
		  nvme = *fn(&m, "0000:02:00.0");

	(void)state;
	fn(&m, "0000:00:01.0")->secondary = 2;
	fn(&m, "0000:00:02.0")->secondary = 1;
	nvme.bdf = "0000:01:00.0";
	gpu.bdf = "0000:02:00.0";
	audio.bdf = "0000:02:00.1";
	m.f[4] = nvme;
	m.f[5] = gpu;
	m.f[6] = audio;
	changes(&plain, &m,
		"regression bus.renumbered bus 0000:01: is 0000:02 now: 0000:02:00.0, "
		"0000:02:00.1\n"
		"  domain gpu-vm passes 0000:01:00.0 through: another device, 144d:a808\n"
		"neutral bus.renumbered bus 0000:02: is 0000:01 now: 0000:01:00.0\n");
}

static void a_moved_card_is_one_change_with_all_its_functions(void **state)
{
	struct machine m = plain;

	(void)state;
	m.domains[0][1] = NULL;
	m.domains[0][0] = NULL;
	fn(&m, "0000:00:03.0")->width = 16;
	fn(&m, "0000:00:01.0")->width = 0;
	fn(&m, "0000:01:00.0")->parent = fn(&m, "0000:01:00.1")->parent = "0000:00:03.0";
	fn(&m, "0000:01:00.0")->bdf = "0000:03:00.0";
	fn(&m, "0000:01:00.1")->bdf = "0000:03:00.1";
	struct fn nvme = m.f[6];
	m.f[6] = m.f[5];
	m.f[5] = m.f[4];
	m.f[4] = nvme;
	struct machine a = plain;
	a.domains[0][0] = NULL;
	changes(&a, &m,
		"neutral device.moved 0000:03:00.0: has moved: below 0000:00:03.0, was "
		"0000:01:00.0 "
		"below 0000:00:01.0\n");
	m.domains[0][0] = plain.domains[0][0];
	m.domains[0][1] = plain.domains[0][1];
	changes(&plain, &m,
		"regression device.moved 0000:03:00.0: has moved: below 0000:00:03.0, was "
		"0000:01:00.0 below 0000:00:01.0\n"
		"  domain gpu-vm passes 0000:01:00.0 through: nothing is there any more\n");
}

static void what_is_gone_and_new_is_told_once_for_its_slot(void **state)
{
	struct machine m = plain;

	(void)state;
	m.f[4] = m.f[6];
	m.f[5] = (struct fn){0};
	m.f[6] = (struct fn){0};
	changes(&plain, &m,
		"regression device.removed 0000:01:00.0: is gone: 10de:2684, with 1 more function "
		"of its slot or below it\n"
		"  domain gpu-vm passes 0000:01:00.0 through: nothing is there any more\n");
	changes(&m, &plain,
		"regression device.added 0000:01:00.0: is new: 10de:2684, with 1 more function of "
		"its slot or below it\n"
		"  ids= in the kernel's command line takes it too: 10de:2684\n");
}

static void another_device_in_its_place_is_no_longer_caught_by_ids(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:01:00.0")->device = 0x2685;
	fn(&m, "0000:01:00.0")->methods = "";
	changes(&plain, &m,
		"regression device.replaced 0000:01:00.0: is another device: 10de:2685, was "
		"10de:2684\n"
		"  ids= in the kernel's command line has 10de:2684, which this is no longer\n");
}

static void a_port_with_other_ids_keeps_what_is_below_it(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:00:01.0")->device = 0x0999;
	changes(&plain, &m,
		"neutral device.replaced 0000:00:01.0: is another device: 8086:0999, was "
		"8086:0101\n");
}

static void a_smaller_bar_and_a_port_that_was_split_are_regressions(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:01:00.0")->bar = 0x1000000;
	fn(&m, "0000:00:02.0")->width_max = 4;
	changes(&plain, &m,
		"regression device.link-width-max 0000:00:02.0: widest link is x4, was x16\n"
		"regression device.bar-size 0000:01:00.0: BAR 0 has 0x1000000 bytes, had "
		"0x10000000\n");
}

static void no_groups_at_all_is_one_change(void **state)
{
	struct machine m = plain;
	size_t i;

	(void)state;
	for (i = 0; m.f[i].bdf != NULL; i++)
		m.f[i].group = 0;
	m.files[1][1] = "PCI-MSI";
	changes(&plain, &m,
		"regression iommu.on IOMMU: is off: there are no groups any more, were 6\n"
		"regression iommu.interrupt-remapping interrupt remapping: is off\n");
}

static void virtual_functions_are_counted(void **state)
{
	struct machine m = plain;

	(void)state;
	m.f[7] = (struct fn){
		"0000:02:00.1", "0000:00:02.0", 0xffff, 0xffff, 0, 6, .physfn = "0000:02:00.0"};
	m.f[8] = (struct fn){
		"0000:02:00.2", "0000:00:02.0", 0xffff, 0xffff, 0, 7, .physfn = "0000:02:00.0"};
	changes(&m, &m, "");
	changes(&plain, &m, "");
}

static void what_sleeps_is_not_compared_and_that_is_said(void **state)
{
	struct machine m = plain;

	(void)state;
	fn(&m, "0000:02:00.0")->asleep = true;
	changes(&plain, &m,
		"blind links, ACS and capabilities of 1 function: config space was not read both "
		"times\n");
}

static void settings_are_told_word_by_word(void **state)
{
	struct machine m = plain;

	(void)state;
	m.bios = "ACME 2.0";
	m.files[0][1] = "BOOT_IMAGE=/vmlinuz-2 vfio-pci.ids=10de:2684,10de:22ba iommu=pt\n";
	m.files[2][0] = "/etc/modprobe.d/x.conf";
	m.files[2][1] = "blacklist nouveau";
	changes(&plain, &m,
		"neutral host.bios BIOS: ACME 2.0, was ACME 1.0\n"
		"neutral kernel.command-line kernel command line: iommu=pt is new, quiet is gone\n"
		"neutral modprobe.settings /etc/modprobe.d/x.conf: blacklist nouveau is new\n");
}

static void a_domain_that_follows_is_no_breakage(void **state)
{
	struct machine m = plain;

	(void)state;
	renumber(&m);
	m.domains[0][1] =
		"<domain type='kvm'><name>gpu-vm</name><devices>"
		"<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' "
		"bus='0x41' slot='0' function='0'/></source></hostdev></devices></domain>";
	changes(&plain, &m,
		"neutral bus.renumbered bus 0000:01: is 0000:41 now: 0000:41:00.0, 0000:41:00.1\n"
		"neutral domain.devices domain gpu-vm: passes 0000:41:00.0 through, no longer "
		"0000:01:00.0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_machine_has_not_changed),
		cmocka_unit_test(a_lost_reset_method_is_just_that),
		cmocka_unit_test(a_narrower_link_is_just_that),
		cmocka_unit_test(a_merged_group_is_just_that),
		cmocka_unit_test(a_renumbered_bus_is_one_change_that_names_what_breaks),
		cmocka_unit_test(whatever_names_the_old_address_breaks),
		cmocka_unit_test(two_buses_that_swap_their_numbers_are_dangerous),
		cmocka_unit_test(a_moved_card_is_one_change_with_all_its_functions),
		cmocka_unit_test(what_is_gone_and_new_is_told_once_for_its_slot),
		cmocka_unit_test(another_device_in_its_place_is_no_longer_caught_by_ids),
		cmocka_unit_test(a_port_with_other_ids_keeps_what_is_below_it),
		cmocka_unit_test(a_smaller_bar_and_a_port_that_was_split_are_regressions),
		cmocka_unit_test(no_groups_at_all_is_one_change),
		cmocka_unit_test(virtual_functions_are_counted),
		cmocka_unit_test(what_sleeps_is_not_compared_and_that_is_said),
		cmocka_unit_test(settings_are_told_word_by_word),
		cmocka_unit_test(a_domain_that_follows_is_no_breakage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
