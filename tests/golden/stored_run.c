/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stored_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "fixture_parts.h"
#include "model/baseline.h"
#include "model/db.h"
#include "model/scenario.h"
#include "model/store.h"
#include "model/store_baseline.h"
#include "model/time_bins.h"
#include "world/kmsg.h"

#include "fake_words.h"
#include "stored_machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START  (INT64_C(1795233600) * NS_PER_S) /* 2026-11-21T04:00:00Z */
#define COMMIT 1000 /* cycles in one transaction */

static const char text[] =
	"version: 1\n"
	"name: gpu-qualification\n"
	"lanes:\n"
	"  - {name: gpu, domain: gpu-vm, devices: [\"0000:41:00.0\", \"0000:41:00.1\"],\n"
	"     ready: {serial: \"login:\"}}\n"
	"  - {name: 'disk\"<b>x</b>\"&amp;', devices: [\"10000:02:00.0\"],\n"
	"     steps: [{reset: bus}, {hold: 1s}]}\n"
	"before: [{check: {link-width: 16}}]\n"
	"steps:\n"
	"  - start\n"
	"  - guest: {run: [nvidia-smi, -L], expect: \"GPU 0\", name: \"load </script><b>\"}\n"
	"  - reset: {method: flr, if-offered: true}\n"
	"  - stop\n"
	"after: [{rebind: vfio-pci}]\n"
	"repeat: {until: {cycles: 100000}}\n"
	"report:\n"
	"  - json: \"/srv/token=hunter2/run.json\"\n";

/* Nothing of this may be more than letters in a report. */
#define EVIL                                                                                       \
	"<script>alert(1)</script><img src=x onerror=alert(2)> ]]> --> &amp; \xe2\x80\xae"         \
	"gpj.exe \x1b]0;owned\x07\x1b[31mPASS\x1b[0m \x80\x81 \xed\xa0\x80 \xef\xbf\xbf caf\xc3"   \
	"\xa9 \xf0\x9f\x94\xa5\t\"quoted\" 'single' \\ back {=+-@cmd|' /C calc'!A0} ${env:HOME}"

/* The same in little. */
#define EVIL_WORD "<img src=x onerror=alert(5)>\x1b[2J\xe2\x80\xae"

/* How a step of a cycle ends that is not `pass`. */
struct trouble {
	uint32_t cycle, lane;
	int32_t step;
	const char *device;
	enum outcome outcome;
	const char *reason, *text, *hint;
};

static const struct trouble troubles[] = {
	{3, 0, 1, "", OUTCOME_FAIL, "unexpected-output", "the guest printed: " EVIL,
		"look at the guest's own log " EVIL},
	{5, 0, 0, "", OUTCOME_BROKEN, "libvirt-lost",
		"the connection to libvirtd was lost while gpu-vm was starting",
		"systemctl status libvirtd"},
	{7, 0, 2, "0000:41:00.0", OUTCOME_FAIL, "device-unreadable",
		"after the reset config space reads all ones; the kernel reported success after "
		"70021 ms; serial GPU-9d1e0c2a-1111-4a39-9c1e-feedfacecafe",
		"power-cycle the slot, then look at the card's firmware"},
	{2, 0, 2, "0000:41:00.1", OUTCOME_SKIPPED, "not-offered", "0000:41:00.1 does not offer flr",
		""},
	{9, 1, 0, "10000:02:00.0", OUTCOME_ABORTED, "stop-asked", "the run was asked to stop", ""},
};

/* What a cycle of a lane does. */
struct act {
	const char *device;
	int32_t step;
	int64_t took_ms;
};

static const struct act gpu_acts[] = {
	{"", 0, 4120},
	{"", 1, 220},
	{"0000:41:00.0", 2, 104},
	{"0000:41:00.1", 2, 102},
	{"", 3, 2050},
};

static const struct act disk_acts[] = {{"10000:02:00.0", 0, 12}, {"", 1, 1000}};

struct making {
	struct store *store;
	struct scenario *sc;
	int64_t run, now_ns;
	uint64_t seq;
	uint32_t random;
	enum stored_end end;
};

static void check(int rc, const struct err *err)
{
	if (rc == 0)
		return;
	fprintf(stderr, "stored_run: %s\n", err->msg);
	exit(1);
}

