/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_ERR_H
#define VFIO_STRESS_BASE_ERR_H

#include <stdint.h>

/* What kind of failure it is; the CLI turns it into an exit code. */
enum err_code {
	ERR_NONE,
	ERR_USAGE, /* the command line is wrong */
	ERR_INPUT, /* a scenario, rule file or snapshot is wrong */
	ERR_REFUSED, /* safety: nothing was tried */
	ERR_ABSENT, /* no such device, domain, run or file */
	ERR_UNSUPPORTED, /* the kernel, the device or libvirt does not offer it */
	ERR_TIMEOUT,
	ERR_LOST, /* a connection or a process went away */
	ERR_IO, /* a system or library call failed */
};

/* An error by value, on the caller's stack: nothing to free, it survives running out of memory. */
struct err {
	enum err_code code;
	int sys; /* errno behind it, 0 if none */
	char msg[512]; /* what failed, outermost context first */
	char hint[320]; /* what to do about it; may be empty */
};

#define must_check        __attribute__((warn_unused_result))
#define printf_like(f, a) __attribute__((format(printf, f, a)))

/* Sets the error and returns -1, so that a failure is one statement. `sys` is appended as text. */
int err_set(struct err *err, enum err_code code, int sys, const char *fmt, ...) printf_like(4, 5);
/* Puts "context: " in front of the message. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) printf_like(2, 3);
/* Replaces the hint. Returns -1. */
int err_hint(struct err *err, const char *fmt, ...) printf_like(2, 3);
/* Forgets an error that was dealt with. */
void err_clear(struct err *err);

#endif
