/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template_filters.h"

#include "base/str.h"
#include "base/vec.h"

#include <ctype.h>
#include <string.h>

/* WORD JOINER, which has no width: what stands behind it is a sign of nobody's markup any more. */
#define JOINER "\xe2\x81\xa0"

static const struct entity {
	char c;
	const char *text;
} entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

#define SLACK_ENTITIES 3 /* it knows no others */

static void add_entity(struct str *out, const char *s, size_t n, size_t nentities)
{
	size_t i;

	for (i = 0; i < nentities; i++)
		if (*s == entities[i].c) {
			str_add(out, entities[i].text);
			return;
		}
	str_addn(out, s, n);
}

static void add_html(struct str *out, const char *s, size_t n)
{
	add_entity(out, s, n, ARRAY_SIZE(entities));
}

/* Slack's three control characters, and what it formats: docs.slack.dev, "Formatting message text". */
static void add_slack(struct str *out, const char *s, size_t n)
{
	if (strchr("*_~`@", *s) != NULL)
		str_add(out, JOINER);
	add_entity(out, s, n, SLACK_ENTITIES);
}

/* Between two ``` nothing is formatted, but the next ``` ends it. */
static void add_slack_code(struct str *out, const char *s, size_t n)
{
	if (*s == '`')
		str_add(out, JOINER);
	add_entity(out, s, n, SLACK_ENTITIES);
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
