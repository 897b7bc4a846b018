/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/trace.h"

/* Built without libtracefs. */

int trace_open(const struct host *host, const char *name, struct trace **out, struct err *err)
{
	(void)host;
	(void)name;
	(void)out;
	err_set(err, ERR_UNSUPPORTED, 0, "this vfio-stress was built without libtracefs");
	return err_hint(err, "install libtracefs-dev and libtraceevent-dev, and build again");
}

bool trace_has(const struct trace *t, enum trace_kind kind)
{
	(void)t;
	(void)kind;
	return false;
}

void trace_drain(struct trace *t, trace_each *each, void *arg)
{
	(void)t;
	(void)each;
	(void)arg;
}

uint64_t trace_lost(const struct trace *t)
{
	(void)t;
	return 0;
}

void trace_close(struct trace *t)
{
	(void)t;
}
