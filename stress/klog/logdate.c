/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logdate.h"

#include "base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define YEAR_MIN     1970
#define YEAR_MAX     2199
#define EPOCH_MAX_US INT64_C(7258118400000000) /* the end of YEAR_MAX; nanoseconds still fit */

/* What was found of a date; -1 = not yet. */
struct date {
	int year, month, day; /* month from 0 */
	int hour, minute, second;
	int64_t fraction_ns;
	bool has_zone;
	int zone_s; /* east of Greenwich */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* `n` digits as a number; -1 when they are not all digits. */
static int number(const char *s, const char *end, size_t n)
{
	int v = 0;

	if (end - s < (ptrdiff_t)n)
		return -1;
	for (; n > 0; n--, s++) {
		if (!is_digit(*s))
			return -1;
		v = v * 10 + (*s - '0');
	}
	return v;
}

static int month_of(const char *s, const char *end)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int i;

	if (end - s < 3)
		return -1;
	for (i = 0; i < 12; i++)
		if (memcmp(s, names + (size_t)3 * (size_t)i, 3) == 0)
			return i;
	return -1;
}

/* "+02:00", "+0200", "Z", "UTC" */
static const char *read_zone(const char *s, const char *end, struct date *d)
{
	int hours, minutes;
	const char *p;

	if (s < end && *s == 'Z') {
		d->has_zone = true;
		return s + 1;
	}
	if (end - s >= 3 && (memcmp(s, "UTC", 3) == 0 || memcmp(s, "GMT", 3) == 0)) {
		d->has_zone = true;
		return s + 3;
	}
	if (s == end || (*s != '+' && *s != '-') || (hours = number(s + 1, end, 2)) < 0)
		return s;
	p = s + 3 < end && s[3] == ':' ? s + 4 : s + 3;
	minutes = number(p, end, 2);
	if (minutes < 0)
		return s;
	d->has_zone = true;
	d->zone_s = (hours * 60 + minutes) * 60 * (*s == '-' ? -1 : 1);
	return p + 2;
}

/* "19:39:03.123456+02:00" */
static const char *read_time(const char *s, const char *end, struct date *d)
{
	int64_t unit = NS_PER_S;

	d->hour = number(s, end, 2);
	d->minute = number(s + 3, end, 2);
	d->second = number(s + 6, end, 2);
	s += 8;
	if (s < end && (*s == '.' || *s == ',') && s + 1 < end && is_digit(s[1]))
		for (s++; s < end && is_digit(*s); s++) {
			unit /= 10;
			d->fraction_ns += (*s - '0') * unit;
		}
	return read_zone(s, end, d);
}

/* One run of digits or letters; returns what is behind it. */
static const char *read_piece(const char *s, const char *end, struct date *d)
{
	const char *p = s;

	while (p < end && is_digit(*p))
		p++;
	if (p - s == 2 && end - s >= 8 && s[2] == ':' && number(s + 3, end, 2) >= 0 &&
		s[5] == ':' && number(s + 6, end, 2) >= 0)
		return read_time(s, end, d);
	if (p - s == 4 && end - p >= 6 && *p == '-' && number(p + 1, end, 2) > 0 && p[3] == '-' &&
		number(p + 4, end, 2) > 0) {
		d->year = number(s, end, 4);
		d->month = number(p + 1, end, 2) - 1;
		d->day = number(p + 4, end, 2);
		return p + 6;
	}
	if (p - s == 4)
		d->year = number(s, end, 4);
	else if (p - s == 1 || p - s == 2)
		d->day = number(s, end, (size_t)(p - s));
	if (p > s)
		return p;
	if (d->hour >= 0 && read_zone(s, end, d) > s)
		return read_zone(s, end, d);
	while (p < end && ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')))
		p++;
	if (p == s)
		return s + 1;
	if (d->month < 0)
		d->month = month_of(s, p);
	return p;
}

/* "1780169943.123456"; nobody writes a shorter or a longer one. */
static int64_t read_epoch(const char *s, const char *end)
{
	int64_t v = 0;
	const char *p;

	if (end - s != 17 || s[10] != '.')
		return 0;
	for (p = s; p < end; p++)
		if (is_digit(*p))
			v = v * 10 + (*p - '0');
		else if (p != s + 10)
			return 0;
	return v < EPOCH_MAX_US ? v * 1000 : 0;
}

/* Seconds of the epoch at the beginning of that hour. */
static int64_t hour_of(struct logdates *dates, const struct date *d)
{
	struct tm tm = {.tm_year = d->year - 1900,
		.tm_mon = d->month,
		.tm_mday = d->day,
		.tm_hour = d->hour,
		.tm_isdst = -1};

	if (d->has_zone)
		return (int64_t)timegm(&tm) - d->zone_s;
	if (d->year == dates->year && d->month == dates->month && d->day == dates->day &&
		d->hour == dates->hour)
		return dates->hour_s;
	dates->year = d->year;
	dates->month = d->month;
	dates->day = d->day;
	dates->hour = d->hour;
	dates->hour_s = (int64_t)mktime(&tm);
	return dates->hour_s;
}

static int64_t to_ns(struct logdates *dates, const struct date *d)
{
	return (hour_of(dates, d) + d->minute * 60 + d->second) * NS_PER_S + d->fraction_ns;
}

static int year_of(int64_t ns)
{
	time_t s = (time_t)(ns / NS_PER_S);
	struct tm tm;

	return gmtime_r(&s, &tm) == NULL ? 1970 : tm.tm_year + 1900;
}

void logdates_init(struct logdates *d, int64_t newest_ns)
{
	*d = (struct logdates){.newest_ns = newest_ns};
}

int64_t logdate_read(struct logdates *dates, const char *s, size_t n)
{
	struct date d = {.year = -1, .month = -1, .day = -1, .hour = -1};
	const char *end = s + n;
	int64_t ns = read_epoch(s, end);

	if (ns != 0)
		return ns;
	while (s < end)
		s = read_piece(s, end, &d);
	if (d.month < 0 || d.month > 11 || d.day < 1 || d.day > 31 || d.hour < 0 || d.hour > 23 ||
		d.minute > 59 || d.second > 60)
		return 0;
	if (d.year >= 0)
		return d.year >= YEAR_MIN && d.year <= YEAR_MAX ? to_ns(dates, &d) : 0;
	/* clocks and zones may be a day apart */
	d.year = year_of(dates->newest_ns + 24 * 3600 * NS_PER_S);
	ns = to_ns(dates, &d);
	if (ns > dates->newest_ns + 24 * 3600 * NS_PER_S) {
		d.year--;
		ns = to_ns(dates, &d);
	}
	return ns;
}
