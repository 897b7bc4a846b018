/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/vars.h"

#include "base/mem.h"
#include "base/str.h"
#include "world/yamldoc.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 64
#define ENV          "env:"

static bool is_name(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > NAME_MAX_LEN || isdigit((unsigned char)s[0]) || s[0] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

static struct var *find(struct reading *rd, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < rd->nvars; i++)
		if (strlen(rd->vars[i].name) == n && strncmp(rd->vars[i].name, name, n) == 0)
			return &rd->vars[i];
	return NULL;
}

static void hint_variables(struct reading *rd, const char *name)
{
	const char *names[VARS_MAX + 1] = {0}, *near;
	size_t i;

	for (i = 0; i < rd->nvars; i++)
		names[i] = rd->vars[i].name;
	near = nearest_word(name, names);
	if (near != NULL)
		diag_hint(rd->diags, "did you mean '%s'?", near);
	else
		diag_hint(rd->diags, "give it a default: `vars: {%s: VALUE}`", name);
}

/* $$ in a default is a dollar; a default that refers to another variable is refused. */
static const char *default_text(struct reading *rd, const struct ynode *value)
{
	struct str out = {0};
	const char *s, *text = NULL;

	if (value->kind != YNODE_SCALAR) {
		diag_error(rd->diags, value->pos, "a variable must be a single value, not %s",
			ynode_what(value));
		return NULL;
	}
	str_add(&out, "");
	for (s = value->text; *s != '\0'; s++) {
		if (s[0] == '$' && s[1] == '{')
			break;
		str_addn(&out, s, 1);
		s += s[0] == '$' && s[1] == '$';
	}
	if (*s != '\0') {
		diag_error(rd->diags, value->pos, "a variable cannot refer to a variable");
		diag_hint(rd->diags, "use both where they are needed, or write $$ for a dollar");
	} else if (out.len > VAR_VALUE_MAX) {
		diag_error(
			rd->diags, value->pos, "a variable is longer than %d bytes", VAR_VALUE_MAX);
	} else {
		text = arena_strdup(rd->arena, out.s);
	}
	str_finish(&out);
	return text;
}

static void read_var(struct reading *rd, const struct ynode *key, const struct ynode *value)
{
	struct var *var = &rd->vars[rd->nvars];

	if (!is_name(key->text, strlen(key->text))) {
		diag_error(rd->diags, key->pos, "'%.60s' is no name for a variable", key->text);
		diag_hint(rd->diags, "letters, digits, '_' and '-', at most %d, the first a letter",
			NAME_MAX_LEN);
		return;
	}
	*var = (struct var){.name = key->text, .pos = key->pos};
	if (!ynode_is_null(value)) {
		var->value = default_text(rd, value);
		/* reported; not a second time where it is used */
		if (var->value == NULL) {
			var->value = "";
			var->used = true;
		}
	}
	rd->nvars++;
}

void vars_read(struct reading *rd, const struct ynode *map)
{
	size_t i;

	if (ynode_is_null(map))
		return;
	if (map->kind != YNODE_MAP) {
		diag_error(
			rd->diags, map->pos, "'vars' must be a mapping, not %s", ynode_what(map));
		diag_hint(rd->diags, "write `vars: {domain: gpu-vm}`");
		return;
	}
	for (i = 0; i < map->n; i++) {
		if (rd->nvars == VARS_MAX) {
			diag_error(
				rd->diags, map->keys[i]->pos, "more than %d variables", VARS_MAX);
			return;
		}
		read_var(rd, map->keys[i], map->items[i]);
	}
}

void vars_set(struct reading *rd, const char *name, const char *value)
{
	struct var *var = find(rd, name, strlen(name));
	struct srcpos nowhere = {0};

	if (var == NULL) {
		diag_error(
			rd->diags, nowhere, "--set %.60s: the scenario has no such variable", name);
		hint_variables(rd, name);
		return;
	}
	if (strlen(value) > VAR_VALUE_MAX) {
		diag_error(rd->diags, nowhere, "--set %.60s: longer than %d bytes", name,
			VAR_VALUE_MAX);
		return;
	}
	var->value = arena_strdup(rd->arena, value);
	var->set = true;
}

void vars_warn_unused(struct reading *rd)
{
	size_t i;

	for (i = 0; i < rd->nvars; i++)
		if (!rd->vars[i].used)
			diag_warning(rd->diags, rd->vars[i].pos, "variable '%s' is not used",
				rd->vars[i].name);
}

static unsigned characters(const char *s, size_t n)
{
	unsigned count = 0;
	size_t i;

	for (i = 0; i < n; i++)
		count += (s[i] & 0xc0) != 0x80;
	return count;
}

