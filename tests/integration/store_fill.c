/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_fill DB ended|died|running: stores a made-up run of one lane, the way a supervisor does:
 * reset fails in its second cycle, with an incident; or the run stops in the middle of that reset.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/scenario.h"
#include "model/store.h"

#include "fake_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char text[] = "version: 1\n"
			   "name: filled\n"
			   "lanes: [{name: gpu, devices: [\"0000:41:00.0\"]}]\n"
			   "steps: [{hold: 1s}, {reset: flr}]\n"
			   "repeat: {until: {cycles: 3}}\n";

struct filling {
	struct store *store;
	struct scenario *sc;
	int64_t run, now_ns;
};

static void check(int rc, const struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "store_fill: %s\n", err->msg);
	exit(1);
}

static void begin(struct filling *f, const char *id, pid_t pid)
{
	struct pcidev dev = {
		.bdf = {0, 0x41, 0, 0}, .vendor = 0x10de, .device = 0x2684, .name = "NVIDIA AD102"};
	const struct lane_begin lane = {&f->sc->lanes[0], &dev, 1};
	const struct run_begin run = {
		.id = id,
		.scenario = f->sc,
		.lanes = &lane,
		.settings = "",
		.tool_version = "0.1.0",
		.boot_id = "",
		.seed = 42,
		.host = {"host", "6.1", "", "", "", "", "", "", ""},
		.pid = pid,
	};
	struct err err;

	check(store_run_begin(f->store, &run, &f->run, &err), &err);
}

static void event(struct filling *f, struct event ev)
{
	struct err err;

	f->now_ns += NS_PER_S;
	ev.wall_ns = f->now_ns;
	check(store_event(f->store, f->run, &ev, 7, &err), &err);
}

static void step(struct filling *f, uint32_t cycle, int32_t index, enum outcome outcome, bool ends)
{
	struct event ev = {.kind = EV_STEP_BEGIN,
		.cycle = cycle,
		.step = index,
		.phase = PHASE_CYCLE,
		.dur_ns = 104 * NS_PER_MS};

	if (index == 1)
		str_set(ev.subject, "0000:41:00.0");
	event(f, ev);
	ev.kind = EV_STEP_END;
	ev.outcome = (uint8_t)outcome;
	if (outcome == OUTCOME_FAIL) {
		str_set(ev.reason, "config-unreadable");
		str_set(ev.text, "config space reads all ones");
		str_set(ev.hint, "power-cycle the slot");
	}
	if (ends)
		event(f, ev);
}

static void cycle_end(struct filling *f, uint32_t cycle, enum outcome outcome)
{
	event(f,
		(struct event){.kind = EV_CYCLE_END,
			.cycle = cycle,
			.phase = PHASE_CYCLE,
			.outcome = (uint8_t)outcome});
}

static void incident(struct filling *f)
{
	struct incident inc = {.no = 1,
		.id = "pci.flr-timeout",
		.severity = SEV_ERROR,
		.over_budget = true,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.cycle = 2, .step = "reset", .step_index = 1, .in_lane = true},
		.count = 1,
		.first_seq = 9,
		.first_wall_ns = f->now_ns,
		.last_wall_ns = f->now_ns,
		.nfirst = 1,
		.seen_by = "log"};
	struct err err;

	inc.first[0] = (struct incident_line){9, xstrdup("vfio-pci 0000:41:00.0: not ready \xff")};
	check(store_incident(f->store, f->run, &inc, &err), &err);
	incident_finish(&inc);
}

int main(int argc, char **argv)
{
	bool ended = argc == 3 && str_eq(argv[2], "ended");
	bool running = argc == 3 && str_eq(argv[2], "running");
	struct filling f = {.now_ns = clock_wall_ns()};
	const struct klog_account klog = {.records = 99};
	struct diags diags = {0};
	struct err err;

	if (argc != 3)
		return 2;
	f.sc = scenario_parse("s.yaml", text, strlen(text), NULL, 0, &fake_words, &diags);
	if (f.sc == NULL) {
		diags_print(&diags, stderr);
		return 1;
	}
	check(store_open(argv[1], STORE_CREATE, &f.store, &err), &err);
	/* a parent outlives us; a process that cannot be is dead */
	begin(&f,
		ended             ? "20261121-040000-aaaa"
			: running ? "20261121-060000-cccc"
				  : "20261121-050000-bbbb",
		running ? getppid() : 0x7ffffff0);
	step(&f, 1, 0, OUTCOME_PASS, true);
	step(&f, 1, 1, OUTCOME_PASS, true);
	cycle_end(&f, 1, OUTCOME_PASS);
	step(&f, 2, 0, OUTCOME_PASS, true);
	step(&f, 2, 1, OUTCOME_FAIL, ended);
	check(store_run_klog(f.store, f.run, &klog, &err), &err);
	if (ended) {
		incident(&f);
		cycle_end(&f, 2, OUTCOME_FAIL);
		event(&f, (struct event){.kind = EV_LANE_END, .outcome = OUTCOME_FAIL});
		check(store_run_end(f.store, f.run, VERDICT_FAIL, 1, "a step failed", &err), &err);
	} else {
		check(store_heartbeat(f.store, f.run, f.now_ns + 3 * NS_PER_S, 0, &err), &err);
	}
	store_close(f.store);
	scenario_free(f.sc);
	return 0;
}
