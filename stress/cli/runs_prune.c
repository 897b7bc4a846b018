/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/runs_prune.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/command.h"
#include "model/store.h"
#include "model/store_prune.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RUNS_MOST INT64_C(1000000000)

static const char *const fates[] = {
	[PRUNE_DELETED] = "deleted",
	[PRUNE_UNFINISHED] = "kept: it has no end; `undo` or `resume` may need it",
	[PRUNE_UNDO] = "kept: a change of the host is not put back; `vfio-stress undo` does it",
	[PRUNE_UNTOLD] = "kept: a webhook is not delivered; `vfio-stress deliver` does it",
	[PRUNE_BASELINE] = "kept: it is a baseline; `vfio-stress runs baseline --clear` unmarks it",
};

/* ---- what is asked for ---- */

/* "500M", "2G", "2GiB": powers of 1024. */
static bool size_of(const char *s, int64_t *out)
{
	static const char letters[] = "KMGT";
	size_t digits = strspn(s, "0123456789");
	const char *unit = s + digits, *letter;
	char number[20];
	int64_t n;

	if (digits == 0 || digits >= sizeof(number) || *unit == '\0')
		return false;
	snprintf(number, sizeof(number), "%.*s", (int)digits, s);
	letter = strchr(letters, *unit);
	if (letter == NULL || !(unit[1] == '\0' || str_eq(unit + 1, "iB")) ||
		!str_to_i64(number, 10, 0, INT64_C(1) << 20, &n))
		return false;
	*out = n << (10 * (letter - letters + 1));
	return true;
}

static int read_rules(const struct options *o, struct prune_rules *out, struct err *err)
{
	const char *keep = options_get(o, "keep"), *age = options_get(o, "older-than"),
		   *size = options_get(o, "max-size");
	struct prune_rules r = {.older_than_ns = NEVER,
		.max_bytes = NEVER,
		.dry_run = options_get(o, "dry-run") != NULL};
	int64_t ms;

	if (keep == NULL && age == NULL && size == NULL) {
		err_set(err, ERR_USAGE, 0, "prune which runs?");
		return err_hint(
			err, "--keep N, --older-than AGE, --max-size SIZE; look with --dry-run");
	}
	if (keep != NULL && !str_to_i64(keep, 10, 0, RUNS_MOST, &r.keep))
		return err_set(err, ERR_USAGE, 0, "--keep '%s' is not a number of runs", keep);
	if (age != NULL && !str_to_duration_ms(age, &ms)) {
		err_set(err, ERR_USAGE, 0, "--older-than '%s' is not a duration", age);
		return err_hint(err, "a number with its unit: 90d, 12h");
	}
	if (size != NULL && !size_of(size, &r.max_bytes)) {
		err_set(err, ERR_USAGE, 0, "--max-size '%s' is not a size", size);
		return err_hint(err, "a number with its unit: 500M, 2G");
	}
	if (age != NULL)
		r.older_than_ns = ms * NS_PER_MS;
	r.beyond_keep = age == NULL && size == NULL;
	*out = r;
	return 0;
}

/* ---- what is done ---- */

struct pruned {
	const struct prune_rules *rules;
	const char *store; /* its file */
};

static void drop_log(const struct pruned *p, const struct run_line *line)
{
	auto_free char *log = store_log_path(p->store, line->id);

	unlink(log); /* only a run in the background has one */
}

static void each(void *arg, const struct run_line *line, enum prune_fate fate)
{
	const struct pruned *p = arg;
	char time[40], scenario[4 * sizeof(line->scenario) + 1];

	clock_rfc3339(line->started_ns, time, sizeof(time));
	printf("%s  %.10s  %s: %s\n", line->id, time,
		str_printable(scenario, sizeof(scenario), line->scenario, strlen(line->scenario)),
		fate == PRUNE_DELETED && p->rules->dry_run ? "would be deleted" : fates[fate]);
	if (fate == PRUNE_DELETED && !p->rules->dry_run)
		drop_log(p, line);
}

static int64_t mib(int64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static void summarise(const struct prune_rules *rules, const struct prune_result *r)
{
	printf("%" PRIu64 " runs %sdeleted, %" PRIu64 " kept; %" PRId64 " MiB %s in use, %" PRId64
	       " MiB before\n",
		r->deleted, rules->dry_run ? "would be " : "", r->kept, mib(r->bytes_after),
		rules->dry_run ? "would be" : "are", mib(r->bytes_before));
	if (r->too_large)
		printf("that is more than --max-size: what is kept is kept\n");
}

/* Not being able to is no failure: the space is used again. */
static void shrink(struct store *store)
{
	struct err err;

	if (store_shrink(store, &err) != 0)
		printf("the file stays as large as it is, and is used again: %s\n", err.msg);
}

int runs_prune(const struct options *o, struct err *err)
{
	struct prune_result result = {0};
	struct prune_rules rules;
	struct pruned pruned = {.rules = &rules};
	struct store *store;
	int rc;

	if (read_rules(o, &rules, err) != 0 ||
		store_open(options_get(o, "db"), STORE_CHANGE, &store, err) != 0)
		return -1;
	pruned.store = store_path(store);
	rc = store_prune(store, &rules, each, &pruned, &result, err);
	if (rc == 0) {
		summarise(&rules, &result);
		if (result.deleted > 0 && !rules.dry_run)
			shrink(store);
	}
	store_close(store);
	return rc == 0 ? EXIT_GOOD : -1;
}
