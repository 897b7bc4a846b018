/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vfiohot.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RETRIES  20 /* EAGAIN: somebody has the lock of a device (pci_bus_trylock) */
#define RETRY_MS 100 /* nothing announces that it is free */

/* Newer than the headers that this may be built with: include/uapi/linux/vfio.h of Linux 6.6. */
#ifndef VFIO_DEVICE_BIND_IOMMUFD
struct vfio_device_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};
#define VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#endif
#ifndef VFIO_PCI_HOT_RESET_FLAG_DEV_ID
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID       (1 << 0)
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED (1 << 1)
#endif

static const char *const stage_names[] = {
	[VFIOHOT_ATTACH] = "vfio attach",
	[VFIOHOT_OPEN] = "vfio open",
	[VFIOHOT_SCOPE] = "vfio scope",
	[VFIOHOT_RESET] = "hot reset",
	[VFIOHOT_CLOSE] = "vfio close",
};

const char *vfiohot_stage_name(enum vfiohot_stage stage)
{
	return stage < VFIOHOT_STAGES ? stage_names[stage] : "done";
}

/* ---- in the child: plain system calls and memory that is its own ---- */

struct job {
	const struct vfiohot_request *req;
	char container[HOST_PATH_MAX], iommufd[HOST_PATH_MAX];
	char nodes[VFIOHOT_MAX][HOST_PATH_MAX];
	int context; /* descriptor of the container or of iommufd */
	int devices[VFIOHOT_MAX]; /* the first one is asked */
	size_t ndevices;
	int reply_fd;
	struct vfiohot_result result;
};

/* 0 or an errno, as of all that follow. */
static int open_node(const char *path, int *fd)
{
	*fd = open(path, O_RDWR | O_CLOEXEC);
	return *fd < 0 ? errno : 0;
}

/* Older kernels want a container with an IOMMU behind every group that is shown to them. */
static int attach_groups(struct job *job)
{
	int sys = open_node(job->container, &job->context);
	size_t i;

	for (i = 0; sys == 0 && i < job->req->ngroups; i++) {
		if (ioctl(job->req->groups[i], VFIO_GROUP_SET_CONTAINER, &job->context) != 0 ||
			(i == 0 &&
				ioctl(job->context, VFIO_SET_IOMMU,
					(unsigned long)VFIO_TYPE1v2_IOMMU) != 0))
			sys = errno;
	}
	return sys;
}

static int attach_nodes(struct job *job)
{
	int sys = open_node(job->iommufd, &job->context);
	size_t i;

	for (i = 0; sys == 0 && i < job->req->nnodes; i++) {
		sys = open_node(job->nodes[i], &job->devices[i]);
		job->ndevices += sys == 0;
	}
	return sys;
}

static int attach(struct job *job)
{
	return job->req->ngroups > 0 ? attach_groups(job) : attach_nodes(job);
}

/* A group answers ENODEV for a device that is in another one. */
static int open_by_group(struct job *job)
{
	int fd = -1;
	size_t i;

	errno = ENODEV;
	for (i = 0; fd < 0 && errno == ENODEV && i < job->req->ngroups; i++)
		fd = ioctl(job->req->groups[i], VFIO_GROUP_GET_DEVICE_FD, job->req->device);
	if (fd < 0)
		return errno;
	job->devices[job->ndevices++] = fd;
	return 0;
}

/* A device node opens nothing until it is bound: this resets it. */
static int bind_nodes(struct job *job)
{
	size_t i;

	for (i = 0; i < job->ndevices; i++) {
		struct vfio_device_bind_iommufd bind = {
			.argsz = sizeof(bind), .iommufd = job->context};

		if (ioctl(job->devices[i], VFIO_DEVICE_BIND_IOMMUFD, &bind) != 0)
			return errno;
	}
	return 0;
}

static int open_device(struct job *job)
{
	return job->req->ngroups > 0 ? open_by_group(job) : bind_nodes(job);
}

static bool is_allowed(const struct job *job, struct bdf bdf)
{
	size_t i;

	for (i = 0; i < job->req->nallowed; i++)
		if (bdf_eq(job->req->allowed[i], bdf))
			return true;
	return false;
}

/* EXDEV: further than the guard has judged. EPERM: of what we opened, not all is affected by us. */
static int check_scope(struct job *job)
{
	enum {
		SIZE = sizeof(struct vfio_pci_hot_reset_info) +
			VFIOHOT_MAX * sizeof(struct vfio_pci_dependent_device)
	};
	static _Alignas(struct vfio_pci_hot_reset_info) char room[SIZE];
	struct vfio_pci_hot_reset_info *info = (void *)room;
	size_t i;

	info->argsz = SIZE;
	if (ioctl(job->devices[0], VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info) != 0)
		return errno;
	if (info->count > VFIOHOT_MAX)
		return ENOSPC;
	for (i = 0; i < info->count; i++) {
		const struct vfio_pci_dependent_device *d = &info->devices[i];
		struct bdf bdf = bdf_from_rid(d->segment, (uint16_t)(d->bus << 8 | d->devfn));

		if (is_allowed(job, bdf))
			continue;
		job->result.stranger = bdf;
		return EXDEV;
	}
	if ((info->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID) &&
		!(info->flags & VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED))
		return EPERM;
	return 0;
}

