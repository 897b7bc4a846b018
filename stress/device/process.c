/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/process.h"

#include "base/str.h"
#include "base/vec.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIDFILES "/run/libvirt/qemu"

/* libvirt's pid file of a domain has its name. */
static bool is_domain(const struct host *host, pid_t pid, char *buf, size_t size)
{
	char path[HOST_PATH_MAX], text[32];
	DIR *dir = opendir(host_path(host, path, PIDFILES));
	struct dirent *entry;
	bool found = false;
	struct err ignored;
	int64_t n;

	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		size_t len = strlen(entry->d_name);

		if (!str_ends(entry->d_name, ".pid"))
			continue;
		snprintf(path, sizeof(path), PIDFILES "/%s", entry->d_name);
		found = host_read(host, path, text, sizeof(text), &ignored) == 0 &&
			str_to_i64(text, 10, 1, INT32_MAX, &n) && n == pid;
		if (found)
			str_printable(buf, size, entry->d_name, len - strlen(".pid"));
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* What a process has open tells what it is. */
static const struct {
	const char *part, *what;
} marks[] = {
	{"/rtemap_", "a DPDK program"},
	{"/dpdk/", "a DPDK program"},
	{"anon_inode:kvm-vm", "a virtual machine"},
};

static const char *mark_of(const struct host *host, pid_t pid)
{
	char path[HOST_PATH_MAX], target[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "/proc/%d/fd", (int)pid));
	const char *what = NULL;
	struct dirent *entry;
	size_t i;

	while (dir != NULL && what == NULL && (entry = readdir(dir)) != NULL) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		for (i = 0; what == NULL && i < ARRAY_SIZE(marks); i++)
			if (strstr(target, marks[i].part) != NULL)
				what = marks[i].what;
	}
	if (dir != NULL)
		closedir(dir);
	return what;
}

const char *process_text(const struct host *host, const struct holder *h, char *buf, size_t size)
{
	char domain[128];
	const char *what;

	if (is_domain(host, h->pid, domain, sizeof(domain)))
		snprintf(buf, size, "%s (process %d, domain %s)", h->name, (int)h->pid, domain);
	else if ((what = mark_of(host, h->pid)) != NULL)
		snprintf(buf, size, "%s (process %d, %s)", h->name, (int)h->pid, what);
	else
		snprintf(buf, size, "%s (process %d)", h->name, (int)h->pid);
	return buf;
}
