/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_TIME_BINS_H
#define VFIO_STRESS_MODEL_TIME_BINS_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/*
 * How many times were how long, however many they are: from 1 us to 12 days, 32 bins to an octave, so
 * that 2 % more is told apart. What is shorter is in the first bin, what is longer in the last.
 */
#define TIME_BINS_OCTAVE 32
#define TIME_BINS        (40 * TIME_BINS_OCTAVE)

struct time_bins {
	uint64_t n;
	uint32_t count[TIME_BINS];
};

void time_bins_add(struct time_bins *b, int64_t us);
/* Where a bin begins. */
double time_bin_us(unsigned bin);

/* "812:3 813:17", the bins that hold something: for a store. The arena's. */
const char *time_bins_text(const struct time_bins *b, struct arena *arena);
/* The other way; what is not such a text adds nothing from there on. */
void time_bins_read(const char *text, struct time_bins *out);

#endif
