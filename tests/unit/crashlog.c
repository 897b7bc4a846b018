/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/crashlog.h"

#include "base/clock.h"
#include "base/str.h"
#include "cmocka_all.h"
#include "fakehost.h"
#include "world/journal.h"
#include "world/kmsg.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/var/log/journal/33333333333333333333333333333333"

static struct fakehost *fake;
static struct host host;
static char kmsg[HOST_PATH_MAX];
static struct crashlog found;

static int begin(void **state)
{
	(void)state;
	fake = FAKEHOST({.bdf = "0000:01:00.0"});
	host = *fakehost_host(fake);
	host.kmsg = host_path(&host, kmsg, "/log");
	return 0;
}

static int end(void **state)
{
	(void)state;
	crashlog_finish(&found);
	fakehost_free(fake);
	return 0;
}

/* The run began an hour ago; what is known of its log ends 100 s after the boot. */
static void look(void)
{
	const struct crashlog_question q = {
		.host = &host,
		.boot_id = "11111111-2222-4333-8444-555555555555",
		.since_ns = clock_wall_ns() - 3600 * NS_PER_S,
		.until_ns = clock_wall_ns() + NS_PER_S,
		.after_seq = 500,
		.after_usec = 100 * INT64_C(1000000),
		.after_wall_ns = clock_wall_ns() - 60 * NS_PER_S,
	};

	crashlog_read(&q, &found);
}

static void is(size_t i, const char *text)
{
	assert_true(i < found.recs.n);
	assert_string_equal(found.recs.v[i]->text, text);
	assert_int_equal(found.recs.v[i]->seq, 501 + i);
}

static void what_several_places_kept_is_put_together_in_order(void **state)
{
	(void)state;
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-1",
		"Panic#1 Part1\n<4>[  103.000000] third\n<0>[  104.000000] fourth\n");
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-2",
		"Panic#1 Part2\n<6>[  100.000000] known\n<6>[  101.000000] first\n");
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-3.enc.z", "<6>[  105.000000] garbage\n");
	fakehost_write(fake, "/var/lib/systemd/pstore/7/001/dmesg.txt",
		"<6>[  102.000000] second\n<4>[  103.000000] third\n");
	fakehost_write(fake, "/var/crash/202611210405/dmesg.202611210405",
		"[  101.000000] first\n[  104.500000] fifth\n");
	look();
	assert_int_equal(found.recs.n, 5);
	is(0, "first");
	is(1, "second");
	is(2, "third");
	is(3, "fourth");
	is(4, "fifth");
	assert_int_equal(found.sources.n, 4);
}

/* The host has one of two boots (tests/klog/journal/make). */
static void need_journal(void)
{
	char path[HOST_PATH_MAX];
	struct journal *journal;
	struct err err;

	fakehost_write(fake, FOLDER "/README", "");
	host_path(&host, path, FOLDER "/system.journal");
	assert_int_equal(symlink(JOURNAL, path), 0);
	host_path(&host, path, "/var/log/journal");
	if (journal_open(path, JOURNAL_ALL_BOOTS, 0, &journal, &err) == 0) {
		journal_close(journal);
		return;
	}
	assert_non_null(strstr(err.msg, "libsystemd"));
	skip_for(err.msg);
}

/* A clock without a battery: the dead boot's times are those of no life of the run. */
static void the_journal_of_that_boot_is_believed_whatever_its_clock_said(void **state)
{
	const struct crashlog_question q = {
		.host = &host,
		.boot_id = "11111111-1111-1111-1111-111111111111",
		.since_ns = clock_wall_ns(),
		.until_ns = NS_PER_S,
		.after_seq = 500,
		.after_usec = -1,
	};

	(void)state;
	need_journal();
	crashlog_read(&q, &found);
	assert_true(found.recs.n > 0);
}

static void what_is_older_than_the_run_is_of_another_crash(void **state)
{
	const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	char path[HOST_PATH_MAX];

	(void)state;
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-1", "<0>[  104.000000] long ago\n");
	assert_int_equal(
		utimensat(AT_FDCWD, host_path(&host, path, "/sys/fs/pstore/dmesg-erst-1"), old, 0),
		0);
	look();
	assert_int_equal(found.recs.n, 0);
	assert_int_equal(found.sources.n, 0);
}

/* Neither does its time make a dump old, nor a new name or place make it new. */
static void what_was_there_before_the_run_is_of_another_crash(void **state)
{
	static const char old[] = "<0>[  104.000000] long ago\n", new[] = "<0>[  105.000000] now\n";
	const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
	struct crashlog_question q = {.host = &host,
		.boot_id = "1",
		.since_ns = clock_wall_ns(),
		.until_ns = clock_wall_ns() + NS_PER_S,
		.after_seq = 500,
		.after_usec = 0};
	char path[HOST_PATH_MAX];
	auto_free char *known = NULL;

	(void)state;
	fakehost_write(fake, "/sys/fs/pstore/dmesg-ramoops-0", old);
	known = crashlog_dumps(&host);
	q.known_dumps = known;
	fakehost_write(fake, "/sys/fs/pstore/dmesg-ramoops-0", new);
	fakehost_write(fake, "/var/lib/systemd/pstore/7/dmesg-ramoops-0", old);
	host_path(&host, path, "/sys/fs/pstore/dmesg-ramoops-0");
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	crashlog_read(&q, &found);
	assert_int_equal(found.recs.n, 1);
	is(0, "now");
}

