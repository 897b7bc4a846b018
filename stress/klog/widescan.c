/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/widescan.h"

#include "base/mem.h"
#include "base/vec.h"

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * The texts are shared out among buckets, each a bit. A lookup goes by the low six bits of a byte,
 * or of a mix of two, and tells which buckets have a text with that there: VPERMB does so for 64
 * places at once. Where all lookups of a bucket say yes, one of its texts may end; then the bytes
 * are compared.
 */
static const struct {
	uint8_t back; /* from the last byte of a text */
	uint8_t apart; /* the other byte, still further back; 0 = none */
} lookups[] = {
	{0, 0}, {1, 0}, {2, 0}, {3, 0}, /* for short texts: single bytes */
	{0, 1}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, /* for long ones: neighbours */
	{0, 4}, {1, 4}, {2, 4}, {3, 4}, /* without these all words of the same letters would pass */
};

#define LOOKUPS       ((int)ARRAY_SIZE(lookups))
#define LOOKUPS_SHORT 4
#define LOOKUPS_NEAR  7
#define LOOKUPS_FAR   4
#define FAR           4 /* bytes */
#define SLOTS         64 /* of a lookup */
#define ANY           SLOTS /* the text is too short for the lookup */
#define BUCKETS       16 /* the first half is for short texts */
#define BUCKETS_HALF  8
#define UNSEEN        3 /* as if each slot had been seen so often more: examples are small */
#define ROUNDS        5 /* few texts still change their bucket then */
#define BLOCK         64 /* places that are looked at at once */
#define CHUNK         (BLOCK * 64) /* a bit each; its mixes stay in the first-level cache */
#define HASH_BITS     16
#define CHAIN_BITS    11
#define WIDE          __attribute__((target("avx512f,avx512bw,avx512vbmi,popcnt")))

struct wanted {
	uint64_t bytes, mask; /* of the eight bytes that end with it */
	uint16_t next; /* of the chain; 0 = none */
};

struct widescan {
	uint8_t buckets[LOOKUPS_SHORT + LOOKUPS_NEAR + LOOKUPS_FAR][SLOTS];
	uint64_t known[(1 << HASH_BITS) / 64]; /* a bit for the hash of each text */
	uint16_t chains[1 << CHAIN_BITS]; /* by the hash of the last three bytes */
	VEC(struct wanted) wanted; /* the first is none */
};

static inline uint8_t mix(uint8_t c, uint8_t before)
{
	return (uint8_t)(c + 3 * before);
}

/* ---- sharing out ---- */

struct piece {
	uint8_t slots[ARRAY_SIZE(lookups)];
	bool is_short;
	size_t bucket;
};

struct plan {
	double ordinary[ARRAY_SIZE(lookups)][SLOTS + 1]; /* how much of ordinary text has it */
	uint16_t uses[BUCKETS][ARRAY_SIZE(lookups)][SLOTS + 1]; /* texts that have it */
	double odds[BUCKETS][ARRAY_SIZE(lookups)]; /* of ordinary text to have one of these */
	double cost[BUCKETS];
};

static uint8_t slot_at(const char *end, int lookup)
{
	const uint8_t *c = (const uint8_t *)end - 1 - lookups[lookup].back;
	uint8_t apart = lookups[lookup].apart;

	return (apart == 0 ? *c : mix(*c, c[-apart])) % SLOTS;
}

static void learn_ordinary(struct plan *p, const char *text)
{
	size_t n = strlen(text), seen, i;
	int k;

	for (k = 0; k < LOOKUPS; k++) {
		seen = n > WIDESCAN_LEN_MAX ? n - WIDESCAN_LEN_MAX : 0;
		for (i = 0; i < seen; i++)
			p->ordinary[k][slot_at(text + WIDESCAN_LEN_MAX + i, k)]++;
		for (i = 0; i < SLOTS; i++)
			p->ordinary[k][i] =
				(p->ordinary[k][i] + UNSEEN) / (double)(seen + UNSEEN * SLOTS);
		p->ordinary[k][ANY] = 1;
	}
}

