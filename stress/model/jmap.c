/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/jmap.h"

#include "base/bdf.h"
#include "base/str.h"
#include "world/jin.h"
#include "world/jout.h"

#include <inttypes.h>
#include <string.h>

/* ---- places ---- */

struct jmap_place jmap_below(const struct jmap_place *place, const char *key)
{
	struct jmap_place below = {.arena = place->arena};

	snprintf(below.path, sizeof(below.path), "%s%s%s", place->path, *place->path ? "." : "",
		key);
	return below;
}

struct jmap_place jmap_item(const struct jmap_place *place, const char *key, size_t i)
{
	struct jmap_place list = jmap_below(place, key), item = {.arena = place->arena};

	snprintf(item.path, sizeof(item.path), "%s[%zu]", list.path, i);
	return item;
}

int jmap_wrong(const struct jmap_place *place, const char *key, const char *why, struct err *err)
{
	struct jmap_place at = key ? jmap_below(place, key) : *place;

	return err_set(err, ERR_INPUT, 0, "%s: %s", *at.path ? at.path : "the document", why);
}

int jmap_array(const struct json_t *obj, const char *key, size_t max,
	const struct jmap_place *place, const struct json_t **out, struct err *err)
{
	const struct json_t *array = jin_get(obj, key);

	if (array == NULL || !jin_is_array(array))
		return jmap_wrong(place, key, "must be a list", err);
	if (jin_count(array) > max)
		return jmap_wrong(place, key, "is longer than any machine's", err);
	*out = array;
	return 0;
}

/* ---- numbers of any width ---- */

static uint64_t get_unsigned(const void *p, size_t size)
{
	uint64_t value = 0;

	switch (size) {
	case 1:
		return *(const uint8_t *)p;
	case 2:
		return *(const uint16_t *)p;
	case 4:
		return *(const uint32_t *)p;
	default:
		memcpy(&value, p, sizeof(value));
		return value;
	}
}

static void put_unsigned(void *p, size_t size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)p = (uint8_t)value;
		return;
	case 2:
		*(uint16_t *)p = (uint16_t)value;
		return;
	case 4:
		*(uint32_t *)p = (uint32_t)value;
		return;
	default:
		memcpy(p, &value, sizeof(value));
	}
}

/* ---- writing ---- */

static bool is_there(const struct jmap *m, const void *from)
{
	return m->has == 0 || *((const bool *)from + m->has - 1);
}

static void write_hex(const struct jmap *m, const void *p, struct json_t *obj)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%0*" PRIx64, m->digits, get_unsigned(p, m->size));
	jout_text(obj, m->key, text);
}

