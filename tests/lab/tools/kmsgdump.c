// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kmsgdump [-f SECONDS]: prints the records of /dev/kmsg as they are, with their dictionary lines;
 * with -f only those to come in the next seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RECORD_MAX 16384

int main(int argc, char **argv)
{
	long follow = argc == 3 && strcmp(argv[1], "-f") == 0 ? strtol(argv[2], NULL, 10) : 0;
	time_t end = time(NULL) + follow;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char record[RECORD_MAX];

	if (fd < 0) {
		perror("/dev/kmsg");
		return 1;
	}
	if (follow > 0)
		lseek(fd, 0, SEEK_END);
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n = read(fd, record, sizeof(record));

		if (n > 0)
			fwrite(record, 1, (size_t)n, stdout);
		else if (n < 0 && errno == EPIPE)
			puts("# records were overwritten before they were read");
		else if (n < 0 && errno == EAGAIN && time(NULL) < end)
			poll(&p, 1, 200);
		else
			break;
		fflush(stdout);
	}
	return 0;
}
