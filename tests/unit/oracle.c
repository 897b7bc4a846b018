/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/oracle.h"
#include "model/lane_device.h"

#include "base/clock.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GPU "0000:01:00.0"
#define DIR "/sys/bus/pci/devices/" GPU "/"

static struct dev_state take(const struct fakehost *fake, const char *bdf)
{
	struct dev_state st = {0};
	struct err err = {0};
	struct bdf b;

	assert_true(bdf_parse(bdf, &b));
	if (oracle_take(fakehost_host(fake), b, clock_mono_ns() + 5 * NS_PER_S, &st, &err) != 0)
		fail_msg("%s", err.msg);
	return st;
}

/* "sentence; sentence" of what differs. Static buffer. */
static const char *differences(const struct dev_state *a, const struct dev_state *b)
{
	static char text[1024];
	struct str s = {0};
	size_t n = oracle_compare(a, b, &s);

	snprintf(text, sizeof(text), "%s", s.s ? s.s : "");
	assert_true((n == 0) == (text[0] == '\0'));
	str_finish(&s);
	return text;
}

static struct fakehost *gpu(void)
{
	return FAKEHOST(FAKE_DEV(GPU, .vendor = 0x10de, .device = 0x2684, .revision = 0xa1,
		.driver = "vfio-pci", .group = 12, .methods = "flr bus"));
}

static void it_sees_what_is_there(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state st = take(fake, GPU);

	(void)state;
	assert_true(st.present && st.readable && !st.is_vf && !st.enabled && !st.suspended);
	assert_int_equal(st.vendor, 0x10de);
	assert_int_equal(st.device, 0x2684);
	assert_int_equal(st.subvendor, 0x1af4);
	assert_int_equal(st.revision, 0xa1);
	assert_int_equal(st.class_code, 0x030000);
	assert_int_equal(st.command, 2);
	assert_int_equal(st.bars[0], 0xfe000000);
	assert_int_equal(st.resources[0], 0xfe000000);
	assert_int_equal(st.link_width, 16);
	assert_string_equal(st.link_speed, "16.0 GT/s PCIe");
	assert_string_equal(st.power_state, "D0");
	assert_string_equal(st.reset_methods, "flr bus");
	assert_string_equal(st.driver, "vfio-pci");
	assert_string_equal(differences(&st, &st), "");
	fakehost_config(fake, GPU, 0x52, 1); /* MSI enable */
	assert_true(take(fake, GPU).msi_enabled);
	fakehost_free(fake);
}

/* Config space as the device has it: type 0, PM at 0x40, MSI at 0x50, PCIe at 0x60 (fakehost.c). */
static void each_register_that_differs_is_named(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		const char *says;
	} rows[] = {
		{0x44, 0x03, "its registers say power state D3, were D0"},
		{0x41, 0x60, "capability 0x05 is gone"},
		{0x50, 0x11, "capability 0x05 is gone; capability 0x11 is new"},
		{0x08, 0xa2, "revision is a2, was a1"},
	};
	struct fakehost *fake;
	struct dev_state before, after;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake = gpu();
		before = take(fake, GPU);
		fakehost_config(fake, GPU, rows[i].at, rows[i].value);
		after = take(fake, GPU);
		assert_string_equal(differences(&before, &after), rows[i].says);
		fakehost_free(fake);
	}
}

/* The read of config space waits for the end of a suspend that has begun, and sees D3. */
static void on_its_way_to_sleep_is_asleep(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state before = take(fake, GPU), after;

	(void)state;
	fakehost_write(fake, DIR "power/runtime_status", "suspending\n");
	fakehost_config(fake, GPU, 0x44, 0x03);
	after = take(fake, GPU);
	assert_string_equal(differences(&before, &after), "");
	fakehost_free(fake);
}

static void a_device_that_is_new_has_the_sizes_of_its_new_user(void **state)
{
	struct fakehost *fake = gpu();
	struct lane_device dev = {0};
	struct dev_state before = take(fake, GPU), after = before;

	(void)state;
	oracle_recall(&dev, &before);
	after.max_read = before.max_read + 1;
	assert_string_not_equal(differences(dev.oracle, &after), "");
	oracle_forgive_new(&before);
	assert_string_equal(differences(&before, &after), "");
	oracle_renew(&dev, &after);
	assert_string_equal(differences(dev.oracle, &after), "");
	after.max_read++;
	assert_string_not_equal(differences(dev.oracle, &after), "");
	oracle_forget(&dev);
	fakehost_free(fake);
}

