/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_NEWFILE_H
#define VFIO_STRESS_WORLD_NEWFILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * A file that replaces another one whole or not at all: whoever reads it sees the old or the new one,
 * also when the disk is full or the host dies. Until then it has no name, where the file system can do
 * so. What is there and no plain file (a pipe, /dev/stdout) is written in place.
 */
struct newfile {
	FILE *out; /* write here */
	char *path, *what;
	char *beside; /* its name meanwhile, if it has one */
	bool in_place;
	bool replaces; /* there is an old one */
};

/* `what` is for messages: "report 'run.json'". The new file has mode and owner of the old one, or 0600. */
int newfile_open(
	const char *path, const char *what, struct newfile *out, struct err *err) must_check;
/*
 * A file that others read while it grows: emptied, or made with 0600; links are not followed, what is no
 * plain file is written as it is. NULL: see errno.
 */
FILE *newfile_grow(const char *path) must_check;
/* Everybody may read it, unless it replaces one whose mode says otherwise. */
void newfile_open_to_all(struct newfile *f);
/* On disk, under its name; on failure it is as if it had never been begun. Closes in any case. */
int newfile_commit(struct newfile *f, struct err *err) must_check;
/* Can one be made there? Only making it proves that: quotas, mounts and ACLs have their say. */
int newfile_try(const char *path, const char *what, struct err *err) must_check;
/* Not to be kept. */
void newfile_abandon(struct newfile *f);
/* The error of a file that cannot be made or written, by errno: "create report 'run.json': ...". */
int newfile_failed(const char *verb, const char *what, struct err *err);

#endif
