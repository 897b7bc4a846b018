/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/aer.h"

#include "fakehost.h"

#include "cmocka_all.h"

#define DIR "/sys/bus/pci/devices/0000:01:00.0/"

static const struct bdf gpu = {0, 1, 0, 0};

static void what_was_counted_is_told_by_class_and_bit(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0"));
	struct aer_counters a, b;
	uint32_t bits;

	(void)state;
	aer_read(fakehost_host(fake), gpu, &a);
	assert_false(a.known || a.is_root_port);
	assert_int_not_equal(a.dir, 0);
	fakehost_write(fake, DIR "aer_dev_correctable", "RxErr 3\nBadTLP 1\nTOTAL_ERR_COR 4\n");
	fakehost_write(fake, DIR "aer_dev_fatal", "Undefined 0\nTOTAL_ERR_FATAL 0\n");
	aer_read(fakehost_host(fake), gpu, &a);
	assert_true(a.known && !a.is_root_port);
	assert_int_equal(a.total[AER_CORRECTABLE], 4);
	assert_int_equal(aer_counted(&a, &a, AER_CORRECTABLE, &bits), 0);
	fakehost_write(fake, DIR "aer_dev_correctable",
		"RxErr 3\nBadTLP 2\nCorrIntErr 2\nstray bit[31] 1\nTOTAL_ERR_COR 6\n");
	fakehost_write(fake, DIR "aer_rootport_total_err_fatal", "1\n");
	aer_read(fakehost_host(fake), gpu, &b);
	assert_true(b.is_root_port);
	assert_int_equal(aer_counted(&a, &b, AER_CORRECTABLE, &bits), 2);
	assert_int_equal(bits, 1u << 6 | 1u << 14);
	assert_int_equal(aer_counted(&a, &b, AER_FATAL, &bits), 0);
	assert_int_equal(aer_received(&a, &b, AER_FATAL), 1);
	assert_int_equal(aer_received(&a, &b, AER_NONFATAL), 0);
	/* counters that fall without the function having been away tell nothing */
	assert_int_equal(aer_counted(&b, &a, AER_CORRECTABLE, &bits), 0);
	fakehost_free(fake);
}

static void a_function_that_came_back_counts_from_zero(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0"));
	struct aer_counters before, gone, after;
	uint32_t bits;

	(void)state;
	fakehost_write(fake, DIR "aer_dev_nonfatal", "CmpltTO 5\nTOTAL_ERR_NONFATAL 5\n");
	aer_read(fakehost_host(fake), gpu, &before);
	after = before;
	after.dir++; /* what a directory of the same name has that was made anew */
	after.total[AER_NONFATAL] = after.bits[AER_NONFATAL][14] = 2;
	assert_int_equal(aer_counted(&before, &after, AER_NONFATAL, &bits), 2);
	assert_int_equal(bits, 1u << 14);
	fakehost_remove(fake, "/sys/bus/pci/devices/0000:01:00.0");
	aer_read(fakehost_host(fake), gpu, &gone);
	assert_int_equal(gone.dir, 0);
	assert_false(gone.known);
	assert_int_equal(aer_counted(&before, &gone, AER_NONFATAL, &bits), 0);
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

static void bits_have_the_names_of_their_class(void **state)
{
	(void)state;
	assert_string_equal(aer_bit_name(AER_CORRECTABLE, 13), "NonFatalErr");
	assert_string_equal(aer_bit_name(AER_FATAL, 18), "MalfTLP");
	assert_string_equal(aer_bit_name(AER_NONFATAL, 13), "FCP");
	assert_null(aer_bit_name(AER_CORRECTABLE, 5));
	assert_null(aer_bit_name(AER_FATAL, 99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_counted_is_told_by_class_and_bit),
		cmocka_unit_test(a_function_that_came_back_counts_from_zero),
		cmocka_unit_test(garbage_counts_nothing),
		cmocka_unit_test(bits_have_the_names_of_their_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
