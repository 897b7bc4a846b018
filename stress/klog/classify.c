/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/rules.h"

#include "base/mem.h"
#include "base/vec.h"
#include "klog/prefilter.h"
#include "klog/rule_field.h"

#include <string.h>

/* Patterns in the order in which they are tried: the user's first, then the catalogue's. */
struct
try {
	const struct rule *rule;
	struct pattern *pattern;
};

struct classifier {
	VEC(struct try) tries;
	struct prefilter *prefilter;
	uint64_t *candidates;
};

/* ---- what stands before the message ---- */

struct prefix {
	unsigned kinds; /* of enum rule_prefix: what it can be taken for */
	const char *body[3]; /* behind nothing, the device, the IOMMU */
	struct bdf bdf;
	struct span unit;
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Length of dddd:bb:dd.f at s, with four to eight digits of domain; 0 when it is none. */
static size_t address_len(const char *s, const char *end)
{
	size_t d = 0;

	while (d < 8 && s + d < end && is_hex(s[d]))
		d++;
	if (d < 4 || end - s < (ptrdiff_t)d + 8 || s[d] != ':' || !is_hex(s[d + 1]) ||
		!is_hex(s[d + 2]) || s[d + 3] != ':' || !is_hex(s[d + 4]) || !is_hex(s[d + 5]) ||
		s[d + 6] != '.' || s[d + 7] < '0' || s[d + 7] > '7')
		return 0;
	return d + 8;
}

/* Behind what netdev_printk says of an interface that is not, or no longer, registered. */
static const char *skip_interface_state(const char *s, const char *end)
{
	static const char *const states[] = {" (unnamed net_device)", " (uninitialized)",
		" (unregistering)", " (unregistered)", " (released)"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(states); i++)
		if ((size_t)(end - s) > strlen(states[i]) &&
			memcmp(s, states[i], strlen(states[i])) == 0)
			s += strlen(states[i]);
	return s;
}

/*
 * Behind the address: ": " as a rule; ":pcie004: " of pciehp up to 5.0; " enp4s0f0: " where a
 * network driver puts its interface. NULL when it goes on otherwise.
 */
static const char *behind_address(const char *s, const char *end)
{
	const char *word = s;

	if (end - s > 5 && memcmp(s, ":pcie", 5) == 0)
		word += 5;
	else if (end - s > 1 && *s == ' ' && s[1] >= 'a' && s[1] <= 'z')
		word++;
	while (word > s && word < end && *word != ':' && *word != ' ')
		word++;
	word = skip_interface_state(word, end);
	if (word == end || *word != ':')
		return NULL;
	word++;
	return word < end && *word == ' ' ? word + 1 : word == end ? word : NULL;
}

static const char *first_word_end(const char *s, const char *end)
{
	while (s < end && *s != ' ' && *s != ':')
		s++;
	return s < end && *s == ' ' ? s : NULL;
}

static void find_prefix(const char *s, const char *end, struct prefix *p)
{
	const char *blank = first_word_end(s, end), *at, *body;
	size_t n;

	p->kinds = PREFIX_NONE;
	p->body[0] = s;
	p->unit = (struct span){NULL, 0};
	if (blank == NULL || blank == s)
		return;
	at = blank + 1;
	if ((n = address_len(at, end)) > 0) {
		body = behind_address(at + n, end);
		if (body == NULL || !span_bdf((struct span){at, n}, 0, &p->bdf))
			return;
		p->kinds = PREFIX_DEVICE;
		p->body[1] = body;
	} else if (blank - s == 5 && memcmp(s, "iommu", 5) == 0 && end - at > 4 &&
		memcmp(at, "ivhd", 4) == 0) {
		body = memchr(at, ':', (size_t)(end - at));
		if (body == NULL || body + 1 == end || body[1] != ' ')
			return;
		p->kinds = PREFIX_IOMMU;
		p->unit = (struct span){at, (size_t)(body - at)};
		p->body[2] = body + 2;
	}
}

/* ---- one pattern ---- */

struct span match_group(const struct klog_match *m, const char *name)
{
	int g;

	for (g = 1; g < PATTERN_GROUPS_MAX; g++) {
		const char *is = pattern_group_name(m->pattern, g);

		if (is != NULL && m->groups[g].s != NULL && strcmp(is, name) == 0)
			return m->groups[g];
	}
	return (struct span){NULL, 0};
}

/*
 * The groups `bdf` (an address) and `rid` (a requester ID in hex) name the device; without them it
 * is the one in the prefix. A rid of 0 or ffff is nobody's.
 */
static void find_device(struct klog_match *m, const struct prefix *p)
{
	struct span bdf = match_group(m, "bdf"), rid = match_group(m, "rid");
	uint32_t domain = m->has_prefix ? p->bdf.domain : 0;
	uint64_t v;

	if (bdf.s != NULL) {
		m->has_bdf = span_bdf(bdf, domain, &m->bdf);
		return;
	}
	if (rid.s != NULL) {
		m->has_bdf = span_number(rid, true, &v) && v > 0 && v < 0xffff;
		if (m->has_bdf)
			m->bdf = bdf_from_rid(domain, (uint16_t)v);
		return;
	}
	m->has_bdf = m->has_prefix;
	m->bdf = m->prefix;
}

static enum severity severity_of(const struct klog_match *m)
{
	const struct rule *r = m->rule;
	struct span g;
	const char *word;

