/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/attr.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRY_OPEN_NS (10 * NS_PER_S) /* a disk may have to spin up */
#define TEXT_MAX    1024

/* One call of the child; `full` is ready-made, because the child may only use plain system calls. */
struct call {
	char full[HOST_PATH_MAX];
	int flags;
	const char *value; /* to be written, or NULL */
	bool read;
};

struct answer {
	int sys; /* 0 when all went well */
	char text[TEXT_MAX];
};

static int in_child(void *arg, int reply_fd)
{
	const struct call *call = arg;
	int fd = open(call->full, call->flags | O_CLOEXEC);
	struct answer answer = {0};
	ssize_t n = 0;

	if (fd >= 0 && call->value != NULL)
		n = write(fd, call->value, strlen(call->value));
	else if (fd >= 0 && call->read)
		n = read(fd, answer.text, sizeof(answer.text) - 1);
	if (fd < 0 || n < 0)
		answer.sys = errno;
	if (fd >= 0)
		close(fd);
	return write(reply_fd, &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1;
}

static int run(const struct host *host, struct call *call, const char *path, int64_t deadline_ns,
	struct child_result *out, struct answer *answer, struct err *err)
{
	host_path(host, call->full, "%s", path);
	if (child_call(in_child, call, answer, sizeof(*answer), deadline_ns, out, err) != 0)
		return -1;
	if (out->len != sizeof(*answer))
		return err_set(err, ERR_LOST, 0, "the child ended with status %d", out->status);
	return 0;
}

/* Of a write that did not return: the kernel's function names what it waits for. */
static void add_where(const struct child_result *res, struct err *err)
{
	size_t len = strlen(err->msg);

	if (res->stood[0] != '\0')
		snprintf(
			err->msg + len, sizeof(err->msg) - len, "; where it stood: %s", res->stood);
}

int attr_write(const struct host *host, const char *path, const char *value, int64_t deadline_ns,
	struct child_result *out, struct err *err)
{
	struct call call = {.value = value, .flags = O_WRONLY | O_TRUNC};
	struct child_result res = {0};
	struct answer answer;
	int rc = run(host, &call, path, deadline_ns, &res, &answer, err);

	if (out != NULL)
		*out = res;
	if (rc != 0) {
		add_where(&res, err);
		return err_wrap(err, "write '%s' to %s", value, path);
	}
	if (answer.sys != 0)
		return err_set(err, answer.sys == ENOENT ? ERR_ABSENT : ERR_IO, answer.sys,
			"write '%s' to %s", value, path);
	return 0;
}

int attr_read(const struct host *host, const char *path, char *buf, size_t size,
	int64_t deadline_ns, struct err *err)
{
	struct call call = {.read = true, .flags = O_RDONLY};
	struct child_result res = {0};
	struct answer answer;

	if (run(host, &call, path, deadline_ns, &res, &answer, err) != 0)
		return err_wrap(err, "read %s", path);
	if (answer.sys != 0)
		return err_set(err, answer.sys == ENOENT ? ERR_ABSENT : ERR_IO, answer.sys,
			"read %s", path);
	answer.text[strcspn(answer.text, "\n")] = '\0';
	str_copy(buf, size, answer.text);
	return 0;
}

int attr_try_open(const struct host *host, const char *path, int flags)
{
	struct child_result res = {0};
	struct call call = {.flags = flags};
	struct answer answer;
	struct err err;

	if (run(host, &call, path, clock_mono_ns() + TRY_OPEN_NS, &res, &answer, &err) != 0)
		return err.code == ERR_TIMEOUT ? ETIMEDOUT : EIO;
	return answer.sys;
}
