/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"
#include "world/pcidev.h"
#include "world/yamldoc.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define WORDS_MAX       128
#define TOLERATE_MAX    1000
#define REPORTS_MAX     100
#define DURATION_MS_MAX (INT64_C(366) * 86400000)
#define SETTLE_MS_MAX   INT64_C(86400000)
#define TIMEOUT_MS_MAX  (INT64_C(7) * 86400000)
#define FAULT_ID_MAX    47 /* fits an incident's id */

/* The keys of `repeat` and of its `until`. */
struct repeat_keys {
	const struct ynode *until;
	int64_t settle_ms;
	int on_failure;
	struct host_crash_policy host_crash;
};

struct until_keys {
	int64_t cycles, duration_ms;
};

static const struct field until_fields[] = {
	{.name = "cycles",
		.kind = FIELD_INT,
		.offset = offsetof(struct until_keys, cycles),
		.min = 1,
		.max = CYCLES_MAX,
		.help = "of each lane"},
	{.name = "duration",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct until_keys, duration_ms),
		.min = 1,
		.max = DURATION_MS_MAX,
		.help = "of the run"},
	{0},
};

static const struct shape until_shape = {
	.kind = SHAPE_MAP, .what = "`until`", .fields = until_fields, .min = 1};

static const char *const on_failure_words[] = {[ON_FAILURE_STOP] = "stop",
	[ON_FAILURE_CONTINUE] = "continue",
	[ON_FAILURE_RECOVER] = "recover",
	NULL};

const char *const host_crash_words[] = {
	[HOST_CRASH_REPORT] = "report", [HOST_CRASH_CONTINUE] = "continue", NULL};

static const struct field repeat_fields[] = {
	{.name = "until",
		.kind = FIELD_NODE,
		.offset = offsetof(struct repeat_keys, until),
		.shape = &until_shape,
		.help = "cycles or duration, the first one reached"},
	{.name = "settle",
		.kind = FIELD_DURATION,
		.offset = offsetof(struct repeat_keys, settle_ms),
		.min = 0,
		.max = SETTLE_MS_MAX,
		.help = "pause between cycles"},
	{.name = "on-failure",
		.kind = FIELD_CHOICE,
		.offset = offsetof(struct repeat_keys, on_failure),
		.dflt = "stop",
		.choices = on_failure_words,
		.help = "end the lane, go on, or make its devices well and go on"},
	HOST_CRASH_KEYS(struct repeat_keys, NULL, NULL, NULL),
	{0},
};

const struct shape repeat_shape = {
	.kind = SHAPE_MAP, .what = "`repeat`", .fields = repeat_fields, .or_nothing = true};

void read_repeat(struct loader *ld, const struct ynode *node)
{
	struct scenario *sc = ld->sc;
	struct repeat_keys k = {.host_crash = sc->host_crash};
	struct until_keys u = {0};
	struct field_target target = {repeat_fields, &k}, until = {until_fields, &u};

	sc->cycles = 1;
	if (node == NULL || ynode_is_null(node))
		return;
	fields_fill(&ld->rd, "'repeat'", node, node, &target, 1);
	sc->settle_ms = k.settle_ms;
	sc->on_failure = (enum on_failure)k.on_failure;
	sc->host_crash = k.host_crash;
	if (k.until == NULL || fields_fill(&ld->rd, "'until'", k.until, k.until, &until, 1) != 0)
		return;
	if (u.cycles == 0 && u.duration_ms == 0) {
		diag_error(ld->rd.diags, k.until->pos, "'until' needs cycles or a duration");
		diag_hint(ld->rd.diags, "write `until: {cycles: 10}`");
	}
	sc->cycles = u.cycles;
	sc->duration_ms = u.duration_ms;
}

const struct shape timeouts_shape = {
	.kind = SHAPE_TIMEOUTS, .what = "a time-out", .or_nothing = true};

static bool is_step_word(const struct vocabulary *words, const char *name)
{
	size_t i;

	for (i = 0; words->steps[i] != NULL; i++)
		if (str_eq(words->steps[i]->word.name, name))
			return true;
	return false;
}

