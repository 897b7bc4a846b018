/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logname.h"

#include "base/str.h"
#include "base/vec.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* Of the last part of the path, without the ending of a compression. */
static const char *const logs[] = {"dmesg", "dmesg[-._]*",
	"*[-._]dmesg*", /* also vmcore-dmesg.txt, dmesg-efi-..., dmesg_-T */
	"kern", "kern.*", "kern[-_]*", "messages", "messages[-._]*", "syslog", "syslog[-._]*",
	"boot.txt", /* supportconfig */
	"journal.txt", "journal.log", "journalctl*", "*console*.log*", "*console*.txt",
	"console-ramoops*", "serial*.log*", "ttyS*", "nvidia-bug-report*",
	/* the journal's own files; users' hold nothing of the kernel */
	"system.journal", "system@*.journal", "system@*.journal~"};
/* Of the whole path. */
static const char *const paths[] = {"*/libvirt/qemu/*.log*"};
static const char *const maybes[] = {"*.log", "*.txt", "*.out", "*.log.[0-9]*"};
static const char *const archives[] = {"*.tar", "*.tar.*", "*.tgz", "*.tbz", "*.txz", "*.zip"};
static const char *const compressions[] = {".gz", ".xz", ".bz2", ".zst", ".lz4"};

static bool fits(const char *name, const char *const *patterns, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fnmatch(patterns[i], name, 0) == 0)
			return true;
	return false;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

bool logname_is_archive(const char *path)
{
	return fits(base_of(path), archives, ARRAY_SIZE(archives));
}

bool logname_is_ring(const char *path)
{
	static const char *const rings[] = {"dmesg*", "*[-._]dmesg*", "nvidia-bug-report*"};

	return fits(base_of(path), rings, ARRAY_SIZE(rings));
}

/* Bytes without the ending of a compression. */
static size_t bare_len(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(compressions); i++)
		if (str_ends(name, compressions[i]))
			return strlen(name) - strlen(compressions[i]);
	return strlen(name);
}

enum logname_sort logname_sort(const char *path)
{
	const char *base = base_of(path);
	char name[256];

	if (logname_is_archive(path))
		return LOGNAME_YES;
	snprintf(name, sizeof(name), "%.*s", (int)bare_len(base), base);
	if (fits(name, logs, ARRAY_SIZE(logs)) || fits(path, paths, ARRAY_SIZE(paths)))
		return LOGNAME_YES;
	return fits(name, maybes, ARRAY_SIZE(maybes)) ? LOGNAME_MAYBE : LOGNAME_NO;
}

bool logname_is_klog(const char *head, size_t n)
{
	const char *end = head + n, *eol;
	struct logline l;

	for (; head < end; head = eol + 1) {
		eol = memchr(head, '\n', (size_t)(end - head));
		if (eol == NULL)
			eol = end;
		logline_parse(head, (size_t)(eol - head), &l);
		if (l.usec >= 0 || l.source == SOURCE_KERNEL || l.source == SOURCE_QEMU)
			return true;
	}
	return false;
}

/* ---- rotation ---- */

static size_t digits_at_end(const char *s, size_t n)
{
	size_t digits = 0;

	while (digits < n && s[n - digits - 1] >= '0' && s[n - digits - 1] <= '9')
		digits++;
	return digits;
}

static uint64_t number(const char *s, size_t n)
{
	uint64_t v = 0;

	for (; n > 0; n--, s++)
		v = v * 10 + (uint64_t)(*s - '0');
	return v;
}

/* pstore gives the newest part of a dump the lowest number: part and count are the last digits. */
#define PSTORE_PART_DIGITS 5

/* "system@<id>-<number>-<microseconds of the epoch, hex>.journal": what was being written then. */
static bool parse_journal(const char *path, size_t base, struct logname *out)
{
	const char *dash = strrchr(path + base, '-');
	uint64_t begin;

	if (strcmp(path + base, "system.journal") == 0) {
		*out = (struct logname){.stem_len = base + strlen("system")};
		return true;
	}
	if (!str_starts(path + base, "system@") || dash == NULL || strlen(dash) < 17)
		return false;
	begin = strtoull(dash + 1, NULL, 16);
	*out = (struct logname){.stem_len = base + strlen("system"), .age = UINT64_MAX - begin};
	return true;
}

struct logname logname_parse(const char *path)
{
	size_t base = (size_t)(base_of(path) - path), n = base + bare_len(path + base), digits;
	struct logname whole = {.stem_len = n}, none = {0};
	char stem[256];

	if (parse_journal(path, base, &whole))
		return whole;
	digits = digits_at_end(path + base, n - base);
	if (str_starts(path + base, "dmesg-") && digits >= 15 && digits < 20)
		return (struct logname){
			.stem_len = n - PSTORE_PART_DIGITS,
			.age = 1 + number(path + n - PSTORE_PART_DIGITS, PSTORE_PART_DIGITS),
		};
	/* "syslog.2", "dmesg.0", "messages-20260530" */
	if (digits > 0 && n - base > digits + 1 &&
		((digits <= 3 && path[n - digits - 1] == '.') ||
			(digits == 8 && strchr("-.", path[n - digits - 1]) != NULL))) {
		uint64_t v = number(path + n - digits, digits);

		whole.stem_len = n - digits - 1;
		whole.age = digits == 8 ? 100000000 - v : v + 1;
	}
	snprintf(stem, sizeof(stem), "%.*s", (int)(whole.stem_len - base), path + base);
	return fits(stem, logs, ARRAY_SIZE(logs)) || str_ends(stem, ".log") ? whole : none;
}
