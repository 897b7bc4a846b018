/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lane_parts.h"

#include "base/str.h"
#include "base/vec.h"
#include "engine/lane.h"
#include "engine/lane_keep.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A sentence for the report: what cannot be seen, and what to do. */
static void tell_blind_spot(struct lane *lane, const char *text)
{
	struct event ev = {.kind = EV_BLIND_SPOT};

	str_set(ev.text, text);
	emit(&lane->out, &ev);
}

/* ---- reading ---- */

static bool take(struct lane *lane, struct pcie_status now[PCIESTATUS_MAX])
{
	struct lane_status *s = &lane->keep->status;
	struct bdf bdfs[PCIESTATUS_MAX];
	char text[DETAIL_MAX];
	struct err err;
	size_t i;

	for (i = 0; i < s->n; i++)
		bdfs[i] = s->functions[i].bdf;
	if (pciestatus_take(lane->host, bdfs, s->n, clock_mono_ns() + PCIESTATUS_NS, now, &err) ==
		0)
		return true;
	s->given_up = true;
	snprintf(text, sizeof(text),
		"%s: the status registers of its devices are not looked at any more: %s",
		lane->spec->name, err.msg);
	tell_blind_spot(lane, text);
	return false;
}

/* ---- the first look: what they will never tell ---- */

typedef bool is_so(const struct lane *lane, size_t i, const struct pcie_status *st);

static bool is_unreadable(const struct lane *lane, size_t i, const struct pcie_status *st)
{
	(void)lane;
	(void)i;
	return !st->read;
}

static bool has_no_aer(const struct lane *lane, size_t i, const struct pcie_status *st)
{
	(void)lane;
	(void)i;
	return st->read && !st->has_aer;
}

static bool is_uncounted(const struct lane *lane, size_t i, const struct pcie_status *st)
{
	char path[HOST_PATH_MAX];

	return st->has_aer &&
		access(host_dev_path(lane->host, path, lane->keep->status.functions[i].bdf,
			       "aer_dev_correctable"),
			F_OK) != 0;
}

static bool is_silent(const struct lane *lane, size_t i, const struct pcie_status *st)
{
	const unsigned all = DEVSTA_CORRECTABLE | DEVSTA_NONFATAL | DEVSTA_FATAL;

	/* of a VF its PF decides (SR-IOV spec, 3.5.4) */
	return st->read && !lane->keep->status.functions[i].is_vf && (st->control & all) != all;
}

static const struct {
	is_so *holds;
	const char *sentence;
} remarks[] = {
	{is_unreadable,
		"registers that tell of PCIe errors could not be read (asleep, or no PCI Express)"},
	{has_no_aer,
		"no AER capability: of their errors only Device Status bits tell, and the port "
		"above"},
	{is_uncounted,
		"AER errors are not counted: boot a kernel with CONFIG_PCIEAER, 4.19 or later"},
	{is_silent,
		"not all errors are reported (Device Control): those show in status bits only; "
		"`setpci -s BDF CAP_EXP+8.w=7:7` has them reported"},
};

#define NAMED_MAX 8 /* functions in one sentence */

static void tell_remark(
	struct lane *lane, const struct pcie_status *now, is_so *holds, const char *sentence)
{
	struct str text = {0};
	size_t i, n = 0;

	for (i = 0; i < lane->keep->status.n; i++) {
		char bdf[BDF_LEN];

		if (!holds(lane, i, &now[i]) || n++ >= NAMED_MAX)
			continue;
		str_addf(&text, "%s%s", text.len ? ", " : "",
			bdf_text(lane->keep->status.functions[i].bdf, bdf));
	}
	if (n > NAMED_MAX)
		str_addf(&text, " and %zu more", n - NAMED_MAX);
	if (n > 0) {
		str_addf(&text, ": %s", sentence);
		tell_blind_spot(lane, text.s);
	}
	str_finish(&text);
}

static void tell_masks(struct lane *lane, const struct pcie_status *now)
{
	char masked[160], text[DETAIL_MAX], bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < lane->keep->status.n; i++) {
		if (!now[i].has_aer ||
			*pcie_aer_masked(&now[i].aer, masked, sizeof(masked)) == '\0')
			continue;
		snprintf(text, sizeof(text),
			"%s: masks %s: it reports these to nobody; look for a BIOS setting, or "
			"clear "
			"the mask with `setpci` (ECAP_AER+8.l and +14.l)",
			bdf_text(lane->keep->status.functions[i].bdf, bdf), masked);
		tell_blind_spot(lane, text);
	}
}

static void watch(struct lane *lane, struct bdf bdf, bool is_vf)
{
	struct lane_status *s = &lane->keep->status;
	size_t i;

	for (i = 0; i < s->n; i++)
		if (bdf_eq(s->functions[i].bdf, bdf))
			return;
	if (s->n == PCIESTATUS_MAX)
		return;
	s->functions[s->n].bdf = bdf;
	s->functions[s->n++].is_vf = is_vf;
}

/* The port right above hears of a bad link as its receiver, and belongs to this lane alone. */
static void watch_all(struct lane *lane)
{
	size_t i;

	for (i = 0; i < lane->ndevs; i++)
		watch(lane, lane->devs[i].pci.bdf, lane->devs[i].pci.is_vf);
	for (i = 0; i < lane->ndevs; i++)
		if (lane->devs[i].pci.has_parent)
			watch(lane, lane->devs[i].pci.parent, false);
}

void lane_status_begin(struct lane *lane)
{
	struct pcie_status now[PCIESTATUS_MAX];
	size_t i;

	if (lane->ndevs == 0)
		return;
	watch_all(lane);
	lane->keep->status.looked_ns = clock_mono_ns();
	if (!take(lane, now))
		return;
	for (i = 0; i < lane->keep->status.n; i++)
		lane->keep->status.functions[i].last = now[i];
	for (i = 0; i < ARRAY_SIZE(remarks); i++)
		tell_remark(lane, now, remarks[i].holds, remarks[i].sentence);
	tell_masks(lane, now);
}

/* ---- later looks: what is new ---- */

static void tell_news(struct lane *lane, size_t i, const struct pcie_status *now, int64_t since_ns)
{
	uint32_t bits;
	int cls;

	for (cls = 0; cls < AER_CLASSES; cls++) {
		struct event ev = {.kind = EV_STATUS_BITS};

		if (!pciestatus_news(&lane->keep->status.functions[i].last, now, cls, &bits))
			continue;
		bdf_text(lane->keep->status.functions[i].bdf, ev.subject);
		str_set(ev.reason, aer_class_word(cls));
		ev.code = bits;
		ev.dur_ns = clock_mono_ns() - since_ns;
		pciestatus_text(now->status, ev.text, sizeof(ev.text));
		emit(&lane->out, &ev);
	}
}

void lane_status_look(struct lane *lane)
{
	struct pcie_status now[PCIESTATUS_MAX];
	struct lane_status *s = &lane->keep->status;
	int64_t since_ns;
	size_t i;

	if (s->n == 0 || s->given_up || lane->wedged || lane->out.orphaned)
		return;
	since_ns = s->looked_ns;
	s->looked_ns = clock_mono_ns();
	if (!take(lane, now))
		return;
	for (i = 0; i < s->n; i++) {
		tell_news(lane, i, &now[i], since_ns);
		if (now[i].read)
			s->functions[i].last = now[i];
	}
}
