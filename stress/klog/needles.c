/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/needles.h"

#include "base/vec.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * What every match of a part of an expression has. `run` is all that its end may be, since the last
 * thing that could be anything; if there was none (`whole`), all that the part can match. `head` is
 * the same of its beginning. Runs multiply with what follows: "(?:AER: )?can't " makes two.
 */
struct part {
	bool whole;
	struct needles head, run, best; /* head: unless whole */
	unsigned rarity; /* of best; 0 = none yet */
};

/* An expression on its way through. */
struct reader {
	const char *s;
	int depth;
	bool lost; /* at something that is not worth understanding */
};

#define DEPTH_MAX   12 /* groups in groups */
#define CLASS_MAX   8 /* "[Uu]" is two texts, "[a-z]" is anything */
#define REPEATS_MAX 4 /* of " {2,}" */

static void read_choice(struct reader *r, struct part *out);

/* ---- how rare ---- */

/* What ordinary lines consist of: a needle of these would find them all. */
static const char common[] =
	" 0000:00:00.0: 0x00000000 [mem 0x0000 size from the with for and not has been "
	" device devices error errors failed request requests status: present enabled "
	" disabled disable enabling timeout timed out reset link Link config memory resource "
	"bridge "
	" driver using firmware detected supported support invalid received process registered "
	" address version number port power state event type mode level table page fault cleared "
	" interrupt queue buffer command completed controller handling initialized started stopped "
	" blocked pending waiting removed added found unable assigned available domain group "
	" CPU BAR pci: ACPI: usb kernel: class host root over limit value: AER: AMD-Vi: DMAR: "
	" DMAR-IR: DPC: EDAC MC: NVRM: clocksource: mce: rcu: "
	" vcpu 0: requested lapic timer restore with starting count link is not ready "
	" process started with executable stack unexpected event for opcode "
	" detected capacity change ";

/* How much a character adds: words and numbers are made of the common ones. */
static unsigned rarity_of(char c, char before, char behind)
{
	if (c == ' ') /* two words are rarer than one */
		return before != '\0' && behind != '\0' ? 3 : 1;
	if (islower((uint8_t)c) || isdigit((uint8_t)c) || c == ':')
		return 2;
	return isupper((uint8_t)c) && islower((uint8_t)behind) ? 3 : 4;
}

unsigned needles_letters(const char *s, size_t n)
{
	unsigned sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += rarity_of(s[i], i > 0 ? s[i - 1] : '\0', i + 1 < n ? s[i + 1] : '\0');
	return sum;
}

const char *needles_common(void)
{
	return common;
}

/* 0 = too short to tell anything. */
static unsigned text_rarity(const char *s)
{
	size_t n = strlen(s);

	if (n < NEEDLE_LEN_MIN)
		return 0;
	return strstr(common, s) != NULL ? 1 : needles_letters(s, n);
}

/* Of a set the least rare text counts, and each costs: it must be looked for. Common ones are worst. */
static unsigned set_rarity(const struct needles *set)
{
	unsigned least = 0, one;
	size_t i;

	for (i = 0; i < set->n; i++) {
		one = text_rarity(set->v[i]);
		if (one == 0)
			return 0;
		if (i == 0 || one < least)
			least = one;
	}
	if (least <= 1)
		return least;
	return least > set->n + 2 ? least - (unsigned)set->n : 2;
}

/* ---- sets of texts; what returns false has changed nothing ---- */

static const struct needles nothing = {.n = 1}; /* the empty text alone */

static bool set_has(const struct needles *set, const char *s)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (strcmp(set->v[i], s) == 0)
			return true;
	return false;
}

static bool set_unite(struct needles *set, const struct needles *more)
{
	size_t i, n = set->n;

	for (i = 0; i < more->n; i++) {
		if (set_has(set, more->v[i]))
			continue;
		if (set->n == NEEDLES_MAX) {
			set->n = n;
			return false;
		}
		memcpy(set->v[set->n++], more->v[i], sizeof(more->v[i]));
	}
	return true;
}

