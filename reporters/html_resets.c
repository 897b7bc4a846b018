/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_resets.h"

#include "base/str.h"
#include "model/run_view.h"
#include "reporters/html_page.h"

#include <inttypes.h>

/* The columns, in the order of the table. Unknown only where there is such a reset. */
static const struct {
	enum device_use use;
	const char *heading;
} states[] = {
	{USE_UNBOUND, "unbound"},
	{USE_VFIO, "on VFIO, in no VM"},
	{USE_DRIVER, "on a host driver"},
	{USE_VM, "its VM running"},
	{USE_UNKNOWN, "state not known"},
};

#define STATES (sizeof(states) / sizeof(states[0]))

static const char *method_of(const struct step_row *s)
{
	return s->arg ? s->arg : s->name;
}

static bool is_reset(const struct step_row *s)
{
	return str_eq(s->word, "reset") && s->device != NULL;
}

static bool is_same(const struct step_row *a, const struct step_row *b)
{
	return is_reset(a) && is_reset(b) && str_eq(a->device, b->device) &&
		str_eq(method_of(a), method_of(b));
}

static const struct reset_row *find(
	const struct run_view *run, size_t lane, const struct step_row *s, enum device_use use)
{
	size_t i;

	for (i = 0; i < run->nresets; i++) {
		const struct reset_row *r = &run->resets[i];

		if (r->lane == lane && r->use == use && str_eq(r->device, s->device) &&
			str_eq(r->method, method_of(s)))
			return r;
	}
	return NULL;
}

/* "142 of 143 worked", and how long they took. */
static void cell(FILE *out, const struct reset_row *r)
{
	char p50[HTML_MS_LEN], p95[HTML_MS_LEN], max[HTML_MS_LEN];

	if (r == NULL) {
		fprintf(out, "<td class=\"none\">not tried</td>");
		return;
	}
	fprintf(out, "<td>%" PRIu64 " of %" PRIu64 " worked", r->worked, r->tried);
	if (r->worked < r->tried)
		fprintf(out, ", <span class=\"fail-word\">%" PRIu64 " did not</span>",
			r->tried - r->worked);
	if (r->max_ms >= 0)
		fprintf(out, "<br><small>p50 %s, p95 %s, max %s</small>", html_ms(r->p50_ms, p50),
			html_ms(r->p95_ms, p95), html_ms(r->max_ms, max));
	fprintf(out, "</td>");
}

/* Of all steps of the lane that try the method on the device. */
static void row(struct page *p, size_t lane, size_t first, size_t nstates)
{
	const struct lane_row *l = &p->run->lanes[lane];
	const struct step_row *s = &l->steps[first];
	uint64_t skipped = 0;
	size_t i;

	for (i = first; i < l->nsteps; i++)
		skipped += is_same(s, &l->steps[i]) ? l->steps[i].skipped : 0;
	fprintf(p->out, "<tr><th scope=\"row\">");
	html_text(p->out, method_of(s));
	fprintf(p->out, "</th>");
	html_device_cell(p->out, s->device);
	html_element(p->out, "td", l->name);
	for (i = 0; i < nstates; i++)
		cell(p->out, find(p->run, lane, s, states[i].use));
	html_count_cell(p->out, skipped);
	fprintf(p->out, "</tr>\n");
}

/* Rows are there for all that the scenario asks for, columns for all states that there are. */
static void table(struct page *p, size_t nstates)
{
	const char *columns[STATES + 5] = {"method", "device", "lane"};
	size_t i, k, first, n = 3;

	for (i = 0; i < nstates; i++)
		columns[n++] = states[i].heading;
	columns[n++] = "#skipped";
	columns[n] = NULL;
	html_table(p->out, "Each method on each device, by the state that this was in", columns);
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++) {
			const struct step_row *s = p->run->lanes[i].steps;

			for (first = 0; first < k && !is_same(&s[first], &s[k]); first++)
				;
			if (is_reset(&s[k]) && first == k)
				row(p, i, k, nstates);
		}
	html_table_end(p->out);
}

void html_resets(struct page *p)
{
	bool any = false, unknown = false;
	size_t i, k;

	html_section(p->out, "resets", "Resets");
	for (i = 0; i < p->run->nlanes; i++)
		for (k = 0; k < p->run->lanes[i].nsteps; k++)
			any |= is_reset(&p->run->lanes[i].steps[k]);
	for (i = 0; i < p->run->nresets; i++)
		unknown |= p->run->resets[i].use == USE_UNKNOWN;
	if (any)
		table(p, unknown ? STATES : STATES - 1);
	else
		fprintf(p->out, "<p>No step of this run resets a device.</p>\n");
}
