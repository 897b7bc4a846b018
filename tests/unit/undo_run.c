/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/undo_run.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/lock.h"
#include "model/scenario.h"
#include "model/store.h"
#include "world/host.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct host here = {.root = "", .kmsg = "/dev/null"};

static void an_interrupt_ends_the_waiting_for_the_undo(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	int64_t began = clock_mono_ns();
	struct err err = {0};

	(void)state;
	assert_int_equal(undo_in_child(&here, "hang.db", "run", cancel, &err), -1);
	assert_non_null(strstr(err.msg, "interrupted"));
	assert_true(clock_mono_ns() - began < 20 * NS_PER_S);
	close(cancel);
}

static void an_undo_that_fails_is_told(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(undo_in_child(&here, "bad.db", "run", -1, &err), -1);
	assert_non_null(strstr(err.msg, "not everything"));
	assert_int_equal(undo_in_child(&here, "good.db", "run", -1, &err), 0);
}

static int64_t dead_run(struct store *store, const char *id, const char *connect)
{
	static struct lane_spec lane = {.name = "lane"};
	const struct scenario sc = {.name = "s",
		.connect = connect,
		.source = {.text = ""},
		.lanes = &lane,
		.nlanes = 1};
	const struct lane_begin lanes[] = {{.spec = &lane}};
	const struct run_begin run = {.id = id,
		.lanes = lanes,
		.scenario = &sc,
		.settings = "",
		.tool_version = "",
		.boot_id = ""};
	struct err err;
	int64_t key;

	assert_int_equal(store_run_begin(store, &run, &key, &err), 0);
	return key;
}

static void left(struct store *store, int64_t run, const struct undo_rec *rec, const char *boot_id)
{
	struct event ev;
	struct err err;
	uint64_t id;

	undo_to_event(rec, &ev);
	assert_int_equal(store_undo(store, run, &ev, boot_id, &id, &err), 0);
}

static void a_domain_waits_for_the_devices_of_its_own_run_alone(void **state)
{
	/* a directory cannot be written */
	const struct undo_rec device = {
		.kind = UNDO_WRITE, .subject = "x", .path = "/", .value = "1"};
	const struct undo_rec domain = {.kind = UNDO_DOMAIN, .subject = "test", .value = "running"};
	char dir[] = "/tmp/undo_run.XXXXXX", path[64], boot_id[40];
	struct undo_tally tally = {0};
	struct undo_open *open;
	struct store *store;
	struct err err;
	int64_t half, whole;
	size_t n;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/runs.db", dir);
	assert_int_equal(store_open(path, STORE_CREATE, &store, &err), 0);
	host_boot_id(&here, boot_id);
	half = dead_run(store, "half", "test:///default");
	whole = dead_run(store, "whole", "test:///default");
	left(store, half, &domain, boot_id);
	left(store, half, &device, boot_id);
	left(store, whole, &domain, boot_id);
	assert_int_equal(undo_run(&here, store, 0, NULL, &tally, &err), 0);
	assert_int_equal(tally.failed, 1);
	assert_int_equal(tally.refused, 1);
	assert_int_equal(tally.done, 1);
	assert_int_equal(store_undo_list(store, whole, &open, &n, &err), 0);
	assert_int_equal(n, 0);
	free(open);
	store_close(store); /* the last one takes its helper files away */
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

static void a_domain_that_a_later_run_holds_is_left_alone(void **state)
{
	const struct undo_rec domain = {.kind = UNDO_DOMAIN, .subject = "vm", .value = "shut off"};
	char root[] = "/tmp/undo_run.XXXXXX", path[128];
	struct host host = {.root = root, .kmsg = "/dev/null", .simulated = true};
	struct undo_tally tally = {0};
	struct store *store;
	struct domain_lock lock;
	struct err err = {0};

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/run", root);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/runs.db", root);
	assert_int_equal(store_open(path, STORE_CREATE, &store, &err), 0);
	left(store, dead_run(store, "earlier", "qemu:///system"), &domain, "");
	assert_int_equal(
		lock_take_domain(&host, "qemu:///system", "vm", "a later run", &lock, &err), 0);
	assert_int_equal(undo_run(&host, store, 0, NULL, &tally, &err), 0);
	assert_int_equal(tally.refused, 1);
	assert_int_equal(tally.failed + tally.done, 0);
	lock_drop_domain(&lock);
	store_close(store);
	unlink(path);
	snprintf(path, sizeof(path), "%s/run/vfio-stress/qemu%%3A%%2F%%2F%%2Fsystem-vm", root);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/run/vfio-stress", root);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/run", root);
	rmdir(path);
	assert_int_equal(rmdir(root), 0);
}

