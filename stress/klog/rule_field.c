/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/rule_field.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/yamldoc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const type_names[] = {
	[FIELD_TEXT] = "text",
	[FIELD_HEX] = "hex",
	[FIELD_INT] = "int",
	[FIELD_HEXINT] = "hexint",
	[FIELD_HEXINTS] = "hexints",
	[FIELD_BITS] = "bits",
	[FIELD_NAMES] = "names",
	[FIELD_BOOL] = "bool",
	[FIELD_FLAG] = "flag",
	[FIELD_BDF] = "bdf",
	[FIELD_REPORTER] = "reporter",
	NULL,
};

static const char *const field_keys[] = {"type", "from", "mask", "null", "of", NULL};

/* ---- numbers and addresses in foreign text ---- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

bool span_number(struct span s, bool hex, uint64_t *out)
{
	uint64_t v = 0, base = hex ? 16 : 10;

	if (s.n > 2 && s.s[0] == '0' && (s.s[1] | 0x20) == 'x') {
		base = 16;
		s.s += 2;
		s.n -= 2;
	}
	if (s.n == 0 || s.s == NULL)
		return false;
	for (; s.n > 0; s.s++, s.n--) {
		uint64_t d = (uint64_t)digit(*s.s);

		if (d >= base || __builtin_mul_overflow(v, base, &v) ||
			__builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool span_bdf(struct span s, uint32_t domain, struct bdf *out)
{
	uint64_t part[4] = {0};
	size_t n = 0, at = 0, i;
	char last = '\0'; /* the separator before the last part */

	if (s.s == NULL)
		return false;
	for (i = 0; i <= s.n; i++) {
		if (i < s.n && s.s[i] != ':' && s.s[i] != '.')
			continue;
		if (n == 4 || !span_number((struct span){s.s + at, i - at}, true, &part[n]))
			return false;
		n++;
		at = i + 1;
		if (i < s.n)
			last = s.s[i];
	}
	if (n == 3 && last == '.') {
		memmove(&part[1], &part[0], 3 * sizeof(part[0]));
		part[0] = domain;
	} else if (n == 3) { /* no function: the whole device */
		part[3] = 0;
	} else if (n != 4) {
		return false;
	}
	if (part[0] > UINT32_MAX || part[1] > 255 || part[2] > 31 || part[3] > 7)
		return false;
	*out = (struct bdf){
		(uint32_t)part[0], (uint8_t)part[1], (uint8_t)part[2], (uint8_t)part[3]};
	return true;
}

/* ---- loading ---- */

int choices_parse(
	struct arena *arena, const struct ynode *node, struct diags *diags, struct choices *out)
{
	struct choice *list;
	size_t i;

	if (node->kind != YNODE_MAP)
		return diag_error(diags, node->pos, "'of' is %s, expected a mapping of texts",
			ynode_what(node));
	if (node->n > FIELD_CHOICES_MAX)
		return diag_error(diags, node->pos, "more than %d choices", FIELD_CHOICES_MAX);
	list = arena_alloc(arena, (node->n + 1) * sizeof(*list));
	for (i = 0; i < node->n; i++) {
		const char *key = node->keys[i]->text;

		if (node->items[i]->kind != YNODE_SCALAR)
			return diag_error(diags, node->items[i]->pos,
				"choice '%s' is %s, expected a text", key,
				ynode_what(node->items[i]));
		list[i] = (struct choice){.key = key, .value = node->items[i]->text};
		list[i].has_number =
			span_number((struct span){key, strlen(key)}, false, &list[i].number);
	}
	*out = (struct choices){list, node->n};
	return 0;
}

static int parse_type(const struct ynode *node, struct diags *diags, enum field_type *out)
{
	size_t i;
	const char *near;

	for (i = 0; node->kind == YNODE_SCALAR && type_names[i] != NULL; i++)
		if (strcmp(type_names[i], node->text) == 0) {
			*out = (enum field_type)i;
			return 0;
		}
	if (node->kind != YNODE_SCALAR)
		return diag_error(diags, node->pos, "the type of a field is %s, expected a word",
			ynode_what(node));
	diag_error(diags, node->pos, "unknown field type '%s'", node->text);
	near = nearest_word(node->text, type_names);
	if (near != NULL)
		diag_hint(diags, "did you mean '%s'?", near);
	return -1;
}

static int parse_mask(const struct ynode *node, struct diags *diags, uint64_t *out)
{
	if (node->kind == YNODE_SCALAR &&
		span_number((struct span){node->text, strlen(node->text)}, false, out) && *out != 0)
		return 0;
	return diag_error(diags, node->pos, "'mask' needs a number above 0, such as 0x20");
}

