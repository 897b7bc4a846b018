/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kmsg_storm PIPE FIRST SECONDS [KIND...]: records into the pipe of --kmsg, as fast as it takes them, the
 * first with number FIRST, for so many seconds or until SIGTERM; 0: until then. Prints "NEXT SKIPPED":
 * the number behind the last one, and how many below it were left out. The kinds take turns, default
 * all but gaps:
 *
 *   faults    one device's, the same one
 *   devices   the same of thousands of devices
 *   ids       lines of standard input, one after the other: as many ids as there are
 *   long      1 KB of text
 *   garbage   as the kernel escapes it: 976 bytes of 0x00 to 0xff, four times as long
 *   raw       as no kernel prints it: the same as it is, and what is no record at all
 *   parts     a line in pieces (pr_cont), and one of several lines
 *   held      what the kernel's own limit held back
 *   gaps      numbers that are left out
 */
#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 976 /* LOG_LINE_MAX of a kernel without printk's new ring */

struct storm {
	int fd;
	uint64_t next, skipped, turn;
	VEC(char *) lines;
	char record[PIPE_BUF];
	size_t len;
};

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void begin(struct storm *s, char flag)
{
	s->len = (size_t)snprintf(s->record, sizeof(s->record), "3,%" PRIu64 ",%" PRId64 ",%c;",
		s->next++, clock_mono_ns() / 1000, flag);
}

static void send_record(struct storm *s)
{
	s->record[s->len++] = '\n';
	/* whole or not at all, since it is no longer than PIPE_BUF; a signal may come while it waits */
	while (write(s->fd, s->record, s->len) < 0 && errno == EINTR && !stop)
		;
}

static void __attribute__((format(printf, 3, 4)))
say(struct storm *s, char flag, const char *fmt, ...)
{
	va_list ap;

	begin(s, flag);
	va_start(ap, fmt);
	s->len += (size_t)vsnprintf(s->record + s->len, sizeof(s->record) - s->len, fmt, ap);
	va_end(ap);
	send_record(s);
}

static void faults(struct storm *s)
{
	say(s, '-',
		"vfio-pci 0000:41:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 "
		"address=0x%" PRIx64 " flags=0x0020]",
		s->turn << 12);
}

static void devices(struct storm *s)
{
	unsigned n =
		(unsigned)(s->turn * 7919); /* a prime: neighbours in time are none on the bus */

	say(s, '-',
		"vfio-pci %04x:%02x:%02x.%u: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 "
		"address=0x1000 flags=0x0020]",
		n >> 16 & 7, n >> 8 & 0xff, n >> 3 & 0x1f, n & 7);
}

static void ids(struct storm *s)
{
	if (s->lines.n > 0)
		say(s, '-', "%s", s->lines.v[s->turn % s->lines.n]);
}

static void long_line(struct storm *s)
{
	size_t i;

	begin(s, '-');
	for (i = 0; i < TEXT_MAX; i++)
		s->record[s->len++] = (char)('a' + (s->turn + i) % 26);
	send_record(s);
}

static void garbage(struct storm *s)
{
	size_t i;

	begin(s, '-');
	for (i = 0; i < TEXT_MAX; i++) {
		unsigned char c = (unsigned char)(s->turn * 31 + i * 7);

		s->len += (size_t)snprintf(
			s->record + s->len, 5, c < 32 || c >= 127 ? "\\x%02x" : "%c", c);
	}
	send_record(s);
}

static void raw(struct storm *s)
{
	static const char none[] = "\0\xff;\x1b[2J,,,999999999999999999999999,1,-;no record\n";
	size_t i;

	(void)!write(s->fd, none, sizeof(none) - 1);
	begin(s, '-');
	for (i = 0; i < TEXT_MAX; i++) {
		char c = (char)(s->turn * 31 + i * 7);

		s->record[s->len++] = c == '\n' ? ' ' : c;
	}
	send_record(s);
}

static void parts(struct storm *s)
{
	say(s, '-', "pcieport 0000:00:01.0: AER: Correctable error message");
	say(s, 'c', " received from");
	say(s, 'c', " 0000:43:00.0");
	say(s, '-',
		"NVRM: The NVIDIA GPU 0000:42:00.0\\x0aNVRM: (PCI ID: 10de:2684)\\x0a"
		"NVRM: fallen off the bus and is not responding to commands.");
}

static void held(struct storm *s)
{
	say(s, '-', "amd_iommu_report_page_fault: 7 callbacks suppressed");
}

static void gaps(struct storm *s)
{
	uint64_t n = s->turn % 1000 + 1;

	s->next += n;
	s->skipped += n;
	say(s, '-', "behind %" PRIu64 " that nobody read", n);
}

static const struct {
	const char *name;
	void (*print)(struct storm *s);
	bool asked; /* only when it is named */
} kinds[] = {
	{"faults", faults, false},
	{"devices", devices, false},
	{"ids", ids, false},
	{"long", long_line, false},
	{"garbage", garbage, false},
	{"raw", raw, false},
	{"parts", parts, false},
	{"held", held, false},
	{"gaps", gaps, true},
};

static uint64_t chosen(char **names, int n)
{
	uint64_t set = 0;
	size_t i;
	int k;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool named = n == 0 && !kinds[i].asked;

		for (k = 0; k < n; k++)
			named |= str_eq(names[k], kinds[i].name);
		set |= (uint64_t)named << i;
	}
	return set;
}

static void read_lines(struct storm *s)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (n <= TEXT_MAX)
			*vec_push(&s->lines) = xstrdup(line);
	}
	free(line);
}

int main(int argc, char **argv)
{
	const struct sigaction act = {.sa_handler = on_signal};
	struct storm s = {0};
	uint64_t set;
	int64_t until;
	size_t i;

	if (argc < 4 || (set = chosen(argv + 4, argc - 4)) == 0) {
		fputs("usage: kmsg_storm PIPE FIRST SECONDS [KIND...]\n", stderr);
		return 2;
	}
	s.fd = open(argv[1], O_WRONLY | O_CLOEXEC);
	s.next = strtoull(argv[2], NULL, 10);
	until = strtoll(argv[3], NULL, 10) * NS_PER_S;
	until = until == 0 ? NEVER : clock_mono_ns() + until;
	if (s.fd < 0) {
		perror(argv[1]);
		return 1;
	}
	sigaction(SIGTERM, &act, NULL);
	read_lines(&s);
	for (; !stop && clock_mono_ns() < until; s.turn++)
		for (i = 0; i < ARRAY_SIZE(kinds) && !stop; i++)
			if (set >> i & 1)
				kinds[i].print(&s);
	printf("%" PRIu64 " %" PRIu64 "\n", s.next, s.skipped);
	vec_foreach (line, &s.lines)
		free(*line);
	vec_finish(&s.lines);
	close(s.fd);
	return 0;
}
