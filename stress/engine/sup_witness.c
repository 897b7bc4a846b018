/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/supervisor.h"

#include "base/log.h"
#include "base/str.h"
#include "base/vec.h"
#include "engine/lookout.h"
#include "engine/writer.h"
#include "world/iommu.h"
#include "world/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The witnesses besides the kernel log: when they begin, when they end, what they cannot see. */

void sup_witness_blind_spot(struct supervisor *s, const char *text)
{
	struct err err;

	vec_foreach (said, &s->blind_spots)
		if (str_eq(*said, text))
			return;
	*vec_push(&s->blind_spots) = xstrdup(text);
	if (s->writer != NULL)
		writer_note(s->writer, "blind-spot", text);
	else if (store_note(s->store, s->run, "blind-spot", text, &err) != 0)
		log_warn("store", "%s", err.msg);
}

static void say_without_trace(struct supervisor *s, const struct err *err)
{
	char text[DETAIL_MAX];

	snprintf(text, sizeof(text),
		"kernel tracepoints are not read, so that what the log's rate limits hold back is "
		"not counted: %s%s%s",
		err->msg, err->hint[0] ? "; " : "", err->hint);
	sup_witness_blind_spot(s, text);
}

static void say_unhandled(struct supervisor *s)
{
	char ports[200], text[DETAIL_MAX];

	if (lookout_unhandled(s->lookout, ports, sizeof(ports)) == 0)
		return;
	snprintf(text, sizeof(text),
		"%s: not this kernel but the firmware handles PCIe errors there, or nobody does: "
		"they "
		"show in status bits, in GHES records and in the BMC's log; boot with "
		"pcie_ports=native, and without pci=noaer, for a qualification run",
		ports);
	sup_witness_blind_spot(s, text);
}

static void say_iommu(struct supervisor *s)
{
	static const char *const sentences[] = {
		[IOMMU_NONE] = "no IOMMU is active: a device that writes where it must not is not "
			       "noticed; "
			       "boot with intel_iommu=on, or switch it on in the BIOS",
		[IOMMU_VTD] = "VT-d tells of DMA faults in the kernel log only, 10 lines in 5 s: "
			      "counts of "
			      "dmar.* are lower bounds, and no second witness covers a gap in the "
			      "log; boot "
			      "with a larger log_buf_len",
		[IOMMU_OTHER] =
			"this kind of IOMMU is not known here: its faults are looked for in the "
			"kernel log only",
	};
	enum iommu_kind kind = iommu_kind(s->req->host);

	if (kind != IOMMU_AMDVI)
		sup_witness_blind_spot(s, sentences[kind]);
}

static void say_what_nobody_reads(struct supervisor *s)
{
	size_t i;

	for (i = 0; i < s->nlanes; i++)
		if (s->lanes[i].spec->domain != NULL)
			sup_witness_blind_spot(s,
				"the guests' own logs are not read: what only their drivers notice"
				" is not in this report; let a `guest` step look at its dmesg");
	if (s->req->host->simulated)
		sup_witness_blind_spot(s,
			"the host is simulated (a test seam was used): its log and its devices"
			" are not a real host's");
}

static void say_missing_tracepoints(struct supervisor *s)
{
	char text[DETAIL_MAX];
	int kind;

	for (kind = 0; kind < TRACE_KINDS; kind++) {
		if (trace_has(s->trace, (enum trace_kind)kind))
			continue;
		snprintf(text, sizeof(text),
			"this kernel has no tracepoint %s: such errors are in the kernel log only",
			trace_name((enum trace_kind)kind));
		sup_witness_blind_spot(s, text);
	}
}

static const char *instance_name(const struct supervisor *s, char buf[64])
{
	snprintf(buf, 64, TRACE_NAME_PREFIX "%s", s->run_id);
	return buf;
}

/* Whether it was made or not, and whoever removed it: once it is not there, nothing is to be undone. */
static void remove_trace(struct supervisor *s)
{
	char name[64];
	struct err err;

	trace_close(s->trace);
	s->trace = NULL;
	if (trace_remove(s->req->host, instance_name(s, name), &err) != 0 ||
		store_undo_done(s->store, s->trace_undo, &err) != 0)
		log_warn("trace", "%s", err.msg);
}

/* The instance outlives us when we are killed: how to remove it is on disk before it is made. */
static int make_trace(struct supervisor *s, const char *boot_id, struct err *err)
{
	struct undo_rec rec = {.kind = UNDO_TRACE};
	struct event ev;

	if (s->req->host->simulated)
		return err_set(err, ERR_UNSUPPORTED, 0, "a simulated host has none");
	if (trace_check(s->req->host, err) != 0)
		return -1;
	instance_name(s, rec.subject);
	undo_to_event(&rec, &ev);
	if (store_undo(s->store, s->run, &ev, boot_id, &s->trace_undo, err) != 0)
		return -1;
	if (trace_open(s->req->host, rec.subject, &s->trace, err) == 0)
		return 0;
	remove_trace(s);
	return -1;
}

