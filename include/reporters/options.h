/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_OPTIONS_H
#define VFIO_STRESS_REPORTERS_OPTIONS_H

#include "model/reporter.h"

/* What reporters' options have in common. */

/* Of formats whose options are struct file_opts alone. */
extern const struct field file_fields[];
/*
 * Their `load`. A scenario may come from somebody else, and is run by root: it writes no file that
 * anything on a host takes for a program or for settings. `opts` begin with struct file_opts.
 */
void file_check_name(void *opts, const struct report_reading *rd);
/* The value of one of a report's options, or its word where it has none. */
struct srcpos report_pos_of(const struct report_reading *rd, const char *key);

#endif
