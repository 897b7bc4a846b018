/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/driver.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/lock.h"
#include "device/undo_replay.h"
#include "model/event.h"

#include "fakehost.h"
#include "fakewrite.h"

#include "cmocka_all.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define NIC  "0000:00:03.0"
#define DEVS "/sys/bus/pci/devices/"

static int64_t soon(void)
{
	return clock_mono_ns() + 10 * NS_PER_S;
}

/* The lane's end of a socket whose other end acknowledges everything with id 9. */
struct mouth {
	struct emitter out;
	int other;
};

static void mouth_open(struct mouth *m)
{
	struct order ack = {.kind = ORDER_ACK, .value = 9};
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	*m = (struct mouth){.out = {.fd = pair[0]}, .other = pair[1]};
	for (ack.ask = 1; ack.ask <= 4; ack.ask++)
		assert_int_equal(send(m->other, &ack, sizeof(ack), 0), sizeof(ack));
}

static void mouth_close(struct mouth *m)
{
	close(m->out.fd);
	close(m->other);
}

/* The next event of that kind; fails when there is none. */
static bool said(struct mouth *m, enum event_kind kind)
{
	struct event ev;

	while (recv(m->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		if (ev.kind == (uint32_t)kind)
			return true;
	return false;
}

static struct event heard(struct mouth *m, enum event_kind kind)
{
	struct event ev = {0};

	while (recv(m->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		if (ev.kind == (uint32_t)kind)
			return ev;
	fail_msg("no event %s", event_kind_name(kind));
	return ev;
}

static const char *driver_now(const struct fakehost *fake)
{
	static char target[HOST_PATH_MAX];
	char path[HOST_PATH_MAX];
	ssize_t n = readlink(host_path(fakehost_host(fake), path, "%s", DEVS NIC "/driver"), target,
		sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	return strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
}

/* A machine, one device of it, and the lane that has it. */
struct scene {
	struct fakehost *fake;
	const struct host *host;
	struct pcidev_list all;
	struct lane_device dev;
	struct mouth m;
	struct err err;
};

static struct scene *scene_new(struct fakehost *fake, const char *bdf)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct bdf b;

	assert_non_null(s);
	s->fake = fake;
	s->host = fakehost_host(fake);
	assert_true(bdf_parse(bdf, &b));
	assert_int_equal(pcidev_scan_nameless(s->host, &s->all, &s->err), 0);
	s->dev = (struct lane_device){.pci = *pcidev_find(&s->all, b), .lock_fd = -1};
	mouth_open(&s->m);
	return s;
}

static void scene_free(struct scene *s)
{
	pcidev_list_finish(&s->all);
	mouth_close(&s->m);
	fakehost_free(s->fake);
	free(s);
}

static int check(struct scene *s, const struct bdf *mine, size_t nmine)
{
	return driver_check(s->host, &s->all, &s->dev.pci, mine, nmine, NULL, &s->err);
}

static int take(struct scene *s)
{
	return driver_take(s->host, &s->all, &s->dev, &s->m.out, &s->err);
}

static int give_back(struct scene *s)
{
	return driver_give_back(s->host, &s->dev, &s->m.out, &s->err);
}

static int rebind(struct scene *s, const char *driver)
{
	return driver_rebind(s->host, &s->dev, driver, &s->m.out, soon(), &s->err);
}

static void works(const struct scene *s, int rc)
{
	if (rc != 0)
		fail_msg("%s", s->err.msg);
}

static void a_device_is_taken_and_given_back(void **state)
{
	struct scene *s = scene_new(
		FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3, .netdev = "eth1")), NIC);
	struct event ev;

	(void)state;
	works(s, take(s));
	assert_string_equal(driver_now(s->fake), "vfio-pci");
	assert_string_equal(s->dev.pci.driver, "vfio-pci");
	assert_string_equal(fakehost_text(s->fake, DEVS NIC "/driver_override"), "vfio-pci");
	assert_int_equal(s->dev.undo_driver, 9);
	ev = heard(&s->m, EV_UNDO);
	assert_string_equal(ev.subject, NIC);
	works(s, give_back(s));
	assert_string_equal(driver_now(s->fake), "e1000e");
	assert_string_equal(fakehost_text(s->fake, DEVS NIC "/driver_override"), "");
	assert_int_equal(heard(&s->m, EV_UNDO_DONE).code, 9);
	assert_int_equal(s->dev.undo_driver, 0);
	scene_free(s);
}

static void a_device_that_is_gone_is_left_to_undo(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3)), NIC);

	(void)state;
	works(s, take(s));
	fakehost_remove(s->fake, DEVS NIC);
	works(s, give_back(s));
	assert_int_equal(s->dev.undo_driver, 9);
	assert_false(said(&s->m, EV_UNDO_DONE));
	scene_free(s);
}

