/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fixture_run.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "fixture_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define START (INT64_C(1795233600) * NS_PER_S) /* 2026-11-21T04:00:00Z */
#define NONE  (-1)

static void pass(struct run_view *run);
static void stray_dma(struct run_view *run);
static void wedged(struct run_view *run);
static void within_budget(struct run_view *run);
static void failed(struct run_view *run);
static void step_failed(struct run_view *run);
static void over_budget_warning(struct run_view *run);
static void aborted(struct run_view *run);
static void dead(struct run_view *run);
static void running(struct run_view *run);
static void blind(struct run_view *run);
static void broken(struct run_view *run);
static void skipped(struct run_view *run);
static void empty(struct run_view *run);
static void crowded(struct run_view *run);
static void huge(struct run_view *run);

const struct fixture fixtures[] = {
	{"pass", pass},
	{"stray-dma", stray_dma},
	{"wedged", wedged},
	{"tolerated", within_budget},
	{"fail", failed},
	{"step-fail", step_failed},
	{"over-budget", over_budget_warning},
	{"aborted", aborted},
	{"dead", dead},
	{"running", running},
	{"blind", blind},
	{"broken", broken},
	{"skipped", skipped},
	{"empty", empty},
	{"crowded", crowded},
	{NULL, NULL},
};

static const char scenario_text[] = "version: 1\n"
				    "name: gpu-qualification\n"
				    "lanes:\n"
				    "  - domain: gpu-vm\n"
				    "  - {name: \"disk \\\"x\\\"\", devices: [\"10000:02:00.0\"]}\n"
				    "steps: [start, {reset: flr}, stop]\n"
				    "repeat: {until: {cycles: 300}}\n";

static void base(struct run_view *run, enum verdict verdict, int exit_code)
{
	run->verdict = verdict;
	run->exit_code = exit_code;
	run->boots_proved = true;
	run->ended = true;
	run->id = "20261121-040000-7f3a";
	run->scenario = "gpu-qualification";
	run->scenario_text = scenario_text;
	run->tool_version = "0.1.0";
	run->boot_id = "5f0c2a54-7d3b-4a39-9c1e-0a2b3c4d5e6f";
	run->verdict_reason = "";
	run->started_ns = START;
	run->ended_ns = START + 28739 * NS_PER_S + 250 * NS_PER_MS;
	run->seed = 4611686018427387904;
	run->host = fixture_host;
	run->klog_records = 10234;
	run->blind_reason = "";
}

static void set_lanes(struct run_view *run, size_t n)
{
	run->lanes = arena_alloc(&run->arena, n * sizeof(*run->lanes));
	run->nlanes = n;
}

static void set_strings(struct run_view *run, struct strings_row *rows, const char *const *v)
{
	size_t n = 0;

	while (v[n] != NULL)
		n++;
	rows->v = arena_alloc(&run->arena, n * sizeof(*rows->v));
	memcpy(rows->v, v, n * sizeof(*v));
	rows->n = n;
}

#define STRINGS(run, rows, ...) set_strings((run), (rows), (const char *const[]){__VA_ARGS__, NULL})

static void set_devices(struct run_view *run, struct lane_row *lane, const struct pcidev *const *v)
{
	size_t n = 0, i;

	while (v[n] != NULL)
		n++;
	lane->devices = arena_alloc(&run->arena, n * sizeof(*lane->devices));
	for (i = 0; i < n; i++)
		lane->devices[i] = *v[i];
	lane->ndevices = n;
}

#define DEVICES(run, lane, ...)                                                                    \
	set_devices((run), (lane), (const struct pcidev *const[]){__VA_ARGS__, NULL})

