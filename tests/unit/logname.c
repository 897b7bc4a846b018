/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logname.h"

#include "base/str.h"
#include "klog/copies.h"
#include "world/kmsg.h"

#include "cmocka_all.h"

#include <string.h>

static void kernel_logs_are_known_by_their_names(void **state)
{
	static const char *const yes[] = {"dmesg", "a/dmesg.0", "a/dmesg.1.gz", "dmesg.txt",
		"sos_commands/kernel/dmesg_-T", "127.0.0.1-2026-05-30/vmcore-dmesg.txt",
		"var/crash/202605301939/dmesg.202605301939", "kern.log", "kern.log.12.gz",
		"messages-20260530.xz", "messages.txt", "syslog.1", "boot.txt",
		"sos_commands/logs/journalctl_--no-pager_--boot", "journal.txt",
		"gpu-07-console.log.1", "console-ramoops-0", "serial0.log", "ttyS1",
		"dmesg-efi-154740337801001", "dmesg-erst-6838240421839536129",
		"nvidia-bug-report.log.gz", "var/log/libvirt/qemu/gpu-vm.log",
		"var/log/libvirt/qemu/gpu-vm.log.2", "x/sosreport.tar.xz", "scc_host.txz",
		"case.zip", "var/log/journal/0123/system.journal",
		"system@00065fe2-0000000000000001-0006530f00000000.journal~"};
	static const char *const maybe[] = {"notes.txt", "a/sol.log.3", "run.out.gz"};
	static const char *const no[] = {"passwd", "dmesgd", "lsdmesg", "auth.conf", "a/.log/x",
		"kernel", "picture.png", "etc/rsyslog.conf", "user-1000.journal", ""};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (logname_sort(yes[i]) != LOGNAME_YES)
			fail_msg("'%s'", yes[i]);
	for (i = 0; i < sizeof(maybe) / sizeof(maybe[0]); i++)
		if (logname_sort(maybe[i]) != LOGNAME_MAYBE)
			fail_msg("'%s'", maybe[i]);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (logname_sort(no[i]) != LOGNAME_NO)
			fail_msg("'%s'", no[i]);
}

static bool is_klog(const char *text)
{
	return logname_is_klog(text, strlen(text));
}

static void kernel_logs_are_known_by_their_text(void **state)
{
	(void)state;
	assert_true(is_klog("booting\n\n[    0.000000] Linux version 6.1\n"));
	assert_true(is_klog("May 30 19:39:03 host kernel: x"));
	assert_false(is_klog("May 30 19:39:03 host sshd[4]: x\n"));
	assert_false(is_klog("the operator saw: vfio-pci 0000:41:00.0: not ready\n"));
	assert_false(is_klog(""));
}

static void expect_part(const char *path, const char *stem, uint64_t age)
{
	struct logname p = logname_parse(path);

	if (p.stem_len != strlen(stem) || memcmp(path, stem, p.stem_len) != 0 || p.age != age)
		fail_msg("'%s': '%.*s' %lu", path, (int)p.stem_len, path, (unsigned long)p.age);
}

static void parts_of_a_rotated_log_have_one_stem_and_an_age(void **state)
{
	(void)state;
	expect_part("var/log/syslog", "var/log/syslog", 0);
	expect_part("var/log/syslog.1", "var/log/syslog", 2);
	expect_part("var/log/syslog.12.gz", "var/log/syslog", 13);
	expect_part("dmesg.0", "dmesg", 1);
	expect_part("vm/qemu.log.2.xz", "vm/qemu.log", 3);
	/* the later the day, the younger, and older than what is being written */
	assert_true(
		logname_parse("messages-20260530").age < logname_parse("messages-20260529").age);
	assert_true(logname_parse("messages-20260530").age > 0);
	expect_part("messages-20260530.gz", "messages", 100000000 - 20260530);
	/* the first part of a dump that pstore cut is its end */
	assert_true(logname_parse("dmesg-efi-154740337801001").age <
		logname_parse("dmesg-efi-154740337802001").age);
	assert_int_equal(logname_parse("dmesg-efi-154740337801001").stem_len,
		strlen("dmesg-efi-1547403378"));
	/* of the journal the one that began last is the youngest but the one that is written */
	expect_part("x/system.journal", "x/system", 0);
	assert_true(logname_parse("system@1-2-0006530f00000001.journal").age <
		logname_parse("system@1-1-0006530f00000000.journal").age);
	expect_part("system@1-1-0006530f00000000.journal", "system",
		UINT64_MAX - UINT64_C(0x6530f00000000));
	/* others may have numbers of their own */
	expect_part("host.1", "", 0);
	expect_part("case/17", "", 0);
	expect_part("2026/x.2", "", 0);
}

static struct klog_rec record(int64_t usec, const char *text)
{
	struct klog_rec rec = {.usec = usec};

	str_set(rec.text, text);
	return rec;
}

static void a_record_is_a_copy_when_another_log_has_it_to_the_microsecond(void **state)
{
	struct copies *c = copies_new();
	struct klog_rec a = record(1000001, "a"), b = record(1000001, "b"),
			c2 = record(1000002, "a"), unknown = record(-1, "a");

	(void)state;
	copies_next_log(c);
	assert_false(copies_is_copy(c, &a));
	assert_false(copies_is_copy(c, &a)); /* twice in one log is twice */
	assert_false(copies_is_copy(c, &unknown));
	copies_next_log(c);
	assert_true(copies_is_copy(c, &a));
	assert_true(copies_is_copy(c, &a));
	assert_false(copies_is_copy(c, &b));
	assert_false(copies_is_copy(c, &c2));
	assert_false(copies_is_copy(c, &unknown));
	copies_free(c);
}

static void many_records_are_remembered(void **state)
{
	struct copies *c = copies_new();
	int64_t i, found = 0;

	(void)state;
	for (i = 0; i < 5000; i++) {
		struct klog_rec r = record(i, "x");

		assert_false(copies_is_copy(c, &r));
	}
	copies_next_log(c);
	for (i = 0; i < 10000; i++) {
		struct klog_rec r = record(i, "x");

		found += copies_is_copy(c, &r);
	}
	assert_int_equal(found, 5000);
	copies_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernel_logs_are_known_by_their_names),
		cmocka_unit_test(kernel_logs_are_known_by_their_text),
		cmocka_unit_test(parts_of_a_rotated_log_have_one_stem_and_an_age),
		cmocka_unit_test(a_record_is_a_copy_when_another_log_has_it_to_the_microsecond),
		cmocka_unit_test(many_records_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
