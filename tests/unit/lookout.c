/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/lookout.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

static const struct bdf root = {0, 0, 1, 0}, gpu = {0, 1, 0, 0}, audio = {0, 1, 0, 1};

/* A GPU of two functions below a root port, and the port's other half. */
static struct fakehost *fake;
static struct pcidev_list topology;
static struct lookout *lookout;

static void count(const char *bdf, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	fakehost_write(fake, path, text);
}

static int set_up(void **state)
{
	struct err err;

	(void)state;
	fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
		FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0"),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0"));
	count("0000:00:01.0", "aer_rootport_total_err_cor", "7\n");
	count("0000:00:01.0", "aer_dev_correctable", "RxErr 1\nTOTAL_ERR_COR 1\n");
	count("0000:01:00.0", "aer_dev_correctable", "BadTLP 2\nTOTAL_ERR_COR 2\n");
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &topology, &err), 0);
	lookout = lookout_new(fakehost_host(fake), &topology);
	lookout_add(lookout, 0, gpu);
	lookout_add(lookout, 1, audio);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	lookout_free(lookout);
	pcidev_list_finish(&topology);
	fakehost_free(fake);
	return 0;
}

static struct sighting only(uint32_t lane)
{
	size_t n;
	struct sighting *seen = lookout_look(lookout, lane, &n), s;

	assert_int_equal(n, 1);
	s = seen[0];
	free(seen);
	return s;
}

static void nothing(uint32_t lane)
{
	size_t n;
	struct sighting *seen = lookout_look(lookout, lane, &n);

	assert_int_equal(n, 0);
	assert_null(seen);
}

static void what_was_counted_before_the_run_is_not_news(void **state)
{
	(void)state;
	nothing(0);
	nothing(LOOKOUT_ALL);
}

static void a_devices_error_is_seen_once_and_names_its_port(void **state)
{
	struct sighting s;

	(void)state;
	count("0000:01:00.0", "aer_dev_correctable", "BadTLP 5\nTOTAL_ERR_COR 5\n");
	nothing(1);
	s = only(0);
	assert_int_equal(s.witness, WITNESS_COUNTERS);
	assert_true(bdf_eq(s.bdf, gpu));
	assert_true(s.has_port && bdf_eq(s.port, root));
	assert_int_equal(s.count, 3);
	assert_int_equal(s.bits, 1u << 6);
	assert_int_equal(s.cls, AER_CORRECTABLE);
	nothing(LOOKOUT_ALL);
}

static void the_port_above_is_watched_by_all_below(void **state)
{
	struct sighting s;

	(void)state;
	count("0000:00:01.0", "aer_rootport_total_err_cor", "9\n");
	s = only(1);
	assert_int_equal(s.witness, WITNESS_ROOT_PORT);
	assert_true(bdf_eq(s.bdf, root));
	assert_int_equal(s.count, 2);
	nothing(0); /* it was seen already */
	/* the receiver of a bad link counts the errors: its own, not a message */
	count("0000:00:01.0", "aer_dev_correctable", "RxErr 2\nTOTAL_ERR_COR 2\n");
	s = only(0);
	assert_int_equal(s.witness, WITNESS_COUNTERS);
	assert_true(bdf_eq(s.bdf, root) && !s.has_port);
}

static void a_removed_function_is_no_error(void **state)
{
	(void)state;
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:01:00.0");
	nothing(LOOKOUT_ALL);
	nothing(LOOKOUT_ALL);
}

static void completeness_needs_counters_and_a_kernel_that_handles_errors(void **state)
{
	char ports[64];

	(void)state;
	/* the audio function has no counters */
	assert_false(lookout_is_complete(lookout));
	assert_int_equal(lookout_unhandled(lookout, ports, sizeof(ports)), 1);
	assert_string_equal(ports, "0000:00:01.0");
	lookout_free(lookout);
	lookout = lookout_new(fakehost_host(fake), &topology);
	assert_false(lookout_is_complete(lookout)); /* of nothing */
	lookout_add(lookout, 0, gpu);
	assert_false(lookout_is_complete(lookout)); /* the firmware handles them */
	fakehost_write(fake, "/sys/bus/pci_express/devices/0000:00:01.0:pcie002/driver", "");
	assert_true(lookout_is_complete(lookout));
	assert_int_equal(lookout_unhandled(lookout, ports, sizeof(ports)), 0);
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:01:00.0");
	nothing(LOOKOUT_ALL);
	assert_false(lookout_is_complete(lookout)); /* what it counted last is lost */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_was_counted_before_the_run_is_not_news),
		TEST(a_devices_error_is_seen_once_and_names_its_port),
		TEST(the_port_above_is_watched_by_all_below),
		TEST(a_removed_function_is_no_error),
		TEST(completeness_needs_counters_and_a_kernel_that_handles_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
