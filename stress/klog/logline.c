/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logline.h"

#include "base/vec.h"
#include "klog/rules.h"

#include <ctype.h>
#include <string.h>

#define LEVEL_UNKNOWN   255
#define LAYERS_MAX      10 /* stamps and tags, one behind the other */
#define DATE_MAX        40 /* bytes in front of the time: weekday, day, month, year */
#define DATE_WORDS      4 /* the same; more are a text that the line behind was glued to */
#define BRACKET_MAX     64 /* bytes of a date between brackets; names of months may be any UTF-8 */
#define WORD_MAX        64 /* of a host, a file name, a tag */
#define UPTIME_FRACTION 6 /* digits; printk, dmesg and journalctl all print microseconds */

/* ---- pieces ---- */

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

/* Serial lines end in \r\n as often as in \n\r. */
static const char *skip_blanks(const char *s, const char *end)
{
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	return s;
}

static bool starts(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - s) >= n && memcmp(s, word, n) == 0;
}

/* Behind the word, which ends at a blank or at the end. */
static const char *skip_word(const char *s, const char *end)
{
	while (s < end && *s != ' ' && *s != '\t')
		s++;
	return s;
}

/* "19:39:03" */
static bool is_time(const char *s, const char *end)
{
	return end - s >= 8 && is_digit(s[0]) && is_digit(s[1]) && s[2] == ':' && is_digit(s[3]) &&
		is_digit(s[4]) && s[5] == ':' && is_digit(s[6]) && is_digit(s[7]) &&
		(end - s == 8 || (s[8] != ':' && !is_digit(s[8])));
}

/* Where the time stands that only a date precedes; NULL when there is none. */
static const char *find_time(const char *s, const char *end)
{
	const char *p;

	if (end - s > DATE_MAX + 9)
		end = s + DATE_MAX + 9;
	for (p = s; p < end; p++) {
		if (is_time(p, end) && (p == s || p[-1] == ' ' || p[-1] == 'T'))
			return p;
		/* names of months may be in any language */
		if (!isalnum((unsigned char)*p) && strchr(" -/.,", *p) == NULL &&
			(unsigned char)*p < 0x80)
			return NULL;
	}
	return NULL;
}

/* ---- layers: each returns what is behind it, or NULL when it is not there ---- */

/* "<6>" of a console or of dmesg --raw, "<4>1 2026-..." of RFC 5424: facility and level. */
static const char *take_priority(const char *s, const char *end, struct logline *out)
{
	unsigned prio = 0;
	size_t i, n;

	if (*s != '<')
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

/* The level whose name stands there; -1 when none does. syslog writes out "error" and "warning". */
static int find_level(const char *s, const char *end, const char **behind)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (!starts(s, end, level_names[i]))
			continue;
		s += strlen(level_names[i]);
		*behind = starts(s, end, "or") ? s + 2 : starts(s, end, "ing") ? s + 3 : s;
		return (int)i;
	}
	return -1;
}

/* "kern  :crit  : " of dmesg -x; syslog(3) has these facilities. */
static const char *take_decoded(const char *s, const char *end, struct logline *out)
{
	static const char *const facilities[] = {"kern", "user", "mail", "daemon", "auth", "syslog",
		"lpr", "news", "uucp", "cron", "authpriv", "ftp", "local"};
	const char *p = s;
	size_t i;
	int level;

	if (*s < 'a' || *s > 'u')
		return NULL;
	while (p < end && p - s < 8 && (isalnum((unsigned char)*p)))
		p++;
	for (i = 0; i < ARRAY_SIZE(facilities); i++)
		if (starts(s, p, facilities[i]))
			break;
	p = skip_blanks(p, end);
	if (i == ARRAY_SIZE(facilities) || p == end || *p != ':' ||
		(level = find_level(p + 1, end, &p)) < 0)
		return NULL;
	p = skip_blanks(p, end);
	if (p == end || *p != ':')
		return NULL;
	out->level = (uint8_t)level;
	if (*s != 'k')
		out->source = 0;
	return p + 1;
}

/* "KERN_ERR " as people paste it. */
static const char *take_kern_word(const char *s, const char *end)
{
	return starts(s, end, "KERN_") ? skip_word(s, end) : NULL;
}

/*
 * Xen's console: what the hypervisor says itself, and dom0, this host's kernel. Other domains are
 * other machines.
 */
static const char *take_xen(const char *s, const char *end, struct logline *out)
{
	size_t n;

	if (starts(s, end, "(XEN) "))
		return s + 6;
	if (!starts(s, end, "(d"))
		return NULL;
	n = digits(s + 2, end);
	if (n == 0 || n > 5 || !starts(s + 2 + n, end, ") "))
		return NULL;
	if (n > 1 || s[2] != '0')
		out->source = 0;
	return s + n + 4;
}