static const struct step_row gpu_steps[] = {
	{PHASE_BEFORE, 0, "check", "check", NULL, "0000:41:00.0", 1, 0, 0, 0, 0, 3, 3, 3, 3, {0}},
	{PHASE_BEFORE, 0, "check", "check", NULL, "0000:41:00.1", 1, 0, 0, 0, 0, 2, 2, 2, 2, {0}},
	{PHASE_CYCLE, 0, "start", "start", NULL, NULL, 143, 0, 0, 0, 0, 4120, 4480, 6001, 591041,
		{0}},
	{PHASE_CYCLE, 1, "load", "guest", NULL, NULL, 143, 0, 0, 0, 0, 220, 260, 900, 32140, {0}},
	{PHASE_CYCLE, 2, "reset: flr", "reset", "flr", "0000:41:00.0", 143, 1, 0, 0, 0, 104, 131,
		70021, 84789, {142, 101, 103, 140}},
	{PHASE_CYCLE, 2, "reset: flr", "reset", "flr", "0000:41:00.1", 142, 0, 0, 1, 0, 102, 103,
		104, 14384, {142, 100, 102, 104}},
	{PHASE_CYCLE, 3, "stop", "stop", NULL, NULL, 142, 0, 0, 1, 0, 2050, 2300, 3111, 290111,
		{0}},
	{PHASE_AFTER, 0, "shutdown", "shutdown", NULL, NULL, 1, 0, 0, 1, 0, -1, -1, -1, 0, {0}},
};

static const struct step_row disk_steps[] = {
	{PHASE_CYCLE, 0, "reset: bus", "reset", "bus", "10000:02:00.0", 300, 0, 0, 0, 0, 12, 15, 31,
		3619, {300, 12, 14, 31}},
};

static const struct reset_row some_resets[] = {
	{0, "0000:41:00.0", "flr", USE_VFIO, 3, 3, 101, 102, 103},
	{0, "0000:41:00.0", "flr", USE_VM, 140, 139, 104, 131, 70021},
	{0, "0000:41:00.1", "flr", USE_VM, 141, 141, 102, 103, 104},
	{1, "10000:02:00.0", "bus", USE_UNKNOWN, 1, 1, 14, 14, 14},
	{1, "10000:02:00.0", "bus", USE_UNBOUND, 299, 299, 12, 15, 31},
};

static void set_steps(
	struct run_view *run, struct lane_row *lane, const struct step_row *steps, size_t n)
{
	lane->steps = arena_alloc(&run->arena, n * sizeof(*steps));
	memcpy(lane->steps, steps, n * sizeof(*steps));
	lane->nsteps = n;
}

static void two_lanes(struct run_view *run)
{
	set_lanes(run, 2);
	run->lanes[0] = (struct lane_row){
		.name = "gpu-vm", .domain = "gpu-vm", .reason = "", .cycles_done = 300};
	run->lanes[1] = (struct lane_row){.name = "disk \"x\"", .reason = "", .cycles_done = 300};
	DEVICES(run, &run->lanes[0], &fixture_gpu, &fixture_gpu_audio);
	DEVICES(run, &run->lanes[1], &fixture_nvme);
	set_steps(run, &run->lanes[0], gpu_steps, ARRAY_SIZE(gpu_steps));
	set_steps(run, &run->lanes[1], disk_steps, ARRAY_SIZE(disk_steps));
	run->nresets = ARRAY_SIZE(some_resets);
	run->resets = arena_alloc(&run->arena, sizeof(some_resets));
	memcpy(run->resets, some_resets, sizeof(some_resets));
}

static void set_incidents(struct run_view *run, size_t n)
{
	run->incidents = arena_alloc(&run->arena, n * sizeof(*run->incidents));
	run->nincidents = n;
}

static void line(struct incident *inc, const char *text)
{
	uint64_t seq = inc->first_seq + inc->nfirst;

	inc->first[inc->nfirst++] = (struct incident_line){seq, xstrdup(text)};
	inc->last_seq = seq;
}

static void last_line(struct incident *inc, uint64_t seq, const char *text)
{
	inc->last[inc->nlast++] = (struct incident_line){seq, xstrdup(text)};
	inc->last_seq = seq;
}

