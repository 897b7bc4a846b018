/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/schema.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"
#include "steps/steps.h"
#include "world/jout.h"

#include <inttypes.h>
#include <stdio.h>

/* A scalar in which a variable stands: its value is known when the scenario is read, not here. */
#define VARIABLE "[$][{$]"
/* At least one of them, the largest unit first (str_to_duration_ms). */
#define DURATION                                                                                   \
	"(?=[0-9])([0-9]{1,12}d)?([0-9]{1,12}h)?([0-9]{1,12}m)?([0-9]{1,12}s)?([0-9]{1,12}ms)?"
/* strtoll, base 10 */
#define INTEGER "[+-]?[0-9]+"
/* vars.c; `$${` is a dollar and a brace */
#define VAR_NAME  "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"
#define VAR_VALUE "^([$][$]|[$](?![{$])|[^$])*$"

static struct json_t *fields_schema(const struct field *fields, const struct step_type *step);
static struct json_t *value_schema(const struct field *f);

/* A schema of these types. */
static struct json_t *typed(const char *const *types)
{
	struct json_t *schema = jout_object(), *list = jout_array();

	for (; *types != NULL; types++)
		jout_push_str(list, *types);
	jout_put(schema, "type", list);
	return schema;
}

static struct json_t *reference(const char *name)
{
	auto_free char *path = xasprintf("#/definitions/%s", name);
	struct json_t *schema = jout_object();

	jout_text(schema, "$ref", path);
	return schema;
}

/* {"anyOf": [...]}, to be filled. */
static struct json_t *any_of(struct json_t *alternatives)
{
	struct json_t *schema = jout_object();

	jout_put(schema, "anyOf", alternatives);
	return schema;
}

/* Where it is a text: of this form, or a variable is in it. */
static void add_pattern(struct json_t *schema, const char *pattern)
{
	auto_free char *whole = xasprintf("^(%s)$|" VARIABLE, pattern);

	jout_text(schema, "pattern", whole);
}

/* What the parser takes as text: it knows no other scalars, and types them by the field. */
static struct json_t *text_schema(const char *pattern)
{
	static const char *const scalars[] = {"string", "number", "boolean", NULL};
	struct json_t *schema = typed(scalars);

	if (pattern != NULL)
		add_pattern(schema, pattern);
	return schema;
}

static struct json_t *bool_schema(const struct field *f)
{
	static const char *const types[] = {"boolean", "string", NULL};
	struct json_t *schema = typed(types);

	(void)f;
	add_pattern(schema, "true|false");
	return schema;
}

/* The words apart, so that editors offer them. */
static struct json_t *either_word(struct json_t *words)
{
	struct json_t *known = jout_object(), *either = jout_array();

	jout_put(known, "enum", words);
	jout_push(either, known);
	jout_push(either, reference("variable"));
	return either;
}

static struct json_t *int_schema(const struct field *f)
{
	static const char *const types[] = {"integer", "string", NULL};
	struct json_t *schema = typed(types), *values = jout_array();
	int64_t value;
	size_t i;

	for (i = 0; field_word(f, i) != NULL; i++)
		if (str_to_i64(field_word(f, i), 10, INT64_MIN, INT64_MAX, &value)) {
			jout_push_int(values, value);
			jout_push_str(values, field_word(f, i));
		}
	if (i > 0) {
		jout_free(schema);
		return any_of(either_word(values));
	}
	jout_free(values);
	if (f->min != 0 || f->max != 0) {
		jout_int(schema, "minimum", f->min);
		jout_int(schema, "maximum", f->max);
	}
	add_pattern(schema, INTEGER);
	return schema;
}

static struct json_t *duration_schema(const struct field *f)
{
	(void)f;
	return reference("duration");
}

static struct json_t *words_schema(const struct field *f)
{
	struct json_t *words = jout_array();
	size_t i;

	for (i = 0; field_word(f, i) != NULL; i++)
		jout_push_str(words, field_word(f, i));
	return any_of(either_word(words));
}

