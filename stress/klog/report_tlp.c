/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/vec.h"
#include "klog/rule_field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Headers of transactions that failed, as AER, DPC and firmware print them. Without flits the first
 * byte says format and type (PCIe base specification 2.2.1), and the upper half of the second word
 * who sent a request, or who completed one.
 */

#define WORDS_MAX 16 /* with the prefixes and flits of 6.15 */

enum tlp_to { TO_NOTHING, TO_ADDRESS32, TO_ADDRESS64, TO_FUNCTION, TO_REQUESTER };

static const struct {
	uint8_t first_byte;
	enum tlp_to to;
	const char *name;
} types[] = {
	{0x00, TO_ADDRESS32, "memory read"},
	{0x01, TO_ADDRESS32, "locked memory read"},
	{0x02, TO_ADDRESS32, "I/O read"},
	{0x04, TO_FUNCTION, "configuration read"},
	{0x05, TO_FUNCTION, "configuration read"},
	{0x0a, TO_REQUESTER, "completion"},
	{0x20, TO_ADDRESS64, "memory read"},
	{0x21, TO_ADDRESS64, "locked memory read"},
	{0x40, TO_ADDRESS32, "memory write"},
	{0x42, TO_ADDRESS32, "I/O write"},
	{0x44, TO_FUNCTION, "configuration write"},
	{0x45, TO_FUNCTION, "configuration write"},
	{0x4a, TO_REQUESTER, "completion with data"},
	{0x4c, TO_ADDRESS32, "atomic add"},
	{0x4d, TO_ADDRESS32, "atomic swap"},
	{0x4e, TO_ADDRESS32, "atomic compare and swap"},
	{0x60, TO_ADDRESS64, "memory write"},
	{0x6c, TO_ADDRESS64, "atomic add"},
	{0x6d, TO_ADDRESS64, "atomic swap"},
	{0x6e, TO_ADDRESS64, "atomic compare and swap"},
};

static size_t read_words(struct span dwords, uint32_t words[WORDS_MAX])
{
	size_t n = 0, len;
	uint64_t v;

	for (; dwords.n > 0 && n < WORDS_MAX; dwords.s += len, dwords.n -= len) {
		const char *blank = memchr(dwords.s, ' ', dwords.n);

		len = blank ? (size_t)(blank - dwords.s) : dwords.n;
		if (!span_number((struct span){dwords.s, len}, true, &v))
			break;
		words[n++] = (uint32_t)v;
		len += blank != NULL;
	}
	return n;
}

static void set_words(struct report *r, const uint32_t *words, size_t n)
{
	char text[WORDS_MAX * 12] = "";
	size_t i, used = 0;

	for (i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s0x%08" PRIx32,
			i ? "\n" : "", words[i]);
	report_set(r, "tlp", VALUE_STRINGS, text);
}

static void set_function(struct report *r, const char *name, uint32_t domain, uint32_t word)
{
	char bdf[BDF_LEN];

	report_set(
		r, name, VALUE_STRING, bdf_text(bdf_from_rid(domain, (uint16_t)(word >> 16)), bdf));
}

static void set_target(struct report *r, enum tlp_to to, uint32_t domain, const uint32_t words[4])
{
	uint64_t address = words[2] & ~UINT32_C(3);
	char text[24];

	if (to == TO_FUNCTION)
		set_function(r, "tlp_target", domain, words[2]);
	if (to != TO_ADDRESS32 && to != TO_ADDRESS64)
		return;
	if (to == TO_ADDRESS64)
		address = (uint64_t)words[2] << 32 | (words[3] & ~UINT32_C(3));
	snprintf(text, sizeof(text), "0x%" PRIx64, address);
	report_set(r, "tlp_address", VALUE_STRING, text);
}

/* Nothing was logged, or it reads as ones: who asked for what is not known. */
static bool is_empty(const uint32_t *words, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (words[i] != words[0])
			return false;
	return words[0] == 0 || words[0] == UINT32_MAX;
}

void report_tlp_header(struct report *r, const struct kline *ln)
{
	uint32_t words[WORDS_MAX];
	size_t i, n = read_words(match_group(ln->m, "dwords"), words);
	bool flit = match_group(ln->m, "flit").s != NULL;
	uint32_t domain = ln->m->has_prefix ? ln->m->prefix.domain
		: r->inc.has_bdf            ? r->inc.bdf.domain
					    : 0;

	if (n < 4)
		return;
	set_words(r, words, n);
	if (is_empty(words, n))
		return;
	for (i = 0; !flit && i < ARRAY_SIZE(types); i++)
		if (types[i].first_byte == words[0] >> 24)
			break;
	if (flit || i == ARRAY_SIZE(types)) {
		set_function(r, "tlp_requester", domain, words[1]);
		return;
	}
	report_set(r, "tlp_type", VALUE_STRING, types[i].name);
	/* a completion names its completer first */
	if (types[i].to == TO_REQUESTER)
		set_function(r, "tlp_completer", domain, words[1]);
	set_function(r, "tlp_requester", domain, words[types[i].to == TO_REQUESTER ? 2 : 1]);
	set_target(r, types[i].to, domain, words);
}