/* Without groups the kernel takes all devices of the IOMMU context as shown to it. */
static int reset(struct job *job)
{
	enum { SIZE = sizeof(struct vfio_pci_hot_reset) + VFIOHOT_MAX * sizeof(__s32) };
	static _Alignas(struct vfio_pci_hot_reset) char room[SIZE];
	struct vfio_pci_hot_reset *order = (void *)room;
	size_t i, tries = 0;
	int sys;

	order->argsz = SIZE;
	order->count = (__u32)job->req->ngroups;
	for (i = 0; i < job->req->ngroups; i++)
		order->group_fds[i] = job->req->groups[i];
	do {
		sys = ioctl(job->devices[0], VFIO_DEVICE_PCI_HOT_RESET, order) == 0 ? 0 : errno;
	} while (sys == EAGAIN && tries++ < RETRIES && poll(NULL, 0, RETRY_MS) == 0);
	return sys;
}

static int close_all(struct job *job)
{
	size_t i;

	while (job->ndevices > 0)
		close(job->devices[--job->ndevices]);
	for (i = 0; i < job->req->ngroups; i++)
		ioctl(job->req->groups[i], VFIO_GROUP_UNSET_CONTAINER);
	close(job->context);
	return 0;
}

static bool tell(struct job *job)
{
	return write(job->reply_fd, &job->result, sizeof(job->result)) ==
		(ssize_t)sizeof(job->result);
}

static int in_child(void *arg, int reply_fd)
{
	static int (*const stages[])(struct job *) = {
		[VFIOHOT_ATTACH] = attach,
		[VFIOHOT_OPEN] = open_device,
		[VFIOHOT_SCOPE] = check_scope,
		[VFIOHOT_RESET] = reset,
		[VFIOHOT_CLOSE] = close_all,
	};
	struct job *job = arg;
	struct vfiohot_result *r = &job->result;

	job->reply_fd = reply_fd;
	for (; r->stage < VFIOHOT_STAGES; r->stage++) {
		int64_t start = clock_mono_ns();

		r->sys = stages[r->stage](job);
		r->took_ns[r->stage] = clock_mono_ns() - start;
		if (r->sys != 0)
			break;
		if (!tell(job)) /* so that it is known where it is stuck */
			return 1;
	}
	if (r->sys != 0)
		close_all(job);
	return tell(job) ? 0 : 1;
}

/* ---- around it ---- */

static void prepare(const struct host *host, const struct vfiohot_request *req, struct job *job)
{
	size_t i;

	job->req = req;
	job->context = -1;
	host_path(host, job->container, "/dev/vfio/vfio");
	host_path(host, job->iommufd, "/dev/iommu");
	for (i = 0; i < req->nnodes; i++)
		host_path(host, job->nodes[i], "%s", req->nodes[i]);
	for (i = 0; i < VFIOHOT_STAGES; i++)
		job->result.took_ns[i] = -1;
}

/* The last of what the child told; each stage's success tells of the one before the next. */
static void last_told(const struct vfiohot_result *told, size_t len, struct vfiohot_result *out)
{
	size_t n = len / sizeof(*told);

	if (n == 0)
		return;
	*out = told[n - 1];
	if (out->sys == 0 && out->stage < VFIOHOT_STAGES)
		out->stage++;
}

int vfiohot_reset(const struct host *host, const struct vfiohot_request *request,
	int64_t deadline_ns, struct vfiohot_result *out, struct child_result *child,
	struct err *err)
{
	auto_free struct job *job = xcalloc(1, sizeof(*job));
	struct vfiohot_result told[VFIOHOT_STAGES + 1] = {0};
	int rc;

	*child = (struct child_result){0};
	prepare(host, request, job);
	*out = job->result;
	rc = child_call(in_child, job, told, sizeof(told), deadline_ns, child, err);
	last_told(told, child->len, out);
	if (rc != 0)
		return err_wrap(err, "%s", vfiohot_stage_name(out->stage));
	if (out->sys != 0)
		return err_set(err, ERR_IO, out->sys, "%s", vfiohot_stage_name(out->stage));
	if (out->stage < VFIOHOT_STAGES)
		return err_set(err, ERR_LOST, 0, "%s: the child ended early",
			vfiohot_stage_name(out->stage));
	return 0;
}
