/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/rules.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/catalogue.h"
#include "klog/logline.h"
#include "klog/rule_field.h"
#include "world/yamldoc.h"

#include <stdlib.h>
#include <string.h>

#define RULE_FILE_MAX (1u << 20) /* bytes of a user's file */
#define RULES_MAX     2000

struct rules {
	struct arena arena;
	VEC(struct rule) list;
};

/* A word in YAML and the bit or number it stands for. */
struct word {
	const char *word;
	unsigned value;
};

static const struct word severities[] = {{"info", SEV_INFO}, {"warning", SEV_WARNING},
	{"error", SEV_ERROR}, {"fatal", SEV_FATAL}, {NULL, 0}};
static const struct word roles[] = {
	{"primary", ROLE_PRIMARY}, {"context", ROLE_CONTEXT}, {"info", ROLE_INFO}, {NULL, 0}};
static const struct word prefixes[] = {{"none", PREFIX_NONE}, {"device", PREFIX_DEVICE},
	{"iommu", PREFIX_IOMMU}, {"any", PREFIX_NONE | PREFIX_DEVICE | PREFIX_IOMMU}, {NULL, 0}};
static const struct word culprits[] = {{"device", 0}, {"below", 1}, {NULL, 0}};
static const struct word sources[] = {
	{"kernel", SOURCE_KERNEL}, {"qemu", SOURCE_QEMU}, {"any", SOURCE_ANY}, {NULL, 0}};

/* What loading one file needs at hand. */
struct loader {
	struct rules *rules;
	struct diags *diags;
	bool user;
};

const char *rule_role_name(enum rule_role role)
{
	return roles[role].word;
}

/* ---- words ---- */

static int unknown_word(
	struct loader *l, const struct ynode *node, const struct word *words, const char *what)
{
	const char *list[8], *near;
	size_t i;

	for (i = 0; words[i].word != NULL; i++)
		list[i] = words[i].word;
	list[i] = NULL;
	if (node->kind != YNODE_SCALAR)
		return diag_error(
			l->diags, node->pos, "'%s' is %s, expected a word", what, ynode_what(node));
	diag_error(l->diags, node->pos, "unknown %s '%s'", what, node->text);
	near = nearest_word(node->text, list);
	if (near != NULL)
		diag_hint(l->diags, "did you mean '%s'?", near);
	return -1;
}

static int parse_word(struct loader *l, const struct ynode *node, const struct word *words,
	const char *what, unsigned *out)
{
	size_t i;

	for (i = 0; node->kind == YNODE_SCALAR && words[i].word != NULL; i++)
		if (strcmp(words[i].word, node->text) == 0) {
			*out = words[i].value;
			return 0;
		}
	return unknown_word(l, node, words, what);
}

/* A word or a list of words that are bits. */
static int parse_bits(struct loader *l, const struct ynode *node, const struct word *words,
	const char *what, unsigned *out)
{
	unsigned all = 0, one;
	size_t i;

	if (node->kind != YNODE_LIST)
		return parse_word(l, node, words, what, out);
	for (i = 0; i < node->n; i++) {
		if (parse_word(l, node->items[i], words, what, &one) != 0)
			return -1;
		all |= one;
	}
	*out = all;
	return 0;
}

/* ---- the keys of a rule, one function each ---- */

static int set_id(struct loader *l, struct rule *r, const struct ynode *node)
{
	const char *s = node->text;

	if (node->kind != YNODE_SCALAR || strchr(s, '.') == NULL || strlen(s) > RULE_ID_MAX ||
		strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(s)) {
		diag_error(l->diags, node->pos, "an id is family.name in small letters, at most %d",
			RULE_ID_MAX);
		diag_hint(l->diags, "for example 'site.riser-sensor'");
		return -1;
	}
	r->id = s;
	return 0;
}