static int parse_details(
	struct arena *arena, const struct ynode *map, struct diags *diags, struct rule_field *f)
{
	const struct ynode *of = ynode_get(map, "of"), *type = ynode_get(map, "type");
	const struct ynode *mask = ynode_get(map, "mask"), *null = ynode_get(map, "null");
	const struct ynode *from = ynode_get(map, "from");
	size_t i;

	for (i = 0; i < map->n; i++)
		if (nearest_word(map->keys[i]->text, field_keys) == NULL ||
			strcmp(nearest_word(map->keys[i]->text, field_keys), map->keys[i]->text) !=
				0)
			return diag_error(diags, map->keys[i]->pos, "unknown key '%s' of a field",
				map->keys[i]->text);
	f->type = mask != NULL ? FIELD_BITS : FIELD_TEXT;
	if (type != NULL && parse_type(type, diags, &f->type) != 0)
		return -1;
	if (mask != NULL && parse_mask(mask, diags, &f->mask) != 0)
		return -1;
	if (from != NULL && from->kind == YNODE_SCALAR)
		f->from = from->text;
	if (null != NULL && null->kind == YNODE_SCALAR)
		f->null_text = null->text;
	if (of != NULL && choices_parse(arena, of, diags, &f->of) != 0)
		return -1;
	if ((f->type == FIELD_BITS && f->mask == 0) || (f->type == FIELD_NAMES && of == NULL))
		return diag_error(diags, map->pos, "type '%s' needs '%s'", type_names[f->type],
			f->type == FIELD_BITS ? "mask" : "of");
	return 0;
}

int rule_fields_parse(struct arena *arena, const struct ynode *node, struct diags *diags,
	const struct rule_field **out)
{
	struct rule_field *list;
	size_t i;

	if (node->kind != YNODE_MAP)
		return diag_error(diags, node->pos, "this is %s, expected a mapping of fields",
			ynode_what(node));
	if (node->n > RULE_FIELDS_MAX)
		return diag_error(diags, node->pos, "more than %d fields", RULE_FIELDS_MAX);
	list = arena_alloc(arena, (node->n + 1) * sizeof(*list));
	for (i = 0; i < node->n; i++) {
		list[i].name = list[i].from = node->keys[i]->text;
		list[i].pos = node->keys[i]->pos;
		if (strlen(list[i].name) >= sizeof(((struct incident_field *)0)->name))
			return diag_error(
				diags, node->keys[i]->pos, "the name of this field is too long");
		if (node->items[i]->kind == YNODE_MAP
				? parse_details(arena, node->items[i], diags, &list[i])
				: parse_type(node->items[i], diags, &list[i].type))
			return -1;
	}
	*out = list;
	return (int)node->n;
}

/* ---- evaluating ---- */

const char *choices_find(const struct choices *c, struct span text)
{
	uint64_t number = 0;
	bool has_number = span_number(text, false, &number);
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct choice *it = &c->list[i];

		if (strncmp(it->key, text.s, text.n) == 0 && it->key[text.n] == '\0')
			return it->value;
		if (has_number && it->has_number && it->number == number)
			return it->value;
	}
	return NULL;
}

const char *rule_field_choice(const struct rule *rule, const char *field, const char *text)
{
	size_t i;

	for (i = 0; rule != NULL && i < rule->ndecode; i++)
		if (strcmp(rule->decode[i].name, field) == 0)
			return choices_find(&rule->decode[i].of, (struct span){text, strlen(text)});
	return NULL;
}

static void set_text(struct incident_field *out, const char *s, size_t n)
{
	size_t max = sizeof(out->text) - 1;

	out->kind = VALUE_STRING;
	if (n > max) {
		memcpy(out->text, s, max - 3);
		memcpy(out->text + max - 3, "...", 4);
		return;
	}
	memcpy(out->text, s, n);
	out->text[n] = '\0';
}

static bool set_bool(struct incident_field *out, bool truth)
{
	out->kind = VALUE_BOOL;
	str_set(out->text, truth ? "true" : "false");
	return true;
}

static bool set_number(struct incident_field *out, uint64_t v)
{
	out->kind = VALUE_INT;
	snprintf(out->text, sizeof(out->text), "%" PRIu64, v);
	return true;
}

static bool set_bdf(struct incident_field *out, struct bdf bdf)
{
	out->kind = VALUE_STRING;
	bdf_text(bdf, out->text);
	return true;
}

static bool eval_text(const struct rule_field *f, struct span g, struct incident_field *out)
{
	const char *value = choices_find(&f->of, g);

	while (g.n > 0 && (g.s[g.n - 1] == ' ' || g.s[g.n - 1] == '\t'))
		g.n--;
	if (value != NULL)
		set_text(out, value, strlen(value));
	else
		set_text(out, g.s, g.n);
	return true;
}

