/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_UTF8_H
#define VFIO_STRESS_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character at s, of which n > 0 bytes are left: its length in bytes, or 0 when no valid UTF-8
 * sequence stands there (overlong forms and surrogates are not valid). cp may be NULL.
 */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);

/* Terminal columns of a valid string: East Asian wide characters take two, combining ones none. */
size_t utf8_columns(const char *s);
/* Bytes of the longest beginning of a valid string that fits into so many columns. */
size_t utf8_fit(const char *s, size_t columns);

#endif
