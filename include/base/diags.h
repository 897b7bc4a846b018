/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_DIAGS_H
#define VFIO_STRESS_BASE_DIAGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A text that a person wrote: the scenario, a rule file. Must outlive the positions in it. */
struct source {
	const char *name; /* as the user named it */
	const char *text;
	size_t len;
};

/* A copy that lives as long as the process, so that positions in it stay valid. */
const struct source *source_keep(const char *name, const char *text, size_t len);
/* Fuzzers: frees every copy; no position may be used after it. */
void source_forget_all(void);

/* A place in it. line 0 = no position. */
struct srcpos {
	const struct source *src;
	unsigned line, col; /* 1-based; col counts characters, not bytes */
	unsigned len; /* characters to underline, at least 1 */
};

enum diag_level { DIAG_WARNING, DIAG_ERROR };

struct diag {
	enum diag_level level;
	struct srcpos pos;
	char msg[320];
	char hint[320];
};

#define DIAGS_MAX 100 /* more are counted, not kept */

/* Everything that is wrong with an input, reported in one go. */
struct diags {
	struct diag list[DIAGS_MAX];
	size_t n, errors, warnings; /* n = kept; errors and warnings count all */
	bool newest_kept; /* the newest may take a hint */
};

/* Adds one, unless the same was said of the same place, and returns -1 (errors) or 0 (warnings). */
int diag_error(struct diags *d, struct srcpos pos, const char *fmt, ...) printf_like(3, 4);
int diag_warning(struct diags *d, struct srcpos pos, const char *fmt, ...) printf_like(3, 4);
/* Gives the newest diagnostic a hint; no effect when it was not kept. */
void diag_hint(struct diags *d, const char *fmt, ...) printf_like(2, 3);

/* Prints file:line:col, the message, the line itself, a caret and the hint, in order of position. */
void diags_print(const struct diags *d, FILE *out);

/* The nearest of `words` (NULL-terminated) to `word` by edit distance, or NULL when none is near. */
const char *nearest_word(const char *word, const char *const *words);

#endif
