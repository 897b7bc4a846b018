/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_TREEFILE_H
#define VFIO_STRESS_TESTS_TREEFILE_H

/*
 * A tree of small files as one text, so that a machine fits into a repository and a change of it
 * can be read. One entry begins at each line that does not begin with a tab:
 *
 *   d /path               a directory
 *   l /path target        a symbolic link
 *   f /path               a text: the lines that follow, each behind a tab
 *   x /path               bytes: hex in the lines that follow
 *   s /path MODE          a node or socket; only the mode (octal) can be made again
 */

/* Makes the tree below `dir`, which exists. Absolute links lead below it. Exits on failure. */
void treefile_unpack(const char *file, const char *dir);
/* Writes what `paths` (one a line) names on this machine, with all links on the way, to stdout. */
void treefile_pack(const char *paths);

#endif