/*
 * Each text followed by each of `next`. Of what gets too long the end stays, and *cut is set; with
 * `cut` NULL that is too many.
 */
static bool set_multiply(struct needles *set, const struct needles *next, bool *cut)
{
	struct needles all;
	size_t i, k;

	all.n = 0;
	if (set->n * next->n > NEEDLES_MAX)
		return false;
	for (i = 0; i < set->n; i++)
		for (k = 0; k < next->n; k++) {
			size_t n = strlen(set->v[i]), m = strlen(next->v[k]), lost = 0;

			if (n + m > NEEDLE_LEN_MAX)
				lost = n + m - NEEDLE_LEN_MAX;
			if (lost > 0 && cut == NULL)
				return false;
			if (lost > 0)
				*cut = true;
			memcpy(all.v[all.n], set->v[i] + lost, n - lost);
			memcpy(all.v[all.n++] + n - lost, next->v[k], m + 1);
		}
	memcpy(set->v, all.v, all.n * sizeof(all.v[0]));
	set->n = all.n;
	return true;
}

static bool set_append(struct needles *set, char c)
{
	size_t i, n;

	for (i = 0; i < set->n; i++)
		if (strlen(set->v[i]) == NEEDLE_LEN_MAX)
			return false;
	for (i = 0; i < set->n; i++) {
		n = strlen(set->v[i]);
		set->v[i][n] = c;
		set->v[i][n + 1] = '\0';
	}
	return true;
}

/* Whoever has the longer one has the shorter. */
static void set_reduce(struct needles *set)
{
	size_t i, k, n = 0;

	for (i = 0; i < set->n; i++) {
		bool needed = true;

		for (k = 0; k < set->n && needed; k++)
			needed = k == i || strstr(set->v[i], set->v[k]) == NULL ||
				(k > i && strcmp(set->v[i], set->v[k]) == 0);
		if (needed && n++ != i)
			memcpy(set->v[n - 1], set->v[i], sizeof(set->v[i]));
	}
	set->n = n;
}

/* ---- parts ---- */

static void part_init(struct part *p, bool whole)
{
	p->whole = whole;
	p->head.n = p->run.n = 1;
	p->head.v[0][0] = p->run.v[0][0] = '\0';
	p->best.n = 0;
	p->rarity = 0;
}

static void copy_set(struct needles *to, const struct needles *from)
{
	to->n = from->n;
	memcpy(to->v, from->v, from->n * sizeof(from->v[0]));
}

/* Too short to tell anything. */
static bool has_short(const struct needles *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (strlen(set->v[i]) < NEEDLE_LEN_MIN)
			return true;
	return set->n == 0;
}

static void offer(struct part *p, const struct needles *set)
{
	struct needles few;
	unsigned rarity;

	if (has_short(set))
		return;
	copy_set(&few, set);
	set_reduce(&few);
	rarity = set_rarity(&few);
	if (rarity <= p->rarity)
		return;
	p->rarity = rarity;
	copy_set(&p->best, &few);
}

/* What the run was is over; `run` is what it is from here on. */
static void part_break(struct part *p, const struct needles *run)
{
	offer(p, &p->run);
	if (p->whole)
		copy_set(&p->head, &p->run);
	p->whole = false;
	copy_set(&p->run, run);
}

static void part_add(struct part *p, char c)
{
	if (set_append(&p->run, c))
		return;
	part_break(p, &nothing);
	set_append(&p->run, c);
}

/* `p` followed by `next`. */
static void part_join(struct part *p, const struct part *next)
{
	struct needles before;
	bool cut = false;

	copy_set(&before, &p->run);
	if (!set_multiply(&p->run, next->whole ? &next->run : &next->head, &cut)) {
		part_break(p, &next->run);
	} else if (cut) {
		offer(p, &before);
		if (p->whole)
			copy_set(&p->head, &before);
		p->whole = false;
	}
	offer(p, &next->best);
	if (!next->whole)
		part_break(p, &next->run);
}