static void unknown_step(struct loader *ld, const struct ynode *key)
{
	const char *names[WORDS_MAX + 1] = {0};
	size_t i;

	for (i = 0; ld->words->steps[i] != NULL && i < WORDS_MAX; i++)
		names[i] = ld->words->steps[i]->word.name;
	unknown_word(ld, "step", key->text, key->pos, names);
}

static int read_timeout(struct loader *ld, const struct ynode *key, const struct ynode *value,
	struct timeout_spec *out)
{
	struct field field[] = {
		{.name = key->text, .kind = FIELD_DURATION, .min = 1, .max = TIMEOUT_MS_MAX}, {0}};
	struct field_target target = {field, &out->ms};
	struct ynode *keys[] = {(struct ynode *)(uintptr_t)key};
	struct ynode *items[] = {(struct ynode *)(uintptr_t)value};
	struct ynode map = {
		.kind = YNODE_MAP, .pos = key->pos, .keys = keys, .items = items, .n = 1};

	out->word = key->text;
	out->pos = key->pos;
	return fields_fill(&ld->rd, "'timeouts'", &map, &map, &target, 1);
}

static void apply_timeout(const struct timeout_spec *t, struct step_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].name != NULL && list->v[i].timeout_ms == 0 &&
			str_eq(list->v[i].type->word.name, t->word))
			list->v[i].timeout_ms = t->ms;
}

void read_timeouts(struct loader *ld, const struct ynode *node)
{
	struct scenario *sc = ld->sc;
	size_t i, k;

	if (node == NULL || ynode_is_null(node))
		return;
	if (node->kind != YNODE_MAP) {
		diag_error(ld->rd.diags, node->pos, "'timeouts' must be a mapping, not %s",
			ynode_what(node));
		diag_hint(ld->rd.diags, "write `timeouts: {start: 300s}`");
		return;
	}
	sc->timeouts = arena_alloc(ld->rd.arena, (node->n + 1) * sizeof(*sc->timeouts));
	for (i = 0; i < node->n; i++) {
		struct timeout_spec *t = &sc->timeouts[sc->ntimeouts];

		if (!is_step_word(ld->words, node->keys[i]->text)) {
			unknown_step(ld, node->keys[i]);
			continue;
		}
		if (read_timeout(ld, node->keys[i], node->items[i], t) != 0)
			continue;
		sc->ntimeouts++;
		apply_timeout(t, &sc->before);
		apply_timeout(t, &sc->after);
		for (k = 0; k < sc->nlanes; k++)
			apply_timeout(t, &sc->lanes[k].steps);
	}
}

#define TOLERATE(key, type, member, ...)                                                           \
	{                                                                                          \
		.name = key, .kind = type, .offset = offsetof(struct tolerate, member),            \
		__VA_ARGS__                                                                        \
	}

static const struct field tolerate_fields[] = {
	TOLERATE("fault", FIELD_STRING, fault, .required = true,
		.pattern = "[a-z0-9_-]+(\\.[a-z0-9_-]+)*(\\.\\*)?", .help = "an id or a family"),
	TOLERATE("count", FIELD_INT, count, .required = true, .min = 0, .max = CYCLES_MAX,
		.help = "how many are tolerated"),
	TOLERATE("per", FIELD_DURATION, per_ms, .min = 1, .max = DURATION_MS_MAX,
		.help = "within a sliding window of; absent = in the whole run"),
	TOLERATE("device", FIELD_STRING, device, .pattern = SELECTOR_PATTERN,
		.help = "a selector; absent = any"),
	TOLERATE("reason", FIELD_STRING, reason, .help = "why, for the reader of the report"),
	TOLERATE("expires", FIELD_STRING, expires,
		.pattern = "(19[7-9][0-9]|2[01][0-9][0-9]|2200)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|"
			   "3[01])",
		.help = "the last valid day, UTC: 2027-01-31"),
	{0},
};