static void event(struct making *m, struct event ev)
{
	struct err err;

	ev.wall_ns = m->now_ns;
	check(store_event(m->store, m->run, &ev, m->seq, &err), &err);
}

static void record(struct making *m, int level, const char *line)
{
	struct klog_rec rec = {.seq = ++m->seq,
		.usec = (m->now_ns - START) / 1000 + 5000000,
		.wall_ns = m->now_ns,
		.level = (uint8_t)level};
	struct err err;

	str_set(rec.text, line);
	check(store_record(m->store, m->run, &rec, &err), &err);
}

static const struct trouble *trouble_of(uint32_t lane, uint32_t cycle, const struct act *act)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(troubles); i++)
		if (troubles[i].cycle == cycle && troubles[i].lane == lane &&
			troubles[i].step == act->step && str_eq(troubles[i].device, act->device))
			return &troubles[i];
	return NULL;
}

/* Within a tenth, and every 997th time three times as long: what charts must not hide. */
static int64_t about(struct making *m, int64_t ms)
{
	m->random = m->random * 1664525 + 1013904223;
	return ms * (950 + m->random / 65536 % 100) / 1000 +
		(m->random / 64 % 997 == 0 ? 2 * ms : 0);
}

static void begin_step(struct making *m, struct event *ev, const struct act *act)
{
	ev->kind = EV_STEP_BEGIN;
	ev->step = act->step;
	ev->dur_ns = 90 * NS_PER_S;
	str_set(ev->subject, act->device);
	event(m, *ev);
}

/* As the oracle finds a device, and who has it: of the second lane now nobody, now VFIO. */
static void find_device(struct making *m, struct event ev)
{
	ev.kind = EV_DEVICE_STATE;
	ev.code = ev.lane == 0 ? USE_VM : ev.cycle % 2 ? USE_VFIO : USE_UNBOUND;
	str_set(ev.reason, "before");
	str_set(ev.text, "10de:2684 rev a1 D0 x16 16.0 GT/s PCIe command 0006");
	event(m, ev);
}

static enum outcome end_step(struct making *m, struct event *ev, const struct act *act)
{
	const struct trouble *t = trouble_of(ev->lane, ev->cycle, act);

	ev->kind = EV_STEP_END;
	ev->dur_ns = about(m, act->took_ms) * NS_PER_MS + 123;
	if (t != NULL) {
		ev->outcome = (uint8_t)t->outcome;
		str_set(ev->reason, t->reason);
		str_set(ev->text, t->text);
		str_set(ev->hint, t->hint);
	}
	m->now_ns += ev->dur_ns;
	event(m, *ev);
	return (enum outcome)ev->outcome;
}

/* The steps after one that did not pass are skipped. */
static enum outcome do_steps(struct making *m, uint32_t lane, enum phase phase, uint32_t cycle,
	const struct act *acts, size_t n)
{
	enum outcome worst = OUTCOME_PASS;
	size_t i;

	for (i = 0; i < n; i++) {
		struct event ev = {.lane = lane, .cycle = cycle, .phase = (uint8_t)phase};
		enum outcome o;

		if (worst != OUTCOME_PASS && worst != OUTCOME_ABORTED) {
			ev.kind = EV_STEP_END;
			ev.step = acts[i].step;
			ev.outcome = OUTCOME_SKIPPED;
			str_set(ev.subject, acts[i].device);
			str_set(ev.reason, "earlier step failed");
			str_set(ev.text, "earlier step failed");
			event(m, ev);
			continue;
		}
		if (worst == OUTCOME_ABORTED)
			break;
		begin_step(m, &ev, &acts[i]);
		if (phase == PHASE_CYCLE && *acts[i].device != '\0')
			find_device(m, ev);
		o = end_step(m, &ev, &acts[i]);
		if (o != OUTCOME_SKIPPED && o != OUTCOME_PASS)
			worst = o;
	}
	return worst;
}

