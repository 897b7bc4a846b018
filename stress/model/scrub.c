/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scrub.h"

#include "base/str.h"
#include "base/vec.h"

#include <ctype.h>
#include <string.h>

#define REMOVED "removed"

/* In a name they say that its value is nobody's business. */
static const char *const secret_words[] = {
	"cookie", "credential", "passphrase", "passwd", "password", "secret", "token"};

/* libvirt's domain XML: values of attributes. */
static const struct {
	const char *element; /* NULL = any */
	const char *attribute;
	bool when_secret; /* only when the value itself has one of the words above in it */
} attributes[] = {
	{NULL, "passwd", false},
	{NULL, "password", false},
	{"mac", "address", false},
	{"qemu:arg", "value", true},
	{"qemu:env", "value", false},
};

/* Texts of elements; those of sysinfo and fw_cfg (`entry`) hold serial numbers and credentials. */
static const char *const elements[] = {
	"cmdline", "cookie", "dhCert", "entry", "serial", "session", "wwn"};

static bool has_secret_word(const char *s, size_t n)
{
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(secret_words); i++) {
		size_t len = strlen(secret_words[i]);

		for (at = 0; at + len <= n; at++)
			if (strncasecmp(s + at, secret_words[i], len) == 0)
				return true;
	}
	return false;
}

/* ---- XML ---- */

struct name {
	const char *s;
	size_t n;
};

static bool is(struct name name, const char *text)
{
	return strlen(text) == name.n && memcmp(text, name.s, name.n) == 0;
}

static bool hides_text(struct name element)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(elements); i++)
		if (is(element, elements[i]))
			return true;
	return false;
}

static bool hides_value(struct name element, struct name attribute, const char *value, size_t n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(attributes); i++)
		if ((attributes[i].element == NULL || is(element, attributes[i].element)) &&
			is(attribute, attributes[i].attribute))
			return !attributes[i].when_secret || has_secret_word(value, n);
	return false;
}

static struct name take_name(const char *s)
{
	return (struct name){s, strcspn(s, " \t\r\n=/>")};
}

/* Up to and with `end`; all that is left when it is not there. */
static const char *behind(const char *s, const char *end)
{
	const char *found = strstr(s, end);

	return found ? found + strlen(end) : s + strlen(s);
}

/* Where its value begins; NULL: it is no attribute. */
static const char *quote_of(struct name attribute)
{
	const char *s = attribute.s + attribute.n;

	s += strspn(s, " \t\r\n");
	if (attribute.n == 0 || *s++ != '=')
		return NULL;
	s += strspn(s, " \t\r\n");
	return *s == '"' || *s == '\'' ? s : NULL;
}

/* The rest of a start tag, from behind its name to behind its '>'. */
static const char *scrub_attributes(const char *s, struct name element, struct str *out)
{
	while (*s != '\0' && *s != '>') {
		struct name attribute = take_name(s);
		const char *quote = quote_of(attribute), *end;

		if (quote == NULL) {
			str_addn(out, s, 1);
			s++;
			continue;
		}
		end = strchr(quote + 1, *quote);
		if (end == NULL)
			return s + strlen(s);
		if (hides_value(element, attribute, quote + 1, (size_t)(end - quote - 1)))
			str_addf(out, "%.*s=%c" REMOVED "%c", (int)attribute.n, attribute.s, *quote,
				*quote);
		else
			str_addn(out, s, (size_t)(end + 1 - s));
		s = end + 1;
	}
	if (*s == '>')
		str_addn(out, s++, 1);
	return s;
}

/* Where no element begins: text, which may be that of `element`. */
static const char *scrub_text(const char *s, struct name element, struct str *out)
{
	bool cdata = str_starts(s, "<![CDATA[");
	const char *end = cdata ? behind(s, "]]>") : s + strcspn(s, "<");
	size_t n = (size_t)(end - s), blank = strspn(s, " \t\r\n");

	if (blank < n && hides_text(element))
		str_add(out, REMOVED);
	else
		str_addn(out, s, n);
	return end;
}