static void make_piece(const char *text, struct piece *out)
{
	size_t n = strlen(text);
	int k;

	out->is_short = n < WIDESCAN_LEN_MAX;
	for (k = 0; k < LOOKUPS; k++)
		out->slots[k] =
			(size_t)lookups[k].back + lookups[k].apart < n ? slot_at(text + n, k) : ANY;
}

/* How often ordinary text would be compared with the bucket's texts, if it had this one too. */
static double cost(const struct plan *p, size_t bucket, const struct piece *also)
{
	bool is_short = bucket < BUCKETS_HALF;
	int k, end = is_short ? LOOKUPS_SHORT : LOOKUPS;
	double all = 1;

	for (k = is_short ? 0 : LOOKUPS_SHORT; k < end; k++) {
		double odds = p->odds[bucket][k];

		if (also != NULL && p->uses[bucket][k][also->slots[k]] == 0)
			odds += p->ordinary[k][also->slots[k]];
		all *= odds < 1 ? odds : 1;
	}
	return all;
}

static void put_in(struct plan *p, size_t bucket, struct piece *piece)
{
	int k;

	piece->bucket = bucket;
	p->cost[bucket] = cost(p, bucket, piece);
	for (k = 0; k < LOOKUPS; k++)
		if (p->uses[bucket][k][piece->slots[k]]++ == 0)
			p->odds[bucket][k] += p->ordinary[k][piece->slots[k]];
}

static void take_out(struct plan *p, const struct piece *piece)
{
	int k;

	for (k = 0; k < LOOKUPS; k++)
		if (--p->uses[piece->bucket][k][piece->slots[k]] == 0)
			p->odds[piece->bucket][k] -= p->ordinary[k][piece->slots[k]];
	p->cost[piece->bucket] = cost(p, piece->bucket, NULL);
}

static size_t best_bucket(const struct plan *p, const struct piece *piece)
{
	size_t first = piece->is_short ? 0 : BUCKETS_HALF, best = first, i;
	double least = 2, more;

	for (i = first; i < first + BUCKETS_HALF; i++) {
		more = cost(p, i, piece) - p->cost[i];
		if (more < least) {
			least = more;
			best = i;
		}
	}
	return best;
}

static void share_out(struct plan *p, struct piece *pieces, size_t n)
{
	size_t i, round;

	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < n; i++) {
			if (round > 0)
				take_out(p, &pieces[i]);
			put_in(p, best_bucket(p, &pieces[i]), &pieces[i]);
		}
}

static void fill_lookups(struct widescan *w, const struct plan *p)
{
	size_t b, slot;
	int k;

	for (b = 0; b < BUCKETS; b++)
		for (k = 0; k < LOOKUPS; k++)
			for (slot = 0; slot < SLOTS; slot++)
				if ((k < LOOKUPS_SHORT) == (b < BUCKETS_HALF) &&
					p->uses[b][k][slot] + p->uses[b][k][ANY] > 0)
					w->buckets[k][slot] |= (uint8_t)(1 << b % BUCKETS_HALF);
}

/* ---- comparing ---- */

/* The last three bytes, which each text has. */
static inline uint64_t tail_of(uint64_t bytes)
{
	return bytes >> 40;
}

static inline size_t hash(uint64_t bytes, int bits)
{
	return bytes * UINT64_C(0x9e3779b97f4a7c15) >> (64 - bits);
}

static void want(struct widescan *w, const char *text)
{
	struct wanted one = {0};
	size_t n = strlen(text), skip = sizeof(one.bytes) - n;
	uint16_t *chain;
	size_t h;

	memcpy((char *)&one.bytes + skip, text, n);
	memset((char *)&one.mask + skip, 0xff, n);
	h = hash(n < sizeof(one.bytes) ? tail_of(one.bytes) : one.bytes, HASH_BITS);
	w->known[h / 64] |= UINT64_C(1) << h % 64;
	chain = &w->chains[hash(tail_of(one.bytes), CHAIN_BITS)];
	one.next = *chain;
	*chain = (uint16_t)w->wanted.n;
	*vec_push(&w->wanted) = one;
}