/* A DMA fault storm just after the reset of cycle 143, with more lines than are kept. */
static void dma_fault(struct incident *inc)
{
	int i;

	*inc = fixture_dma_storm();
	inc->place.cycle = 143;
	inc->place.in_lane = true;
	inc->first_seq = 9001;
	inc->first_wall_ns = START + 13000 * NS_PER_S;
	inc->last_wall_ns = START + 13002 * NS_PER_S + 7 * NS_PER_MS;
	inc->lines_omitted = 1692;
	inc->telling = 1;
	for (i = 0; i < INCIDENT_FIRST_LINES; i++)
		line(inc, i % 2 ? FIXTURE_DMA_LINE : "DMAR: DRHD: handling fault status reg 2");
	for (i = 0; i < INCIDENT_LAST_LINES; i++)
		last_line(inc, 10713 + (uint64_t)i,
			"dmar_fault: 114 callbacks suppressed \x1b[2J\x1b[31mPASS\x1b[0m "
			"\xff\xfe\xc3");
	incident_add_field(inc, "type", VALUE_STRING, "DMA Read");
	incident_add_field(inc, "address", VALUE_STRING, "0xfee00000");
	incident_add_field(inc, "reason", VALUE_INT, "6");
	incident_add_field(inc, "pasid", VALUE_NULL, "");
	incident_add_field(inc, "interrupt", VALUE_BOOL, "false");
	incident_add_field(inc, "notes", VALUE_STRINGS, "storm\nrate limited");
	inc->meaning =
		xstrdup("The device read memory that the IOMMU did not allow it to. Right after a "
			"reset this "
			"means that the device went on with DMA, so the reset did not stop it.");
	inc->advice =
		xstrdup("Do not use this reset for this model; try bus or slot reset, and the "
			"newest firmware of the card. Keep the card out of the fleet until then.");
}

static void hostile(struct incident *inc)
{
	*inc = fixture_hostile();
	inc->first_seq = 9500;
	inc->first_wall_ns = inc->last_wall_ns = START + 13003 * NS_PER_S;
	line(inc,
		"pcieport 0000:40:01.0: AER: <script>alert(1)</script> ]]> \xe2\x80\xae"
		"gpj.exe \x1b]0;owned\x07 \x80\x81 \xed\xa0\x80 caf\xc3\xa9 \xf0\x9f\x94\xa5\t"
		"\"quoted\" \\ back");
}

/* What a chat would make more of than letters. */
#define PINGS                                                                                      \
	"<!channel> <@U0> @here *pwn1* _pwn2_ ~pwn3~ `pwn4` ```pwn5``` "                           \
	"[pwn6](https://pwn.example) "                                                             \
	"<https://pwn.example|pwn7> <at>pwn8</at>"

static void pinging(struct incident *inc)
{
	hostile(inc);
	inc->severity = SEV_FATAL;
	free(inc->first[0].text);
	inc->first[0].text = xstrdup(PINGS);
	inc->meaning = xstrdup(PINGS);
	inc->advice = xstrdup(PINGS);
}

static void tolerated(struct incident *inc)
{
	*inc = fixture_correctable();
	inc->first_seq = 77;
	inc->first_wall_ns = START + 60 * NS_PER_S;
	inc->last_wall_ns = START + 70 * NS_PER_S;
	line(inc, FIXTURE_CORRECTABLE_LINE);
}

static void info(struct incident *inc)
{
	*inc = fixture_slow_reset();
	inc->first_seq = 90;
	inc->first_wall_ns = inc->last_wall_ns = START + 90 * NS_PER_S;
	line(inc, FIXTURE_SLOW_RESET_LINE);
}

static void set_failures(struct run_view *run, const struct failure_row *rows, size_t n)
{
	run->failures = arena_alloc(&run->arena, n * sizeof(*rows));
	memcpy(run->failures, rows, n * sizeof(*rows));
	run->nfailures = n;
	run->failures_total = n;
}

/* Of two_lanes, which tell of a run that failed. */
static void no_step_failed(struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->lanes[0].nsteps; i++)
		run->lanes[0].steps[i].failed = 0;
	for (i = 0; i < run->nresets; i++)
		run->resets[i].worked = run->resets[i].tried;
}