/* `p` or `other`. */
static void part_either(struct part *p, struct part *other)
{
	if (p->whole && other->whole && set_unite(&p->run, &other->run))
		return;
	part_break(p, &nothing);
	part_break(other, &nothing);
	if (!set_unite(&p->head, &other->head))
		copy_set(&p->head, &nothing);
	if (p->rarity > 0 && other->rarity > 0 && set_unite(&p->best, &other->best)) {
		p->rarity = set_rarity(&p->best);
	} else {
		p->rarity = 0;
		p->best.n = 0;
	}
}

/* `p` as often as it must come; true when it may come more often than that. */
static bool part_repeat(struct part *p, unsigned min, unsigned max)
{
	struct needles once;
	unsigned i;

	if (min == 1 && max == 1)
		return false;
	if (min == 0) {
		if (max != 1 || !p->whole || !set_unite(&p->run, &nothing))
			part_init(p, false);
		return false;
	}
	if (!p->whole)
		return false;
	copy_set(&once, &p->run);
	for (i = 1; i < min && i < REPEATS_MAX && set_multiply(&p->run, &once, NULL); i++)
		;
	return i < min || max > min;
}

/* ---- reading ---- */

/* Raw records have '\\' and all that is not plain ASCII escaped; a '?' may have been a NUL. */
static bool is_certain(char c)
{
	return c >= ' ' && c < 0x7f && c != '\\' && c != '?';
}

/* "?", "*", "+", "{2,3}", each also lazy or possessive. False: there is none. */
static bool read_quantifier(struct reader *r, unsigned *min, unsigned *max)
{
	char *end;

	*min = *max = 1;
	if (*r->s == '?' || *r->s == '*' || *r->s == '+') {
		*min = *r->s == '+';
		*max = *r->s == '?' ? 1 : ~0u;
		r->s++;
	} else if (*r->s == '{' && isdigit((uint8_t)r->s[1])) {
		*min = *max = (unsigned)strtoul(r->s + 1, &end, 10);
		if (*end == ',')
			*max = isdigit((uint8_t) * ++end) ? (unsigned)strtoul(end, &end, 10) : ~0u;
		/* else it is text */
		r->lost = *end != '}';
		r->s = end + 1;
	} else {
		return false;
	}
	if (!r->lost && (*r->s == '?' || *r->s == '+'))
		r->s++;
	return true;
}

/* Behind the class at s, NULL when it is not understood; its members when they are few. */
static const char *read_class(const char *s, struct part *out)
{
	bool few = s[1] != '^';
	const char *begin;
	char one[2] = "";

	out->run.n = 0;
	s += few ? 1 : 2;
	for (begin = s; *s != ']' || s == begin; s++) {
		if (*s == '\0')
			return NULL;
		if (*s == '[' && s[1] == ':') {
			s = strstr(s, ":]");
			few = false;
			if (s == NULL)
				return NULL;
			s++;
			continue;
		}
		if (*s == '\\' && (*++s == 'Q' || *s == 'E' || *s == '\0'))
			return NULL;
		few = few && out->run.n < CLASS_MAX && !(s[-1] == '\\' && isalnum((uint8_t)*s)) &&
			!(s[1] == '-' && s[2] != ']') && is_certain(*s);
		if (few) {
			one[0] = *s;
			memcpy(out->run.v[out->run.n++], one, sizeof(one));
		}
	}
	if (!few)
		part_init(out, false);
	return s + 1;
}

static void read_set(struct reader *r, struct part *out)
{
	const char *behind = read_class(r->s, out);

	if (behind == NULL)
		r->lost = true;
	else
		r->s = behind;
}

