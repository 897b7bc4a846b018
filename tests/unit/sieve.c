/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/sieve.h"

#include "base/str.h"
#include "klog/klog.h"
#include "klog/logline.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "world/instream.h"
#include "world/logfile.h"

#include "cmocka_all.h"
#include "klog_corpus.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const also[] = {"#==[ ", NULL};

/* Records of the journal as text, and what tells of lost ones: for readers, not for rules. */
static const char *const records[] = {
	"{ \"__CURSOR\" : \"s=1\", \"_TRANSPORT\" : \"kernel\", \"MESSAGE\" : \"DMAR: DRHD: "
	"handling "
	"fault status reg 3\" }",
	"\x1e{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"AER: Device recovery failed\"}",
	"{\n\t\"_TRANSPORT\" : \"kernel\",\n\t\"MESSAGE\" : \"DMAR: Flush IOTLB failed\"\n}",
	"{\r\n\t\"_TRANSPORT\" : \"kernel\",\r\n\t\"MESSAGE\" : \"DMAR: Flush IOTLB failed\"\r\n}",
	"__CURSOR=s=1\n_TRANSPORT=kernel\nMESSAGE=DMAR: Flush IOTLB failed\n",
	("Sat 2026-05-30 19:39:03.123456 UTC [s=1;i=2;b=3;m=4;t=5;x=6]\n    _TRANSPORT=kernel\n"
	 "    MESSAGE=DMAR: Flush IOTLB failed"),
	"[  9.0] ** 52 printk messages dropped **",
	"May 30 19:39:03 host systemd-journald[1]: Missed 52 kernel messages",
};

static struct rules *catalogue;
static struct sieve *sieve;
static VEC(char *) known; /* the labelled lines and the samples of the rules */

static void know(const char *line)
{
	*vec_push(&known) = xstrdup(line);
}

static int load(void **state)
{
	struct diags diags = {0};

	(void)state;
	catalogue = rules_load(NULL, 0, &diags);
	if (catalogue == NULL)
		return -1;
	sieve = savedlog_make_sieve(catalogue, also);
	klog_corpus(catalogue, know);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	vec_foreach (line, &known)
		free(*line);
	vec_finish(&known);
	sieve_free(sieve);
	rules_free(catalogue);
	return 0;
}

/* ---- one text ---- */

static bool keeps(const char *line)
{
	struct sieve_hand *h = sieve_hand_new(sieve);
	struct sieved_lines out = {0};
	bool kept;

	sieve_text(h, line, strlen(line), &out);
	kept = out.all || out.list.n == 1;
	vec_finish(&out.list);
	sieve_hand_free(h);
	return kept;
}

static void every_line_that_counts_is_kept(void **state)
{
	struct classifier *c = classifier_new(catalogue);
	size_t heeded = 0, passed = 0;

	(void)state;
	vec_foreach (line, &known) {
		struct logline l;
		struct klog_match m;

		logline_parse(*line, strlen(*line), &l);
		if (classify(c, l.text, l.len, l.source, &m) &&
			klog_heeds_pattern(m.rule, m.pattern)) {
			heeded++;
			if (!keeps(*line))
				fail_msg("passed over: %s", *line);
		} else {
			passed += !keeps(*line);
		}
	}
	classifier_free(c);
	assert_true(heeded > 700);
	/* else it would be no sieve */
	assert_true(passed > 100);
}

static void kept_lines_are_where_they_are(void **state)
{
	static const char text[] = "\nnothing\n[1.0] DMAR: VT-d detected Invalidation Queue Error: "
				   "Reason f\nnothing AER\n\n#==[ here ]\n"
				   "DMAR: DRHD: handling fault status reg 2";
	static const struct {
		const char *begin;
		uint64_t before;
	} want[] = {{"[1.0]", 2}, {"#==[", 5}, {"DMAR: DRHD", 6}};
	struct sieve_hand *h = sieve_hand_new(sieve);
	struct sieved_lines out = {0};
	size_t i;

	(void)state;
	sieve_text(h, text, strlen(text), &out);
	assert_int_equal(out.list.n, 3);
	for (i = 0; i < 3; i++) {
		assert_ptr_equal(text + out.list.v[i].at, strstr(text, want[i].begin));
		assert_int_equal(out.list.v[i].before, want[i].before);
	}
	assert_int_equal(out.newlines, 6);
	sieve_text(h, "", 0, &out);
	assert_int_equal(out.list.n + out.newlines, 0);
	vec_finish(&out.list);
	sieve_hand_free(h);
}

