/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/unwrap.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/logline.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "world/instream.h"
#include "world/logfile.h"
#include "world/tempfile.h"

#include "cmocka_all.h"
#include "klog_corpus.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

/* between two lines that are tried */
#define BETWEEN "[ 1234.600000] random: crng init done\n"

struct original {
	char *text; /* without stamps */
	const struct rule *rule;
};

static struct rules *catalogue;
static struct classifier *classifier;
static VEC(struct original) originals;

/* What the kernel says, and what is known of it. */
static void add_original(const char *line)
{
	struct klog_match m;
	struct logline l;

	logline_parse(line, strlen(line), &l);
	if (classify(classifier, l.text, l.len, l.source & SOURCE_KERNEL, &m))
		*vec_push(&originals) = (struct original){xstrndup(l.text, l.len), m.rule};
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
		free(o->text);
	vec_finish(&originals);
	classifier_free(classifier);
	rules_free(catalogue);
	return 0;
}

/* ---- what comes out of a text ---- */

struct heard {
	VEC(char *) texts;
	VEC(const struct rule *) rules; /* NULL: nothing applies */
	uint64_t count;
};

static void note(void *arg, struct savedlog_line *line)
{
	struct heard *out = arg;
	struct klog_match m;

	classify(classifier, line->rec.text, line->rec.len, line->source, &m);
	*vec_push(&out->texts) = xstrndup(line->rec.text, line->rec.len);
	*vec_push(&out->rules) = m.rule;
}

static struct heard unwrap_text(const char *text)
{
	struct err err = {0};
	struct heard out = {0};
	struct unwrap *u = unwrap_new(classifier, note, &out);
	struct savedlog_line line;
	struct savedlog *log;
	struct unpack *archive;
	struct logfile *file = NULL;
	int fd = tempfile_open(&err), rc;

	if (fd < 0 || tempfile_write(fd, text, strlen(text), &err) != 0 ||
		lseek(fd, 0, SEEK_SET) != 0 ||
		logfile_open(instream_of_fd(fd, "test"), &file, &archive, &err) != 0)
		fail_msg("%s", err.msg);
	log = savedlog_of_file(file);
	while ((rc = savedlog_next(log, &line, &err)) > 0)
		unwrap_take(u, &line);
	assert_int_equal(rc, 0);
	unwrap_end(u);
	assert_false(unwrap_waits(u));
	out.count = unwrap_count(u);
	unwrap_free(u);
	savedlog_close(log);
	return out;
}

static void heard_finish(struct heard *out)
{
	vec_foreach (text, &out->texts)
		free(*text);
	vec_finish(&out->texts);
	vec_finish(&out->rules);
}

static void expect(const char *text, const char *const *texts, uint64_t count)
{
	struct heard out = unwrap_text(text);
	size_t i;

	for (i = 0; texts[i] != NULL; i++) {
		assert_true(i < out.texts.n);
		assert_string_equal(out.texts.v[i], texts[i]);
	}
	assert_int_equal(out.texts.n, i);
	assert_int_equal(out.count, count);
	heard_finish(&out);
}

/* ---- as programs wrap ---- */

/* At the last blank that leaves no more than `width` columns; false when nothing is to be done. */
static bool wrap(const char *line, size_t width, const char *quote, struct str *out)
{
	bool any = false;

	while (strlen(line) > width) {
		size_t at = width;

		while (at > 0 && line[at] != ' ')
			at--;
		if (at == 0)
			break;
		str_addf(out, "%s%.*s\n", quote, (int)at, line);
		line += at + 1;
		any = true;
	}
	str_addf(out, "%s%s\n", quote, line);
	return any;
}

/* RFC 2045: 76 bytes with the "=" of a line that goes on. */
static void quote_printable(const char *line, struct str *out)
{
	size_t column = 0;

	for (; *line != '\0'; line++) {
		bool plain = *line != '=' && (isprint((unsigned char)*line) || *line == '\t');

		if (column + (plain ? 1 : 3) > 75) {
			str_add(out, "=\n");
			column = 0;
		}
		str_addf(out, plain ? "%c" : "=%02X", (unsigned char)*line);
		column += plain ? 1 : 3;
	}
	str_add(out, "\n");
}

/* Families whose lines make one report together. */
static bool same_family(const char *a, const char *b)
{
	static const char pcie[] = "aer. bert. dpc. driver. edr. ghes. ";
	char f[16], g[16];

	snprintf(f, sizeof(f), "%.*s. ", (int)strcspn(a, "."), a);
	snprintf(g, sizeof(g), "%.*s. ", (int)strcspn(b, "."), b);
	return str_eq(f, g) || (strstr(pcie, f) != NULL && strstr(pcie, g) != NULL);
}

/* The same fault, a part of the same report, or nothing. */
static bool is_allowed(const struct rule *was, const struct rule *is)
{
	return is == NULL || is == was ||
		(is->role == ROLE_CONTEXT && same_family(was->id, is->id));
}

