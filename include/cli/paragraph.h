/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_PARAGRAPH_H
#define VFIO_STRESS_CLI_PARAGRAPH_H

#include <stddef.h>
#include <stdio.h>

/* How a paragraph stands: `label` after `left` blanks, its text from column `text` on. */
struct paragraph {
	size_t left, text, columns;
};

/* Foreign text made harmless, on one line, wrapped at blanks. */
void paragraph_write(FILE *out, const struct paragraph *p, const char *label, const char *text);
/* Foreign text, harmless and on one line; freed with free(). */
char *paragraph_clean(const char *text);

#endif