static int set_severity(struct loader *l, struct rule *r, const struct ynode *node)
{
	const struct ynode *from, *of, *otherwise;
	struct rule_severity *by_text;
	unsigned v;
	size_t i;

	if (node->kind != YNODE_MAP) {
		if (parse_word(l, node, severities, "severity", &v) != 0)
			return -1;
		r->severity = (enum severity)v;
		return 0;
	}
	from = ynode_get(node, "from");
	of = ynode_get(node, "of");
	otherwise = ynode_get(node, "default");
	if (from == NULL || from->kind != YNODE_SCALAR || of == NULL || otherwise == NULL)
		return diag_error(l->diags, node->pos,
			"a severity from the text needs 'from', 'of' and 'default'");
	by_text = arena_alloc(&l->rules->arena, sizeof(*by_text));
	by_text->from = from->text;
	if (parse_word(l, otherwise, severities, "severity", &v) != 0 ||
		choices_parse(&l->rules->arena, of, l->diags, &by_text->of) != 0)
		return -1;
	r->severity = (enum severity)v;
	for (i = 0; i < of->n; i++)
		if (parse_word(l, of->items[i], severities, "severity", &v) != 0)
			return -1;
	r->by_text = by_text;
	return 0;
}

static int set_role(struct loader *l, struct rule *r, const struct ynode *node)
{
	unsigned v;

	if (parse_word(l, node, roles, "role", &v) != 0)
		return -1;
	r->role = (enum rule_role)v;
	return 0;
}

static int set_prefix(struct loader *l, struct rule *r, const struct ynode *node)
{
	return parse_bits(l, node, prefixes, "prefix", &r->prefix);
}

static int set_source(struct loader *l, struct rule *r, const struct ynode *node)
{
	return parse_bits(l, node, sources, "source", &r->source);
}

static int set_culprit(struct loader *l, struct rule *r, const struct ynode *node)
{
	unsigned v;

	if (parse_word(l, node, culprits, "culprit", &v) != 0)
		return -1;
	r->means_below = v != 0;
	return 0;
}

static int add_pattern(struct loader *l, struct rule *r, const struct ynode *node)
{
	struct err err = {0};
	size_t at = 0, certain;

	if (node->kind != YNODE_SCALAR || node->text[0] == '\0')
		return diag_error(l->diags, node->pos,
			"a pattern is %s, expected a regular expression", ynode_what(node));
	if (r->npatterns == RULE_PATTERNS_MAX)
		return diag_error(l->diags, node->pos, "more than %d patterns", RULE_PATTERNS_MAX);
	if (pattern_compile(node->text, &r->patterns[r->npatterns], &at, &err) != 0) {
		diag_error(l->diags, node->pos, "the pattern does not compile: %s", err.msg);
		diag_hint(l->diags, "at character %zu: '%.30s'", at + 1, node->text + at);
		return -1;
	}
	pattern_needles(r->patterns[r->npatterns], &certain);
	if (l->user && certain == 0) {
		diag_warning(l->diags, node->pos,
			"nothing is certain in this pattern, so it is tried on every line");
		diag_hint(l->diags, "give it some fixed words");
	}
	r->npatterns++;
	return 0;
}

static int set_pattern(struct loader *l, struct rule *r, const struct ynode *node)
{
	size_t i;

	if (node->kind != YNODE_LIST)
		return add_pattern(l, r, node);
	for (i = 0; i < node->n; i++)
		if (add_pattern(l, r, node->items[i]) != 0)
			return -1;
	return 0;
}

static int set_fields(struct loader *l, struct rule *r, const struct ynode *node)
{
	int n = rule_fields_parse(&l->rules->arena, node, l->diags, &r->fields);

	if (n < 0)
		return -1;
	r->nfields = (size_t)n;
	return 0;
}

static int set_decode(struct loader *l, struct rule *r, const struct ynode *node)
{
	int n = rule_fields_parse(&l->rules->arena, node, l->diags, &r->decode);

	if (n < 0)
		return -1;
	r->ndecode = (size_t)n;
	return 0;
}