/* A child of the dead run may be asleep in the kernel with it. */
static void a_device_that_somebody_holds_is_left_alone(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0", .methods = "flr"));
	const struct undo_rec rec = {.kind = UNDO_WRITE,
		.subject = "0000:01:00.0",
		.path = "/sys/bus/pci/devices/0000:01:00.0/reset_method",
		.value = "flr bus"};
	const struct bdf gpu = {0, 1, 0, 0};
	struct undo_tally tally = {0};
	char db[HOST_PATH_MAX], boot_id[40];
	struct store *store;
	struct err err = {0};
	int lock = -1;

	(void)state;
	host_boot_id(fakehost_host(fake), boot_id);
	assert_int_equal(store_open(host_path(fakehost_host(fake), db, "/runs.db"), STORE_CREATE,
				 &store, &err),
		0);
	left(store, dead_run(store, "dead", "test:///default"), &rec, boot_id);
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &lock, &err), 0);
	assert_int_equal(undo_run(fakehost_host(fake), store, 0, NULL, &tally, &err), 0);
	assert_int_equal(tally.refused, 1);
	assert_string_equal(fakehost_text(fake, rec.path), "flr");
	close(lock);
	assert_int_equal(undo_run(fakehost_host(fake), store, 0, NULL, &tally, &err), 0);
	assert_int_equal(tally.done, 1);
	assert_string_equal(fakehost_text(fake, rec.path), "flr bus");
	store_close(store);
	fakehost_free(fake);
}

/* A host driver would take what the rescan brings back, if drivers bound by themselves again. */
static void drivers_bind_by_themselves_once_the_devices_are_bound(void **state)
{
	struct fakehost *fake =
		FAKEHOST(FAKE_DEV("0000:01:00.0", .driver = "snd_hda_intel", .group = 12));
	const struct undo_rec device = {
		.kind = UNDO_DRIVER, .subject = "0000:01:00.0", .value = "vfio-pci"};
	const struct undo_rec autoprobe = {.kind = UNDO_WRITE,
		.subject = "0000:01:00.0",
		.path = "/sys/bus/pci/drivers_autoprobe",
		.value = "1"};
	const struct host *host = fakehost_host(fake);
	char db[HOST_PATH_MAX], boot_id[40], *told = NULL;
	struct undo_tally tally = {0};
	struct store *store;
	struct err err = {0};
	size_t size;
	int64_t run;
	FILE *out;

	(void)state;
	assert_int_equal(
		host_write(host, "/sys/bus/pci/devices/0000:01:00.0/remove", "1", &err), 0);
	fakehost_write(fake, autoprobe.path, "0");
	host_boot_id(host, boot_id);
	host_path(host, db, "/runs.db");
	assert_int_equal(store_open(db, STORE_CREATE, &store, &err), 0);
	run = dead_run(store, "half", "test:///default");
	left(store, run, &device, boot_id);
	left(store, run, &autoprobe, boot_id);
	out = open_memstream(&told, &size);
	assert_int_equal(undo_run(host, store, 0, out, &tally, &err), 0);
	fclose(out);
	assert_int_equal(tally.done, 2);
	assert_non_null(strstr(told, "bind 0000:01:00.0 to vfio-pci: done"));
	assert_true(strstr(told, "bind 0000:01:00.0") < strstr(told, "drivers_autoprobe: done"));
	assert_string_equal(fakehost_text(fake, autoprobe.path), "1");
	free(told);
	store_close(store);
	fakehost_free(fake);
}

/* The child of undo_in_child is this program again: `undo --db FILE --run ID`. */
static int play_undo(const char *db)
{
	while (str_eq(db, "hang.db"))
		pause();
	return str_eq(db, "good.db") ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interrupt_ends_the_waiting_for_the_undo),
		cmocka_unit_test(an_undo_that_fails_is_told),
		cmocka_unit_test(a_domain_waits_for_the_devices_of_its_own_run_alone),
		cmocka_unit_test(a_domain_that_a_later_run_holds_is_left_alone),
		cmocka_unit_test(a_device_that_somebody_holds_is_left_alone),
		cmocka_unit_test(drivers_bind_by_themselves_once_the_devices_are_bound),
	};

	if (argc > 3 && str_eq(argv[1], "undo"))
		return play_undo(argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