static void nobody_has_enabled_what_is_new(void **state)
{
	struct fakehost *fake = gpu();
	struct lane_device dev = {0};
	struct dev_state before = take(fake, GPU), after = before;

	(void)state;
	before.enabled = after.enabled = false;
	before.command = 0x0103;
	after.command = 0x0100;
	oracle_recall(&dev, &before);
	assert_string_not_equal(differences(&before, &after), "");
	oracle_forgive_new(&before);
	assert_string_equal(differences(&before, &after), "");
	oracle_renew(&dev, &after);
	assert_string_equal(differences(dev.oracle, &after), "");
	/* but what is on again stays on */
	after.command = 0x0102;
	oracle_renew(&dev, &after);
	after.command = 0x0100;
	assert_string_not_equal(differences(dev.oracle, &after), "");
	oracle_forget(&dev);
	/* and whom somebody uses cannot do without */
	before.enabled = after.enabled = true;
	before.command = 0x0107;
	oracle_forgive_new(&before);
	assert_string_not_equal(differences(&before, &after), "");
	fakehost_free(fake);
}

static void sizes_belong_to_one_user(void **state)
{
	struct dev_state a = {.present = true,
				 .readable = true,
				 .is_pcie = true,
				 .max_payload = 1,
				 .max_read = 2,
				 .sizes = {0x1000}},
			 b = a;

	(void)state;
	b.max_payload = 0;
	b.max_read = 5;
	assert_string_equal(differences(&a, &b),
		"max payload is 128, was 256; max read request is 4096, was 512");
	b.enabled = true;
	assert_string_equal(differences(&a, &b), "");
	b.sizes[0] = 0x2000;
	assert_string_equal(differences(&a, &b), "resource 0 has 0x2000 bytes, had 0x1000");
}

static void a_dark_device_is_not_readable(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state before = take(fake, GPU), after;
	size_t i;

	(void)state;
	for (i = 0; i < 256; i++)
		fakehost_config(fake, GPU, i, 0xff);
	after = take(fake, GPU);
	assert_false(after.readable);
	assert_string_equal(differences(&before, &after), "its config space reads all ones");
	fakehost_free(fake);
}

static void a_device_that_is_gone_is_an_observation(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state before = take(fake, GPU), after;

	(void)state;
	fakehost_remove(fake, "/sys/bus/pci/devices/" GPU);
	after = take(fake, GPU);
	assert_false(after.present);
	assert_string_equal(differences(&before, &after), "it is gone from sysfs");
	fakehost_free(fake);
}

static void pull_out(const struct fakehost *fake)
{
	fakehost_remove(fake, DIR "config");
	fakehost_remove(fake, "/sys/bus/pci/devices/" GPU);
	_exit(0); /* before the file that is being read is put back */
}

static void a_device_that_goes_while_it_is_read_is_gone(void **state)
{
	struct fakehost *fake = gpu();
	pid_t meanwhile = fakehost_while_reading(fake, DIR "power_state", pull_out);

	(void)state;
	assert_false(take(fake, GPU).present);
	waitpid(meanwhile, NULL, 0);
	fakehost_free(fake);
}

static void what_cannot_be_looked_at_is_no_absence(void **state)
{
	struct fakehost *fake = gpu();
	const struct bdf bdf = {0, 1, 0, 0};
	struct dev_state st = {0};
	struct err err = {0};

	(void)state;
	/* a link to itself cannot be opened, as when a process may open no more files */
	fakehost_link(fake, "/sys/bus/pci/devices/" GPU, GPU);
	assert_int_equal(
		oracle_take(fakehost_host(fake), bdf, clock_mono_ns() + 5 * NS_PER_S, &st, &err),
		-1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.msg, GPU));
	fakehost_free(fake);
}

