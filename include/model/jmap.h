/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_JMAP_H
#define VFIO_STRESS_MODEL_JMAP_H

#include "base/err.h"
#include "base/mem.h"

#include <stddef.h>

struct json_t;

/* What a member of a struct is, and what of it is null in JSON. */
enum jmap_kind {
	JMAP_BOOL,
	JMAP_INT, /* int; below 0 = null */
	JMAP_COUNT, /* uint64_t, up to INT64_MAX */
	JMAP_HEX, /* unsigned of 1, 2, 4 or 8 bytes: "0x10de" */
	JMAP_BDF, /* null when the bool at `has` is false */
	JMAP_ARRAY, /* char[]; "" = null */
	JMAP_TEXT, /* const char *; "" = null */
	JMAP_REASON, /* const char *; NULL = null */
	JMAP_LONG, /* JMAP_REASON with line breaks in it: a file's contents */
	JMAP_WORD, /* an enum from 0 on, by its words */
};

/*
 * A row for each member of a struct, the last one with .key == NULL: it writes the struct as a JSON
 * object and reads it back, so that the two cannot differ.
 */
struct jmap {
	const char *key;
	enum jmap_kind kind;
	size_t offset, size;
	size_t has; /* JMAP_BDF: offset of its bool, plus 1; 0 = it is always there */
	int digits; /* JMAP_HEX: at least */
	const char *const *words; /* JMAP_WORD: NULL-terminated */
};

#define JMAP(type, member_, kind_)                                                                 \
	.kind = (kind_), .offset = offsetof(type, member_), .size = sizeof(((type *)0)->member_)
#define JMAP_HAS(type, member_) .has = offsetof(type, member_) + 1

/* Where one reads, for messages: "devices[3].bars[0]", and what texts are copied to. */
struct jmap_place {
	struct arena *arena;
	char path[96];
};

/* Adds the members to the object. */
void jmap_write(const struct jmap *map, const void *from, struct json_t *obj);
/* Every member must be there; others are left alone. ERR_INPUT says which is wrong. */
int jmap_read(const struct jmap *map, const struct json_t *obj, const struct jmap_place *place,
	void *to, struct err *err) must_check;
/* An array that must be there, of at most `max` values. */
int jmap_array(const struct json_t *obj, const char *key, size_t max,
	const struct jmap_place *place, const struct json_t **out, struct err *err) must_check;
/* The place of a member, and of a value of an array. */
struct jmap_place jmap_below(const struct jmap_place *place, const char *key);
struct jmap_place jmap_item(const struct jmap_place *place, const char *key, size_t i);
int jmap_wrong(const struct jmap_place *place, const char *key, const char *why, struct err *err);

#endif
