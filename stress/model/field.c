/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/field.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/vars.h"
#include "world/yamldoc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS_MAX 64 /* of all targets together */

/* A value on its way into the struct: where it stands, what it is called, what it is. */
struct input {
	struct reading *rd;
	const struct field *field;
	struct srcpos pos;
	void *out; /* the field in the args struct */
};

const struct field *field_find(const struct field *fields, const char *name)
{
	for (; fields->name != NULL; fields++)
		if (str_eq(fields->name, name))
			return fields;
	return NULL;
}

const char *field_word(const struct field *f, size_t i)
{
	if (f->choices != NULL)
		return f->choices[i];
	return f->word != NULL ? f->word(i) : NULL;
}

static const char *join_choices(const struct field *f, char *buf, size_t size)
{
	size_t i, used = 0;

	for (i = 0; field_word(f, i) != NULL && used < size; i++)
		used += (size_t)snprintf(
			buf + used, size - used, "%s%s", i ? ", " : "one of ", field_word(f, i));
	return buf;
}

static bool has_bounds(const struct field *f)
{
	return f->min != 0 || f->max != 0;
}

const char *field_accepts(const struct field *f, char *buf, size_t size)
{
	static const char *const words[] = {
		[FIELD_BOOL] = "true or false",
		[FIELD_INT] = "a whole number",
		[FIELD_DURATION] = "a duration",
		[FIELD_STRING] = "a text",
		[FIELD_STRINGS] = "a list of texts",
		[FIELD_NODE] = "see the manual",
	};
	char low[32], high[32];

	if (f->kind != FIELD_INT && field_word(f, 0) != NULL)
		return join_choices(f, buf, size);
	if (f->kind == FIELD_INT && has_bounds(f))
		snprintf(buf, size, "a whole number, %" PRId64 " to %" PRId64, f->min, f->max);
	else if (f->kind == FIELD_DURATION && has_bounds(f))
		snprintf(buf, size, "a duration, %s to %s", duration_text(f->min, low, sizeof(low)),
			duration_text(f->max, high, sizeof(high)));
	else
		str_copy(buf, size, words[f->kind]);
	return buf;
}

static int wrong(const struct input *in, const char *text)
{
	char accepts[320];

	return diag_error(in->rd->diags, in->pos, "'%s' must be %s, not '%.60s'", in->field->name,
		field_accepts(in->field, accepts, sizeof(accepts)), text);
}

static int put_bool(const struct input *in, const char *text)
{
	bool *out = in->out;

	if (str_eq(text, "true") || str_eq(text, "false")) {
		*out = str_eq(text, "true");
		return 0;
	}
	return wrong(in, text);
}

static int put_int(const struct input *in, const char *text)
{
	bool bounded = has_bounds(in->field);

	if (str_to_i64(text, 10, bounded ? in->field->min : INT64_MIN,
		    bounded ? in->field->max : INT64_MAX, in->out))
		return 0;
	return wrong(in, text);
}

static int put_duration(const struct input *in, const char *text)
{
	int64_t *out = in->out, ms;

	if (!str_to_duration_ms(text, &ms)) {
		wrong(in, text);
		diag_hint(in->rd->diags, "a number with a unit: 250ms, 90s, 1m30s, 8h, 2d");
		return -1;
	}
	if (has_bounds(in->field) && (ms < in->field->min || ms > in->field->max))
		return wrong(in, text);
	*out = ms;
	return 0;
}

static int put_string(const struct input *in, const char *text)
{
	*(const char **)in->out = arena_strdup(in->rd->arena, text);
	return 0;
}

static int put_choice(const struct input *in, const char *text)
{
	const char *near, *known;
	char accepts[300];
	int i;

	for (i = 0; in->field->choices[i] != NULL; i++)
		if (str_eq(in->field->choices[i], text)) {
			*(int *)in->out = i;
			return 0;
		}
	near = nearest_word(text, in->field->choices);
	known = join_choices(in->field, accepts, sizeof(accepts));
	diag_error(in->rd->diags, in->pos, "unknown %s '%.60s'", in->field->name, text);
	if (near != NULL)
		diag_hint(in->rd->diags, "did you mean '%s'? It may be %s", near, known);
	else
		diag_hint(in->rd->diags, "it may be %s", known);
	return -1;
}

static int put_strings_of_one(const struct input *in, const char *text)
{
	struct strings *out = in->out;

	out->v = arena_alloc(in->rd->arena, 2 * sizeof(*out->v));
	out->v[0] = arena_strdup(in->rd->arena, text);
	out->n = 1;
	return 0;
}

static int put_text(const struct input *in, const char *text)
{
	static int (*const put[])(const struct input *, const char *) = {
		[FIELD_BOOL] = put_bool,
		[FIELD_INT] = put_int,
		[FIELD_DURATION] = put_duration,
		[FIELD_STRING] = put_string,
		[FIELD_CHOICE] = put_choice,
		[FIELD_STRINGS] = put_strings_of_one,
	};

	assert(in->field->kind <= FIELD_STRINGS);
	return put[in->field->kind](in, text);
}

int field_read(
	const struct field *f, const char *text, void *args, struct arena *arena, struct err *err)
{
	struct diags diags = {0};
	struct reading rd = {.arena = arena, .diags = &diags};
	const struct input in = {.rd = &rd, .field = f, .out = (char *)args + f->offset};

	if (put_text(&in, text) == 0)
		return 0;
	err_set(err, ERR_USAGE, 0, "%s", diags.list[0].msg);
	return err_hint(err, "%s", diags.list[0].hint);
}