/* Nobody clears these folders: of each place all that is there is known, and none of it hides the news. */
static void however_many_were_there_before_the_news_are_read(void **state)
{
	struct crashlog_question q = {
		.host = &host,
		.boot_id = "1",
		.since_ns = clock_wall_ns() - 3600 * NS_PER_S,
		.until_ns = clock_wall_ns() + NS_PER_S,
		.after_seq = 500,
	};
	auto_free char *known = NULL;
	int i;

	(void)state;
	for (i = 0; i < 300; i++) {
		auto_free char *text = xasprintf("<0>[  104.000000] old, %d\n", i);
		auto_free char *pstore = xasprintf("/var/lib/systemd/pstore/%d/dmesg.txt", i);
		auto_free char *crash = xasprintf("/var/crash/%d/dmesg.txt", i);

		fakehost_write(fake, pstore, text);
		fakehost_write(fake, crash, text + 3);
	}
	known = crashlog_dumps(&host);
	q.known_dumps = known;
	crashlog_read(&q, &found);
	assert_int_equal(found.recs.n, 0);
	fakehost_write(fake, "/var/lib/systemd/pstore/7/001/dmesg.txt", "<0>[  105.000000] now\n");
	crashlog_read(&q, &found);
	assert_int_equal(found.recs.n, 1);
	is(0, "now");
}

static void a_log_daemons_files_stand_in_for_the_journal(void **state)
{
	char pipe[HOST_PATH_MAX];

	(void)state;
	/* with nobody to write into it, which is not waited for */
	fakehost_write(fake, "/var/log/messages", "");
	host_path(&host, pipe, "/var/log/messages");
	unlink(pipe);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	fakehost_write(fake, "/var/log/kern.log",
		"kernel: [   99.000000] known\nkernel: [  101.000000] last words\n");
	look();
	assert_int_equal(found.recs.n, 1);
	is(0, "last words");
	assert_string_equal(found.sources.v[0], "/var/log/kern.log (1 lines)");
}

/* Of two boots an hour apart, the first is the one that died. */
static void the_journal_is_read_of_the_boot_that_died(void **state)
{
	const int64_t began_ns = INT64_C(1780000000) * NS_PER_S;
	const struct crashlog_question q = {
		.host = &host,
		.boot_id = "11111111-1111-1111-1111-111111111111",
		.since_ns = began_ns,
		/* so that only the id tells them apart */
		.until_ns = began_ns + 3 * 3600 * NS_PER_S,
		.after_seq = 500,
		.after_usec = 1000000,
		.after_wall_ns = began_ns + NS_PER_S,
	};
	size_t i;

	(void)state;
	need_journal();
	crashlog_read(&q, &found);
	assert_true(found.recs.n > 0);
	assert_true(str_starts(found.recs.v[0]->text, "DMAR: [DMA Read"));
	for (i = 0; i < found.recs.n; i++)
		assert_null(strstr(found.recs.v[i]->text, "after FLR"));
	assert_true(str_starts(found.sources.v[0], "the journal of that boot ("));
}

static void what_the_firmware_tells_the_next_boot_comes_last(void **state)
{
	(void)state;
	fakehost_write(fake, "/sys/fs/pstore/dmesg-erst-1", "<0>[  104.000000] last words\n");
	fakehost_write(fake, "/log",
		"6,1,100,-;Linux version 6.1.0\n"
		"4,2,200,-;BERT: Error records from previous boot:\n"
		"4,3,201,-;[Hardware Error]: event severity: fatal\n"
		"6,4,300,-;ACPI: all well\n"
		"4,5,301,-;[Hardware Error]: of this boot\n");
	look();
	assert_int_equal(found.recs.n, 3);
	assert_int_equal(found.nfirmware, 2);
	is(0, "last words");
	is(1, "BERT: Error records from previous boot:");
	is(2, "[Hardware Error]: event severity: fatal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_several_places_kept_is_put_together_in_order, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_older_than_the_run_is_of_another_crash, begin, end),
		cmocka_unit_test_setup_teardown(
			what_was_there_before_the_run_is_of_another_crash, begin, end),
		cmocka_unit_test_setup_teardown(
			however_many_were_there_before_the_news_are_read, begin, end),
		cmocka_unit_test_setup_teardown(
			a_log_daemons_files_stand_in_for_the_journal, begin, end),
		cmocka_unit_test_setup_teardown(
			the_journal_is_read_of_the_boot_that_died, begin, end),
		cmocka_unit_test_setup_teardown(
			the_journal_of_that_boot_is_believed_whatever_its_clock_said, begin, end),
		cmocka_unit_test_setup_teardown(
			what_the_firmware_tells_the_next_boot_comes_last, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
