/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template.h"

#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "reporters/message.h"
#include "reporters/template_filters.h"
#include "reporters/template_parts.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define TOKENS_MAX  32 /* of one tag */
#define NAMES_MAX   256
#define FILTERS_MAX 16

/* A word of a tag, where it stands. */
struct token {
	const char *s;
	size_t n;
};

struct compiler {
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	struct template *t;
	VEC(struct node) nodes;
	const char *at; /* what is not read yet */
	bool any_tag; /* one was read */
	bool failed;
	struct token tokens[TOKENS_MAX]; /* of the tag that was read last */
	size_t ntokens, next;
	struct token tag; /* all of it */
	const struct message_field *loops[TEMPLATE_DEPTH_MAX];
	size_t nloops, depth;
};

/* ---- what is wrong ---- */

static struct srcpos pos_of(const struct compiler *c, struct token at)
{
	struct srcpos pos = {.src = c->src, .line = 1, .col = 1, .len = 1};
	const char *s = c->src->text;

	while (s < at.s) {
		size_t n = utf8_decode(s, (size_t)(at.s - s), NULL);

		pos.col = *s == '\n' ? 1 : pos.col + 1;
		pos.line += *s == '\n';
		s += n ? n : 1;
	}
	if (at.n > 0)
		pos.len = (unsigned)at.n;
	return pos;
}

static void wrong(struct compiler *c, struct token at, const char *fmt, ...) printf_like(3, 4);

static void wrong(struct compiler *c, struct token at, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diag_error(c->diags, pos_of(c, at), "%s", text);
	c->failed = true;
}

static void suggest(struct compiler *c, struct token word, const char *const *names)
{
	char text[64];
	const char *near;

	snprintf(text, sizeof(text), "%.*s", (int)(word.n < 60 ? word.n : 60), word.s);
	near = nearest_word(text, names);
	if (near != NULL)
		diag_hint(c->diags, "did you mean '%s'?", near);
	else
		diag_hint(c->diags, "`vfio-stress list templates` shows what there is");
}

/* ---- words ---- */

static bool token_is(struct token t, const char *word)
{
	return t.n == strlen(word) && memcmp(t.s, word, t.n) == 0;
}

/* The next one of the tag; empty, and behind the last one, when there is none. */
static struct token peek(const struct compiler *c)
{
	if (c->next < c->ntokens)
		return c->tokens[c->next];
	return (struct token){c->tag.s + c->tag.n, 0};
}

static struct token take(struct compiler *c)
{
	struct token t = peek(c);

	c->next += c->next < c->ntokens;
	return t;
}

static bool take_word(struct compiler *c, const char *word)
{
	bool is = token_is(peek(c), word);

	c->next += is;
	return is;
}

static void expect_end_of_tag(struct compiler *c)
{
	struct token t = peek(c);

	if (t.n > 0)
		wrong(c, t, "'%.*s' was not expected here", (int)t.n, t.s);
	c->next = c->ntokens;
}

static bool number(struct token t, size_t least, size_t most, size_t *out)
{
	int64_t n;
	char text[16];

	if (t.n == 0 || t.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)t.n, t.s);
	if (!str_to_i64(text, 10, (int64_t)least, (int64_t)most, &n))
		return false;
	*out = (size_t)n;
	return true;
}

/* Cuts the tag into words; a bar is one of its own. */
static void split_tag(struct compiler *c)
{
	const char *s = c->tag.s, *end = s + c->tag.n;

	c->ntokens = c->next = 0;
	while (s < end) {
		const char *begin = s;

		if (isspace((unsigned char)*s)) {
			s++;
			continue;
		}
		if (*s == '|')
			s++;
		else
			while (s < end && *s != '|' && !isspace((unsigned char)*s))
				s++;
		if (c->ntokens == TOKENS_MAX && *c->tokens[0].s != '#')
			wrong(c, c->tag, "more than %d words between braces", TOKENS_MAX);
		if (c->ntokens == TOKENS_MAX)
			return;
		c->tokens[c->ntokens++] = (struct token){begin, (size_t)(s - begin)};
	}
}

/* ---- names ---- */

static const struct message_field *field_named(
	const struct message_field *fields, const char *s, size_t n)
{
	for (; fields->name != NULL; fields++)
		if (strlen(fields->name) == n && memcmp(fields->name, s, n) == 0)
			return fields;
	return NULL;
}

