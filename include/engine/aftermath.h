/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_AFTERMATH_H
#define VFIO_STRESS_ENGINE_AFTERMATH_H

#include <stdint.h>

struct run_request;
struct store;

/*
 * After the last lane: puts back what a lane could not, judges the run from the store, writes the
 * reports and the summary, and waits a while for webhooks. Once cancel_fd is readable it waits neither
 * for the putting back nor for webhooks.
 * Returns the exit code of `run`.
 */
int aftermath(const struct run_request *req, struct store *store, int64_t run, const char *run_id,
	int cancel_fd);

#endif
