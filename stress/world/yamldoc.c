/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/yamldoc.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <limits.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

/* A finished node under its anchor; `node` is NULL while it is still being built. */
struct anchor {
	const char *name;
	struct ynode *node;
	size_t nodes, height; /* of the tree below it, itself included */
};

struct reader {
	yaml_parser_t yaml;
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	size_t nodes; /* so far, aliases expanded */
	struct anchor anchors[YAMLDOC_ANCHORS_MAX];
	size_t nanchors;
};

const struct ynode *ynode_get(const struct ynode *map, const char *key)
{
	size_t i;

	for (i = 0; map->kind == YNODE_MAP && i < map->n; i++)
		if (str_eq(map->keys[i]->text, key))
			return map->items[i];
	return NULL;
}

bool ynode_is_null(const struct ynode *node)
{
	return node->kind == YNODE_SCALAR && node->plain &&
		(*node->text == '\0' || str_eq(node->text, "~") || str_eq(node->text, "null"));
}

const char *ynode_what(const struct ynode *node)
{
	static const char *const names[] = {"a single value", "a list", "a mapping"};

	return ynode_is_null(node) ? "nothing" : names[node->kind];
}

/* Reads until the end or one byte past the limit. */
static int read_all(int fd, size_t size_max, struct str *out)
{
	char buf[16384];
	ssize_t n;

	while (out->len <= size_max) {
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			return 0;
		str_addn(out, buf, (size_t)n);
	}
	return 0;
}

static const struct source *unreadable(const char *name, struct diags *diags, const char *why)
{
	struct srcpos nowhere = {.src = source_keep(name, "", 0)};

	diag_error(diags, nowhere, "%s", why);
	return NULL;
}

static const struct source *unopened(const char *name, struct diags *diags, int sys)
{
	char folder[PATH_MAX];

	unreadable(name, diags, strerror(sys));
	if (sys == ENOENT && *name != '/' && getcwd(folder, sizeof(folder)) != NULL)
		diag_hint(diags, "looked for in %s", folder);
	else if (sys == EACCES)
		diag_hint(diags, "this user may not read it, or not enter a folder above it");
	return NULL;
}

static const struct source *too_big(const char *name, size_t size_max, struct diags *diags)
{
	char why[80];

	snprintf(why, sizeof(why), "is larger than %zu KiB", size_max / 1024);
	unreadable(name, diags, why);
	diag_hint(diags, "is this the file you meant?");
	return NULL;
}

const struct source *yamldoc_read(const char *path, size_t size_max, struct diags *diags)
{
	bool is_stdin = str_eq(path, "-");
	const char *name = is_stdin ? "(standard input)" : path;
	auto_close int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	int fd = is_stdin ? STDIN_FILENO : opened;
	struct str text = {0};
	const struct source *src = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return unopened(name, diags, errno);
	if (S_ISDIR(st.st_mode)) {
		unreadable(name, diags, "is a directory");
		diag_hint(diags, "name a file in it");
		return NULL;
	}
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > size_max)
		return too_big(name, size_max, diags);
	if (read_all(fd, size_max, &text) != 0)
		unreadable(name, diags, strerror(errno));
	else if (text.len > size_max)
		too_big(name, size_max, diags);
	else
		src = source_keep(name, text.s ? text.s : "", text.len);
	str_finish(&text);
	return src;
}

/* U+0085 ends a line for libyaml and is no character for us; these two are, and end one as well. */
static bool is_line_separator(const char *s, size_t n)
{
	return n >= 3 && (memcmp(s, "\xe2\x80\xa8", 3) == 0 || memcmp(s, "\xe2\x80\xa9", 3) == 0);
}

static const char *forbidden(const char *s, size_t n)
{
	unsigned char c = (unsigned char)*s;

	if (c == '\r')
		return n > 1 && s[1] == '\n' ? NULL : "a carriage return without a line feed";
	if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
		return "a control character";
	if (is_line_separator(s, n))
		return "an invisible line separator";
	if (str_utf8_len(s, n) == 0)
		return "not UTF-8 text, or an invisible control character";
	return NULL;
}

/* Only harmless UTF-8 text reaches libyaml, so lines and columns mean the same to it and to us. */
static int check_text(const struct source *src, struct diags *diags)
{
	struct srcpos pos = {.src = src, .line = 1, .col = 1, .len = 1};
	const char *s = src->text, *end = src->text + src->len, *why;
	size_t plain;

	if (memchr(s, '\0', src->len) != NULL) {
		diag_error(diags, (struct srcpos){.src = src}, "is a binary file, not YAML text");
		diag_hint(diags, "a scenario or rule file is text in UTF-8 (not UTF-16)");
		return -1;
	}
	while (s < end) {
		plain = str_plain_len(s, (size_t)(end - s));
		pos.col += (unsigned)plain;
		s += plain;
		if (s == end)
			break;
		why = forbidden(s, (size_t)(end - s));
		if (why != NULL) {
			diag_error(diags, pos, "%s (byte 0x%02x)", why, (unsigned char)*s);
			diag_hint(diags, "save the file as plain UTF-8 text");
			return -1;
		}
		pos.col++;
		if (*s == '\n') {
			pos.line++;
			pos.col = 1;
		}
		s += str_utf8_len(s, (size_t)(end - s));
	}
	return 0;
}

