/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_PTY_READ_H
#define VFIO_STRESS_TESTS_PTY_READ_H

#include <poll.h>
#include <unistd.h>

#include "cmocka_all.h"

#define PTY_ALL_READ '\x05'

/*
 * All that was written to the slave until now. The kernel hands it on in its own time: a mark behind it
 * tells when all is there.
 */
static inline void pty_read(int master, int slave, char *buf, size_t size)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	size_t len = 0;

	assert_int_equal(write(slave, &(char){PTY_ALL_READ}, 1), 1);
	do {
		ssize_t n;

		assert_int_equal(poll(&p, 1, 10000), 1);
		n = read(master, buf + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (len == 0 || buf[len - 1] != PTY_ALL_READ);
	buf[len - 1] = '\0';
}

#endif
