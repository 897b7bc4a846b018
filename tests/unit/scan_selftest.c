/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_selftest.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/str.h"
#include "cli/command.h"
#include "klog/rules.h"
#include "world/host.h"

#include "cmocka_all.h"
#include "fakehost.h"
#include "kmsg_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 300
#define DEVICE      "0000:65:00.0"

static const char *const bad_tlp[] = {
	"pcieport 0000:64:01.0: AER: Corrected error message received from " DEVICE,
	"vfio-pci " DEVICE
	": PCIe Bus Error: severity=Corrected, type=Data Link Layer, (Receiver ID)",
	"vfio-pci " DEVICE ":   device [10de:2684] error status/mask=00000040/0000a000",
	"vfio-pci " DEVICE ":    [ 6] BadTLP                ",
	NULL,
};
static const char *const rx_err[] = {
	"pcieport 0000:64:01.0: AER: Corrected error message received from " DEVICE,
	"vfio-pci " DEVICE
	": PCIe Bus Error: severity=Corrected, type=Physical Layer, (Receiver ID)",
	"vfio-pci " DEVICE ":   device [10de:2684] error status/mask=00000001/0000a000",
	"vfio-pci " DEVICE ":    [ 0] RxErr                 ",
	NULL,
};
static const char *const of_another[] = {
	"vfio-pci 0000:66:00.0: PCIe Bus Error: severity=Corrected, type=Data Link Layer, "
	"(Receiver ID)",
	"vfio-pci 0000:66:00.0:   device [10de:2684] error status/mask=00000040/0000a000",
	"vfio-pci 0000:66:00.0:    [ 6] BadTLP                ",
	NULL,
};
static const char *const fatal[] = {
	"vfio-pci " DEVICE
	": PCIe Bus Error: severity=Uncorrected (Fatal), type=Data Link Layer, (Receiver ID)",
	"vfio-pci " DEVICE ":   device [10de:2684] error status/mask=00000010/0000a000",
	"vfio-pci " DEVICE ":    [ 4] DLP                   ",
	NULL,
};
static const char *const by_firmware[] = {
	"{3}[Hardware Error]: Hardware error from APEI Generic Hardware Error Source: 514",
	"{3}[Hardware Error]: event severity: corrected",
	"{3}[Hardware Error]:  Error 0, type: corrected",
	"{3}[Hardware Error]:   section_type: PCIe error",
	"{3}[Hardware Error]:   device_id: " DEVICE,
	"vfio-pci " DEVICE ": AER: aer_status: 0x00001000, aer_mask: 0x00000000",
	NULL,
};

/*
 * The kernel: /dev/kmsg is a pipe of packets, a character device for whoever asks, which gives back
 * what is written to it; the injectors are files of a fake host.
 */
static struct {
	unsigned seq;
	bool deaf; /* printk.devkmsg=off */
	const char *const *injected; /* what it says of an error */
	int refusal; /* errno of the injector */
	unsigned char aer[64]; /* what was written to it */
	size_t aer_len;
	struct fakehost *host;
	struct rules *rules;
} kernel;

ssize_t __real_write(int fd, const void *buf, size_t n);
ssize_t __wrap_write(int fd, const void *buf, size_t n);

static void print(unsigned facility, const char *text, size_t len)
{
	char record[512];
	unsigned seq = ++kernel.seq;
	int n = snprintf(record, sizeof(record), "%u,%u,%u,-;%.*s\n", facility << 3 | 6, seq, seq,
		(int)len, text);

	assert_int_equal(__real_write(kmsg_pipe.w, record, (size_t)n), n);
}

static void print_injected(void)
{
	const char *const *line;

	for (line = kernel.injected; line != NULL && *line != NULL; line++)
		print(0, *line, strlen(*line));
}

ssize_t __wrap_write(int fd, const void *buf, size_t n)
{
	char link[64], path[512];
	ssize_t len;

	if (is_kmsg(fd)) {
		if (!kernel.deaf)
			print(1, (const char *)buf + 3, n - 4); /* without <6> and the newline */
		return (ssize_t)n;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	if (str_ends(path, "/dev/aer_inject") || str_ends(path, "/einj/error_inject")) {
		if (kernel.refusal != 0) {
			errno = kernel.refusal;
			return -1;
		}
		kernel.aer_len = n < sizeof(kernel.aer) ? n : sizeof(kernel.aer);
		memcpy(kernel.aer, buf, kernel.aer_len);
		print_injected();
	}
	return __real_write(fd, buf, n);
}

static int begin(void **state)
{
	static const struct fake_dev dev = {.bdf = DEVICE};
	struct diags diags = {0};

	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kernel.host = fakehost_new(&dev, 1);
	kernel.rules = rules_load(NULL, 0, &diags);
	assert_non_null(kernel.rules);
	kmsg_pipe_open(O_DIRECT); /* a write is a record */
	return 0;
}

static int end(void **state)
{
	(void)state;
	kmsg_pipe_close();
	rules_free(kernel.rules);
	fakehost_free(kernel.host);
	return 0;
}

static int test_with(const char *kmsg, bool inject, const char *bdf)
{
	struct selftest_question q = {.kmsg = kmsg, .inject = inject, .patience_ms = PATIENCE_MS};

	assert_true(bdf_parse(bdf, &q.device));
	return scan_selftest(fakehost_host(kernel.host), kernel.rules, &q);
}

static int test(bool inject)
{
	return test_with(kmsg_pipe.path, inject, DEVICE);
}

static void has_aer_inject(const char *const *says)
{
	fakehost_write(kernel.host, "/dev/aer_inject", "");
	kernel.injected = says;
}

static void has_einj(const char *types, const char *const *says)
{
	static const char *const files[] = {"error_type", "flags", "param4", "error_inject"};
	char path[128];
	size_t i;

	fakehost_write(kernel.host, "/sys/kernel/debug/apei/einj/available_error_type", types);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/apei/einj/%s", files[i]);
		fakehost_write(kernel.host, path, "");
	}
	kernel.injected = says;
}