static struct json_t *string_schema(const struct field *f)
{
	return field_word(f, 0) != NULL ? words_schema(f) : text_schema(f->pattern);
}

static struct json_t *list_schema(struct json_t *items, size_t min, size_t max)
{
	struct json_t *schema = jout_object();

	jout_text(schema, "type", "array");
	jout_put(schema, "items", items);
	if (min > 0)
		jout_int(schema, "minItems", (int64_t)min);
	if (max > 0)
		jout_int(schema, "maxItems", (int64_t)max);
	return schema;
}

static struct json_t *strings_schema(const struct field *f)
{
	struct json_t *either = jout_array();

	jout_push(either, text_schema(f->pattern));
	jout_push(either, list_schema(text_schema(f->pattern), 0, FIELD_STRINGS_MAX));
	return any_of(either);
}

/* {"required": [key]}; a flag that is false is as good as none. */
static struct json_t *requires(const struct field *fields, const char *key)
{
	struct json_t *schema = jout_object(), *keys = jout_array();

	jout_push_str(keys, key);
	jout_put(schema, "required", keys);
	if (field_find(fields, key)->kind == FIELD_BOOL) {
		struct json_t *properties = jout_object(), *set = jout_object();
		struct json_t *unset = jout_object(), *values = jout_array();

		jout_push_str(values, "false");
		jout_push_bool(values, false);
		jout_put(unset, "enum", values);
		jout_put(set, "not", unset);
		jout_put(properties, key, set);
		jout_put(schema, "properties", properties);
	}
	return schema;
}

static struct json_t *map_schema(const struct shape *shape)
{
	struct json_t *schema = fields_schema(shape->fields, NULL), *needs;
	const char *const *key;

	if (shape->min > 0)
		jout_int(schema, "minProperties", (int64_t)shape->min);
	if (shape->need == NULL)
		return schema;
	needs = jout_array();
	for (key = shape->need; *key != NULL; key++)
		jout_push(needs, requires(shape->fields, *key));
	jout_put(schema, shape->one_only ? "oneOf" : "anyOf", needs);
	return schema;
}

static struct json_t *map_shape(const struct shape *shape)
{
	return map_schema(shape);
}

static struct json_t *rows_shape(const struct shape *shape)
{
	struct shape row = *shape;

	row.min = 0;
	return list_schema(map_schema(&row), shape->min, shape->max);
}

static struct json_t *texts_shape(const struct shape *shape)
{
	return list_schema(text_schema(shape->pattern), shape->min, shape->max);
}

static struct json_t *steps_shape_schema(const struct shape *shape)
{
	return list_schema(reference("step"), shape->min, shape->max);
}

static struct json_t *reports_shape_schema(const struct shape *shape)
{
	return list_schema(reference("report"), shape->min, shape->max);
}

static struct json_t *timeouts_shape_schema(const struct shape *shape)
{
	struct json_t *schema = jout_object(), *words = jout_object();
	size_t i;

	(void)shape;
	for (i = 0; step_types[i] != NULL; i++)
		jout_put(words, step_types[i]->word.name, reference("duration"));
	jout_text(schema, "type", "object");
	jout_bool(schema, "additionalProperties", false);
	jout_put(schema, "properties", words);
	return schema;
}

static struct json_t *vars_shape_schema(const struct shape *shape)
{
	static const char *const values[] = {"string", "number", "boolean", "null", NULL};
	struct json_t *schema = jout_object(), *value = typed(values), *names = jout_object();

	jout_text(value, "pattern", VAR_VALUE);
	jout_text(names, "pattern", VAR_NAME);
	jout_text(schema, "type", "object");
	jout_put(schema, "propertyNames", names);
	jout_put(schema, "additionalProperties", value);
	jout_int(schema, "maxProperties", (int64_t)shape->max);
	return schema;
}

static struct json_t *flag_shape(const struct shape *shape)
{
	return text_schema(shape->pattern); /* so are "true" and "false" */
}

static struct json_t *nothing(void)
{
	struct json_t *schema = jout_object();

