/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/jrecord.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"

#include <string.h>

#define FACILITY_UNKNOWN 255
#define LEVEL_UNKNOWN    255

typedef void take_field(struct jrecord *r, const char *value, size_t n);

static bool number(const char *s, size_t n, uint64_t *out)
{
	char text[32];

	if (n >= sizeof(text))
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	return str_to_u64(text, 10, INT64_MAX / 1000, out);
}

static void take_text(char *dst, size_t size, const char *s, size_t n)
{
	size_t i;

	if (n >= size)
		n = size - 1;
	for (i = 0; i < n; i++)
		dst[i] = s[i] == '\0' ? '?' : s[i];
	dst[n] = '\0';
}

static void take_message(struct jrecord *r, const char *s, size_t n)
{
	r->has_message = true;
	r->rec.truncated = n > KMSG_TEXT_MAX;
	r->rec.len = (uint16_t)(n > KMSG_TEXT_MAX ? KMSG_TEXT_MAX : n);
	take_text(r->rec.text, sizeof(r->rec.text), s, n);
}

static void take_transport(struct jrecord *r, const char *s, size_t n)
{
	r->has_transport = true;
	r->is_kernel = n == 6 && memcmp(s, "kernel", 6) == 0;
}

static void take_priority(struct jrecord *r, const char *s, size_t n)
{
	uint64_t v;

	if (number(s, n, &v) && v < 8)
		r->rec.level = (uint8_t)v;
}

static void take_facility(struct jrecord *r, const char *s, size_t n)
{
	uint64_t v;

	if (number(s, n, &v) && v < FACILITY_UNKNOWN)
		r->facility = (uint8_t)v;
}

static void take_identifier(struct jrecord *r, const char *s, size_t n)
{
	take_text(r->identifier, sizeof(r->identifier), s, n);
}

/* The kernel's stamp; __MONOTONIC_TIMESTAMP is the arrival in the journal. */
static void take_monotonic(struct jrecord *r, const char *s, size_t n)
{
	uint64_t v;

	if (number(s, n, &v))
		r->rec.usec = (int64_t)v;
}

static void take_arrival(struct jrecord *r, const char *s, size_t n)
{
	uint64_t v;

	if (!r->has_source_wall && number(s, n, &v))
		r->rec.wall_ns = (int64_t)v * 1000;
}

static void take_wall(struct jrecord *r, const char *s, size_t n)
{
	r->has_source_wall = false;
	take_arrival(r, s, n);
	r->has_source_wall = true;
}

static void take_device(struct jrecord *r, const char *s, size_t n)
{
	take_text(r->rec.device, sizeof(r->rec.device), s, n);
}

static void take_boot(struct jrecord *r, const char *s, size_t n)
{
	take_text(r->boot, sizeof(r->boot), s, n);
}

/* dmesg --json: facility and level in one number. */
static void take_pri(struct jrecord *r, const char *s, size_t n)
{
	uint64_t v;

	if (!number(s, n, &v) || v > 0x7ff)
		return;
	r->rec.level = v & 7;
	r->facility = (uint8_t)(v >> 3);
	r->has_transport = r->is_kernel = true;
}

/* "    1.234567" */
static void take_seconds(struct jrecord *r, const char *s, size_t n)
{
	const char *point;
	uint64_t whole, fraction;

	while (n > 0 && *s == ' ') {
		s++;
		n--;
	}
	point = memchr(s, '.', n);
	if (point != NULL && number(s, (size_t)(point - s), &whole) &&
		whole < INT64_MAX / 2000000 && s + n - point == 7 &&
		number(point + 1, 6, &fraction))
		r->rec.usec = (int64_t)(whole * 1000000 + fraction);
}

static const struct {
	const char *name;
	take_field *take;
} fields[] = {
	{"MESSAGE", take_message},
	{"PRIORITY", take_priority},
	{"SYSLOG_FACILITY", take_facility},
	{"SYSLOG_IDENTIFIER", take_identifier},
	{"_BOOT_ID", take_boot},
	{"_KERNEL_DEVICE", take_device},
	{"_SOURCE_MONOTONIC_TIMESTAMP", take_monotonic},
	{"_SOURCE_REALTIME_TIMESTAMP", take_wall},
	{"_TRANSPORT", take_transport},
	{"__REALTIME_TIMESTAMP", take_arrival},
	{"msg", take_message},
	{"pri", take_pri},
	{"time", take_seconds},
};

void jrecord_init(struct jrecord *r)
{
	r->rec = (struct klog_rec){.usec = -1, .level = LEVEL_UNKNOWN};
	r->has_message = r->has_transport = r->is_kernel = r->has_source_wall = false;
	r->facility = FACILITY_UNKNOWN;
	r->identifier[0] = r->boot[0] = '\0';
}

void jrecord_field(struct jrecord *r, const char *name, const char *value, size_t n)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		if (str_eq(fields[i].name, name)) {
			fields[i].take(r, value, n);
			return;
		}
}

void jrecord_more(struct jrecord *r, const char *s, size_t n)
{
	size_t room = KMSG_TEXT_MAX - r->rec.len;

	if (room < 2)
		return;
	r->rec.truncated |= n > room - 1;
	n = n > room - 1 ? room - 1 : n;
	r->rec.text[r->rec.len] = '\n';
	take_text(r->rec.text + r->rec.len + 1, room, s, n);
	r->rec.len = (uint16_t)(r->rec.len + 1 + n);
}

static bool is_qemu(const char *identifier)
{
	return strncasecmp(identifier, "qemu", 4) == 0 || str_starts(identifier, "libvirt") ||
		str_starts(identifier, "virtqemud");
}

bool jrecord_finish(struct jrecord *r)
{
	bool kernel = r->has_transport ? r->is_kernel : str_eq(r->identifier, "kernel");

	/* processes write into the kernel's log too, and keep their facility there */
	if (kernel && (r->facility == 0 || r->facility == FACILITY_UNKNOWN)) {
		r->rec.origin = ORIGIN_KERNEL;
	} else if (!kernel && is_qemu(r->identifier)) {
		r->rec.origin = ORIGIN_QEMU;
	} else if (!r->has_transport && r->identifier[0] == '\0') {
		r->rec.origin = ORIGIN_UNKNOWN;
	} else {
		r->rec.origin = ORIGIN_UNKNOWN;
		/* anything but 0 says that the kernel did not write it */
		r->rec.facility =
			r->facility == 0 || r->facility == FACILITY_UNKNOWN ? 1 : r->facility;
	}
	return r->has_message;
}
