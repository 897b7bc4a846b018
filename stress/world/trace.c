/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/trace.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tracefs.h>
#include <unistd.h>

/* Room for some thousand records between two looks; the kernel's default of 1.4 MB is for tracers. */
#define BUFFER_KB 128
/* Somebody who traces faster than we read must not keep us. */
#define DRAIN_MAX 20000 /* records of one CPU; its buffer holds about a tenth */

typedef bool decode_event(
	struct tep_event *event, struct tep_record *record, struct trace_event *out);

struct trace {
	char name[64];
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	int fd; /* trace_pipe: tells whether there is anything; never read */
	int cpus;
	bool has[TRACE_KINDS];
	uint64_t lost;

	/* while draining */
	trace_each *each;
	void *arg;
	unsigned left;
};

/* ---- one record ---- */

static uint64_t number(struct tep_event *event, struct tep_record *record, const char *name)
{
	unsigned long long v = 0;

	return tep_get_field_val(NULL, event, name, record, &v, 0) == 0 ? v : 0;
}

/* A field's bytes; NULL when there is none of at least that length. */
static const void *bytes(
	struct tep_event *event, struct tep_record *record, const char *name, int least, int *len)
{
	const void *p = tep_get_field_raw(NULL, event, name, record, len, 0);

	return p != NULL && *len >= least ? p : NULL;
}

static bool take_bdf(struct tep_event *event, struct tep_record *record, const char *name,
	struct trace_event *out)
{
	char text[BDF_LEN] = "";
	int len = 0;
	const char *p = bytes(event, record, name, 1, &len);

	if (p == NULL || len >= (int)sizeof(text))
		return false;
	memcpy(text, p, (size_t)len);
	out->has_bdf = bdf_parse(text, &out->bdf);
	return out->has_bdf;
}

static bool decode_aer(struct tep_event *event, struct tep_record *record, struct trace_event *out)
{
	/* AER_NONFATAL, AER_FATAL, AER_CORRECTABLE of linux/aer.h; what is newer is worse */
	static const enum aer_class classes[] = {AER_NONFATAL, AER_FATAL, AER_CORRECTABLE};
	uint64_t severity = number(event, record, "severity");
	int len = 0;
	const void *tlp;

	out->cls = severity < ARRAY_SIZE(classes) ? classes[severity] : AER_FATAL;
	out->status = (uint32_t)number(event, record, "status");
	tlp = bytes(event, record, "tlp_header", sizeof(out->tlp), &len);
	out->has_tlp = tlp != NULL && number(event, record, "tlp_header_valid") != 0;
	if (out->has_tlp)
		memcpy(out->tlp, tlp, sizeof(out->tlp));
	return take_bdf(event, record, "dev_name", out);
}

static bool decode_page_fault(
	struct tep_event *event, struct tep_record *record, struct trace_event *out)
{
	out->address = number(event, record, "iova");
	out->write = number(event, record, "flags") & 1; /* IOMMU_FAULT_WRITE, linux/iommu.h */
	/* of a device that is no PCI function there is nothing to say here */
	return take_bdf(event, record, "device", out);
}

/* A GUID as UEFI writes it: the first three groups are little-endian. */
static void guid_text(const unsigned char *g, char *buf, size_t size)
{
	snprintf(buf, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12],
		g[13], g[14], g[15]);
}

static bool decode_firmware(
	struct tep_event *event, struct tep_record *record, struct trace_event *out)
{
	/* GHES_SEV_CORRECTED, RECOVERABLE, PANIC of acpi/ghes.h; 0 is no error */
	static const enum aer_class classes[] = {[1] = AER_CORRECTABLE, AER_NONFATAL, AER_FATAL};
	uint64_t severity = number(event, record, "sev");
	int len = 0;
	const unsigned char *guid = bytes(event, record, "sec_type", 16, &len);

	if (severity == 0 || guid == NULL)
		return false;
	out->cls = severity < ARRAY_SIZE(classes) ? classes[severity] : AER_FATAL;
	guid_text(guid, out->section, sizeof(out->section));
	return true;
}

static decode_event *const decoders[TRACE_KINDS] = {
	[TRACE_AER] = decode_aer,
	[TRACE_FIRMWARE] = decode_firmware,
	[TRACE_PAGE_FAULT] = decode_page_fault,
};

/* "ras", "aer_event" of "ras:aer_event"; both in buf. Returns the event. */
static const char *split_name(enum trace_kind kind, char buf[64])
{
	char *colon;

	str_copy(buf, 64, trace_name(kind));
	colon = strchr(buf, ':');
	*colon = '\0';
	return colon + 1;
}