static void what_was_on_vfio_before_stays_there(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "vfio-pci", .group = 3)), NIC);

	(void)state;
	assert_int_equal(take(s), 0);
	assert_int_equal(s->dev.undo_driver, 0);
	assert_int_equal(give_back(s), 0);
	assert_string_equal(driver_now(s->fake), "vfio-pci");
	scene_free(s);
}

static void a_device_in_use_is_not_taken(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3,
					    .netdev = "eth0", .net_up = true)),
		NIC);

	(void)state;
	assert_int_equal(check(s, NULL, 0), -1);
	assert_int_equal(take(s), -1);
	assert_int_equal(s->err.code, ERR_REFUSED);
	assert_non_null(strstr(s->err.msg, "eth0"));
	assert_string_equal(driver_now(s->fake), "e1000e");
	assert_string_equal(fakehost_text(s->fake, DEVS NIC "/driver_override"), "(null)");
	assert_int_equal(s->dev.undo_driver, 0);
	scene_free(s);
}

static void without_an_iommu_it_says_so(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e")), NIC);

	(void)state;
	assert_int_equal(check(s, NULL, 0), -1);
	assert_non_null(strstr(s->err.msg, "IOMMU is off"));
	assert_int_equal(take(s), -1);
	assert_non_null(strstr(s->err.hint, "intel_iommu=on"));
	scene_free(s);
}

static void a_group_with_a_stranger_is_refused_by_name(void **state)
{
	const struct bdf both[] = {{0, 1, 0, 0}, {0, 1, 0, 1}};
	struct scene *s = scene_new(
		FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport", .group = 7),
			FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0", .group = 7),
			FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .group = 7,
				.driver = "snd_hda_intel")),
		"0000:01:00.0");

	(void)state;
	assert_int_equal(check(s, both, 1), -1);
	assert_non_null(strstr(s->err.msg, "0000:01:00.1"));
	assert_non_null(strstr(s->err.msg, "snd_hda_intel"));
	assert_int_equal(check(s, both, 2), 0);
	scene_free(s);
}

static void a_pf_with_vfs_keeps_its_driver(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3),
					    FAKE_DEV("0000:00:03.1", .physfn = NIC, .group = 4)),
		NIC);

	(void)state;
	assert_int_equal(check(s, NULL, 0), -1);
	if (strstr(s->err.hint, "sriov_numvfs") == NULL)
		fail_msg("%s | %s", s->err.msg, s->err.hint);
	assert_int_equal(take(s), -1);
	assert_int_equal(s->err.code, ERR_REFUSED);
	assert_string_equal(driver_now(s->fake), "e1000e");
	scene_free(s);
}

static void a_refused_bind_is_explained_and_taken_back(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3)), NIC);

	(void)state;
	fake_write_fails("/drivers/vfio-pci/bind", NULL, EBUSY);
	assert_int_equal(take(s), -1);
	fake_writes_work();
	assert_non_null(strstr(s->err.msg, "binding " NIC " to vfio-pci"));
	assert_non_null(strstr(s->err.hint, "/dev/vfio"));
	assert_string_equal(driver_now(s->fake), "e1000e");
	assert_int_equal(s->dev.undo_driver, 0);
	heard(&s->m, EV_UNDO_DONE);
	scene_free(s);
}

static void a_missing_driver_is_named(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .group = 3)), NIC);

	(void)state;
	assert_int_equal(rebind(s, "nvidia"), -1);
	assert_non_null(strstr(s->err.msg, "nvidia"));
	assert_string_equal(s->err.hint, "modprobe nvidia");
	scene_free(s);
}