	jout_text(schema, "type", "null");
	return schema;
}

static struct json_t *node_schema(const struct field *f)
{
	static struct json_t *(*const made[])(const struct shape *) = {
		[SHAPE_MAP] = map_shape,
		[SHAPE_ROWS] = rows_shape,
		[SHAPE_TEXTS] = texts_shape,
		[SHAPE_STEPS] = steps_shape_schema,
		[SHAPE_REPORTS] = reports_shape_schema,
		[SHAPE_TIMEOUTS] = timeouts_shape_schema,
		[SHAPE_VARS] = vars_shape_schema,
		[SHAPE_FLAG] = flag_shape,
	};
	const struct shape *shape = f->shape;
	struct json_t *schema, *either;

	if (shape == NULL)
		return jout_object(); /* anything: nobody has said more */
	schema = made[shape->kind](shape);
	if (!shape->or_nothing && shape->word == NULL)
		return schema;
	either = jout_array();
	if (shape->word != NULL) {
		jout_push_str(either, shape->word);
		either = either_word(either);
	}
	jout_push(either, schema);
	if (shape->or_nothing)
		jout_push(either, nothing());
	return any_of(either);
}

static struct json_t *value_schema(const struct field *f)
{
	static struct json_t *(*const made[])(const struct field *) = {
		[FIELD_BOOL] = bool_schema,
		[FIELD_INT] = int_schema,
		[FIELD_DURATION] = duration_schema,
		[FIELD_STRING] = string_schema,
		[FIELD_CHOICE] = words_schema,
		[FIELD_STRINGS] = strings_schema,
		[FIELD_NODE] = node_schema,
	};

	return made[f->kind](f);
}

/* Draft 7 ignores what stands beside a "$ref", so that is wrapped. */
static struct json_t *described(struct json_t *schema, const struct field *f)
{
	char accepts[320];
	auto_free char *text = f->kind == FIELD_NODE
		? xasprintf("%s", f->help)
		: xasprintf("%s; %s", f->help, field_accepts(f, accepts, sizeof(accepts)));

	if (jout_has(schema, "$ref")) {
		struct json_t *all = jout_array();

		jout_push(all, schema);
		schema = jout_object();
		jout_put(schema, "allOf", all);
	}
	jout_text(schema, "description", text);
	if (f->dflt != NULL)
		jout_text(schema, "default", f->dflt);
	return schema;
}

/* What a table adds to an object's schema. */
struct members {
	struct json_t *properties, *required, *dependencies;
};

/* Where this one is set, that one is; a flag that is false is not. */
static struct json_t *depends(const struct field *fields, const struct field *f)
{
	struct json_t *either = jout_array(), *unset = jout_object();

	jout_put(unset, "not", requires(fields, f->name));
	jout_push(either, unset);
	jout_push(either, requires(fields, f->needs));
	return any_of(either);
}

static void add_field(struct members *m, const struct field *fields, const struct field *f)
{
	jout_put(m->properties, f->name, described(value_schema(f), f));
	if (f->required)
		jout_push_str(m->required, f->name);
	if (f->needs != NULL)
		jout_put(m->dependencies, f->name, depends(fields, f));
}

/* A mapping of these; of a step, also of what any step takes. */
static struct json_t *fields_schema(const struct field *fields, const struct step_type *step)
{
	struct members m = {jout_object(), jout_array(), jout_object()};
	struct json_t *schema = jout_object();
	const struct field *f;

	for (f = fields; f->name != NULL; f++)
		add_field(&m, fields, f);
	for (f = step_common_fields; step != NULL && f->name != NULL; f++)
		if (step_takes(step, f->name))
			add_field(&m, step_common_fields, f);
	jout_text(schema, "type", "object");
	jout_bool(schema, "additionalProperties", false);
	jout_put(schema, "properties", m.properties);
	jout_put(schema, "required", m.required);
	jout_put(schema, "dependencies", m.dependencies);
	return schema;
}

