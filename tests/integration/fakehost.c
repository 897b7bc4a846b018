/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fakehost DIR < DEVICES: builds a machine in DIR (fakehost.h: one device a line), says "ready" and
 * plays its kernel until it is killed. Then: vfio-stress --root DIR ...
 */
#include "fakehost.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct fakehost *fake;
	sigset_t stop;
	int sig;

	if (argc != 2) {
		fprintf(stderr, "usage: fakehost DIR < DEVICES\n");
		return 2;
	}
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	fake = fakehost_read(argv[1], stdin);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	printf("ready\n");
	fflush(stdout);
	sigwait(&stop, &sig);
	fakehost_free(fake);
	return 0;
}
