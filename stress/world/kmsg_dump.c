/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/kmsg.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct kmsg_dump {
	int fd;
	bool follow;
	int64_t until_ns;
	int64_t boot_wall_ns; /* when its clock began, about: it stands still in suspend */
	char buf[KMSG_READ_MAX];
};

int kmsg_dump_open(const char *path, struct kmsg_dump **out, struct err *err)
{
	/* a fresh open stands at the oldest record */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
		if (kmsg_why_forbidden(err->sys) != NULL)
			err_hint(err, "%s", kmsg_why_forbidden(err->sys));
		return -1;
	}
	*out = xcalloc(1, sizeof(**out));
	(*out)->fd = fd;
	(*out)->until_ns = clock_mono_ns() + KMSG_DUMP_MAX_MS * NS_PER_MS;
	(*out)->boot_wall_ns = clock_wall_ns() - clock_mono_ns();
	return 0;
}

void kmsg_dump_close(struct kmsg_dump *d)
{
	if (d == NULL)
		return;
	close(d->fd);
	free(d);
}

int kmsg_dump_follow(struct kmsg_dump *d)
{
	d->follow = true;
	return d->fd;
}

int kmsg_dump_next(struct kmsg_dump *d, struct klog_rec *out, struct err *err)
{
	while (d->follow || clock_mono_ns() < d->until_ns) {
		ssize_t n = read(d->fd, d->buf, sizeof(d->buf));

		if (n > 0 && kmsg_parse(d->buf, (size_t)n, out, err) == 0) {
			out->wall_ns = d->boot_wall_ns + out->usec * 1000;
			return 1;
		}
		if (n == 0 || (n < 0 && errno == EAGAIN))
			return 0;
		/* overwritten before it was read, or too large: its number will be missing */
		if (n < 0 && errno != EPIPE && errno != EINVAL && errno != EINTR)
			return err_set(err, ERR_IO, errno, "read the kernel log");
	}
	return 0;
}
