/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/mem.h"
#include "world/kmsg.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct klog_rec parsed(const char *text)
{
	struct klog_rec rec;
	struct err err = {0};

	assert_int_equal(kmsg_parse(text, strlen(text), &rec, &err), 0);
	return rec;
}

static bool refused(const char *text)
{
	struct klog_rec rec;
	struct err err = {0};

	return kmsg_parse(text, strlen(text), &rec, &err) == -1 && err.code == ERR_INPUT;
}

static void a_record_is_split_and_decoded(void **state)
{
	struct klog_rec r = parsed("6,1200,2101114001,-;pcieport 0000:64:01.0: AER: bad\\x1bname "
				   "\\x5cpath\\x0asecond\n"
				   " SUBSYSTEM=pci\n DEVICE=+pci:0000:64:01.0\n");

	(void)state;
	assert_int_equal(r.seq, 1200);
	assert_int_equal(r.usec, 2101114001);
	assert_int_equal(r.level, 6);
	assert_int_equal(r.facility, 0);
	assert_false(r.cont);
	assert_string_equal(r.text, "pcieport 0000:64:01.0: AER: bad\x1bname \\path\nsecond");
	assert_int_equal(r.len, strlen(r.text));
	assert_string_equal(r.device, "+pci:0000:64:01.0");
}

static void who_wrote_it_is_in_the_priority(void **state)
{
	struct klog_rec r =
		parsed("12,1204,2101114019,-;tool[4242]: AER: device recovery failed\n");

	(void)state;
	assert_int_equal(r.facility, 1);
	assert_int_equal(r.level, 4);
	assert_int_equal(parsed("191,1,1,-;x").facility, 23);
}

static void unknown_header_fields_are_skipped(void **state)
{
	struct klog_rec r = parsed("3,1210,77,c,caller=T291,future=1;a;b, c=d");

	(void)state;
	assert_true(r.cont);
	assert_string_equal(r.text, "a;b, c=d");
	assert_string_equal(r.device, "");
	/* a c in a later field is no flag */
	assert_false(parsed("3,1,2,-,caller=C12;x").cont);
}

static void escapes_are_decoded_behind_the_split(void **state)
{
	struct klog_rec r = parsed("3,1,2,-;one\\x0a DEVICE=+pci:0000:00:00.0\\x00\\xzz\\x4");

	(void)state;
	assert_string_equal(r.device, "");
	assert_string_equal(r.text, "one\n DEVICE=+pci:0000:00:00.0?\\xzz\\x4");
}

static void what_is_no_record_is_refused(void **state)
{
	(void)state;
	assert_true(refused(""));
	assert_true(refused(";"));
	assert_true(refused("hello world\n"));
	assert_true(refused("6,12,13,-"));
	assert_true(refused("6,12;x"));
	assert_true(refused("-6,12,13,-;x"));
	assert_true(refused("6,99999999999999999999999,13,-;x"));
	assert_true(refused("9999,1,13,-;x"));
}

static void a_long_text_is_cut_and_says_so(void **state)
{
	struct klog_rec r;
	struct err err;
	char buf[8000];
	int n = snprintf(buf, sizeof(buf), "6,1,2,-;");

	(void)state;
	memset(buf + n, 'x', sizeof(buf) - (size_t)n);
	assert_int_equal(kmsg_parse(buf, sizeof(buf), &r, &err), 0);
	assert_true(r.truncated);
	assert_int_equal(r.len, KMSG_TEXT_MAX);
	assert_int_equal(strlen(r.text), KMSG_TEXT_MAX);
}

/* A reader on a pipe; the test writes what the kernel would. */
struct seam {
	int w;
	struct kmsg *k;
	char path[64];
};

static struct seam seam_open(int flags)
{
	struct seam s = {0};
	int fds[2];
	struct err err = {0};

	assert_int_equal(pipe2(fds, O_CLOEXEC | flags), 0);
	snprintf(s.path, sizeof(s.path), "/proc/self/fd/%d", fds[0]);
	s.w = fds[1];
	if (kmsg_open(s.path, &s.k, &err) != 0)
		fail_msg("%s", err.msg);
	close(fds[0]);
	return s;
}

