/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "treefile.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTENT_MAX (64u << 10)
#define LINKS_MAX   40

static void __attribute__((noreturn)) die(const char *what, const char *path)
{
	fprintf(stderr, "tree: %s %s: %s\n", what, path, strerror(errno));
	exit(1);
}

/* ---- unpack ---- */

struct unpacker {
	const char *dir;
	FILE *out; /* the file that is being written */
	bool hex;
};

static void make_parents(const char *path)
{
	char part[PATH_MAX], *slash = part;

	str_set(part, path);
	while ((slash = strchr(slash + 1, '/')) != NULL) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			die("mkdir", part);
		*slash = '/';
	}
}

static void begin_entry(struct unpacker *u, char *line)
{
	char kind = line[0], *path = line + 2, *arg = strchr(path, ' ');
	auto_free char *full = NULL, *target = NULL;

	if (u->out != NULL)
		fclose(u->out);
	u->out = NULL;
	if (strlen(line) < 3 || line[1] != ' ' || *path != '/')
		die("not an entry:", line);
	if (arg != NULL && (kind == 'l' || kind == 's'))
		*arg++ = '\0';
	full = xasprintf("%s%s", u->dir, path);
	make_parents(full);
	if (kind == 'd') {
		if (mkdir(full, 0755) != 0 && errno != EEXIST)
			die("mkdir", full);
	} else if (kind == 'l') {
		target = xasprintf("%s%s", *arg == '/' ? u->dir : "", arg);
		if (symlink(target, full) != 0)
			die("symlink", full);
	} else {
		u->out = fopen(full, "w");
		u->hex = kind == 'x';
		if (u->out == NULL)
			die("write", full);
		if (kind == 's' && chmod(full, (mode_t)strtoul(arg, NULL, 8)) != 0)
			die("chmod", full);
	}
}

static void put_content(struct unpacker *u, const char *line)
{
	unsigned byte;

	if (u->out == NULL)
		die("content without a file:", line);
	if (!u->hex) {
		fprintf(u->out, "%s\n", line);
		return;
	}
	for (; sscanf(line, "%2x", &byte) == 1; line += 2)
		putc((int)byte, u->out);
}

void treefile_unpack(const char *file, const char *dir)
{
	auto_file FILE *in = fopen(file, "r");
	struct unpacker u = {.dir = dir};
	auto_free char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (in == NULL)
		die("open", file);
	while ((n = getline(&line, &size, in)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (line[0] == '\t')
			put_content(&u, line + 1);
		else if (line[0] != '#')
			begin_entry(&u, line);
	}
	if (u.out != NULL)
		fclose(u.out);
}

/* ---- pack ---- */

typedef VEC(char *) texts;

/* Written once: "PATH\0the entry", so that sorting and comparing go by path. */
static void add_entry(texts *entries, const char *path, struct str *entry)
{
	size_t len = strlen(path);
	char *both = xmalloc(len + entry->len + 2);

	memcpy(both, path, len + 1);
	memcpy(both + len + 1, entry->s, entry->len + 1);
	*vec_push(entries) = both;
	str_finish(entry);
}

static bool has_entry(const texts *entries, const char *path)
{
	vec_foreach (e, entries)
		if (str_eq(*e, path))
			return true;
	return false;
}

static bool is_text(const char *data, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isprint((unsigned char)data[i]) && data[i] != '\n' && data[i] != '\t')
			return false;
	return n == 0 || data[n - 1] == '\n';
}

static void add_content(struct str *entry, const char *path, char *data, size_t n)
{
	bool text = is_text(data, n);
	char *end;
	size_t i;

	str_addf(entry, "%c %s\n", text ? 'f' : 'x', path);
	if (text) {
		for (; n > 0; n -= (size_t)(end + 1 - data), data = end + 1) {
			end = memchr(data, '\n', n);
			str_add(entry, "\t");
			str_addn(entry, data, (size_t)(end + 1 - data));
		}
		return;
	}
	/* config space: what ends in zeros has not been used */
	while (n > 256 && data[n - 1] == 0)
		n--;
	for (i = 0; i < n; i++)
		str_addf(entry, "%s%02x%s", i % 32 == 0 ? "\t" : "", (unsigned char)data[i],
			i % 32 == 31 || i + 1 == n ? "\n" : "");
}

