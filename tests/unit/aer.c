/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/aer.h"

#include "fakehost.h"

#include "cmocka_all.h"

#define DIR "/sys/bus/pci/devices/0000:01:00.0/"

static const struct bdf gpu = {0, 1, 0, 0};

static void the_totals_are_read(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0"));
	struct aer_counters a, b;
	char text[128];

	(void)state;
	aer_read(fakehost_host(fake), gpu, &a);
	assert_false(a.known || a.is_root_port);
	fakehost_write(fake, DIR "aer_dev_correctable", "RxErr 3\nBadTLP 1\nTOTAL_ERR_COR 4\n");
	fakehost_write(fake, DIR "aer_dev_fatal", "Undefined 0\nTOTAL_ERR_FATAL 0\n");
	aer_read(fakehost_host(fake), gpu, &a);
	assert_true(a.known && !a.is_root_port);
	assert_int_equal(a.correctable, 4);
	assert_string_equal(aer_since(&a, &a, text, sizeof(text)), "");
	fakehost_write(fake, DIR "aer_dev_correctable", "RxErr 3\nTOTAL_ERR_COR 6\n");
	fakehost_write(fake, DIR "aer_rootport_total_err_fatal", "1\n");
	aer_read(fakehost_host(fake), gpu, &b);
	assert_true(b.is_root_port);
	assert_string_equal(
		aer_since(&a, &b, text, sizeof(text)), "2 correctable, 1 fatal received");
	assert_string_equal(aer_since(&b, &a, text, sizeof(text)), "");
	fakehost_free(fake);
}

static void garbage_counts_nothing(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0"));
	struct aer_counters a;

	(void)state;
	fakehost_write(fake, DIR "aer_dev_correctable", "TOTAL_ERR_COR -1\n");
	fakehost_write(fake, DIR "aer_dev_fatal", "TOTAL_ERR_FATAL 99999999999999999999999\n");
	fakehost_write(fake, DIR "aer_dev_nonfatal", "\xff\xff");
	aer_read(fakehost_host(fake), gpu, &a);
	assert_false(a.known);
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_totals_are_read),
		cmocka_unit_test(garbage_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