static void begin_trace(struct supervisor *s, const char *boot_id)
{
	struct err err = {0};

	if (make_trace(s, boot_id, &err) != 0) {
		say_without_trace(s, &err);
		return;
	}
	say_missing_tracepoints(s);
	lookout_listen(s->lookout, s->trace);
}

/* Bits of Documentation/admin-guide/tainted-kernels that say that the kernel has suffered. */
#define TAINT_MACHINE_CHECK (INT64_C(1) << 4)
#define TAINT_BAD_PAGE      (INT64_C(1) << 5)
#define TAINT_DIE           (INT64_C(1) << 7)
#define TAINT_WARN          (INT64_C(1) << 9)
#define TAINT_SOFTLOCKUP    (INT64_C(1) << 14)
#define TAINT_SUFFERED                                                                             \
	(TAINT_MACHINE_CHECK | TAINT_BAD_PAGE | TAINT_DIE | TAINT_WARN | TAINT_SOFTLOCKUP)

/* -1 = unknown */
static int64_t taint_of(const struct host *host)
{
	char text[32];
	struct err err;
	int64_t taint;

	if (host_read(host, "/proc/sys/kernel/tainted", text, sizeof(text), &err) != 0 ||
		!str_to_i64(text, 10, 0, INT64_MAX, &taint))
		return -1;
	return taint & TAINT_SUFFERED;
}

void sup_witness_begin(struct supervisor *s, const char *boot_id)
{
	size_t i;

	s->lookout = lookout_new(s->req->host, &s->topology);
	for (i = 0; i < s->nlanes; i++)
		vec_foreach (dev, &s->lanes[i].devices)
			lookout_add(s->lookout, (uint32_t)i, dev->bdf);
	s->taint = taint_of(s->req->host);
	say_iommu(s);
	say_unhandled(s);
	begin_trace(s, boot_id);
	say_what_nobody_reads(s);
}

/* Not how often, but that: since the lane looked the last time. */
void sup_witness_status(struct supervisor *s, const struct event *ev)
{
	struct sighting seen = {
		.witness = WITNESS_CONFIG,
		.kind = SIGHTING_AER,
		.bits = ev->code,
		.count = 1,
		.since_ns = ev->mono_ns - ev->dur_ns,
		.noticed_ns = ev->mono_ns,
		.wall_ns = ev->wall_ns,
		.nfields = 1,
		.fields[0] = {"device_status", VALUE_STRING, ""},
	};

	if (!bdf_parse(ev->subject, &seen.bdf) || !aer_class_parse(ev->reason, &seen.cls))
		return;
	seen.has_bdf = true;
	seen.has_port = lookout_port_of(s->lookout, seen.bdf, &seen.port);
	str_set(seen.fields[0].text, ev->text);
	sup_log_sight(s, &seen, 1);
}

const char *sup_witness_uncovered(struct supervisor *s)
{
	enum iommu_kind kind = iommu_kind(s->req->host);

	if (s->req->host->simulated || s->lookout == NULL || !lookout_is_complete(s->lookout))
		return "not all PCIe errors of the lanes' devices would have been counted";
	if (kind == IOMMU_VTD || kind == IOMMU_OTHER)
		return "DMA faults are told in the log only";
	if (kind == IOMMU_AMDVI &&
		(s->trace == NULL || !trace_has(s->trace, TRACE_PAGE_FAULT) ||
			trace_lost(s->trace) > 0))
		return "DMA faults would not all have been traced";
	/* the bits stay, so that what had suffered before cannot be seen to suffer again */
	if (s->taint != 0 || taint_of(s->req->host) != 0)
		return "the kernel is tainted by an oops, a warning, a machine check or a lockup";
	return NULL;
}

void sup_witness_account(struct supervisor *s)
{
	char text[DETAIL_MAX];

	if (s->trace == NULL || trace_lost(s->trace) == 0)
		return;
	snprintf(text, sizeof(text),
		"at least %" PRIu64
		" tracepoint records came faster than they could be read and are lost: "
		"counts of errors are lower bounds",
		trace_lost(s->trace));
	sup_witness_blind_spot(s, text);
}

/* After the writer: the store is ours again. What cannot be removed stays in the undo records. */
void sup_witness_end(struct supervisor *s)
{
	if (s->trace != NULL)
		remove_trace(s);
	lookout_free(s->lookout);
	s->lookout = NULL;
	vec_foreach (said, &s->blind_spots)
		free(*said);
	vec_finish(&s->blind_spots);
}
