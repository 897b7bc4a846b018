/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/prefilter.h"

#include "base/mem.h"
#include "base/vec.h"

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

static void assign_classes(struct prefilter *pf, const struct needle *needles, size_t n)
{
	const char *s;
	size_t i;

	pf->classes = 1;
	for (i = 0; i < n; i++)
		for (s = needles[i].text; *s != '\0'; s++)
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

struct prefilter *prefilter_new(const struct needle *needles, size_t n, size_t patterns)
{
	struct prefilter *pf = xcalloc(1, sizeof(*pf));
	size_t i, most = 1;

	pf->words = (patterns + 63) / 64 + (patterns == 0);
	assign_classes(pf, needles, n);
	for (i = 0; i < n; i++)
		most += strlen(needles[i].text);
	if (most > STATES_MAX)
		most = STATES_MAX;
	pf->next = xcalloc(most * pf->classes, sizeof(*pf->next));
	pf->list_of = xcalloc(most, sizeof(*pf->list_of));
	pf->states = 1;
	new_list(pf);
	for (i = 0; i < n; i++)
		if (needles[i].text[0] == '\0' || !add_needle(pf, &needles[i]))
			add_always(pf, needles[i].pattern);
	add_failures(pf);
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

size_t prefilter_find(const struct prefilter *pf, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t state = 0, i;

	for (i = 0; i < len; i++) {
		state = pf->next[state * pf->classes + pf->class_of[s[i]]];
		if (pf->list_of[state] != 0)
			return i + 1;
	}
	return 0;
}
