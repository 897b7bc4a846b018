/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/tail.h"

#include "base/str.h"
#include "world/qemulog.h"

#include "cmocka_all.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96], other[96];

static int make_dir(void **state)
{
	(void)state;
	str_set(dir, "/tmp/stress-tail-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(other, sizeof(other), "%s/log.0", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(dir);
}

static void append(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct tail *open_tail(enum tail_from from)
{
	struct tail *t = NULL;
	struct err err;

	assert_int_equal(tail_open(path, from, &t, &err), 0);
	return t;
}

static void assert_line(struct tail *t, const char *want)
{
	char line[TAIL_LINE_MAX] = "(none)";
	struct err err;

	assert_int_equal(tail_line(t, line, &err), want != NULL);
	if (want != NULL)
		assert_string_equal(line, want);
}

static void lines_come_one_by_one_and_only_when_whole(void **state)
{
	struct tail *t;

	(void)state;
	append("old\n");
	t = open_tail(TAIL_END);
	assert_line(t, NULL);
	append("one\r\ntwo\nthr");
	assert_line(t, "one");
	assert_line(t, "two");
	assert_line(t, NULL);
	append("ee\n\x1b[31mred\n");
	assert_line(t, "three");
	assert_line(t, "\\x1b[31mred");
	assert_line(t, NULL);
	tail_close(t);
}

static void from_the_start_it_reads_what_is_there(void **state)
{
	struct tail *t;

	(void)state;
	append("old\n");
	t = open_tail(TAIL_START);
	assert_line(t, "old");
	tail_close(t);
}

static void a_file_that_comes_later_is_read_from_its_start(void **state)
{
	struct tail *t = open_tail(TAIL_END);
	struct pollfd p = {.fd = tail_fd(t), .events = POLLIN};

	(void)state;
	assert_line(t, NULL);
	append("first\n");
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_line(t, "first");
	tail_close(t);
}

static void a_rotated_file_is_read_to_its_end_before_the_new_one(void **state)
{
	struct tail *t;
	int fd;

	(void)state;
	append("a\n");
	t = open_tail(TAIL_START);
	assert_line(t, "a");
	fd = open(path, O_WRONLY | O_APPEND);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(write(fd, "b\n", 2), 2);
	append("c\n");
	close(fd);
	assert_line(t, "b");
	assert_line(t, "c");
	assert_line(t, NULL);
	tail_close(t);
}

static void a_truncated_file_is_read_again_from_its_start(void **state)
{
	struct tail *t;

	(void)state;
	append("a long line that will be gone\n");
	t = open_tail(TAIL_START);
	assert_line(t, "a long line that will be gone");
	assert_int_equal(truncate(path, 0), 0);
	append("new\n");
	assert_line(t, "new");
	tail_close(t);
}

static void growth_wakes_the_reader(void **state)
{
	struct tail *t;
	struct pollfd p;

	(void)state;
	append("a\n");
	t = open_tail(TAIL_END);
	assert_line(t, NULL);
	p = (struct pollfd){.fd = tail_fd(t), .events = POLLIN};
	assert_int_equal(poll(&p, 1, 0), 0);
	append("b\n");
	assert_int_equal(poll(&p, 1, 2000), 1);
	assert_line(t, "b");
	assert_line(t, NULL);
	assert_int_equal(poll(&p, 1, 0), 0);
	tail_close(t);
}

static void an_endless_line_is_cut_and_says_so(void **state)
{
	char text[5000], line[TAIL_LINE_MAX];
	struct tail *t;
	struct err err;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text + sizeof(text) - 7, "\nnext\n", 7);
	append(text);
	t = open_tail(TAIL_START);
	assert_true(tail_line(t, line, &err));
	assert_true(strlen(line) < TAIL_LINE_MAX);
	assert_true(str_ends(line, "..."));
	assert_line(t, "next");
	tail_close(t);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	struct tail *t = NULL;
	struct err err;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(tail_open(path, TAIL_END, &t, &err), -1);
	assert_non_null(strstr(err.msg, "is not a regular file"));
}

static void the_words_of_qemu_are_found_between_those_of_libvirt(void **state)
{
	static const char before[] =
		"2026-11-21 03:00:00.000+0000: starting up libvirt version: 9.0.0\n"
		"2026-11-21T03:00:09.000000Z qemu-system-x86_64: an old story\n";
	static const char text[] =
		"2026-11-21 04:00:00.000+0000: starting up libvirt version: 9.0.0\n"
		"LC_ALL=C \\\n"
		"/usr/bin/qemu-system-x86_64 \\\n"
		"-name guest=gpu-vm \\\n"
		"-msg timestamp=on\n"
		"char device redirected to /dev/pts/3 (label charserial0)\n"
		"2026-11-21T04:00:02.123456Z qemu-system-x86_64: vfio 0000:41:00.0: failed\n"
		"stuck in D3\x07\n"
		"2026-11-21 04:00:03.000+0000: shutting down, reason=failed\n";
	char words[200];
	int64_t from;

	(void)state;
	append(before);
	from = qemulog_size(path);
	append(text);
	qemulog_words(path, from, words, sizeof(words));
	assert_string_equal(
		words, "qemu-system-x86_64: vfio 0000:41:00.0: failed | stuck in D3\\x07");
	qemulog_words("", 0, words, sizeof(words));
	assert_string_equal(words, "");
	qemulog_words("/nonexistent/x.log", 0, words, sizeof(words));
	assert_string_equal(words, "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_come_one_by_one_and_only_when_whole),
		TEST(from_the_start_it_reads_what_is_there),
		TEST(a_file_that_comes_later_is_read_from_its_start),
		TEST(a_rotated_file_is_read_to_its_end_before_the_new_one),
		TEST(a_truncated_file_is_read_again_from_its_start),
		TEST(growth_wakes_the_reader),
		TEST(an_endless_line_is_cut_and_says_so),
		TEST(what_is_no_regular_file_is_refused),
		TEST(the_words_of_qemu_are_found_between_those_of_libvirt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