static void seam_close(struct seam *s)
{
	close(s->w);
	kmsg_close(s->k);
}

static void say(const struct seam *s, const char *text)
{
	assert_int_equal(write(s->w, text, strlen(text)), strlen(text));
}

static uint64_t synced(struct kmsg *k)
{
	uint64_t ticket = kmsg_sync(k), seq = UINT64_MAX;
	int64_t deadline = clock_mono_ns() + 10 * NS_PER_S;

	while (!kmsg_synced(k, ticket, &seq)) {
		struct pollfd p = {.fd = kmsg_fd(k), .events = POLLIN};

		assert_true(poll(&p, 1, clock_poll_ms(deadline)) > 0);
	}
	return seq;
}

/* Waits for the reader to have read all that was said: on a busy machine it also answers before. */
static uint64_t settle(struct kmsg *k)
{
	uint64_t before = UINT64_MAX, seq = synced(k);

	while (seq != before) {
		before = seq;
		seq = synced(k);
	}
	return seq;
}

static void expect_next(struct kmsg *k, uint64_t seq, const char *text)
{
	struct klog_rec r;

	assert_true(kmsg_next(k, &r));
	assert_int_equal(r.seq, seq);
	assert_string_equal(r.text, text);
}

static void packets_arrive_in_order_with_their_device(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct klog_rec r;

	(void)state;
	assert_false(kmsg_is_device(s.k));
	say(&s, "6,10,1,-;first\n SUBSYSTEM=pci\n DEVICE=+pci:0000:41:00.0\n");
	say(&s, "6,11,2,-;second");
	say(&s, "6,12,3,-;third\n");
	assert_int_equal(settle(s.k), 12);
	assert_true(kmsg_next(s.k, &r));
	assert_string_equal(r.device, "+pci:0000:41:00.0");
	expect_next(s.k, 11, "second");
	expect_next(s.k, 12, "third");
	assert_false(kmsg_next(s.k, &r));
	seam_close(&s);
}

static void glued_records_of_a_stream_are_taken_apart(void **state)
{
	struct seam s = seam_open(0);
	struct klog_rec r;

	(void)state;
	say(&s,
		"6,1,1,-;a\n DEVICE=+pci:0000:01:00.0\n6,2,1,-;b\nnoise in between\n6,3,1,-;c\n"
		"6,4,1,-;d");
	assert_int_equal(settle(s.k), 4);
	assert_true(kmsg_next(s.k, &r));
	assert_string_equal(r.device, "+pci:0000:01:00.0");
	expect_next(s.k, 2, "b");
	expect_next(s.k, 3, "c");
	expect_next(s.k, 4, "d");
	assert_false(kmsg_next(s.k, &r));
	seam_close(&s);
}

static void a_fifo_may_have_many_writers_one_after_the_other(void **state)
{
	char dir[] = "/tmp/kmsg-test-XXXXXX", path[64];
	struct kmsg *k;
	struct err err;
	int i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/kmsg", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(kmsg_open(path, &k, &err), 0);
	for (i = 1; i <= 3; i++) {
		char line[32];
		int fd = open(path, O_WRONLY), n = snprintf(line, sizeof(line), "6,%d,0,-;x\n", i);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, line, (size_t)n), n);
		close(fd);
		assert_int_equal(settle(k), i);
	}
	assert_int_equal(kmsg_mark(path, "ignored", &err), 0);
	assert_int_equal(settle(k), 3);
	kmsg_close(k);
	unlink(path);
	rmdir(dir);
}

static void missing_numbers_are_counted_as_lost(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct kmsg_status st;
	struct klog_rec r;

	(void)state;
	say(&s, "6,1204,1,-;a");
	say(&s, "6,1210,1,-;b"); /* five are missing */
	say(&s, "6,1211,1,-;c");
	say(&s, "6,1213,1,-;d"); /* one more */
	assert_int_equal(settle(s.k), 1213);
	while (kmsg_next(s.k, &r))
		;
	kmsg_get_status(s.k, &st);
	assert_int_equal(st.records, 4);
	assert_int_equal(st.lost, 6);
	assert_int_equal(st.last_seq, 1213);
	assert_false(st.failed);
	seam_close(&s);
}

