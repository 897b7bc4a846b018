/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_FIELD_H
#define VFIO_STRESS_MODEL_FIELD_H

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
};

struct strings {
	const char **v;
	size_t n;
};

struct field {
	const char *name; /* as written in the scenario: "if-offered" */
	const char *help; /* one line */
	enum field_kind kind;
	size_t offset; /* into the args struct */
	bool required;
	const char *dflt; /* read as if written when absent; NULL = zeroed */
	int64_t min, max; /* INT and DURATION; 0, 0 = no bound */
	const char *const *choices; /* CHOICE: NULL-terminated */
};

/* What steps and reporters have in common: a word with parameters. */
struct word {
	const char *name; /* the word in the scenario */
	const char *summary; /* one line for `list` and the manual */
	const char *main_arg; /* the field that `word: ARG` sets; NULL = takes no scalar */
	const struct field *fields; /* ends with .name == NULL */
	size_t args_size; /* of the struct that the fields fill */
};

#endif