static void rebinding_comes_back_at_the_end(void **state)
{
	struct scene *s = scene_new(FAKEHOST(FAKE_DEV(NIC, .driver = "vfio-pci", .group = 3),
					    FAKE_DEV("0000:00:04.0", .driver = "e1000e")),
		NIC);

	(void)state;
	works(s, rebind(s, "e1000e"));
	assert_string_equal(driver_now(s->fake), "e1000e");
	assert_int_equal(s->dev.undo_driver, 9);
	assert_int_equal(rebind(s, "e1000e"), 0);
	assert_int_equal(give_back(s), 0);
	assert_string_equal(driver_now(s->fake), "vfio-pci");
	scene_free(s);
}

static void replay(const struct fakehost *fake, const struct undo_rec *rec)
{
	struct err err = {0};

	if (undo_replay(fakehost_host(fake), rec, &err) != 0)
		fail_msg("%s", err.msg);
}

static void a_replay_may_be_repeated(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_DRIVER, .subject = NIC, .value = "e1000e"};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(NIC, .driver = "vfio-pci", .group = 3),
		FAKE_DEV("0000:00:04.0", .driver = "e1000e"));
	struct undo_rec unbound = {.kind = UNDO_DRIVER, .subject = NIC, .path = "mine"};

	(void)state;
	replay(fake, &rec);
	assert_string_equal(driver_now(fake), "e1000e");
	replay(fake, &rec);
	assert_string_equal(driver_now(fake), "e1000e");
	replay(fake, &unbound);
	replay(fake, &unbound);
	assert_string_equal(driver_now(fake), "");
	assert_string_equal(fakehost_text(fake, DEVS NIC "/driver_override"), "mine");
	fakehost_free(fake);
}

static void a_device_that_was_removed_is_found_again_if_it_can(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_DRIVER, .subject = NIC, .value = "e1000e"};
	const struct undo_rec gone = {.kind = UNDO_DRIVER, .subject = "0000:00:05.0", .value = "x"};
	const struct undo_rec list = {.kind = UNDO_WRITE,
		.subject = "0000:00:05.0",
		.path = DEVS "0000:00:05.0/reset_method",
		.value = "flr"};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(NIC, .driver = "e1000e", .group = 3));
	struct err err = {0};

	(void)state;
	assert_int_equal(host_write(fakehost_host(fake), DEVS NIC "/remove", "1", &err), 0);
	assert_string_equal(driver_now(fake), "");
	replay(fake, &rec);
	assert_string_equal(driver_now(fake), "e1000e");
	/* what was changed of these went with them */
	replay(fake, &gone);
	replay(fake, &list);
	fakehost_free(fake);
}

static void a_replay_does_not_pull_a_device_from_a_vm(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_DRIVER, .subject = NIC, .value = "e1000e"};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(NIC, .driver = "vfio-pci", .group = 3),
		FAKE_DEV("0000:00:04.0", .driver = "e1000e"));
	struct err err = {0};

	(void)state;
	fakehost_holder(fake, 99, "qemu-system-x86", "/dev/vfio/3");
	assert_int_equal(undo_replay(fakehost_host(fake), &rec, &err), -1);
	assert_non_null(strstr(err.msg, "qemu-system-x86"));
	assert_string_equal(driver_now(fake), "vfio-pci");
	fakehost_free(fake);
}

/* Another run's devices are away: a host driver would take them. */
static void drivers_autoprobe_is_put_back_when_nobody_needs_it_off(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_WRITE, .path = DRIVERS_AUTOPROBE, .value = "1"};
	struct fakehost *fake = fakehost_new(NULL, 0);
	int64_t began = clock_mono_ns();
	struct err err = {0};
	int lock = -1;
	pid_t other;

	(void)state;
	fakehost_write(fake, DRIVERS_AUTOPROBE, "0");
	assert_int_equal(lock_wait(fakehost_host(fake), DRIVERS_AUTOPROBE_LOCK, 0, &lock, &err), 0);
	other = fork();
	if (other == 0) {
		poll(NULL, 0, 300);
		_exit(str_eq(fakehost_text(fake, DRIVERS_AUTOPROBE), "0") ? 0 : 1);
	}
	close(lock); /* the child has it */
	replay(fake, &rec);
	assert_true(clock_mono_ns() - began >= 200 * NS_PER_MS);
	assert_string_equal(fakehost_text(fake, DRIVERS_AUTOPROBE), "1");
	assert_int_equal(waitpid(other, &lock, 0), other);
	assert_int_equal(lock, 0);
	fakehost_free(fake);
}

