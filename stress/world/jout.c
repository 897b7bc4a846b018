/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/jout.h"

#include "base/clock.h"
#include "base/str.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jansson answers NULL only when memory is out. */
static json_t *or_abort(json_t *j)
{
	if (j == NULL)
		abort();
	return j;
}

static size_t ascii_len(const char *text)
{
	const char *s = text;

	while (*s > 0)
		s++;
	return (size_t)(s - text);
}

static json_t *string_of(const char *text)
{
	size_t left = strlen(text), plain = ascii_len(text);
	struct str clean = {0};
	json_t *j;

	/* nearly every text: decoding it was a third of what a large report took */
	if (plain == left)
		return or_abort(json_stringn_nocheck(text, left));
	while (left > 0) {
		size_t len = str_utf8_len(text, left);

		if (len > 0)
			str_addn(&clean, text, len);
		else
			str_addf(&clean, "\\x%02x", (unsigned char)*text);
		text += len ? len : 1;
		left -= len ? len : 1;
	}
	j = or_abort(json_stringn_nocheck(clean.s ? clean.s : "", clean.len));
	str_finish(&clean);
	return j;
}

struct json_t *jout_object(void)
{
	return or_abort(json_object());
}

struct json_t *jout_array(void)
{
	return or_abort(json_array());
}

struct json_t *jout_none(void)
{
	return json_null();
}

void jout_free(struct json_t *tree)
{
	json_decref(tree);
}

void jout_put(struct json_t *obj, const char *key, struct json_t *child)
{
	if (json_object_set_new_nocheck(obj, key, or_abort(child)) != 0)
		abort();
}

void jout_null(struct json_t *obj, const char *key)
{
	jout_put(obj, key, json_null());
}

void jout_bool(struct json_t *obj, const char *key, bool value)
{
	jout_put(obj, key, json_boolean(value));
}

void jout_int(struct json_t *obj, const char *key, int64_t value)
{
	jout_put(obj, key, json_integer(value));
}

void jout_real(struct json_t *obj, const char *key, double value)
{
	jout_put(obj, key, isfinite(value) ? json_real(value) : json_null());
}

void jout_text(struct json_t *obj, const char *key, const char *text)
{
	jout_put(obj, key, string_of(text));
}

void jout_str(struct json_t *obj, const char *key, const char *text)
{
	if (text == NULL || *text == '\0')
		jout_null(obj, key);
	else
		jout_text(obj, key, text);
}

void jout_time(struct json_t *obj, const char *key, int64_t wall_ns)
{
	char buf[40];

	jout_str(obj, key, wall_ns ? clock_rfc3339(wall_ns, buf, sizeof(buf)) : NULL);
}

void jout_push(struct json_t *array, struct json_t *child)
{
	if (json_array_append_new(array, or_abort(child)) != 0)
		abort();
}

void jout_push_str(struct json_t *array, const char *text)
{
	jout_push(array, string_of(text));
}

void jout_push_int(struct json_t *array, int64_t value)
{
	jout_push(array, json_integer(value));
}

void jout_push_bool(struct json_t *array, bool value)
{
	jout_push(array, json_boolean(value));
}

bool jout_has(const struct json_t *obj, const char *key)
{
	return json_object_get(obj, key) != NULL;
}

/* jansson writes a few bytes at a time: not worth a lock of the stream each */
static int write_some(const char *text, size_t n, void *out)
{
	return fwrite_unlocked(text, 1, n, out) == n ? 0 : -1;
}

void jout_write(struct json_t *tree, FILE *out)
{
	flockfile(out);
	json_dump_callback(
		tree, write_some, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
	funlockfile(out);
	json_decref(tree);
}

/* Most texts are their own JSON: nothing to escape, and no byte that UTF-8 could mind. Its length, or -1. */
static ssize_t plain_len(const char *text)
{
	const char *s = text;

	while (*s >= ' ' && *s <= '~' && *s != '"' && *s != '\\')
		s++;
	return *s == '\0' ? s - text : -1;
}

void jout_write_str(const char *text, FILE *out)
{
	ssize_t len = plain_len(text);

	if (len < 0) {
		jout_write(string_of(text), out);
		return;
	}
	flockfile(out);
	putc_unlocked('"', out);
	fwrite_unlocked(text, 1, (size_t)len, out);
	putc_unlocked('"', out);
	funlockfile(out);
}
