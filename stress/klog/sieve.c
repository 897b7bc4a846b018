/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/sieve.h"

#include "base/mem.h"
#include "base/str.h"
#include "klog/klog.h"
#include "klog/multiscan.h"
#include "klog/needles.h"
#include "klog/prefilter.h"
#include "klog/rules.h"
#include "klog/widescan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sieve {
	bool all; /* a rule that any line may match: nothing falls through */
	struct widescan *wide; /* the fastest that there is for the processor */
	struct multiscan *fast;
	struct prefilter *slow;
};

struct sieve_hand {
	const struct sieve *sieve;
	struct multiscan_hand *fast;
};

/* longer ones are no rarer, and cost more to look for */
#define MESH_LEN WIDESCAN_LEN_MAX

static_assert(MESH_LEN == sizeof(uint64_t), "a piece is compared as a number");

typedef VEC(const char *) text_list;

/* ---- what to look for ---- */

/* False when a heeded rule has no needles. */
static bool list_needles(const struct rules *rules, text_list *out)
{
	size_t i, k, j, n;

	for (i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		for (k = 0; k < r->npatterns; k++) {
			const char *const *needles = pattern_needles(r->patterns[k], &n);

			if (!klog_heeds_pattern(r, r->patterns[k]))
				continue;
			for (j = 0; j < n; j++)
				*vec_push(out) = needles[j];
			if (n == 0)
				return false;
		}
	}
	return true;
}

/* Lines that mean nothing and have a heeded rule's words: what a good mesh lets through. */
static void list_ordinary(const struct rules *rules, struct str *out)
{
	size_t i, k;

	str_addf(out, "%s\n", needles_common());
	for (i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		for (k = 0; k < r->nsamples && !klog_heeds(r); k++)
			str_addf(out, "%s\n", r->samples[k]);
	}
}

/* All pieces of ordinary lines, by their bytes; 0 is an empty slot. */
struct pieces {
	uint64_t *slots;
	unsigned bits;
};

static uint64_t *piece_slot(const struct pieces *p, const char *s)
{
	uint64_t bytes, i, last = (UINT64_C(1) << p->bits) - 1;

	memcpy(&bytes, s, sizeof(bytes));
	for (i = bytes * UINT64_C(0x9e3779b97f4a7c15) >> (64 - p->bits);
		p->slots[i] != 0 && p->slots[i] != bytes; i = (i + 1) & last)
		;
	return &p->slots[i];
}

static void pieces_init(struct pieces *p, const struct str *text)
{
	size_t at;

	for (p->bits = 4; UINT64_C(1) << p->bits < 2 * text->len; p->bits++)
		;
	p->slots = xcalloc(UINT64_C(1) << p->bits, sizeof(*p->slots));
	for (at = 0; at + MESH_LEN <= text->len; at++)
		memcpy(piece_slot(p, text->s + at), text->s + at, MESH_LEN);
}

static int by_length(const void *a, const void *b)
{
	const char *const *s = a, *const *t = b;
	size_t n = strlen(*s), m = strlen(*t);

	return n != m ? (n < m ? -1 : 1) : strcmp(*s, *t);
}

static bool has_mesh(const text_list *meshes, const char *needle)
{
	size_t i;

	for (i = 0; i < meshes->n; i++)
		if (strstr(needle, meshes->v[i]) != NULL)
			return true;
	return false;
}

/* The rarest piece of a needle. */
static char *rarest_piece(const char *needle, const struct pieces *ordinary)
{
	size_t n = strlen(needle), at, best = 0;
	unsigned rarity, most = 0;

	for (at = 0; n > MESH_LEN && at + MESH_LEN <= n; at++) {
		rarity = *piece_slot(ordinary, needle + at) != 0
			? 1
			: needles_letters(needle + at, MESH_LEN);
		if (rarity >= most) {
			most = rarity;
			best = at;
		}
	}
	return xstrndup(needle + best, MESH_LEN);
}

/* A piece of each needle: a line with the needle has it. Short ones first, they may do for others. */
static void make_meshes(text_list *needles, const struct str *ordinary, text_list *out)
{
	struct pieces pieces;

	pieces_init(&pieces, ordinary);
	if (needles->n > 0)
		qsort(needles->v, needles->n, sizeof(needles->v[0]), by_length);
	vec_foreach (needle, needles)
		if (!has_mesh(out, *needle))
			*vec_push(out) = rarest_piece(*needle, &pieces);
	free(pieces.slots);
}

static void choose_engine(struct sieve *s, const text_list *meshes, const char *ordinary)
{
	VEC(struct needle) for_slow = {0};

	s->wide = widescan_new(meshes->v, meshes->n, ordinary);
	if (s->wide == NULL)
		s->fast = multiscan_new(meshes->v, meshes->n);
	if (s->wide != NULL || s->fast != NULL)
		return;
	vec_foreach (mesh, meshes)
		*vec_push(&for_slow) = (struct needle){*mesh, 0};
	s->slow = prefilter_new(for_slow.v, for_slow.n, 1);
	vec_finish(&for_slow);
}

