/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/attr.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TRY_OPEN_NS (10 * NS_PER_S) /* a disk may have to spin up */

/* One call of the child; `full` is ready-made, because the child may only use plain system calls. */
struct call {
	char full[HOST_PATH_MAX];
	const char *value; /* NULL: only open */
	int flags;
};

/* Replies with the errno, 0 when all went well. */
static int in_child(void *arg, int reply_fd)
{
	const struct call *call = arg;
	int fd = open(call->full, call->flags | O_CLOEXEC), sys = 0;

	if (fd < 0)
		sys = errno;
	else if (call->value != NULL && write(fd, call->value, strlen(call->value)) < 0)
		sys = errno;
	if (fd >= 0)
		close(fd);
	return write(reply_fd, &sys, sizeof(sys)) == sizeof(sys) ? 0 : 1;
}

static int run(
	struct call *call, int64_t deadline_ns, struct child_result *out, int *sys, struct err *err)
{
	if (child_call(in_child, call, sys, sizeof(*sys), deadline_ns, out, err) != 0)
		return -1;
	if (out->len != sizeof(*sys))
		return err_set(err, ERR_LOST, 0, "the child ended with status %d", out->status);
	return 0;
}

int attr_write(const struct host *host, const char *path, const char *value, int64_t deadline_ns,
	struct child_result *out, struct err *err)
{
	struct call call = {.value = value, .flags = O_WRONLY | O_TRUNC};
	struct child_result res = {0};
	int sys = 0, rc;

	host_path(host, call.full, "%s", path);
	rc = run(&call, deadline_ns, &res, &sys, err);
	if (out != NULL)
		*out = res;
	if (rc != 0)
		return err_wrap(err, "write '%s' to %s", value, path);
	if (sys != 0)
		return err_set(err, sys == ENOENT ? ERR_ABSENT : ERR_IO, sys, "write '%s' to %s",
			value, path);
	return 0;
}

int attr_try_open(const struct host *host, const char *path, int flags)
{
	struct child_result res = {0};
	struct call call = {.flags = flags};
	struct err err;
	int sys = 0;

	host_path(host, call.full, "%s", path);
	if (run(&call, clock_mono_ns() + TRY_OPEN_NS, &res, &sys, &err) != 0)
		return err.code == ERR_TIMEOUT ? ETIMEDOUT : EIO;
	return sys;
}