static void pass(struct run_view *run)
{
	base(run, VERDICT_PASS, 0);
	two_lanes(run);
	no_step_failed(run);
	set_incidents(run, 2);
	tolerated(&run->incidents[0]);
	info(&run->incidents[1]);
	run->info_events = 4;
	run->expected_events = 1200;
}

/* One fault, in one of two lanes, while the guest worked. */
static void stray_dma(struct run_view *run)
{
	struct incident *inc;

	base(run, VERDICT_FAIL, 1);
	run->verdict_reason = "dmar.dma-fault of 0000:41:00.0 in cycle 3, step guest";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_FAIL;
	run->lanes[0].reason = "an incident went over its budget";
	run->lanes[0].cycles_done = 3;
	run->lanes[0].cycles_failed = 1;
	set_incidents(run, 1);
	inc = &run->incidents[0];
	*inc = (struct incident){
		.no = 1,
		.id = "dmar.dma-fault",
		.severity = SEV_ERROR,
		.over_budget = true,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.lane = 0, .cycle = 3, .step = "guest", .step_index = 1, .in_lane = true},
		.count = 1,
		.first_seq = 811,
		.telling = 1,
		.first_wall_ns = START + 61 * NS_PER_S,
		.last_wall_ns = START + 61 * NS_PER_S,
		.seen_by = "log",
	};
	line(inc, "DMAR: DRHD: handling fault status reg 2");
	line(inc,
		"DMAR: [DMA Write NO_PASID] Request device [41:00.0] fault addr 0x7f000000 "
		"[fault reason 0x05] PTE Write access is not set");
	incident_add_field(inc, "direction", VALUE_STRING, "write");
	inc->meaning = xstrdup("The device accessed memory that is not mapped for it; the IOMMU "
			       "blocked the access.");
	inc->advice = xstrdup("Under load look for a firmware region that is not identity-mapped "
			      "(RMRR), a device that uses another function's ID, or a driver bug.");
}

/* A reset that never came back: its lane is abandoned, the other one went on. */
static void wedged(struct run_view *run)
{
	static const struct failure_row rows[] = {
		{0, 12, "reset", 2, "0000:41:00.0", OUTCOME_FAIL, "wedged",
			"reset did not end within 345 s and its process cannot be killed: it "
			"sleeps in the kernel",
			"do not use the device or start its VM; the host must be rebooted"},
	};
	struct incident *inc;

	base(run, VERDICT_FAIL, 1);
	run->verdict_reason = "pci.not-ready-timeout of 0000:41:00.0 in cycle 12, step reset";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_FAIL;
	run->lanes[0].reason = rows[0].detail;
	run->lanes[0].cycles_done = 12;
	run->lanes[0].cycles_failed = 1;
	set_failures(run, rows, ARRAY_SIZE(rows));
	set_incidents(run, 1);
	inc = &run->incidents[0];
	*inc = (struct incident){
		.no = 1,
		.id = "pci.not-ready-timeout",
		.severity = SEV_FATAL,
		.over_budget = true,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place =
			{.lane = 0, .cycle = 12, .step = "reset", .step_index = 2, .in_lane = true},
		.count = 1,
		.first_seq = 4001,
		.telling = 1,
		.first_wall_ns = START + 1900 * NS_PER_S,
		.last_wall_ns = START + 1970 * NS_PER_S,
		.seen_by = "log",
	};
	line(inc, "vfio-pci 0000:41:00.0: not ready 1023ms after FLR; waiting");
	line(inc, "vfio-pci 0000:41:00.0: not ready 65535ms after FLR; giving up");
	inc->meaning = xstrdup("After a reset the device did not answer for a minute.");
	inc->advice = xstrdup("The device is dead until its slot is power-cycled. Try another "
			      "reset method, and newer firmware of the card.");
	STRINGS(run, &run->notes,
		"gpu-vm, stuck in reset: process 812 D pci_dev_wait <- pcie_flr <- reset_store");
	STRINGS(run, &run->undo_left, "bind 0000:41:00.0 to nvidia",
		"write 'flr bus' to /sys/bus/pci/devices/0000:41:00.0/reset_method");
}