	if (r->by_text == NULL || r->severity_overridden)
		return r->severity;
	g = match_group(m, r->by_text->from);
	word = g.s == NULL ? NULL : choices_find(&r->by_text->of, g);
	if (word == NULL)
		return r->severity;
	return word[0] == 'i'    ? SEV_INFO
		: word[0] == 'w' ? SEV_WARNING
		: word[0] == 'e' ? SEV_ERROR
				 : SEV_FATAL;
}

static bool try_pattern(const struct rule *r, struct pattern *pattern, const struct prefix *p,
	const char *end, struct klog_match *m)
{
	unsigned kind = p->kinds & r->prefix;
	const char *body;

	if (kind == 0)
		return false;
	body = p->body[kind == PREFIX_NONE ? 0 : kind == PREFIX_DEVICE ? 1 : 2];
	if (!pattern_match(pattern, body, (size_t)(end - body), m->groups))
		return false;
	m->rule = r;
	m->pattern = pattern;
	m->has_prefix = kind == PREFIX_DEVICE;
	if (m->has_prefix)
		m->prefix = p->bdf;
	m->unit = p->unit;
	find_device(m, p);
	m->severity = severity_of(m);
	return true;
}

/* ---- all of them ---- */

static void add_tries(struct classifier *c, const struct rules *rules, bool user)
{
	size_t i, k;

	for (i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		for (k = 0; r->user == user && k < r->npatterns; k++)
			*vec_push(&c->tries) = (struct try){r, r->patterns[k]};
	}
}

static struct prefilter *make_prefilter(const struct classifier *c)
{
	VEC(struct needle) all = {0};
	struct prefilter *pf;
	size_t i, k, n;

	for (i = 0; i < c->tries.n; i++) {
		const char *const *needles = pattern_needles(c->tries.v[i].pattern, &n);

		for (k = 0; k < n; k++)
			*vec_push(&all) = (struct needle){needles[k], i};
		if (n == 0)
			*vec_push(&all) = (struct needle){"", i};
	}
	pf = prefilter_new(all.v, all.n, c->tries.n);
	vec_finish(&all);
	return pf;
}

struct classifier *classifier_new(const struct rules *rules)
{
	struct classifier *c = xcalloc(1, sizeof(*c));

	add_tries(c, rules, true);
	add_tries(c, rules, false);
	c->prefilter = make_prefilter(c);
	c->candidates = xcalloc(prefilter_words(c->prefilter), sizeof(*c->candidates));
	return c;
}

void classifier_free(struct classifier *c)
{
	if (c == NULL)
		return;
	prefilter_free(c->prefilter);
	vec_finish(&c->tries);
	free(c->candidates);
	free(c);
}

bool classify(
	struct classifier *c, const char *text, size_t len, unsigned source, struct klog_match *out)
{
	const char *end = text + len;
	struct prefix p;
	size_t i, words;

	out->rule = NULL;
	if (source == 0 || !prefilter_scan(c->prefilter, text, len, c->candidates))
		return false;
	find_prefix(text, end, &p);
	words = prefilter_words(c->prefilter);
	for (i = 0; i < words; i++) {
		uint64_t set = c->candidates[i];

		for (; set != 0; set &= set - 1) {
			const struct try *t = &c->tries.v[i * 64 + (size_t)__builtin_ctzll(set)];

			if ((t->rule->source & source) != 0 &&
				try_pattern(t->rule, t->pattern, &p, end, out))
				return true;
		}
	}
	return false;
}

bool classify_as(const struct rule *r, const char *text, size_t len, struct klog_match *out)
{
	struct prefix p;
	size_t i;

	out->rule = NULL;
	find_prefix(text, text + len, &p);
	for (i = 0; i < r->npatterns; i++)
		if (try_pattern(r, r->patterns[i], &p, text + len, out))
			return true;
	return false;
}

size_t match_fields(
	const struct klog_match *m, bool decoded, struct incident_field *out, size_t max)
{
	const struct rule *r = m->rule;
	size_t i, n = 0;

	for (i = 0; i < r->nfields && n < max; i++)
		n += rule_field_eval(&r->fields[i], m, &out[n]);
	for (i = 0; decoded && i < r->ndecode && n < max; i++)
		n += rule_field_eval(&r->decode[i], m, &out[n]);
	return n;
}
