/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "device/lock.h"
#include "device/oracle.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/away.h"
#include "steps/steps.h"

#include "fakehost.h"
#include "fakewrite.h"

#include "cmocka_all.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GPU  "0000:01:00.0"
#define DEVS "/sys/bus/pci/devices/"

/* As the steps lay out their arguments. */
struct check_args {
	const char *driver, *link_speed, *power_state, *revision;
	int64_t link_width;
};
struct rebind_args {
	const char *driver;
};

/* A lane with one device, and what it says. */
struct lane {
	struct fakehost *fake;
	struct lane_device dev;
	struct lane_spec spec;
	struct step step;
	struct emitter out;
	int other;
	struct step_ctx ctx;
	struct result res;
};

static void lane_open(struct lane *l, struct fakehost *fake, const char *bdf)
{
	struct order ack = {.kind = ORDER_ACK, .value = 9};
	struct pcidev_list all = {0};
	struct err err = {0};
	int pair[2];
	struct bdf b;

	*l = (struct lane){.fake = fake};
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &all, &err), 0);
	assert_true(bdf_parse(bdf, &b));
	l->dev.pci = *pcidev_find(&all, b);
	pcidev_list_finish(&all);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	l->out.fd = pair[0];
	l->other = pair[1];
	for (ack.ask = 1; ack.ask <= 8; ack.ask++)
		assert_int_equal(send(l->other, &ack, sizeof(ack), 0), sizeof(ack));
	l->ctx.host = fakehost_host(fake);
	l->ctx.lane = &l->spec;
	l->ctx.step = &l->step;
	l->ctx.devs = l->ctx.dev = &l->dev;
	l->ctx.ndevs = 1;
	l->ctx.out = &l->out;
}

static void lane_close(struct lane *l)
{
	close(l->out.fd);
	close(l->other);
	fakehost_free(l->fake);
}

static void run(struct lane *l, const struct step_type *type, const void *args, enum outcome wanted,
	const char *reason, const char *words)
{
	enum outcome is;

	l->res = (struct result){0};
	l->ctx.deadline_ns = clock_mono_ns() + 3 * NS_PER_S;
	is = type->run(&l->ctx, args, &l->res);
	if (is != wanted || !str_eq(l->res.reason, reason) || strstr(l->res.detail, words) == NULL)
		fail_msg("%s %s: %s", outcome_name(is), l->res.reason, l->res.detail);
}

