/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SCREEN_H
#define VFIO_STRESS_ENGINE_SCREEN_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum tint { TINT_NONE, TINT_GOOD, TINT_WARN, TINT_BAD, TINT_DIM };

#define BLOCK_ROWS 72

/* From the last word about a window's new size to the next picture. */
#define SCREEN_SETTLES_NS INT64_C(100000000)

/*
 * A terminal with lines that stay and, below them, a block that is redrawn; elsewhere lines only.
 * It never waits for its reader: what a stopped terminal does not take is kept up to a limit, then
 * dropped and counted.
 */
struct screen {
	int fd;
	bool owned; /* fd is ours: not blocking, and so not shared */
	bool live; /* a terminal that understands how to redraw */
	bool colour;
	struct str queue; /* not taken yet */
	size_t dropped; /* lines */
	unsigned width, height; /* when the block was drawn */
	unsigned drawn; /* rows of the block that are on the screen */
	struct {
		char *text;
		enum tint tint;
	} block[BLOCK_ROWS];
	size_t nblock;
};

void screen_init(struct screen *s, int fd);
/* Takes the block away and gives what is queued a moment. */
void screen_finish(struct screen *s);

/* One line that stays. Foreign text is made harmless. */
void screen_line(struct screen *s, enum tint tint, const char *text);

/* A new block: clear, add its rows (more than fit are not shown), draw. No effect when not live. */
void screen_block_clear(struct screen *s);
void screen_block_add(struct screen *s, enum tint tint, const char *text);
void screen_block_draw(struct screen *s);

/* Nobody knows any more where the block is: it is drawn anew, below what is there. */
void screen_lost(struct screen *s);

/* Columns and rows of the terminal now; 80x24 when it does not say. */
void screen_size(const struct screen *s, unsigned *width, unsigned *height);

#endif
