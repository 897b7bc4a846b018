/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_since.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/logdate.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_NS     (24 * 3600 * NS_PER_S)
#define NUMBER_MAX 9 /* digits */

static const struct {
	const char *word;
	int64_t seconds;
} units[] = {{"s", 1}, {"sec", 1}, {"second", 1}, {"m", 60}, {"min", 60}, {"minute", 60},
	{"h", 3600}, {"hr", 3600}, {"hour", 3600}, {"d", 86400}, {"day", 86400}, {"w", 604800},
	{"week", 604800}};

/* Whole numbers only: a half is 30 of the next. */
static const char *read_number(const char *s, int64_t *out)
{
	int64_t v = 0;
	int n;

	for (n = 0; isdigit((unsigned char)s[n]); n++) {
		if (n == NUMBER_MAX)
			return NULL;
		v = v * 10 + (s[n] - '0');
	}
	*out = v;
	return n == 0 ? NULL : s + n;
}

/* "hours", "min" */
static const char *read_unit(const char *s, int64_t *seconds)
{
	size_t n = 0, i;

	while (isalpha((unsigned char)s[n]))
		n++;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		size_t len = strlen(units[i].word);

		if (strncmp(s, units[i].word, len) == 0 &&
			(n == len || (n == len + 1 && len > 1 && s[len] == 's'))) {
			*seconds = units[i].seconds;
			return s + n;
		}
	}
	return NULL;
}

/* "2h", "1h30m", "2 hours", "1 day 3 hours"; what is behind it. */
static const char *read_span(const char *s, int64_t *seconds)
{
	int64_t n, unit;

	*seconds = 0;
	do {
		s = read_number(s, &n);
		if (s == NULL || (s = read_unit(s + strspn(s, " "), &unit)) == NULL)
			return NULL;
		*seconds += n * unit;
		s += strspn(s, " ");
	} while (isdigit((unsigned char)*s));
	return s;
}

static bool is_ago(const char *text, int64_t *seconds)
{
	const char *rest;

	if (*text == '-') {
		rest = read_span(text + 1, seconds);
		return rest != NULL && *rest == '\0';
	}
	rest = read_span(text, seconds);
	return rest != NULL && str_eq(rest, "ago");
}

/* "2026-05-30" of this moment here. */
static void local_day(int64_t ns, char buf[16])
{
	time_t s = (time_t)(ns / NS_PER_S);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(buf, 16, "%Y-%m-%d", &tm) == 0)
		buf[0] = '\0';
}

/* Adds what may be left out: today's day, the seconds, the time. */
static int64_t read_date(const char *text, int64_t now)
{
	struct logdates dates;
	char full[80], day[16];
	size_t n = strlen(text);

	local_day(now, day);
	if (n >= sizeof(full) - 32)
		return 0;
	if (str_eq(text, "today"))
		snprintf(full, sizeof(full), "%s 00:00:00", day);
	else if (n == 5 && text[2] == ':')
		snprintf(full, sizeof(full), "%s %s:00", day, text);
	else if (n == 8 && text[2] == ':')
		snprintf(full, sizeof(full), "%s %s", day, text);
	else if (n == 10 && text[4] == '-')
		snprintf(full, sizeof(full), "%s 00:00:00", text);
	else if (n == 16 && text[4] == '-' && text[13] == ':')
		snprintf(full, sizeof(full), "%s:00", text);
	else
		str_set(full, text);
	logdates_init(&dates, now);
	return logdate_read(&dates, full, strlen(full));
}

static bool is_uptime(const char *text, int64_t *usec)
{
	int64_t whole;
	const char *rest = read_number(text, &whole);
	int digits = 0;

	if (rest == NULL || (*rest != '.' && *rest != '\0'))
		return false;
	*usec = whole;
	rest += *rest == '.';
	for (; digits < 6; digits++)
		*usec = *usec * 10 + (isdigit((unsigned char)*rest) ? *rest++ - '0' : 0);
	return *rest == '\0';
}

int since_parse(const char *text, int64_t now, struct since *out, struct err *err)
{
	struct since since = {.kind = SINCE_WALL};
	int64_t seconds;

	if (is_uptime(text, &since.usec)) {
		since.kind = SINCE_BOOT;
	} else if (str_eq(text, "now")) {
		since.wall_ns = now;
	} else if (str_eq(text, "yesterday")) {
		since.wall_ns = read_date("today", now) - DAY_NS;
	} else if (is_ago(text, &seconds)) {
		since.wall_ns = now - seconds * NS_PER_S;
	} else {
		since.wall_ns = read_date(text, now);
	}
	if (since.kind == SINCE_WALL && since.wall_ns <= 0) {
		err_set(err, ERR_USAGE, 0, "--since '%s' is no time", text);
		return err_hint(err,
			"such as '2026-05-30 19:39', 19:39, yesterday, '2 hours ago', "
			"-2h, or seconds since the boot: 123.456");
	}
	*out = since;
	return 0;
}