static bool needs_options(const struct word *w)
{
	const struct field *f;

	for (f = w->fields; f->name != NULL; f++)
		if (f->required)
			return true;
	return false;
}

/* What may stand below a word: its argument, a mapping, or nothing. */
static struct json_t *word_value(const struct word *w, const struct step_type *step)
{
	struct json_t *either = jout_array(), *schema = any_of(either);
	const struct field *main_arg = w->main_arg ? field_find(w->fields, w->main_arg) : NULL;

	if (main_arg != NULL)
		jout_push(either,
			main_arg->kind == FIELD_STRINGS ? text_schema(main_arg->pattern)
							: value_schema(main_arg));
	jout_push(either, fields_schema(w->fields, step));
	if (!needs_options(w))
		jout_push(either, nothing());
	jout_text(schema, "description", w->summary);
	return schema;
}

/* The words of a list of steps or reports while their schema is made. */
struct words {
	struct json_t *either, *mapping;
};

static void add_word(struct words *all, const struct word *w, const struct step_type *step)
{
	struct json_t *bare;

	jout_put(all->mapping, w->name, word_value(w, step));
	if (needs_options(w))
		return;
	bare = jout_object();
	jout_text(bare, "const", w->name);
	jout_text(bare, "description", w->summary);
	jout_push(all->either, bare);
}

/* One word, bare or with what is below it. */
static struct json_t *words_definition(const struct words *all)
{
	struct json_t *one = jout_object();

	jout_text(one, "type", "object");
	jout_bool(one, "additionalProperties", false);
	jout_int(one, "minProperties", 1);
	jout_int(one, "maxProperties", 1);
	jout_put(one, "properties", all->mapping);
	jout_push(all->either, one);
	return any_of(all->either);
}

static struct json_t *step_definition(void)
{
	struct words all = {jout_array(), jout_object()};
	size_t i;

	for (i = 0; step_types[i] != NULL; i++)
		add_word(&all, &step_types[i]->word, step_types[i]);
	jout_push(all.either, reference("variable"));
	return words_definition(&all);
}

static struct json_t *report_definition(void)
{
	struct words all = {jout_array(), jout_object()};
	size_t i;

	for (i = 0; reporters[i] != NULL; i++)
		add_word(&all, &reporters[i]->word, NULL);
	return words_definition(&all);
}

static struct json_t *string_definition(const char *pattern, const char *description)
{
	struct json_t *schema = jout_object();

	jout_text(schema, "type", "string");
	jout_text(schema, "pattern", pattern);
	jout_text(schema, "description", description);
	return schema;
}

/* Steps of its own in each lane make those of the scenario superfluous. */
static struct json_t *steps_somewhere(void)
{
	struct json_t *either = jout_array(), *own = jout_object(), *lanes = jout_object();

	jout_put(lanes, "items", requires(scenario_fields, "steps"));
	jout_put(own, "lanes", lanes);
	lanes = jout_object();
	jout_put(lanes, "properties", own);
	jout_push(either, requires(scenario_fields, "steps"));
	jout_push(either, lanes);
	return either;
}

struct json_t *schema_of_scenarios(void)
{
	struct json_t *schema = fields_schema(scenario_fields, NULL), *definitions = jout_object();

	jout_put(schema, "anyOf", steps_somewhere());
	jout_put(definitions, "step", step_definition());
	jout_put(definitions, "report", report_definition());
	jout_put(definitions, "duration",
		string_definition("^(" DURATION ")$|" VARIABLE,
			"numbers with their units, the largest first: 250ms, 90s, 1m30s, 8h, 2d"));
	jout_put(definitions, "variable",
		string_definition(VARIABLE, "a text with a variable in it: ${name}"));
	jout_put(schema, "definitions", definitions);
	jout_text(schema, "$schema", "http://json-schema.org/draft-07/schema#");
	jout_text(schema, "$id", "urn:vfio-stress:schema:scenario:1");
	jout_text(schema, "title", "a scenario of vfio-stress, version 1 of the language");
	return schema;
}
