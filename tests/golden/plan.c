/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan.h"

#include "base/mem.h"
#include "fake_words.h"
#include "golden.h"
#include "world/host.h"

#include "cmocka_all.h"

#include <string.h>

static const struct host host = {.root = "/nonexistent", .kmsg = "/nonexistent"};

/* Two functions of one slot and a third device. */
static struct pcidev machine[] = {
	{.bdf = {0, 0x41, 0, 0},
		.vendor = 0x10de,
		.device = 0x2684,
		.class_code = 0x030000,
		.driver = "vfio-pci",
		.name = "a GPU"},
	{.bdf = {0, 0x41, 0, 1}, .vendor = 0x10de, .device = 0x22ba, .name = "its audio"},
	{.bdf = {0, 0x42, 0, 0}, .vendor = 0x144d, .device = 0xa80a, .driver = "nvme"},
};
static const struct pcidev_list topology = {machine, 3};

static void check(const char *file, const char *text, const struct plan_lane *lanes)
{
	struct diags diags = {0};
	struct scenario *sc =
		scenario_parse(file, text, strlen(text), NULL, 0, &fake_words, &diags);
	auto_free char *path = xasprintf("plan/%s.expected", file);
	auto_free char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	diags_print(&diags, stderr);
	assert_non_null(sc);
	plan_print(sc, &host, lanes, out);
	fclose(out);
	golden_check(path, bytes, len);
	scenario_free(sc);
	source_forget_all();
}

static void a_plan_says_what_the_scenario_says(void **state)
{
	const struct plan_lane unseen[2] = {{0}};

	(void)state;
	check("unseen",
		"version: 1\nname: all\nsummary: \"two lanes, \\e[31mred\"\n"
		"lanes:\n"
		"  - {domain: vm, take-over: true, ready: {serial: \"login:\", timeout: 2m}}\n"
		"  - {name: bare, devices: [10de:2684], driver: managed, steps: [{reset: pm}]}\n"
		"before: [{hold: 1s}]\n"
		"steps: [start, {reboot: {timeout: 90s}}, {reset: {method: flr, device: "
		"class:gpu,\n"
		"  while-running: true}}, {guest: {run: [nvidia-smi, -L], expect-failure: lost}}, "
		"stop]\n"
		"after: [{hold: 2s}]\n"
		"repeat: {until: {cycles: 100, duration: 8h}, settle: 1s, on-failure: continue}\n"
		"tolerate:\n"
		"  - {fault: aer.*, count: 3, per: 1m, device: class:gpu, reason: riser,\n"
		"     expires: 2199-01-01}\n"
		"  - {fault: vfio.busy, count: 0}\n"
		"report: [{json: a.json}, {json: b.json}]\n",
		unseen);
}

static void a_plan_names_the_devices_that_are_known(void **state)
{
	struct lane_device devs[] = {{.pci = machine[0]}, {.pci = machine[1]}};
	const struct plan_lane seen[] = {
		{.devs = devs, .ndevs = 2, .topology = &topology}, {.topology = &topology}};

	(void)state;
	check("seen",
		"version: 1\nname: seen\n"
		"lanes: [{devices: [class:gpu]}, {domain: vm, devices: [], steps: [start, stop]}]\n"
		"steps: [rescan, {rescan: {device: \"0000:41:00.1\"}}, {rebind: nvidia}, {check: "
		"{device: \"0000:41:00.1\"}},\n"
		"  {check: {device: 8086:1234}}]\n"
		"repeat: {until: {duration: 1h}}\n",
		seen);
}

static void a_plan_of_a_lifetime_does_not_overflow(void **state)
{
	const struct plan_lane unseen[1] = {{0}};

	(void)state;
	check("forever",
		"version: 1\nname: forever\nlanes: [{domain: vm, devices: []}]\n"
		"steps: [start, {hold: {time: 24h, timeout: 7d}}, stop]\n"
		"repeat: {until: {cycles: 1000000000}}\n",
		unseen);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plan_says_what_the_scenario_says),
		cmocka_unit_test(a_plan_names_the_devices_that_are_known),
		cmocka_unit_test(a_plan_of_a_lifetime_does_not_overflow),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
