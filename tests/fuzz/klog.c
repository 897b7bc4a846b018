/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/clock.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rules *rules;
static struct klog *k;

static void check(void *arg, const struct incident *inc);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct klog_hooks hooks = {.changed = check};
	static struct diags diags;

	(void)argc;
	(void)argv;
	rules = rules_load(NULL, 0, &diags);
	if (rules == NULL)
		abort();
	/* one for all inputs: to build it takes longer than to feed it */
	k = klog_new(rules, &hooks);
	return 0;
}

/* Whatever comes out keeps the promises of struct incident. */
static void check(void *arg, const struct incident *inc)
{
	size_t i;

	(void)arg;
	if (inc->no == 0 || inc->id[0] == '\0' || inc->nfirst > INCIDENT_FIRST_LINES ||
		inc->nlast > INCIDENT_LAST_LINES || inc->nfields > INCIDENT_FIELDS ||
		inc->severity > SEV_FATAL || inc->first_seq > inc->last_seq ||
		rules_find(rules, inc->id) == NULL)
		abort();
	for (i = 0; i < inc->nfields; i++)
		if (inc->fields[i].name[0] == '\0' ||
			memchr(inc->fields[i].text, '\0', sizeof(inc->fields[i].text)) == NULL)
			abort();
}

static void feed(uint64_t seq, const char *line, size_t len)
{
	struct klog_rec rec = {.seq = seq, .usec = -1};
	struct logline l;

	logline_parse(line, len, &l);
	if (l.len > KMSG_TEXT_MAX)
		l.len = KMSG_TEXT_MAX;
	rec.usec = l.usec;
	rec.origin = l.source == 0 ? ORIGIN_UNKNOWN : (uint8_t)(l.source - 1);
	memcpy(rec.text, l.text, l.len);
	rec.len = (uint16_t)strlen(rec.text);
	klog_feed(k, &rec);
}

/* A saved log, line by line; a line that begins with '\t' is a tick. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data, *end = s + size;
	uint64_t seq = 0;

	while (s < end) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));

		if (eol == NULL)
			eol = end;
		if (*s == '\t')
			klog_tick(k, clock_mono_ns() + (int64_t)(eol - s) * NS_PER_S);
		else
			feed(++seq, s, (size_t)(eol - s));
		s = eol + 1;
	}
	klog_flush(k);
	return 0;
}
