/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/savedlog.h"

#include "base/str.h"
#include "klog/rules.h"
#include "world/instream.h"
#include "world/logfile.h"
#include "world/tempfile.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XID "NVRM: Xid (PCI:0000:41:00): 79, x"

static struct savedlog *open_bytes(const char *text, size_t n)
{
	struct logfile *file;
	struct unpack *archive;
	struct err err = {0};
	int fd = tempfile_open(&err);

	if (fd < 0 || tempfile_write(fd, text, n, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if (logfile_open(instream_of_fd(fd, "test"), &file, &archive, &err) != 0)
		fail_msg("%s", err.msg);
	assert_null(archive);
	return savedlog_of_file(file);
}

/* The n-th record of a log, counted from 0, and the number of its physical lines. */
static struct savedlog_line record_of(const char *text, size_t n, size_t which, uint64_t *lines)
{
	struct savedlog *l = open_bytes(text, n);
	struct savedlog_line line, found = {.no = 0};
	struct err err = {0};
	size_t seen = 0;
	int rc;

	*lines = 0;
	while ((rc = savedlog_next(l, &line, &err)) > 0) {
		assert_int_equal(line.no, ++*lines);
		if (line.is_record && line.rec.len > 0 && seen++ == which)
			found = line;
	}
	if (rc != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(savedlog_lines(l), *lines);
	savedlog_close(l);
	return found;
}

/* A record of the kernel with everything that the format can tell. */
static void expect_xid(
	const char *what, const char *text, size_t n, size_t which, uint64_t no, uint64_t lines)
{
	uint64_t seen;
	struct savedlog_line l = record_of(text, n, which, &seen);

	print_message("%s\n", what);
	assert_string_equal(l.rec.text, XID);
	assert_int_equal(l.source, SOURCE_KERNEL);
	assert_int_equal(l.rec.facility, 0);
	assert_int_equal(l.rec.level, 3);
	assert_int_equal(l.rec.usec, 1500000);
	assert_int_equal(l.no, no);
	assert_int_equal(l.rec.seq, no);
	assert_int_equal(seen, lines);
}

#define EXPECT_XID(what, text, which, no, lines)                                                   \
	expect_xid(what, text, sizeof(text) - 1, which, no, lines)

static void the_journal_is_read_with_all_its_fields(void **state)
{
	(void)state;
	EXPECT_XID("json",
		"{\"__REALTIME_TIMESTAMP\":\"1780000000123456\",\"_TRANSPORT\":\"kernel\","
		"\"PRIORITY\":\"3\",\"SYSLOG_FACILITY\":\"0\",\"MESSAGE\":\"" XID "\","
		"\"_SOURCE_MONOTONIC_TIMESTAMP\":\"1500000\"}\n"
		"{\"MESSAGE\":\"other\"}\n",
		0, 1, 2);
	EXPECT_XID("json-sse",
		"data: {\"MESSAGE\":\"a\"}\n\ndata: {\"_TRANSPORT\":\"kernel\",\"PRIORITY\":\"3\","
		"\"MESSAGE\":\"" XID "\",\"_SOURCE_MONOTONIC_TIMESTAMP\":\"1500000\"}\n\n",
		1, 3, 4);
	EXPECT_XID("json-seq",
		"\x1e{\"_TRANSPORT\":\"kernel\",\"PRIORITY\":\"3\",\"MESSAGE\":\"" XID
		"\",\"_SOURCE_MONOTONIC_TIMESTAMP\":\"1500000\"}",
		0, 1, 1);
	EXPECT_XID("json, bytes",
		"{\"_TRANSPORT\":\"kernel\",\"PRIORITY\":3,\"_SOURCE_MONOTONIC_TIMESTAMP\":1500000,"
		"\"MESSAGE\":[78,86,82,77,58,32,88,105,100,32,40,80,67,73,58,48,48,48,48,58,52,49,"
		"58,48,48,41,58,32,55,57,44,32,120]}",
		0, 1, 1);
	EXPECT_XID("json-pretty",
		"{\n\t\"MESSAGE\" : \"" XID "\",\n\t\"PRIORITY\" : \"3\",\n"
		"\t\"_TRANSPORT\" : \"kernel\",\n\t\"X\" : [\n1, 2\n],\n"
		"\t\"_SOURCE_MONOTONIC_TIMESTAMP\" : \"1500000\"\n}\n{\n\t\"MESSAGE\" : \"y\"\n}\n",
		0, 2, 12);
	EXPECT_XID("dmesg --json",
		"{\n   \"dmesg\": [\n      {\n         \"pri\": 6,\n"
		"         \"time\":     0.000000,\n         \"msg\": \"Linux version\"\n      },{\n"
		"         \"pri\": 3,\n         \"time\":     1.500000,\n"
		"         \"caller\": \"T1\",\n         \"msg\": \"" XID "\"\n      }\n   ]\n}\n",
		1, 11, 14);
	EXPECT_XID("export",
		"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1780000000123456\nPRIORITY=3\nMESSAGE=" XID
		"\n_TRANSPORT=kernel\n_SOURCE_MONOTONIC_TIMESTAMP=1500000\n\n"
		"__CURSOR=s=2\nMESSAGE=y\n",
		0, 4, 9);
	EXPECT_XID("verbose",
		"Thu 2026-05-28 20:26:40.123456 UTC [s=1;i=2;b=3;m=4;t=5;x=6]\n"
		"    _TRANSPORT=kernel\n    MESSAGE=" XID "\n    PRIORITY=3\n"
		"    _SOURCE_MONOTONIC_TIMESTAMP=1500000\n"
		"Thu 2026-05-28 20:26:41.123456 UTC [s=1;i=2;b=3;m=4;t=5;x=7]\n    MESSAGE=y\n",
		0, 3, 7);
}

static void a_message_of_several_lines_stays_one_record(void **state)
{
	static const char export[] = "__CURSOR=s=1\n_TRANSPORT="
				     "kernel\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\nc\nPRIORITY=3\n\n"
				     "__CURSOR=s=2\nMESSAGE=y\n\n";
	static const char ten[] = "__CURSOR=s=1\nMESSAGE\n\n\0\0\0\0\0\0\0"
				  "123456789\n\nPRIORITY=3\n";
	static const char verbose[] =
		"Thu 2026-05-28 20:26:40.123456 UTC [s=1;i=2;b=3;m=4;t=5;x=6]\n"
		"    MESSAGE=a\n            b\n            c\n    PRIORITY=3\n";
	uint64_t lines;
	struct savedlog_line l = record_of(export, sizeof(export) - 1, 0, &lines);

	(void)state;
	assert_string_equal(l.rec.text, "a\nb\nc");
	assert_int_equal(l.no, 4);
	assert_int_equal(l.rec.level, 3);
	assert_int_equal(lines, 11);
	assert_string_equal(record_of(export, sizeof(export) - 1, 1, &lines).rec.text, "y");
	/* a length that looks like a newline */
	assert_string_equal(record_of(ten, sizeof(ten) - 1, 0, &lines).rec.text, "123456789\n");
	assert_int_equal(lines, 6);
	l = record_of(verbose, sizeof(verbose) - 1, 0, &lines);
	assert_string_equal(l.rec.text, "a\nb\nc");
	assert_int_equal(l.rec.level, 3);
	assert_int_equal(lines, 5);
}

static unsigned source_of(const char *json)
{
	uint64_t lines;

	return record_of(json, strlen(json), 0, &lines).source;
}

static void who_wrote_a_record_of_the_journal_is_known(void **state)
{
	(void)state;
	assert_int_equal(source_of("{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":\"x\"}"), SOURCE_KERNEL);
	/* a process wrote it into the kernel's log */
	assert_int_equal(source_of("{\"_TRANSPORT\":\"kernel\",\"SYSLOG_FACILITY\":\"3\","
				   "\"MESSAGE\":\"x\"}"),
		0);
	assert_int_equal(source_of("{\"_TRANSPORT\":\"syslog\",\"SYSLOG_IDENTIFIER\":\"kernel\","
				   "\"MESSAGE\":\"x\"}"),
		0);
	assert_int_equal(source_of("{\"_TRANSPORT\":\"stdout\",\"SYSLOG_IDENTIFIER\":\"QEMU\","
				   "\"SYSLOG_FACILITY\":\"3\",\"MESSAGE\":\"x\"}"),
		SOURCE_QEMU);
	assert_int_equal(
		source_of("{\"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":\"x\"}"), SOURCE_KERNEL);
	assert_int_equal(source_of("{\"MESSAGE\":\"x\"}"), SOURCE_ANY);
	assert_int_equal(source_of("{\"pri\": 30, \"time\": 1.5, \"msg\": \"x\"}"), 0);
}

static void what_only_looks_like_the_journal_stays_a_line(void **state)
{
	static const char *const logs[] = {
		"{\"MESSAGE\": broken\n[    1.500000] x\n",
		"{12}[Hardware Error]: x\n[    1.500000] x\n",
		"{\n[    1.500000] x\n",
		"__CURSOR=s=1\n[    1.500000] x\n",
		("a [s=1;b=2] looks like the head of a verbose record, and is none [x]\n[    "
		 "1.500000] x\n"),
	};
	uint64_t lines;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		struct savedlog_line l =
			record_of(logs[i], strlen(logs[i]), i < 2 || i == 4, &lines);

		print_message("%s\n", logs[i]);
		assert_int_equal(lines, 2);
		assert_string_equal(l.rec.text, "x");
		assert_int_equal(l.rec.usec, 1500000);
		assert_int_equal(l.no, 2);
	}
}

static uint32_t lost_in(const char *text)
{
	uint64_t lines;

	return record_of(text, strlen(text), 0, &lines).rec.lost;
}

static void a_log_that_says_what_it_lacks_is_believed(void **state)
{
	(void)state;
	assert_int_equal(lost_in("[    1.500000] ** 52 printk messages dropped **\n"), 52);
	assert_int_equal(lost_in("** 7 printk messages dropped ** \n"), 7);
	assert_int_equal(
		lost_in("May 30 19:39:03 host systemd-journald[3]: Missed 12 kernel messages\n"),
		12);
	assert_int_equal(
		lost_in("{\"_TRANSPORT\":\"driver\",\"SYSLOG_IDENTIFIER\":"
			"\"systemd-journald\",\"MESSAGE\":\"Missed 3 kernel messages\"}\n"),
		3);
	/* the kernel says nothing of the kind */
	assert_int_equal(lost_in("May 30 19:39:03 host kernel: Missed 12 kernel messages\n"), 0);
}

static void escapes_of_terminals_are_no_text(void **state)
{
	static const char log[] = "\x1b[32m[    1.500000] \x1b[0m\x1b[33mvfio-pci 0000:41:00.0: "
				  "\x1b[0mx\x1b[0m\n\x1b]0;title\x07y\x1b(B\n\x1b[ not one\x1b\n";
	uint64_t lines;
	struct savedlog_line l = record_of(log, sizeof(log) - 1, 0, &lines);

	(void)state;
	assert_string_equal(l.rec.text, "vfio-pci 0000:41:00.0: x");
	assert_int_equal(l.rec.usec, 1500000);
	assert_string_equal(record_of(log, sizeof(log) - 1, 1, &lines).rec.text, "y");
	assert_string_equal(record_of(log, sizeof(log) - 1, 2, &lines).rec.text, "ot one\x1b");
}

static void an_export_that_is_cut_is_said(void **state)
{
	static const char log[] = "__CURSOR=s=1\nMESSAGE\n\xff\0\0\0\0\0\0\0abc";
	struct savedlog *l = open_bytes(log, sizeof(log) - 1);
	struct savedlog_line line;
	struct err err = {0};

	(void)state;
	assert_int_equal(savedlog_next(l, &line, &err), -1);
	assert_non_null(strstr(err.msg, "ends within a record"));
	savedlog_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_journal_is_read_with_all_its_fields),
		cmocka_unit_test(a_message_of_several_lines_stays_one_record),
		cmocka_unit_test(who_wrote_a_record_of_the_journal_is_known),
		cmocka_unit_test(what_only_looks_like_the_journal_stays_a_line),
		cmocka_unit_test(a_log_that_says_what_it_lacks_is_believed),
		cmocka_unit_test(escapes_of_terminals_are_no_text),
		cmocka_unit_test(an_export_that_is_cut_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
