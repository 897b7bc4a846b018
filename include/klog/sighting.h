/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_SIGHTING_H
#define VFIO_STRESS_KLOG_SIGHTING_H

#include "model/incident.h"
#include "world/aer.h"

/* Who can tell of an error; the words of `seen_by`. */
enum witness {
	WITNESS_LOG,
	WITNESS_COUNTERS, /* of the function itself */
	WITNESS_TRACEPOINT,
	WITNESS_ROOT_PORT, /* counts the messages that reach it; "counters" too */
	WITNESS_CONFIG, /* status bits in config space: which, but not how often */
	WITNESSES,
};

enum sighting_kind {
	SIGHTING_AER,
	SIGHTING_PAGE_FAULT, /* iommu:io_page_fault */
	SIGHTING_FIRMWARE, /* ras:non_standard_event */
};

/* What another witness than the log saw, between two looks. */
struct sighting {
	enum witness witness;
	enum sighting_kind kind;
	bool has_bdf, has_port;
	struct bdf bdf; /* who had the error; WITNESS_ROOT_PORT: the port that was told */
	struct bdf port; /* the root port above it */
	enum aer_class cls;
	uint32_t bits; /* of the status register */
	uint64_t count;
	struct incident_field
		fields[4]; /* further ones, for an incident that the log does not tell */
	size_t nfields;
	struct place place;
	int64_t since_ns, noticed_ns; /* it happened between these; monotonic */
	int64_t wall_ns;
};

#endif
