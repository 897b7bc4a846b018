/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/pciestatus.h"

#include "fakehost.h"

#include "cmocka_all.h"

#define GPU "0000:01:00.0"

/* Where fakehost puts the PCIe capability, and where AER is put here. */
#define DEVCTL 0x68
#define DEVSTA 0x6a
#define AER    0x100

static const struct bdf functions[] = {{0, 1, 0, 0}, {0, 1, 0, 1}};
static struct fakehost *fake;

static void put32(size_t at, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		fakehost_config(fake, GPU, at + (size_t)i, (uint8_t)(v >> 8 * i));
}

static int set_up(void **state)
{
	(void)state;
	fake = FAKEHOST(FAKE_DEV(GPU), FAKE_DEV("0000:01:00.1"));
	put32(AER, 0x00020001);
	put32(AER + 0x08, 1u << 20); /* unsupported requests are masked */
	put32(AER + 0x0c, 1u << 18); /* malformed TLPs are fatal, the rest is not */
	put32(AER + 0x14, 0xe000);
	put32(AER + 0x44, 0);
	fakehost_config(fake, GPU, DEVCTL, 0x0f);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakehost_free(fake);
	return 0;
}

static void take(struct pcie_status out[2])
{
	struct err err;

	assert_int_equal(pciestatus_take(fakehost_host(fake), functions, 2,
				 clock_mono_ns() + 10 * NS_PER_S, out, &err),
		0);
}

/* The class that is news; -1 = none. */
static int news(const struct pcie_status *before, const struct pcie_status *after, uint32_t *bits)
{
	int cls, found = -1;

	for (cls = 0; cls < AER_CLASSES; cls++) {
		uint32_t b;

		if (!pciestatus_news(before, after, cls, &b))
			continue;
		assert_int_equal(found, -1);
		found = cls;
		*bits = b;
	}
	return found;
}

static void registers_are_read_with_and_without_aer(void **state)
{
	struct pcie_status st[2];
	char text[64];

	(void)state;
	fakehost_config(fake, GPU, DEVSTA, 0x09);
	take(st);
	assert_true(st[0].read && st[0].has_aer);
	assert_int_equal(st[0].control, 0x0f);
	assert_string_equal(pciestatus_text(st[0].status, text, sizeof(text)),
		"CorrErr+ NonFatalErr- FatalErr- UnsupReq+");
	assert_int_equal(st[0].aer.uncorrectable_severity, 1u << 18);
	assert_true(st[1].read && !st[1].has_aer);
}

static void what_was_set_before_is_not_news(void **state)
{
	struct pcie_status a[2], b[2];
	uint32_t bits;

	(void)state;
	put32(AER + 0x04, 1u << 14);
	fakehost_config(fake, GPU, DEVSTA, 0x02);
	take(a);
	take(b);
	assert_int_equal(news(&a[0], &b[0], &bits), -1);
	put32(AER + 0x04, 1u << 14 | 1u << 16);
	take(b);
	assert_int_equal(news(&a[0], &b[0], &bits), AER_NONFATAL);
	assert_int_equal(bits, 1u << 16);
}

static void the_severity_register_decides_the_class(void **state)
{
	struct pcie_status a[2], b[2];
	uint32_t bits;

	(void)state;
	take(a);
	put32(AER + 0x04, 1u << 18);
	fakehost_config(fake, GPU, DEVSTA, 0x04);
	take(b);
	assert_int_equal(news(&a[0], &b[0], &bits), AER_FATAL);
	assert_int_equal(bits, 1u << 18);
}

static void masked_errors_are_none(void **state)
{
	struct pcie_status a[2], b[2];
	uint32_t bits;

	(void)state;
	take(a);
	put32(AER + 0x04, 1u << 20); /* an unsupported request, advisory */
	put32(AER + 0x10, 1u << 13);
	fakehost_config(fake, GPU, DEVSTA, 0x0b);
	take(b);
	assert_int_equal(news(&a[0], &b[0], &bits), -1);
}

/* Firmware that handles errors first clears the AER registers, and leaves these. */
static void device_status_alone_is_news(void **state)
{
	struct pcie_status a[2], b[2];
	uint32_t bits = 0;

	(void)state;
	take(a);
	fakehost_config(fake, GPU, DEVSTA, 0x02);
	take(b);
	assert_int_equal(news(&a[0], &b[0], &bits), AER_NONFATAL);
	assert_int_equal(bits, 0);
	fakehost_config(fake, "0000:01:00.1", DEVSTA, 0x01);
	take(b);
	assert_int_equal(news(&a[1], &b[1], &bits), AER_CORRECTABLE);
}

static void a_function_that_cannot_be_read_tells_nothing(void **state)
{
	struct pcie_status a[2], b[2];
	uint32_t bits;
	size_t i;

	(void)state;
	take(a);
	for (i = 0; i < 256; i++)
		fakehost_config(fake, "0000:01:00.1", i, 0xff);
	fakehost_write(fake, "/sys/bus/pci/devices/" GPU "/power_state", "D3cold\n");
	take(b);
	assert_false(b[0].read);
	assert_false(b[1].read);
	assert_int_equal(news(&a[0], &b[0], &bits), -1);
	assert_int_equal(news(&a[1], &b[1], &bits), -1);
	fakehost_remove(fake, "/sys/bus/pci/devices/" GPU);
	take(b);
	assert_false(b[0].read);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(registers_are_read_with_and_without_aer),
		TEST(what_was_set_before_is_not_news),
		TEST(the_severity_register_decides_the_class),
		TEST(masked_errors_are_none),
		TEST(device_status_alone_is_news),
		TEST(a_function_that_cannot_be_read_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
