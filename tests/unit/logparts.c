/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/logparts.h"

#include "base/str.h"
#include "world/instream.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_of(const struct str *text)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	assert_int_equal(write(fd, text->s, text->len), text->len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void add_line(struct str *text, char c, size_t n)
{
	while (n-- > 0)
		str_addn(text, &c, 1);
	str_add(text, "\n");
}

/* All parts' lines, one after the other, as logfile_line_of makes them. */
static struct str read_parts(const struct logparts *p)
{
	char *buf = malloc(LOGPART_BUF);
	struct str all = {0};
	struct err err = {0};
	uint64_t i;

	str_add(&all, "");
	for (i = 0; i < logparts_count(p); i++) {
		struct logfile_line line;
		struct logpart part;
		size_t at;

		assert_int_equal(logparts_read(p, i, buf, &part, &err), 0);
		assert_true(part.text >= buf && part.text + part.n <= buf + LOGPART_BUF);
		for (at = 0; at < part.n;) {
			at += logfile_line_of(part.text + at, part.n - at, &line);
			str_addf(&all, "%zu%s:", line.n, line.cut ? " cut" : "");
			str_addn(&all, line.s, line.n);
			str_add(&all, "\n");
		}
	}
	free(buf);
	return all;
}

/* The same by logfile_next, and where the parts begin behind the first `skip` lines. */
static struct str read_lines(int fd, unsigned skip, struct logparts *parts_out)
{
	struct unpack *archive;
	struct logfile *file;
	struct logfile_line line;
	struct str all = {0};
	struct err err = {0};

	str_add(&all, "");
	assert_int_equal(logfile_open(instream_of_fd(dup(fd), "log"), &file, &archive, &err), 0);
	while (skip-- > 0)
		assert_int_equal(logfile_next(file, &line, &err), 1);
	assert_true(logfile_parts(file, parts_out));
	parts_out->fd = fd;
	while (logfile_next(file, &line, &err) > 0) {
		str_addf(&all, "%zu%s:", line.n, line.cut ? " cut" : "");
		str_addn(&all, line.s, line.n);
		str_add(&all, "\n");
	}
	logfile_close(file);
	return all;
}

static void expect_same(const struct str *text, unsigned skip)
{
	int fd = file_of(text);
	struct logparts parts;
	struct str want = read_lines(fd, skip, &parts), got = read_parts(&parts);

	assert_int_equal(got.len, want.len);
	assert_memory_equal(got.s, want.s, want.len);
	str_finish(&want);
	str_finish(&got);
	close(fd);
}

static void parts_have_each_line_once(void **state)
{
	/* lines that end, and begin, around the edge of a part, and longer ones than a part */
	static const size_t lengths[] = {LOGPART_BYTES - 1, LOGPART_BYTES - 2, LOGPART_BYTES,
		LOGPART_BYTES + 1, 0, 1, LOGFILE_LINE_MAX - 1, LOGFILE_LINE_MAX,
		LOGFILE_LINE_MAX + 1, LOGFILE_LINE_MAX + 2, 3 * LOGPART_BYTES, 70};
	unsigned seed = 1;
	int round, i;

	(void)state;
	for (round = 0; round < 40; round++) {
		struct str text = {0};

		add_line(&text, 'f', round % 4 == 0 ? 2 * LOGFILE_LINE_MAX : 10);
		for (i = 0; i < 12; i++)
			add_line(&text, (char)('a' + i),
				round % 2 ? lengths[rand_r(&seed) % 12]
					  : (size_t)rand_r(&seed) % 40000);
		if (round % 3 == 0)
			str_addn(&text, "the last one is still being written", 35);
		expect_same(&text, 1);
		str_finish(&text);
	}
}

static void a_file_that_was_made_shorter_ends_there(void **state)
{
	struct str text = {0}, got;
	struct logparts parts;
	int fd;

	(void)state;
	add_line(&text, 'a', 10);
	add_line(&text, 'b', LOGPART_BYTES);
	add_line(&text, 'c', LOGPART_BYTES);
	fd = file_of(&text);
	got = read_lines(fd, 1, &parts);
	str_finish(&got);
	assert_int_equal(ftruncate(fd, 16), 0);
	got = read_parts(&parts);
	assert_string_equal(got.s, "5:bbbbb\n");
	str_finish(&got);
	str_finish(&text);
	close(fd);
}

static void what_is_written_meanwhile_is_not_read(void **state)
{
	struct str text = {0}, got;
	struct logparts parts;
	int fd;

	(void)state;
	add_line(&text, 'a', 3);
	add_line(&text, 'b', 3);
	fd = file_of(&text);
	got = read_lines(fd, 1, &parts);
	str_finish(&got);
	assert_int_equal(pwrite(fd, "more\n", 5, 8), 5);
	got = read_parts(&parts);
	assert_string_equal(got.s, "3:bbb\n");
	str_finish(&got);
	str_finish(&text);
	close(fd);
}

static void a_pipe_has_no_parts(void **state)
{
	struct logparts parts;
	struct unpack *archive;
	struct logfile *file;
	struct err err = {0};
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "a line of text\n", 15), 15);
	close(fds[1]);
	assert_int_equal(logfile_open(instream_of_fd(fds[0], "pipe"), &file, &archive, &err), 0);
	assert_false(logfile_parts(file, &parts));
	logfile_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_have_each_line_once),
		cmocka_unit_test(a_file_that_was_made_shorter_ends_there),
		cmocka_unit_test(what_is_written_meanwhile_is_not_read),
		cmocka_unit_test(a_pipe_has_no_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
