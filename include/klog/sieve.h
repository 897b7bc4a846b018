/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_SIEVE_H
#define VFIO_STRESS_KLOG_SIEVE_H

#include "base/vec.h"

#include <stdbool.h>
#include <stdint.h>

struct rules;

/*
 * Of a large text, the lines that klog makes something of: at least those that a rule which it
 * heeds can match. The rest need not even be cut into lines. Shared by threads.
 */
struct sieve;
/* What a thread needs for it. */
struct sieve_hand;

/* A line that stays. */
struct sieved {
	size_t at; /* of its first byte */
	uint64_t before; /* newlines in front of it */
};

struct sieved_lines {
	VEC(struct sieved) list;
	bool all; /* no line may be passed over; the list is empty */
	uint64_t newlines;
};

/* `also`: further texts whose lines stay; the line's newline may be part of one. */
struct sieve *sieve_new(const struct rules *rules, const char *const *also, size_t nalso);
void sieve_free(struct sieve *s);
struct sieve_hand *sieve_hand_new(const struct sieve *s);
void sieve_hand_free(struct sieve_hand *h);
/* `text` ends with a line. What `out` held is replaced. */
void sieve_text(struct sieve_hand *h, const char *text, size_t len, struct sieved_lines *out);

#endif