static struct srcpos pos_between(
	const struct reader *r, const yaml_mark_t *start, const yaml_mark_t *end)
{
	struct srcpos pos = {.src = r->src, .len = 1};

	pos.line = (unsigned)start->line + 1;
	pos.col = (unsigned)start->column + 1;
	if (end->line == start->line && end->column > start->column)
		pos.len = (unsigned)(end->column - start->column);
	return pos;
}

static struct srcpos pos_of(const struct reader *r, const yaml_event_t *ev)
{
	return pos_between(r, &ev->start_mark, &ev->end_mark);
}

/* The line, counted from 0; "" past the end. */
static const char *line_of(const struct source *src, size_t line)
{
	const char *s = src->text;

	while (line-- > 0) {
		s = strchr(s, '\n');
		if (s == NULL)
			return "";
		s++;
	}
	return s;
}

/* The usual reasons for what libyaml calls otherwise. */
static void hint_syntax(struct reader *r)
{
	const char *line = line_of(r->src, r->yaml.problem_mark.line);
	const char *dollar = strstr(line, "${"), *end = strchr(line, '\n');

	if (dollar != NULL && (end == NULL || dollar < end))
		diag_hint(r->diags, "a variable inside { } or [ ] stands in quotes: \"${name}\"");
}

static int syntax_error(struct reader *r)
{
	const yaml_parser_t *y = &r->yaml;
	struct srcpos pos = pos_between(r, &y->problem_mark, &y->problem_mark);
	const char *what = y->problem ? y->problem : "unreadable", *line;

	if (y->error == YAML_MEMORY_ERROR || y->error == YAML_READER_ERROR)
		return diag_error(r->diags, (struct srcpos){.src = r->src}, "%s", what);
	line = line_of(r->src, y->problem_mark.line);
	if (line[strspn(line, " ")] == '\t') {
		diag_error(r->diags, pos, "a tab is used as indentation");
		diag_hint(r->diags, "indent with spaces");
		return -1;
	}
	if (y->context != NULL && y->context_mark.line != y->problem_mark.line)
		diag_error(r->diags, pos, "%s, %s that begins in line %zu", what, y->context,
			y->context_mark.line + 1);
	else
		diag_error(r->diags, pos, "%s%s%s", what, y->context ? ", " : "",
			y->context ? y->context : "");
	hint_syntax(r);
	return -1;
}

static int next_event(struct reader *r, yaml_event_t *ev)
{
	return yaml_parser_parse(&r->yaml, ev) ? 0 : syntax_error(r);
}

static int count_nodes(struct reader *r, struct srcpos pos, size_t n)
{
	r->nodes += n;
	if (r->nodes > YAMLDOC_NODES_MAX)
		return diag_error(
			r->diags, pos, "more than %d values, aliases expanded", YAMLDOC_NODES_MAX);
	return 0;
}

static int too_deep(struct reader *r, struct srcpos pos)
{
	return diag_error(r->diags, pos, "nested more than %d levels deep", YAMLDOC_DEPTH_MAX);
}

/* Notes the anchor before its node is built, so that an alias inside it is seen as a loop. */
static int open_anchor(
	struct reader *r, const yaml_char_t *name, struct srcpos pos, struct anchor **out)
{
	*out = NULL;
	if (name == NULL)
		return 0;
	if (r->nanchors == YAMLDOC_ANCHORS_MAX)
		return diag_error(r->diags, pos, "more than %d anchors", YAMLDOC_ANCHORS_MAX);
	*out = &r->anchors[r->nanchors++];
	**out = (struct anchor){.name = arena_strdup(r->arena, (const char *)name)};
	return 0;
}

static int refuse_tag(struct reader *r, const yaml_char_t *tag, struct srcpos pos)
{
	if (tag == NULL)
		return 0;
	diag_error(r->diags, pos, "tags are not supported ('%.60s')", (const char *)tag);
	diag_hint(r->diags, "quote a value that begins with '!'");
	return -1;
}

/* A built node and the size of its tree. */
struct built {
	struct ynode *node;
	size_t nodes, height;
};

static int build(struct reader *r, const yaml_event_t *ev, size_t depth, struct built *out);