static int put_list(const struct input *in, const struct ynode *list)
{
	struct strings *out = in->out;
	struct strings read = {0};
	size_t i;

	if (list->n > FIELD_STRINGS_MAX)
		return diag_error(in->rd->diags, list->pos, "'%s' has more than %d values",
			in->field->name, FIELD_STRINGS_MAX);
	read.v = arena_alloc(in->rd->arena, (list->n + 1) * sizeof(*read.v));
	for (i = 0; i < list->n; i++) {
		const struct ynode *item = list->items[i];

		if (item->kind != YNODE_SCALAR || ynode_is_null(item))
			return diag_error(in->rd->diags, item->pos,
				"'%s' must be a list of texts, not of %s", in->field->name,
				ynode_what(item));
		read.v[read.n] = vars_expand(in->rd, item);
		if (read.v[read.n++] == NULL)
			return -1;
	}
	*out = read;
	return 0;
}

static int put_node(const struct input *in, const struct ynode *node)
{
	char accepts[320];
	const char *text;

	if (in->field->kind == FIELD_NODE) {
		*(const struct ynode **)in->out = node;
		return 0;
	}
	if (ynode_is_null(node))
		return diag_error(in->rd->diags, node->pos, "'%s' needs a value: %s",
			in->field->name, field_accepts(in->field, accepts, sizeof(accepts)));
	if (node->kind == YNODE_LIST && in->field->kind == FIELD_STRINGS)
		return put_list(in, node);
	if (node->kind != YNODE_SCALAR)
		return diag_error(in->rd->diags, node->pos, "'%s' must be %s, not %s",
			in->field->name, field_accepts(in->field, accepts, sizeof(accepts)),
			ynode_what(node));
	text = vars_expand(in->rd, node);
	return text ? put_text(in, text) : -1;
}

/* The names of all targets' fields, for "did you mean". */
static void collect_names(
	const struct field_target *targets, size_t ntargets, const char *names[FIELDS_MAX + 1])
{
	const struct field *f;
	size_t i, n = 0;

	for (i = 0; i < ntargets; i++)
		for (f = targets[i].fields; f->name != NULL; f++)
			if (n < FIELDS_MAX)
				names[n++] = f->name;
	names[n] = NULL;
}

static int unknown_key(struct reading *rd, const char *what, const struct ynode *key,
	const struct field_target *targets, size_t ntargets)
{
	const char *names[FIELDS_MAX + 1], *near;
	struct str known = {0};
	size_t i;

	collect_names(targets, ntargets, names);
	for (i = 0; names[i] != NULL; i++)
		str_addf(&known, "%s%s", i ? ", " : "", names[i]);
	near = nearest_word(key->text, names);
	diag_error(rd->diags, key->pos, "unknown key '%.60s' in %s", key->text, what);
	if (near != NULL)
		diag_hint(rd->diags, "did you mean '%s'?", near);
	else
		diag_hint(rd->diags, "known keys: %s", known.s ? known.s : "none");
	str_finish(&known);
	return -1;
}

static int take_key(struct reading *rd, const char *what, const struct ynode *key,
	const struct ynode *value, const struct field_target *targets, size_t ntargets)
{
	size_t i;

	for (i = 0; i < ntargets; i++) {
		const struct field *f = field_find(targets[i].fields, key->text);
		struct input in = {.rd = rd, .field = f, .pos = value->pos};

		if (f == NULL)
			continue;
		in.out = (char *)targets[i].args + f->offset;
		return put_node(&in, value);
	}
	return unknown_key(rd, what, key, targets, ntargets);
}

static int take_absent(struct reading *rd, const char *what, const struct ynode *at,
	const struct field_target *t, const struct field *f)
{
	struct input in = {
		.rd = rd, .field = f, .pos = at->pos, .out = (char *)t->args + f->offset};
	char accepts[320];

	if (f->required) {
		diag_error(rd->diags, at->pos, "%s needs '%s'", what, f->name);
		if (f->help != NULL && f->kind == FIELD_NODE)
			diag_hint(rd->diags, "%s", f->help);
		else
			diag_hint(rd->diags, "%s%s%s", f->help ? f->help : "", f->help ? ": " : "",
				field_accepts(f, accepts, sizeof(accepts)));
		return -1;
	}
	return f->dflt ? put_text(&in, f->dflt) : 0;
}

int fields_fill(struct reading *rd, const char *what, const struct ynode *at,
	const struct ynode *map, const struct field_target *targets, size_t ntargets)
{
	const struct field *f;
	size_t i;
	int ret = 0;

	if (map != NULL && ynode_is_null(map))
		map = NULL;
	if (map != NULL && map->kind != YNODE_MAP)
		return diag_error(
			rd->diags, map->pos, "%s must be a mapping, not %s", what, ynode_what(map));
	for (i = 0; map != NULL && i < map->n; i++)
		if (take_key(rd, what, map->keys[i], map->items[i], targets, ntargets) != 0)
			ret = -1;
	for (i = 0; i < ntargets; i++)
		for (f = targets[i].fields; f->name != NULL; f++)
			if ((map == NULL || ynode_get(map, f->name) == NULL) &&
				take_absent(rd, what, at, &targets[i], f) != 0)
				ret = -1;
	return ret;
}