/* How long a device took until it was usable, as the lane told; 0 = it did not. */
static int64_t usable_after(const struct lane *l)
{
	struct event ev;

	while (recv(l->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		if (ev.kind == EV_SUBSTEP && str_eq(ev.text, SUBSTEP_USABLE))
			return ev.dur_ns;
	return 0;
}

static const char *driver_now(const struct lane *l)
{
	static char target[HOST_PATH_MAX];
	char path[HOST_PATH_MAX];
	ssize_t n = readlink(
		host_path(l->ctx.host, path, "%s", DEVS GPU "/driver"), target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = '\0';
	return strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
}

static struct fakehost *gpu(const char *driver, bool lost)
{
	return FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = driver, .group = 12,
			.revision = 0xa1, .methods = "flr bus", .lost = lost));
}

/* ---- check ---- */

static void a_bare_check_looks_at_the_identity(void **state)
{
	const struct check_args none = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	run(&l, &step_check, &none, OUTCOME_PASS, "", "");
	fakehost_config(l.fake, GPU, 2, 0x99);
	run(&l, &step_check, &none, OUTCOME_FAIL, "state-differs",
		"it is 1234:1199, was 1234:11e8");
	lane_close(&l);
}

static void a_check_compares_with_the_reference(void **state)
{
	const struct check_args none = {0};
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	assert_int_equal(oracle_remember(l.ctx.host, &l.dev, &err), 0);
	run(&l, &step_check, &none, OUTCOME_PASS, "", "");
	fakehost_write(l.fake, DEVS GPU "/current_link_width", "4");
	run(&l, &step_check, &none, OUTCOME_FAIL, "state-differs", "link width is x4, was x16");
	oracle_forget(&l.dev);
	lane_close(&l);
}

static void a_managed_device_may_change_hands(void **state)
{
	const struct check_args none = {0};
	const struct rebind_args vfio = {"vfio-pci"};
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	fakehost_config(l.fake, GPU, 4, 6);
	assert_int_equal(oracle_remember(l.ctx.host, &l.dev, &err), 0);
	run(&l, &step_rebind, &vfio, OUTCOME_PASS, "", "");
	str_set(((struct dev_state *)l.dev.oracle)->driver, "snd_hda_intel");
	fakehost_config(l.fake, GPU, 4, 0);
	run(&l, &step_check, &none, OUTCOME_FAIL, "state-differs", "driver is vfio-pci");
	l.spec.driver = DRIVER_MANAGED;
	run(&l, &step_check, &none, OUTCOME_PASS, "", "");
	oracle_forget(&l.dev);
	lane_close(&l);
}

static void a_check_names_what_was_expected(void **state)
{
	const struct check_args good = {.driver = "vfio-pci",
		.link_speed = "16",
		.power_state = "D0",
		.revision = "a1",
		.link_width = 16};
	const struct check_args bad = {.driver = "none",
		.link_speed = "32.0 GT/s",
		.power_state = "D3hot",
		.revision = "a2",
		.link_width = 8};
	struct lane l;
	char text[256];

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	run(&l, &step_check, &good, OUTCOME_PASS, "", "");
	run(&l, &step_check, &bad, OUTCOME_FAIL, "unexpected-state",
		GPU ": driver is vfio-pci, expected none; link speed is 16.0 GT/s PCIe, expected "
		    "at least 32.0 GT/s; link width is x16, expected x8; power state is D0, "
		    "expected D3hot; revision is a1, expected a2");
	step_check.describe(&l.ctx, &good, text, sizeof(text));
	assert_string_equal(text,
		"look at " GPU ", link x16, at least 16 GT/s, driver vfio-pci, power D0,"
		" revision a1");
	lane_close(&l);
}

static size_t load_errors(const struct step_type *type, void *args, bool while_running)
{
	struct step step = {.args = args, .while_running = while_running};
	struct diags d = {0};

	type->check(&step, NULL, &d);
	return d.errors;
}

static void nonsense_is_refused_when_a_scenario_is_read(void **state)
{
	struct check_args speed = {.link_speed = "fast"}, power = {.power_state = "D7"},
			  revision = {.revision = "xyz"}, good = {.link_speed = "2.5"};
	struct rebind_args path = {"../x"}, vfio = {"vfio-pci"};

	(void)state;
	assert_int_equal(load_errors(&step_check, &speed, false), 1);
	assert_int_equal(load_errors(&step_check, &power, false), 1);
	assert_int_equal(load_errors(&step_check, &revision, false), 1);
	assert_int_equal(load_errors(&step_check, &good, false), 0);
	assert_int_equal(load_errors(&step_rebind, &path, false), 1);
	assert_int_equal(load_errors(&step_rebind, &vfio, false), 0);
	assert_int_equal(load_errors(&step_rebind, &vfio, true), 1);
	assert_int_equal(load_errors(&step_rescan, NULL, true), 1);
	assert_int_equal(load_errors(&step_rescan, NULL, false), 0);
}

/* ---- rebind ---- */

static void a_device_is_bound_again(void **state)
{
	const struct rebind_args vfio = {"vfio-pci"}, native = {"snd_hda_intel"};
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	assert_int_equal(step_rebind.prepare(&l.ctx, &vfio, &err), 0);
	run(&l, &step_rebind, &vfio, OUTCOME_PASS, "", "");
	assert_string_equal(driver_now(&l), "vfio-pci");
	assert_int_equal(l.dev.undo_driver, 9);
	run(&l, &step_rebind, &native, OUTCOME_PASS, "", "");
	assert_string_equal(driver_now(&l), "snd_hda_intel");
	lane_close(&l);
}

static void a_bind_that_fails_is_a_failure_of_the_device(void **state)
{
	const struct rebind_args vfio = {"vfio-pci"}, absent = {"nvidia"};
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	assert_int_equal(step_rebind.prepare(&l.ctx, &absent, &err), -1);
	assert_string_equal(err.hint, "modprobe nvidia");
	fake_write_fails("/vfio-pci/bind", NULL, EINVAL);
	run(&l, &step_rebind, &vfio, OUTCOME_FAIL, "bind-failed", "binding " GPU " to vfio-pci");
	fake_writes_work();
	fakehost_holder(l.fake, 4, "qemu", "/dev/vfio/12");
	lane_close(&l);
	lane_open(&l, gpu("vfio-pci", false), GPU);
	fakehost_holder(l.fake, 4, "qemu", "/dev/vfio/12");
	run(&l, &step_rebind, &vfio, OUTCOME_BROKEN, "refused", "qemu");
	lane_close(&l);
}

/* ---- rescan ---- */

static void a_device_comes_back_with_its_driver(void **state)
{
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	assert_int_equal(step_rescan.prepare(&l.ctx, NULL, &err), 0);
	run(&l, &step_rescan, NULL, OUTCOME_PASS, "", "");
	assert_true(usable_after(&l) > 0);
	assert_string_equal(driver_now(&l), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/driver_override"), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "1");
	lane_close(&l);
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	run(&l, &step_rescan, NULL, OUTCOME_PASS, "", "");
	assert_string_equal(driver_now(&l), "snd_hda_intel");
	lane_close(&l);
	lane_open(&l, gpu(NULL, false), GPU);
	run(&l, &step_rescan, NULL, OUTCOME_PASS, "", "");
	assert_string_equal(driver_now(&l), "");
	lane_close(&l);
}

static void a_device_that_does_not_come_back_has_vanished(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu("vfio-pci", true), GPU);
	run(&l, &step_rescan, NULL, OUTCOME_FAIL, "device-vanished", "did not come back");
	run(&l, &step_rescan, NULL, OUTCOME_FAIL, "device-vanished", "before the step");
	lane_close(&l);
}

#define AUTOPROBE "/sys/bus/pci/drivers_autoprobe"

static size_t notes(struct lane *l, const char *words)
{
	struct event ev;
	size_t n = 0;

	while (recv(l->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		n += ev.kind == EV_LANE_NOTE && strstr(ev.text, words) != NULL;
	return n;
}

static void a_device_that_comes_back_late_is_not_left_to_its_host_driver(void **state)
{
	const struct rebind_args vfio = {"vfio-pci"};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", true), GPU);
	run(&l, &step_rebind, &vfio, OUTCOME_PASS, "", "");
	run(&l, &step_rescan, NULL, OUTCOME_FAIL, "device-vanished", "did not come back");
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "0");
	assert_int_equal(l.dev.undo_autoprobe, 9);
	assert_int_equal(notes(&l, "no driver binds by itself on this host until " GPU), 1);
	away_lift(l.ctx.host, &l.dev, 1, &l.out);
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "0");
	fakehost_return(l.fake, GPU);
	assert_string_equal(driver_now(&l), "");
	away_lift(l.ctx.host, &l.dev, 1, &l.out);
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "1");
	assert_int_equal(l.dev.undo_autoprobe, 0);
	lane_close(&l);
}

