/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/sample.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/run_view.h"
#include "model/store.h"
#include "reporters/life.h"
#include "reporters/reporters.h"
#include "world/machine.h"

#include <inttypes.h>

#define SAYS_SO "this is a sample, made by vfio-stress webhook test: nothing has happened"

static const struct {
	const char *word;
	bool lives;
	int what; /* enum verdict, or enum life_kind of one that lives */
} samples[] = {
	{"fail", false, VERDICT_FAIL},
	{"pass", false, VERDICT_PASS},
	{"started", true, LIFE_STARTED},
	{"alive", true, LIFE_ALIVE},
	{"failing", true, LIFE_FAILING},
	{"resumed", true, LIFE_RESUMED},
};

const char *sample_word(size_t i)
{
	return i < ARRAY_SIZE(samples) ? samples[i].word : NULL;
}

static void put_fault(struct run_view *run)
{
	static const struct failure_row failure = {.lane = 0,
		.cycle = 3,
		.step = "reset",
		.step_index = 2,
		.device = "0000:41:00.0",
		.outcome = OUTCOME_FAIL,
		.reason = "sample",
		.detail = SAYS_SO,
		.advice = "do nothing"};
	struct incident *inc = arena_alloc(&run->arena, sizeof(*inc));

	*inc = (struct incident){.no = 1,
		.id = "sample",
		.severity = SEV_ERROR,
		.over_budget = true,
		.has_bdf = true,
		.bdf = {0, 0x41, 0, 0},
		.place = {.lane = 0, .cycle = 3, .step = "reset", .step_index = 2, .in_lane = true},
		.count = 1,
		.first_wall_ns = run->ended_ns,
		.last_wall_ns = run->ended_ns,
		.seen_by = "log",
		.meaning = xstrdup(SAYS_SO),
		.advice = xstrdup("do nothing")};
	inc->first[0].text = xstrdup("vfio-pci 0000:41:00.0: a line of the kernel would be here");
	inc->nfirst = 1;
	run->incidents = inc;
	run->nincidents = run->totals.all = run->totals.severity[SEV_ERROR] =
		run->totals.over_budget = 1;
	run->failures = arena_alloc(&run->arena, sizeof(failure));
	run->failures[0] = failure;
	run->nfailures = run->failures_total = 1;
	run->lanes[0].cycles_failed = 1;
}

static void make_run(struct run_view *run, const char *id, const char *scenario,
	const struct host_facts *host, enum verdict verdict)
{
	int64_t now = clock_wall_ns();
	const char **says = arena_alloc(&run->arena, sizeof(*says));

	*says = SAYS_SO;
	run->verdict = verdict;
	run->exit_code = verdict == VERDICT_PASS ? 0 : 1;
	run->simulated = run->ended = true;
	run->id = id;
	run->scenario = scenario;
	run->scenario_text = run->boot_id = run->blind_reason = run->aborted = "";
	run->tool_version = STRESS_VERSION;
	run->verdict_reason = SAYS_SO;
	run->started_ns = now - 60 * NS_PER_S;
	run->ended_ns = now;
	run->host = *host;
	run->lanes = arena_alloc(&run->arena, sizeof(*run->lanes));
	run->lanes[0] = (struct lane_row){.name = "sample",
		.verdict = verdict,
		.reason = SAYS_SO,
		.ended = true,
		.cycles_done = 3};
	run->nlanes = 1;
	run->notes = run->blind_spots = (struct strings_row){says, 1};
	if (verdict != VERDICT_PASS)
		put_fault(run);
}

static int message_of_ended(const struct webhook_opts *opts, const char *id, const char *scenario,
	const struct host_facts *host, enum verdict verdict, struct outbox_item *out,
	struct err *err)
{
	struct run_view run = {0};
	int rc;

	make_run(&run, id, scenario, host, verdict);
	rc = webhook_message(opts, &run, true, out, err);
	if (run.nincidents > 0)
		incident_finish(&run.incidents[0]);
	arena_finish(&run.arena);
	return rc;
}

static int message_of_living(const struct webhook_opts *opts, const char *id, const char *scenario,
	const char *host, enum life_kind kind, struct outbox_item *out, struct err *err)
{
	const struct life_lane lane = {
		.name = "sample", .done = 2, .failed = 0, .cycle = 3, .step = "reset"};
	const struct life life = {.kind = kind,
		.number = 1,
		.run = id,
		.scenario = scenario,
		.host = host,
		.started_ns = clock_wall_ns() - 60 * NS_PER_S,
		.now_ns = clock_wall_ns(),
		.next_ms = opts->heartbeat_ms,
		.lanes = &lane,
		.nlanes = 1,
		.failures = kind == LIFE_FAILING || kind == LIFE_RESUMED,
		.why = SAYS_SO};

	return webhook_life(opts, &life, true, out, err);
}

int sample_message(const struct host *host, const struct webhook_opts *opts, const char *scenario,
	const char *word, struct outbox_item *out, struct err *err)
{
	auto_arena struct arena arena = {0};
	struct machine_facts m;
	char id[RUN_ID_MAX];
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(samples) && !str_eq(samples[i].word, word))
		i++;
	machine_facts_read(host, &arena, &m);
	snprintf(id, sizeof(id), "sample-%" PRId64, clock_wall_ns() / NS_PER_S);
	if (samples[i].lives)
		return message_of_living(
			opts, id, scenario, m.name, (enum life_kind)samples[i].what, out, err);
	return message_of_ended(opts, id, scenario,
		&(struct host_facts){.name = m.name, .kernel = m.kernel},
		(enum verdict)samples[i].what, out, err);
}
