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