/* It may still act when the kernel lets it. */
static void a_removal_that_is_stuck_keeps_the_switch_off(void **state)
{
	struct err err = {0};
	struct away away;
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	l.ctx.deadline_ns = clock_mono_ns() + NS_PER_S;
	away_init(&away, &l.ctx);
	assert_int_equal(away_begin(&away, &err), 0);
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "0");
	away.stuck = true;
	away_finish(&away);
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "0");
	assert_int_equal(l.dev.undo_autoprobe, 9);
	lane_close(&l);
}

/* The step after it takes the switch over, and its record. */
static void the_next_step_takes_the_switch_over(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu("snd_hda_intel", false), GPU);
	fakehost_write(l.fake, AUTOPROBE, "0");
	l.dev.undo_autoprobe = 77;
	run(&l, &step_rescan, NULL, OUTCOME_PASS, "", "");
	assert_string_equal(fakehost_text(l.fake, AUTOPROBE), "1");
	assert_int_equal(l.dev.undo_autoprobe, 0);
	lane_close(&l);
}

static void what_a_rescan_cannot_bring_back_is_refused(void **state)
{
	static const struct {
		const char *bdf, *words;
	} cases[] = {
		{"0000:00:01.0", "bridge"},
		{"0000:01:00.0", "virtual functions"},
		{"0000:01:00.1", "virtual function"},
		{"0000:02:00.0", "0000:02:00.1 is another"},
	};
	struct lane l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};

		lane_open(&l,
			FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
				FAKE_DEV("0000:00:02.0", .secondary = 2),
				FAKE_DEV("0000:01:00.0", .parent = "0000:00:01.0"),
				FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0",
					.physfn = "0000:01:00.0"),
				FAKE_DEV("0000:02:00.0", .parent = "0000:00:02.0"),
				FAKE_DEV("0000:02:00.1", .parent = "0000:00:02.0")),
			cases[i].bdf);
		assert_int_equal(step_rescan.prepare(&l.ctx, NULL, &err), -1);
		assert_int_equal(err.code, ERR_REFUSED);
		if (strstr(err.msg, cases[i].words) == NULL)
			fail_msg("%s", err.msg);
		run(&l, &step_rescan, NULL, OUTCOME_BROKEN, "refused", cases[i].words);
		lane_close(&l);
	}
}