/* Where a part of a scalar stands, as long as it is written without escapes on one line. */
static struct srcpos part_pos(const struct ynode *scalar, const char *part, size_t n)
{
	unsigned quotes = scalar->plain ? 0 : 2;
	struct srcpos pos = scalar->pos;

	if (characters(scalar->text, strlen(scalar->text)) + quotes != pos.len)
		return pos;
	pos.col += quotes / 2 + characters(scalar->text, (size_t)(part - scalar->text));
	pos.len = characters(part, n);
	return pos;
}

static int add_env(struct reading *rd, struct srcpos pos, const char *name, size_t n)
{
	struct env_ref *grown;

	if (!rd->env_allowed) {
		diag_error(
			rd->diags, pos, "'${env:%.*s}' is allowed in 'report' only", (int)n, name);
		diag_hint(rd->diags, "use a variable: `vars: {name: }` and --set name=VALUE");
		return -1;
	}
	if (rd->nenv == rd->env_cap) {
		rd->env_cap = rd->env_cap ? rd->env_cap * 2 : 8;
		grown = arena_alloc(rd->arena, rd->env_cap * sizeof(*grown));
		if (rd->nenv > 0)
			memcpy(grown, rd->env, rd->nenv * sizeof(*grown));
		rd->env = grown;
	}
	rd->env[rd->nenv++] =
		(struct env_ref){.name = arena_strndup(rd->arena, name, n), .pos = pos};
	return 0;
}

/* One ${...}, whose name has n bytes. */
static int substitute(
	struct reading *rd, struct srcpos pos, const char *name, size_t n, struct str *out)
{
	const size_t prefix = sizeof(ENV) - 1;
	bool env = strncmp(name, ENV, prefix) == 0 && n > prefix;
	char word[NAME_MAX_LEN + 1];
	struct var *var;

	if (!is_name(env ? name + prefix : name, env ? n - prefix : n)) {
		diag_error(rd->diags, pos, "'${' is not followed by the name of a variable");
		diag_hint(rd->diags, "write $${ for a dollar and a brace");
		return -1;
	}
	if (env) {
		str_addf(out, "${%.*s}", (int)n, name);
		return add_env(rd, pos, name + prefix, n - prefix);
	}
	var = find(rd, name, n);
	if (var == NULL) {
		snprintf(word, sizeof(word), "%.*s", (int)n, name);
		diag_error(rd->diags, pos, "unknown variable '%s'", word);
		hint_variables(rd, word);
		return -1;
	}
	var->used = true;
	if (var->value == NULL) {
		diag_error(rd->diags, pos, "variable '%s' has no value", var->name);
		diag_hint(rd->diags, "give it one: --set %s=VALUE", var->name);
		return -1;
	}
	str_add(out, var->value);
	return 0;
}

static int expand_into(struct reading *rd, const struct ynode *scalar, struct str *out)
{
	const char *s = scalar->text, *dollar, *close;
	int ret = 0;

	while ((dollar = strchr(s, '$')) != NULL) {
		str_addn(out, s, (size_t)(dollar - s));
		s = dollar + 1;
		if (*s == '$') {
			str_add(out, "$");
			s++;
		} else if (*s != '{') {
			str_add(out, "$");
		} else if ((close = strchr(s, '}')) == NULL) {
			diag_error(rd->diags, part_pos(scalar, dollar, strlen(dollar)),
				"'${' without '}'");
			diag_hint(rd->diags, "write $${ for a dollar and a brace");
			return -1;
		} else {
			struct srcpos pos = part_pos(scalar, dollar, (size_t)(close + 1 - dollar));

			if (substitute(rd, pos, s + 1, (size_t)(close - s - 1), out) != 0)
				ret = -1;
			s = close + 1;
		}
		if (rd->expanded + out->len > EXPANDED_MAX)
			return diag_error(rd->diags, scalar->pos,
				"the values come to more than %u MiB", EXPANDED_MAX >> 20);
	}
	str_add(out, s);
	return ret;
}

static size_t count_env(const char *s)
{
	size_t n = 0;

	for (; (s = strstr(s, "${" ENV)) != NULL; s++)
		n++;
	return n;
}

const char *vars_expand(struct reading *rd, const struct ynode *scalar)
{
	size_t refs = rd->nenv;
	struct str out = {0};
	const char *text = NULL;
	int ret;

	if (strchr(scalar->text, '$') == NULL)
		return scalar->text;
	ret = expand_into(rd, scalar, &out);
	if (ret == 0 && rd->env_allowed && count_env(out.s) != rd->nenv - refs) {
		/* it would be taken for a reference when the report is delivered */
		diag_error(rd->diags, scalar->pos, "a literal '${env:' cannot be written here");
		ret = -1;
	}
	if (ret == 0) {
		rd->expanded += out.len;
		text = arena_strdup(rd->arena, out.s);
	}
	str_finish(&out);
	return text;
}
