/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"

#include "base/mem.h"
#include "base/str.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool update;

void golden_options(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		update |= str_eq(argv[i], "--update-golden");
}

static void save(const char *path, const char *bytes, size_t len)
{
	auto_file FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(bytes, 1, len, f) != len)
		fail_msg("cannot write %s: %s", path, strerror(errno));
}

static size_t load(const char *path, char **bytes_out)
{
	auto_file FILE *f = fopen(path, "r");
	struct str s = {0};
	char buf[4096];
	size_t n;

	if (f == NULL)
		fail_msg("no %s: make it with --update-golden and read what is in it", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		str_addn(&s, buf, n);
	*bytes_out = s.s ? s.s : xstrdup("");
	return s.len;
}

/* 1-based line of the first difference. */
static unsigned first_difference(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned line = 1;
	size_t i;

	for (i = 0; i < la && i < lb && a[i] == b[i]; i++)
		line += a[i] == '\n';
	return line;
}

static void keep_actual(const char *path, const char *bytes, size_t len, char *where, size_t size)
{
	char *s;

	snprintf(where, size, "golden-actual/%s", path);
	for (s = where; (s = strchr(s, '/')) != NULL; s++) {
		*s = '\0';
		if (mkdir(where, 0755) != 0 && errno != EEXIST)
			fail_msg("cannot make %s: %s", where, strerror(errno));
		*s = '/';
	}
	save(where, bytes, len);
}

void golden_check(const char *path, const char *bytes, size_t len)
{
	auto_free char *full = xasprintf(SOURCE_DIR "/tests/golden/%s", path), *expected = NULL;
	char actual[512];
	size_t n;

	if (update) {
		save(full, bytes, len);
		return;
	}
	n = load(full, &expected);
	if (n == len && memcmp(expected, bytes, n) == 0)
		return;
	keep_actual(path, bytes, len, actual, sizeof(actual));
	fail_msg("%s:%u differs; diff -u %s %s", path, first_difference(expected, n, bytes, len),
		full, actual);
}
