/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_UNWRAP_H
#define VFIO_STRESS_KLOG_UNWRAP_H

#include <stdbool.h>
#include <stdint.h>

struct classifier;
struct savedlog_line;

/*
 * Lines that a mail program broke, put together again where that is safe: the first piece alone
 * means nothing, ends where the next word no longer fitted into a mail's width, and has no stamp
 * behind it; and together they are a line of the catalogue. All else passes as it is, in order.
 */
struct unwrap;

typedef void unwrap_out(void *arg, struct savedlog_line *line);

/* Lines go to `out`, during the calls below. Borrows the classifier. */
struct unwrap *unwrap_new(struct classifier *c, unwrap_out *out, void *arg);
void unwrap_free(struct unwrap *u);
void unwrap_take(struct unwrap *u, struct savedlog_line *line);
/* No more lines come: lets go of what it holds. */
void unwrap_end(struct unwrap *u);
/* Should the next line not be passed over? */
bool unwrap_waits(const struct unwrap *u);
/* Lines that it put together. */
uint64_t unwrap_count(const struct unwrap *u);

#endif