/* What went wrong was allowed, as often as it did. */
static void within_budget(struct run_view *run)
{
	base(run, VERDICT_PASS, 0);
	two_lanes(run);
	no_step_failed(run);
	set_incidents(run, 1);
	tolerated(&run->incidents[0]);
	str_set(run->incidents[0].budget, "12 seen, 32 allowed within 1m");
}

static const struct failure_row all_outcomes[] = {
	{0, 143, "reset", 2, "0000:41:00.0", OUTCOME_FAIL, "config-unreadable",
		"after the reset config space reads all ones; the kernel reported success after "
		"70021 ms",
		"power-cycle the slot, then look at the card's firmware"},
	{0, NONE, "shutdown", 0, NULL, OUTCOME_SKIPPED, "earlier step failed", "", ""},
	{1, 0, "rebind", 0, "10000:02:00.0", OUTCOME_BROKEN, "permission",
		"write '10000:02:00.0' to /sys/bus/pci/drivers/vfio-pci/bind: Permission denied",
		"run as root"},
	{NONE, 12, "stop", 3, NULL, OUTCOME_ABORTED, "interrupted",
		"guest says: \x1b[31mred\x1b[0m\nsecond line", ""},
};

static void failed(struct run_view *run)
{
	base(run, VERDICT_FAIL, 1);
	run->verdict_reason = "an incident over budget (dmar.fault) and a failed step";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_FAIL;
	run->lanes[0].reason = "step reset failed in cycle 143";
	run->lanes[0].cycles_done = 143;
	run->lanes[0].cycles_failed = 1;
	run->boots_proved = false;
	run->simulated = true;
	set_incidents(run, 4);
	dma_fault(&run->incidents[0]);
	hostile(&run->incidents[1]);
	tolerated(&run->incidents[2]);
	info(&run->incidents[3]);
	set_failures(run, all_outcomes, ARRAY_SIZE(all_outcomes));
	run->klog_lost = 3;
	STRINGS(run, &run->blind_spots,
		"VT-d reports DMA faults in the kernel log only: no second witness covers a gap",
		"the guest's own log was not read");
	STRINGS(run, &run->notes, "reset_method of 0000:41:00.0 could not be written back whole");
	STRINGS(run, &run->undo_left, "0000:41:00.0: driver nvidia, was bound to vfio-pci");
	run->expected_events = 143;
}

/* A step that fails without a word of the kernel, on a VM. */
static void step_failed(struct run_view *run)
{
	static const struct failure_row rows[] = {
		{0, 3, "start", 0, NULL, OUTCOME_FAIL, "guest-panicked",
			"the guest panicked 12 s after its start", "look at the guest's console"},
	};

	base(run, VERDICT_FAIL, 1);
	run->verdict_reason = "a step failed";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_FAIL;
	run->lanes[0].cycles_done = 3;
	run->lanes[0].cycles_failed = 1;
	set_failures(run, rows, ARRAY_SIZE(rows));
	run->failures_total = 4321; /* more than are kept */
}

static void over_budget_warning(struct run_view *run)
{
	base(run, VERDICT_FAIL, 1);
	run->verdict_reason = "aer.correctable: 33 within 1m, the budget is 32";
	two_lanes(run);
	run->lanes[1].verdict = VERDICT_FAIL;
	run->lanes[1].cycles_failed = 1;
	set_incidents(run, 1);
	tolerated(&run->incidents[0]);
	run->incidents[0].tolerated = false;
	run->incidents[0].over_budget = true;
	str_set(run->incidents[0].budget, "33 seen, 32 allowed within 1m");
}

static void unfinished(struct run_view *run)
{
	base(run, VERDICT_ABORTED, 4);
	run->verdict_reason = "interrupted";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_ABORTED;
	run->lanes[0].cycles_done = 17;
	run->lanes[0].reason = "stopped before its cycles were done";
	run->lanes[1].verdict = VERDICT_ABORTED;
	run->lanes[1].cycles_done = 29;
	run->lanes[1].reason = "stopped before its cycles were done";
}

