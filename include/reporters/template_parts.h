/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_TEMPLATE_PARTS_H
#define VFIO_STRESS_REPORTERS_TEMPLATE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct message_field;
struct template_filter;

#define TEMPLATE_WORDS_MAX 8 /* of one `is` */
#define TEMPLATE_ROWS      10 /* of a loop without `max` */
#define TEMPLATE_ROWS_MAX  1000
#define TEMPLATE_CHARS_MAX 20000

/* A template's inside, for the reporters/template*.c only. */

/* What stands in a loop besides its rows. */
enum loop_value { LOOP_NONE, LOOP_FIRST, LOOP_LAST, LOOP_REST };

/* A value by name: of the message (depth 0) or of the row of the depth-th loop around it. */
struct place_of_value {
	const struct message_field *field; /* NULL: a loop's own */
	enum loop_value loop;
	size_t depth;
};

struct filters {
	const struct template_filter *escape; /* NULL = none */
	size_t max; /* characters, 0 = no bound of its own */
	bool whole; /* `json`: with its quotes, null when there is none */
};

enum node_kind { NODE_TEXT, NODE_VALUE, NODE_IF, NODE_FOR };

/* A template is a row of these. What stands in an `if` or a `for` follows it, up to `end`. */
struct node {
	enum node_kind kind;
	const char *text; /* TEXT */
	size_t len;
	struct place_of_value value; /* VALUE, IF, FOR */
	struct filters filters; /* VALUE */
	bool negated; /* IF */
	const char
		*words[TEMPLATE_WORDS_MAX]; /* IF ... is: one of these; none = is there anything? */
	size_t nwords;
	size_t otherwise, end; /* IF: where its `else` begins; both behind its last node */
	size_t most; /* FOR: rows */
};

struct template
{
	const char *name;
	bool is_text;
	struct node *nodes;
	size_t n;
};

#endif