/* "incident.id" in a loop over incidents; "note" in one over notes. */
static const struct message_field *field_of_row(const struct message_field *list, struct token t)
{
	size_t n = strlen(list->row);

	if (t.n < n || memcmp(t.s, list->row, n) != 0)
		return NULL;
	if (t.n == n)
		return field_named(list->fields, "", 0);
	return t.s[n] == '.' ? field_named(list->fields, t.s + n + 1, t.n - n - 1) : NULL;
}

static bool find_value(const struct compiler *c, struct token t, struct place_of_value *out)
{
	static const char *const own[] = {
		[LOOP_FIRST] = "first", [LOOP_LAST] = "last", [LOOP_REST] = "rest"};
	size_t i;

	*out = (struct place_of_value){0};
	for (i = LOOP_FIRST; c->nloops > 0 && i < ARRAY_SIZE(own); i++)
		if (token_is(t, own[i])) {
			*out = (struct place_of_value){
				.loop = (enum loop_value)i, .depth = c->nloops};
			return true;
		}
	for (i = c->nloops; i > 0; i--) {
		out->field = field_of_row(c->loops[i - 1], t);
		out->depth = i;
		if (out->field != NULL)
			return true;
	}
	out->field = field_named(message_fields, t.s, t.n);
	out->depth = 0;
	return out->field != NULL;
}

struct names {
	const char *v[NAMES_MAX + 1];
	size_t n;
};

static void add_names(struct compiler *c, struct names *names, const struct message_field *fields,
	const char *row)
{
	for (; fields->name != NULL && names->n < NAMES_MAX; fields++)
		names->v[names->n++] = row == NULL ? fields->name
			: *fields->name == '\0'
			? row
			: arena_printf(c->arena, "%s.%s", row, fields->name);
}

static void unknown_name(struct compiler *c, struct token t)
{
	struct names names = {0};
	size_t i;

	if (t.n == 0) {
		wrong(c, c->tag, "a name is missing");
		diag_hint(c->diags, "write {{verdict}}, or {{# ... }} for a comment");
		return;
	}
	for (i = 0; i < c->nloops; i++)
		add_names(c, &names, c->loops[i]->fields, c->loops[i]->row);
	add_names(c, &names, message_fields, NULL);
	wrong(c, t, "there is no '%.*s' here", (int)(t.n < 60 ? t.n : 60), t.s);
	suggest(c, t, names.v);
}

/* A value that is no list, or a list: the other one is wrong. */
static bool take_value(struct compiler *c, bool list, struct place_of_value *out)
{
	struct token t = take(c);
	bool is_list;

	if (!find_value(c, t, out)) {
		unknown_name(c, t);
		return false;
	}
	is_list = out->field != NULL && out->field->kind == MESSAGE_LIST;
	if (is_list == list)
		return true;
	wrong(c, t, "'%.*s' is %s list", (int)t.n, t.s, is_list ? "a" : "no");
	diag_hint(c->diags, is_list ? "write {{for %.*s}} ... {{end}}" : "%.*s is one value",
		(int)t.n, t.s);
	return false;
}

/* ---- tags ---- */

static struct node *add_node(struct compiler *c, enum node_kind kind)
{
	struct node *node;

	if (c->nodes.n == TEMPLATE_NODES_MAX && !c->failed)
		wrong(c, c->tag, "the template has more than %d parts", TEMPLATE_NODES_MAX);
	if (c->nodes.n >= TEMPLATE_NODES_MAX)
		c->nodes.n--; /* it will not be used */
	node = vec_push(&c->nodes);
	node->kind = kind;
	return node;
}

static const struct template_filter *find_filter(struct token t)
{
	const struct template_filter *f;

	for (f = template_filters; f->name != NULL; f++)
		if (token_is(t, f->name))
			return f;
	return NULL;
}

static void unknown_filter(struct compiler *c, struct token t)
{
	const char *names[FILTERS_MAX + 1] = {0};
	size_t i;

	for (i = 0; template_filters[i].name != NULL && i < FILTERS_MAX; i++)
		names[i] = template_filters[i].name;
	wrong(c, t, "'%.*s' is no filter", (int)t.n, t.s);
	suggest(c, t, names);
}

static void read_max(struct compiler *c, struct filters *f)
{
	struct token n = take(c);

	if (number(n, 1, TEMPLATE_CHARS_MAX, &f->max))
		return;
	wrong(c, n, "'max' needs a number of characters, 1 to %d", TEMPLATE_CHARS_MAX);
	diag_hint(c->diags, "write {{why | max 300}}");
}