static void cycle(struct making *m, uint32_t lane, uint32_t no, const struct act *acts, size_t n)
{
	struct event ev = {.kind = EV_CYCLE_BEGIN, .lane = lane, .cycle = no, .phase = PHASE_CYCLE};

	event(m, ev);
	ev.kind = EV_CYCLE_END;
	ev.outcome = (uint8_t)do_steps(m, lane, PHASE_CYCLE, no, acts, n);
	event(m, ev);
}

static void incident(struct making *m, struct incident inc, const char *line)
{
	struct err err;

	inc.first_seq = inc.last_seq = m->seq + 1;
	inc.first_wall_ns = inc.last_wall_ns = m->now_ns;
	inc.first[0] = (struct incident_line){inc.first_seq, xstrdup(line)};
	inc.nfirst = 1;
	record(m, 3, line);
	check(store_incident(m->store, m->run, &inc, &err), &err);
	incident_finish(&inc);
}

#define TROUBLED 7 /* the cycle of most incidents */

/* Those that runs made in memory have too, as the engine would have stored them. */
static void common_incidents(struct making *m, uint32_t in_cycle)
{
	struct incident correctable = fixture_correctable(), storm = fixture_dma_storm(),
			hostile = fixture_hostile();

	correctable.place.cycle = storm.place.cycle = (int32_t)in_cycle;
	correctable.place.in_lane = storm.place.in_lane = hostile.place.in_lane = true;
	str_set(correctable.budget, "12 seen, 32 allowed within 1m");
	incident_add_field(&storm, "address", VALUE_STRING, "0xfee00000 " EVIL_WORD);
	storm.meaning =
		xstrdup("The device read memory that the IOMMU did not allow it to. " EVIL_WORD);
	storm.advice = xstrdup("Do not use this reset for this model. " EVIL_WORD);
	str_set(storm.seen_by, "log,tracepoint");
	incident(m, correctable, FIXTURE_CORRECTABLE_LINE);
	incident(m, storm, FIXTURE_DMA_LINE);
	incident(m, hostile, "pcieport 0000:40:01.0: AER: " EVIL);
}

/* ---- a crash of the host ---- */

static const char crash_text[] = "the host died in this step, 3 s after it began";

static void crash_incident(struct making *m)
{
	struct incident died = {.no = 6,
		.id = "host.died",
		.severity = SEV_FATAL,
		.over_budget = true,
		.place = {.lane = 0,
			.in_lane = true,
			.cycle = STORED_CRASH,
			.step = "reset",
			.step_index = 2},
		.count = 1,
		.seen_by = "boot-id"};

	incident_add_field(&died, "boot_id", VALUE_STRING, "5f0c2a54-7d3b-4a39-9c1e-0a2b3c4d5e6f");
	incident_add_field(&died, "evidence", VALUE_STRINGS, "pstore " EVIL_WORD);
	died.meaning = xstrdup("The host was restarted under the run.");
	died.advice = xstrdup("Look at the lines, which are the kernel's last ones.");
	incident(m, died, "Kernel panic - not syncing: " EVIL);
}

/* As `resume` stores it after the next boot; the cycle has no end. */
static void crash(struct making *m)
{
	struct event ev = {.kind = EV_CYCLE_BEGIN, .cycle = STORED_CRASH, .phase = PHASE_CYCLE};
	struct err err;

	event(m, ev);
	(void)do_steps(m, 0, PHASE_CYCLE, STORED_CRASH, gpu_acts, 2);
	begin_step(m, &ev, &gpu_acts[2]);
	m->now_ns += 3 * NS_PER_S;
	check(store_heartbeat(m->store, m->run, m->now_ns, 0, &err), &err);
	crash_incident(m);
	check(store_note(m->store, m->run, "note",
		      "what is known of the host's death is from: /sys/fs/pstore", &err),
		&err);
	event(m,
		(struct event){.kind = EV_HOST_DIED,
			.step = -1,
			.code = 1,
			.text = "crash 1 of its host: the run goes on"});
	ev.kind = EV_STEP_END;
	ev.outcome = OUTCOME_FAIL;
	ev.dur_ns = 3 * NS_PER_S;
	str_set(ev.reason, "host-died");
	str_set(ev.text, crash_text);
	str_set(ev.hint, "this device is the suspect");
	event(m, ev);
	m->now_ns += 90 * NS_PER_S;
}