static int text_of(struct loader *l, const struct ynode *node, const char **out)
{
	if (node->kind != YNODE_SCALAR || node->text[0] == '\0')
		return diag_error(
			l->diags, node->pos, "this is %s, expected a text", ynode_what(node));
	*out = node->text;
	return 0;
}

static int set_meaning(struct loader *l, struct rule *r, const struct ynode *node)
{
	return text_of(l, node, &r->meaning);
}

static int set_advice(struct loader *l, struct rule *r, const struct ynode *node)
{
	return text_of(l, node, &r->advice);
}

static int set_samples(struct loader *l, struct rule *r, const struct ynode *node)
{
	const char **list;
	struct srcpos *pos;
	size_t i;

	if (node->kind != YNODE_LIST)
		return diag_error(l->diags, node->pos, "'samples' is %s, expected a list of lines",
			ynode_what(node));
	list = arena_alloc(&l->rules->arena, (node->n + 1) * sizeof(*list));
	pos = arena_alloc(&l->rules->arena, (node->n + 1) * sizeof(*pos));
	for (i = 0; i < node->n; i++) {
		if (text_of(l, node->items[i], &list[i]) != 0)
			return -1;
		pos[i] = node->items[i]->pos;
	}
	r->samples = list;
	r->sample_pos = pos;
	r->nsamples = node->n;
	return 0;
}

static const struct {
	const char *key;
	int (*set)(struct loader *l, struct rule *r, const struct ynode *node);
} keys[] = {
	{"id", set_id},
	{"severity", set_severity},
	{"role", set_role},
	{"prefix", set_prefix},
	{"source", set_source},
	{"culprit", set_culprit},
	{"pattern", set_pattern},
	{"fields", set_fields},
	{"decode", set_decode},
	{"meaning", set_meaning},
	{"advice", set_advice},
	{"samples", set_samples},
};

static int set_key(
	struct loader *l, struct rule *r, const struct ynode *key, const struct ynode *value)
{
	const char *words[ARRAY_SIZE(keys) + 1] = {NULL}, *near;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].key, key->text) == 0)
			return keys[i].set(l, r, value);
		words[i] = keys[i].key;
	}
	diag_error(l->diags, key->pos, "unknown key '%s' of a rule", key->text);
	near = nearest_word(key->text, words);
	if (near != NULL)
		diag_hint(l->diags, "did you mean '%s'?", near);
	return -1;
}

/* ---- a rule as a whole ---- */

static bool rule_has_group(const struct rule *r, const char *name)
{
	size_t i;
	int g;

	for (i = 0; i < r->npatterns; i++)
		for (g = 1; g < PATTERN_GROUPS_MAX; g++)
			if (str_eq(pattern_group_name(r->patterns[i], g), name))
				return true;
	return false;
}

static int check_groups(
	struct loader *l, const struct rule *r, const struct rule_field *f, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (f[i].type != FIELD_REPORTER && !rule_has_group(r, f[i].from)) {
			diag_error(l->diags, f[i].pos,
				"field '%s' of %s takes group '%s', which no "
				"pattern has",
				f[i].name, r->id, f[i].from);
			diag_hint(l->diags, "name a group of the pattern: (?<%s>...)", f[i].from);
			return -1;
		}
	return 0;
}

/* A user's rule without a pattern changes the severity of one that exists. */
static int override(struct loader *l, const struct rule *r, const struct ynode *map)
{
	const struct rule *found = rules_find(l->rules, r->id);
	struct rule *old;

	if (found == NULL) {
		diag_error(l->diags, map->pos, "rule '%s' has no pattern", r->id);
		diag_hint(l->diags,
			"without a pattern only the severity of a rule that exists can "
			"be changed (`vfio-stress list faults`)");
		return -1;
	}
	if (map->n != 2 || ynode_get(map, "severity") == NULL || r->by_text != NULL)
		return diag_error(l->diags, map->pos,
			"only the severity of '%s' can be changed: one word", r->id);
	old = &l->rules->list.v[found - l->rules->list.v];
	old->severity = r->severity;
	old->severity_overridden = true;
	return 0;
}

