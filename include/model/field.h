/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_FIELD_H
#define VFIO_STRESS_MODEL_FIELD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One table of these drives parsing, --help, `list`, the manual, the JSON Schema, did-you-mean. */
enum field_kind {
	FIELD_BOOL, /* bool */
	FIELD_INT, /* int64_t, within min..max */
	FIELD_DURATION, /* int64_t milliseconds, within min..max */
	FIELD_STRING, /* const char *, NULL when absent */
	FIELD_CHOICE, /* int: index into choices */
	FIELD_STRINGS, /* struct strings; one scalar is a list of one */
	FIELD_NODE, /* const struct ynode *, NULL when absent: its reader looks into it */
};

#define FIELD_STRINGS_MAX 256
struct strings {
	const char **v;
	size_t n;
};

struct field;

/* What the value of a FIELD_NODE is made of. */
enum shape_kind {
	SHAPE_MAP, /* a mapping of `fields` */
	SHAPE_ROWS, /* a list of such mappings */
	SHAPE_TEXTS, /* a list of texts of the form `pattern` */
	SHAPE_STEPS, /* a list of steps, by the vocabulary */
	SHAPE_REPORTS, /* a list of reports, by the vocabulary */
	SHAPE_TIMEOUTS, /* step words with durations */
	SHAPE_VARS, /* names with values */
	SHAPE_FLAG, /* true, false, or a word */
};

/* For the manual and the JSON Schema; the field's reader checks what it describes. */
struct shape {
	enum shape_kind kind;
	const char *what; /* "a lane"; of a list, one item */
	const struct field *fields; /* MAP, ROWS */
	const char *pattern; /* TEXTS, FLAG: of each text, as in a field */
	const char *word; /* may stand in its place; NULL = none */
	const char *const *need; /* of these keys one must be there; NULL = none need */
	bool one_only; /* and no second one */
	bool or_nothing; /* an empty value is as good as an absent key */
	size_t min, max; /* items, or keys; max 0 = no bound */
};

struct field {
	const char *name; /* as written in the scenario: "if-offered" */
	const char *help; /* one line */
	enum field_kind kind;
	size_t offset; /* into the args struct */
	bool required;
	const char *dflt; /* read as if written when absent; NULL = zeroed */
	int64_t min, max; /* INT and DURATION; 0, 0 = no bound */
	const char *const *choices; /* CHOICE, NULL-terminated; INT: its reader takes only these */
	/* For the manual and the JSON Schema only: what else its reader wants. */
	const char *pattern; /* STRING, of the whole text, a regex as of ECMA 262 */
	const char *(*word)(size_t i); /* STRING: those that it knows, then NULL */
	const char *needs; /* another key of the mapping that must be there too */
	const struct shape *shape; /* NODE; NULL = nothing is said of it */
};

/* What steps and reporters have in common: a word with parameters. */
struct word {
	const char *name; /* the word in the scenario */
	const char *summary; /* one line for `list` and the manual */
	const char *main_arg; /* the field that `word: ARG` sets; NULL = takes no scalar */
	const struct field *fields; /* ends with .name == NULL */
	size_t args_size; /* of the struct that the fields fill */
};

/* A struct to fill and its table, which ends with .name == NULL. */
struct field_target {
	const struct field *fields;
	void *args;
};

struct arena;
struct reading;
struct ynode;

/*
 * Fills the targets from a mapping (NULL or nothing = no keys) that stands at `at`; their tables
 * share the keys. `what` it is, in words ("a lane"), is for the messages. Everything that is wrong is
 * reported: unknown keys, missing ones, wrong types. 0, or -1 when anything was.
 */
int fields_fill(struct reading *rd, const char *what, const struct ynode *at,
	const struct ynode *map, const struct field_target *targets, size_t ntargets);
/* One value that stands in no mapping, but for example on a command line. ERR_USAGE: it is wrong. */
int field_read(const struct field *f, const char *text, void *args, struct arena *arena,
	struct err *err) must_check;
/* The i-th of the words that it may be; NULL after the last, and of a field without such. */
const char *field_word(const struct field *f, size_t i);
const struct field *field_find(const struct field *fields, const char *name);
/* "a duration", "true or false", "one of flr, bus": what may be written. Returns buf. */
const char *field_accepts(const struct field *f, char *buf, size_t size);

#endif