static void write_count(const struct jmap *m, const void *p, struct json_t *obj)
{
	uint64_t n = get_unsigned(p, m->size);

	jout_int(obj, m->key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

static void write_reason(const struct jmap *m, const char *text, struct json_t *obj)
{
	if (text == NULL)
		jout_null(obj, m->key);
	else
		jout_text(obj, m->key, text);
}

static void write_member(const struct jmap *m, const void *from, struct json_t *obj)
{
	const void *p = (const char *)from + m->offset;
	char bdf[BDF_LEN];

	switch (m->kind) {
	case JMAP_BOOL:
		jout_bool(obj, m->key, *(const bool *)p);
		return;
	case JMAP_INT:
		if (*(const int *)p < 0)
			jout_null(obj, m->key);
		else
			jout_int(obj, m->key, *(const int *)p);
		return;
	case JMAP_COUNT:
		write_count(m, p, obj);
		return;
	case JMAP_HEX:
		write_hex(m, p, obj);
		return;
	case JMAP_BDF:
		jout_str(obj, m->key,
			is_there(m, from) ? bdf_text(*(const struct bdf *)p, bdf) : NULL);
		return;
	case JMAP_ARRAY:
		jout_str(obj, m->key, p);
		return;
	case JMAP_TEXT:
		jout_str(obj, m->key, *(const char *const *)p);
		return;
	case JMAP_REASON:
	case JMAP_LONG:
		write_reason(m, *(const char *const *)p, obj);
		return;
	case JMAP_WORD:
		jout_text(obj, m->key, m->words[*(const unsigned *)p]);
		return;
	}
}

void jmap_write(const struct jmap *map, const void *from, struct json_t *obj)
{
	for (; map->key != NULL; map++)
		write_member(map, from, obj);
}

/* ---- reading: each answers NULL or why not ---- */

static const char *read_int(const struct json_t *v, int *out)
{
	int64_t n = -1;

	if (!jin_is_null(v) && (!jin_int(v, &n) || n < 0 || n > INT32_MAX))
		return "must be a number, or null";
	*out = (int)n;
	return NULL;
}

static const char *read_count(const struct json_t *v, uint64_t *out)
{
	int64_t n;

	if (!jin_int(v, &n) || n < 0)
		return "must be a number";
	*out = (uint64_t)n;
	return NULL;
}

static const char *read_hex(const struct jmap *m, const struct json_t *v, void *out)
{
	uint64_t max = m->size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * m->size) - 1, n;
	const char *text = jin_text(v);

	if (text == NULL || !str_starts(text, "0x") || !str_to_u64(text, 16, max, &n))
		return "must be a number such as \"0x10de\"";
	put_unsigned(out, m->size, n);
	return NULL;
}

static const char *read_bdf(const struct jmap *m, const struct json_t *v, void *to, struct bdf *out)
{
	bool null = jin_is_null(v);
	struct bdf bdf = {0};

	if (null ? m->has == 0 : jin_text(v) == NULL || !bdf_parse(jin_text(v), &bdf))
		return "must be an address such as \"0000:41:00.0\"";
	*out = bdf;
	if (m->has != 0)
		*((bool *)to + m->has - 1) = !null;
	return NULL;
}

/* What does not fit is cut at a whole character, and ends in "..." so that it shows. */
static const char *read_array(
	const struct jmap *m, const struct json_t *v, struct arena *arena, char *out)
{
	const char *text = jin_is_null(v) ? "" : jin_text(v);

	if (text == NULL)
		return "must be a text, or null";
	text = arena_printable(arena, text, strlen(text));
	if (strlen(text) < m->size)
		str_copy(out, m->size, text);
	else
		str_printable(out, m->size, text, strlen(text));
	return NULL;
}

static const char *read_text(
	const struct jmap *m, const struct json_t *v, struct arena *arena, const char **out)
{
	const char *text = jin_text(v);

	if (text == NULL && !jin_is_null(v))
		return "must be a text, or null";
	if (text == NULL)
		*out = m->kind == JMAP_TEXT ? "" : NULL;
	else
		*out = m->kind == JMAP_LONG ? arena_strdup(arena, text)
					    : arena_printable(arena, text, strlen(text));
	return NULL;
}

static const char *read_word(const struct jmap *m, const struct json_t *v, unsigned *out)
{
	unsigned i;

	for (i = 0; m->words[i] != NULL; i++)
		if (str_eq(m->words[i], jin_text(v))) {
			*out = i;
			return NULL;
		}
	return "is none of the words that may stand here";
}

static const char *read_member(
	const struct jmap *m, const struct json_t *v, struct arena *arena, void *to)
{
	void *p = (char *)to + m->offset;

	switch (m->kind) {
	case JMAP_BOOL:
		return jin_bool(v, p) ? NULL : "must be true or false";
	case JMAP_INT:
		return read_int(v, p);
	case JMAP_COUNT:
		return read_count(v, p);
	case JMAP_HEX:
		return read_hex(m, v, p);
	case JMAP_BDF:
		return read_bdf(m, v, to, p);
	case JMAP_ARRAY:
		return read_array(m, v, arena, p);
	case JMAP_TEXT:
	case JMAP_REASON:
	case JMAP_LONG:
		return read_text(m, v, arena, p);
	case JMAP_WORD:
		return read_word(m, v, p);
	}
	return NULL;
}

int jmap_read(const struct jmap *map, const struct json_t *obj, const struct jmap_place *place,
	void *to, struct err *err)
{
	if (obj == NULL || !jin_is_object(obj))
		return jmap_wrong(place, NULL, "must be an object", err);
	for (; map->key != NULL; map++) {
		const struct json_t *value = jin_get(obj, map->key);
		const char *why =
			value == NULL ? "is missing" : read_member(map, value, place->arena, to);

		if (why != NULL)
			return jmap_wrong(place, map->key, why, err);
	}
	return 0;
}