static const char *einj(const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/apei/einj/%s", file);
	return fakehost_text(kernel.host, path);
}

static void a_marker_that_comes_back_is_the_proof(void **state)
{
	(void)state;
	print(0, "what was there before", 21);
	assert_int_equal(test(false), EXIT_GOOD);
}

static void without_it_nothing_is_proved(void **state)
{
	int64_t before = clock_mono_ns();

	(void)state;
	kernel.deaf = true;
	print(0, "vfio-stress self-test", 21); /* somebody else's words */
	assert_int_equal(test(false), EXIT_REFUSED);
	assert_true(clock_mono_ns() - before >= PATIENCE_MS * NS_PER_MS);
}

static void a_log_that_gives_nothing_back_proves_nothing(void **state)
{
	char path[HOST_PATH_MAX];

	(void)state;
	fakehost_write(kernel.host, "/dev/kmsg", "6,1,1,-;x\n");
	host_path(fakehost_host(kernel.host), path, "/dev/kmsg");
	assert_int_equal(test_with(path, false, DEVICE), EXIT_REFUSED);
	assert_int_equal(test_with("/nonexistent", false, DEVICE), EXIT_REFUSED);
}

static void an_injected_error_must_be_found(void **state)
{
	static const unsigned char want[32] = {
		[0] = 0x65, [8] = 0x40}; /* bus, and the bit in cor_status: little endian */

	(void)state;
	has_aer_inject(bad_tlp);
	assert_int_equal(test(true), EXIT_GOOD);
	assert_int_equal(kernel.aer_len, sizeof(want));
	assert_memory_equal(kernel.aer, want, sizeof(want));
}

static void what_was_not_asked_for_is_not_it(void **state)
{
	const char *const *const others[] = {NULL, rx_err, of_another, fatal};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		has_aer_inject(others[i]);
		assert_int_equal(test(true), EXIT_REFUSED);
	}
}

static void nothing_is_injected_without_being_asked(void **state)
{
	(void)state;
	has_aer_inject(bad_tlp);
	assert_int_equal(test(false), EXIT_GOOD);
	assert_int_equal(kernel.aer_len, 0);
}

static void nothing_is_injected_when_the_log_is_not_seen(void **state)
{
	(void)state;
	has_aer_inject(bad_tlp);
	kernel.deaf = true;
	assert_int_equal(test(true), EXIT_REFUSED);
	assert_int_equal(kernel.aer_len, 0);
}

static void an_injector_that_refuses_is_no_proof(void **state)
{
	(void)state;
	has_aer_inject(bad_tlp);
	kernel.refusal = EPROTONOSUPPORT;
	assert_int_equal(test(true), EXIT_REFUSED);
}

static void without_an_injector_it_is_said(void **state)
{
	(void)state;
	assert_int_equal(test(true), EXIT_REFUSED);
}

static void the_firmware_injects_where_the_kernel_does_not(void **state)
{
	(void)state;
	has_einj("0x00000008\tMemory Correctable\n0x00000040\tPCI Express Correctable\n",
		by_firmware);
	assert_int_equal(test(true), EXIT_GOOD);
	assert_string_equal(einj("error_type"), "0x40");
	assert_string_equal(einj("flags"), "0x4");
	assert_string_equal(einj("param4"), "0x650000");
	assert_string_equal(einj("error_inject"), "0x1");
	assert_int_equal(
		test_with(kmsg_pipe.path, true, "0000:65:1f.7"), EXIT_REFUSED); /* not found */
	assert_string_equal(einj("param4"), "0x65ff00");
}

static void the_firmware_is_asked_only_for_what_it_offers(void **state)
{
	(void)state;
	has_einj(
		"0x00000008\tMemory Correctable\n0x00000080\tPCI Express Uncorrectable non-fatal\n",
		by_firmware);
	assert_int_equal(test(true), EXIT_REFUSED);
	assert_string_equal(einj("error_inject"), "");
	has_einj("0x00000040\tPCI Express Correctable\n", by_firmware);
	assert_int_equal(test_with(kmsg_pipe.path, true, "10000:65:00.0"), EXIT_REFUSED);
	assert_string_equal(einj("error_inject"), "");
}

#define kernel_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		kernel_test(a_marker_that_comes_back_is_the_proof),
		kernel_test(without_it_nothing_is_proved),
		kernel_test(a_log_that_gives_nothing_back_proves_nothing),
		kernel_test(an_injected_error_must_be_found),
		kernel_test(what_was_not_asked_for_is_not_it),
		kernel_test(nothing_is_injected_without_being_asked),
		kernel_test(nothing_is_injected_when_the_log_is_not_seen),
		kernel_test(an_injector_that_refuses_is_no_proof),
		kernel_test(without_an_injector_it_is_said),
		kernel_test(the_firmware_injects_where_the_kernel_does_not),
		kernel_test(the_firmware_is_asked_only_for_what_it_offers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
