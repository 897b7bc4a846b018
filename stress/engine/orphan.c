/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/orphan.h"

#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void *watch(void *arg)
{
	struct pollfd p = {
		.fd = (int)(intptr_t)arg}; /* a hang-up is told without being asked for */
	int n;

	do {
		n = poll(&p, 1, -1);
	} while (n < 0 && errno == EINTR);
	poll(NULL, 0, ORPHAN_S * 1000);
	/* what it has changed of the host stands in the store: `undo` and `resume` go by that */
	_exit(1);
}

void orphan_watch(int socket_fd)
{
	sigset_t all, before;
	pthread_t thread;
	int sys;

	if (socket_fd < 0)
		return;
	/* signals are for the thread that does the steps */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&thread, NULL, watch, (void *)(intptr_t)socket_fd);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (sys == 0)
		pthread_detach(thread);
	else
		log_warn("lane", "nobody ends it when it hangs without its supervisor: %s",
			strerror(sys));
}