/* In the first cycle of its second lane. */
static void aborted(struct run_view *run)
{
	static const struct step_row steps[] = {
		{PHASE_CYCLE, 0, "reset: bus", "reset", "bus", "10000:02:00.0", 1, 0, 0, 0, 0, 12,
			12, 12, 12, {1, 12, 12, 12}},
		{PHASE_CYCLE, 1, "hold: 20s", "hold", "20s", NULL, 1, 0, 0, 0, 1, 3000, 3000, 3000,
			3000, {0}},
	};

	unfinished(run);
	run->lanes[1].cycles_done = 0;
	set_steps(run, &run->lanes[1], steps, ARRAY_SIZE(steps));
}

/* Its supervisor was killed; what the store has is reported. */
static void dead(struct run_view *run)
{
	static const struct failure_row rows[] = {
		{0, 17, "reset", 2, "0000:41:00.0", OUTCOME_ABORTED, "run-died",
			"the run died in this step, 3 s after it began",
			"this device is the suspect: look at the host's own crash records"},
	};

	unfinished(run);
	run->ended = false;
	run->verdict_reason = "the run died: it was killed, or its host went down";
	run->lanes[0].reason = run->lanes[1].reason = "";
	set_failures(run, rows, ARRAY_SIZE(rows));
	STRINGS(run, &run->undo_left, "domain gpu-vm: was shut off",
		"0000:41:00.0: driver nvidia, was bound to vfio-pci");
}

static void running(struct run_view *run)
{
	unfinished(run);
	run->ended = false;
	run->running = true;
	run->lanes[0].reason = run->lanes[1].reason = "";
}

static void blind(struct run_view *run)
{
	base(run, VERDICT_BROKEN, 4);
	two_lanes(run);
	run->blind = true;
	run->blind_reason = "our own marker was not seen in /dev/kmsg";
	run->klog_records = 0;
	STRINGS(run, &run->blind_spots, "nothing that the kernel said during this run was seen");
}

static void broken(struct run_view *run)
{
	static const struct failure_row rows[] = {
		{0, 3, "start", 0, NULL, OUTCOME_BROKEN, "libvirt-lost",
			"the connection to libvirtd was lost while gpu-vm was starting",
			"systemctl status libvirtd; then run again"},
	};

	base(run, VERDICT_BROKEN, 4);
	run->verdict_reason = "the environment failed in lane gpu-vm";
	two_lanes(run);
	run->lanes[0].verdict = VERDICT_BROKEN;
	run->lanes[0].reason =
		"start: the connection to libvirtd was lost while gpu-vm was starting";
	run->lanes[0].cycles_done = 3;
	run->lanes[0].cycles_failed = 1;
	set_failures(run, rows, ARRAY_SIZE(rows));
	STRINGS(run, &run->undo_left, "bring domain gpu-vm back to 'shut off'",
		"bind 0000:41:00.0 to nvidia");
}

static void skipped(struct run_view *run)
{
	static const struct step_row steps[] = {
		{PHASE_CYCLE, 0, "reset: flr", "reset", "flr", "10000:02:00.0", 10, 0, 0, 10, 0, -1,
			-1, -1, 0, {0}},
	};

	base(run, VERDICT_SKIPPED, 4);
	run->verdict_reason = "no device of the run offers flr";
	set_lanes(run, 1);
	run->lanes[0] = (struct lane_row){
		.name = "disks", .reason = "", .verdict = VERDICT_SKIPPED, .cycles_done = 10};
	DEVICES(run, &run->lanes[0], &fixture_nvme);
	set_steps(run, &run->lanes[0], steps, ARRAY_SIZE(steps));
}

/* All that may be unknown is. */
static void empty(struct run_view *run)
{
	base(run, VERDICT_SKIPPED, 4);
	run->scenario_text = run->boot_id = "";
	run->host = (struct host_facts){"", "", "", "", "", "", "", "", ""};
	run->started_ns = run->ended_ns = 0;
	run->seed = UINT64_MAX;
	run->klog_records = 0;
}

