/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/verdict.h"

#include "model/run_view.h"

#include <string.h>

/* What a lane or a run has come to, before the first rule that applies is picked. */
struct findings {
	bool failed, aborted, broken, ran;
};

static enum verdict first_that_applies(const struct findings *f)
{
	if (f->failed)
		return VERDICT_FAIL;
	if (f->aborted)
		return VERDICT_ABORTED;
	if (f->broken)
		return VERDICT_BROKEN;
	return f->ran ? VERDICT_PASS : VERDICT_SKIPPED;
}

/* pass 0, fail 1, everything that proves nothing 4 */
static int exit_code_of(enum verdict v)
{
	return v == VERDICT_PASS ? 0 : v == VERDICT_FAIL ? 1 : 4;
}

static struct findings lane_findings(const struct run_view *run, size_t index)
{
	const struct lane_row *lane = &run->lanes[index];
	struct findings f = {0};
	size_t i;

	for (i = 0; i < lane->nsteps; i++) {
		f.failed |= lane->steps[i].failed > 0;
		f.broken |= lane->steps[i].broken > 0;
		f.ran |= lane->steps[i].count > lane->steps[i].skipped;
	}
	for (i = 0; i < run->nincidents; i++)
		f.failed |= run->incidents[i].over_budget &&
			run->incidents[i].place.lane == (int32_t)index;
	f.failed |= lane->ended && lane->end == OUTCOME_FAIL;
	f.broken |= lane->ended && lane->end == OUTCOME_BROKEN;
	f.aborted = !lane->ended || lane->end == OUTCOME_ABORTED;
	return f;
}

/* "gpu-vm, cycle 3, reset of 0000:41:00.0: detail" */
static const char *failure_sentence(struct run_view *run, const struct failure_row *f)
{
	const char *lane =
		f->lane >= 0 && (size_t)f->lane < run->nlanes ? run->lanes[f->lane].name : "?";
	char when[32];

	if (f->cycle > 0)
		snprintf(when, sizeof(when), "cycle %d", f->cycle);
	else
		snprintf(when, sizeof(when), "%s", f->cycle == 0 ? "before" : "after");
	return arena_printf(&run->arena, "%s, %s, %s%s%s: %s", lane, when, f->step,
		f->device ? " of " : "", f->device ? f->device : "", f->detail);
}

static const char *incident_sentence(struct run_view *run, const struct incident *inc)
{
	char bdf[BDF_LEN], where[96] = "";

	if (inc->place.cycle > 0)
		snprintf(where, sizeof(where), " in cycle %d%s%s", inc->place.cycle,
			*inc->place.step ? ", step " : "", inc->place.step);
	return arena_printf(&run->arena, "%s%s%s%s%s%s", inc->id, inc->has_bdf ? " of " : "",
		inc->has_bdf ? bdf_text(inc->bdf, bdf) : "", where,
		*inc->budget ? ", over its budget: " : "", inc->budget);
}

static const char *first_failure(struct run_view *run, enum outcome outcome)
{
	size_t i;

	for (i = 0; i < run->nfailures; i++)
		if (run->failures[i].outcome == outcome)
			return failure_sentence(run, &run->failures[i]);
	return NULL;
}

/* The kernel names the culprit; a failed step is often only its consequence. */
static const char *why_failed(struct run_view *run)
{
	const char *step = first_failure(run, OUTCOME_FAIL);
	size_t i;

	for (i = 0; i < run->nincidents; i++)
		if (run->incidents[i].over_budget)
			return incident_sentence(run, &run->incidents[i]);
	return step ? step : "a lane ended as failed";
}

static const char *why_broken(struct run_view *run)
{
	const char *step = first_failure(run, OUTCOME_BROKEN);
	size_t i;

	if (run->blind)
		return arena_printf(&run->arena, "blind: %s", run->blind_reason);
	if (step != NULL)
		return step;
	for (i = 0; i < run->nlanes; i++)
		if (run->lanes[i].ended && run->lanes[i].end == OUTCOME_BROKEN)
			return run->lanes[i].reason;
	if (run->left.n > 0)
		return run->left.v[0];
	return "the tool or its environment failed";
}

static const char *why(struct run_view *run)
{
	switch (run->verdict) {
	case VERDICT_FAIL:
		return why_failed(run);
	case VERDICT_ABORTED:
		return *run->aborted ? run->aborted
			: run->ended ? "a lane was stopped before its cycles were done"
				     : "the run died: it was killed, or its host went down";
	case VERDICT_BROKEN:
		return why_broken(run);
	case VERDICT_SKIPPED:
		return "no step ran";
	case VERDICT_PASS:
		break;
	}
	return "nothing surprising happened";
}

void verdict_judge(struct run_view *run)
{
	struct findings all = {0};
	size_t i;

	for (i = 0; i < run->nlanes; i++) {
		struct findings f = lane_findings(run, i);

		run->lanes[i].verdict = first_that_applies(&f);
		all.failed |= f.failed;
		all.broken |= f.broken;
		all.aborted |= f.aborted;
		all.ran |= f.ran;
	}
	for (i = 0; i < run->nincidents; i++)
		all.failed |= run->incidents[i].over_budget;
	all.aborted |= *run->aborted != '\0' || !run->ended;
	all.broken |= run->blind || run->left.n > 0;
	run->verdict = first_that_applies(&all);
	run->exit_code = exit_code_of(run->verdict);
	run->verdict_reason = why(run);
}
