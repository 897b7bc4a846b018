/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logline.h"

#include "klog/rules.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LEVEL_UNKNOWN   255
#define LAYERS_MAX      8 /* stamps and tags, one behind the other */
#define SYSLOG_HEAD_MAX 64 /* bytes of date and time */
#define DATE_WORDS_MAX  4
#define DATE_WORD_MAX   16 /* bytes: Cyrillic letters have two */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t digits(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && is_digit(s[n]))
		n++;
	return n;
}

static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	return s;
}

static bool starts(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

/* "<6>" of a console or of dmesg --raw: facility and level. */
static const char *take_priority(const char *s, const char *end, struct logline *out)
{
	unsigned prio = 0;
	size_t i, n;

	if (s == end || *s != '<')
		return NULL;
	n = digits(s + 1, end);
	if (n == 0 || n > 3 || s + 1 + n == end || s[1 + n] != '>')
		return NULL;
	for (i = 1; i <= n; i++)
		prio = prio * 10 + (unsigned)(s[i] - '0');
	out->level = prio & 7;
	if (prio > 7)
		out->source = 0;
	return s + n + 2;
}

static const char *const level_names[] = {
	"emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"};

/* "kern  :crit  : " of dmesg -x. */
static const char *take_decoded(const char *s, const char *end, struct logline *out)
{
	const char *colon, *level;
	size_t i;

	if (!starts(s, end, "kern ") && !starts(s, end, "user ") && !starts(s, end, "daemon:") &&
		!starts(s, end, "syslog:") && !starts(s, end, "kern:"))
		return NULL;
	colon = memchr(s, ':', (size_t)(end - s));
	if (colon == NULL || colon - s > 8)
		return NULL;
	level = colon + 1;
	for (i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		const char *p;

		if (!starts(level, end, level_names[i]))
			continue;
		p = skip_blanks(level + strlen(level_names[i]), end);
		if (p == end || *p != ':')
			return NULL;
		out->level = (uint8_t)i;
		if (*s != 'k')
			out->source = 0;
		return skip_blanks(p + 1, end);
	}
	return NULL;
}

/* "KERN_ERR " as people paste it. */
static const char *take_kern_word(const char *s, const char *end)
{
	const char *blank;

	if (!starts(s, end, "KERN_"))
		return NULL;
	blank = memchr(s, ' ', (size_t)(end - s));
	return blank == NULL ? NULL : skip_blanks(blank, end);
}

static int64_t stamp_usec(const char *s, size_t n)
{
	int64_t usec = 0;
	size_t i = 0, fraction = 0;
	bool dot = false;

	while (i < n && s[i] == ' ')
		i++;
	for (; i < n; i++) {
		if (s[i] == '.' && !dot) {
			dot = true;
			continue;
		}
		if (!is_digit(s[i]) || usec > INT64_MAX / 100)
			return -1;
		if (dot && ++fraction > 6)
			continue;
		usec = usec * 10 + (s[i] - '0');
	}
	for (; dot && fraction < 6; fraction++)
		usec *= 10;
	return dot ? usec : -1;
}

/* "[  123.456789] ", "[Wed Apr 15 17:12:31 2026] ", "[  +0.000011] ", "[...] ", "[ T125] " */
static const char *take_stamp(const char *s, const char *end, struct logline *out)
{
	const char *close;
	bool number = false, sep = false, other = false;
	size_t i, n;

	if (s == end || *s != '[')
		return NULL;
	close = memchr(s, ']', (size_t)(end - s));
	if (close == NULL || close - s > 40)
		return NULL;
	s++;
	n = (size_t)(close - s);
	for (i = 0; i < n; i++) {
		number = number || is_digit(s[i]);
		sep = sep || s[i] == '.' || s[i] == ':';
		other = other || (!is_digit(s[i]) && strchr(" .:+-/", s[i]) == NULL);
	}
	if (other) {
		size_t blanks = (size_t)(skip_blanks(s, close) - s);

		/* the caller column, or a date with names of day and month */
		if (blanks < n && (s[blanks] == 'T' || s[blanks] == 'C') && n > blanks + 1 &&
			digits(s + blanks + 1, close) == n - blanks - 1)
			return close + 1;
		if (n < 19 || n > 34 || !sep || !number || !is_digit(s[n - 1]) ||
			memchr(s, ':', n) == NULL || memchr(s, ' ', n) == NULL)
			return NULL;
		return close + 1;
	}
	if (!sep)
		return NULL;
	if (number && stamp_usec(s, n) >= 0)
		out->usec = stamp_usec(s, n);
	return close + 1;
}

/* Where hh:mm:ss stands that a date, or nothing, precedes; NULL when there is none. */
static const char *find_time(const char *s, const char *end)
{
	size_t words = 0, letters = 0;
	const char *p;

	if (end - s > SYSLOG_HEAD_MAX)
		end = s + SYSLOG_HEAD_MAX;
	for (p = s; p + 8 <= end; p++) {
		if (is_digit(p[0]) && is_digit(p[1]) && p[2] == ':' && is_digit(p[3]) &&
			is_digit(p[4]) && p[5] == ':' && is_digit(p[6]) && is_digit(p[7]) &&
			(p == s || p[-1] == ' ' || p[-1] == 'T'))
			return p;
		/* nothing of a date has these, and no colon stands before its time */
		if (strchr("[]()=<>:{\"#", *p) != NULL)
			return NULL;
		/* "Sat 21 Nov 2026" at most, in any language */
		letters = *p == ' ' ? 0 : letters + 1;
		words += *p == ' ' && p > s && p[-1] != ' ';
		if (words > DATE_WORDS_MAX || letters > DATE_WORD_MAX)
			return NULL;
	}
	return NULL;
}

/* "kernel: ", "QEMU[123]: ", "udisksd[4]: ": who wrote it. NULL when no tag stands there. */
static const char *take_tag(const char *s, const char *end, struct logline *out)
{
	const char *p = s;
	size_t name;

	while (p < end && (isalnum((unsigned char)*p) || strchr("_-./@", *p) != NULL))
		p++;
	name = (size_t)(p - s);
	if (name > 0 && p < end && *p == '[') {
		size_t n = digits(p + 1, end);

		if (n == 0 || p + n + 1 >= end || p[n + 1] != ']')
			return NULL;
		p += n + 2;
	}
	if (name == 0 || p == end || *p != ':')
		return NULL;
	if (name == 6 && memcmp(s, "kernel", 6) == 0)
		out->source = SOURCE_KERNEL;
	else if (strncasecmp(s, "qemu", 4) == 0 || starts(s, end, "libvirt"))
		out->source = SOURCE_QEMU;
	else
		out->source = 0;
	return skip_blanks(p + 1, end);
}

/* "May 30 19:39:03 host kernel: ", "2026-05-30T19:39:03.123456+00:00 host kernel: " */
static const char *take_syslog(const char *s, const char *end, struct logline *out)
{
	const char *p = find_time(s, end), *tag;

	if (p == NULL || (p == s && end - p > 8 && p[8] != ' '))
		return NULL;
	p += 8;
	while (p < end && *p != ' ') /* fraction and zone */
		p++;
	p = skip_blanks(p, end);
	/* some loggers leave the host out */
	if ((tag = take_tag(p, end, out)) != NULL)
		return tag;
	while (p < end && *p != ' ')
		p++;
	return take_tag(skip_blanks(p, end), end, out);
}

/*
 * "host kernel: ", "host systemd[1]: " behind the stamp of journalctl -o short-monotonic. A number in
 * brackets must follow any other name: "vfio-pci 0000:41:00.0: " is the kernel's own.
 */
static const char *take_host(const char *s, const char *end, struct logline *out)
{
	const char *p = s, *tag;

	while (p < end && (isalnum((unsigned char)*p) || strchr("_-.", *p) != NULL))
		p++;
	if (p == s || p == end || *p != ' ')
		return NULL;
	tag = ++p;
	if (starts(p, end, "kernel: "))
		return take_tag(p, end, out);
	while (p < end && *p != ' ' && *p != '[')
		p++;
	return p < end && *p == '[' ? take_tag(tag, end, out) : NULL;
}

static const char *take_layer(const char *s, const char *end, struct logline *out)
{
	const char *next;

	if ((next = take_priority(s, end, out)) != NULL ||
		(next = take_decoded(s, end, out)) != NULL ||
		(next = take_kern_word(s, end)) != NULL || (next = take_stamp(s, end, out)) != NULL)
		return next;
	/* once: what comes behind a tag is the message, whatever is in it */
	if (out->source == SOURCE_ANY && (next = take_syslog(s, end, out)) != NULL)
		return next;
	if (starts(s, end, "kernel: ")) {
		out->source = SOURCE_KERNEL;
		return s + 8;
	}
	return out->usec >= 0 ? take_host(s, end, out) : NULL;
}

void logline_parse(const char *line, size_t len, struct logline *out)
{
	const char *s = line, *end = line + len, *next;
	int layers;

	*out = (struct logline){.usec = -1, .level = LEVEL_UNKNOWN, .source = SOURCE_ANY};
	while (end > s && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	s = skip_blanks(s, end);
	for (layers = 0; layers < LAYERS_MAX; layers++) {
		next = take_layer(s, end, out);
		if (next == NULL)
			break;
		s = skip_blanks(next, end);
	}
	out->text = s;
	out->len = (size_t)(end - s);
}