static void colours_keep_all_lines(void **state)
{
	static const char text[] = "a\nDMAR: \033[1mDRHD\033[0m\n";
	struct sieve_hand *h = sieve_hand_new(sieve);
	struct sieved_lines out = {0};

	(void)state;
	sieve_text(h, text, strlen(text), &out);
	assert_true(out.all);
	assert_int_equal(out.newlines, 2);
	vec_finish(&out.list);
	sieve_hand_free(h);
}

/* ---- whole logs ---- */

struct teller {
	struct str out;
};

static void tell(void *arg, const struct incident *inc)
{
	struct teller *t = arg;
	char bdf[BDF_LEN] = "-";
	size_t i;

	if (inc->has_bdf)
		bdf_text(inc->bdf, bdf);
	str_addf(&t->out, "%s %s %s %" PRIu64 " %" PRIu64 "-%" PRIu64 " %" PRIu64 "\n", inc->id,
		severity_name(inc->severity), bdf, inc->count, inc->first_seq, inc->last_seq,
		inc->lines_omitted);
	for (i = 0; i < inc->nfields; i++)
		str_addf(&t->out, " %s=%s\n", inc->fields[i].name, inc->fields[i].text);
	for (i = 0; i < inc->nfirst; i++)
		str_addf(&t->out, " %" PRIu64 " %s\n", inc->first[i].seq, inc->first[i].text);
	for (i = 0; i < inc->nlast; i++)
		str_addf(&t->out, " %" PRIu64 " %s\n", inc->last[i].seq, inc->last[i].text);
}

/* A plain file is read by all threads at the same time, a pipe by one after the other. */
enum stream { PLAIN_FILE, PIPE };

struct writing {
	const struct str *text;
	int fd;
};