const struct shape tolerate_shape = {.kind = SHAPE_ROWS,
	.what = "a budget",
	.fields = tolerate_fields,
	.max = TOLERATE_MAX,
	.or_nothing = true};

/* Words of [a-z0-9-] joined by dots; the last may be "*". */
static bool is_fault_id(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t n;

	if (strlen(s) > FAULT_ID_MAX)
		return false;
	for (;;) {
		n = strspn(s, letters);
		if (n == 0)
			return false;
		s += n;
		if (*s == '\0' || str_eq(s, ".*"))
			return true;
		if (*s++ != '.')
			return false;
	}
}

/* The first moment after that day, UTC; -1 when there is no such day. */
static int64_t end_of_day_ns(const char *s)
{
	struct tm tm = {0}, back;
	char again[16];
	int64_t y, m, d;
	time_t t;

	if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || strspn(s, "0123456789") != 4 ||
		strspn(s + 5, "0123456789") != 2 || strspn(s + 8, "0123456789") != 2)
		return -1;
	y = (s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + (s[3] - '0');
	m = (s[5] - '0') * 10 + (s[6] - '0');
	d = (s[8] - '0') * 10 + (s[9] - '0');
	tm.tm_year = (int)y - 1900;
	tm.tm_mon = (int)m - 1;
	tm.tm_mday = (int)d;
	t = timegm(&tm);
	/* timegm() turns 2027-02-30 into March; years that nanoseconds cannot hold are refused */
	if (y < 1970 || y > 2200 || gmtime_r(&t, &back) == NULL ||
		strftime(again, sizeof(again), "%Y-%m-%d", &back) != 10 || !str_eq(again, s))
		return -1;
	return ((int64_t)t + 86400) * NS_PER_S;
}

/* Does the row still hold? A wrong one is reported. */
static bool check_tolerate(struct loader *ld, const struct ynode *node, const struct tolerate *t)
{
	struct diags *d = ld->rd.diags;
	int64_t end = t->expires ? end_of_day_ns(t->expires) : NEVER;

	if (!is_fault_id(t->fault)) {
		diag_error(d, pos_of_key(node, "fault"), "'%.60s' is no fault id", t->fault);
		diag_hint(d,
			"an id or a family: aer.correctable, aer.* "
			"(`vfio-stress list faults` shows all)");
	}
	if (t->device != NULL)
		check_selector(ld, t->device, pos_of_key(node, "device"));
	if (end < 0) {
		diag_error(d, pos_of_key(node, "expires"), "'%.60s' is no date", t->expires);
		diag_hint(d, "write the last valid day as 2027-01-31");
	} else if (end <= clock_wall_ns()) {
		diag_warning(
			d, pos_of_key(node, "expires"), "this budget has expired and is ignored");
		diag_hint(d, "renew it with a later date, or remove the row");
		return false;
	}
	return true;
}

void read_tolerate(struct loader *ld, const struct ynode *node)
{
	struct ynode *const *items;
	size_t i, n = list_items(ld, "tolerate", node, TOLERATE_MAX, &items);
	struct scenario *sc = ld->sc;

	sc->tolerate = arena_alloc(ld->rd.arena, (n + 1) * sizeof(*sc->tolerate));
	for (i = 0; i < n; i++) {
		struct tolerate row = {.pos = items[i]->pos};
		struct field_target target = {tolerate_fields, &row};

		if (fields_fill(&ld->rd, "a 'tolerate' row", items[i], items[i], &target, 1) == 0 &&
			check_tolerate(ld, items[i], &row))
			sc->tolerate[sc->ntolerate++] = row;
	}
}

#define ALLOW_MAX 64

#define ALLOW(key, form, text)                                                                     \
	{                                                                                          \
		.name = #key, .kind = FIELD_STRING, .offset = offsetof(struct allow, key),         \
		.required = true, .pattern = form, .help = text                                    \
	}

