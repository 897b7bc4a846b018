/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_YAMLDOC_H
#define VFIO_STRESS_WORLD_YAMLDOC_H

#include "base/diags.h"

struct arena;

#define YAMLDOC_DEPTH_MAX   32 /* levels of nesting, aliases followed */
#define YAMLDOC_NODES_MAX   100000 /* after aliases are expanded: no billion laughs */
#define YAMLDOC_KEYS_MAX    1000 /* of one mapping */
#define YAMLDOC_ANCHORS_MAX 256

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

/* A piece of a YAML document and where it stands. Scalars are text: nothing guesses their type. */
struct ynode {
	enum ynode_kind kind;
	struct srcpos pos;
	const char *text; /* SCALAR: never NULL, has no NUL inside */
	bool plain; /* SCALAR: neither quoted nor a block */
	struct ynode **items; /* LIST: n items; MAP: n values */
	struct ynode **keys; /* MAP: n scalars, no two the same */
	size_t n;
};

/*
 * Reads a text of at most `size_max` bytes; path "-" is standard input. NULL with a diagnostic when
 * it is missing, a directory, too big or unreadable. The source lives as long as the process.
 */
const struct source *yamldoc_read(const char *path, size_t size_max, struct diags *diags);
/*
 * The one document in it, in `arena`. NULL when anything is wrong: not UTF-8, a syntax error, a
 * duplicate key, a tag, too deep, too many nodes, several documents; `diags` then says where.
 */
const struct ynode *yamldoc_parse(
	struct arena *arena, const struct source *src, struct diags *diags);

/* The value of a mapping's key, NULL when absent. */
const struct ynode *ynode_get(const struct ynode *map, const char *key);
/* Is it nothing: an unquoted empty value, `~` or `null`? */
bool ynode_is_null(const struct ynode *node);
/* What it is, in words: "a mapping", "a list", "a single value", "nothing". */
const char *ynode_what(const struct ynode *node);

#endif
