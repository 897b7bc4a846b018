/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_JIN_H
#define VFIO_STRESS_WORLD_JIN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* JSON that others wrote: one small object at a time, or a whole document. */

/* A member whose value is text or a number, as text; valid during the call. */
typedef void jin_member(void *arg, const char *name, const char *value, size_t n);

/*
 * Calls `member` for each member of the object. An array of numbers is text, byte by byte, as
 * journalctl writes what is not UTF-8; of other arrays the first value counts. False: no object.
 */
bool jin_members(const char *json, size_t n, jin_member *member, void *arg);

/* ---- a document ---- */

struct json_t;

/* `name` is for messages: "NAME:LINE:COLUMN: ...". Strings have no NUL in them, objects no doubles. */
int jin_load(const char *json, size_t n, const char *name, struct json_t **out,
	struct err *err) must_check;
void jin_free(struct json_t *doc);

/* A member that is there, be it null; NULL: there is none, or obj is no object. */
const struct json_t *jin_get(const struct json_t *obj, const char *key);
bool jin_is_null(const struct json_t *value);
bool jin_is_object(const struct json_t *value);
bool jin_is_array(const struct json_t *value);
size_t jin_count(const struct json_t *array); /* 0 of what is none */
const struct json_t *jin_at(const struct json_t *array, size_t i);
/* False, and *out untouched, when it is of another type. */
bool jin_bool(const struct json_t *value, bool *out);
bool jin_int(const struct json_t *value, int64_t *out);
/* Its text, the document's; NULL when it is none. */
const char *jin_text(const struct json_t *value);

#endif