static void every_field_that_differs_is_named(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state a = take(fake, GPU), b;

	(void)state;
	b = a;
	b.link_width = 8;
	assert_string_equal(differences(&a, &b), "link width is x8, was x16");
	b = a;
	b.device = 0x1111;
	b.revision = 0xff;
	assert_string_equal(
		differences(&a, &b), "it is 10de:1111, was 10de:2684; revision is ff, was a1");
	b = a;
	b.bars[0] = 0;
	assert_string_equal(differences(&a, &b), "BAR 0 is 00000000, was fe000000");
	b = a;
	str_set(b.power_state, "D3cold");
	assert_string_equal(differences(&a, &b), "power state is D3cold, was D0");
	b = a;
	str_set(b.reset_methods, "flr");
	assert_string_equal(differences(&a, &b), "reset methods are 'flr', were 'flr bus'");
	b = a;
	b.driver[0] = '\0';
	assert_string_equal(differences(&a, &b), "driver is none, was vfio-pci");
	b = a;
	b.command = 0;
	assert_non_null(strstr(differences(&a, &b), "command register is 0000, was 0002"));
	b = a;
	b.msi_enabled = true;
	assert_string_equal(differences(&a, &b), "MSI is on, was off");
	b = a;
	b.msix_enabled = true;
	assert_string_equal(differences(&a, &b), "MSI-X is on, was off");
	b = a;
	b.link_width = 0; /* it does not tell any more */
	assert_string_equal(differences(&a, &b), "link width is x0, was x16");
	b = a;
	b.class_code = 0x020000;
	b.header_type = 0x80;
	assert_string_equal(
		differences(&a, &b), "class is 020000, was 030000; header type is 80, was 00");
	b = a;
	b.subdevice = 0x4242;
	assert_string_equal(differences(&a, &b), "subsystem is 1af4:4242, was 1af4:1100");
	a.command = 3;
	b = a;
	b.command = 2;
	assert_non_null(strstr(differences(&a, &b), "memory or I/O decoding is off"));
	fakehost_free(fake);
}

static void what_may_differ_is_no_difference(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state a = take(fake, GPU), b;
	struct str notes = {0};

	(void)state;
	/* links slow down at idle; a wider link is luck */
	b = a;
	str_set(b.link_speed, "2.5 GT/s PCIe");
	b.link_width = 32;
	assert_string_equal(differences(&a, &b), "");
	assert_int_equal(oracle_notes(&a, &b, &notes), 2);
	assert_string_equal(notes.s,
		"link speed is 2.5 GT/s PCIe, was 16.0 GT/s PCIe; link width is x32, was x16");
	str_finish(&notes);
	/* a reset wakes a sleeping device; vfio puts an idle one to sleep */
	b = a;
	str_set(a.power_state, "D3hot");
	assert_string_equal(differences(&a, &b), "");
	str_set(a.power_state, "D0");
	str_set(b.power_state, "D3hot");
	assert_string_equal(differences(&a, &b), "power state is D3hot, was D0");
	b.suspended = true;
	assert_string_equal(differences(&a, &b), "");
	/* where the platform can, deeper */
	str_set(b.power_state, "D3cold");
	assert_string_equal(differences(&a, &b), "");
	/* another user: the guest's command register and interrupts are its own */
	b = a;
	b.enabled = true;
	b.command = 0x0406;
	b.msix_enabled = true;
	assert_string_equal(differences(&a, &b), "");
	/* and so is its sleep */
	str_set(b.power_state, "D3hot");
	b.pm_state = 3;
	assert_string_equal(differences(&a, &b), "");
	str_set(b.power_state, "D3cold"); /* but not so deep */
	assert_string_equal(differences(&a, &b),
		"power state is D3cold, was D0; its registers say power state D3, were D0");
	str_set(b.power_state, "D3hot");
	str_set(b.driver, "nvidia");
	assert_string_equal(differences(&a, &b),
		"power state is D3hot, was D0; its registers say power state D3, were D0; "
		"driver is nvidia, was vfio-pci");
	fakehost_free(fake);
}

static void bus_mastering_is_judged_by_who_uses_the_device(void **state)
{
	struct fakehost *fake = gpu();
	struct dev_state a = take(fake, GPU), b = a;

	(void)state;
	/* vfio clears it when the last user goes */
	a.command = 6;
	b.command = 2;
	assert_string_equal(differences(&a, &b), "");
	assert_non_null(strstr(differences(&b, &a), "bus mastering is on while nobody uses it"));
	a.enabled = b.enabled = true;
	assert_non_null(strstr(differences(&a, &b), "bus mastering is off"));
	assert_string_equal(differences(&b, &a), "");
	fakehost_free(fake);
}

static void a_vf_is_judged_as_a_vf(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:01:00.0"),
		FAKE_DEV("0000:01:00.1", .physfn = "0000:01:00.0", .vendor = 0x8086,
			.device = 0x154c, .methods = "flr"));
	struct dev_state a = take(fake, "0000:01:00.1"), b = a;
	size_t i;

	(void)state;
	assert_true(a.is_vf && a.readable);
	assert_int_equal(a.vendor, 0x8086);
	assert_int_equal(a.device, 0x154c);
	assert_int_equal(a.bars[0], 0);
	b.command = 4;
	assert_string_equal(differences(&a, &b), "");
	b.resources[0] = 0;
	assert_non_null(strstr(differences(&a, &b), "resource 0"));
	for (i = 0; i < 256; i++)
		fakehost_config(fake, "0000:01:00.1", i, 0xff);
	assert_false(take(fake, "0000:01:00.1").readable);
	fakehost_free(fake);
}

