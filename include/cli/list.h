/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_LIST_H
#define VFIO_STRESS_CLI_LIST_H

#include <stddef.h>

/* The i-th word that `list` takes; NULL after the last. Those without a summary are for the build. */
const char *list_subject(size_t i, const char **summary_out);

#endif