/* Behind "(?:", "(?<name>" and the like; NULL for what is not understood. */
static const char *group_body(const char *s, bool *looks)
{
	static const char *const around[] = {"(?=", "(?!", "(?<=", "(?<!"};
	static const char *const plain[] = {"(?:", "(?|", "(?>"};
	size_t i;

	*looks = false;
	if (s[1] == '*')
		return NULL;
	if (s[1] != '?')
		return s + 1;
	for (i = 0; i < ARRAY_SIZE(around); i++)
		if (strncmp(s, around[i], strlen(around[i])) == 0) {
			*looks = true;
			return s + strlen(around[i]);
		}
	for (i = 0; i < ARRAY_SIZE(plain); i++)
		if (strncmp(s, plain[i], strlen(plain[i])) == 0)
			return s + strlen(plain[i]);
	s += s[2] == 'P' ? 3 : 2;
	if (*s != '<' && *s != '\'')
		return NULL;
	s = strpbrk(s + 1, ">'");
	return s == NULL ? NULL : s + 1;
}

static void read_group(struct reader *r, struct part *out)
{
	bool looks;
	const char *body = group_body(r->s, &looks);

	if (body == NULL || r->depth == DEPTH_MAX) {
		r->lost = true;
		return;
	}
	r->s = body;
	r->depth++;
	read_choice(r, out);
	r->depth--;
	if (*r->s != ')')
		r->lost = true;
	else
		r->s++;
	/* what is only looked at is no part of the match, and may be what must not be there */
	if (looks)
		part_init(out, true);
}

/* "\\." stands for a character, "\\d" for any of some, "\\b" for nothing, the rest for trouble. */
static char read_escape(struct reader *r, struct part *out)
{
	char c = r->s[1];

	if (c == '\0' ||
		(isalnum((uint8_t)c) && strchr("dDwWsShHvVNRXCrfeantbBAzZGK", c) == NULL)) {
		r->lost = true;
		return '\0';
	}
	r->s += 2;
	if (!isalnum((uint8_t)c))
		return c;
	out->whole = strchr("bBAzZGK", c) != NULL;
	return '\0';
}

/* What stands at r->s: a character that stands for itself, or '\0' and `out`. */
static char read_atom(struct reader *r, struct part *out)
{
	char c = *r->s;

	part_init(out, true);
	if (c == '\\') {
		c = read_escape(r, out);
	} else if (c == '(') {
		read_group(r, out);
		return '\0';
	} else if (c == '[') {
		read_set(r, out);
		return '\0';
	} else {
		r->s++;
		if (c == '.')
			out->whole = false;
		if (strchr(".^$", c) != NULL)
			return '\0';
	}
	if (c != '\0' && !is_certain(c)) {
		out->whole = false;
		c = '\0';
	}
	return c;
}

static void read_sequence(struct reader *r, struct part *out)
{
	struct part atom;
	unsigned min, max;
	bool more;
	char c;

	part_init(out, true);
	while (!r->lost && *r->s != '\0' && *r->s != '|' && *r->s != ')') {
		c = read_atom(r, &atom);
		if (r->lost)
			return;
		if (!read_quantifier(r, &min, &max) && c != '\0') {
			part_add(out, c);
			continue;
		}
		if (c != '\0')
			part_add(&atom, c);
		more = part_repeat(&atom, min, max);
		part_join(out, &atom);
		if (more)
			part_break(out, &atom.run);
	}
}

static void read_choice(struct reader *r, struct part *out)
{
	struct part other;

	read_sequence(r, out);
	while (!r->lost && *r->s == '|') {
		r->s++;
		read_sequence(r, &other);
		part_either(out, &other);
	}
}

void needles_find(const char *regex, struct needles *out)
{
	struct reader r = {.s = regex};
	struct part all;

	out->n = 0;
	read_choice(&r, &all);
	if (r.lost || *r.s != '\0')
		return;
	offer(&all, &all.run);
	if (all.rarity > 0)
		*out = all.best;
}
