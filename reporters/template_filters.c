/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template_filters.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* WORD JOINER, which has no width: what stands behind it is a sign of nobody's markup any more. */
#define JOINER "\xe2\x81\xa0"

static void add_entities(struct str *out, const char *s, size_t n)
{
	if (*s == '&')
		str_add(out, "&amp;");
	else if (*s == '<')
		str_add(out, "&lt;");
	else if (*s == '>')
		str_add(out, "&gt;");
	else
		str_addn(out, s, n);
}

static void add_html(struct str *out, const char *s, size_t n)
{
	if (*s == '"')
		str_add(out, "&quot;");
	else if (*s == '\'')
		str_add(out, "&#39;");
	else
		add_entities(out, s, n);
}

/* Slack's three control characters, and what it formats: docs.slack.dev, "Formatting message text". */
static void add_slack(struct str *out, const char *s, size_t n)
{
	if (strchr("*_~`@", *s) != NULL)
		str_add(out, JOINER);
	add_entities(out, s, n);
}

/* Between two ``` nothing is formatted, but the next ``` ends it. */
static void add_slack_code(struct str *out, const char *s, size_t n)
{
	if (*s == '`')
		str_add(out, JOINER);
	add_entities(out, s, n);
}

/* CommonMark's signs, Teams' mentions, and the slashes that make a link of an address. */
static void add_markdown(struct str *out, const char *s, size_t n)
{
	if (strchr("\\`*_~[]()<>#|!@/", *s) != NULL)
		str_add(out, JOINER);
	str_addn(out, s, n);
}

/* RFC 3986: all but the unreserved ones. */
static void add_url(struct str *out, const char *s, size_t n)
{
	for (; n > 0; s++, n--)
		if (isalnum((unsigned char)*s) || strchr("-._~", *s) != NULL)
			str_addn(out, s, 1);
		else
			str_addf(out, "%%%02X", (unsigned char)*s);
}

const struct template_filter template_filters[] = {
	{"html", "& < > \" ' become entities", false, add_html},
	{"json", "the whole JSON value: with its quotes, or null", false, NULL},
	{"markdown", "no sign of it formats, links or mentions (Teams)", false, add_markdown},
	{"max", "at most so many characters of what it becomes", true, NULL},
	{"slack", "no sign of its mrkdwn formats, links or mentions", false, add_slack},
	{"slack-code", "as slack, in a block of code: formatting signs stay", false,
		add_slack_code},
	{"url", "percent-encoded", false, add_url},
	{0},
};
