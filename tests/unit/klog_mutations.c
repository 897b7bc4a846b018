/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include "cmocka_all.h"
#include "klog_corpus.h"

#include <regex.h>
#include <string.h>

/*
 * Every labelled line and every sample, mutilated as logs are: told as what it was, as a part of the
 * same report or as nothing, never as another fault. Without --whole only every eleventh is glued to
 * every eleventh other.
 */

struct original {
	char *line; /* with its stamps */
	const char *text; /* in `line`, without them */
	size_t len;
	unsigned source;
	const struct rule *rule; /* NULL: no fault and no part of one */
};

static struct rules *catalogue;
static struct classifier *classifier;
static VEC(struct original) originals;
static size_t confused, tried, stride = 11;

static void add_original(const char *line)
{
	struct original o = {.line = xstrdup(line)};
	struct klog_match m;
	struct logline l;

	logline_parse(o.line, strlen(o.line), &l);
	o.text = l.text;
	o.len = l.len;
	o.source = l.source;
	classify(classifier, l.text, l.len, l.source, &m);
	o.rule = m.rule;
	*vec_push(&originals) = o;
}

static int load(void **state)
{
	(void)state;
	return klog_corpus_load(&catalogue, &classifier, add_original);
}

static int unload(void **state)
{
	(void)state;
	vec_foreach (o, &originals)
		free(o->line);
	vec_finish(&originals);
	classifier_free(classifier);
	rules_free(catalogue);
	return 0;
}

/* ---- judging ---- */

/* Families whose lines make one report together. */
static bool same_report(const char *a, const char *b)
{
	static const char *const pcie[] = {"aer.", "bert.", "dpc.", "driver.", "edr.", "ghes."};
	size_t i, found = 0;

	if (strncmp(a, b, (size_t)(strchr(a, '.') - a) + 1) == 0)
		return true;
	for (i = 0; i < ARRAY_SIZE(pcie); i++)
		found += str_starts(a, pcie[i]) + (size_t)str_starts(b, pcie[i]);
	return found == 2;
}

