/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario_parts.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/scenario.h"
#include "model/step.h"
#include "world/pcidev.h"
#include "world/yamldoc.h"

#include <string.h>

#define WORDS_MAX     128
#define ARG_TEXT_MAX  48 /* of a list shown as the step's argument */
#define STEP_TIME_MIN 1 /* ms */
#define STEP_TIME_MAX (INT64_C(7) * 86400000)

/* What any step takes beside its word's own fields. */
struct common {
	int64_t timeout_ms;
	const char *name, *device;
	const struct ynode *expect_failure;
	bool while_running, while_bound;
};

#define COMMON(key, type, member, ...)                                                             \
	{                                                                                          \
		.name = key, .kind = type, .offset = offsetof(struct common, member), __VA_ARGS__  \
	}

static const struct shape expect_failure_shape = {
	.kind = SHAPE_FLAG, .what = "a reason", .pattern = "[a-z0-9-]{1,39}"};

const struct shape steps_shape = {
	.kind = SHAPE_STEPS, .what = "a step", .max = STEPS_MAX, .or_nothing = true};

const struct field step_common_fields[] = {
	COMMON("timeout", FIELD_DURATION, timeout_ms, .min = STEP_TIME_MIN, .max = STEP_TIME_MAX,
		.help = "when it is stuck"),
	COMMON("name", FIELD_STRING, name, .pattern = "[\\s\\S]{1,63}",
		.help = "what reports call it"),
	COMMON("expect-failure", FIELD_NODE, expect_failure, .shape = &expect_failure_shape,
		.help = "true or a reason: it passes when it fails"),
	COMMON("device", FIELD_STRING, device, .pattern = SELECTOR_PATTERN,
		.help = "only the lane's devices that match"),
	COMMON("while-running", FIELD_BOOL, while_running,
		.help = "also while a VM holds the device"),
	COMMON("while-bound", FIELD_BOOL, while_bound, .help = "also while a host driver is bound"),
	{0},
};

void unknown_word(struct loader *ld, const char *kind, const char *name, struct srcpos pos,
	const char *const *known)
{
	const char *near = nearest_word(name, known);

	diag_error(ld->rd.diags, pos, "unknown %s '%.60s'", kind, name);
	if (near != NULL)
		diag_hint(ld->rd.diags, "did you mean '%s'? (`vfio-stress list %ss`)", near, kind);
	else
		diag_hint(ld->rd.diags, "`vfio-stress list %ss` shows all", kind);
}

static const struct step_type *find_step(struct loader *ld, const char *name, struct srcpos pos)
{
	const char *names[WORDS_MAX + 1] = {0};
	size_t i;

	for (i = 0; ld->words->steps[i] != NULL; i++) {
		if (str_eq(ld->words->steps[i]->word.name, name))
			return ld->words->steps[i];
		if (i < WORDS_MAX)
			names[i] = ld->words->steps[i]->word.name;
	}
	unknown_word(ld, "step", name, pos, names);
	return NULL;
}

/* `word: ARG` is read as `word: {main: ARG}`. */
static const struct ynode *as_mapping(
	struct loader *ld, const char *what, const struct word *word, const struct ynode *value)
{
	struct ynode *map, *key;

	if (value == NULL || ynode_is_null(value) || value->kind == YNODE_MAP)
		return value;
	if (value->kind == YNODE_LIST || word->main_arg == NULL) {
		diag_error(ld->rd.diags, value->pos, "%s takes no %s", what,
			value->kind == YNODE_LIST ? "list" : "argument");
		if (word->main_arg != NULL)
			diag_hint(
				ld->rd.diags, "write `%s: {%s: ...}`", word->name, word->main_arg);
		else if (word->fields[0].name == NULL)
			diag_hint(ld->rd.diags, "write `%s` alone", word->name);
		else
			diag_hint(ld->rd.diags, "write `%s: {%s: ...}`", word->name,
				word->fields[0].name);
		return NULL;
	}
	map = arena_alloc(ld->rd.arena, sizeof(*map));
	key = arena_alloc(ld->rd.arena, sizeof(*key));
	*key = (struct ynode){.kind = YNODE_SCALAR, .pos = value->pos, .text = word->main_arg};
	*map = (struct ynode){.kind = YNODE_MAP, .pos = value->pos, .n = 1};
	map->keys = arena_alloc(ld->rd.arena, sizeof(*map->keys));
	map->items = arena_alloc(ld->rd.arena, sizeof(*map->items));
	map->keys[0] = key;
	/* the nodes are ours, in the arena; only their readers see them as const */
	map->items[0] = (struct ynode *)(uintptr_t)value;
	return map;
}

int read_word_args(struct loader *ld, const char *what, const struct word *word,
	const struct ynode *at, const struct ynode *value, const struct field_target *common,
	void *args, const struct ynode **map_out)
{
	struct field_target targets[2] = {{word->fields, args}};
	const struct ynode *map = as_mapping(ld, what, word, value);

	*map_out = NULL;
	if (map == NULL && value != NULL)
		return -1;
	if (common != NULL)
		targets[1] = *common;
	if (fields_fill(&ld->rd, what, at, map, targets, common ? 2 : 1) != 0)
		return -1;
	*map_out = map != NULL && map->kind == YNODE_MAP ? map : NULL;
	return 0;
}

/* The main argument as a reader of the report should see it; NULL when it was not written. */
static const char *arg_text(
	struct loader *ld, const struct word *word, const void *args, const struct ynode *map)
{
	const struct ynode *node = map && word->main_arg ? ynode_get(map, word->main_arg) : NULL;
	const struct strings *list;
	char shown[ARG_TEXT_MAX];
	struct str joined = {0};
	size_t i;

