/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "qmp.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The running lab: QEMU and the directory of its files, which is the working directory. */
struct machine {
	char **argv; /* QEMU and its arguments */
	pid_t pid; /* 0 when it does not run */
	int boots; /* how often the host may boot */
	bool ended_by_event; /* as it was asked to; nothing is missing */
	struct qmp qmp; /* .fd is -1 while not connected */
};

bool machine_start(struct machine *machine);
bool machine_alive(struct machine *machine);
void machine_kill(struct machine *machine);

/* Copies the content of a small file of the lab; false when it is absent or empty. */
bool machine_read(const char *path, char *text, size_t size);

/* Runs a command of QEMU's human monitor; output says why when false. */
bool machine_monitor(struct machine *machine, const char *command, char *output, size_t size);
