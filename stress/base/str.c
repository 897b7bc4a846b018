/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void grow(struct str *s, size_t extra)
{
	size_t need = s->len + extra + 1;

	if (need <= s->cap)
		return;
	s->cap = need > s->cap * 2 ? need : s->cap * 2;
	if (s->cap < 64)
		s->cap = 64;
	s->s = xrealloc(s->s, s->cap);
}

void str_addn(struct str *s, const char *text, size_t n)
{
	grow(s, n);
	if (n > 0)
		memcpy(s->s + s->len, text, n);
	s->len += n;
	s->s[s->len] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addv(struct str *s, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return;
	grow(s, (size_t)n);
	vsnprintf(s->s + s->len, (size_t)n + 1, fmt, ap);
	s->len += (size_t)n;
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_addv(s, fmt, ap);
	va_end(ap);
}

void str_reset(struct str *s)
{
	s->len = 0;
	if (s->s != NULL)
		s->s[0] = '\0';
}

void str_finish(struct str *s)
{
	free(s->s);
	*s = (struct str){0};
}

char *str_copy(char *dst, size_t size, const char *src)
{
	size_t len = strlen(src);

	if (len < size) {
		memcpy(dst, src, len + 1);
		return dst;
	}
	memcpy(dst, src, size - 1);
	dst[size - 1] = '\0';
	if (size > 4)
		memcpy(dst + size - 4, "...", 4);
	return dst;
}

bool str_eq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t ls = strlen(s), lx = strlen(suffix);

	return ls >= lx && strcmp(s + ls - lx, suffix) == 0;
}

bool str_to_i64(const char *s, int base, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long v;

	if (*s == '\0' || strchr(" \t\n\v\f\r", *s) != NULL)
		return false;
	errno = 0;
	v = strtoll(s, &end, base);
	if (errno != 0 || *end != '\0' || v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool str_to_u64(const char *s, int base, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (*s == '\0' || strchr(" \t\n\v\f\r+-", *s) != NULL)
		return false;
	errno = 0;
	v = strtoull(s, &end, base);
	if (errno != 0 || *end != '\0' || v > max)
		return false;
	*out = v;
	return true;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	{"ms", 1},
	{"s", 1000},
	{"m", 60000},
	{"h", 3600000},
	{"d", 86400000},
};

static const int64_t duration_max_ms = INT64_C(366) * 86400000;

bool str_to_duration_ms(const char *s, int64_t *out)
{
	int64_t total = 0, last_unit = INT64_MAX;

	if (*s == '\0')
		return false;
	while (*s != '\0') {
		int64_t n = 0;
		size_t i, len = strspn(s, "0123456789"), letters;

		if (len == 0 || len > 12)
			return false;
		for (i = 0; i < len; i++)
			n = n * 10 + (s[i] - '0');
		s += len;
		letters = strspn(s, "abcdefghijklmnopqrstuvwxyz");
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].name) == letters &&
				strncmp(units[i].name, s, letters) == 0)
				break;
		if (i == sizeof(units) / sizeof(units[0]) || units[i].ms >= last_unit ||
			n > duration_max_ms / units[i].ms)
			return false;
		last_unit = units[i].ms;
		total += n * units[i].ms;
		s += letters;
	}
	if (total > duration_max_ms)
		return false;
	*out = total;
	return true;
}

const char *duration_text(int64_t ms, char *buf, size_t size)
{
	size_t i, used = 0, parts = 0;

	if (ms < 1000) {
		snprintf(buf, size, "%" PRId64 "ms", ms);
		return buf;
	}
	buf[0] = '\0';
	for (i = sizeof(units) / sizeof(units[0]); i-- > 0 && parts < 2;) {
		int64_t n = ms / units[i].ms;

		/* below a minute the milliseconds still mean something: 1s250ms */
		if (n == 0 || (i == 0 && ms >= 60000))
			continue;
		used += (size_t)snprintf(buf + used, used < size ? size - used : 0, "%" PRId64 "%s",
			n, units[i].name);
		ms -= n * units[i].ms;
		parts++;
		if (used >= size)
			break;
	}
	return buf;
}

const char *microseconds_text(double us, char *buf, size_t size)
{
	double length = us < 0 ? -us : us;

	if (length >= 999500)
		snprintf(buf, size, "%.2f s", us / 1e6);
	else if (length >= 99950)
		snprintf(buf, size, "%.0f ms", us / 1e3);
	else if (length >= 9995)
		snprintf(buf, size, "%.1f ms", us / 1e3);
	else
		snprintf(buf, size, "%.2f ms", us / 1e3);
	return buf;
}

size_t str_utf8_len(const char *s, size_t n)
{
	uint32_t cp = 0;
	size_t len = utf8_decode(s, n, &cp);

	/* C1 controls, and the bidirectional controls that make a line read as another one */
	if ((cp >= 0x80 && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) ||
		(cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e || cp == 0x200f)
		return 0;
	return len;
}

size_t str_plain_len(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	return i;
}

char *str_printable(char *dst, size_t size, const char *src, size_t n)
{
	const char *s = src;
	size_t used = 0;

	while (n > 0) {
		size_t room = size - used > 4 ? size - used - 4 : 0;
		size_t plain = str_plain_len(s, n < room ? n : room), len;
		char esc[5];

		if (plain > 0) {
			memcpy(dst + used, s, plain);
			used += plain;
			s += plain;
			n -= plain;
			continue;
		}
		len = (unsigned char)*s < 0x20 || *s == 0x7f ? 0 : str_utf8_len(s, n);
		if (len == 0)
			snprintf(esc, sizeof(esc), "\\x%02x", (unsigned char)*s);
		if (used + (len ? len : 4) + 4 > size) { /* room for "..." and NUL */
			if (size - used >= 4)
				memcpy(dst + used, "...", 4), used += 3;
			break;
		}
		if (len == 0) {
			memcpy(dst + used, esc, 4);
			used += 4;
			len = 1;
		} else {
			memcpy(dst + used, s, len);
			used += len;
		}
		s += len;
		n -= len;
	}
	dst[used < size ? used : size - 1] = '\0';
	return dst;
}

char *arena_printable(struct arena *a, const char *src, size_t n)
{
	size_t room = 4 * n + 8; /* with what str_printable keeps for "..." */

	return str_printable(arena_alloc(a, room), room, src, n);
}