/* Letter by letter another line of the kernel's: nobody can know how it went on. */
static bool is_that_line(const struct original *o, const struct rule *got, const char *text)
{
	static const struct {
		const char *was, *is, *end;
	} prefixes[] = {
		{"hotplug.link-ignored", "hotplug.link-down", "): Link Down"},
		{"hotplug.other", "hotplug.link-up", "): Link Up"},
		{"hotplug.other", "hotplug.link-down", "): Link Down"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strcmp(prefixes[i].was, o->rule->id) == 0 &&
			strcmp(prefixes[i].is, got->id) == 0 && str_ends(text, prefixes[i].end))
			return true;
	return false;
}

static bool is_allowed(const struct original *o, const struct klog_match *m, const char *text)
{
	if (m->rule == NULL || m->rule == o->rule)
		return true;
	if (o->rule == NULL)
		return m->severity < SEV_WARNING;
	return (m->rule->role == ROLE_CONTEXT && same_report(o->rule->id, m->rule->id)) ||
		is_that_line(o, m->rule, text);
}

static const struct rule *told(const char *line, unsigned source, struct klog_match *m)
{
	struct logline l;
	/* an exact copy, so that a read behind the end is found */
	size_t n = strlen(line);
	char *copy = xstrndup(line, n);

	logline_parse(copy, n, &l);
	classify(classifier, l.text, l.len, l.source & source, m);
	/* the groups point into the copy */
	m->groups[0] = (struct span){NULL, 0};
	free(copy);
	return m->rule;
}

static void complain(
	const struct original *o, const struct rule *got, const char *how, const char *text)
{
	if (++confused <= 40)
		print_message("%s: %s became %s: %s\n", how, o->rule ? o->rule->id : "none",
			got ? got->id : "none", text);
}

/* What is mutilated so that it may no longer be known. */
static void may_be(const struct original *o, const char *line, const char *how)
{
	struct klog_match m;

	tried++;
	told(line, o->source, &m);
	if (!is_allowed(o, &m, line))
		complain(o, m.rule, how, line);
}

/* What is still the same line. */
static void must_be(const struct original *o, const char *line, const char *how)
{
	struct klog_match m;

	tried++;
	if (told(line, o->source, &m) != o->rule)
		complain(o, m.rule, how, line);
}

/* Some, where all would take long. */
#define some_originals(o)                                                                          \
	for (struct original *o = originals.v; o < originals.v + originals.n; o += stride)

static void nobody_was_confused(void)
{
	size_t n = confused;

	print_message("%zu lines tried\n", tried);
	assert_true(tried > 0);
	confused = tried = 0;
	assert_int_equal(n, 0);
}

/* ---- the mutations ---- */

static void a_line_may_end_anywhere(void **state)
{
	(void)state;
	vec_foreach (o, &originals) {
		char *copy = xstrdup(o->line);
		size_t n;

		for (n = strlen(copy); n > 0; n--) {
			copy[n] = '\0';
			may_be(o, copy, "cut");
		}
		free(copy);
	}
	nobody_was_confused();
}

static void a_line_may_lack_its_begin(void **state)
{
	size_t n;

	(void)state;
	vec_foreach (o, &originals)
		for (n = 1; n < o->len; n++)
			may_be(o, o->text + n, "begun late");
	nobody_was_confused();
}

static void a_byte_may_be_wrong_or_missing(void **state)
{
	static const char others[] = {'x', ' ', '\x01', '\xff', '0'};
	size_t n, i;

	(void)state;
	vec_foreach (o, &originals) {
		char *copy = xstrndup(o->text, o->len);

		for (n = 0; n < o->len; n++) {
			for (i = 0; i < sizeof(others); i++) {
				copy[n] = others[i];
				may_be(o, copy, "a wrong byte");
			}
			memmove(copy + n, o->text + n + 1, o->len - n);
			may_be(o, copy, "a byte less");
			memcpy(copy, o->text, o->len);
			copy[o->len] = '\0';
		}
		free(copy);
	}
	nobody_was_confused();
}

/* The kernels from 4.9 to 4.18 cut these in two: glued they are whole again. */
static bool completes(const struct original *a, const struct original *b)
{
	return a->rule != NULL && b->rule != NULL && str_ends(a->line, "Event logged [") &&
		str_starts(b->rule->id, "amdvi.") && !str_starts(b->text, "AMD-Vi");
}

static void lines_may_be_glued(void **state)
{
	char glued[4096];

	(void)state;
	some_originals(a)
	{
		some_originals(b)
		{
			if (completes(a, b))
				continue;
			/* what follows may be part of a text that goes to the line's end, or not */
			snprintf(glued, sizeof(glued), "%s%s", a->line, b->line);
			may_be(a, glued, "glued");
			snprintf(glued, sizeof(glued), "%s %s", a->line, b->text);
			may_be(a, glued, "glued with a blank");
		}
	}
	nobody_was_confused();
}

static void any_program_may_save_a_line(void **state)
{
	static const char *const stamps[] = {"", "[    0.000001] ", "[1234567.123456] ",
		"<3>[   12.345678] ", "<3>", "[   12.345678][ T1234] ", "[   12.345678] [   C12] ",
		"[Sat Nov 21 01:40:12 2026] ", "[  +0.000011] ", "kern  :err   : [   12.345678] ",
		"kern  :err   : [Sat Nov 21 01:40:12 2026] ", "Nov 21 01:40:12 node-17 kernel: ",
		"Nov  1 01:40:12 node-17.rack.example kernel: [   12.345678] ",
		"2026-11-21T01:40:12.123456+02:00 node kernel: ",
		"2026-11-21T01:40:12+0200 node kernel: [   12.345678] ",
		"[   12.345678] node kernel: "};
	char line[2048];
	size_t i;

	(void)state;
	vec_foreach (o, &originals) {
		/* QEMU's lines are told by who wrote them */
		if (o->rule != NULL && o->rule->source == SOURCE_QEMU)
			continue;
		for (i = 0; i < ARRAY_SIZE(stamps); i++) {
			snprintf(line, sizeof(line), "%s%.*s%s", stamps[i], (int)o->len, o->text,
				i % 2 ? "" : "\r\n");
			must_be(o, line, "saved otherwise");
		}
	}
	nobody_was_confused();
}

/* Puts `other` where the expression finds an address; false when it finds none. */
static bool replace(const char *s, const char *regex, const char *other, char *out, size_t size)
{
	regex_t re;
	regmatch_t at[2];
	size_t used = 0;
	bool any = false;

	assert_int_equal(regcomp(&re, regex, REG_EXTENDED), 0);
	for (; regexec(&re, s, 2, at, 0) == 0; s += at[1].rm_eo) {
		any = true;
		used += (size_t)snprintf(
			out + used, size - used, "%.*s%s", (int)at[1].rm_so, s, other);
	}
	snprintf(out + used, size - used, "%s", s);
	regfree(&re);
	return any;
}

static void addresses_may_be_any(void **state)
{
	static const char whole[] = "([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\\.[0-7])";
	static const char *const others[] = {"0000:00:00.0", "0000:ff:1f.7", "ffff:c1:00.1",
		"10000:80:02.0", "10001:e1:00.7", "7fffffff:00:1f.6"};
	char line[2048];
	size_t i;

	(void)state;
	vec_foreach (o, &originals) {
		for (i = 0; i < ARRAY_SIZE(others); i++)
			if (replace(o->line, whole, others[i], line, sizeof(line)))
				must_be(o, line, "another address");
		if (replace(o->line, "[^0-9a-f:x]([0-9a-f]{2}:[0-9a-f]{2}\\.[0-7])", "c1:1f.7",
			    line, sizeof(line)))
			must_be(o, line, "another address");
		if (replace(o->line, " (0x[0-9a-f]{6,16})[] ,]", "0xfee00000", line, sizeof(line)))
			may_be(o, line, "another number");
	}
	nobody_was_confused();
}

static void any_driver_may_have_the_device(void **state)
{
	static const char *const drivers[] = {"vfio-pci", "pci", "pciback", "pcieport", "nvidia",
		"snd_hda_intel", "xe", "DMAR", "AER"};
	char line[2048];
	struct klog_match m;
	size_t i;

	(void)state;
	vec_foreach (o, &originals) {
		classify(classifier, o->text, o->len, o->source, &m);
		if (m.rule == NULL || !m.has_prefix)
			continue;
		for (i = 0; i < ARRAY_SIZE(drivers); i++) {
			snprintf(line, sizeof(line), "%s%.*s", drivers[i],
				(int)(o->text + o->len - strchr(o->text, ' ')),
				strchr(o->text, ' '));
			must_be(o, line, "another driver");
		}
	}
	nobody_was_confused();
}

/* Whatever the reader of reports is fed, in whatever order, it neither crashes nor grows. */
static void broken_lines_in_a_row_break_nothing(void **state)
{
	struct klog_hooks hooks = {0};
	struct klog *k = klog_new(catalogue, &hooks);
	struct klog_rec rec = {.level = 3};
	size_t round;

	(void)state;
	for (round = 0; round < 64; round++)
		vec_foreach (o, &originals) {
			size_t n = round == 0 ? o->len : o->len * (round * 37 % 64) / 64;

			n = n > KMSG_TEXT_MAX ? KMSG_TEXT_MAX : n;
			memcpy(rec.text, o->text, n);
			rec.text[n] = '\0';
			rec.len = (uint16_t)n;
			rec.seq++;
			rec.usec += 1000 * (int64_t)(round + 1);
			klog_feed(k, &rec);
		}
	klog_flush(k);
	klog_free(k);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_may_end_anywhere),
		cmocka_unit_test(a_line_may_lack_its_begin),
		cmocka_unit_test(a_byte_may_be_wrong_or_missing),
		cmocka_unit_test(lines_may_be_glued),
		cmocka_unit_test(any_program_may_save_a_line),
		cmocka_unit_test(addresses_may_be_any),
		cmocka_unit_test(any_driver_may_have_the_device),
		cmocka_unit_test(broken_lines_in_a_row_break_nothing),
	};

	if (argc > 1 && strcmp(argv[1], "--whole") == 0)
		stride = 1;
	return cmocka_run_group_tests(tests, load, unload);
}