/* "  123.456789" to microseconds; NULL when it is no such number. */
static const char *take_seconds(const char *s, const char *end, int64_t *usec)
{
	size_t whole, fraction, i;
	int64_t v = 0;

	while (s < end && *s == ' ')
		s++;
	whole = digits(s, end);
	if (whole == 0 || whole > 12 || s + whole == end || s[whole] != '.')
		return NULL;
	fraction = digits(s + whole + 1, end);
	if (fraction == 0)
		return NULL;
	for (i = 0; i < whole; i++)
		v = v * 10 + (s[i] - '0');
	for (i = 0; i < UPTIME_FRACTION; i++)
		v = v * 10 + (i < fraction ? s[whole + 1 + i] - '0' : 0);
	*usec = v;
	return s + whole + 1 + fraction;
}

/* "<    0.000011>" and "+0.000011": the time since the line before. */
static bool is_delta(const char *s, const char *close)
{
	int64_t usec;

	if (s == close)
		return true;
	if (*s == '<' && close[-1] == '>')
		return take_seconds(s + 1, close, &usec) == close - 1;
	return *s == '+' && take_seconds(s + 1, close, &usec) == close;
}

/* "123.456789", also with a delta behind it, or with grabserial's second number. */
static bool is_uptime(const char *s, const char *close, struct logline *out)
{
	int64_t usec, other;
	const char *p = take_seconds(s, close, &usec);

	if (p == NULL)
		return false;
	s = skip_blanks(p, close);
	/* grabserial counts from when it was started, not from the boot */
	if (s > p && take_seconds(s, close, &other) == close)
		return true;
	if (!is_delta(s, close))
		return false;
	out->usec = usec;
	return true;
}

/* "T125", "C3": CONFIG_PRINTK_CALLER. */
static bool is_caller(const char *s, const char *close)
{
	return (*s == 'T' || *s == 'C') && close - s > 1 &&
		digits(s + 1, close) == (size_t)(close - s - 1);
}

/* "Apr15 17:12", "May 3 08:01": dmesg -H, once a minute. */
static bool is_minute(const char *s, const char *close)
{
	return close - s >= 9 && close - s < 24 && is_digit(close[-1]) && is_digit(close[-2]) &&
		close[-3] == ':' && is_digit(close[-4]) && is_digit(close[-5]) &&
		close[-6] == ' ' && is_digit(close[-7]) && !is_digit(*s);
}

/* "Wed Apr 15 17:12:31 2026", "2026-05-30 19:39:03.123", "19:39:03" */
static bool is_date(const char *s, const char *close, struct logline *out)
{
	const char *p = find_time(s, close);

	if (p == NULL)
		return false;
	for (p += 8; p < close; p++)
		if (!isalnum((unsigned char)*p) && strchr(" .,:+-<>", *p) == NULL)
			return false;
	out->date = s;
	out->date_len = (uint8_t)(close - s);
	return true;
}

/* All that stands in brackets in front of a line: times and the caller column. */
static const char *take_stamp(const char *s, const char *end, struct logline *out)
{
	const char *close;

	if (*s != '[')
		return NULL;
	s++;
	close = memchr(s, ']', (size_t)(end - s > BRACKET_MAX ? BRACKET_MAX : end - s));
	if (close == NULL)
		return NULL;
	s = skip_blanks(s, close);
	if (s < close &&
		(is_uptime(s, close, out) || is_delta(s, close) || is_caller(s, close) ||
			is_date(s, close, out) || is_minute(s, close) || starts(s, close, "...")))
		return close + 1;
	return NULL;
}

/* What a program of this name writes. */
static unsigned source_of(const char *name, size_t n)
{
	if (n == 6 && memcmp(name, "kernel", 6) == 0)
		return SOURCE_KERNEL;
	if ((n >= 4 && strncasecmp(name, "qemu", 4) == 0) ||
		(n >= 7 && memcmp(name, "libvirt", 7) == 0))
		return SOURCE_QEMU;
	return 0;
}

/* "kernel: ", "QEMU[123]: ", "udisksd[4]: ": who wrote it. NULL when no tag stands there. */
static const char *take_tag(const char *s, const char *end, struct logline *out)
{
	const char *p = s;
	unsigned source;
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
	p++;
	source = source_of(s, name);
	/* "0000:41:00.0: " is no tag; the kernel's is one even without a blank */
	if (p < end && strchr(" \t[<", *p) == NULL && source != SOURCE_KERNEL)
		return NULL;
	out->source = source;
	return p;
}

