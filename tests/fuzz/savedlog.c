/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/savedlog.h"

#include "klog/rules.h"
#include "klog/unwrap.h"
#include "world/instream.h"
#include "world/logfile.h"
#include "world/unpack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rules *rules;
static struct classifier *classifier;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct diags diags;

	(void)argc;
	(void)argv;
	rules = rules_load(NULL, 0, &diags);
	if (rules == NULL)
		abort();
	classifier = classifier_new(rules);
	return 0;
}

/* a bomb is bounded by INSTREAM_UNPACKED_MAX; the fuzzer has less time */
#define READ_MAX (8u << 20)

/* Records keep the promises of struct klog_rec. */
static void check_record(const struct savedlog_line *line)
{
	if (line->is_record &&
		(line->rec.len > KMSG_TEXT_MAX || strlen(line->rec.text) != line->rec.len ||
			memchr(line->rec.device, '\0', sizeof(line->rec.device)) == NULL))
		abort();
}

/* In order, and lines that stand for others are their first. */
static void take_unwrapped(void *arg, struct savedlog_line *line)
{
	uint64_t *last_no = arg;

	if (line->no <= *last_no)
		abort();
	*last_no = line->no;
	check_record(line);
}

/* Every line has its number, and none is left out. */
static void read_log(struct savedlog *l)
{
	struct savedlog_line line;
	uint64_t no = 0, last_no = 0, lines;
	struct unwrap *u = unwrap_new(classifier, take_unwrapped, &last_no);
	struct err err = {0};
	int rc;

	while ((rc = savedlog_next(l, &line, &err)) > 0 && no < 100000) {
		if (line.no != ++no)
			abort();
		check_record(&line);
		unwrap_take(u, &line);
	}
	if (rc < 0 && err.code == ERR_NONE)
		abort();
	unwrap_end(u);
	unwrap_free(u);
	savedlog_lines_of(l, 1, no, &lines, &lines);
	savedlog_close(l);
}

static void read_archive(struct unpack *u)
{
	char buf[4096];
	const char *name;
	struct err err = {0};
	size_t left = READ_MAX;
	ssize_t n;

	while (left > 0 && unpack_next(u, &name, &err) > 0) {
		if (strlen(name) > SIZE_MAX / 2)
			abort();
		while (left > 0 && (n = unpack_read(u, buf, sizeof(buf), &err)) > 0)
			left -= (size_t)n < left ? (size_t)n : left;
	}
	unpack_close(u);
}

/* A saved log, as text, compressed, or an archive. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("log", 0);
	struct logfile *file;
	struct unpack *archive;
	struct err err = {0};

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
		__builtin_trap();
	if (logfile_open(instream_of_fd(fd, "log"), &file, &archive, &err) != 0) {
		if (err.code == ERR_NONE)
			abort();
	} else if (archive != NULL) {
		read_archive(archive);
	} else {
		read_log(savedlog_of_file(file));
	}
	return 0;
}
