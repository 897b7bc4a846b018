/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/jin.h"

#include "base/mem.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_bytes(const char *name, const json_t *array, jin_member *member, void *arg)
{
	size_t n = json_array_size(array), i;
	auto_free char *bytes = xmalloc(n + 1);

	for (i = 0; i < n; i++)
		bytes[i] = (char)json_integer_value(json_array_get(array, i));
	member(arg, name, bytes, n);
}

static void give(const char *name, const json_t *value, jin_member *member, void *arg)
{
	char number[32];

	if (json_is_array(value) && json_is_integer(json_array_get(value, 0))) {
		give_bytes(name, value, member, arg);
		return;
	}
	if (json_is_array(value))
		value = json_array_get(value, 0);
	if (json_is_string(value)) {
		member(arg, name, json_string_value(value), json_string_length(value));
	} else if (json_is_integer(value)) {
		snprintf(
			number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		member(arg, name, number, strlen(number));
	} else if (json_is_real(value)) {
		snprintf(number, sizeof(number), "%.6f", json_real_value(value));
		member(arg, name, number, strlen(number));
	}
}

bool jin_members(const char *json, size_t n, jin_member *member, void *arg)
{
	json_t *object = json_loadb(json, n, JSON_ALLOW_NUL, NULL), *value;
	const char *name;
	bool is_object = json_is_object(object);

	if (is_object)
		json_object_foreach(object, name, value) give(name, value, member, arg);
	json_decref(object);
	return is_object;
}

/* ---- a document ---- */

int jin_load(const char *json, size_t n, const char *name, struct json_t **out, struct err *err)
{
	json_error_t problem;
	json_t *doc = json_loadb(json, n, JSON_REJECT_DUPLICATES, &problem);

	if (doc == NULL)
		return err_set(err, ERR_INPUT, 0, "%s:%d:%d: %s", name, problem.line,
			problem.column, problem.text);
	*out = doc;
	return 0;
}

void jin_free(struct json_t *doc)
{
	json_decref(doc);
}

const struct json_t *jin_get(const struct json_t *obj, const char *key)
{
	return json_object_get(obj, key);
}

bool jin_is_null(const struct json_t *value)
{
	return json_is_null(value);
}

bool jin_is_object(const struct json_t *value)
{
	return json_is_object(value);
}

bool jin_is_array(const struct json_t *value)
{
	return json_is_array(value);
}

size_t jin_count(const struct json_t *array)
{
	return json_array_size(array);
}

const struct json_t *jin_at(const struct json_t *array, size_t i)
{
	return json_array_get(array, i);
}

bool jin_bool(const struct json_t *value, bool *out)
{
	if (!json_is_boolean(value))
		return false;
	*out = json_is_true(value);
	return true;
}

bool jin_int(const struct json_t *value, int64_t *out)
{
	if (!json_is_integer(value))
		return false;
	*out = json_integer_value(value);
	return true;
}

const char *jin_text(const struct json_t *value)
{
	return json_string_value(value);
}