void scrub_xml(const char *xml, struct str *out)
{
	struct name element = {"", 0};
	const char *s = xml;

	while (*s != '\0') {
		const char *begin = s;

		if (*s != '<' || str_starts(s, "<![CDATA[")) {
			s = scrub_text(s, element, out);
		} else if (str_starts(s, "<!--")) {
			s = behind(s, "-->");
		} else if (s[1] == '/' || s[1] == '?' || s[1] == '!') {
			s = behind(s, ">");
			str_addn(out, begin, (size_t)(s - begin));
			element.n = 0;
		} else {
			element = take_name(s + 1);
			str_addn(out, s, 1 + element.n);
			s = scrub_attributes(s + 1 + element.n, element, out);
			/* what an application keeps there is its own business */
			if (is(element, "metadata") && s[-2] != '/' && strstr(s, "</metadata>"))
				s = strstr(s, "</metadata>");
		}
	}
}

/* ---- words and lines ---- */

/* "netroot=iscsi:user:password@address::..." */
static bool has_login(const char *value, size_t n)
{
	const char *at = memchr(value, '@', n);

	return at != NULL && memchr(value, ':', (size_t)(at - value)) != NULL;
}

static void scrub_word(const char *s, size_t n, struct str *out)
{
	const char *equals = memchr(s, '=', n);
	size_t name = equals ? (size_t)(equals + 1 - s) : 0;

	if (name != 0 && (has_secret_word(s, name) || has_login(s + name, n - name)))
		str_addf(out, "%.*s" REMOVED, (int)name, s);
	else
		str_addn(out, s, n);
}

void scrub_words(const char *text, struct str *out)
{
	while (*text != '\0') {
		size_t blank = strspn(text, " \t\r\n"), n = strcspn(text + blank, " \t\r\n");

		str_addn(out, text, blank);
		scrub_word(text + blank, n, out);
		text += blank + n;
	}
}

void scrub_settings(const char *text, struct str *out)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *equals = memchr(text, '=', n);

		if (equals != NULL && has_secret_word(text, (size_t)(equals - text)))
			str_addf(out, "%.*s= " REMOVED, (int)(equals - text), text);
		else
			str_addn(out, text, n);
		text += n;
		if (*text == '\n')
			str_addn(out, text++, 1);
	}
}

/* ---- a line of anything ---- */

/* Names in a line that may be of any form, beside those above. */
static const struct {
	const char *word;
	bool words; /* without quotes its value may have several words, as those above */
} line_words[] = {
	{"api-key", true},
	{"api_key", true},
	{"apikey", true},
	{"authorization", true},
	{"serial no", false},
	{"serial number", false},
	{"serial_number", false},
	{"serialnumber", false},
	{"unique_id", false},
	{"url", false},
	{"webhook", false},
};

/* What comes right behind these is a secret, too. */
static const char *const leads[] = {"bearer ", "serial number is ", "serial="};

/* What identifies one card, or a part of it, as NVIDIA's driver prints it: "GPU-5f0c2a54-..." */
static const char *const uuids[] = {"GPU-", "MIG-"};

/* How much of s is the word, whatever its case: all or nothing. A bundle has 100 million bytes. */
static size_t begins_with(const char *s, size_t n, const char *word)
{
	size_t i = 0;

	while (word[i] != '\0' && i < n &&
		(s[i] == word[i] || (word[i] >= 'a' && (s[i] | 0x20) == word[i])))
		i++;
	return word[i] == '\0' ? i : 0;
}

/* Of a secret word at s, 0 when there is none. */
static size_t word_len(const char *s, size_t n, bool *words)
{
	size_t i, len = 0;

	*words = true;
	for (i = 0; i < ARRAY_SIZE(secret_words) && len == 0; i++)
		len = begins_with(s, n, secret_words[i]);
	for (i = 0; i < ARRAY_SIZE(line_words) && len == 0; i++) {
		len = begins_with(s, n, line_words[i].word);
		*words = line_words[i].words;
	}
	return len;
}