static int build_scalar(struct reader *r, const yaml_event_t *ev, struct built *out)
{
	struct srcpos pos = pos_of(r, ev);
	const char *text = (const char *)ev->data.scalar.value;

	/* an escape in double quotes can still say \0 */
	if (strlen(text) != ev->data.scalar.length)
		return diag_error(r->diags, pos, "a text must not contain a NUL character");
	out->node = arena_alloc(r->arena, sizeof(*out->node));
	*out->node = (struct ynode){
		.kind = YNODE_SCALAR,
		.pos = pos,
		.text = arena_strdup(r->arena, text),
		.plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
	};
	return 0;
}

static int build_alias(struct reader *r, const yaml_event_t *ev, size_t depth, struct built *out)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct srcpos pos = pos_of(r, ev);
	size_t i = r->nanchors;

	while (i > 0 && !str_eq(r->anchors[i - 1].name, name))
		i--;
	if (i == 0)
		return diag_error(r->diags, pos, "unknown alias '%.60s'", name);
	if (r->anchors[i - 1].node == NULL)
		return diag_error(r->diags, pos, "alias '%.60s' contains itself", name);
	if (depth + r->anchors[i - 1].height - 1 > YAMLDOC_DEPTH_MAX)
		return too_deep(r, pos);
	/* the alias itself was counted as one */
	if (count_nodes(r, pos, r->anchors[i - 1].nodes - 1) != 0)
		return -1;
	*out = (struct built){
		r->anchors[i - 1].node, r->anchors[i - 1].nodes, r->anchors[i - 1].height};
	return 0;
}

typedef VEC(struct ynode *) node_vec;

static struct ynode **in_arena(struct arena *arena, const node_vec *vec)
{
	struct ynode **copy = arena_alloc(arena, (vec->n + 1) * sizeof(*copy));

	if (vec->n > 0)
		memcpy(copy, vec->v, vec->n * sizeof(*copy));
	return copy;
}

static int check_key(struct reader *r, const struct ynode *key, const node_vec *keys)
{
	size_t i;

	if (key->kind != YNODE_SCALAR)
		return diag_error(r->diags, key->pos, "a key must be a single word");
	if (str_eq(key->text, "<<")) {
		diag_error(r->diags, key->pos, "merge keys are not supported");
		diag_hint(r->diags, "write the keys out");
		return -1;
	}
	for (i = 0; i < keys->n; i++)
		if (str_eq(keys->v[i]->text, key->text))
			return diag_error(r->diags, key->pos,
				"duplicate key '%.60s', first in line %u", key->text,
				keys->v[i]->pos.line);
	if (keys->n == YAMLDOC_KEYS_MAX)
		return diag_error(r->diags, key->pos, "more than %d keys", YAMLDOC_KEYS_MAX);
	return 0;
}

/* What is collected of a list or a mapping. */
struct parts {
	node_vec items, keys;
	bool bad_key;
};

static int add_part(struct reader *r, struct parts *p, bool is_map, struct ynode *node)
{
	if (is_map && p->keys.n == p->items.n) {
		/* a bad key does not end the reading: later ones are reported as well */
		if (check_key(r, node, &p->keys) != 0) {
			p->bad_key = true;
			if (p->keys.n >= YAMLDOC_KEYS_MAX)
				return -1;
		}
		*vec_push(&p->keys) = node;
	} else {
		*vec_push(&p->items) = node;
	}
	return 0;
}

/* Everything up to the event that ends the list or mapping. */
static int collect(struct reader *r, bool is_map, size_t depth, struct parts *p,
	yaml_mark_t *end_mark, struct built *out)
{
	const yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
	yaml_event_t ev;
	int ret = 0;

	while (ret == 0) {
		struct built part = {0};

		if (next_event(r, &ev) != 0)
			return -1;
		if (ev.type == end) {
			*end_mark = ev.end_mark;
			yaml_event_delete(&ev);
			return 0;
		}
		ret = build(r, &ev, depth + 1, &part);
		yaml_event_delete(&ev);
		if (ret != 0)
			break;
		out->nodes += part.nodes;
		if (part.height + 1 > out->height)
			out->height = part.height + 1;
		ret = add_part(r, p, is_map, part.node);
	}
	return ret;
}

static int build_collection(
	struct reader *r, const yaml_event_t *ev, size_t depth, struct built *out)
{
	bool is_map = ev->type == YAML_MAPPING_START_EVENT;
	bool flow = is_map ? ev->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
			   : ev->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	struct parts p = {0};
	yaml_mark_t end_mark = ev->end_mark;
	int ret;

