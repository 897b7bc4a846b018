/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A QEMU monitor (QMP) on an open socket or serial line, used one command at a time. */
struct qmp {
	int fd;
	unsigned int last_id; /* of the last request; an answer must carry it */
	size_t used; /* bytes in buf not yet taken as lines */
	char buf[1 << 20];
};

/* Leaves the negotiation mode. False when nobody answers in time. */
bool qmp_hello(struct qmp *qmp, int timeout_ms);

/*
 * Runs a command of the human monitor and copies its output (cut to size). False when QEMU does
 * not answer in time or refuses the request; the output then holds what is known.
 */
bool qmp_human(struct qmp *qmp, const char *command, char *output, size_t size, int timeout_ms);
