/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_OUTCOME_H
#define VFIO_STRESS_MODEL_OUTCOME_H

#include "base/err.h"

/* How a step ended. The device failed and the tool could not do it are different outcomes. */
enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_BROKEN, OUTCOME_SKIPPED, OUTCOME_ABORTED };

/* What a run or a lane comes to. */
enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_BROKEN, VERDICT_SKIPPED, VERDICT_ABORTED };

enum severity { SEV_INFO, SEV_WARNING, SEV_ERROR, SEV_FATAL };

const char *outcome_name(enum outcome o);
const char *verdict_name(enum verdict v);
const char *severity_name(enum severity s);

#define REASON_MAX 40
#define DETAIL_MAX 640
#define ADVICE_MAX 320

/* Why a step did not pass. All empty when it did. */
struct result {
	char reason[REASON_MAX]; /* stable id, "guest-panicked" */
	char detail[DETAIL_MAX]; /* a sentence: what was seen */
	char advice[ADVICE_MAX]; /* what to do; may be empty */
};

/* Fills the result and returns the outcome, so that ending a step is one statement. */
enum outcome result_fail(struct result *r, const char *reason, const char *fmt, ...)
	printf_like(3, 4);
enum outcome result_skip(struct result *r, const char *reason, const char *fmt, ...)
	printf_like(3, 4);
/* Broken, with the error's message and hint. */
enum outcome result_broken(struct result *r, const char *reason, const struct err *err);
void result_advise(struct result *r, const char *fmt, ...) printf_like(2, 3);

#endif
