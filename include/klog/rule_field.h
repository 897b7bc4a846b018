/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_RULE_FIELD_H
#define VFIO_STRESS_KLOG_RULE_FIELD_H

#include "klog/rules.h"

struct arena;
struct ynode;

#define FIELD_CHOICES_MAX 128

/* "Corrected: warning": what a text (or number) in the line becomes. */
struct choice {
	const char *key, *value;
	uint64_t number; /* the key as a number */
	bool has_number;
};

struct choices {
	const struct choice *list;
	size_t n;
};

enum field_type {
	FIELD_TEXT, /* as it stands; `of` translates it */
	FIELD_HEX, /* "0x..." in small letters */
	FIELD_INT, /* decimal, or hexadecimal with 0x */
	FIELD_HEXINT, /* hexadecimal with or without 0x, as a number */
	FIELD_HEXINTS, /* several of them */
	FIELD_BITS, /* the bits of `mask`: a number, a truth, or `of` it */
	FIELD_NAMES, /* the names in `of` of the bits that are set */
	FIELD_BOOL, /* did the group take part? */
	FIELD_FLAG, /* true when it did, else absent */
	FIELD_BDF,
	FIELD_REPORTER, /* the device in the prefix */
};

struct rule_field {
	const char *name, *from; /* from: the group */
	enum field_type type;
	uint64_t mask;
	const char
		*null_text; /* this text means null, and so does an absent group; NULL: no null */
	struct choices of;
	struct srcpos pos;
};

struct rule_severity {
	const char *from;
	struct choices of;
};

/* `fields:` or `decode:`, a mapping. Returns the number of fields, -1 with diags. */
int rule_fields_parse(struct arena *arena, const struct ynode *node, struct diags *diags,
	const struct rule_field **out);
int choices_parse(
	struct arena *arena, const struct ynode *node, struct diags *diags, struct choices *out);
/* The value for a text, by the same letters or the same number; NULL when it is not listed. */
const char *choices_find(const struct choices *c, struct span text);
/* What `decode:` of the rule makes of a text; NULL when it says nothing. rule may be NULL. */
const char *rule_field_choice(const struct rule *rule, const char *field, const char *text);
/* False when the field is absent. */
bool rule_field_eval(
	const struct rule_field *f, const struct klog_match *m, struct incident_field *out);

/* "0x1f", "1f" (hex) and "31": whole span. */
bool span_number(struct span s, bool hex, uint64_t *out);
/*
 * An address in any shape the kernels print: 0000:41:00.0, 41:00.0, 0x41:0x00.0, 0000:41:00:0,
 * 0000:41:00 (function 0). `domain` where it has none.
 */
bool span_bdf(struct span s, uint32_t domain, struct bdf *out);

#endif