static const struct field allow_fields[] = {
	ALLOW(device, SELECTOR_PATTERN, "a selector: who may be disturbed"),
	ALLOW(reason, "[\\s\\S]*[^ \\t\\n][\\s\\S]*",
		"why that is all right, for the reader of the report"),
	{0},
};

const struct shape allow_shape = {.kind = SHAPE_ROWS,
	.what = "a permission",
	.fields = allow_fields,
	.max = ALLOW_MAX,
	.or_nothing = true};

size_t read_allow(struct loader *ld, const struct ynode *node, struct allow **out)
{
	struct ynode *const *items;
	size_t i, kept = 0, n = list_items(ld, "allow", node, ALLOW_MAX, &items);

	*out = arena_alloc(ld->rd.arena, (n + 1) * sizeof(**out));
	for (i = 0; i < n; i++) {
		struct allow row = {.pos = items[i]->pos};
		struct field_target target = {allow_fields, &row};

		if (fields_fill(&ld->rd, "an 'allow' row", items[i], items[i], &target, 1) != 0 ||
			check_selector(ld, row.device, pos_of_key(items[i], "device")) != 0)
			continue;
		if (row.reason[strspn(row.reason, " \t\n")] == '\0') {
			diag_error(ld->rd.diags, pos_of_key(items[i], "reason"),
				"an 'allow' row needs a reason");
			diag_hint(ld->rd.diags,
				"say why these users may be disturbed: the report shows it");
			continue;
		}
		(*out)[kept++] = row;
	}
	return kept;
}

const struct shape reports_shape = {
	.kind = SHAPE_REPORTS, .what = "a report", .max = REPORTS_MAX, .or_nothing = true};

static const struct reporter *find_reporter(struct loader *ld, const struct ynode *key)
{
	const char *names[WORDS_MAX + 1] = {0};
	size_t i;

	for (i = 0; ld->words->reporters[i] != NULL; i++) {
		if (str_eq(ld->words->reporters[i]->word.name, key->text))
			return ld->words->reporters[i];
		if (i < WORDS_MAX)
			names[i] = ld->words->reporters[i]->word.name;
	}
	unknown_word(ld, "reporter", key->text, key->pos, names);
	return NULL;
}

/* A report with nothing below its word is a text alone: `- text`. */
static void read_report(struct loader *ld, const struct ynode *node)
{
	struct report_spec *r = &ld->sc->reports[ld->sc->nreports];
	const struct ynode *key = node, *value = NULL, *map;
	char what[80];

	if (node->kind == YNODE_MAP && node->n == 1) {
		key = node->keys[0];
		value = node->items[0];
	}
	if (key->kind != YNODE_SCALAR || ynode_is_null(key)) {
		diag_error(ld->rd.diags, node->pos, "a report has one word, not %s",
			node->kind == YNODE_MAP && node->n > 1 ? "several" : ynode_what(node));
		diag_hint(ld->rd.diags, "write `- json: out/run.json`");
		return;
	}
	r->type = find_reporter(ld, key);
	if (r->type == NULL)
		return;
	r->pos = key->pos;
	r->opts = arena_alloc(ld->rd.arena, r->type->word.args_size);
	snprintf(what, sizeof(what), "report '%s'", r->type->word.name);
	if (read_word_args(ld, what, &r->type->word, node, value, NULL, r->opts, &map) != 0)
		return;
	ld->sc->nreports++;
	if (r->type->load != NULL)
		r->type->load(r->opts,
			&(struct report_reading){.arena = ld->rd.arena,
				.diags = ld->rd.diags,
				.map = map,
				.pos = r->pos,
				.endings = r->type->endings,
				.beside = ld->sc->source.name});
}

void read_reports(struct loader *ld, const struct ynode *node)
{
	struct ynode *const *items;
	size_t i, n = list_items(ld, "report", node, REPORTS_MAX, &items);

	ld->sc->reports = arena_alloc(ld->rd.arena, (n + 1) * sizeof(*ld->sc->reports));
	for (i = 0; i < n; i++)
		read_report(ld, items[i]);
}