/* "kern.warn ": busybox, and templates of syslog daemons. */
static const char *take_facility_word(const char *s, const char *end, struct logline *out)
{
	const char *p = s, *behind;
	int level;

	while (p < end && isalnum((unsigned char)*p))
		p++;
	if (p == s || p == end || *p != '.')
		return NULL;
	level = find_level(p + 1, end, &behind);
	if (level < 0 || behind == end || *behind != ' ')
		return NULL;
	out->level = (uint8_t)level;
	return behind;
}

/* Can the line go on here with a layer of its own? */
static bool is_layer(const char *s, const char *end)
{
	return s == end || *s == '[' || *s == '<' || starts(s, end, "kernel: ");
}

/* "host kernel: ", "kern.warn kernel: ", "host [  123.456789] ": what follows a date. */
static const char *take_sender(const char *s, const char *end, struct logline *out)
{
	const char *p = skip_blanks(s, end), *next, *tag;
	unsigned before = out->source;

	s = p;
	if (is_layer(p, end))
		return p;
	if ((next = take_facility_word(p, end, out)) != NULL)
		p = skip_blanks(next, end);
	/*
	 * Some loggers leave the host out. Then only a name with a number is surely a program: what
	 * adds the time to a serial console knows no programs, and "DMAR: " is the kernel's.
	 */
	tag = take_tag(p, end, out);
	if (tag != NULL && (out->source != 0 || tag[-2] == ']'))
		return tag;
	out->source = before;
	if (tag != NULL)
		return p;
	next = skip_blanks(skip_word(p, end), end);
	if ((tag = take_facility_word(next, end, out)) != NULL)
		next = skip_blanks(tag, end);
	if (is_layer(next, end))
		return next;
	tag = take_tag(next, end, out);
	return tag != NULL ? tag : s;
}

/* "[id name=\"value\"][other]" or "-" */
static const char *skip_structured_data(const char *s, const char *end)
{
	if (s < end && *s == '-')
		return s + 1;
	while (s < end && *s == '[') {
		bool quoted = false;

		for (s++; s < end && (quoted || *s != ']'); s++) {
			quoted ^= *s == '"';
			s += *s == '\\' && s + 1 < end;
		}
		s += s < end;
	}
	return s;
}

/*
 * "2026-05-30T19:39:03Z host kernel - - - text", with [id name="value"] for the last dash: RFC 5424
 * behind its version. `end_of_date` is behind the date.
 */
static const char *take_rfc5424(
	const char *s, const char *end_of_date, const char *end, struct logline *out)
{
	const char *host = skip_blanks(end_of_date, end),
		   *app = skip_blanks(skip_word(host, end), end), *app_end = skip_word(app, end),
		   *p = app_end;
	int i;

	for (i = 0; i < 2; i++) /* PROCID, MSGID */
		p = skip_word(skip_blanks(p, end), end);
	p = skip_blanks(p, end);
	if (p == end || end_of_date - s > UINT8_MAX)
		return NULL;
	out->date = s;
	out->date_len = (uint8_t)(end_of_date - s);
	out->source = source_of(app, (size_t)(app_end - app));
	p = skip_structured_data(p, end);
	return starts(p, end, " \xef\xbb\xbf") ? p + 4 : p;
}

/* Behind the time of day: its fraction, the zone, and the year of ctime(3). */
static const char *skip_rest_of_date(const char *s, const char *time, const char *end)
{
	const char *p = skip_word(time, end), *next = skip_blanks(p, end);

	/* journalctl -o short-full: "Sat 2026-05-30 19:39:03 UTC host kernel: " */
	if (time - s > 11 && time[-4] == '-' && isalpha((unsigned char)*s)) {
		const char *zone = skip_word(next, end);

		if (zone > next && zone - next <= 6)
			p = zone;
	}
	if (digits(next, end) == 4 && (*next == '1' || *next == '2') && next + 4 < end &&
		next[4] == ' ')
		p = next + 4;
	return p;
}

static size_t count_words(const char *s, const char *end)
{
	size_t n = 0;

	for (s = skip_blanks(s, end); s < end; s = skip_blanks(skip_word(s, end), end))
		n++;
	return n;
}

/*
 * "May 30 19:39:03 host kernel: ", "2026-05-30T19:39:03.123456+00:00 host kernel: ", and what adds
 * the time in front of other lines.
 */
static const char *take_date(const char *s, const char *end, struct logline *out)
{
	const char *time = find_time(s, end), *p;

	if (time == NULL || count_words(s, time) > DATE_WORDS)
		return NULL;
	p = skip_rest_of_date(s, time, end);
	if (p - s > UINT8_MAX)
		return NULL;
	out->date = s;
	out->date_len = (uint8_t)(p - s);
	/* dmesg --time-format iso, alone with a comma, knows no host and no programs */
	if (time > s && time[-1] == 'T' && starts(time + 8, end, ","))
		return p;
	return take_sender(p, end, out);
}