static void pack_file(texts *entries, const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free char *data = xmalloc(CONTENT_MAX);
	struct str entry = {0};
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < CONTENT_MAX && (n = read(fd, data + len, CONTENT_MAX - len)) > 0)
		len += (size_t)n;
	if (fd < 0 || (n < 0 && len == 0))
		return;
	if (len == CONTENT_MAX)
		fprintf(stderr, "tree: %s is cut\n", path);
	add_content(&entry, path, data, len);
	add_entry(entries, path, &entry);
}

static void pack_leaf(texts *entries, const char *path, mode_t mode)
{
	struct str entry = {0};

	if (S_ISREG(mode)) {
		pack_file(entries, path);
		return;
	}
	if (S_ISDIR(mode))
		str_addf(&entry, "d %s\n", path);
	else
		str_addf(&entry, "s %s %o\n", path, mode & 07777);
	add_entry(entries, path, &entry);
}

/* What comes of a link in the middle of a path: where it leads to, and what is behind it. */
static bool follow(texts *entries, char *path, size_t size, const char *link, const char *rest)
{
	char target[PATH_MAX], next[2 * PATH_MAX];
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	struct str entry = {0};
	const char *slash;

	if (n <= 0)
		return false;
	target[n] = '\0';
	if (!has_entry(entries, link)) {
		str_addf(&entry, "l %s %s\n", link, target);
		add_entry(entries, link, &entry);
	}
	slash = strrchr(link, '/');
	if (target[0] == '/')
		snprintf(next, sizeof(next), "%s%s", target, rest);
	else
		snprintf(next, sizeof(next), "%.*s/%s%s", (int)(slash - link), link, target, rest);
	str_copy(path, size, next);
	return true;
}

/* "/a/b/../c" to "/a/c"; there is no link before the "..". */
static void drop_dots(char *path)
{
	char *dots, *before;

	while ((dots = strstr(path, "/..")) != NULL && (dots[3] == '/' || dots[3] == '\0')) {
		for (before = dots; before > path && *--before != '/';)
			continue;
		memmove(before, dots + 3, strlen(dots + 3) + 1);
	}
}

static void pack_path(texts *entries, const char *wanted)
{
	char path[PATH_MAX], part[PATH_MAX], *s;
	struct stat st;
	int links = 0;

	str_set(path, wanted);
again:
	drop_dots(path);
	for (s = strchr(path + 1, '/');; s = strchr(s + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", s ? (int)(s - path) : PATH_MAX, path);
		if (lstat(part, &st) != 0)
			return;
		if (S_ISLNK(st.st_mode)) {
			char rest[PATH_MAX];

			str_set(rest, s ? s : "");
			if (++links < LINKS_MAX && follow(entries, path, sizeof(path), part, rest))
				goto again;
			return;
		}
		if (s == NULL)
			break;
	}
	if (!has_entry(entries, path))
		pack_leaf(entries, path, st.st_mode);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void treefile_pack(const char *paths)
{
	auto_file FILE *in = fopen(paths, "r");
	auto_free char *line = NULL;
	texts entries = {0};
	size_t size = 0;
	ssize_t n;

	if (in == NULL)
		die("open", paths);
	while ((n = getline(&line, &size, in)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		pack_path(&entries, line);
	}
	if (entries.n > 0)
		qsort(entries.v, entries.n, sizeof(entries.v[0]), by_text);
	vec_foreach (e, &entries) {
		fputs(*e + strlen(*e) + 1, stdout);
		free(*e);
	}
	vec_finish(&entries);
}