	ret = collect(r, is_map, depth, &p, &end_mark, out);
	if (ret == 0) {
		out->node = arena_alloc(r->arena, sizeof(*out->node));
		*out->node = (struct ynode){
			.kind = is_map ? YNODE_MAP : YNODE_LIST,
			.pos = pos_between(r, &ev->start_mark, flow ? &end_mark : &ev->end_mark),
			.items = in_arena(r->arena, &p.items),
			.keys = is_map ? in_arena(r->arena, &p.keys) : NULL,
			.n = p.items.n,
		};
		/* a block mapping is underlined at its first key */
		if (is_map && !flow && p.keys.n > 0)
			out->node->pos = p.keys.v[0]->pos;
	}
	vec_finish(&p.items);
	vec_finish(&p.keys);
	return ret;
}

static int build_anchored(struct reader *r, const yaml_event_t *ev, size_t depth,
	const yaml_char_t *anchor_name, const yaml_char_t *tag, struct built *out)
{
	struct srcpos pos = pos_of(r, ev);
	struct anchor *anchor;
	int ret;

	if (refuse_tag(r, tag, pos) != 0 || open_anchor(r, anchor_name, pos, &anchor) != 0)
		return -1;
	ret = ev->type == YAML_SCALAR_EVENT ? build_scalar(r, ev, out)
					    : build_collection(r, ev, depth, out);
	if (ret == 0 && anchor != NULL) {
		anchor->node = out->node;
		anchor->nodes = out->nodes;
		anchor->height = out->height;
	}
	return ret;
}

static int build(struct reader *r, const yaml_event_t *ev, size_t depth, struct built *out)
{
	struct srcpos pos = pos_of(r, ev);

	*out = (struct built){.nodes = 1, .height = 1};
	if (depth > YAMLDOC_DEPTH_MAX)
		return too_deep(r, pos);
	if (count_nodes(r, pos, 1) != 0)
		return -1;
	switch (ev->type) {
	case YAML_ALIAS_EVENT:
		return build_alias(r, ev, depth, out);
	case YAML_SCALAR_EVENT:
		return build_anchored(
			r, ev, depth, ev->data.scalar.anchor, ev->data.scalar.tag, out);
	case YAML_SEQUENCE_START_EVENT:
		return build_anchored(r, ev, depth, ev->data.sequence_start.anchor,
			ev->data.sequence_start.tag, out);
	case YAML_MAPPING_START_EVENT:
		return build_anchored(r, ev, depth, ev->data.mapping_start.anchor,
			ev->data.mapping_start.tag, out);
	default:
		return diag_error(r->diags, pos, "unexpected end of the document");
	}
}

/* Takes an event of this type, which the grammar of streams promises. */
static int expect(struct reader *r, yaml_event_type_t type, struct srcpos *pos_out)
{
	yaml_event_t ev;
	bool met;

	if (next_event(r, &ev) != 0)
		return -1;
	met = ev.type == type;
	*pos_out = pos_of(r, &ev);
	yaml_event_delete(&ev);
	return met ? 0 : 1;
}

static struct ynode *read_root(struct reader *r)
{
	struct built root = {0};
	yaml_event_t ev;
	int ret;

	if (next_event(r, &ev) != 0)
		return NULL;
	ret = build(r, &ev, 1, &root);
	yaml_event_delete(&ev);
	return ret == 0 ? root.node : NULL;
}

static struct ynode *read_stream(struct reader *r)
{
	struct srcpos pos;
	struct ynode *root;
	int got;

	if (expect(r, YAML_STREAM_START_EVENT, &pos) != 0)
		return NULL;
	got = expect(r, YAML_DOCUMENT_START_EVENT, &pos);
	if (got > 0)
		diag_error(r->diags, (struct srcpos){.src = r->src}, "is empty");
	if (got != 0)
		return NULL;
	root = read_root(r);
	if (root == NULL || expect(r, YAML_DOCUMENT_END_EVENT, &pos) != 0)
		return NULL;
	got = expect(r, YAML_STREAM_END_EVENT, &pos);
	if (got > 0) {
		diag_error(r->diags, pos, "a second document begins here");
		diag_hint(r->diags, "one file holds one document: put the other into its own file");
	}
	return got == 0 ? root : NULL;
}

const struct ynode *yamldoc_parse(
	struct arena *arena, const struct source *src, struct diags *diags)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t skip = src->len >= 3 && memcmp(src->text, bom, 3) == 0 ? 3 : 0;
	size_t errors = diags->errors;
	struct ynode *root;
	struct reader r = {.arena = arena, .src = src, .diags = diags};

	if (check_text(src, diags) != 0)
		return NULL;
	if (!yaml_parser_initialize(&r.yaml)) {
		diag_error(diags, (struct srcpos){.src = src}, "libyaml cannot start");
		return NULL;
	}
	yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r.yaml, (const unsigned char *)src->text + skip, src->len - skip);
	root = read_stream(&r);
	yaml_parser_delete(&r.yaml);
	return diags->errors == errors ? root : NULL;
}
