/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/check.h"

#include "base/str.h"
#include "model/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void errors(struct look *l);
static void boot(struct look *l);

const struct check checks_log[] = {
	{"log.errors", CHECK_HOST, WEIGHT_NORMAL, "did anything fail before the test began?", "",
		"Run as root: what has failed before cannot be told from what the test does.",
		errors},
	{"log.iommu", CHECK_HOST, WEIGHT_NORMAL,
		"what did the kernel say about the IOMMU when it started?", "",
		"`journalctl -k -b | grep -e DMAR -e IOMMU -e AMD-Vi` where the journal is kept.",
		boot},
	{0},
};

#define ERRORS_MAX 12 /* told one by one */

static void tell(struct look *l, const struct kernel_word *w)
{
	char bdf[BDF_LEN], times[40] = "";
	struct finding *f;

	if (w->count > 1)
		snprintf(times, sizeof(times), ", %" PRIu64 " times", w->count);
	f = answer(l, CHECK_WARN, "%s%s%s%s: %s", w->id, w->has_bdf ? " of " : "",
		w->has_bdf ? bdf_text(w->bdf, bdf) : "", times, w->text);
	finding_item(l, f, w->id);
	finding_means(l, f, "%s", w->meaning);
	finding_advises(l, f, "%s", w->advice);
}

static void errors(struct look *l)
{
	size_t i, n = 0;

	if (!answer_from_log(l))
		return;
	for (i = 0; i < l->t->nwords; i++) {
		const struct kernel_word *w = &l->t->words[i];

		if (w->incident && w->severity >= SEV_ERROR && n++ < ERRORS_MAX)
			tell(l, w);
	}
	if (n > ERRORS_MAX)
		answer(l, CHECK_WARN, "and %zu more: `vfio-stress scan --kmsg` shows all",
			n - ERRORS_MAX);
	if (n == 0)
		answer(l, CHECK_OK, "no error in the kernel's log%s",
			l->t->log_from_boot ? " since the boot" : ", as far back as it reaches");
}

static void boot(struct look *l)
{
	size_t i, n = 0;

	if (!answer_from_log(l))
		return;
	for (i = 0; i < l->t->nwords; i++) {
		const struct kernel_word *w = &l->t->words[i];

		if (w->incident || str_starts(w->id, "kvm."))
			continue;
		finding_item(l, answer(l, CHECK_OK, "%s", w->text), w->id);
		n++;
	}
	if (n == 0 && !l->t->log_from_boot)
		answer(l, CHECK_UNKNOWN, "the kernel's log no longer reaches back to the boot");
	else if (n == 0)
		answer(l, CHECK_OK, "nothing");
}