static void read_filter(struct compiler *c, struct filters *f)
{
	struct token t = take(c);
	const struct template_filter *filter = find_filter(t);

	if (filter == NULL)
		unknown_filter(c, t);
	else if (filter->number)
		read_max(c, f);
	else if (filter->escape == NULL)
		f->whole = true;
	else if (f->escape != NULL)
		wrong(c, t, "one way of escaping is enough");
	else
		f->escape = filter;
}

static void read_value(struct compiler *c)
{
	struct node node = {.kind = NODE_VALUE};

	if (take_value(c, false, &node.value)) {
		while (take_word(c, "|"))
			read_filter(c, &node.filters);
		expect_end_of_tag(c);
	}
	*add_node(c, NODE_VALUE) = node;
}

static bool is_among(const char *const *words, struct token t)
{
	for (; *words != NULL; words++)
		if (token_is(t, *words))
			return true;
	return false;
}

/* "is fail or broken": a word that it never is would never be noticed. */
static void read_words(struct compiler *c, struct node *node)
{
	const struct message_field *f = node->value.field;

	do {
		struct token t = take(c);

		if (t.n == 0)
			wrong(c, t, "'is' needs a word");
		else if (f == NULL || f->kind == MESSAGE_BOOL)
			wrong(c, t, "this is only there or not: no 'is'");
		else if (f->words != NULL && !is_among(f->words, t)) {
			wrong(c, t, "'%s' is never '%.*s'", f->name, (int)t.n, t.s);
			suggest(c, t, f->words);
		} else if (node->nwords == TEMPLATE_WORDS_MAX)
			wrong(c, t, "more than %d words", TEMPLATE_WORDS_MAX);
		else
			node->words[node->nwords++] = arena_strndup(c->arena, t.s, t.n);
	} while (take_word(c, "or"));
}

static void read_block(struct compiler *c);
static bool read_tag(struct compiler *c);

static bool goes_deeper(struct compiler *c)
{
	if (++c->depth <= TEMPLATE_DEPTH_MAX)
		return true;
	wrong(c, c->tag, "more than %d of 'if' and 'for' in each other", TEMPLATE_DEPTH_MAX);
	c->at = c->src->text + c->src->len;
	return false;
}

static void expect_end(struct compiler *c, struct token opened)
{
	if (token_is(peek(c), "end")) {
		c->next++;
		expect_end_of_tag(c);
	} else if (!c->failed) {
		wrong(c, opened, "this has no {{end}}");
	}
}

/* Behind `if`, up to its `end`; `else if` is an `if` in the `else`. */
static void read_if(struct compiler *c)
{
	struct token opened = c->tag;
	struct node node = {.kind = NODE_IF, .negated = take_word(c, "not")};
	size_t i;

	if (take_value(c, false, &node.value)) {
		if (take_word(c, "is"))
			read_words(c, &node);
		expect_end_of_tag(c);
	}
	*add_node(c, NODE_IF) = node;
	i = c->nodes.n - 1;
	if (!goes_deeper(c))
		return;
	read_block(c);
	node.otherwise = c->nodes.n;
	if (take_word(c, "else")) {
		if (take_word(c, "if")) {
			read_if(c);
			c->depth--;
			c->nodes.v[i].otherwise = node.otherwise;
			c->nodes.v[i].end = c->nodes.n;
			return;
		}
		expect_end_of_tag(c);
		read_block(c);
	}
	expect_end(c, opened);
	c->depth--;
	c->nodes.v[i].otherwise = node.otherwise;
	c->nodes.v[i].end = c->nodes.n;
}

static void read_for(struct compiler *c)
{
	struct node node = {.kind = NODE_FOR, .most = TEMPLATE_ROWS};
	struct token opened = c->tag;
	bool good = take_value(c, true, &node.value);
	size_t i;

	if (good && take_word(c, "max")) {
		struct token n = take(c);

		if (!number(n, 1, TEMPLATE_ROWS_MAX, &node.most))
			wrong(c, n, "'max' needs a number of rows, 1 to %d", TEMPLATE_ROWS_MAX);
	}
	if (good)
		expect_end_of_tag(c);
	*add_node(c, NODE_FOR) = node;
	i = c->nodes.n - 1;
	if (!goes_deeper(c))
		return;
	if (good)
		c->loops[c->nloops++] = node.value.field;
	read_block(c);
	expect_end(c, opened);
	c->nloops -= good;
	c->depth--;
	c->nodes.v[i].end = c->nodes.n;
}