static void cycles(struct making *m, uint32_t n)
{
	struct err err;
	uint32_t i;

	for (i = 1; i <= n; i++) {
		if (i % COMMIT == 1)
			check(store_begin(m->store, &err), &err);
		record(m, 6, "vfio-pci 0000:41:00.0: enabling device (0000 -> 0003)");
		if (m->end == STORED_CRASHED && i == STORED_CRASH)
			crash(m);
		else
			cycle(m, 0, i, gpu_acts, ARRAY_SIZE(gpu_acts));
		if (i <= 9)
			cycle(m, 1, i, disk_acts, ARRAY_SIZE(disk_acts));
		if (i == (n < TROUBLED ? n : TROUBLED))
			common_incidents(m, i);
		m->now_ns += NS_PER_S;
		if (i % COMMIT == 0 || i == n)
			check(store_commit(m->store, &err), &err);
	}
}

/* When its cycles are over. */
static void late_lines(struct making *m)
{
	incident(m,
		(struct incident){.no = 5,
			.id = "aer.nonfatal",
			.severity = SEV_ERROR,
			.has_bdf = true,
			.bdf = {0, 0xc1, 0, 0},
			.place = {.lane = -1, .cycle = -1, .step_index = -1},
			.count = 2,
			.seen_by = "log"},
		"nvme 0000:c1:00.0: PCIe Bus Error: severity=Uncorrected (Non-Fatal)");
	record(m, 6, "NVRM: GPU Board Serial Number: 1320921004711");
	record(m, 6, "nvidia 0000:41:00.0: UUID GPU-9d1e0c2a-1111-4a39-9c1e-feedfacecafe");
	record(m, 6, "iscsi: password=hunter2 for 52:54:00:12:34:56");
}

static const struct check_row checks[] = {
	{"iommu.groups", "0000:41:00.0", NULL, NULL, "fail", "does it have a group of its own?",
		"group 12 also holds 0000:42:00.0 (" EVIL ")",
		"Both go to one guest, or neither. " EVIL, "Enable ACS in the firmware. " EVIL},
	{"vfio.bound", NULL, "gpu-vm<script>alert(3)</script>", NULL, "warn", "is it on vfio-pci?",
		"bound to nvidia", "libvirt takes it when the domain starts.", NULL},
	{"kernel.panic", NULL, NULL, "panic_on_oops", "unknown", "does an oops end the kernel?",
		"/proc/sys/kernel/panic_on_oops: Permission denied", NULL, NULL},
	{"iommu.on", NULL, NULL, NULL, "ok", "is the IOMMU on?", "it is", NULL, NULL},
	{"link.width", "0000:41:00.0", NULL, NULL, "ok", "is its link as wide as it could be?",
		"x16 of x16", NULL, NULL},
	{"link.width", "0000:41:00.1", NULL, NULL, "ok", "is its link as wide as it could be?",
		"x16 of x16", NULL, NULL},
};

static void begin(struct making *m)
{
	const struct pcidev gpus[] = {fixture_gpu, fixture_gpu_audio};
	struct pcidev nvme = fixture_nvme;
	const struct lane_begin lanes[] = {
		{&m->sc->lanes[0], gpus, 2}, {&m->sc->lanes[1], &nvme, 1}};
	struct run_begin run = {
		.id = STORED_RUN_ID,
		.scenario = m->sc,
		.lanes = lanes,
		.settings = "",
		.tool_version = "0.1.0",
		.boot_id = "5f0c2a54-7d3b-4a39-9c1e-0a2b3c4d5e6f",
		.seed = 4611686018427387904,
		.host = fixture_host,
		.pid = 0x7ffffff0, /* no process can have that */
	};
	static const struct act looks[] = {{"0000:41:00.0", 0, 3}, {"0000:41:00.1", 0, 2}};
	struct event proof = {.kind = EV_BOOT_PROOF, .cycle = 1, .step = -1, .code = 1};
	struct err err;

	str_set(nvme.name, "Samsung " EVIL_WORD);
	run.host.cmdline =
		"root=/dev/nvme0n1p2 intel_iommu=on rd.iscsi.password=hunter2 " EVIL_WORD;
	run.host.bios = "American Megatrends 2.4a 03/11/2026 " EVIL_WORD;
	run.host.board = "Supermicro X13DEG-OA " EVIL_WORD;
	run.host.cpu = "Intel(R) Xeon(R) Platinum 8480+ " EVIL_WORD;
	run.host.qemu = "9.2.1 " EVIL_WORD;
	run.host.libvirt = "11.0.0 " EVIL_WORD;
	check(store_run_begin(m->store, &run, &m->run, &err), &err);
	m->now_ns = START + 250 * NS_PER_MS;
	event(m, proof);
	(void)do_steps(m, 0, PHASE_BEFORE, 0, looks, ARRAY_SIZE(looks));
	incident(m, fixture_slow_reset(), FIXTURE_SLOW_RESET_LINE);
}

