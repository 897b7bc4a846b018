/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/task.h"

#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TASK_PATH_MAX 384

void task_file(const char *task, const char *name, char *buf, size_t size)
{
	char path[TASK_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", task, name);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
}

void task_state(const char *task, char *buf, size_t size)
{
	char status[2048], *s;

	task_file(task, "status", status, sizeof(status));
	s = strstr(status, "\nState:\t");
	if (s == NULL) {
		str_copy(buf, size, "gone");
		return;
	}
	s += strlen("\nState:\t");
	str_printable(buf, size, s, strcspn(s, "\n"));
}

/* "[<0>] pci_dev_wait+0x100/0x200" per line, innermost first: the names alone, in one line. */
static void join_stack(const char *stack, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	while (*stack != '\0' && used + 8 < size) {
		const char *name = str_starts(stack, "[<") ? strchr(stack, ' ') : NULL;
		size_t line = strcspn(stack, "\n"), len;

		if (name != NULL && name < stack + line) {
			name++;
			len = strcspn(name, "+\n");
			used += (size_t)snprintf(buf + used, size - used, "%s%.*s",
				used ? " < " : "", (int)len, name);
		}
		stack += line + (stack[line] == '\n');
	}
}

void task_place(const char *task, char *buf, size_t size)
{
	char text[4096];

	task_file(task, "stack", text, sizeof(text));
	join_stack(text, buf, size);
	if (buf[0] != '\0')
		return;
	/* who may not see stacks; "0": it does not sleep, or that is not for us either */
	task_file(task, "wchan", text, sizeof(text));
	str_copy(buf, size, *text == '\0' || str_eq(text, "0") ? "?" : text);
}