/* 1 = told as before, 0 = not at all. */
static size_t judge(const struct original *o, const char *text)
{
	struct heard out = unwrap_text(text);
	size_t right = 0;

	vec_foreach (rule, &out.rules) {
		if (!is_allowed(o->rule, *rule))
			fail_msg("%s became %s:\n%s", o->rule->id, (*rule)->id, text);
		right |= *rule == o->rule;
	}
	heard_finish(&out);
	return right;
}

static void a_wrapped_line_is_told_as_before_or_not_at_all(void **state)
{
	static const char *const quotes[] = {"", "", "", "", "", "", "> ", "", ""};
	size_t width, tried = 0, right = 0;

	(void)state;
	for (width = 72; width <= 80; width++)
		vec_foreach (o, &originals) {
			struct str line = {0}, text = {0};

			str_addf(&line, "[ 1234.567890] %s", o->text);
			if (wrap(line.s, width, quotes[width - 72], &text)) {
				str_add(&text, BETWEEN);
				tried++;
				right += judge(o, text.s);
			}
			str_finish(&line);
			str_finish(&text);
		}
	print_message("%zu of %zu told\n", right, tried);
	assert_true(tried > 1000);
	assert_true(right * 100 > tried * 95);
}

static void quoted_printable_hides_nothing(void **state)
{
	(void)state;
	vec_foreach (o, &originals) {
		struct str line = {0}, text = {0};

		str_addf(&line, "[ 1234.567890] %s", o->text);
		quote_printable(line.s, &text);
		str_add(&text, "[ 1234.600000] mode=3Dx\n");
		if (line.len < 300 && judge(o, text.s) == 0)
			fail_msg("%s was not told: %s", o->rule->id, text.s);
		str_finish(&line);
		str_finish(&text);
	}
}

/* ---- what stays as it is ---- */

#define HEAD "DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault addr"
#define REST "0x98000000 [fault reason 0x06] PTE Read access is not set"

static void a_torn_line_is_whole_again(void **state)
{
	(void)state;
	expect("[ 1234.567890] " HEAD "\n" REST "\n" BETWEEN,
		(const char *[]){HEAD " " REST, "random: crng init done", NULL}, 1);
	/* wrapped, and then torn by quoted-printable */
	expect("[  120.023401] thunderbolt 0000:22:00.0: not ready 65535ms after resume; gi=\n"
	       "ving\nup\n",
		(const char *[]){
			"thunderbolt 0000:22:00.0: not ready 65535ms after resume; giving up",
			NULL},
		1);
	/* at the end of the log */
	expect("[ 1234.567890] " HEAD "\n" REST "\n", (const char *[]){HEAD " " REST, NULL}, 1);
}

static void quoted_printable_is_decoded(void **state)
{
	(void)state;
	expect("[    1.000000] severity=3DCorrected =E2=80=98x=E2=80=99 type=3d=\n",
		(const char *[]){"severity=Corrected \xe2\x80\x98x\xe2\x80\x99 type=3d=", NULL}, 0);
	/* nothing that would end the text or the line */
	expect("[    1.000000] a=3Db =00 =0A =0D\n", (const char *[]){"a=b =00 =0A =0D", NULL}, 0);
	/* in other lines it is a number */
	expect("[    1.000000] crc=20 size=4D\n", (const char *[]){"crc=20 size=4D", NULL}, 0);
}

static void lines_that_only_look_torn_stay_as_they_are(void **state)
{
	(void)state;
	/* the second has its own stamp */
	expect("[ 1234.567890] " HEAD "\n[ 1234.567891] " REST "\n",
		(const char *[]){HEAD, REST, NULL}, 0);
	/* a line between them */
	expect("[ 1234.567890] " HEAD "\n\n" REST "\n", (const char *[]){HEAD, "", REST, NULL}, 0);
	/* the word would have fitted */
	expect("[    1.000000] " HEAD "\n0x9 [fault reason 0x06] PTE Read access is not set\n",
		(const char *[]){HEAD " 0x9 [fault reason 0x06] PTE Read access is not set", NULL},
		1);
	expect("DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault\naddr " REST "\n",
		(const char *[]){"DMAR: [DMA Read NO_PASID] Request device [01:00.0] fault",
			"addr " REST, NULL},
		0);
	/* together they are nothing known */
	expect("[ 1234.567890] snd_hda_intel 0000:01:00.1: a line that goes on and on and on\n"
	       "without end\n" BETWEEN,
		(const char *[]){"snd_hda_intel 0000:01:00.1: a line that goes on and on and on",
			"without end", "random: crng init done", NULL},
		0);
	/* wider than mails are */
	expect("[ 1234.567890] Nov 11 host kernel: [ 1234.567890]          " HEAD "\n" REST "\n",
		(const char *[]){"Nov 11 host kernel: [ 1234.567890]          " HEAD, REST, NULL},
		0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrapped_line_is_told_as_before_or_not_at_all),
		cmocka_unit_test(quoted_printable_hides_nothing),
		cmocka_unit_test(a_torn_line_is_whole_again),
		cmocka_unit_test(quoted_printable_is_decoded),
		cmocka_unit_test(lines_that_only_look_torn_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