static void a_full_memory_loses_the_newest_and_counts_them(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct kmsg_status st;
	struct klog_rec r;
	char line[1100];
	uint64_t seq, taken = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	for (seq = 1; seq <= 6000; seq++) {
		int n = snprintf(line, sizeof(line), "6,%lu,0,-;", (unsigned long)seq);

		line[n] = 'x';
		assert_int_equal(write(s.w, line, 1000), 1000);
	}
	assert_int_equal(settle(s.k), 6000);
	kmsg_get_status(s.k, &st);
	assert_true(st.lost > 500);
	while (kmsg_next(s.k, &r))
		assert_int_equal(r.seq, ++taken);
	assert_int_equal(taken, st.records);
	assert_int_equal(taken + st.lost, 6000);
	/* there is room again */
	say(&s, "6,6001,0,-;after");
	assert_int_equal(settle(s.k), 6001);
	expect_next(s.k, 6001, "after");
	seam_close(&s);
}

static void say_long(const struct seam *s, uint64_t first, uint64_t last)
{
	char line[1000];
	uint64_t seq;

	memset(line, 'x', sizeof(line));
	for (seq = first; seq <= last; seq++) {
		int n = snprintf(line, sizeof(line), "6,%lu,0,-;", (unsigned long)seq);

		line[n] = 'x';
		assert_int_equal(write(s->w, line, sizeof(line)), sizeof(line));
	}
}

static size_t take_all(const struct seam *s)
{
	struct klog_rec r;
	size_t n = 0;

	while (kmsg_next(s->k, &r))
		n++;
	return n;
}

/* Who waits for a boundary waits until what is in front of it is worked off. */
static void while_a_storm_goes_on_little_waits_in_memory(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct klog_rec r;
	size_t whole, i;

	(void)state;
	say_long(&s, 1, 6000);
	assert_int_equal(settle(s.k), 6000);
	whole = take_all(&s);
	say_long(&s, 6001, 12000);
	assert_int_equal(settle(s.k), 12000);
	for (i = 1; i < whole; i++) /* all but one: the storm is not over */
		assert_true(kmsg_next(s.k, &r));
	say_long(&s, 12001, 18000);
	assert_int_equal(settle(s.k), 18000);
	assert_in_range(take_all(&s), 1, whole / 4);
	say_long(&s, 18001, 24000);
	assert_int_equal(settle(s.k), 24000);
	assert_in_range(take_all(&s), whole, whole + 20); /* their numbers are longer */
	seam_close(&s);
}

static void what_was_read_can_be_taken_when_reading_has_ended(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct kmsg_status st;

	(void)state;
	say_long(&s, 1, 10);
	assert_int_equal(settle(s.k), 10);
	kmsg_stop(s.k);
	say_long(&s, 11, 20);
	assert_int_equal(take_all(&s), 10);
	kmsg_get_status(s.k, &st);
	assert_int_equal(st.records, 10);
	assert_int_equal(st.read_seq, 10);
	seam_close(&s);
}