static size_t span(const char *s, size_t n, const char *set)
{
	size_t i = 0;

	while (i < n && s[i] != '\0' && strchr(set, s[i]) != NULL)
		i++;
	return i;
}

static size_t span_not(const char *s, size_t n, const char *set)
{
	size_t i = 0;

	while (i < n && s[i] != '\0' && strchr(set, s[i]) == NULL)
		i++;
	return i;
}

/* Where a value stands in its line, and how its end is known. */
struct value {
	size_t at; /* 0 = there is none */
	char sign; /* behind its name: ':', '=' or, of an option, ' ' */
	char quote; /* 0 = none */
	size_t escapes; /* backslashes before the quote: JSON, or YAML within JSON */
};

/*
 * That of a name that ends at `at`: "password=x", "password: x", and in JSON or in YAML within JSON.
 * There is none of what is no string in JSON, whose place no word could take.
 */
static struct value value_of(const char *s, size_t n, size_t at)
{
	size_t quotes = span(s + at, n - at, "\"\\'");
	struct value v = {0};

	at += quotes;
	at += span(s + at, n - at, " \t");
	if (at >= n || (s[at] != ':' && s[at] != '='))
		return v;
	v.sign = s[at++];
	at += span(s + at, n - at, " \t");
	v.escapes = span(s + at, n - at, "\\");
	at += v.escapes;
	if (at < n && (s[at] == '"' || s[at] == '\''))
		v.quote = s[at++];
	if (quotes == 0 || v.quote != 0)
		v.at = at;
	return v;
}

/* "--password x", also as two items of a list */
static struct value value_of_option(const char *s, size_t n, size_t at)
{
	size_t blanks = span(s + at, n - at, "\"\\', ");

	return (struct value){.at = blanks > 0 ? at + blanks : 0, .sign = ' '};
}

static size_t quoted_len(const char *s, size_t n, const struct value *v)
{
	size_t i, escapes = 0;

	for (i = v->at; i < n && s[i] != '\n'; i++) {
		if (s[i] == v->quote && escapes == v->escapes)
			return i - escapes - v->at;
		escapes = s[i] == '\\' ? escapes + 1 : 0;
	}
	return i - v->at;
}

static size_t value_len(const char *s, size_t n, const struct value *v, bool words)
{
	if (v->quote != 0)
		return quoted_len(s, n, v);
	if (s[v->at] == '{' || s[v->at] == '[')
		return 0;
	return span_not(
		s + v->at, n - v->at, words && v->sign == ':' ? "\r\n\"'\\,}]" : " \t\r\n\"'\\,}]");
}

