// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hmp COMMAND...: runs a command of the human monitor of the QEMU that is this host, for example
 * `hmp info pci`. The second serial port of the lab's machine is wired to QEMU's own monitor.
 */
#include "qmp.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>

#define MONITOR    "/dev/ttyS1"
#define TIMEOUT_MS 10000

static int open_monitor(void)
{
	struct termios raw;
	int fd = open(MONITOR, O_RDWR | O_NOCTTY);

	if (fd < 0 || tcgetattr(fd, &raw) < 0) {
		perror(MONITOR);
		return -1;
	}
	flock(fd, LOCK_EX); /* one command at a time on the line */
	cfmakeraw(&raw);
	tcsetattr(fd, TCSANOW, &raw);
	tcflush(fd, TCIFLUSH);
	return fd;
}

int main(int argc, char **argv)
{
	static struct qmp qmp;
	static char output[1 << 19];
	char command[2048] = "";
	bool ok;

	if (argc < 2) {
		fprintf(stderr, "usage: hmp COMMAND...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		size_t used = strlen(command);

		snprintf(command + used, sizeof(command) - used, "%s%s", i > 1 ? " " : "", argv[i]);
	}
	qmp.fd = open_monitor();
	if (qmp.fd < 0)
		return 2;
	if (!qmp_hello(&qmp, TIMEOUT_MS)) {
		fprintf(stderr, "hmp: QEMU does not answer\n");
		return 2;
	}
	ok = qmp_human(&qmp, command, output, sizeof(output), TIMEOUT_MS);
	fputs(output, ok ? stdout : stderr);
	return ok ? 0 : 1;
}
