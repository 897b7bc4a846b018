/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/confread.h"

#include "base/clock.h"
#include "base/str.h"
#include "model/topology.h"
#include "world/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROUND_NS (3 * NS_PER_S) /* one child; a healthy function takes a fraction of a ms */
#define STUCK_NS (1 * NS_PER_S) /* so long at one function means that it does not answer */
#define TOTAL_NS (20 * NS_PER_S) /* what is not read by then stays unread */

/* One function's part of the memory that is shared with the child. */
struct slot {
	bool done;
	bool asleep; /* by the parent: pass over */
	int sys;
	uint32_t len;
	char override[32];
	uint8_t bytes[PCICONF_SIZE];
};

struct shared {
	size_t at; /* the function that is being read */
	int64_t since_ns;
	struct slot slots[];
};

struct job {
	const struct host *host;
	const struct pcidev_list *devs;
	struct shared *shared;
	size_t first;
};

static long fetch(void *arg, void *buf, size_t n, size_t at)
{
	ssize_t got = pread(*(int *)arg, buf, n, (off_t)at);

	return got < 0 ? -errno : (long)got;
}

static void read_override(int dirfd, char *buf, size_t size)
{
	int fd = openat(dirfd, "driver_override", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n > 0 ? n : 0] = '\0';
}

static void read_slot(int devices_fd, struct bdf bdf, struct slot *slot)
{
	char text[BDF_LEN];
	int dirfd = openat(devices_fd, bdf_text(bdf, text), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = openat(dirfd, "config", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	long n = fd < 0 ? -errno : pciconf_read(fetch, &fd, slot->bytes);

	slot->sys = n < 0 ? (int)-n : 0;
	slot->len = n > 0 ? (uint32_t)n : 0;
	if (fd >= 0)
		close(fd);
	read_override(dirfd, slot->override, sizeof(slot->override));
	if (dirfd >= 0)
		close(dirfd);
	slot->done = true;
}

static int in_child(void *arg, int reply_fd)
{
	const struct job *job = arg;
	char path[HOST_PATH_MAX];
	int fd = open(host_path(job->host, path, "/sys/bus/pci/devices"),
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	(void)reply_fd;
	for (i = job->first; i < job->devs->n; i++) {
		if (job->shared->slots[i].asleep)
			continue;
		job->shared->since_ns = clock_mono_ns();
		job->shared->at = i;
		read_slot(fd, job->devs->v[i].bdf, &job->shared->slots[i]);
	}
	job->shared->at = job->devs->n;
	return 0;
}

/* One child reads on from `job->first`, which then is where the next one begins. */
static void read_some(struct job *job, struct pcifacts *facts)
{
	struct child_result res = {0};
	struct err err = {0};
	int rc = child_call(in_child, job, NULL, 0, clock_mono_ns() + ROUND_NS, &res, &err);
	size_t at = job->shared->at;
	bool late = rc != 0 && err.code == ERR_TIMEOUT;

	if (rc != 0 && !late)
		at = job->devs->n; /* no child: nothing more can be read */
	if (late && at < job->devs->n && clock_mono_ns() - job->shared->since_ns < STUCK_NS) {
		job->first = at; /* slow, but on its way */
		return;
	}
	if (at < job->devs->n)
		facts[at].conf_state = late ? CONF_STUCK : CONF_FAILED;
	job->first = at + 1;
}

static enum conf_state state_of(const struct slot *slot, enum conf_state so_far)
{
	if (slot->asleep)
		return CONF_ASLEEP;
	if (so_far == CONF_STUCK)
		return CONF_STUCK;
	if (!slot->done || slot->len < PCICONF_HEADER)
		return CONF_FAILED;
	return slot->len < PCICONF_LEGACY ? CONF_HEADER_ONLY : CONF_READ;
}

static void take_slot(struct topology *t, size_t i, const struct slot *slot)
{
	struct pcifacts *f = &t->facts[i];
	uint8_t *bytes;

	f->conf_state = state_of(slot, f->conf_state);
	str_printable(f->driver_override, sizeof(f->driver_override), slot->override,
		str_eq(slot->override, "(null)") ? 0 : strlen(slot->override));
	if (f->conf_state == CONF_FAILED)
		f->conf_sys = slot->done ? (slot->sys ? slot->sys : ENODATA) : ETIMEDOUT;
	if (f->conf_state != CONF_READ && f->conf_state != CONF_HEADER_ONLY)
		return;
	bytes = arena_alloc(&t->arena, slot->len);
	memcpy(bytes, slot->bytes, slot->len);
	f->conf = (struct pciconf){bytes, slot->len};
}

void confread_all(const struct host *host, struct topology *t)
{
	size_t size = sizeof(struct shared) + t->devs.n * sizeof(struct slot), i;
	struct shared *shared =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct job job = {.host = host, .devs = &t->devs, .shared = shared};
	int64_t give_up_ns = clock_mono_ns() + TOTAL_NS;

	if (shared == MAP_FAILED) {
		for (i = 0; i < t->devs.n; i++) {
			t->facts[i].conf_state = CONF_FAILED;
			t->facts[i].conf_sys = ENOMEM;
		}
		return;
	}
	for (i = 0; i < t->devs.n; i++)
		shared->slots[i].asleep = str_eq(t->facts[i].power_state, "D3cold");
	while (job.first < t->devs.n && clock_mono_ns() < give_up_ns)
		read_some(&job, t->facts);
	for (i = 0; i < t->devs.n; i++)
		take_slot(t, i, &shared->slots[i]);
	munmap(shared, size);
}
