/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_JOUT_H
#define VFIO_STRESS_WORLD_JOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * JSON for output, one small tree (a row of a report) at a time. Text is foreign: bytes that are
 * not valid UTF-8, or hide or reorder text (C1 and bidirectional controls), become a visible \xNN.
 * Memory runs out by abort, as everywhere.
 */
struct json_t;

struct json_t *jout_object(void);
struct json_t *jout_array(void);
struct json_t *jout_none(void); /* null, where a value stands alone */
void jout_free(struct json_t *tree);

/* Members, in the order in which they are added. */
void jout_null(struct json_t *obj, const char *key);
void jout_bool(struct json_t *obj, const char *key, bool value);
void jout_int(struct json_t *obj, const char *key, int64_t value);
/* With nine digits; what is no number is null. */
void jout_real(struct json_t *obj, const char *key, double value);
void jout_str(struct json_t *obj, const char *key, const char *text); /* NULL or "" = null */
void jout_text(struct json_t *obj, const char *key, const char *text); /* "" stays "" */
void jout_time(struct json_t *obj, const char *key, int64_t wall_ns); /* RFC 3339; 0 = null */
/* A subtree that is now obj's. */
void jout_put(struct json_t *obj, const char *key, struct json_t *child);

void jout_push(struct json_t *array, struct json_t *child);
void jout_push_str(struct json_t *array, const char *text);
void jout_push_int(struct json_t *array, int64_t value);
void jout_push_bool(struct json_t *array, bool value);

bool jout_has(const struct json_t *obj, const char *key);

/* Writes it compactly, without a newline, and frees it. Errors of `out` stay with `out`. */
void jout_write(struct json_t *tree, FILE *out);
/* One string in quotes. */
void jout_write_str(const char *text, FILE *out);

#endif