/* 1 or 0 */
static inline uint64_t known_bit(const struct widescan *w, uint64_t bytes)
{
	size_t h = hash(bytes, HASH_BITS);

	return w->known[h / 64] >> h % 64 & 1;
}

/* Does one end with the byte at s? */
static bool ends_at(const struct widescan *w, const char *s)
{
	const struct wanted *one;
	uint64_t bytes;
	uint16_t at;

	memcpy(&bytes, s + 1 - sizeof(bytes), sizeof(bytes));
	/* one jump, which is nearly always foreseen */
	if ((known_bit(w, bytes) | known_bit(w, tail_of(bytes))) == 0)
		return false;
	for (at = w->chains[hash(tail_of(bytes), CHAIN_BITS)]; at != 0; at = one->next) {
		one = &w->wanted.v[at];
		if ((bytes & one->mask) == one->bytes)
			return true;
	}
	return false;
}

/* ---- looking ---- */

/* Of the chunk; the first block is for what is in front of it. */
struct mixes {
	uint8_t near[BLOCK + CHUNK], far[BLOCK + CHUNK];
};

WIDE static inline __m512i load(const void *p)
{
	return _mm512_loadu_si512(p);
}

WIDE static inline __m512i mix_wide(__m512i c, __m512i before)
{
	return _mm512_add_epi8(_mm512_add_epi8(c, before), _mm512_add_epi8(before, before));
}

WIDE static void mix_chunk(const char *s, size_t n, struct mixes *out)
{
	const uint8_t *c = (const uint8_t *)s;
	size_t i;

	for (i = 1; i < LOOKUPS_NEAR; i++)
		out->near[BLOCK - i] = mix(*(c - i), *(c - i - 1));
	for (i = 1; i < LOOKUPS_FAR; i++)
		out->far[BLOCK - i] = mix(*(c - i), *(c - i - FAR));
	for (i = 0; i < n; i += BLOCK) {
		__m512i here = load(s + i);

		_mm512_storeu_si512(out->near + BLOCK + i, mix_wide(here, load(s + i - 1)));
		_mm512_storeu_si512(out->far + BLOCK + i, mix_wide(here, load(s + i - FAR)));
	}
}

/* Of the lookups of one kind, the first of which is for the bytes at s. */
WIDE static inline __m512i look(const void *s, const __m512i *buckets, int n)
{
	__m512i all = _mm512_permutexvar_epi8(load(s), buckets[0]);
	int k;

#pragma GCC unroll 8
	for (k = 1; k < n; k++)
		all = _mm512_and_si512(
			all, _mm512_permutexvar_epi8(load((const char *)s - k), buckets[k]));
	return all;
}

/*
 * For each block the places where a text may end; returns which blocks have any. No calls here: all
 * lookups stay in registers.
 */
WIDE static uint64_t find_places(const struct widescan *w, const char *s, size_t n, uint64_t *out)
{
	struct mixes mixes;
	uint64_t blocks = 0;
	__m512i buckets[ARRAY_SIZE(lookups)], any;
	size_t i;
	int k;

#pragma GCC unroll 16
	for (k = 0; k < LOOKUPS; k++)
		buckets[k] = load(w->buckets[k]);
	mix_chunk(s, n, &mixes);
	for (i = 0; i < n; i += BLOCK) {
		any = _mm512_and_si512(
			look(mixes.near + BLOCK + i, buckets + LOOKUPS_SHORT, LOOKUPS_NEAR),
			look(mixes.far + BLOCK + i, buckets + LOOKUPS_SHORT + LOOKUPS_NEAR,
				LOOKUPS_FAR));
		any = _mm512_or_si512(any, look(s + i, buckets, LOOKUPS_SHORT));
		out[i / BLOCK] = _mm512_test_epi8_mask(any, any);
		blocks |= (uint64_t)(out[i / BLOCK] != 0) << i / BLOCK;
	}
	return blocks;
}