static void hostile_config_space_does_no_harm(void **state)
{
	struct fakehost *fake = gpu();
	char longer[3000];
	size_t i;

	(void)state;
	/* capabilities that point to themselves and to the end */
	fakehost_config(fake, GPU, 0x41, 0x40);
	take(fake, GPU);
	fakehost_config(fake, GPU, 0x34, 0xff);
	take(fake, GPU);
	for (i = 0; i < 64; i++)
		fakehost_config(fake, GPU, 0x40 + i, (uint8_t)(i * 37));
	take(fake, GPU);
	memset(longer, '9', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fakehost_write(fake, DIR "current_link_width", longer);
	fakehost_write(fake, DIR "resource", longer);
	fakehost_write(fake, DIR "power_state", "\x1b[2J");
	fakehost_write(fake, DIR "reset_method", longer);
	assert_int_equal(take(fake, GPU).link_width, 0);
	assert_string_equal(take(fake, GPU).power_state, "\\x1b[2J");
	fakehost_write(fake, DIR "config", "short");
	assert_false(take(fake, GPU).readable);
	fakehost_free(fake);
}

static void a_device_that_does_not_answer_is_a_timeout(void **state)
{
	struct fakehost *fake = gpu();
	const struct bdf bdf = {0, 1, 0, 0};
	struct dev_state st = {.vendor = 7};
	char path[HOST_PATH_MAX];
	struct err err = {0};

	(void)state;
	/* a FIFO without a writer blocks its reader, as a device under reset does */
	fakehost_remove(fake, DIR "config");
	assert_int_equal(mkfifo(host_path(fakehost_host(fake), path, "%s", DIR "config"), 0644), 0);
	assert_int_equal(
		oracle_take(fakehost_host(fake), bdf, clock_mono_ns() + 300 * NS_PER_MS, &st, &err),
		-1);
	assert_int_equal(st.vendor, 7);
	assert_int_equal(err.code, ERR_TIMEOUT);
	fakehost_free(fake);
}

static void several_are_looked_at_up_to_one_that_does_not_answer(void **state)
{
	const struct bdf bdfs[] = {{0, 9, 0, 0}, {0, 1, 0, 0}, {0, 9, 0, 1}};
	struct fakehost *fake = gpu();
	char path[HOST_PATH_MAX];
	struct dev_state st[3];
	struct err err = {0};
	size_t done;

	(void)state;
	assert_int_equal(oracle_take_several(fakehost_host(fake), bdfs, 3,
				 clock_mono_ns() + 5 * NS_PER_S, st, &done, &err),
		0);
	assert_int_equal(done, 3);
	assert_false(st[0].present);
	assert_int_equal(st[1].revision, 0xa1);
	assert_false(st[2].present);
	fakehost_remove(fake, DIR "config");
	assert_int_equal(mkfifo(host_path(fakehost_host(fake), path, "%s", DIR "config"), 0644), 0);
	assert_int_equal(oracle_take_several(fakehost_host(fake), bdfs, 3,
				 clock_mono_ns() + 300 * NS_PER_MS, st, &done, &err),
		-1);
	assert_int_equal(done, 1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	assert_true(str_starts(err.msg, "reading the state of " GPU));
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_sees_what_is_there),
		cmocka_unit_test(several_are_looked_at_up_to_one_that_does_not_answer),
		cmocka_unit_test(each_register_that_differs_is_named),
		cmocka_unit_test(on_its_way_to_sleep_is_asleep),
		cmocka_unit_test(a_device_that_is_new_has_the_sizes_of_its_new_user),
		cmocka_unit_test(nobody_has_enabled_what_is_new),
		cmocka_unit_test(sizes_belong_to_one_user),
		cmocka_unit_test(a_dark_device_is_not_readable),
		cmocka_unit_test(a_device_that_is_gone_is_an_observation),
		cmocka_unit_test(a_device_that_goes_while_it_is_read_is_gone),
		cmocka_unit_test(what_cannot_be_looked_at_is_no_absence),
		cmocka_unit_test(every_field_that_differs_is_named),
		cmocka_unit_test(what_may_differ_is_no_difference),
		cmocka_unit_test(bus_mastering_is_judged_by_who_uses_the_device),
		cmocka_unit_test(a_vf_is_judged_as_a_vf),
		cmocka_unit_test(hostile_config_space_does_no_harm),
		cmocka_unit_test(a_device_that_does_not_answer_is_a_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