static int check_rule(struct loader *l, const struct rule *r, const struct ynode *map)
{
	if (rules_find(l->rules, r->id) != NULL) {
		diag_error(l->diags, ynode_get(map, "id")->pos, "the id '%s' is taken", r->id);
		return -1;
	}
	if (ynode_get(map, "severity") == NULL)
		return diag_error(l->diags, map->pos, "rule '%s' has no severity", r->id);
	/* the catalogue explains every line that it knows */
	if ((r->role == ROLE_PRIMARY || !l->user) && (r->meaning == NULL || r->advice == NULL))
		return diag_error(
			l->diags, map->pos, "rule '%s' needs a 'meaning' and an 'advice'", r->id);
	if (r->npatterns > 0 && r->nsamples == 0)
		return diag_error(l->diags, map->pos,
			"rule '%s' has no samples: give a line that it must match", r->id);
	if (check_groups(l, r, r->fields, r->nfields) != 0 ||
		check_groups(l, r, r->decode, r->ndecode) != 0)
		return -1;
	if (r->by_text != NULL && !rule_has_group(r, r->by_text->from))
		return diag_error(l->diags, map->pos,
			"the severity of '%s' takes group '%s', which no pattern has", r->id,
			r->by_text->from);
	if (l->rules->list.n == RULES_MAX)
		return diag_error(l->diags, map->pos, "more than %d rules", RULES_MAX);
	return 0;
}

static void drop_patterns(struct rule *r)
{
	size_t i;

	for (i = 0; i < r->npatterns; i++)
		pattern_free(r->patterns[i]);
}

static int load_rule(struct loader *l, const struct ynode *map)
{
	struct rule r = {
		.role = ROLE_PRIMARY,
		.prefix = PREFIX_NONE | PREFIX_DEVICE | PREFIX_IOMMU,
		.source = SOURCE_KERNEL,
		.user = l->user,
	};
	int rc = 0;
	size_t i;

	if (map->kind != YNODE_MAP || ynode_get(map, "id") == NULL)
		return diag_error(l->diags, map->pos, "a rule is a mapping with an 'id'");
	r.pos = map->pos;
	for (i = 0; i < map->n; i++)
		if (set_key(l, &r, map->keys[i], map->items[i]) != 0)
			rc = -1;
	if (rc == 0 && l->user && r.npatterns == 0)
		return override(l, &r, map);
	if (rc == 0)
		rc = check_rule(l, &r, map);
	if (rc == 0)
		*vec_push(&l->rules->list) = r;
	else
		drop_patterns(&r);
	return rc;
}

static int load_file(struct loader *l, const struct source *src)
{
	const struct ynode *root = yamldoc_parse(&l->rules->arena, src, l->diags), *rules;
	int rc = 0;
	size_t i;

	if (root == NULL)
		return -1;
	rules = root->kind == YNODE_MAP ? ynode_get(root, "rules") : NULL;
	if (rules == NULL || rules->kind != YNODE_LIST || root->n != 1) {
		diag_error(l->diags, root->pos,
			"a rule file is a mapping with one key, 'rules', a list");
		return -1;
	}
	for (i = 0; i < rules->n; i++)
		if (load_rule(l, rules->items[i]) != 0)
			rc = -1;
	return rc;
}

static int load_user_file(struct loader *l, const char *path)
{
	const struct source *src = yamldoc_read(path, RULE_FILE_MAX, l->diags);

	l->user = true;
	return src == NULL ? -1 : load_file(l, src);
}

static struct rules *load_all(
	const char *const *files, size_t nfiles, bool catalogue, struct diags *diags)
{
	struct rules *rules = xcalloc(1, sizeof(*rules));
	struct loader l = {.rules = rules, .diags = diags};
	size_t i, before = diags->errors;
	int rc = 0;

	for (i = 0; catalogue && i < catalogue_count(); i++)
		if (load_file(&l, catalogue_file(i)) != 0)
			rc = -1;
	for (i = 0; i < nfiles && rc == 0; i++)
		rc = load_user_file(&l, files[i]);
	if (rc == 0)
		rules_lint(rules, true, diags);
	if (rc == 0 && diags->errors == before)
		return rules;
	rules_free(rules);
	return NULL;
}

