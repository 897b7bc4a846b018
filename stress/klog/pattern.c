/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/pattern.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* steps of the matcher; the longest honest match of the catalogue needs a few hundred */
#define MATCH_LIMIT 20000

struct pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *limits;
	bool jit_tried; /* compiled on first use: most rules never see a candidate line */
	char *literal;
	char *names[PATTERN_GROUPS_MAX];
};

/* ---- the literal that must be there, so that most lines need no expression at all ---- */

/* Behind the class or group that starts at s; NULL when it does not end. */
static const char *skip_class(const char *s)
{
	s += s[1] == '^' ? 2 : 1;
	if (*s == ']')
		s++;
	for (; *s != '\0' && *s != ']'; s++)
		if (*s == '\\' && s[1] != '\0')
			s++;
	return *s == ']' ? s + 1 : NULL;
}

static const char *skip_group(const char *s)
{
	int depth = 0;

	while (s != NULL && *s != '\0') {
		if (*s == '[') {
			s = skip_class(s);
			continue;
		}
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '(')
			depth++;
		else if (*s == ')' && --depth == 0)
			return s + 1;
		s++;
	}
	return NULL;
}

static bool is_optional(const char *s)
{
	return *s == '?' || *s == '*' || *s == '{';
}

struct run {
	char text[64], best[64];
	size_t n, best_n;
};

static void run_end(struct run *r)
{
	if (r->n > r->best_n) {
		memcpy(r->best, r->text, r->n);
		r->best_n = r->n;
	}
	r->n = 0;
}

static void run_add(struct run *r, char c)
{
	if (r->n == sizeof(r->text))
		run_end(r);
	r->text[r->n++] = c;
}

/* One element at s: a plain character is added to the run, anything else ends it. */
static const char *literal_step(const char *s, struct run *r)
{
	const char *next = s + 1;
	char c = *s;

	if (c == '\\') {
		c = s[1];
		next = s + 2;
		if (c != '\0' && strchr("dDwWsSbBAzZhHvVRntrfae", c) != NULL) {
			run_end(r);
			return next;
		}
		if (c == '\0' || isalnum((unsigned char)c))
			return NULL; /* \x41, \Q, \k<name> ...: not worth understanding */
	} else if (c == '(' || c == '[') {
		run_end(r);
		return c == '(' ? skip_group(s) : skip_class(s);
	} else if (strchr("^$.?*+{}", c) != NULL) {
		run_end(r);
		return c == '{' && strchr(s, '}') != NULL ? strchr(s, '}') + 1 : next;
	}
	if (is_optional(next))
		run_end(r);
	else
		run_add(r, c);
	return next;
}

/* Options may make letters match others (i), or blanks nothing (x). */
static bool has_options(const char *regex)
{
	const char *s = regex;

	if (regex[0] == '(' && regex[1] == '*')
		return true;
	while ((s = strstr(s, "(?")) != NULL) {
		s += 2;
		for (; isalpha((unsigned char)*s) || *s == '^' || *s == '-'; s++)
			if (*s == 'i' || *s == 'x')
				return true;
	}
	return false;
}

static char *find_literal(const char *regex)
{
	struct run r = {0};
	const char *s = has_options(regex) ? NULL : regex;

	for (; s != NULL && *s != '\0'; s = literal_step(s, &r))
		if (*s == '|')
			return xstrdup("");
	run_end(&r);
	if (s == NULL || r.best_n < PATTERN_LITERAL_MIN)
		return xstrdup("");
	return xstrndup(r.best, r.best_n);
}

/* ---- the expression ---- */

static void learn_names(struct pattern *p)
{
	uint32_t count = 0, entry = 0, i;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	for (i = 0; i < count; i++, table += entry) {
		int number = table[0] << 8 | table[1];

		if (p->names[number] == NULL)
			p->names[number] = xstrdup((const char *)table + 2);
	}
}

int pattern_compile(const char *regex, struct pattern **out, size_t *at_out, struct err *err)
{
	struct pattern *p = xcalloc(1, sizeof(*p));
	uint32_t groups = 0;
	PCRE2_SIZE at = 0;
	int code = 0;

	p->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
		PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
	if (p->code == NULL) {
		PCRE2_UCHAR why[160];

		pcre2_get_error_message(code, why, sizeof(why));
		pattern_free(p);
		*at_out = at;
		return err_set(err, ERR_INPUT, 0, "%s", (const char *)why);
	}
	pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	if (groups >= PATTERN_GROUPS_MAX) {
		pattern_free(p);
		*at_out = 0;
		return err_set(err, ERR_INPUT, 0, "more than %d groups: make some '(?:'",
			PATTERN_GROUPS_MAX - 1);
	}
	p->data = pcre2_match_data_create(PATTERN_GROUPS_MAX, NULL);
	p->limits = pcre2_match_context_create(NULL);
	if (p->data == NULL || p->limits == NULL)
		abort();
	pcre2_set_match_limit(p->limits, MATCH_LIMIT);
	learn_names(p);
	p->literal = find_literal(regex);
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	size_t i;

	if (p == NULL)
		return;
	for (i = 0; i < PATTERN_GROUPS_MAX; i++)
		free(p->names[i]);
	pcre2_match_context_free(p->limits);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p->literal);
	free(p);
}

const char *pattern_group_name(const struct pattern *p, int number)
{
	return number < PATTERN_GROUPS_MAX ? p->names[number] : NULL;
}

const char *pattern_literal(const struct pattern *p)
{
	return p->literal;
}

bool pattern_match(
	struct pattern *p, const char *text, size_t len, struct span groups[PATTERN_GROUPS_MAX])
{
	const PCRE2_SIZE *at;
	int n, i;

	if (!p->jit_tried) {
		/* without JIT (no executable memory) the interpreter gives the same answers */
		pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
		p->jit_tried = true;
	}
	n = pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, p->data, p->limits);
	if (n < 0)
		return false;
	at = pcre2_get_ovector_pointer(p->data);
	for (i = 0; i < PATTERN_GROUPS_MAX; i++) {
		bool took_part = i < n && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];

		groups[i] = took_part ? (struct span){text + at[2 * i], at[2 * i + 1] - at[2 * i]}
				      : (struct span){NULL, 0};
	}
	return true;
}
