/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_STR_H
#define VFIO_STRESS_BASE_STR_H

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* A growing string. Zeroed = empty; .s is NULL or NUL-terminated; free with str_finish. */
struct str {
	char *s;
	size_t len, cap;
};

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const char *text, size_t n);
void str_addf(struct str *s, const char *fmt, ...) printf_like(2, 3);
void str_addv(struct str *s, const char *fmt, va_list ap) printf_like(2, 0);
void str_reset(struct str *s); /* empties it and keeps the memory */
void str_finish(struct str *s);

/* Copies and cuts to fit; a cut text ends in "..." so that truncation shows. Returns dst. */
char *str_copy(char *dst, size_t size, const char *src);
#define str_set(array, src) str_copy((array), sizeof(array), (src))

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* Whole-string numbers within [min, max]; base 0 accepts 0x. Output untouched on failure. */
bool str_to_i64(const char *s, int base, int64_t min, int64_t max, int64_t *out);
bool str_to_u64(const char *s, int base, uint64_t max, uint64_t *out);

/* "250ms", "90s", "1m30s", "8h", "2d" to milliseconds; a bare number is refused (no unit). */
bool str_to_duration_ms(const char *s, int64_t *out);
/* The other way, short: 90000 -> "1m30s", 250 -> "250ms". Returns buf. */
const char *duration_text(int64_t ms, char *buf, size_t size);
/* One figure with as many digits as mean something: "6.16 s", "104 ms", "0.35 ms". Returns buf. */
const char *microseconds_text(double us, char *buf, size_t size);

/*
 * Bytes of the UTF-8 character at s (n > 0 bytes follow); 0 when it is not valid, or one that hides
 * or reorders text: C1 controls and the bidirectional controls.
 */
size_t str_utf8_len(const char *s, size_t n);
/* How much at its beginning is printable ASCII: of most texts, all. */
size_t str_plain_len(const char *s, size_t n);

/*
 * Foreign text (kernel lines, guest output) made harmless for a terminal or a text report: control
 * bytes, escapes and invalid UTF-8 become \xNN. Returns dst.
 */
char *str_printable(char *dst, size_t size, const char *src, size_t n);
struct arena;
char *arena_printable(struct arena *a, const char *src, size_t n); /* all of it, the arena's */

#endif
