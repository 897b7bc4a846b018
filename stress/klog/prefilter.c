/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/prefilter.h"

#include "base/mem.h"
#include "base/vec.h"
#include "klog/pattern.h"

#include <string.h>

/*
 * States are rows of `next`, one column per class of bytes (all bytes that no needle uses share
 * class 0). A state that ends needles has a list of the patterns they belong to.
 */
struct prefilter {
	uint8_t class_of[256];
	size_t classes, states, words;
	uint16_t *next; /* states x classes */
	uint16_t *list_of; /* per state, 0 = none */
	VEC(uint64_t) lists; /* words each; list 0 is what is always set */
	bool any_always;
};

#define STATES_MAX UINT16_MAX

/* A needle and whose it is. */
struct needle {
	const char *text;
	size_t pattern;
};

typedef VEC(struct needle) needle_list;

static void assign_classes(struct prefilter *pf, const needle_list *needles)
{
	const char *s;

	pf->classes = 1;
	vec_foreach (it, needles)
		for (s = it->text; *s != '\0'; s++)
			if (pf->class_of[(uint8_t)*s] == 0 && pf->classes < 256)
				pf->class_of[(uint8_t)*s] = (uint8_t)pf->classes++;
}

static uint16_t new_list(struct prefilter *pf)
{
	uint16_t at = (uint16_t)(pf->lists.n / pf->words);
	size_t i;

	for (i = 0; i < pf->words; i++)
		vec_push(&pf->lists);
	return at;
}

static void list_add(struct prefilter *pf, uint16_t list, size_t pattern)
{
	pf->lists.v[list * pf->words + pattern / 64] |= UINT64_C(1) << pattern % 64;
}

static uint16_t *cell(struct prefilter *pf, size_t state, size_t class)
{
	return &pf->next[state * pf->classes + class];
}

/* The trie: a path per needle. False when there are too many states. */
static bool add_needle(struct prefilter *pf, const struct needle *needle)
{
	size_t state = 0;
	const char *s;

	for (s = needle->text; *s != '\0'; s++) {
		uint16_t *to = cell(pf, state, pf->class_of[(uint8_t)*s]);

		if (*to == 0) {
			if (pf->states == STATES_MAX)
				return false;
			*to = (uint16_t)pf->states++;
		}
		state = *to;
	}
	if (pf->list_of[state] == 0)
		pf->list_of[state] = new_list(pf);
	list_add(pf, pf->list_of[state], needle->pattern);
	return true;
}

/* What ends in the failure state ends here too. */
static void inherit(struct prefilter *pf, size_t state, size_t fail)
{
	size_t i;

	if (pf->list_of[fail] == 0)
		return;
	if (pf->list_of[state] == 0) {
		pf->list_of[state] = pf->list_of[fail];
		return;
	}
	for (i = 0; i < pf->words; i++)
		pf->lists.v[pf->list_of[state] * pf->words + i] |=
			pf->lists.v[pf->list_of[fail] * pf->words + i];
}

/* Breadth first: missing edges take those of the longest proper suffix. */
static void add_failures(struct prefilter *pf)
{
	uint16_t *fail = xcalloc(pf->states, sizeof(*fail));
	uint16_t *queue = xcalloc(pf->states, sizeof(*queue));
	size_t head = 0, tail = 0, class;

	for (class = 0; class < pf->classes; class ++)
		if (*cell(pf, 0, class) != 0)
			queue[tail++] = *cell(pf, 0, class);
	while (head < tail) {
		size_t state = queue[head++];

		inherit(pf, state, fail[state]);
		for (class = 0; class < pf->classes; class ++) {
			uint16_t *to = cell(pf, state, class);

			if (*to != 0) {
				fail[*to] = *cell(pf, fail[state], class);
				queue[tail++] = *to;
			} else {
				*to = *cell(pf, fail[state], class);
			}
		}
	}
	free(fail);
	free(queue);
}

static void add_always(struct prefilter *pf, size_t pattern)
{
	list_add(pf, 0, pattern);
	pf->any_always = true;
}

/* A state per byte of the needles at most, and few more than are needed: the table is large. */
static void make_states(struct prefilter *pf, const needle_list *needles)
{
	size_t most = 1;

	vec_foreach (it, needles)
		most += strlen(it->text);
	if (most > STATES_MAX)
		most = STATES_MAX;
	pf->next = xcalloc(most * pf->classes, sizeof(*pf->next));
	pf->list_of = xcalloc(most, sizeof(*pf->list_of));
	pf->states = 1;
	vec_foreach (it, needles)
		if (!add_needle(pf, it))
			add_always(pf, it->pattern);
}

struct prefilter *prefilter_new(const struct pattern *const *patterns, size_t n)
{
	struct prefilter *pf = xcalloc(1, sizeof(*pf));
	needle_list needles = {0};
	size_t i, k, count;

	pf->words = (n + 63) / 64 + (n == 0);
	new_list(pf);
	for (i = 0; i < n; i++) {
		const char *const *texts = pattern_needles(patterns[i], &count);

		for (k = 0; k < count; k++)
			*vec_push(&needles) = (struct needle){texts[k], i};
		if (count == 0)
			add_always(pf, i);
	}
	assign_classes(pf, &needles);
	make_states(pf, &needles);
	add_failures(pf);
	vec_finish(&needles);
	return pf;
}

void prefilter_free(struct prefilter *pf)
{
	if (pf == NULL)
		return;
	vec_finish(&pf->lists);
	free(pf->next);
	free(pf->list_of);
	free(pf);
}

size_t prefilter_words(const struct prefilter *pf)
{
	return pf->words;
}

bool prefilter_scan(const struct prefilter *pf, const char *text, size_t len, uint64_t *set)
{
	const uint8_t *s = (const uint8_t *)text, *end = s + len;
	bool any = pf->any_always;
	size_t state = 0, i;

	memcpy(set, pf->lists.v, pf->words * sizeof(*set));
	for (; s < end; s++) {
		state = pf->next[state * pf->classes + pf->class_of[*s]];
		if (pf->list_of[state] != 0) {
			const uint64_t *list = &pf->lists.v[pf->list_of[state] * pf->words];

			for (i = 0; i < pf->words; i++)
				set[i] |= list[i];
			any = true;
		}
	}
	return any;
}
