/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vfiohot.h"

#include "base/clock.h"
#include "base/str.h"

#include "fakehost.h"
#include "world/child.h"

#include "cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define HOUR         (3600 * NS_PER_S)

/* A VFIO that is asked by a child: what it heard is in shared memory. */
struct kernel {
	unsigned long fails; /* this request fails with `sys`, `times` times */
	int sys, times;
	unsigned long hangs; /* this one never returns */
	int wrong_groups; /* so many groups do not have the device */
	unsigned flags; /* of the answer who is reset */
	struct vfio_pci_dependent_device reached[3];
	unsigned nreached;
	int nheard;
	unsigned long heard[32];
	unsigned ngroups_shown;
};

static struct kernel *kernel;

static int answer_scope(struct vfio_pci_hot_reset_info *info)
{
	info->flags = kernel->flags;
	info->count = kernel->nreached;
	memcpy(info->devices, kernel->reached, kernel->nreached * sizeof(info->devices[0]));
	return 0;
}

static int answer(unsigned long request, void *arg)
{
	if (request == VFIO_GROUP_GET_DEVICE_FD) {
		if (kernel->wrong_groups-- > 0) {
			errno = ENODEV;
			return -1;
		}
		return open("/dev/null", O_RDONLY);
	}
	if (request == VFIO_DEVICE_GET_PCI_HOT_RESET_INFO)
		return answer_scope(arg);
	if (request == VFIO_DEVICE_PCI_HOT_RESET)
		kernel->ngroups_shown = ((struct vfio_pci_hot_reset *)arg)->count;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	assert_true(fd >= 0);
	kernel->heard[kernel->nheard++ % 32] = request;
	while (request == kernel->hangs)
		pause();
	if (request == kernel->fails && kernel->times-- > 0) {
		errno = kernel->sys;
		return -1;
	}
	return answer(request, arg);
}

static const struct bdf gpu = {0, 1, 0, 0}, audio = {0, 1, 0, 1};

/* One request to such a kernel. */
struct world {
	struct fakehost *fake;
	struct vfiohot_request req;
	struct vfiohot_result result;
	struct err err;
	int groups[2];
};

static void world_init(struct world *w, bool groups)
{
	*w = (struct world){.fake = FAKEHOST(FAKE_DEV("0000:01:00.0"))};
	*kernel = (struct kernel){
		.reached = {{.group_id = 12, .bus = 1}, {.bus = 1, .devfn = 1}}, .nreached = 2};
	fakehost_write(w->fake, "/dev/vfio/vfio", "");
	fakehost_write(w->fake, "/dev/iommu", "");
	fakehost_write(w->fake, "/dev/vfio/devices/vfio0", "");
	fakehost_write(w->fake, "/dev/vfio/devices/vfio1", "");
	bdf_text(gpu, w->req.device);
	w->req.allowed[0] = gpu;
	w->req.allowed[1] = audio;
	w->req.nallowed = 2;
	w->groups[0] = open("/dev/null", O_RDONLY);
	w->groups[1] = open("/dev/null", O_RDONLY);
	if (groups) {
		w->req.groups = w->groups;
		w->req.ngroups = 2;
		return;
	}
	str_set(w->req.nodes[0], "/dev/vfio/devices/vfio0");
	str_set(w->req.nodes[1], "/dev/vfio/devices/vfio1");
	w->req.nnodes = 2;
}

static int reset_within(struct world *w, int64_t ns)
{
	struct child_result child;

	return vfiohot_reset(
		fakehost_host(w->fake), &w->req, clock_mono_ns() + ns, &w->result, &child, &w->err);
}

static void expect_heard(const unsigned long *wanted, int n)
{
	int i;

	for (i = 0; i < n && i < kernel->nheard; i++)
		if (kernel->heard[i] != wanted[i])
			fail_msg("request %d is %lx, not %lx", i, kernel->heard[i], wanted[i]);
	assert_int_equal(kernel->nheard, n);
}

static void world_finish(struct world *w)
{
	close(w->groups[0]);
	close(w->groups[1]);
	fakehost_free(w->fake);
}

static void groups_are_attached_and_shown_all(void **state)
{
	static const unsigned long wanted[] = {VFIO_GROUP_SET_CONTAINER, VFIO_SET_IOMMU,
		VFIO_GROUP_SET_CONTAINER, VFIO_GROUP_GET_DEVICE_FD, VFIO_GROUP_GET_DEVICE_FD,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET,
		VFIO_GROUP_UNSET_CONTAINER, VFIO_GROUP_UNSET_CONTAINER};
	struct world w;
	int i;

	(void)state;
	world_init(&w, true);
	kernel->wrong_groups = 1; /* the device is in the second one */
	assert_int_equal(reset_within(&w, HOUR), 0);
	expect_heard(wanted, 9);
	assert_int_equal(kernel->ngroups_shown, 2);
	assert_int_equal(w.result.stage, VFIOHOT_STAGES);
	for (i = 0; i < VFIOHOT_STAGES; i++)
		assert_true(w.result.took_ns[i] >= 0);
	world_finish(&w);
}