/* What the oracle found after the reset of cycle 7. */
static void difference(struct making *m)
{
	struct event ev = {
		.kind = EV_DEVICE_STATE, .lane = 0, .cycle = 7, .step = 2, .phase = PHASE_CYCLE};

	str_set(ev.subject, "0000:41:00.0");
	str_set(ev.reason, "differs");
	str_set(ev.text, "command was 0x0006, is 0xffff; link <b>x16</b>, is x8");
	event(m, ev);
}

/* In the middle of a reset, with a last sign of life 3 s later. */
static void die(struct making *m, uint32_t in_cycle)
{
	struct event ev = {.lane = 0, .cycle = in_cycle, .phase = PHASE_CYCLE};
	struct err err;

	ev.kind = EV_CYCLE_BEGIN;
	event(m, ev);
	begin_step(m, &ev, &gpu_acts[2]);
	check(store_heartbeat(m->store, m->run, m->now_ns + 3 * NS_PER_S, 0, &err), &err);
}

/* What of its baseline is kept with the run: every result, and a step that the baseline had not. */
static const struct {
	struct baseline_row row;
	int64_t before_ms, now_ms; /* 0 = no times */
} against[] = {
	{{.step = 0,
		 .what = "time",
		 .result = "worse",
		 .text = "takes 4.12 s, was 2.75 s: shift 1.37 s (1.35 s to 1.39 s); longer in "
			 "100 % of pairs; p < 0.0001"},
		2750, 4120},
	{{.step = 1,
		 .what = "match",
		 .result = "cannot tell",
		 .text = "not comparable: only the later run has this step"},
		0, 0},
	{{.lane = 1,
		 .step = 0,
		 .device = "10000:02:00.0",
		 .what = "time",
		 .result = "cannot tell",
		 .text = "takes 12.0 ms, was 12.1 ms: 8 and 8 times are too few; 20 cycles in "
			 "each run are the least"},
		12, 12},
	{{.step = 2,
		 .device = "0000:41:00.0",
		 .what = "time",
		 .result = "better",
		 .text = "takes 104 ms, was 208 ms: shift -104 ms (-106 ms to -102 ms); longer "
			 "in 0 % of pairs; p < 0.0001"},
		208, 104},
	{{.step = 0,
		 .what = "slow",
		 .result = "same",
		 .text = "0 of 22 took more than twice as long as usual, was 0 of 99: at most 9 "
			 "per 1,000 apart"},
		0, 0},
	{{.step = 2,
		 .device = "0000:41:00.0",
		 .what = "usable",
		 .result = "same",
		 .text = "usable after 101 ms, was 101 ms: shift 0.10 ms (-1.20 ms to 1.40 ms), "
			 "less than 10.0 ms"},
		101, 101},
};

static struct baseline_times times_about(
	struct making *m, struct arena *arena, int64_t ms, unsigned n)
{
	struct baseline_times t = {
		.n = n, .p50_us = ms * 1000, .p95_us = ms * 1045, .max_us = ms * 1049, .bins = ""};
	struct time_bins bins = {0};
	unsigned i;

	if (ms == 0)
		return (struct baseline_times){0, -1, -1, -1, ""};
	for (i = 0; i < n; i++)
		time_bins_add(&bins, about(m, ms) * 1000);
	t.bins = time_bins_text(&bins, arena);
	return t;
}

