/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/pciestatus.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/child.h"
#include "world/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	size_t n;
	char (*dirs)[HOST_PATH_MAX];
};

static long fetch(void *arg, void *buf, size_t n, size_t at)
{
	ssize_t got = pread(*(int *)arg, buf, n, (off_t)at);

	return got < 0 ? -errno : (long)got;
}

/* Reading config space would wake it. */
static bool is_in_d3cold(int dirfd)
{
	int fd = openat(dirfd, "power_state", O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n >= 6 && memcmp(text, "D3cold", 6) == 0;
}

static void decode(const struct pciconf *c, struct pcie_status *out)
{
	if (pciconf_all_ones(c, false) || pciconf_all_ones(c, true))
		return;
	out->read =
		pciconf_device_status(c, &out->status) && pciconf_device_control(c, &out->control);
	out->has_aer = pciconf_aer(c, &out->aer);
}

static void look_at(const char *dir, struct pcie_status *out)
{
	static uint8_t bytes[PCICONF_SIZE]; /* the child's own */
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = dirfd < 0 || is_in_d3cold(dirfd)
		? -1
		: openat(dirfd, "config", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct pciconf c = {.bytes = bytes};
	long n;

	memset(bytes, 0, sizeof(bytes));
	n = fd < 0 ? 0 : pciconf_read(fetch, &fd, bytes);
	c.len = n > 0 ? (size_t)n : 0;
	decode(&c, out);
	if (fd >= 0)
		close(fd);
	if (dirfd >= 0)
		close(dirfd);
}

static int in_child(void *arg, int reply_fd)
{
	const struct job *job = arg;
	size_t i;

	for (i = 0; i < job->n; i++) {
		struct pcie_status st = {0};

		look_at(job->dirs[i], &st);
		if (write(reply_fd, &st, sizeof(st)) != (ssize_t)sizeof(st))
			return 1;
	}
	return 0;
}

int pciestatus_take(const struct host *host, const struct bdf *bdfs, size_t n, int64_t deadline_ns,
	struct pcie_status *out, struct err *err)
{
	auto_free struct pcie_status *all = xcalloc(n, sizeof(*all));
	auto_free void *dirs = xcalloc(n, HOST_PATH_MAX);
	struct job job = {n < PCIESTATUS_MAX ? n : PCIESTATUS_MAX, dirs};
	struct child_result res = {0};
	size_t i;

	for (i = 0; i < job.n; i++)
		host_dev_path(host, job.dirs[i], bdfs[i], "");
	if (child_call(in_child, &job, all, job.n * sizeof(*all), deadline_ns, &res, err) != 0)
		return err_wrap(err, "reading status registers");
	if (res.len != job.n * sizeof(*all))
		return err_set(err, ERR_LOST, 0, "reading status registers: the child ended early");
	memcpy(out, all, n * sizeof(*all));
	return 0;
}

/* ---- what is new ---- */

static const unsigned devsta_of[AER_CLASSES] = {
	[AER_CORRECTABLE] = DEVSTA_CORRECTABLE,
	[AER_NONFATAL] = DEVSTA_NONFATAL,
	[AER_FATAL] = DEVSTA_FATAL,
};

static uint32_t status_of(const struct pcie_aer *aer, enum aer_class cls)
{
	return cls == AER_CORRECTABLE ? aer->correctable : aer->uncorrectable;
}

/* Of an uncorrectable error the severity register says of which class it is. */
static uint32_t bits_of_class(const struct pcie_aer *aer, enum aer_class cls)
{
	if (cls == AER_CORRECTABLE)
		return aer->correctable & ~aer->correctable_mask;
	return aer->uncorrectable & ~aer->uncorrectable_mask &
		(cls == AER_FATAL ? aer->uncorrectable_severity : ~aer->uncorrectable_severity);
}

/*
 * Device Status is set by masked errors too (PCIe base spec, 6.2.5 and 7.5.3.5). Where the function
 * has AER and its registers name an error of that kind, they have said what there is to say.
 */
static bool is_explained(const struct pcie_status *st, enum aer_class cls)
{
	return st->has_aer && status_of(&st->aer, cls) != 0;
}

bool pciestatus_news(const struct pcie_status *before, const struct pcie_status *after,
	enum aer_class cls, uint32_t *bits_out)
{
	unsigned fresh = after->status & ~before->status;

	*bits_out = 0;
	if (!before->read || !after->read)
		return false;
	if (after->has_aer)
		*bits_out = bits_of_class(&after->aer, cls) & ~status_of(&before->aer, cls);
	return *bits_out != 0 || ((fresh & devsta_of[cls]) != 0 && !is_explained(after, cls));
}

const char *pciestatus_text(unsigned status, char *buf, size_t size)
{
	static const char *const names[] = {"CorrErr", "NonFatalErr", "FatalErr", "UnsupReq"};
	size_t i, len = 0;

	for (i = 0; i < ARRAY_SIZE(names) && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s%c", i ? " " : "", names[i],
			status & 1u << i ? '+' : '-');
	return buf;
}
