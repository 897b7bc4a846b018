/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_CONSOLE_H
#define VFIO_STRESS_WORLD_CONSOLE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct domdef_serial;
struct host;

#define CONSOLE_PATTERN_MAX 256

/*
 * A guest's console, read by a thread of its own from the moment it is opened, so that each match
 * of the pattern has the time at which it was printed.
 */
struct console;

struct console_seen {
	uint64_t bytes; /* read so far */
	uint64_t matches; /* of the pattern */
	int64_t match_ns; /* monotonic time of the last match, 0 = none */
	bool panicked; /* a Linux guest said so */
	bool ended; /* closed by the other side */
	char last[160]; /* the last line with text, or the panic's; printable */
};

/* Can this one be read at all? A pty needs a running domain for its path. */
int console_check(const struct domdef_serial *s, struct err *err) must_check;
/* Only what is printed from now on counts. `pattern` is plain text, copied. */
int console_open(const struct domdef_serial *s, const char *pattern, struct console **out,
	struct err *err) must_check;
void console_close(struct console *c);
int console_fd(const struct console *c); /* readable when console_look has news */
struct console_seen console_look(struct console *c);
/* Who else reads the same pty and so takes lines away: "virsh (pid 4711)"; "" = nobody. */
const char *console_rival(const struct host *host, const char *path, char *buf, size_t size);

#endif