static void compare(struct making *m)
{
	struct baseline_row rows[ARRAY_SIZE(against)];
	const struct baseline_result result = {"20261120-040000-aaaa", "worse",
		"lane gpu, load </script><b> (step 2) failed 1 of 23 times, was 0 of 99; and 2 "
		"more",
		rows, ARRAY_SIZE(rows)};
	struct arena arena = {0};
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rows[i] = against[i].row;
		rows[i].device = rows[i].device ? rows[i].device : "";
		rows[i].before = times_about(m, &arena, against[i].before_ms, 99);
		rows[i].now = times_about(m, &arena, against[i].now_ms, 22);
	}
	check(store_baseline_result(m->store, m->run, &result, &err), &err);
	arena_finish(&arena);
}

/* A change of the host that nobody put back. */
static void leave_something(struct making *m)
{
	const struct undo_rec rec = {.kind = UNDO_WRITE,
		.subject = "0000:41:00.0",
		.path = "/sys/bus/pci/devices/0000:41:00.0/reset_method",
		.value = "flr " EVIL_WORD};
	struct event ev = {.kind = EV_UNDO};
	uint64_t id;
	struct err err;

	undo_to_event(&rec, &ev);
	check(store_undo(m->store, m->run, &ev, "5f0c2a54-7d3b-4a39-9c1e-0a2b3c4d5e6f", &id, &err),
		&err);
}

static void end(struct making *m)
{
	static const struct act away[] = {{"0000:41:00.0", 0, 31}, {"0000:41:00.1", 0, 30}};
	const struct klog_account klog = {.records = m->seq, .lost = 3};
	struct event lane = {.kind = EV_LANE_END, .lane = 0, .outcome = OUTCOME_FAIL};
	struct err err;

	(void)do_steps(m, 0, PHASE_AFTER, 0, away, ARRAY_SIZE(away));
	str_set(lane.text, "step reset failed in cycle 7");
	event(m, lane);
	lane = (struct event){.kind = EV_LANE_END,
		.lane = 1,
		.outcome = OUTCOME_ABORTED,
		.text = "stopped before its cycles were done " EVIL_WORD};
	event(m, lane);
	leave_something(m);
	check(store_run_klog(m->store, m->run, &klog, &err), &err);
	check(store_run_aborted(m->store, m->run, "interrupted", &err), &err);
	check(store_run_end(m->store, m->run, VERDICT_FAIL, 1, "a step failed", &err), &err);
	compare(m);
}

/* The store stamps the beginning and the end itself, by the clock. */
static void put_clock_right(struct making *m)
{
	struct err err;

	check(db_run(store_db(m->store), &err,
		      "UPDATE run SET started_ns = ?, ended_ns = CASE WHEN ended_ns IS NULL THEN "
		      "NULL"
		      " ELSE ? END, alive_ns = CASE WHEN ended_ns IS NULL THEN alive_ns ELSE ? END"
		      " WHERE key = ?",
		      "iiii", START, m->now_ns, m->now_ns, m->run),
		&err);
}

void stored_run_make(const char *db, uint32_t n, enum stored_end how)
{
	size_t len = 0;
	auto_free char *snapshot = stored_machine(&len);
	struct making m = {.random = 1, .end = how};
	struct diags diags = {0};
	struct err err;

	m.sc = scenario_parse("s.yaml", text, strlen(text), NULL, 0, &fake_words, &diags);
	if (m.sc == NULL) {
		diags_print(&diags, stderr);
		exit(1);
	}
	check(store_open(db, STORE_CREATE, &m.store, &err), &err);
	begin(&m);
	check(store_preflight(m.store, m.run, checks, ARRAY_SIZE(checks), &err), &err);
	check(store_snapshot(m.store, m.run, snapshot, len, &err), &err);
	cycles(&m, n);
	late_lines(&m);
	difference(&m);
	check(store_note(m.store, m.run, "note", "the guest said " EVIL, &err), &err);
	check(store_note(m.store, m.run, "blind-spot",
		      "the guest's own log was not read: a GPU's Xid is seen through the host "
		      "only " EVIL_WORD,
		      &err),
		&err);
	if (how == STORED_DIED)
		die(&m, n + 1);
	else
		end(&m);
	put_clock_right(&m);
	store_close(m.store);
	scenario_free(m.sc);
}
