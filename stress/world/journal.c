/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/journal.h"

#include "base/mem.h"
#include "base/vec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define VALUE_MAX 4096 /* of a field; the kernel's records are shorter */

struct journal {
	sd_journal *j;
	int fd; /* of the one file; -1 = none */
	const char *what; /* for messages */
};

/* Of other programs: those through which QEMU speaks. */
static const char *const programs[] = {
	"QEMU", "qemu-kvm", "qemu-system-x86_64", "libvirtd", "virtqemud", "virtlogd"};

static int failed(int rc, const char *what, const char *action, struct err *err)
{
	return err_set(err, ERR_IO, -rc, "%s %s", action, what);
}

/* (kernel or driver, journald's own word on what it missed) or (one of the programs) */
static int match_writers(sd_journal *j)
{
	char match[64];
	size_t i;
	int rc = sd_journal_add_match(j, "_TRANSPORT=kernel", 0);

	if (rc >= 0)
		rc = sd_journal_add_match(j, "_TRANSPORT=driver", 0);
	if (rc >= 0)
		rc = sd_journal_add_disjunction(j);
	for (i = 0; i < ARRAY_SIZE(programs) && rc >= 0; i++) {
		snprintf(match, sizeof(match), "SYSLOG_IDENTIFIER=%s", programs[i]);
		rc = sd_journal_add_match(j, match, 0);
	}
	return rc;
}

static int match_boot(sd_journal *j, sd_id128_t boot)
{
	char match[] = "_BOOT_ID=00000000000000000000000000000000";

	sd_id128_to_string(boot, match + strlen("_BOOT_ID="));
	return sd_journal_add_match(j, match, 0);
}

/* ---- boots ---- */

struct boot {
	sd_id128_t id;
	uint64_t begin_us;
};

struct boots {
	struct boot *v;
	size_t n, cap;
};

static int by_time(const void *a, const void *b)
{
	const struct boot *x = a, *y = b;

	return x->begin_us < y->begin_us ? -1 : x->begin_us > y->begin_us;
}

/* When its first record was written; 0 = it has none. */
static uint64_t begin_of(sd_journal *j, sd_id128_t boot)
{
	uint64_t us = 0;

	sd_journal_flush_matches(j);
	if (match_boot(j, boot) < 0 || sd_journal_seek_head(j) < 0 || sd_journal_next(j) <= 0 ||
		sd_journal_get_realtime_usec(j, &us) < 0)
		return 0;
	return us;
}

/* All boots in the journal, oldest first. */
static int list_boots(sd_journal *j, struct boots *out)
{
	const void *data;
	size_t n;
	int rc = sd_journal_query_unique(j, "_BOOT_ID");

	if (rc < 0)
		return rc;
	SD_JOURNAL_FOREACH_UNIQUE(j, data, n)
	{
		char text[SD_ID128_STRING_MAX];
		sd_id128_t id;

		if (n != strlen("_BOOT_ID=") + 32)
			continue;
		memcpy(text, (const char *)data + strlen("_BOOT_ID="), 32);
		text[32] = '\0';
		if (sd_id128_from_string(text, &id) >= 0)
			vec_push(out)->id = id;
	}
	/* seeking ends the enumeration */
	vec_foreach (boot, out)
		boot->begin_us = begin_of(j, boot->id);
	if (out->n > 0)
		qsort(out->v, out->n, sizeof(out->v[0]), by_time);
	return 0;
}

static int choose_boot(
	struct journal *journal, bool this_host, int which, sd_id128_t *out, struct err *err)
{
	struct boots boots = {0};
	ptrdiff_t i;
	sd_id128_t now;
	int rc = list_boots(journal->j, &boots);

	sd_journal_flush_matches(journal->j);
	if (rc < 0) {
		vec_finish(&boots);
		return failed(rc, journal->what, "list the boots of", err);
	}
	i = which > 0 ? which - 1 : (ptrdiff_t)boots.n - 1 + which;
	/* the running boot may have nothing yet: then it is not the newest that has */
	if (this_host && which <= 0 && sd_id128_get_boot(&now) >= 0 &&
		(boots.n == 0 || !sd_id128_equal(boots.v[boots.n - 1].id, now)))
		i++;
	rc = 0;
	if (i < 0 || i >= (ptrdiff_t)boots.n) {
		rc = err_set(err, ERR_ABSENT, 0, "%s holds no boot %d", journal->what, which);
		err_hint(err,
			"it holds %zu boots; is it kept over reboots (/var/log/journal), and "
			"may you read it (root, or group systemd-journal)?",
			boots.n);
	} else {
		*out = boots.v[i].id;
	}
	vec_finish(&boots);
	return rc;
}

