/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_MESSAGE_H
#define VFIO_STRESS_REPORTERS_MESSAGE_H

#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct life;
struct run_view;

/*
 * What a webhook's template may say: of a run that has ended, or of one that lives. Texts are foreign
 * and as they came; whoever writes them makes them harmless.
 */
struct message_rows {
	const void *v; /* rows of the list's row_size */
	size_t n;
	uint64_t all; /* more than n when not all are kept */
};

struct message {
	struct arena arena; /* of what is made here; the rest is the run's */
	const char *event, *verdict, *previous, *severity, *title, *summary, *why, *key;
	const char *now, *expires, *elapsed;
	struct {
		const char *id, *scenario, *tool_version, *started, *ended;
	} run;
	struct {
		const char *name, *kernel, *bios, *board, *cpu, *qemu, *libvirt;
	} host;
	struct {
		const char *device, *name, *where, *line, *meaning, *advice;
	} culprit;
	struct {
		int64_t done, failed;
	} cycles;
	struct {
		int64_t failures, incidents, fatal, error, warning, tolerated;
	} count;
	int64_t exit_code, number, elapsed_s, next_within_s; /* NO_NUMBER: it has none */
	int64_t klog_lost;
	bool sample, simulated, boots_proved, changed, blind;
	struct message_rows lanes, failures, incidents, blind_spots, notes, left;
};

#define NO_NUMBER INT64_MIN

/* The run, the message and what they point to live as long as each other. */
void message_of_run(struct message *m, const struct run_view *run, bool sample);
void message_of_life(struct message *m, const struct life *life, bool sample);
void message_finish(struct message *m);

/* ---- its names ---- */

enum message_kind {
	MESSAGE_TEXT, /* const char *; NULL or "" = none */
	MESSAGE_LONG, /* the same, of any length: shortened when a message must become smaller */
	MESSAGE_INT, /* int64_t */
	MESSAGE_BOOL,
	MESSAGE_LIST, /* struct message_rows */
};

struct message_field {
	const char *name; /* "host.kernel"; "" = the row itself */
	enum message_kind kind;
	size_t offset;
	const char *help;
	const char *const *words; /* TEXT: all that it may be, NULL-terminated; NULL = anything */
	/* LIST: */
	const char *row; /* what one of it is called: "incident" */
	size_t row_size;
	const struct message_field *fields; /* of a row */
};

extern const struct message_field message_fields[]; /* ends with .name == NULL */

/* As a template writes it: "run.id", "incident.id" of row "incident". Returns buf. */
char *message_name(const struct message_field *f, const char *row, char *buf, size_t size);

#endif