/* "1780169943.123456 host kernel: " of journalctl -o short-unix. */
static const char *take_unix_time(const char *s, const char *end, struct logline *out)
{
	const char *p = s + digits(s, end);

	if (p - s != 10 || p == end || *p != '.' || digits(p + 1, end) != 6)
		return NULL;
	p += 7;
	if (p == end || *p != ' ')
		return NULL;
	out->date = s;
	out->date_len = (uint8_t)(p - s);
	return take_sender(p, end, out);
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

	if ((next = take_stamp(s, end, out)) != NULL ||
		(next = take_priority(s, end, out)) != NULL ||
		(next = take_decoded(s, end, out)) != NULL ||
		(next = take_kern_word(s, end)) != NULL || (next = take_xen(s, end, out)) != NULL)
		return next;
	/* what syslogd writes to all terminals has no blank behind it */
	if (starts(s, end, "kernel:")) {
		out->source = SOURCE_KERNEL;
		return s + 7;
	}
	if (out->usec >= 0)
		return take_host(s, end, out);
	/* once: what comes behind a date or a tag is the message, whatever is in it */
	if (out->date != NULL || out->source == SOURCE_KERNEL)
		return NULL;
	/* a priority and the version, 1 */
	if (out->level != LEVEL_UNKNOWN && starts(s, end, "1 ") &&
		(next = find_time(s + 2, end)) != NULL)
		return take_rfc5424(s + 2, skip_word(next, end), end, out);
	if ((next = take_date(s, end, out)) != NULL)
		return next;
	return take_unix_time(s, end, out);
}

/* ---- what is in front of the first layer ---- */

/* "kern.log.1:May 30 ...", "123:[  123.456789] ": what grep puts there. */
static const char *skip_grep(const char *s, const char *end)
{
	const char *limit = end - s > WORD_MAX ? s + WORD_MAX : end, *p = s;
	struct logline unused = {.usec = -1};

	while (p<limit && * p> ' ' && strchr("[]<>{}()\"';=,", *p) == NULL) {
		if (*p++ != ':' || p == end)
			continue;
		if (*p == '<' || (*p == '[' && take_stamp(p, end, &unused) != NULL) ||
			(isalnum((unsigned char)*p) && find_time(p, end) != NULL))
			return p;
	}
	return NULL;
}

/* "host login: [  123.456789] ": a kernel that interrupts whoever else uses the console. */
static const char *skip_prompt(const char *s, const char *end)
{
	static const char *const prompts[] = {"login: ", "assword: ", "# ", "$ "};
	const char *open = memchr(s, '[', (size_t)(end - s > WORD_MAX ? WORD_MAX : end - s));
	struct logline unused = {.usec = -1};
	size_t i;

	/* "root@host:~[0]# [" has others in front */
	while (open != NULL && (open == s || open[-1] != ' '))
		open = memchr(open + 1, '[', (size_t)(end - open - 1));
	if (open == NULL || take_stamp(open, end, &unused) == NULL || unused.usec < 0)
		return NULL;
	for (i = 0; i < ARRAY_SIZE(prompts); i++) {
		size_t n = strlen(prompts[i]);

		if ((size_t)(open - s) >= n && memcmp(open - n, prompts[i], n) == 0)
			return open;
	}
	return NULL;
}

/* "> > " of a mail's quotation. */
static const char *skip_quotes(const char *s, const char *end)
{
	while (s < end && *s == '>')
		s = skip_blanks(s + 1, end);
	return s;
}

void logline_parse(const char *line, size_t len, struct logline *out)
{
	const char *s = line, *end = line + len, *next;
	int layers;

	*out = (struct logline){.usec = -1, .level = LEVEL_UNKNOWN, .source = SOURCE_ANY};
	while (end > s && (end[-1] == '\n' || end[-1] == '\r'))
		end--;
	if (starts(s, end, "\xef\xbb\xbf"))
		s += 3;
	s = skip_quotes(skip_blanks(s, end), end);
	for (layers = 0; layers < LAYERS_MAX && s < end; layers++) {
		next = take_layer(s, end, out);
		if (next == NULL && layers == 0 &&
			((next = skip_grep(s, end)) != NULL ||
				(next = skip_prompt(s, end)) != NULL)) {
			s = next;
			next = take_layer(s, end, out);
		}
		if (next == NULL)
			break;
		s = skip_blanks(next, end);
	}
	out->text = s;
	out->len = (size_t)(end - s);
	out->bare = layers == 0;
}
