/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_TRACE_H
#define VFIO_STRESS_WORLD_TRACE_H

#include "base/bdf.h"
#include "world/aer.h"

struct host;

/*
 * The kernel's tracepoints of hardware errors: not rate limited, and each is a record of numbers. Read
 * in a tracing instance of our own, because a record that somebody reads is gone for all others of
 * the same instance (rasdaemon has one too).
 */
struct trace;

enum trace_kind {
	TRACE_AER, /* ras:aer_event */
	TRACE_FIRMWARE, /* ras:non_standard_event: sections of APEI that no driver knows */
	TRACE_PAGE_FAULT, /* iommu:io_page_fault: of AMD-Vi and others, never of VT-d */
	TRACE_KINDS,
};

struct trace_event {
	enum trace_kind kind;
	bool has_bdf; /* not of FIRMWARE */
	struct bdf bdf;
	enum aer_class cls; /* AER and FIRMWARE */
	uint32_t status; /* AER: what was set and not masked */
	bool has_tlp;
	uint32_t tlp[4];
	uint64_t address; /* PAGE_FAULT */
	bool write;
	char section[40]; /* FIRMWARE: its GUID */
};

typedef void trace_each(void *arg, const struct trace_event *ev);

#define TRACE_NAME_PREFIX "vfio-stress-"

/* Makes the instance and listens to whatever of the above this kernel has. */
int trace_open(
	const struct host *host, const char *name, struct trace **out, struct err *err) must_check;
/* Does the kernel have this tracepoint? */
bool trace_has(const struct trace *t, enum trace_kind kind);
/* All that has happened since the last time. Never waits. */
void trace_drain(struct trace *t, trace_each *each, void *arg);
/* Records that the kernel overwrote before they were read, or more. */
uint64_t trace_lost(const struct trace *t);
/* The instance is removed. */
void trace_close(struct trace *t);

/* "ras:aer_event" */
const char *trace_name(enum trace_kind kind);
/* Removes the instance of a run that died; also when this program cannot read tracepoints. */
int trace_remove(const struct host *host, const char *name, struct err *err) must_check;
/* Is tracefs there, and may it be read? err says what to do. */
int trace_check(const struct host *host, struct err *err) must_check;

#endif
