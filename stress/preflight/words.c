/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/words.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/klog.h"
#include "klog/loglist.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "model/topology.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WORDS_MAX 256 /* kept: the ring may hold a storm */

/* News that are worth keeping: ids of rules by their beginning. */
static const char *const news[] = {
	"amdvi.",
	"dmar-ir.",
	"dmar.",
	"iommu.domain-type",
	"kvm.",
};

struct reader {
	struct topology *t;
	struct rules *rules;
	struct classifier *classifier;
	struct klog *klog;
	VEC(struct kernel_word) found;
	bool any;
};

static const char *keep(struct reader *r, const char *text, size_t len)
{
	size_t room = 4 * len + 1;

	return str_printable(arena_alloc(&r->t->arena, room), room, text, len);
}

/* The last call for an incident has all of it. */
static void take_incident(void *arg, const struct incident *inc)
{
	struct reader *r = arg;
	const char *text = inc->nfirst > 0 ? inc->first[0].text : "";

	if (r->found.n >= WORDS_MAX)
		return;
	*vec_push(&r->found) = (struct kernel_word){
		.id = arena_strdup(&r->t->arena, inc->id),
		.incident = true,
		.severity = inc->severity,
		.has_bdf = inc->has_bdf,
		.bdf = inc->bdf,
		.count = inc->count,
		.text = keep(r, text, strlen(text)),
		.meaning = arena_strdup(&r->t->arena, inc->meaning ? inc->meaning : ""),
		.advice = arena_strdup(&r->t->arena, inc->advice ? inc->advice : ""),
	};
}

static bool is_news(const char *id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(news); i++)
		if (str_starts(id, news[i]))
			return true;
	return false;
}

static void take_line(struct reader *r, const struct savedlog_line *line)
{
	struct klog_match m = {0};
	size_t len = strcspn(line->rec.text, "\n");

	if (!classify(r->classifier, line->rec.text, len, line->source, &m) ||
		m.rule->role != ROLE_INFO || !is_news(m.rule->id) || r->found.n >= WORDS_MAX)
		return;
	*vec_push(&r->found) = (struct kernel_word){
		.id = arena_strdup(&r->t->arena, m.rule->id),
		.severity = SEV_INFO,
		.count = 1,
		.text = keep(r, line->rec.text, len),
		.meaning = "",
		.advice = "",
	};
}

static int read_lines(struct reader *r, struct savedlog *log, struct err *err)
{
	struct savedlog_line line;
	int rc;

	while ((rc = savedlog_next(log, &line, err)) > 0) {
		if (!line.is_record)
			continue;
		/* the kernel's first line; a ring that has turned over begins with another */
		if (!r->any)
			r->t->log_from_boot = str_starts(line.rec.text, "Linux version ");
		r->any = true;
		take_line(r, &line);
		klog_feed(r->klog, &line.rec);
	}
	klog_flush(r->klog);
	return rc;
}

static int read_open(struct reader *r, struct savedlog *log, struct err *err)
{
	struct klog_hooks hooks = {.changed = take_incident, .arg = r};
	int rc;

	r->classifier = hooks.classifier = classifier_new(r->rules);
	r->klog = klog_new(r->rules, &hooks);
	rc = read_lines(r, log, err);
	klog_free(r->klog);
	classifier_free(r->classifier);
	savedlog_close(log);
	if (rc == 0 && !r->any)
		return err_set(err, ERR_ABSENT, 0, "the kernel log is empty");
	return rc;
}

/* At the test seam the kernel's log is a file. */
static int read_file(struct reader *r, const char *path, struct err *err)
{
	struct loglist *list = loglist_new();
	struct savedlog *log;
	int rc = loglist_add(list, path, err);

	if (rc == 0)
		rc = loglist_open(list, 0, &log, err);
	if (rc == 0)
		rc = read_open(r, log, err);
	loglist_free(list);
	return rc;
}

static int read_log(struct reader *r, const struct host *host, struct err *err)
{
	struct savedlog *log;
	struct stat st;

	if (stat(host->kmsg, &st) == 0 && !S_ISCHR(st.st_mode))
		return read_file(r, host->kmsg, err);
	if (savedlog_open_kmsg(host->kmsg, &log, err) != 0)
		return -1;
	return read_open(r, log, err);
}

void words_read(const struct host *host, struct topology *t)
{
	struct diags diags = {0};
	struct reader r = {.t = t, .rules = rules_load(NULL, 0, &diags)};
	struct err err = {0};

	if (r.rules == NULL) {
		t->log_unknown = "the rules for the kernel log cannot be loaded";
		return;
	}
	if (read_log(&r, host, &err) != 0)
		t->log_unknown = arena_strdup(&t->arena, err.msg);
	t->nwords = r.found.n;
	t->words = arena_alloc(&t->arena, (r.found.n + 1) * sizeof(*t->words));
	if (r.found.n > 0)
		memcpy(t->words, r.found.v, r.found.n * sizeof(*t->words));
	vec_finish(&r.found);
	rules_free(r.rules);
}
