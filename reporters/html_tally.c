/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_tally.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/event.h"
#include "model/run_view.h"
#include "reporters/html_page.h"

#include <inttypes.h>
#include <stdlib.h>

#define ROWS_MAX 600

enum tally_kind { TALLY_NONE, TALLY_DIFFERS, TALLY_NOTE, TALLY_SKIPPED };

struct tally_row {
	enum tally_kind kind;
	enum phase phase;
	uint32_t lane;
	int32_t step;
	char *device, *text;
	uint64_t count;
	uint32_t first, last; /* cycle */
};

static enum tally_kind kind_of(const struct event *ev)
{
	if (ev->kind == EV_STEP_END)
		return ev->outcome == OUTCOME_SKIPPED ? TALLY_SKIPPED : TALLY_NONE;
	if (ev->kind != EV_DEVICE_STATE)
		return TALLY_NONE;
	return str_eq(ev->reason, "differs") ? TALLY_DIFFERS
		: str_eq(ev->reason, "note") ? TALLY_NOTE
					     : TALLY_NONE;
}

static bool is_same(const struct tally_row *r, enum tally_kind kind, const struct event *ev)
{
	return r->kind == kind && r->lane == ev->lane && r->step == ev->step &&
		r->phase == (enum phase)ev->phase && str_eq(r->device, ev->subject) &&
		str_eq(r->text, ev->text);
}

void html_tally_add(struct html_tally *t, const struct event *ev)
{
	enum tally_kind kind = kind_of(ev);

	if (kind == TALLY_NONE)
		return;
	vec_foreach (r, &t->rows)
		if (is_same(r, kind, ev)) {
			r->count++;
			r->last = ev->cycle;
			return;
		}
	if (t->rows.n < ROWS_MAX)
		*vec_push(&t->rows) = (struct tally_row){kind, (enum phase)ev->phase, ev->lane,
			ev->step, xstrdup(ev->subject), xstrdup(ev->text), 1, ev->cycle, ev->cycle};
	else
		t->left_out++;
}

void html_tally_finish(struct html_tally *t)
{
	vec_foreach (r, &t->rows) {
		free(r->device);
		free(r->text);
	}
	vec_finish(&t->rows);
}

/* ---- as tables ---- */

static const char *step_name(const struct run_view *run, const struct tally_row *r)
{
	const struct lane_row *lane = &run->lanes[r->lane];
	size_t i;

	for (i = 0; i < lane->nsteps; i++)
		if (lane->steps[i].phase == r->phase && (int32_t)lane->steps[i].index == r->step)
			return lane->steps[i].name;
	return r->step < 0 ? "between steps" : "";
}

static void cycles_cell(FILE *out, const struct tally_row *r)
{
	if (r->phase != PHASE_CYCLE)
		fprintf(out, "<td>%s</td>", phase_name(r->phase));
	else if (r->first == r->last)
		fprintf(out, "<td>%" PRIu32 "</td>", r->first);
	else
		fprintf(out, "<td>%" PRIu32 " to %" PRIu32 "</td>", r->first, r->last);
}

static void row(struct page *p, const struct tally_row *r)
{
	fprintf(p->out, "<tr>");
	html_element(p->out, "td", p->run->lanes[r->lane].name);
	fprintf(p->out, "<th scope=\"row\">");
	html_text(p->out, step_name(p->run, r));
	fprintf(p->out, "</th>");
	html_device_cell(p->out, r->device);
	fprintf(p->out, "<td>%s", r->kind == TALLY_NOTE ? "worth a note: " : "");
	html_text(p->out, r->text);
	fprintf(p->out, "</td>");
	html_count_cell(p->out, r->count);
	cycles_cell(p->out, r);
	fprintf(p->out, "</tr>\n");
}

/* Of one kind or two; how many rows there are. */
static size_t table(struct page *p, const char *caption, enum tally_kind one, enum tally_kind other)
{
	static const char *const columns[] = {
		"lane", "step", "device", "what", "#times", "cycles", NULL};
	size_t n = 0;

	vec_foreach (r, &p->tally.rows) {
		if ((r->kind != one && r->kind != other) || r->lane >= p->run->nlanes)
			continue;
		if (n++ == 0)
			html_table(p->out, caption, columns);
		row(p, r);
	}
	if (n > 0)
		html_table_end(p->out);
	return n;
}

void html_differences(struct page *p)
{
	html_section(p->out, "devices", "Devices that changed");
	if (table(p,
		    "Config space, link, power, driver and so on, against what was there before "
		    "the step",
		    TALLY_DIFFERS, TALLY_NOTE) == 0)
		fprintf(p->out, "<p>No look at a device found anything changed.</p>\n");
	if (p->tally.left_out > 0)
		fprintf(p->out,
			"<p>%" PRIu64 " more, of these and of steps that were skipped, are not "
			"listed.</p>\n",
			p->tally.left_out);
}

bool html_skipped(struct page *p)
{
	bool any = false;

	vec_foreach (r, &p->tally.rows)
		any |= r->kind == TALLY_SKIPPED && r->lane < p->run->nlanes;
	if (!any)
		return false;
	fprintf(p->out, "<h3>Skipped</h3>\n");
	table(p, "Steps that were not done, and why", TALLY_SKIPPED, TALLY_SKIPPED);
	return true;
}