struct rules *rules_load(const char *const *files, size_t nfiles, struct diags *diags)
{
	return load_all(files, nfiles, true, diags);
}

struct rules *rules_load_alone(const char *file, struct diags *diags)
{
	return load_all(&file, 1, false, diags);
}

void rules_free(struct rules *rules)
{
	size_t i;

	if (rules == NULL)
		return;
	for (i = 0; i < rules->list.n; i++)
		drop_patterns(&rules->list.v[i]);
	vec_finish(&rules->list);
	arena_finish(&rules->arena);
	free(rules);
}

size_t rules_count(const struct rules *rules)
{
	return rules->list.n;
}

const struct rule *rules_at(const struct rules *rules, size_t i)
{
	return &rules->list.v[i];
}

const struct rule *rules_find(const struct rules *rules, const char *id)
{
	size_t i;

	for (i = 0; i < rules->list.n; i++)
		if (strcmp(rules->list.v[i].id, id) == 0)
			return &rules->list.v[i];
	return NULL;
}

/* ---- lint ---- */

/* Is it tried before r? The user's rules are, and else it is the order of the files. */
static bool comes_before(const struct rule *other, const struct rule *r)
{
	return other->user != r->user ? other->user : other < r;
}

/* Two rules may not claim one line: a primary one stands alone, and nothing hides another. */
static bool clashes(const struct rule *r, const struct rule *other)
{
	return other != r && (other->source & r->source) != 0 &&
		(other->role == ROLE_PRIMARY || comes_before(other, r));
}

static void lint_sample(
	const struct rules *rules, const struct rule *r, size_t k, struct diags *diags)
{
	const char *sample = r->samples[k];
	struct logline line;
	struct klog_match m;
	size_t i;

	logline_parse(sample, strlen(sample), &line);
	if (!classify_as(r, line.text, line.len, &m)) {
		diag_error(
			diags, r->sample_pos[k], "rule '%s' does not match its own sample", r->id);
		return;
	}
	for (i = 0; i < rules->list.n; i++) {
		const struct rule *other = &rules->list.v[i];

		if (!clashes(r, other) || !classify_as(other, line.text, line.len, &m))
			continue;
		diag_error(diags, r->sample_pos[k], "a sample of '%s' also matches '%s'", r->id,
			other->id);
		if (r->user)
			diag_hint(diags,
				"to judge such lines otherwise, change the severity of '%s'",
				other->id);
	}
}

/* A user's rule that is tried first and takes what the catalogue knows for a fault. */
static void lint_hidden(const struct rules *rules, const struct rule *user, struct diags *diags)
{
	struct logline line;
	struct klog_match m;
	size_t i, k;

	for (i = 0; i < rules->list.n; i++) {
		const struct rule *r = &rules->list.v[i];

		for (k = 0; !r->user && r->role != ROLE_INFO && k < r->nsamples; k++) {
			logline_parse(r->samples[k], strlen(r->samples[k]), &line);
			if ((r->source & user->source) == 0 ||
				!classify_as(user, line.text, line.len, &m))
				continue;
			diag_error(diags, user->pos, "rule '%s' hides '%s', such as: %.80s",
				user->id, r->id, r->samples[k]);
			diag_hint(diags, "let its pattern say more, or change the severity of '%s'",
				r->id);
			return;
		}
	}
}

void rules_lint(const struct rules *rules, bool user_only, struct diags *diags)
{
	size_t i, k;

	for (i = 0; i < rules->list.n; i++) {
		const struct rule *r = &rules->list.v[i];

		for (k = 0; k < r->nsamples && (!user_only || r->user); k++)
			lint_sample(rules, r, k, diags);
		if (r->user)
			lint_hidden(rules, r, diags);
	}
}