struct sieve *sieve_new(const struct rules *rules, const char *const *also, size_t nalso)
{
	struct sieve *s = xcalloc(1, sizeof(*s));
	text_list needles = {0}, meshes = {0};
	struct str ordinary = {0};
	size_t i;

	list_ordinary(rules, &ordinary);
	for (i = 0; i < nalso; i++)
		*vec_push(&needles) = also[i];
	s->all = !list_needles(rules, &needles);
	make_meshes(&needles, &ordinary, &meshes);
	choose_engine(s, &meshes, ordinary.s);
	vec_foreach (mesh, &meshes)
		free((char *)*mesh);
	str_finish(&ordinary);
	vec_finish(&meshes);
	vec_finish(&needles);
	return s;
}

void sieve_free(struct sieve *s)
{
	if (s == NULL)
		return;
	widescan_free(s->wide);
	multiscan_free(s->fast);
	prefilter_free(s->slow);
	free(s);
}

struct sieve_hand *sieve_hand_new(const struct sieve *s)
{
	struct sieve_hand *h = xcalloc(1, sizeof(*h));

	h->sieve = s;
	h->fast = s->fast != NULL ? multiscan_hand_new(s->fast) : NULL;
	return h;
}

void sieve_hand_free(struct sieve_hand *h)
{
	if (h == NULL)
		return;
	multiscan_hand_free(h->fast);
	free(h);
}

/* ---- sieving ---- */

typedef uint8_t bytes __attribute__((vector_size(16), aligned(1), may_alias));

static uint64_t count_newlines(const char *s, size_t n)
{
	const bytes newlines = (bytes){} + (uint8_t)'\n';
	uint64_t sum = 0;
	size_t i = 0, k;

	while (n - i >= 2 * sizeof(bytes)) {
		bytes even = {}, odd = {};

		/* a byte of the counts holds up to 255 */
		for (k = 0; k < 255 && n - i >= 2 * sizeof(bytes); k++, i += 2 * sizeof(bytes)) {
			even -= (bytes)(*(const bytes *)(s + i) == newlines);
			odd -= (bytes)(*(const bytes *)(s + i + sizeof(bytes)) == newlines);
		}
		for (k = 0; k < sizeof(bytes); k++)
			sum += even[k] + odd[k];
	}
	for (; i < n; i++)
		sum += s[i] == '\n';
	return sum;
}

/* One text on its way through. */
struct pass {
	const struct sieve *sieve;
	const char *text;
	size_t len;
	size_t next; /* behind the line that was kept last */
	size_t counted; /* newlines are counted up to here */
	struct sieved_lines *out;
};

static void count_up_to(struct pass *p, size_t at)
{
	const char *s = p->text + p->counted;
	size_t n = at - p->counted;

	p->out->newlines += p->sieve->wide != NULL ? widescan_newlines(p->sieve->wide, s, n)
						   : count_newlines(s, n);
	p->counted = at;
}

static void keep_line_of(void *arg, size_t end)
{
	struct pass *p = arg;
	size_t place = end - 1, at;
	const char *nl;

	if (place < p->next)
		return;
	nl = memrchr(p->text + p->next, '\n', place - p->next);
	at = nl != NULL ? (size_t)(nl - p->text) + 1 : p->next;
	count_up_to(p, at);
	*vec_push(&p->out->list) = (struct sieved){at, p->out->newlines};
	nl = memchr(p->text + place, '\n', p->len - place);
	p->next = nl != NULL ? (size_t)(nl - p->text) + 1 : p->len;
}

static void sieve_slowly(const struct prefilter *slow, struct pass *p)
{
	size_t end;

	while ((end = prefilter_find(slow, p->text + p->next, p->len - p->next)) > 0)
		keep_line_of(p, p->next + end);
}

void sieve_text(struct sieve_hand *h, const char *text, size_t len, struct sieved_lines *out)
{
	struct pass p = {.sieve = h->sieve, .text = text, .len = len, .out = out};

	out->list.n = 0;
	out->newlines = 0;
	/* an escape sequence, which the terminal would not show, may stand in the middle of a word */
	out->all = h->sieve->all || memchr(text, '\033', len) != NULL;
	if (!out->all && h->sieve->wide != NULL)
		widescan_text(h->sieve->wide, text, len, keep_line_of, &p);
	else if (!out->all && h->fast != NULL)
		multiscan_text(h->sieve->fast, h->fast, text, len, keep_line_of, &p);
	else if (!out->all)
		sieve_slowly(h->sieve->slow, &p);
	count_up_to(&p, len);
}
