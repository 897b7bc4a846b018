/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_JIN_H
#define VFIO_STRESS_WORLD_JIN_H

#include <stdbool.h>
#include <stddef.h>

/* JSON that others wrote, one small object at a time. */

/* A member whose value is text or a number, as text; valid during the call. */
typedef void jin_member(void *arg, const char *name, const char *value, size_t n);

/*
 * Calls `member` for each member of the object. An array of numbers is text, byte by byte, as
 * journalctl writes what is not UTF-8; of other arrays the first value counts. False: no object.
 */
bool jin_members(const char *json, size_t n, jin_member *member, void *arg);

#endif