static int on_record(struct tep_event *event, struct tep_record *record, int cpu, void *arg)
{
	struct trace *t = arg;
	int kind;

	(void)cpu;
	if (record->missed_events != 0) /* -1 = some, nobody knows how many */
		t->lost += record->missed_events > 0 ? (uint64_t)record->missed_events : 1;
	for (kind = 0; kind < TRACE_KINDS; kind++) {
		struct trace_event ev = {.kind = (enum trace_kind)kind};
		char buf[64];

		if (str_eq(event->name, split_name(kind, buf)) && str_eq(event->system, buf) &&
			decoders[kind](event, record, &ev))
			t->each(t->arg, &ev);
	}
	if (--t->left == 0) {
		t->lost++; /* the rest of the page */
		tracefs_iterate_stop(t->instance);
	}
	return 0;
}

/* One CPU after the other: each costs descriptors, and a big host has more CPUs than we may open. */
static void drain_cpu(struct trace *t, int cpu)
{
	cpu_set_t *set = CPU_ALLOC((size_t)t->cpus);
	size_t size = CPU_ALLOC_SIZE((size_t)t->cpus);

	if (set == NULL)
		abort();
	CPU_ZERO_S(size, set);
	CPU_SET_S((size_t)cpu, size, set);
	(void)!tracefs_iterate_raw_events(t->tep, t->instance, set, (int)size, on_record, t);
	CPU_FREE(set);
}

void trace_drain(struct trace *t, trace_each *each, void *arg)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	int cpu;

	if (poll(&p, 1, 0) <= 0)
		return;
	t->each = each;
	t->arg = arg;
	for (cpu = 0; cpu < t->cpus; cpu++) {
		t->left = DRAIN_MAX;
		drain_cpu(t, cpu);
	}
}

/* ---- life ---- */

bool trace_has(const struct trace *t, enum trace_kind kind)
{
	return t->has[kind];
}

uint64_t trace_lost(const struct trace *t)
{
	return t->lost;
}

static bool listen_to(struct trace *t, enum trace_kind kind)
{
	char system[64];
	const char *event = split_name(kind, system);
	int size = 0;
	auto_free char *format =
		tracefs_event_file_read(t->instance, system, event, "format", &size);

	return format != NULL &&
		tep_parse_event(t->tep, format, (unsigned long)size, system) == 0 &&
		tracefs_event_enable(t->instance, system, event) == 0;
}

/* Of the formats only ours are read: the library's own way takes all of kallsyms along, 100 ms. */
static struct tep_handle *new_parser(void)
{
	int size = 0;
	auto_free char *page = tracefs_instance_file_read(NULL, "events/header_page", &size);
	struct tep_handle *tep = tep_alloc();

	if (tep == NULL || page == NULL ||
		tep_parse_header_page(tep, page, (unsigned long)size, sizeof(long)) != 0) {
		tep_free(tep);
		return NULL;
	}
	return tep;
}

static int start(struct trace *t, struct err *err)
{
	bool any = false;
	int kind;

	t->instance = tracefs_instance_create(t->name);
	if (t->instance == NULL)
		return err_set(err, ERR_IO, errno, "make a tracing instance");
	tracefs_instance_set_buffer_size(t->instance, BUFFER_KB, -1);
	t->tep = new_parser();
	t->fd = tracefs_instance_file_open(t->instance, "trace_pipe", O_RDONLY | O_NONBLOCK);
	if (t->tep == NULL || t->fd < 0)
		return err_set(err, ERR_IO, errno, "read tracepoints");
	for (kind = 0; kind < TRACE_KINDS; kind++)
		any |= t->has[kind] = listen_to(t, kind);
	if (!any)
		return err_set(err, ERR_UNSUPPORTED, 0,
			"the kernel has no tracepoints of hardware errors (CONFIG_RAS)");
	return 0;
}

int trace_open(const struct host *host, const char *name, struct trace **out, struct err *err)
{
	struct trace *t;

	/* the library would mount tracefs by itself; that is not ours to do */
	if (trace_check(host, err) != 0)
		return -1;
	tracefs_set_loglevel(TEP_LOG_NONE);
	t = xcalloc(1, sizeof(*t));
	str_set(t->name, name);
	t->fd = -1;
	t->cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
	if (start(t, err) != 0) {
		trace_close(t);
		return -1;
	}
	*out = t;
	return 0;
}

void trace_close(struct trace *t)
{
	if (t == NULL)
		return;
	cleanup_close(&t->fd);
	if (t->instance != NULL) {
		tracefs_instance_destroy(t->instance);
		tracefs_instance_free(t->instance);
	}
	tep_free(t->tep);
	free(t);
}