static void read_form(struct compiler *c, bool first)
{
	struct token t = take(c);

	if (!first)
		wrong(c, c->tag, "'form' must come first");
	else if (token_is(t, "text"))
		c->t->is_text = true;
	else if (!token_is(t, "json"))
		wrong(c, t, "the form is json or text");
	expect_end_of_tag(c);
}

static bool writes_nothing(struct token tag)
{
	static const char *const words[] = {"if", "else", "end", "for", "form", NULL};
	size_t from = 0, n;

	while (from < tag.n && isspace((unsigned char)tag.s[from]))
		from++;
	for (n = from; n < tag.n && !isspace((unsigned char)tag.s[n]); n++)
		;
	return (from < tag.n && tag.s[from] == '#') ||
		is_among(words, (struct token){tag.s + from, n - from});
}

static bool is_indent(char ch)
{
	return ch == ' ' || ch == '\t';
}

/* A tag that writes nothing and has a line of its own takes that line away. */
static void take_line(struct compiler *c, const char **text_end)
{
	const char *begin = *text_end, *end = c->src->text + c->src->len, *behind = c->at;

	while (begin > c->src->text && is_indent(begin[-1]))
		begin--;
	while (behind < end && is_indent(*behind))
		behind++;
	if ((begin > c->src->text && begin[-1] != '\n') || (behind < end && *behind != '\n'))
		return;
	*text_end = begin;
	c->at = behind < end ? behind + 1 : end;
}

static void add_text(struct compiler *c, const char *from, const char *to)
{
	struct node *node;

	if (to <= from)
		return;
	node = add_node(c, NODE_TEXT);
	node->text = from;
	node->len = (size_t)(to - from);
}

/* The text up to the next tag, and that; false at the end of all. */
static bool next_tag(struct compiler *c)
{
	const char *end = c->src->text + c->src->len, *from = c->at, *open, *close;

	open = memmem(from, (size_t)(end - from), "{{", 2);
	c->at = end;
	c->tag = (struct token){end, 0};
	c->ntokens = c->next = 0;
	if (open == NULL) {
		add_text(c, from, end);
		return false;
	}
	close = memmem(open + 2, (size_t)(end - open - 2), "}}", 2);
	if (close == NULL) {
		wrong(c, (struct token){open, 2}, "these braces are not closed");
		return false;
	}
	c->tag = (struct token){open + 2, (size_t)(close - open - 2)};
	c->at = close + 2;
	if (writes_nothing(c->tag))
		take_line(c, &open);
	add_text(c, from, open);
	return true;
}

/* False at what ends a block: `else`, `end`, the end of the template. */
static bool read_tag(struct compiler *c)
{
	bool first = !c->any_tag;

	if (!next_tag(c))
		return false;
	split_tag(c);
	if (peek(c).n > 0 && *peek(c).s == '#')
		return true;
	c->any_tag = true;
	if (token_is(peek(c), "else") || token_is(peek(c), "end"))
		return false;
	if (take_word(c, "if"))
		read_if(c);
	else if (take_word(c, "for"))
		read_for(c);
	else if (take_word(c, "form"))
		read_form(c, first);
	else
		read_value(c);
	return true;
}

static void read_block(struct compiler *c)
{
	while (read_tag(c))
		;
}

static const char *first_bad_byte(const struct source *src)
{
	size_t i = 0;

	while (i < src->len) {
		size_t n =
			src->text[i] == '\0' ? 0 : utf8_decode(src->text + i, src->len - i, NULL);

		if (n == 0)
			return src->text + i;
		i += n;
	}
	return NULL;
}

static void compile(struct compiler *c)
{
	const char *bad = first_bad_byte(c->src);

	if (bad != NULL) {
		wrong(c, (struct token){bad, 1}, "the template is not UTF-8");
		return;
	}
	read_block(c);
	if (peek(c).n > 0)
		wrong(c, c->tag, "'%.*s' closes nothing", (int)peek(c).n, peek(c).s);
}

struct template *template_compile(
	struct arena *arena, const struct source *src, struct diags *diags)
{
	struct template *t = arena_alloc(arena, sizeof(*t));
	struct compiler c = {.arena = arena, .src = src, .diags = diags, .t = t, .at = src->text};

	compile(&c);
	t->name = src->name;
	t->n = c.nodes.n;
	t->nodes = arena_alloc(arena, (t->n + 1) * sizeof(*t->nodes));
	if (t->n > 0)
		memcpy(t->nodes, c.nodes.v, t->n * sizeof(*t->nodes));
	vec_finish(&c.nodes);
	return c.failed ? NULL : t;
}

bool template_is_text(const struct template *t)
{
	return t->is_text;
}
