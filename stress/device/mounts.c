/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/mounts.h"

#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE      4096
#define MOUNTS_MAX     65536
#define NAMESPACES_MAX 1024 /* containers of a host; the mounts of further ones do not show */

/* Namespaces that were read, by the kernel's name of them: "mnt:[4026531841]". */
struct seen {
	char name[NAMESPACES_MAX][32];
	size_t n;
};

void mounts_unescape(char *text)
{
	char *to = text;
	int64_t byte;

	for (; *text != '\0'; to++) {
		char digits[4] = {0};

		if (*text == '\\')
			memcpy(digits, text + 1, strnlen(text + 1, 3));
		if (str_to_i64(digits, 8, 1, 255, &byte) && digits[2] != '\0') {
			*to = (char)byte;
			text += 4;
		} else {
			*to = *text++;
		}
	}
	*to = '\0';
}

static const char *keep(struct mounts *m, char *word)
{
	char text[1024];

	mounts_unescape(word);
	return arena_strdup(&m->arena, str_printable(text, sizeof(text), word, strlen(word)));
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw (proc(5)) */
static void take_line(struct mounts *m, char *line, pid_t elsewhere)
{
	char at[1024], type[64], source[1024], options[1024] = "", *rest = strstr(line, " - ");
	unsigned major, minor;
	struct mount *mount;

	if (rest == NULL || m->n == MOUNTS_MAX ||
		sscanf(line, "%*u %*u %u:%u %*s %1023s", &major, &minor, at) != 3 ||
		sscanf(rest, " - %63s %1023s %1023s", type, source, options) < 2)
		return;
	mount = vec_push(m);
	mount->major = major;
	mount->minor = minor;
	mount->at = keep(m, at);
	mount->type = keep(m, type);
	mount->source = keep(m, source);
	mount->options = keep(m, options);
	mount->elsewhere = elsewhere;
}

static void take_namespace(
	const struct host *host, struct mounts *m, const char *process, pid_t elsewhere)
{
	char path[HOST_PATH_MAX], line[LINE_SIZE];
	auto_file FILE *f = fopen(host_path(host, path, "/proc/%s/mountinfo", process), "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		take_line(m, line, elsewhere);
}

/* False: it was read already, or does not show. */
static bool is_new(const struct host *host, struct seen *seen, const char *process)
{
	char path[64], name[32];
	size_t i;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", process);
	if (*host_link_name(host, path, name, sizeof(name)) == '\0')
		return false;
	for (i = 0; i < seen->n; i++)
		if (str_eq(seen->name[i], name))
			return false;
	if (seen->n == NAMESPACES_MAX)
		return false;
	str_set(seen->name[seen->n++], name);
	return true;
}

void mounts_read(const struct host *host, struct mounts *out)
{
	auto_free struct seen *seen = xcalloc(1, sizeof(*seen));
	char path[HOST_PATH_MAX];
	DIR *proc = opendir(host_path(host, path, "/proc"));
	struct dirent *entry;
	int64_t pid;

	*out = (struct mounts){0};
	is_new(host, seen, "self");
	take_namespace(host, out, "self", 0);
	/* the host's own, where we run in a container */
	if (is_new(host, seen, "1"))
		take_namespace(host, out, "1", 0);
	while (proc != NULL && (entry = readdir(proc)) != NULL)
		if (str_to_i64(entry->d_name, 10, 1, INT32_MAX, &pid) &&
			is_new(host, seen, entry->d_name))
			take_namespace(host, out, entry->d_name, (pid_t)pid);
	if (proc != NULL)
		closedir(proc);
}

void mounts_finish(struct mounts *m)
{
	vec_finish(m);
	arena_finish(&m->arena);
}

static bool lies_below(const char *path, const char *at)
{
	size_t len = strlen(at);

	if (str_eq(at, "/"))
		return path[0] == '/';
	return strncmp(path, at, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

const struct mount *mounts_of_path(const struct mounts *m, const char *path)
{
	const struct mount *best = NULL;

	/* of two at one place the later one hides the earlier */
	vec_foreach (mount, m)
		if (mount->elsewhere == 0 && lies_below(path, mount->at) &&
			(best == NULL || strlen(mount->at) >= strlen(best->at)))
			best = mount;
	return best;
}
