/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_FAKEWRITE_H
#define VFIO_STRESS_TESTS_FAKEWRITE_H

/*
 * For tests that link stress_fakewrite: a write(2) of `value` (NULL = any) to a file whose path
 * ends in `suffix` fails with `sys`, as the kernel would refuse it. Several rules may stand at the
 * same time; fake_writes_work forgets them all.
 */
void fake_write_fails(const char *suffix, const char *value, int sys);
/* The same, and it has been written all the same. */
void fake_write_fails_late(const char *suffix, const char *value, int sys);
void fake_open_fails(const char *suffix, int sys); /* the same for open(2) */
void fake_writes_work(void);

#endif
