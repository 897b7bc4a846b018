/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/evidence.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "device/holders.h"
#include "world/pcidev.h"
#include "world/task.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS_MAX 512 /* threads and descendants that are looked at: a large VM has hundreds */
#define PLACE_MAX 360
#define NAMES_MAX 128
#define DEPTH_MAX 8

typedef bool visit_task(const char *task, void *arg);

/* Calls visit for every thread of pid and of its descendants; true when one of them says true. */
static bool each_task(pid_t pid, int depth, int *budget, visit_task *visit, void *arg)
{
	char dir[64], task[352], children[512], *s, *end;
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
		task_file(task, "children", children, sizeof(children));
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
	task_state(task, state, sizeof(state));
	return state[0] == 'D';
}

bool evidence_in_kernel(pid_t pid)
{
	int budget = TASKS_MAX;

	return each_task(pid, 0, &budget, is_in_kernel, NULL);
}

/* Tasks that stand at the same place, in the order in which they were met. */
struct group {
	char state[32];
	char place[PLACE_MAX]; /* "pci_dev_wait < pcie_flr < ..." */
	char names[NAMES_MAX]; /* "1234 CPU 0/KVM, ..." */
	unsigned n;
};

struct groups {
	VEC(struct group) list;
};

static struct group *group_of(struct groups *g, const char *state, const char *place)
{
	struct group *group;

	vec_foreach (known, &g->list)
		if (str_eq(known->state, state) && str_eq(known->place, place))
			return known;
	group = vec_push(&g->list);
	str_set(group->state, state);
	str_set(group->place, place);
	return group;
}

static bool describe(const char *task, void *arg)
{
	char comm[64], shown[64], state[32], place[PLACE_MAX];
	struct groups *groups = arg;
	struct group *group;
	size_t used;

	task_file(task, "comm", comm, sizeof(comm));
	str_printable(shown, sizeof(shown), comm, strcspn(comm, "\n"));
	task_state(task, state, sizeof(state));
	task_place(task, place, sizeof(place));
	group = group_of(groups, state, place);
	group->n++;
	used = strlen(group->names);
	snprintf(group->names + used, sizeof(group->names) - used, "%s%s %s", used ? ", " : "",
		strrchr(task, '/') + 1, shown);
	return false;
}

void evidence_collect(pid_t pid, struct str *out)
{
	struct groups groups = {0};
	int budget = TASKS_MAX;

	each_task(pid, 0, &budget, describe, &groups);
	vec_foreach (g, &groups.list)
		str_addf(out, "%u task%s (%s%s): %s, in %s\n", g->n, g->n == 1 ? "" : "s", g->names,
			strlen(g->names) == sizeof(g->names) - 1 ? "..." : "", g->state, g->place);
	vec_finish(&groups.list);
}

/* ---- what it has open ---- */

#define FILES_MAX 16 /* that are told */

struct files {
	struct str *out;
	unsigned n;
};

/* What a device under test is reached by. */
static bool is_telling(const char *target)
{
	static const char *const prefixes[] = {"/dev/vfio/", "/dev/iommu", "/sys/", "/dev/kvm"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (str_starts(target, prefixes[i]))
			return true;
	return false;
}

static void tell_file(struct files *f, const char *target, size_t len)
{
	char shown[PLACE_MAX];

	if (f->n++ >= FILES_MAX)
		return;
	str_addf(f->out, "%s%s", f->n == 1 ? "open: " : ", ",
		str_printable(shown, sizeof(shown), target, len));
}

/* Only the links are read: a file may belong to what hangs. */
static bool tell_files(const char *task, void *arg)
{
	char dir[384], path[640], target[PLACE_MAX];
	struct files *f = arg;
	struct dirent *e;
	ssize_t n;
	DIR *d;

	/* threads share them: those of the first one, whose number is the process's */
	if (strtol(strrchr(task, '/') + 1, NULL, 10) != strtol(task + strlen("/proc/"), NULL, 10))
		return false;
	snprintf(dir, sizeof(dir), "%s/fd", task);
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		if (is_telling(target))
			tell_file(f, target, (size_t)n);
	}
	if (d != NULL)
		closedir(d);
	return false;
}

void evidence_files(pid_t pid, struct str *out)
{
	struct files f = {.out = out};
	int budget = TASKS_MAX;

	each_task(pid, 0, &budget, tell_files, &f);
	if (f.n > FILES_MAX)
		str_addf(out, " and %u more", f.n - FILES_MAX);
	if (f.n > 0)
		str_add(out, "\n");
}

/* ---- who holds the devices ---- */

static bool tell_holder(void *arg, const struct holder *h)
{
	str_addf(arg, "%s is open in %d %s\n", h->path, (int)h->pid, h->name);
	return true;
}

void evidence_holders(
	const struct host *host, const struct pcidev *devs, size_t ndevs, struct str *out)
{
	auto_free struct node *nodes = xcalloc(ndevs + 1, sizeof(*nodes));
	bool blind = false;
	struct err err;
	size_t i, n = 0;

	for (i = 0; i < ndevs; i++)
		if (devs[i].iommu_group >= 0)
			snprintf(nodes[n++].path, sizeof(nodes[0].path), "/dev/vfio/%d",
				devs[i].iommu_group);
	if (n > 0 && holders_each(host, nodes, n, tell_holder, out, &blind, &err) != 0)
		str_addf(out, "who holds them cannot be told: %s\n", err.msg);
}

/* ---- the kernel's own view ---- */

#define SYSRQ_ALL   1 /* Documentation/admin-guide/sysrq.rst */
#define SYSRQ_DUMPS 8

bool evidence_ask_kernel(const struct host *host)
{
	char text[16], path[HOST_PATH_MAX];
	uint64_t mask;
	struct err err;
	int fd;

	if (host_read(host, "/proc/sys/kernel/sysrq", text, sizeof(text), &err) != 0 ||
		!str_to_u64(text, 10, UINT32_MAX, &mask) ||
		(mask != SYSRQ_ALL && !(mask & SYSRQ_DUMPS)))
		return false;
	host_path(host, path, "/proc/sysrq-trigger");
	/* not waited for: it ends with us, or is left behind */
	if (fork() != 0)
		return true;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, "w", 1);
	_exit(0);
}
