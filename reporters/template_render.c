/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template_render.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "reporters/message.h"
#include "reporters/template.h"
#include "reporters/template_filters.h"
#include "reporters/template_parts.h"
#include "world/jin.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX                                                                                  \
	(1u << 20) /* of one message: loops in loops may go round for ever and write nothing */
#define ELLIPSIS "\xe2\x80\xa6"

/* From whole to hardly anything: the first that fits is taken. */
static const struct cut {
	unsigned shift; /* of rows: halved so often, but one is left */
	bool no_rows;
	size_t chars; /* of a long text */
} cuts[] = {
	{0, false, TEMPLATE_CHARS_MAX},
	{0, false, 1000},
	{1, false, 500},
	{2, false, 300},
	{3, false, 200},
	{4, false, 120},
	{5, false, 80},
	{10, false, 60},
	{0, true, 40},
};

/* A row of a list, while its loop is at it. */
struct loop {
	const void *row;
	size_t i, n; /* rows that are shown */
	uint64_t all;
};

struct rendering {
	const struct template *t;
	const struct message *m;
	const struct cut *cut;
	size_t max;
	size_t steps; /* so far */
	struct str out;
	struct loop loops[TEMPLATE_DEPTH_MAX];
	size_t nloops;
};

/* ---- values ---- */

/* What is there in place of a value; room for a number. */
struct value {
	const char *text;
	bool quoted; /* in JSON */
	char number[24];
};

static const void *member(const struct rendering *r, const struct place_of_value *p)
{
	const char *base =
		p->depth == 0 ? (const char *)r->m : (const char *)r->loops[p->depth - 1].row;

	return base + p->field->offset;
}

static void set_number(struct value *v, int64_t n)
{
	snprintf(v->number, sizeof(v->number), "%" PRId64, n);
	v->text = n == NO_NUMBER ? "" : v->number;
}

static void look_at_loop(const struct rendering *r, const struct place_of_value *p, struct value *v)
{
	const struct loop *l = &r->loops[p->depth - 1];
	bool last = l->i + 1 == l->n;

	if (p->loop == LOOP_REST)
		set_number(v, last ? (int64_t)(l->all - l->n) : 0);
	else
		v->text = (p->loop == LOOP_FIRST ? l->i == 0 : last) ? "true" : "false";
}

static void look(const struct rendering *r, const struct place_of_value *p, struct value *v)
{
	*v = (struct value){.text = ""};
	if (p->field == NULL) {
		look_at_loop(r, p, v);
	} else if (p->field->kind == MESSAGE_INT) {
		set_number(v, *(const int64_t *)member(r, p));
	} else if (p->field->kind == MESSAGE_BOOL) {
		v->text = *(const bool *)member(r, p) ? "true" : "false";
	} else {
		v->text = *(const char *const *)member(r, p);
		v->text = v->text ? v->text : "";
		v->quoted = true;
	}
}

/* ---- text of others ---- */

/* The next character as it may be printed: what hides or moves text becomes \xNN. */
static size_t printable(const char *s, size_t left, char out[8])
{
	unsigned char c = (unsigned char)*s;
	size_t n = c < 0x20 || c == 0x7f ? 0 : str_utf8_len(s, left);

	if (n > 0) {
		memcpy(out, s, n);
		out[n] = '\0';
		return n;
	}
	snprintf(out, 8, "\\x%02x", c);
	return 1;
}

static size_t characters(const char *s, size_t n)
{
	size_t count = 0;

	for (; n > 0; s++, n--)
		count += ((unsigned char)*s & 0xc0) != 0x80;
	return count;
}

/*
 * Escaped, and at most `max` characters of that: neither a character nor what it became is cut, and a
 * cut shows.
 */
static void escape(struct str *out, const char *s, const struct template_filter *form, size_t max)
{
	size_t left = strlen(s), count = 0, fits = 0;
	char shown[8];

	while (left > 0) {
		size_t from = out->len, n = printable(s, left, shown), i;

		for (i = 0; shown[i] != '\0';) {
			size_t len = utf8_decode(shown + i, strlen(shown + i), NULL);

			if (form != NULL)
				form->escape(out, shown + i, len);
			else
				str_addn(out, shown + i, len);
			i += len;
		}
		count += characters(out->s + from, out->len - from);
		if (count < max)
			fits = out->len;
		if (count > max) {
			out->len = fits;
			str_add(out, ELLIPSIS);
			return;
		}
		s += n;
		left -= n;
	}
}

static void add_json(struct str *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			str_add(out, "\\");
		str_addn(out, s, 1);
	}
}

static size_t bound(const struct rendering *r, const struct node *node)
{
	size_t max = node->filters.max ? node->filters.max : TEMPLATE_CHARS_MAX;
	const struct message_field *f = node->value.field;

	if (f != NULL && f->kind == MESSAGE_LONG && r->cut->chars < max)
		return r->cut->chars;
	return max;
}