/* Voluntary context switches of the reader, the only other thread here. */
static long reader_switches(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	long total = 0;

	while ((e = readdir(d)) != NULL) {
		char path[300], line[128], self[16];
		long n;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", e->d_name);
		snprintf(self, sizeof(self), "%d", (int)getpid());
		if (e->d_name[0] == '.' || strcmp(e->d_name, self) == 0 ||
			(f = fopen(path, "r")) == NULL)
			continue;
		while (fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
				total += n;
		fclose(f);
	}
	closedir(d);
	return total;
}

static void at_idle_nobody_wakes(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct pollfd p = {.fd = kmsg_fd(s.k), .events = POLLIN};
	struct timespec half = {.tv_nsec = 500000000};
	struct klog_rec r;
	long before;

	(void)state;
	say(&s, "6,1,1,-;a");
	settle(s.k);
	while (kmsg_next(s.k, &r))
		;
	while (kmsg_next(s.k, &r))
		;
	assert_int_equal(poll(&p, 1, 20), 0);
	before = reader_switches();
	nanosleep(&half, NULL);
	assert_int_equal(reader_switches(), before);
	say(&s, "6,2,1,-;b");
	assert_int_equal(poll(&p, 1, 10000), 1);
	expect_next(s.k, 2, "b");
	close(s.w); /* the end of the pipe is no news either */
	s.w = -1;
	while (kmsg_next(s.k, &r))
		;
	assert_int_equal(poll(&p, 1, 50), 0);
	kmsg_close(s.k);
}

static void an_answer_wakes_whoever_asks_in_whatever_order(void **state)
{
	struct seam s = seam_open(O_DIRECT);
	struct pollfd p = {.fd = kmsg_fd(s.k), .events = POLLIN};
	struct klog_rec r;
	uint64_t seq, ticket = kmsg_sync(s.k);

	(void)state;
	assert_int_equal(poll(&p, 1, 10000), 1);
	/* a caller that looks for records first is woken once more for its ticket */
	assert_false(kmsg_next(s.k, &r));
	assert_int_equal(poll(&p, 1, 0), 1);
	assert_true(kmsg_synced(s.k, ticket, &seq));
	assert_int_equal(seq, 0);
	assert_false(kmsg_next(s.k, &r));
	assert_int_equal(poll(&p, 1, 0), 0);
	seam_close(&s);
}

static void what_cannot_be_opened_is_said(void **state)
{
	struct kmsg *k = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(kmsg_open("/nonexistent/kmsg", &k, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_non_null(strstr(err.msg, "/nonexistent/kmsg"));
	assert_null(k);
	assert_int_equal(kmsg_mark("/nonexistent/kmsg", "x", &err), -1);
	kmsg_close(NULL);
}

/* Reads until a record has that text; false when none comes. */
static bool seen(struct kmsg *k, const char *text, struct klog_rec *r)
{
	settle(k);
	while (kmsg_next(k, r))
		if (strcmp(r->text, text) == 0)
			return true;
	return false;
}

static void the_real_log_gives_our_markers_back(void **state)
{
	struct kmsg *k;
	struct klog_rec r;
	struct err err;
	char line[64];
	int i;

	(void)state;
	if (access("/dev/kmsg", R_OK | W_OK) != 0 || kmsg_open("/dev/kmsg", &k, &err) != 0)
		skip_for("/dev/kmsg cannot be read and written");
	assert_true(kmsg_is_device(k));
	/* more than the 10 in 5 s that one open file may write */
	for (i = 0; i < 15; i++) {
		snprintf(line, sizeof(line), "vfio-stress unit-test %d marker %d", getpid(), i);
		assert_int_equal(kmsg_mark("/dev/kmsg", line, &err), 0);
		assert_true(seen(k, line, &r));
		assert_int_equal(r.facility, 1);
		assert_int_equal(r.level, 6);
	}
	kmsg_close(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_split_and_decoded),
		cmocka_unit_test(who_wrote_it_is_in_the_priority),
		cmocka_unit_test(unknown_header_fields_are_skipped),
		cmocka_unit_test(escapes_are_decoded_behind_the_split),
		cmocka_unit_test(what_is_no_record_is_refused),
		cmocka_unit_test(a_long_text_is_cut_and_says_so),
		cmocka_unit_test(packets_arrive_in_order_with_their_device),
		cmocka_unit_test(glued_records_of_a_stream_are_taken_apart),
		cmocka_unit_test(a_fifo_may_have_many_writers_one_after_the_other),
		cmocka_unit_test(missing_numbers_are_counted_as_lost),
		cmocka_unit_test(a_full_memory_loses_the_newest_and_counts_them),
		cmocka_unit_test(while_a_storm_goes_on_little_waits_in_memory),
		cmocka_unit_test(what_was_read_can_be_taken_when_reading_has_ended),
		cmocka_unit_test(at_idle_nobody_wakes),
		cmocka_unit_test(an_answer_wakes_whoever_asks_in_whatever_order),
		cmocka_unit_test(what_cannot_be_opened_is_said),
		cmocka_unit_test(the_real_log_gives_our_markers_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
