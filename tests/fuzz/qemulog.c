/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/qemulog.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* QEMU's last words, from any place of a log of any bytes: printable, and whole within the buffer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {1, 2, 9, 64, 512};
	int fd = memfd_create("qemu.log", 0);
	char path[32], buf[512];
	size_t i, k;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		__builtin_trap();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (qemulog_size(path) != (int64_t)size)
		abort();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int64_t from = size > 0 ? (int64_t)(data[0] * sizes[i] % (2 * size)) : 0;

		memset(buf, 'x', sizeof(buf));
		qemulog_words(path, from, buf, sizes[i]);
		if (memchr(buf, '\0', sizes[i]) == NULL)
			abort();
		for (k = 0; buf[k] != '\0'; k++)
			if (iscntrl((unsigned char)buf[k]))
				abort();
	}
	close(fd);
	return 0;
}