static bool eval_hex(struct span g, struct incident_field *out)
{
	char buf[40] = "0x";
	size_t n = 2;

	if (g.n > 2 && g.s[0] == '0' && (g.s[1] | 0x20) == 'x') {
		g.s += 2;
		g.n -= 2;
	}
	for (; g.n > 0 && n + 1 < sizeof(buf); g.s++, g.n--)
		buf[n++] = *g.s >= 'A' && *g.s <= 'F' ? (char)(*g.s | 0x20) : *g.s;
	set_text(out, buf, n);
	return true;
}

static bool eval_int(struct span g, bool hex, struct incident_field *out)
{
	uint64_t v;
	bool minus = g.n > 1 && g.s[0] == '-';

	if (minus) {
		g.s++;
		g.n--;
	}
	if (!span_number(g, hex, &v))
		return false;
	set_number(out, v);
	if (minus)
		snprintf(out->text, sizeof(out->text), "-%" PRIu64, v);
	return true;
}

/* "40000001 0000000f" as numbers; what does not fit is left out */
static bool eval_hexints(struct span g, struct incident_field *out)
{
	size_t used = 0;

	out->kind = VALUE_INTS;
	out->text[0] = '\0';
	while (g.n > 0) {
		struct span word = {g.s, 0};
		uint64_t v;

		while (word.n < g.n && word.s[word.n] != ' ')
			word.n++;
		if (span_number(word, true, &v) && used + 24 < sizeof(out->text))
			used += (size_t)snprintf(out->text + used, sizeof(out->text) - used,
				"%s%" PRIu64, used ? "\n" : "", v);
		g.s += word.n + (word.n < g.n);
		g.n -= word.n + (word.n < g.n);
	}
	return used > 0;
}

static bool eval_bits(const struct rule_field *f, struct span g, struct incident_field *out)
{
	const char *value;
	char text[24];
	uint64_t v;
	int n;

	if (!span_number(g, true, &v))
		return false;
	v = (v & f->mask) >> __builtin_ctzll(f->mask);
	if (f->of.n == 0)
		return __builtin_popcountll(f->mask) == 1 ? set_bool(out, v != 0)
							  : set_number(out, v);
	n = snprintf(text, sizeof(text), "%" PRIu64, v);
	value = choices_find(&f->of, (struct span){text, (size_t)n});
	if (value == NULL)
		return false;
	set_text(out, value, strlen(value));
	return true;
}

static bool eval_names(const struct rule_field *f, struct span g, struct incident_field *out)
{
	size_t i, used = 0;
	uint64_t v;

	if (!span_number(g, true, &v))
		return false;
	out->kind = VALUE_STRINGS;
	out->text[0] = '\0';
	for (i = 0; i < f->of.n; i++)
		if (f->of.list[i].has_number && (v & f->of.list[i].number) != 0 &&
			used + strlen(f->of.list[i].value) + 2 < sizeof(out->text))
			used += (size_t)snprintf(out->text + used, sizeof(out->text) - used, "%s%s",
				used ? "\n" : "", f->of.list[i].value);
	return used > 0;
}

static bool eval_bdf(struct span g, const struct klog_match *m, struct incident_field *out)
{
	struct bdf bdf;

	return span_bdf(g, m->has_prefix ? m->prefix.domain : 0, &bdf) && set_bdf(out, bdf);
}

bool rule_field_eval(
	const struct rule_field *f, const struct klog_match *m, struct incident_field *out)
{
	struct span g = match_group(m, f->from);

	str_set(out->name, f->name);
	if (f->type == FIELD_BOOL)
		return set_bool(out, g.s != NULL);
	if (f->type == FIELD_FLAG)
		return g.s != NULL && set_bool(out, true);
	if (f->type == FIELD_REPORTER)
		return m->has_prefix && set_bdf(out, m->prefix);
	if (f->null_text != NULL &&
		(g.s == NULL ||
			(strlen(f->null_text) == g.n && strncmp(g.s, f->null_text, g.n) == 0))) {
		out->kind = VALUE_NULL;
		out->text[0] = '\0';
		return true;
	}
	if (g.s == NULL)
		return false;
	switch (f->type) {
	case FIELD_HEX:
		return eval_hex(g, out);
	case FIELD_INT:
	case FIELD_HEXINT:
		return eval_int(g, f->type == FIELD_HEXINT, out);
	case FIELD_HEXINTS:
		return eval_hexints(g, out);
	case FIELD_BITS:
		return eval_bits(f, g, out);
	case FIELD_NAMES:
		return eval_names(f, g, out);
	case FIELD_BDF:
		return eval_bdf(g, m, out);
	default:
		return eval_text(f, g, out);
	}
}
