/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_STORE_COPY_H
#define VFIO_STRESS_MODEL_STORE_COPY_H

#include "base/err.h"

#include <stdint.h>

struct db;
struct store;

/* A copy of a store, as a new file (0600) with another name, which is whole or not there. */
int store_copy(struct store *from, const char *path, struct err *err) must_check;
/*
 * The same of one that SQLite cannot open where it is: beside a file that was not closed it wants to make
 * another one, also to read, and cannot where nothing can be written. -1 also when it changes meanwhile.
 */
int store_copy_files(const char *from, const char *path, struct err *err) must_check;
/*
 * The same in memory, and open: of one on a file system that is read-only (else -1), where nobody changes it.
 * The copy has no name and ends with *out.
 */
int store_copy_open(const char *from, struct db **out, struct err *err) must_check;
/* So many bytes it will have at most. */
int store_copy_size(const char *from, uint64_t *out, struct err *err) must_check;
/* The copy, and what SQLite and a delivery make beside it. */
void store_copy_remove(const char *path);

#endif
