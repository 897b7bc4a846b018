/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/kmsg.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The lines and fields of one report. */

/* A GPU's UUID and a board's serial number are nobody's business. */
static size_t without_identity(const char *s, size_t n)
{
	static const char *const marks[] = {": GPU-", "Board Serial Number"};
	size_t i;

	if (n < 5 || memcmp(s, "NVRM:", 5) != 0)
		return n;
	for (i = 0; i < ARRAY_SIZE(marks); i++) {
		const char *at = memmem(s, n, marks[i], strlen(marks[i]));

		if (at != NULL)
			return (size_t)(at - s) + strlen(marks[i]);
	}
	return n;
}

bool span_is(struct span s, const char *text)
{
	return text != NULL && s.s != NULL && strlen(text) == s.n && memcmp(s.s, text, s.n) == 0;
}

void report_add_text(struct report *r, uint64_t seq, const char *s, size_t n)
{
	struct incident *inc = &r->inc;
	struct incident_line oldest;
	size_t keep = without_identity(s, n);

	if (n > KMSG_TEXT_MAX)
		n = KMSG_TEXT_MAX;
	n = keep < n ? keep : n;
	if (inc->nfirst < INCIDENT_FIRST_LINES) {
		inc->first[inc->nfirst++] = (struct incident_line){seq, xstrndup(s, n)};
		return;
	}
	if (inc->nlast < INCIDENT_LAST_LINES) {
		/* room for any line: a storm then needs no allocation */
		oldest.text = xmalloc(KMSG_TEXT_MAX + 1);
	} else {
		oldest = inc->last[0];
		memmove(&inc->last[0], &inc->last[1],
			(INCIDENT_LAST_LINES - 1) * sizeof(inc->last[0]));
		inc->nlast--;
		inc->lines_omitted++;
	}
	memcpy(oldest.text, s, n);
	oldest.text[n] = '\0';
	oldest.seq = seq;
	inc->last[inc->nlast++] = oldest;
}

void report_count(struct report *r)
{
	r->inc.count++;
	r->dirty = true;
}

void report_raise(struct report *r, enum severity severity)
{
	if (severity > r->inc.severity)
		r->inc.severity = severity;
}

static struct incident_field *find_field(struct report *r, const char *name, bool create)
{
	struct incident_field *f = incident_field(&r->inc, name);

	return f == NULL && create ? incident_add_field(&r->inc, name, VALUE_NULL, "") : f;
}

const char *report_field(const struct report *r, const char *name)
{
	const struct incident_field *f = incident_field(&r->inc, name);

	return f != NULL ? f->text : NULL;
}

void report_set(struct report *r, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f = find_field(r, name, true);

	if (f == NULL)
		return;
	f->kind = kind;
	str_set(f->text, text);
}

void report_unset(struct report *r, const char *name)
{
	struct incident_field *f = find_field(r, name, false);
	size_t i = f == NULL ? 0 : (size_t)(f - r->inc.fields);

	if (f == NULL)
		return;
	r->inc.nfields--;
	memmove(f, f + 1, (r->inc.nfields - i) * sizeof(*f));
}

void report_set_number(struct report *r, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, v);
	report_set(r, name, VALUE_INT, text);
}

void report_set_span(struct report *r, const char *name, struct span s)
{
	char text[sizeof(((struct incident_field *)0)->text)];

	if (s.s == NULL)
		return;
	if (s.n >= sizeof(text))
		s.n = sizeof(text) - 1;
	memcpy(text, s.s, s.n);
	text[s.n] = '\0';
	report_set(r, name, VALUE_STRING, text);
}

static bool list_has(const char *list, const char *item)
{
	size_t n = strlen(item);
	const char *s = list;

	while (*s != '\0') {
		size_t len = strcspn(s, "\n");

		if (len == n && memcmp(s, item, n) == 0)
			return true;
		s += len + (s[len] == '\n');
	}
	return false;
}

void report_add(struct report *r, const char *name, enum value_kind kind, const char *text)
{
	struct incident_field *f = find_field(r, name, true);
	size_t used;

	if (f == NULL)
		return;
	f->kind = kind;
	used = strlen(f->text);
	if (list_has(f->text, text) || used + strlen(text) + 6 > sizeof(f->text)) {
		/* what no longer fits: said once, where a text can say it */
		if (kind == VALUE_STRINGS && !list_has(f->text, text) &&
			!list_has(f->text, "...") && used + 5 <= sizeof(f->text))
			memcpy(f->text + used, "\n...", 5);
		return;
	}
	snprintf(f->text + used, sizeof(f->text) - used, "%s%s", used ? "\n" : "", text);
}

bool report_remove(struct report *r, const char *name, const char *text)
{
	struct incident_field *f = find_field(r, name, false);
	size_t n = strlen(text);
	char *s = f == NULL ? NULL : f->text;

	while (s != NULL && (strncmp(s, text, n) != 0 || (s[n] != '\n' && s[n] != '\0')))
		s = strchr(s, '\n') == NULL ? NULL : strchr(s, '\n') + 1;
	if (s == NULL)
		return false;
	if (s[n] == '\n')
		memmove(s, s + n + 1, strlen(s + n + 1) + 1);
	else
		s[s == f->text ? 0 : -1] = '\0';
	if (f->text[0] == '\0')
		report_unset(r, name);
	r->dirty = true;
	return true;
}

void report_add_span(struct report *r, const char *name, struct span s)
{
	char text[sizeof(((struct incident_field *)0)->text)];

	if (s.s == NULL || s.n >= sizeof(text))
		return;
	memcpy(text, s.s, s.n);
	text[s.n] = '\0';
	report_add(r, name, VALUE_STRINGS, text);
}

/* Devices are listed in order, whoever was told first. */
void report_add_bdf(struct report *r, const char *name, struct bdf bdf)
{
	const char *list = report_field(r, name);
	char item[BDF_LEN], all[sizeof(((struct incident_field *)0)->text)];
	size_t at = 0;

	bdf_text(bdf, item);
	if (list == NULL || list_has(list, item)) {
		report_add(r, name, VALUE_STRINGS, item);
		return;
	}
	while (list[at] != '\0' && strncmp(list + at, item, strlen(item)) < 0)
		at += strcspn(list + at, "\n") + (strchr(list + at, '\n') != NULL);
	if (list[at] == '\0' || strlen(list) + strlen(item) + 2 > sizeof(all)) {
		report_add(r, name, VALUE_STRINGS, item);
		return;
	}
	snprintf(all, sizeof(all), "%.*s%s\n%s", (int)at, list, item, list + at);
	report_set(r, name, VALUE_STRINGS, all);
}

void report_take_fields(struct report *r, const struct kline *ln)
{
	struct incident_field fields[2 * RULE_FIELDS_MAX];
	size_t i, n = match_fields(ln->m, true, fields, ARRAY_SIZE(fields));

	for (i = 0; i < n; i++)
		report_set(r, fields[i].name, fields[i].kind, fields[i].text);
}

void report_agent(struct report *r, struct bdf bdf)
{
	if (!report_has_agent(r, bdf) && r->nagents < AGENTS_MAX)
		r->agents[r->nagents++] = bdf;
}

bool report_has_agent(const struct report *r, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < r->nagents; i++)
		if (bdf_eq(r->agents[i], bdf))
			return true;
	return false;
}