static void *write_all(void *arg)
{
	const struct writing *w = arg;
	size_t at = 0;

	while (at < w->text->len) {
		ssize_t n = write(w->fd, w->text->s + at, w->text->len - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	close(w->fd);
	return NULL;
}

static int open_text(
	const struct str *text, enum stream source, pthread_t *writer_out, struct writing *w)
{
	int fds[2];

	if (source == PLAIN_FILE) {
		int fd = memfd_create("log", MFD_CLOEXEC);

		assert_int_equal(write(fd, text->s, text->len), text->len);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		return fd;
	}
	assert_int_equal(pipe(fds), 0);
	*w = (struct writing){text, fds[1]};
	assert_int_equal(pthread_create(writer_out, NULL, write_all, w), 0);
	return fds[0];
}

/* What a log comes to, and how many of its lines were looked at. */
static struct str read_whole(
	const struct str *text, const struct sieve *by, enum stream source, uint64_t *looked_at)
{
	struct teller t = {0};
	struct klog_hooks hooks = {.changed = tell, .arg = &t};
	struct klog *klog = klog_new(catalogue, &hooks);
	struct writing w;
	pthread_t writer;
	int fd = open_text(text, source, &writer, &w);
	struct unpack *archive;
	struct logfile *file;
	struct savedlog *log;
	struct savedlog_line line;
	struct err err = {0};
	bool sieved = false;

	*looked_at = 0;
	assert_int_equal(logfile_open(instream_of_fd(fd, "log"), &file, &archive, &err), 0);
	log = savedlog_of_file(file);
	while (savedlog_next(log, &line, &err) > 0) {
		++*looked_at;
		if (by != NULL && !sieved)
			savedlog_sieve(log, by);
		sieved = true;
		klog_feed(klog, &line.rec);
		savedlog_want_every(log, klog_wants_all(klog));
	}
	assert_int_equal(err.code, ERR_NONE);
	str_addf(&t.out, "%" PRIu64 " lines\n", savedlog_lines(log));
	savedlog_close(log);
	if (source == PIPE)
		pthread_join(writer, NULL);
	klog_flush(klog);
	klog_free(klog);
	return t.out;
}

static void expect_same_from(
	const struct str *text, const struct str *slow, uint64_t all, enum stream source)
{
	uint64_t few;
	struct str fast = read_whole(text, sieve, source, &few);

	if (strcmp(slow->s, fast.s) != 0) {
		size_t i = 0;

		while (slow->s[i] == fast.s[i])
			i++;
		fail_msg("differs at '%.200s', not '%.200s'", fast.s + i, slow->s + i);
	}
	assert_true(few <= all);
	str_finish(&fast);
}

static void expect_same(const struct str *text)
{
	uint64_t all;
	struct str slow = read_whole(text, NULL, PLAIN_FILE, &all);

	expect_same_from(text, &slow, all, PLAIN_FILE);
	expect_same_from(text, &slow, all, PIPE);
	str_finish(&slow);
}

static unsigned seed;

static unsigned below(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static void add_ordinary(struct str *text)
{
	static const char *const lines[] = {
		"usb 1-1: new high-speed USB device using xhci_hcd, number ",
		"EXT4-fs (sda1): mounted filesystem with ordered data mode: ",
		"audit: type=1400 audit(1700000000.1:7): apparmor=\"STATUS\" name=\"snap\" pid=",
		"nothing of the device was not ready or reset, errors: ", ""};

	str_addf(text, "%s%u", lines[below(ARRAY_SIZE(lines))], below(100000));
}

/* Something that a file may hold and a kernel would not print. */
static void add_odd(struct str *text)
{
	static const size_t lengths[] = {0, 1, 1000, LOGFILE_LINE_MAX - 1, LOGFILE_LINE_MAX,
		LOGFILE_LINE_MAX + 1, LOGFILE_LINE_MAX + 2, LOGFILE_BLOCK - 1, LOGFILE_BLOCK,
		3 * LOGFILE_BLOCK};
	size_t n = lengths[below(ARRAY_SIZE(lengths))], i;

	if (below(8) == 0)
		str_add(text, "\033[31m");
	if (below(4) == 0)
		str_addn(text, "DM\0AR: ", 7);
	for (i = 0; i < n; i++)
		str_addn(text, "x", 1);
	str_add(text, "DMAR: VT-d detected Invalidation Queue Error: Reason f");
}

/* Lines that mean something only behind another. */
static void add_trace(struct str *text)
{
	static const char *const lines[] = {"BUG: kernel NULL pointer dereference, address: 0",
		"RIP: 0010:qi_submit_sync+0x2c5/0x610", "Call Trace:", " <TASK>", " foo+0x12/0x34",
		" ? bar+0x1/0x2 [vfio]", "Modules linked in: vfio_pci", "---[ end trace 0 ]---"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++)
		str_addf(text, "[    1.00000%zu] %s\n", i, lines[i]);
}

/* Known lines among ordinary ones; stamps go on, stand still, or are not there. */
static void make_log(struct str *text, size_t lines, unsigned odd)
{
	static const char *const ends[] = {"\n", "\n", "\n", "\r\n", "\n\n", "\n \n"};
	uint64_t usec = 0;
	size_t i;

	for (i = 0; i < lines; i++) {
		usec += below(3) == 0 ? below(3000000) : 10;
		if (below(1000) == 0)
			add_trace(text);
		if (below(50) != 0)
			str_addf(text, "[%5" PRIu64 ".%06" PRIu64 "] ", usec / 1000000,
				usec % 1000000);
		if (odd > 0 && below(odd) == 0)
			add_odd(text);
		else if (below(12) == 0)
			str_add(text, known.v[below((unsigned)known.n)]);
		else
			add_ordinary(text);
		if (i + 1 < lines)
			str_add(text, ends[below(ARRAY_SIZE(ends))]);
	}
}

static void a_sieved_log_comes_to_the_same(void **state)
{
	unsigned round;

	(void)state;
	for (round = 0; round < 16; round++) {
		struct str text = {0};

		seed = round + 1;
		make_log(&text, 5000 + below(5000), round % 2 ? 400 : 0);
		expect_same(&text);
		str_finish(&text);
	}
}

static void add_ordinary_lines(struct str *text, int n)
{
	for (; n > 0; n--) {
		add_ordinary(text);
		str_add(text, "\n");
	}
}

static void what_readers_make_of_lines_is_not_lost(void **state)
{
	size_t i;

	(void)state;
	seed = 3;
	for (i = 0; i < ARRAY_SIZE(records); i++) {
		struct str text = {0};

		add_ordinary_lines(&text, 9000);
		str_addf(&text, "%s\n", records[i]);
		add_ordinary_lines(&text, 9000);
		str_addf(&text, "%s\n", records[ARRAY_SIZE(records) - 1]);
		expect_same(&text);
		str_finish(&text);
	}
}

static void a_record_is_found_where_a_block_begins(void **state)
{
	struct str text = {0};
	size_t first;

	(void)state;
	seed = 4;
	add_ordinary_lines(&text, 1);
	first = text.len; /* blocks are counted from here: it is read before */
	add_ordinary_lines(&text, 3000);
	while (text.len < first + LOGFILE_BLOCK - 1)
		str_add(&text, "x");
	str_addf(&text, "\n%s\n", records[2]);
	add_ordinary_lines(&text, 3000);
	expect_same(&text);
	str_finish(&text);
}

static void ordinary_lines_are_not_looked_at(void **state)
{
	struct str text = {0}, out;
	uint64_t looked_at;

	(void)state;
	seed = 5;
	add_ordinary_lines(&text, 20000);
	out = read_whole(&text, sieve, PLAIN_FILE, &looked_at);
	assert_string_equal(out.s, "20000 lines\n");
	/* one before it was sieved, and the first of each block */
	assert_in_range(looked_at, 1, 2 + text.len / LOGFILE_BLOCK);
	str_finish(&text);
	str_finish(&out);
}

static void a_rule_for_any_line_looks_at_all(void **state)
{
	static const char rule[] = "rules:\n- {id: site.x, severity: error, meaning: m, advice: a,"
				   " pattern: '^[xy]+$', samples: [xy]}\n";
	char path[] = "/tmp/vfio-stress-rule-XXXXXX";
	int fd = mkstemp(path);
	const char *const files[] = {path};
	struct diags diags = {0};
	struct sieved_lines out = {0};
	struct sieve_hand *h;
	struct rules *rules;
	struct sieve *s;

	(void)state;
	assert_int_equal(write(fd, rule, strlen(rule)), strlen(rule));
	close(fd);
	rules = rules_load(files, 1, &diags);
	unlink(path);
	assert_non_null(rules);
	s = sieve_new(rules, NULL, 0);
	h = sieve_hand_new(s);
	sieve_text(h, "xxy\n", 4, &out);
	assert_true(out.all);
	sieve_hand_free(h);
	sieve_free(s);
	rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_that_counts_is_kept),
		cmocka_unit_test(kept_lines_are_where_they_are),
		cmocka_unit_test(colours_keep_all_lines),
		cmocka_unit_test(a_sieved_log_comes_to_the_same),
		cmocka_unit_test(what_readers_make_of_lines_is_not_lost),
		cmocka_unit_test(a_record_is_found_where_a_block_begins),
		cmocka_unit_test(ordinary_lines_are_not_looked_at),
		cmocka_unit_test(a_rule_for_any_line_looks_at_all),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