/* Linux with iommufd: every device is bound to one context, and none is named in the reset. */
static void without_groups_all_devices_are_bound(void **state)
{
	static const unsigned long wanted[] = {BIND_IOMMUFD, BIND_IOMMUFD,
		VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, VFIO_DEVICE_PCI_HOT_RESET};
	struct world w;

	(void)state;
	world_init(&w, false);
	kernel->flags = 3; /* by device, all of them owned */
	assert_int_equal(reset_within(&w, HOUR), 0);
	expect_heard(wanted, 4);
	assert_int_equal(kernel->ngroups_shown, 0);
	world_finish(&w);
}

static void what_is_not_owned_is_not_reset(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, false);
	kernel->flags = 1;
	assert_int_equal(reset_within(&w, HOUR), -1);
	assert_int_equal(w.result.stage, VFIOHOT_SCOPE);
	assert_int_equal(w.err.sys, EPERM);
	assert_int_equal(kernel->heard[kernel->nheard - 1], VFIO_DEVICE_GET_PCI_HOT_RESET_INFO);
	world_finish(&w);
}

static void nothing_is_reset_that_was_not_judged(void **state)
{
	struct world w;
	int i;

	(void)state;
	world_init(&w, true);
	kernel->reached[2] = (struct vfio_pci_dependent_device){.bus = 1, .devfn = 0x10};
	kernel->nreached = 3;
	assert_int_equal(reset_within(&w, HOUR), -1);
	assert_int_equal(w.result.stage, VFIOHOT_SCOPE);
	assert_int_equal(w.result.sys, EXDEV);
	assert_true(bdf_eq(w.result.stranger, (struct bdf){0, 1, 2, 0}));
	for (i = 0; i < kernel->nheard; i++)
		assert_int_not_equal(kernel->heard[i], VFIO_DEVICE_PCI_HOT_RESET);
	assert_int_equal(kernel->heard[kernel->nheard - 1], VFIO_GROUP_UNSET_CONTAINER);
	world_finish(&w);
}

static void it_is_known_where_it_failed(void **state)
{
	static const struct {
		unsigned long request;
		int sys;
		enum vfiohot_stage stage;
	} rows[] = {
		{VFIO_GROUP_SET_CONTAINER, EPERM, VFIOHOT_ATTACH},
		{VFIO_SET_IOMMU, EPERM, VFIOHOT_ATTACH},
		{VFIO_GROUP_GET_DEVICE_FD, EBUSY, VFIOHOT_OPEN},
		{VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, ENODEV, VFIOHOT_SCOPE},
		{VFIO_DEVICE_PCI_HOT_RESET, ENOTTY, VFIOHOT_RESET},
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&w, true);
		kernel->fails = rows[i].request;
		kernel->sys = rows[i].sys;
		kernel->times = 1;
		assert_int_equal(reset_within(&w, HOUR), -1);
		assert_int_equal(w.result.stage, rows[i].stage);
		assert_int_equal(w.err.sys, rows[i].sys);
		assert_int_equal(
			w.result.took_ns[rows[i].stage + 1 < VFIOHOT_STAGES ? rows[i].stage + 1
									    : 0] < 0,
			1);
		world_finish(&w);
	}
}

static void a_lock_that_is_held_is_tried_again(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	kernel->fails = VFIO_DEVICE_PCI_HOT_RESET;
	kernel->sys = EAGAIN;
	kernel->times = 2;
	assert_int_equal(reset_within(&w, HOUR), 0);
	world_finish(&w);
}

static void it_is_known_where_it_hangs(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, true);
	kernel->hangs = VFIO_DEVICE_PCI_HOT_RESET;
	assert_int_equal(reset_within(&w, NS_PER_S), -1);
	assert_int_equal(w.err.code, ERR_TIMEOUT);
	assert_int_equal(w.result.stage, VFIOHOT_RESET);
	assert_non_null(strstr(w.err.msg, "hot reset"));
	world_finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_are_attached_and_shown_all),
		cmocka_unit_test(without_groups_all_devices_are_bound),
		cmocka_unit_test(what_is_not_owned_is_not_reset),
		cmocka_unit_test(nothing_is_reset_that_was_not_judged),
		cmocka_unit_test(it_is_known_where_it_failed),
		cmocka_unit_test(a_lock_that_is_held_is_tried_again),
		cmocka_unit_test(it_is_known_where_it_hangs),
	};

	kernel = mmap(
		NULL, sizeof(*kernel), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
