/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/loglist.h"

#include "klog/savedlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* the fuzzer has less time than LOGLIST_BYTES_MAX takes */
#define LINES_MAX 20000

static void read_log(struct loglist *list, size_t i)
{
	struct savedlog_line line;
	struct savedlog *log;
	struct err err = {0};
	unsigned n;

	if (loglist_open(list, i, &log, &err) != 0) {
		if (err.code == ERR_NONE)
			abort();
		return;
	}
	for (n = 0; n < LINES_MAX && savedlog_next(log, &line, &err) > 0; n++)
		if (line.is_record && line.rec.len > KMSG_TEXT_MAX)
			abort();
	savedlog_close(log);
}

/* A file, or a bundle with the logs that are found in it: parts of one log stand together. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("bundle", 0);
	struct loglist *list = loglist_new();
	struct err err = {0};
	char path[32];
	size_t i, k;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		__builtin_trap();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (loglist_add(list, path, &err) != 0 && err.code == ERR_NONE)
		abort();
	loglist_sort(list);
	for (i = 0; i < loglist_count(list); i++) {
		for (k = i + 1; k + 1 < loglist_count(list); k++)
			if (loglist_at(list, k)->family != loglist_at(list, i)->family &&
				loglist_at(list, k + 1)->family == loglist_at(list, i)->family)
				abort();
		read_log(list, i);
	}
	loglist_free(list);
	close(fd);
	return 0;
}
