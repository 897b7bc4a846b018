/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/busmaster.h"

#include "world/child.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* linux/pci_regs.h */
#define REG_COMMAND    4
#define COMMAND_MASTER 0x4

struct job {
	char dir[HOST_PATH_MAX];
};

static bool is_enabled(int dirfd)
{
	int fd = openat(dirfd, "enable", O_RDONLY | O_CLOEXEC);
	char text[2] = "";
	bool enabled = fd < 0 || read(fd, text, 1) != 1 || text[0] != '0';

	if (fd >= 0)
		close(fd);
	return enabled;
}

static int clear_bit(int fd)
{
	uint16_t command;

	if (pread(fd, &command, sizeof(command), REG_COMMAND) != sizeof(command))
		return errno ? errno : EIO;
	if (command == 0xffff) /* dark */
		return ENODEV;
	command &= htole16((uint16_t)~COMMAND_MASTER);
	return pwrite(fd, &command, sizeof(command), REG_COMMAND) == sizeof(command) ? 0 : errno;
}

static int in_child(void *arg, int reply_fd)
{
	const struct job *job = arg;
	int dirfd = open(job->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dirfd < 0 ? -1 : openat(dirfd, "config", O_RDWR | O_CLOEXEC);
	int sys = fd < 0 ? errno : is_enabled(dirfd) ? EBUSY : clear_bit(fd);

	return write(reply_fd, &sys, sizeof(sys)) == sizeof(sys) ? 0 : 1;
}

int busmaster_off(const struct host *host, struct bdf bdf, int64_t deadline_ns, struct err *err)
{
	struct child_result res = {0};
	struct job job;
	char text[BDF_LEN];
	int sys = 0;

	bdf_text(bdf, text);
	host_dev_path(host, job.dir, bdf, "");
	if (child_call(in_child, &job, &sys, sizeof(sys), deadline_ns, &res, err) != 0)
		return err_wrap(err, "switching off bus mastering of %s", text);
	if (res.len != sizeof(sys))
		return err_set(err, ERR_LOST, 0,
			"switching off bus mastering of %s: the child ended early", text);
	if (sys == 0)
		return 0;
	err_set(err, ERR_IO, sys, "switching off bus mastering of %s", text);
	return err_hint(err,
		sys == EPERM ? "a kernel in lockdown lets only VFIO do it: start its VM and stop "
			       "it, once"
			     : "start its VM and stop it, once: VFIO switches it off at its end");
}