/* A secret with its name: what of it was copied or replaced, 0 = there is none. */
static size_t scrub_named(const char *s, size_t n, char before, struct str *out)
{
	static const char name[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	bool words;
	size_t len = word_len(s, n, &words), end;
	struct value v;

	if (len == 0)
		return 0;
	len += span(s + len, n - len, name);
	v = value_of(s, n, len);
	if (v.at == 0 && v.sign == 0 && before == '-')
		v = value_of_option(s, n, len);
	end = v.at > 0 && v.at < n ? value_len(s, n, &v, words) : 0;
	if (end == 0)
		return 0;
	str_addn(out, s, v.at);
	str_add(out, REMOVED);
	return v.at + end;
}

static size_t scrub_behind(const char *s, size_t n, struct str *out)
{
	size_t i, len = 0, value;

	for (i = 0; i < ARRAY_SIZE(leads) && len == 0; i++)
		len = begins_with(s, n, leads[i]);
	value = len > 0 ? span_not(s + len, n - len, " \t\r\n\"'\\,}]") : 0;
	if (value == 0)
		return 0;
	str_addn(out, s, len);
	str_add(out, REMOVED);
	return len + value;
}

/* A text report may have cut it. */
static size_t scrub_uuid(const char *s, size_t n, struct str *out)
{
	size_t i, len, id;

	for (i = 0; i < ARRAY_SIZE(uuids); i++) {
		len = strlen(uuids[i]);
		if (n < len || memcmp(s, uuids[i], len) != 0)
			continue;
		id = span(s + len, n - len, "0123456789abcdefABCDEF-");
		if (id < 8)
			return 0;
		str_addf(out, "%s" REMOVED, uuids[i]);
		return len + id;
	}
	return 0;
}

static size_t scrub_mac(const char *s, size_t n, struct str *out)
{
	size_t i;

	if (n < 17 || (n > 17 && (s[17] == ':' || isxdigit((unsigned char)s[17]))))
		return 0;
	for (i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return 0;
	str_add(out, REMOVED);
	return 17;
}

/* "//user:password@host" */
static size_t scrub_login(const char *s, size_t n, struct str *out)
{
	size_t user;

	if (n < 2 || s[0] != '/' || s[1] != '/')
		return 0;
	user = span_not(s + 2, n - 2, " \t\r\n\"'\\/@");
	if (2 + user >= n || s[2 + user] != '@' || memchr(s + 2, ':', user) == NULL)
		return 0;
	str_add(out, "//" REMOVED);
	return 2 + user;
}

/* "https://hooks.slack.com/services/T0/B1/...": in a webhook's address the path is the key. */
static size_t scrub_path(const char *line, size_t i, size_t n, struct str *out)
{
	static const char scheme[] = "https:";
	const size_t len = sizeof(scheme) - 1;
	const char *s = line + i;
	size_t host, path;

	n -= i;
	if (n < 2 || s[0] != '/' || s[1] != '/' || i < len ||
		begins_with(line + i - len, len, scheme) == 0)
		return 0;
	host = 2 + span_not(s + 2, n - 2, " \t\r\n\"'\\<>/?");
	path = span_not(s + host, n - host, " \t\r\n\"'\\<>");
	if (path < 2)
		return 0;
	str_addn(out, s, host);
	str_add(out, "/" REMOVED);
	return host + path;
}

/*
 * Can something that is to be taken out begin with these? By two letters, whatever their case, or as a
 * MAC address does: most of a log cannot.
 */
static bool may_begin(const char *s, size_t n)
{
	static const char second[256][2] = {['a'] = "up",
		['A'] = "up",
		['b'] = "e",
		['B'] = "e",
		['c'] = "or",
		['C'] = "or",
		['p'] = "a",
		['P'] = "a",
		['s'] = "e",
		['S'] = "e",
		['t'] = "o",
		['T'] = "o",
		['u'] = "rn",
		['U'] = "rn",
		['w'] = "e",
		['W'] = "e",
		['G'] = "p",
		['M'] = "i",
		['/'] = "/"};
	const char *letters = second[(unsigned char)*s];
	char next;

	if (n < 2)
		return false;
	next = s[1] | 0x20;
	return next == letters[0] || next == letters[1] ||
		(n > 2 && s[2] == ':' && isxdigit((unsigned char)s[0]) &&
			isxdigit((unsigned char)s[1]));
}

static size_t scrub_at(const char *line, size_t i, size_t n, struct str *out)
{
	const char *s = line + i;
	char before = i > 0 ? line[i - 1] : ' ';
	size_t done = scrub_behind(s, n - i, out);

	if (done == 0)
		done = scrub_named(s, n - i, before, out);
	if (done == 0 && !isalnum((unsigned char)before) && before != ':')
		done = scrub_mac(s, n - i, out);
	if (done == 0)
		done = scrub_uuid(s, n - i, out);
	if (done == 0)
		done = scrub_login(s, n - i, out);
	return done > 0 ? done : scrub_path(line, i, n, out);
}

void scrub_line(const char *line, size_t n, struct str *out)
{
	size_t i = 0;

	while (i < n) {
		size_t plain = i, done = 0;

		while (i < n && !may_begin(line + i, n - i))
			i++;
		str_addn(out, line + plain, i - plain);
		if (i == n)
			break;
		done = scrub_at(line, i, n, out);
		if (done == 0)
			str_addn(out, line + i, 1);
		i += done > 0 ? done : 1;
	}
}