static void a_device_in_use_is_not_removed(void **state)
{
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	fakehost_holder(l.fake, 4, "qemu", "/dev/vfio/12");
	assert_int_equal(step_rescan.prepare(&l.ctx, NULL, &err), -1);
	run(&l, &step_rescan, NULL, OUTCOME_BROKEN, "refused", "qemu");
	assert_string_equal(driver_now(&l), "vfio-pci");
	lane_close(&l);
}

/* drivers_autoprobe is one for the host: another lane would switch it on while ours is away. */
static void one_lane_at_a_time_rescans(void **state)
{
	struct err err = {0};
	struct lane l;
	int other = -1;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	assert_int_equal(lock_wait(l.ctx.host, "drivers_autoprobe", 0, &other, &err), 0);
	fakehost_write(l.fake, "/sys/bus/pci/drivers_autoprobe", "0");
	run(&l, &step_rescan, NULL, OUTCOME_BROKEN, "blocked", "another lane or run");
	/* half of the time was still there for what the step is for */
	assert_true(l.ctx.deadline_ns - clock_mono_ns() > NS_PER_S);
	assert_string_equal(driver_now(&l), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "0");
	fakehost_write(l.fake, "/sys/bus/pci/drivers_autoprobe", "1");
	lock_drop(other);
	run(&l, &step_rescan, NULL, OUTCOME_PASS, "", "");
	lane_close(&l);
}

static void start_a_vm(const struct fakehost *fake)
{
	fakehost_holder(fake, 99, "qemu-system-x86", "/dev/vfio/12");
}

static void a_device_that_came_into_use_meanwhile_is_not_removed(void **state)
{
	struct lane l;
	pid_t other;

	(void)state;
	lane_open(&l, gpu("vfio-pci", false), GPU);
	other = fakehost_while_reading(l.fake, DEVS GPU "/power_state", start_a_vm);
	run(&l, &step_rescan, NULL, OUTCOME_BROKEN, "refused", "qemu-system-x86");
	assert_string_equal(driver_now(&l), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "1");
	assert_int_equal(waitpid(other, NULL, 0), other);
	lane_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bare_check_looks_at_the_identity),
		cmocka_unit_test(a_check_compares_with_the_reference),
		cmocka_unit_test(a_managed_device_may_change_hands),
		cmocka_unit_test(a_check_names_what_was_expected),
		cmocka_unit_test(nonsense_is_refused_when_a_scenario_is_read),
		cmocka_unit_test(a_device_is_bound_again),
		cmocka_unit_test(a_bind_that_fails_is_a_failure_of_the_device),
		cmocka_unit_test(a_device_comes_back_with_its_driver),
		cmocka_unit_test(a_device_that_does_not_come_back_has_vanished),
		cmocka_unit_test(a_device_that_comes_back_late_is_not_left_to_its_host_driver),
		cmocka_unit_test(a_removal_that_is_stuck_keeps_the_switch_off),
		cmocka_unit_test(the_next_step_takes_the_switch_over),
		cmocka_unit_test(what_a_rescan_cannot_bring_back_is_refused),
		cmocka_unit_test(a_device_in_use_is_not_removed),
		cmocka_unit_test(one_lane_at_a_time_rescans),
		cmocka_unit_test(a_device_that_came_into_use_meanwhile_is_not_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