/* ---- the interface ---- */

static int start(struct journal *j, struct err *err)
{
	int rc = match_writers(j->j);

	if (rc >= 0)
		rc = sd_journal_set_data_threshold(j->j, VALUE_MAX);
	if (rc >= 0)
		rc = sd_journal_seek_head(j->j);
	return rc < 0 ? failed(rc, j->what, "read", err) : 0;
}

static int open_directory(struct journal *j, const char *directory, struct err *err)
{
	int rc;

	j->fd = -1;
	j->what = directory ? directory : "the journal";
	rc = directory ? sd_journal_open_directory(&j->j, directory, 0)
		       : sd_journal_open(&j->j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (rc >= 0)
		return 0;
	j->j = NULL;
	return failed(rc, j->what, "open", err);
}

static int only_boot(struct journal *j, sd_id128_t id, struct err *err)
{
	int rc = match_boot(j->j, id);

	if (rc >= 0)
		rc = sd_journal_add_conjunction(j->j);
	return rc < 0 ? failed(rc, j->what, "read", err) : 0;
}

int journal_open(const char *directory, enum journal_boots boots, int boot, struct journal **out,
	struct err *err)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	sd_id128_t id;

	if (open_directory(j, directory, err) != 0 ||
		(boots == JOURNAL_ONE_BOOT &&
			(choose_boot(j, directory == NULL, boot, &id, err) != 0 ||
				only_boot(j, id, err) != 0)) ||
		start(j, err) != 0) {
		journal_close(j);
		return -1;
	}
	*out = j;
	return 0;
}

int journal_open_boot(
	const char *directory, const char *boot_id, struct journal **out, struct err *err)
{
	struct journal *j;
	sd_id128_t id;

	if (sd_id128_from_string(boot_id, &id) < 0)
		return err_set(err, ERR_INPUT, 0, "'%.60s' is no boot id", boot_id);
	j = xcalloc(1, sizeof(*j));
	if (open_directory(j, directory, err) != 0 || only_boot(j, id, err) != 0 ||
		start(j, err) != 0) {
		journal_close(j);
		return -1;
	}
	*out = j;
	return 0;
}

int journal_open_file(int fd, const char *name, struct journal **out, struct err *err)
{
	struct journal *j = xcalloc(1, sizeof(*j));
	int rc = sd_journal_open_files_fd(&j->j, &fd, 1, 0);

	j->fd = fd;
	j->what = name;
	if (rc < 0) {
		j->j = NULL;
		err_set(err, ERR_IO, -rc, "open %s, a file of the systemd journal", name);
		err_hint(err, "journalctl --verify --file FILE says whether it is whole");
		goto failed;
	}
	if (start(j, err) != 0)
		goto failed;
	*out = j;
	return 0;
failed:
	journal_close(j);
	return -1;
}

void journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	sd_journal_close(j->j);
	cleanup_close(&j->fd);
	free(j);
}

static void give(const char *data, size_t n, journal_field *field, void *arg)
{
	const char *equal = memchr(data, '=', n);
	char name[65]; /* the longest that the journal has */

	if (equal == NULL || (size_t)(equal - data) >= sizeof(name))
		return;
	memcpy(name, data, (size_t)(equal - data));
	name[equal - data] = '\0';
	field(arg, name, equal + 1, n - (size_t)(equal - data) - 1);
}

int journal_next(struct journal *j, journal_field *field, void *arg, struct err *err)
{
	const void *data;
	uint64_t us;
	char number[24];
	size_t n;
	int rc = sd_journal_next(j->j);

	if (rc < 0)
		return failed(rc, j->what, "read", err);
	if (rc == 0)
		return 0;
	if (sd_journal_get_realtime_usec(j->j, &us) >= 0) {
		snprintf(number, sizeof(number), "%" PRIu64, us);
		field(arg, "__REALTIME_TIMESTAMP", number, strlen(number));
	}
	/* what is damaged is left out, and the rest is read */
	SD_JOURNAL_FOREACH_DATA(j->j, data, n)
	give(data, n, field, arg);
	return 1;
}

int journal_fd(struct journal *j)
{
	return sd_journal_get_fd(j->j);
}

void journal_wake(struct journal *j)
{
	/* what it may fail with is met again by the next read */
	(void)sd_journal_process(j->j);
}
