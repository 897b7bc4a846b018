/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logline.h"

#include "base/clock.h"
#include "klog/logdate.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is expected of a line that says "vfio-pci 0000:41:00.0: x" behind all that. */
struct form {
	const char *front;
	int64_t usec;
	unsigned source;
	uint8_t level;
};

#define TEXT "vfio-pci 0000:41:00.0: x"

static void expect(const char *line, const char *text, const struct form *f)
{
	struct logline l;

	logline_parse(line, strlen(line), &l);
	if (l.len != strlen(text) || memcmp(l.text, text, l.len) != 0)
		fail_msg("'%s': '%.*s', not '%s'", line, (int)l.len, l.text, text);
	if (l.usec != f->usec || l.source != f->source || l.level != f->level)
		fail_msg(
			"'%s': usec %ld source %u level %u", line, (long)l.usec, l.source, l.level);
	assert_int_equal(l.bare, line == l.text);
}

static void whatever_stands_in_front_is_taken_off(void **state)
{
	static const struct form forms[] = {
		{"", -1, SOURCE_ANY, 255},
		/* dmesg and serial consoles */
		{"[    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"[1234567.234567] ", 1234567234567, SOURCE_ANY, 255},
		{"[Wed Apr 15 17:12:31 2026] ", -1, SOURCE_ANY, 255},
		{"[\xd1\x81\xd1\x80 \xd0\xb0\xd0\xbf\xd1\x80 15 17:12:31 2026] ", -1, SOURCE_ANY,
			255},
		{"[Wed Apr 15 17:12:31 UTC 2026] ", -1, SOURCE_ANY, 255},
		{"[  +0.000011] ", -1, SOURCE_ANY, 255},
		{"[<    0.000011>] ", -1, SOURCE_ANY, 255},
		{"[    1.234567 <    0.000011>] ", 1234567, SOURCE_ANY, 255},
		{"[Wed Apr 15 17:12:31 2026 <    0.000011>] ", -1, SOURCE_ANY, 255},
		{"[Apr15 17:12] ", -1, SOURCE_ANY, 255},
		{"[Apr 5 07:02] ", -1, SOURCE_ANY, 255},
		{"2026-04-15T17:12:31,123456+02:00 ", -1, SOURCE_ANY, 255},
		{"kern  :crit  : [    1.234567] ", 1234567, SOURCE_ANY, 2},
		{"kern  :warn  : 2026-04-15T17:12:31,123456+02:00 ", -1, SOURCE_ANY, 4},
		{"daemon:info  : [    1.234567] ", 1234567, 0, 6},
		{"local0:err   : [    1.234567] ", 1234567, 0, 3},
		{"<3>[    0.5] ", 500000, SOURCE_ANY, 3},
		{"<4>", -1, SOURCE_ANY, 4},
		{"<30>", -1, 0, 6},
		{"[    1.234567] [ T125] ", 1234567, SOURCE_ANY, 255},
		{"[    1.234567][    C3] ", 1234567, SOURCE_ANY, 255},
		{"[    1.234567][T1] ", 1234567, SOURCE_ANY, 255},
		{"[...] ", -1, SOURCE_ANY, 255},
		{"KERN_ERR  ", -1, SOURCE_ANY, 255},
		/* what adds stamps of its own to a serial console */
		{"[2023-06-22 21:55:31.778747][    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"[19:39:03.123] [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"[5.123456 0.000012] [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"May 30 19:39:03 [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"00:00:12 [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"2026-05-30T19:39:03.1234567Z [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"2026-05-30T19:39:03.1234567Z ", -1, SOURCE_ANY, 255},
		{"\r[    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"gpu-07 login: [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"root@gpu-07:~# [    1.234567] ", 1234567, SOURCE_ANY, 255},
		{"[root@gpu-07 ~]# [    1.234567] ", 1234567, SOURCE_ANY, 255},
		/* syslog */
		{"May 30 19:39:03 host kernel: [    0.168655] ", 168655, SOURCE_KERNEL, 255},
		{"May 30 19:39:03 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"May  3 19:39:03 host kernel:[    0.168655] ", 168655, SOURCE_KERNEL, 255},
		{"Jun 15 00:05:51   kernel: ", -1, SOURCE_KERNEL, 255},
		{"2026-05-30T19:39:03.123456+02:00 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"2026-05-30T19:39:03.123456+02:00 host kernel: [    0.5] [ T7] ", 500000,
			SOURCE_KERNEL, 255},
		{"\xd1\x84\xd0\xb5\xd0\xb2 12 01:02:03 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"2026 May 30 19:39:03 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"May 30 19:39:03 10.0.0.5 [    0.168655] ", 168655, SOURCE_ANY, 255},
		{"<4>May 30 19:39:03 host kernel: ", -1, SOURCE_KERNEL, 4},
		{"<4>1 2026-05-30T19:39:03.123456+02:00 host kernel - - - ", -1, SOURCE_KERNEL, 4},
		{"<4>1 2026-05-30T19:39:03Z host kernel - - [a@1 b=\"x\\\"]\" c=\"\"][d] ", -1,
			SOURCE_KERNEL, 4},
		{"<4>1 2026-05-30T19:39:03Z host kernel - - - \xef\xbb\xbf[    0.5] ", 500000,
			SOURCE_KERNEL, 4},
		{"<14>1 2026-05-30T19:39:03Z host mytool 12 - - ", -1, 0, 6},
		{"May 30 19:39:03 host kern.warn kernel: [    0.5] ", 500000, SOURCE_KERNEL, 4},
		{"Thu May 30 19:39:03 2026 kern.err kernel: [    0.5] ", 500000, SOURCE_KERNEL, 3},
		/* journalctl */
		{"[    1.500000] node-1.rack kernel: ", 1500000, SOURCE_KERNEL, 255},
		{"[    1.500000 <    0.000011>] host kernel: ", 1500000, SOURCE_KERNEL, 255},
		{"[    1.500000] kernel: ", 1500000, SOURCE_KERNEL, 255},
		{"Sat 2026-05-30 19:39:03 UTC host kernel: ", -1, SOURCE_KERNEL, 255},
		{"Sat 2026-05-30 19:39:03.123456 CEST host kernel: ", -1, SOURCE_KERNEL, 255},
		{"2026-05-30T19:39:03+0200 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"1780169943.123456 host kernel: ", -1, SOURCE_KERNEL, 255},
		/* other programs, and QEMU */
		{"Jul 15 02:25:27 host QEMU[69339]: ", -1, SOURCE_QEMU, 255},
		{"2026-05-30T19:39:03.123456Z qemu-system-x86_64: ", -1, SOURCE_QEMU, 255},
		{"Jul 15 02:25:27 host udisksd[4]: ", -1, 0, 255},
		{"Jul 15 02:25:27 udisksd[4]: ", -1, 0, 255},
		{"Jul 15 02:25:27 host sudo: ", -1, 0, 255},
		{"[    1.500000] host udisksd[4]: ", 1500000, 0, 255},
		{"[    1.500000] host qemu[4]: ", 1500000, SOURCE_QEMU, 255},
		/* Xen: dom1 is another machine */
		{"(XEN) [2026-05-30 19:39:03] ", -1, SOURCE_ANY, 255},
		{"(d0) [    1.500000] ", 1500000, SOURCE_ANY, 255},
		{"(d1) [    1.500000] ", 1500000, 0, 255},
		/* mails, and what was found with grep */
		{"> > [    1.500000] ", 1500000, SOURCE_ANY, 255},
		{">May 30 19:39:03 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"/var/log/kern.log.1:May 30 19:39:03 host kernel: ", -1, SOURCE_KERNEL, 255},
		{"dmesg.txt:123:[    1.500000] ", 1500000, SOURCE_ANY, 255},
		{"123:<4>[    1.500000] ", 1500000, SOURCE_ANY, 4},
		{"\xef\xbb\xbf[    1.500000] ", 1500000, SOURCE_ANY, 255},
	};
	char line[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(line, sizeof(line), "%s" TEXT, forms[i].front);
		expect(line, TEXT, &forms[i]);
		snprintf(line, sizeof(line), "%s" TEXT "\r\n", forms[i].front);
		expect(line, TEXT, &forms[i]);
	}
}

static void what_the_kernel_begins_a_line_with_stays(void **state)
{
	static const char *const texts[] = {
		"",
		"[Hardware Error]: event severity: fatal",
		"{12}[Hardware Error]: event severity: fatal",
		"[drm] x",
		"[drm:amdgpu_job_timedout [amdgpu]] *ERROR* ring sdma0 timeout",
		"[ 6] BadTLP",
		"[00:02.0] fault addr",
		"0000:41:00.0: x",
		"DMAR: [DMA Read] Request device [00:02.0] fault addr 98000000",
		"kvm [9737]: vcpu6, guest rIP: 0x1 ignored rdmsr: 0x10f",
		"rtc_cmos 00:01: setting system clock to 2026-05-30T19:39:03 UTC (1780169943)",
		"r8169 0000:04:00.0 eth0: RTL8168, 00:11:22:33:44:55, XID 541",
		"audit: type=1400 audit(1780169943.123:45): x",
		"systemd[1]: Starting x",
		"nvme nvme0: pci function 0000:01:00.0",
	};
	struct form none = {NULL, -1, SOURCE_ANY, 255}, stamped = {NULL, 1500000, SOURCE_ANY, 255},
		    tagged = {NULL, -1, SOURCE_KERNEL, 255};
	char line[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		expect(texts[i], texts[i], &none);
		snprintf(line, sizeof(line), "[    1.500000] %s", texts[i]);
		expect(line, texts[i], &stamped);
		snprintf(line, sizeof(line), "May 30 19:39:03 host kernel: %s", texts[i]);
		expect(line, texts[i], &tagged);
	}
}

/* A line that is cut anywhere, or has nothing behind its front, reads no further than it goes. */
static void a_cut_line_is_read_no_further_than_it_goes(void **state)
{
	static const char *const lines[] = {
		"<4>1 2026-05-30T19:39:03Z host kernel - - [a@1 b=\"x\\\"]\"] x",
		"Sat 2026-05-30 19:39:03.123456 CEST host kern.err kernel: [    1.5] [ T1] x",
		"kern  :crit  : [    1.234567 <    0.000011>] x",
		"/var/log/kern.log:1:May 30 19:39:03 host (XEN) QEMU[1]: x",
		"host login: [    1.234567] x",
		"1780169943.123456 host kernel: x",
	};
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (n = 0; n <= strlen(lines[i]); n++) {
			char *copy = malloc(n + 1); /* the sanitizer watches its end */
			struct logline l;

			memcpy(copy, lines[i], n);
			logline_parse(copy, n, &l);
			assert_true(l.text >= copy && l.text + l.len <= copy + n);
			assert_true(l.date == NULL || l.date + l.date_len <= copy + n);
			free(copy);
		}
}

/* ---- dates ---- */

#define NEWEST INT64_C(1780000000) /* 2026-05-28T20:26:40Z */

static int64_t date_of(const char *line)
{
	struct logdates dates;
	struct logline l;

	logdates_init(&dates, NEWEST * NS_PER_S);
	logline_parse(line, strlen(line), &l);
	return l.date == NULL ? -1 : logdate_read(&dates, l.date, l.date_len);
}

static void dates_are_read(void **state)
{
	static const struct {
		const char *line;
		int64_t us;
	} cases[] = {
		{"2026-05-28T20:26:40Z host kernel: x", NEWEST * 1000000},
		{"2026-05-28T22:26:40.123456+02:00 host kernel: x", NEWEST * 1000000 + 123456},
		{"2026-05-28T18:56:40-0130 host kernel: x", NEWEST * 1000000},
		{"2026-05-28T22:26:40,123456+02:00 x", NEWEST * 1000000 + 123456},
		{"<4>1 2026-05-28T20:26:40.5Z host kernel - - - x", NEWEST * 1000000 + 500000},
		{"1780000000.123456 host kernel: x", NEWEST * 1000000 + 123456},
		{"Thu 2026-05-28 20:26:40 UTC host kernel: x", NEWEST * 1000000},
		/* without a zone it is ours, which is east of Greenwich here */
		{"[Thu May 28 22:26:40 2026] x", NEWEST * 1000000},
		{"[2026-05-28 22:26:40.25] x", NEWEST * 1000000 + 250000},
		{"May 28 22:26:40 host kernel: x", NEWEST * 1000000},
		{"May  1 22:26:40 host kernel: x", (NEWEST - 27 * 86400) * 1000000},
		{"Thu May 28 22:26:40 2026 kern.err kernel: x", NEWEST * 1000000},
		/* in winter it is one hour */
		{"[Wed Jan 28 21:26:40 2026] x", (NEWEST - 120 * 86400) * 1000000},
		/* a clock that is ahead of the file's; what is more so was last year */
		{"May 29 20:00:00 host kernel: x", (NEWEST + 86400 - 8800) * 1000000},
		{"Dec 31 23:59:59 host kernel: x", INT64_C(1767221999) * 1000000},
		/* these do not tell the day */
		{"\xd1\x84\xd0\xb5\xd0\xb2 12 01:02:03 host kernel: x", 0},
		{"[19:39:03] x", 0},
		{"99 May 99:99:99 host kernel: x", 0},
		{"0000-00-00T00:00:00Z host kernel: x", 0},
		{"[    1.5] x", -1},
	};
	size_t i;

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ns = date_of(cases[i].line);

		if (ns != (cases[i].us > 0 ? cases[i].us * 1000 : cases[i].us))
			fail_msg("'%s': %ld", cases[i].line, (long)ns);
	}
	unsetenv("TZ");
	tzset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_stands_in_front_is_taken_off),
		cmocka_unit_test(what_the_kernel_begins_a_line_with_stays),
		cmocka_unit_test(a_cut_line_is_read_no_further_than_it_goes),
		cmocka_unit_test(dates_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