static char *lots(struct run_view *run, const char *what)
{
	struct str s = {0};
	char *copy;
	int i;

	for (i = 0; i < 60; i++)
		str_addf(&s, "%s \xe6\xb8\xac\xe8\xa9\xa6 ", what);
	copy = arena_strdup(&run->arena, s.s);
	str_finish(&s);
	return copy;
}

/* Everything at once, far more than one screen holds, wide characters included. */
static void crowded(struct run_view *run)
{
	size_t i;

	failed(run);
	run->verdict_reason = lots(run, "why");
	set_lanes(run, 64);
	for (i = 0; i < 64; i++)
		run->lanes[i] = (struct lane_row){
			.name = arena_printf(&run->arena,
				"lane %zu \xe6\xb8\xac\xe8\xa9\xa6\xe6\xa9\x9f\xe3\x81\xae\xe9\x95"
				"\xb7\xe3\x81\x84\xe5\x90\x8d\xe5\x89\x8d",
				i),
			.domain = "vm",
			.verdict = (enum verdict)(i % 5),
			.reason = lots(run, "lane reason"),
			.cycles_done = UINT64_C(1000000) + i,
			.cycles_failed = i,
		};
	DEVICES(run, &run->lanes[0], &fixture_gpu, &fixture_gpu_audio);
	set_steps(run, &run->lanes[0], gpu_steps, ARRAY_SIZE(gpu_steps));
	run->lanes[0].devices[0].name[0] = '\0';
	for (i = 0; i < run->lanes[0].nsteps; i++) {
		run->lanes[0].steps[i].name = lots(run, "step");
		run->lanes[0].steps[i].max_ms = -1;
		run->lanes[0].steps[i].skipped = 1;
	}
	free(run->incidents[0].meaning);
	free(run->incidents[0].advice);
	run->incidents[0].meaning = xstrdup(lots(run, "meaning"));
	run->incidents[0].advice = xstrdup(lots(run, "advice"));
	run->failures[0].detail = lots(run, "detail");
	run->blind = true;
	run->blind_reason = lots(run, "blind");
	STRINGS(run, &run->blind_spots, lots(run, "one"), lots(run, "two"), lots(run, "three"));
	STRINGS(run, &run->notes, lots(run, "one"), lots(run, "two"), lots(run, "three"));
	STRINGS(run, &run->undo_left, lots(run, "one"), lots(run, "two"), lots(run, "three"));
	run->scenario = lots(run, "scenario");
	run->host.name = lots(run, "host");
}

/* Too much for one message. Not in the list: its report would be a golden file of megabytes. */
static void huge(struct run_view *run)
{
	size_t i;

	failed(run);
	for (i = 0; i < run->nincidents; i++)
		incident_finish(&run->incidents[i]);
	set_incidents(run, 3000);
	for (i = 0; i < run->nincidents; i++)
		(i == 0 ? pinging : i % 2 ? hostile : dma_fault)(&run->incidents[i]);
	run->failures[0].detail = run->verdict_reason = run->blind_spots.v[0] = PINGS;
	run->failures_total = 5000;
}

static void count(struct run_view *run)
{
	size_t i;

	run->totals.all += run->nincidents;
	for (i = 0; i < run->nincidents; i++) {
		run->totals.severity[run->incidents[i].severity]++;
		run->totals.tolerated += run->incidents[i].tolerated;
		run->totals.over_budget += run->incidents[i].over_budget;
	}
}

struct run_view *fixture_run_new(const char *name)
{
	struct run_view *run = xcalloc(1, sizeof(*run));
	const struct fixture *f = fixtures;

	while (f->name != NULL && !str_eq(f->name, name))
		f++;
	if (f->name == NULL) {
		assert(str_eq(name, "huge"));
		huge(run);
	} else {
		f->fill(run);
	}
	count(run);
	return run;
}

void fixture_run_free(struct run_view *run)
{
	size_t i;

	for (i = 0; i < run->nincidents; i++)
		incident_finish(&run->incidents[i]);
	arena_finish(&run->arena);
	free(run);
}