static void put_value(struct rendering *r, const struct node *node)
{
	struct str text = {0};
	struct value v;
	bool whole = node->filters.whole;

	look(r, &node->value, &v);
	escape(&text, v.text, node->filters.escape, bound(r, node));
	if (whole && text.len == 0)
		str_add(&r->out, "null");
	if (whole && text.len > 0 && v.quoted)
		str_add(&r->out, "\"");
	if (text.len > 0 && (whole || !r->t->is_text))
		add_json(&r->out, text.s);
	else if (text.len > 0)
		str_addn(&r->out, text.s, text.len);
	if (whole && text.len > 0 && v.quoted)
		str_add(&r->out, "\"");
	str_finish(&text);
}

/* ---- the program ---- */

static bool is_there(const struct value *v)
{
	if (v->quoted)
		return *v->text != '\0';
	return *v->text != '\0' && !str_eq(v->text, "0") && !str_eq(v->text, "false");
}

static bool holds(const struct rendering *r, const struct node *node)
{
	struct value v;
	bool yes;
	size_t i;

	look(r, &node->value, &v);
	yes = node->nwords == 0 && is_there(&v);
	for (i = 0; i < node->nwords; i++)
		yes |= str_eq(v.text, node->words[i]);
	return yes != node->negated;
}

static bool goes_on(const struct rendering *r)
{
	return r->out.len <= r->max && r->steps <= STEPS_MAX;
}

static void run(struct rendering *r, size_t from, size_t to);

static size_t rows_shown(const struct rendering *r, const struct node *node, size_t n)
{
	size_t most = node->most >> r->cut->shift;

	if (r->cut->no_rows)
		return 0;
	if (most == 0)
		most = 1;
	return n < most ? n : most;
}

static void put_rows(struct rendering *r, const struct node *node, size_t body)
{
	const struct message_rows *rows = member(r, &node->value);
	struct loop *l = &r->loops[r->nloops];
	size_t i, n = rows_shown(r, node, rows->n);

	r->nloops++;
	for (i = 0; i < n && goes_on(r); i++) {
		*l = (struct loop){.row = (const char *)rows->v + i * node->value.field->row_size,
			.i = i,
			.n = n,
			.all = rows->all};
		r->steps++;
		run(r, body, node->end);
	}
	r->nloops--;
}

/* What is too long already is not made longer. */
static void run(struct rendering *r, size_t from, size_t to)
{
	size_t i = from;

	while (i < to && goes_on(r)) {
		const struct node *node = &r->t->nodes[i++];

		r->steps++;
		if (node->kind == NODE_TEXT) {
			str_addn(&r->out, node->text, node->len);
		} else if (node->kind == NODE_VALUE) {
			put_value(r, node);
		} else if (node->kind == NODE_FOR) {
			put_rows(r, node, i);
			i = node->end;
		} else {
			if (holds(r, node))
				run(r, i, node->otherwise);
			else
				run(r, node->otherwise, node->end);
			i = node->end;
		}
	}
}

/* Without the blanks around it, which tags of their own lines leave. */
static void trim(struct str *s)
{
	size_t from = 0;

	while (s->len > 0 && isspace((unsigned char)s->s[s->len - 1]))
		s->len--;
	while (from < s->len && isspace((unsigned char)s->s[from]))
		from++;
	if (from > 0)
		memmove(s->s, s->s + from, s->len - from);
	s->len -= from;
	str_addn(s, "", 0);
}

static char *finished(struct rendering *r, size_t *len_out, struct err *err)
{
	struct json_t *doc = NULL;

	trim(&r->out);
	if (r->out.len > 0 && !r->t->is_text &&
		jin_load(r->out.s, r->out.len, "what it makes", &doc, err) != 0) {
		err_wrap(err, "template %s makes no JSON", r->t->name);
		str_finish(&r->out);
		return NULL;
	}
	jin_free(doc);
	*len_out = r->out.len;
	return r->out.s;
}

/* True when it fits. */
static bool render(struct rendering *r, const struct cut *cut)
{
	str_reset(&r->out);
	r->steps = 0;
	r->cut = cut;
	run(r, 0, r->t->n);
	return goes_on(r);
}

char *template_render(const struct template *t, const struct message *m, size_t max,
	size_t *len_out, struct err *err)
{
	struct rendering r = {.t = t, .m = m, .max = max};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cuts); i++)
		if (render(&r, &cuts[i]))
			return finished(&r, len_out, err);
	str_finish(&r.out);
	err_set(err, ERR_INPUT, 0, "what template %s makes does not fit into %zu bytes", t->name,
		max);
	err_hint(err, "give its loops and texts a smaller `max`, or raise the webhook's `limit`");
	return NULL;
}