static void a_written_value_is_put_back(void **state)
{
	struct undo_rec rec = {
		.kind = UNDO_WRITE, .path = "/sys/bus/pci/drivers_autoprobe", .value = "0"};
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct err err = {0};

	(void)state;
	replay(fake, &rec);
	assert_string_equal(fakehost_text(fake, "/sys/bus/pci/drivers_autoprobe"), "0");
	fake_write_fails("/drivers_autoprobe", NULL, EINVAL);
	replay(fake, &rec); /* nothing to write any more */
	fake_writes_work();
	fakehost_write(fake, "/etc/passwd", "root");
	str_set(rec.path, "/sys/../etc/passwd");
	assert_int_equal(undo_replay(fakehost_host(fake), &rec, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	str_set(rec.path, "/etc/passwd");
	assert_int_equal(undo_replay(fakehost_host(fake), &rec, &err), -1);
	assert_int_equal(err.code, ERR_INPUT);
	assert_string_equal(fakehost_text(fake, "/etc/passwd"), "root");
	rec.kind = UNDO_DOMAIN;
	assert_int_equal(undo_replay(fakehost_host(fake), &rec, &err), -1);
	fakehost_free(fake);
}

/* The kernel listed `bus` for function 0 of a slot and refuses it from now on. */
static void words_that_the_kernel_refuses_are_dropped(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_WRITE,
		.subject = NIC,
		.path = DEVS NIC "/reset_method",
		.value = "flr pm bus"};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(NIC, .methods = "pm"));

	(void)state;
	fake_write_fails("/reset_method", "flr pm bus", EINVAL);
	fake_write_fails("/reset_method", "bus", EINVAL);
	replay(fake, &rec);
	assert_string_equal(fakehost_text(fake, DEVS NIC "/reset_method"), "flr pm");
	fake_writes_work();
	replay(fake, &rec);
	assert_string_equal(fakehost_text(fake, DEVS NIC "/reset_method"), "flr pm bus");
	fakehost_free(fake);
}

/* An empty list would mean that the user has switched all resets off. */
static void a_list_of_which_nothing_is_left_is_the_kernels_own(void **state)
{
	const struct undo_rec rec = {.kind = UNDO_WRITE,
		.subject = NIC,
		.path = DEVS NIC "/reset_method",
		.value = "bus"};
	struct fakehost *fake = FAKEHOST(FAKE_DEV(NIC, .methods = "pm"));

	(void)state;
	fake_write_fails("/reset_method", "bus", EINVAL);
	replay(fake, &rec);
	fake_writes_work();
	assert_string_equal(fakehost_text(fake, DEVS NIC "/reset_method"), "default");
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_taken_and_given_back),
		cmocka_unit_test(a_device_that_is_gone_is_left_to_undo),
		cmocka_unit_test(what_was_on_vfio_before_stays_there),
		cmocka_unit_test(a_device_in_use_is_not_taken),
		cmocka_unit_test(without_an_iommu_it_says_so),
		cmocka_unit_test(a_group_with_a_stranger_is_refused_by_name),
		cmocka_unit_test(a_pf_with_vfs_keeps_its_driver),
		cmocka_unit_test(a_refused_bind_is_explained_and_taken_back),
		cmocka_unit_test(a_missing_driver_is_named),
		cmocka_unit_test(rebinding_comes_back_at_the_end),
		cmocka_unit_test(a_replay_may_be_repeated),
		cmocka_unit_test(a_device_that_was_removed_is_found_again_if_it_can),
		cmocka_unit_test(a_replay_does_not_pull_a_device_from_a_vm),
		cmocka_unit_test(drivers_autoprobe_is_put_back_when_nobody_needs_it_off),
		cmocka_unit_test(a_written_value_is_put_back),
		cmocka_unit_test(words_that_the_kernel_refuses_are_dropped),
		cmocka_unit_test(a_list_of_which_nothing_is_left_is_the_kernels_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
