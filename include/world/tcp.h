/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_TCP_H
#define VFIO_STRESS_WORLD_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Does "host:port" or "[address]:port" accept a connection by the deadline? `seen` gets why not:
 * "Connection refused". Nothing is sent.
 */
bool tcp_answers(const char *address, int64_t deadline_ns, char *seen, size_t size);

#endif