struct search {
	const struct widescan *w;
	widescan_found *found;
	void *arg;
};

/* n bytes in whole blocks, which have seven more in front of them. */
static void search_chunk(const struct search *search, const char *s, size_t n, size_t at)
{
	uint64_t places[CHUNK / BLOCK], blocks, some;
	size_t i, place;

	for (blocks = find_places(search->w, s, n, places); blocks != 0; blocks &= blocks - 1) {
		i = (size_t)__builtin_ctzll(blocks);
		for (some = places[i]; some != 0; some &= some - 1) {
			place = i * BLOCK + (size_t)__builtin_ctzll(some);
			if (ends_at(search->w, s + place))
				search->found(search->arg, at + place + 1);
		}
	}
}

/* The n bytes at `at`, at most a block, where reading whole ones would leave the text. */
static void search_edge(const struct search *search, const char *text, size_t at, size_t n)
{
	char s[WIDESCAN_LEN_MAX + BLOCK] = {0};
	size_t before = at < WIDESCAN_LEN_MAX ? at : WIDESCAN_LEN_MAX;

	memcpy(s + WIDESCAN_LEN_MAX - before, text + at - before, before + n);
	search_chunk(search, s + WIDESCAN_LEN_MAX, BLOCK, at);
}

void widescan_text(
	const struct widescan *w, const char *text, size_t len, widescan_found *found, void *arg)
{
	struct search search = {w, found, arg};
	size_t at, n;

	n = len < BLOCK ? len : BLOCK;
	search_edge(&search, text, 0, n);
	for (at = n; len - at >= BLOCK; at += n) {
		n = len - at < CHUNK ? (len - at) / BLOCK * BLOCK : CHUNK;
		search_chunk(&search, text + at, n, at);
	}
	if (at < len)
		search_edge(&search, text, at, len - at);
}

WIDE uint64_t widescan_newlines(const struct widescan *w, const char *text, size_t len)
{
	const __m512i newlines = _mm512_set1_epi8('\n');
	uint64_t sum = 0;
	size_t i;

	(void)w; /* proves that the processor can */
	for (i = 0; len - i >= BLOCK; i += BLOCK)
		sum += (uint64_t)__builtin_popcountll(
			_mm512_cmpeq_epi8_mask(load(text + i), newlines));
	if (i < len) {
		const __mmask64 rest = ~UINT64_C(0) >> (BLOCK - (len - i));

		sum += (uint64_t)__builtin_popcountll(_mm512_mask_cmpeq_epi8_mask(
			rest, _mm512_maskz_loadu_epi8(rest, text + i), newlines));
	}
	return sum;
}

/* ---- making it ---- */

static bool is_for_us(const char *const *texts, size_t n)
{
	size_t i, len;

	for (i = 0; i < n; i++) {
		len = strlen(texts[i]);
		if (len < WIDESCAN_LEN_MIN || len > WIDESCAN_LEN_MAX)
			return false;
	}
	return n < UINT16_MAX && __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi") &&
		__builtin_cpu_supports("popcnt");
}

struct widescan *widescan_new(const char *const *texts, size_t n, const char *ordinary)
{
	struct widescan *w;
	struct plan *plan;
	struct piece *pieces;
	size_t i;

	if (!is_for_us(texts, n))
		return NULL;
	w = xcalloc(1, sizeof(*w));
	plan = xcalloc(1, sizeof(*plan));
	pieces = xcalloc(n + 1, sizeof(*pieces));
	learn_ordinary(plan, ordinary);
	vec_push(&w->wanted);
	for (i = 0; i < n; i++) {
		make_piece(texts[i], &pieces[i]);
		want(w, texts[i]);
	}
	share_out(plan, pieces, n);
	fill_lookups(w, plan);
	free(pieces);
	free(plan);
	return w;
}

void widescan_free(struct widescan *w)
{
	if (w == NULL)
		return;
	vec_finish(&w->wanted);
	free(w);
}
