/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/evidence.h"

#include "base/mem.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_MAX 64 /* threads and descendants that are looked at */
#define DEPTH_MAX 8

/* Reads a small /proc file; "" when it cannot be read. */
static void slurp(const char *path, char *buf, size_t size)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

/* "D (disk sleep)" of a status file. */
static void state_of(const char *task, char *buf, size_t size)
{
	char path[320], status[2048], *s, *end;

	snprintf(path, sizeof(path), "%s/status", task);
	slurp(path, status, sizeof(status));
	s = strstr(status, "\nState:\t");
	if (s == NULL) {
		snprintf(buf, size, "gone");
		return;
	}
	s += strlen("\nState:\t");
	end = strchr(s, '\n');
	snprintf(buf, size, "%.*s", end ? (int)(end - s) : 0, s);
}

typedef bool visit_task(const char *task, void *arg);

/* Calls visit for every thread of pid and of its descendants; true when one of them says true. */
static bool each_task(pid_t pid, int depth, int *budget, visit_task *visit, void *arg)
{
	char dir[64], task[352], path[384], children[512], *s, *end;
	bool found = false;
	struct dirent *e;
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	d = opendir(dir);
	if (d == NULL || depth > DEPTH_MAX) {
		if (d != NULL)
			closedir(d);
		return false;
	}
	while (!found && (e = readdir(d)) != NULL && (*budget)-- > 0) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(task, sizeof(task), "%s/%s", dir, e->d_name);
		found = visit(task, arg);
		snprintf(path, sizeof(path), "%s/children", task);
		slurp(path, children, sizeof(children));
		for (s = children; !found && *s != '\0'; s = end) {
			pid_t child = (pid_t)strtol(s, &end, 10);

			if (end == s)
				break;
			found = each_task(child, depth + 1, budget, visit, arg);
			while (*end == ' ')
				end++;
		}
	}
	closedir(d);
	return found;
}

static bool is_in_kernel(const char *task, void *arg)
{
	char state[64];

	(void)arg;
	state_of(task, state, sizeof(state));
	return state[0] == 'D';
}

bool evidence_in_kernel(pid_t pid)
{
	int budget = TASKS_MAX;

	return each_task(pid, 0, &budget, is_in_kernel, NULL);
}

static bool describe(const char *task, void *arg)
{
	char path[320], comm[64], state[64], wchan[128], stack[4096];
	struct str *out = arg;

	snprintf(path, sizeof(path), "%s/comm", task);
	slurp(path, comm, sizeof(comm));
	comm[strcspn(comm, "\n")] = '\0';
	state_of(task, state, sizeof(state));
	snprintf(path, sizeof(path), "%s/wchan", task);
	slurp(path, wchan, sizeof(wchan));
	snprintf(path, sizeof(path), "%s/stack", task);
	slurp(path, stack, sizeof(stack));
	str_addf(out, "%s %s: %s, waits in %s\n%s", task, comm, state, *wchan ? wchan : "?", stack);
	return false;
}

void evidence_collect(pid_t pid, struct str *out)
{
	int budget = TASKS_MAX;

	each_task(pid, 0, &budget, describe, out);
}
