/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/outcome.h"

#include "base/str.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>

/* The numbers may come out of a store that somebody sent. */
static const char *name_of(const char *const *names, size_t n, unsigned i)
{
	return i < n ? names[i] : "unknown";
}

const char *outcome_name(enum outcome o)
{
	static const char *const names[] = {"pass", "fail", "broken", "skipped", "aborted"};

	return name_of(names, ARRAY_SIZE(names), o);
}

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {"pass", "fail", "broken", "skipped", "aborted"};

	return name_of(names, ARRAY_SIZE(names), v);
}

const char *severity_name(enum severity s)
{
	static const char *const names[] = {"info", "warning", "error", "fatal"};

	return name_of(names, ARRAY_SIZE(names), s);
}

static printf_like(3, 0) void fill(
	struct result *r, const char *reason, const char *fmt, va_list ap)
{
	str_set(r->reason, reason);
	vsnprintf(r->detail, sizeof(r->detail), fmt, ap);
	r->advice[0] = '\0';
}

enum outcome result_fail(struct result *r, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(r, reason, fmt, ap);
	va_end(ap);
	return OUTCOME_FAIL;
}

enum outcome result_skip(struct result *r, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(r, reason, fmt, ap);
	va_end(ap);
	return OUTCOME_SKIPPED;
}

enum outcome result_broken(struct result *r, const char *reason, const struct err *err)
{
	str_set(r->reason, reason);
	str_set(r->detail, err->msg);
	str_set(r->advice, err->hint);
	return OUTCOME_BROKEN;
}

void result_advise(struct result *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->advice, sizeof(r->advice), fmt, ap);
	va_end(ap);
}