	if (node == NULL || node->kind == YNODE_MAP)
		return NULL;
	if (node->kind == YNODE_SCALAR)
		return vars_expand(&ld->rd, node);
	list = (const void *)((const char *)args +
		field_find(word->fields, word->main_arg)->offset);
	for (i = 0; i < list->n && joined.len < sizeof(shown); i++)
		str_addf(&joined, "%s%s", i ? " " : "", list->v[i]);
	str_copy(shown, sizeof(shown), joined.s ? joined.s : "");
	str_finish(&joined);
	return arena_strdup(ld->rd.arena, shown);
}

static void read_expect_failure(struct loader *ld, const struct ynode *node, struct step *step)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	bool is_text = node->kind == YNODE_SCALAR && !ynode_is_null(node);
	const char *text = is_text ? vars_expand(&ld->rd, node) : "";

	if (text == NULL)
		return;
	if (str_eq(text, "true") || str_eq(text, "false")) {
		step->expect_failure = str_eq(text, "true");
	} else if (*text != '\0' && strspn(text, letters) == strlen(text) &&
		strlen(text) < REASON_MAX) {
		step->expect_failure = true;
		step->expect_reason = text;
	} else {
		diag_error(ld->rd.diags, node->pos,
			"'expect-failure' must be true, false or a reason");
		diag_hint(ld->rd.diags, "a reason is what a failed step reports: `timeout`");
	}
}

static const char *const device_keys[] = {"device", "while-running", "while-bound"};

bool step_takes(const struct step_type *type, const char *common_key)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(device_keys); i++)
		if (str_eq(common_key, device_keys[i]))
			return type->flags & STEP_ON_DEVICES;
	return true;
}

static void take_common(
	struct loader *ld, const struct common *c, const struct ynode *map, struct step *step)
{
	bool on_devices = step->type->flags & STEP_ON_DEVICES;
	size_t i;

	step->timeout_ms = c->timeout_ms;
	step->device = c->device;
	step->while_running = c->while_running;
	step->while_bound = c->while_bound;
	if (c->name != NULL)
		step->name = c->name;
	if (c->name != NULL && (*c->name == '\0' || strlen(c->name) > NAME_LEN_MAX))
		diag_error(ld->rd.diags, pos_of_key(map, "name"), "a step's name has 1 to %d bytes",
			NAME_LEN_MAX);
	if (c->expect_failure != NULL)
		read_expect_failure(ld, c->expect_failure, step);
	for (i = 0; map != NULL && i < ARRAY_SIZE(device_keys); i++)
		if (!step_takes(step->type, device_keys[i]) && ynode_get(map, device_keys[i]))
			diag_error(ld->rd.diags, pos_of_key(map, device_keys[i]),
				"'%s' is for steps that act on devices, not for '%s'",
				device_keys[i], step->type->word.name);
	if (c->device != NULL && on_devices)
		check_selector(ld, c->device, pos_of_key(map, "device"));
}

/* The word of a step and what is below it. */
struct written_step {
	const char *word;
	struct srcpos pos;
	const struct ynode *value; /* NULL = a bare word */
};

static int split_step(struct loader *ld, const struct ynode *node, struct written_step *out)
{
	if (node->kind == YNODE_SCALAR && !ynode_is_null(node)) {
		*out = (struct written_step){vars_expand(&ld->rd, node), node->pos, NULL};
		return out->word ? 0 : -1;
	}
	if (node->kind != YNODE_MAP || node->n == 0) {
		diag_error(
			ld->rd.diags, node->pos, "a step must be a word, not %s", ynode_what(node));
		diag_hint(
			ld->rd.diags, "write `- start`, `- hold: 10s` or `- reset: {method: flr}`");
		return -1;
	}
	if (node->n > 1) {
		diag_error(ld->rd.diags, node->keys[1]->pos,
			"a step has one word, '%.60s' is a second one", node->keys[1]->text);
		diag_hint(ld->rd.diags, "options go below the word: `- %.40s: {%.40s: ...}`",
			node->keys[0]->text, node->keys[1]->text);
		return -1;
	}
	*out = (struct written_step){node->keys[0]->text, node->keys[0]->pos, node->items[0]};
	return 0;
}

static void read_step(struct loader *ld, const struct ynode *node, struct step *step)
{
	struct common common = {0};
	struct field_target target = {step_common_fields, &common};
	struct written_step w;
	const struct ynode *map;
	char what[80];

	if (split_step(ld, node, &w) != 0)
		return;
	step->pos = w.pos;
	step->type = find_step(ld, w.word, w.pos);
	if (step->type == NULL)
		return;
	snprintf(what, sizeof(what), "step '%s'", step->type->word.name);
	step->args = arena_alloc(ld->rd.arena, step->type->word.args_size);
	if (read_word_args(ld, what, &step->type->word, node, w.value, &target, step->args, &map) !=
		0)
		return;
	step->options = map;
	step->arg = arg_text(ld, &step->type->word, step->args, map);
	step->name = step->arg ? arena_printf(ld->rd.arena, "%s: %s", w.word, step->arg)
			       : step->type->word.name;
	take_common(ld, &common, map, step);
}

struct srcpos step_pos_of(const struct step *step, const char *option)
{
	const struct ynode *value = step->options ? ynode_get(step->options, option) : NULL;

	return value ? value->pos : step->pos;
}

void read_steps(struct loader *ld, const char *key, const struct ynode *node, struct step_list *out)
{
	struct ynode *const *items;
	size_t i, n = list_items(ld, key, node, STEPS_MAX, &items);

	out->v = arena_alloc(ld->rd.arena, (n + 1) * sizeof(*out->v));
	out->n = n;
	for (i = 0; i < n; i++)
		read_step(ld, items[i], &out->v[i]);
}
