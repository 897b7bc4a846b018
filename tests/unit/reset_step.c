/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "device/oracle.h"
#include "device/reset.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/steps.h"

#include "fakehost.h"
#include "fakewrite.h"

#include "cmocka_all.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GPU  "0000:01:00.0"
#define DEVS "/sys/bus/pci/devices/"

/* The same layout as the step's arguments: a word and a flag. */
struct args {
	const char *method;
	bool if_offered, may_remove;
};

/* A lane of one or two devices, and what it says. */
struct lane {
	struct fakehost *fake;
	struct lane_device devs[2];
	struct lane_spec spec;
	struct step step;
	struct args args;
	struct emitter out;
	int other;
	struct step_ctx ctx;
	struct result res;
};

static void lane_open(struct lane *l, struct fakehost *fake, const char *method)
{
	static const char *const addresses[] = {GPU, "0000:01:00.1"};
	struct order ack = {.kind = ORDER_ACK, .value = 9};
	struct pcidev_list all = {0};
	struct err err = {0};
	int pair[2], i;

	*l = (struct lane){.fake = fake, .args = {.method = method}};
	assert_int_equal(pcidev_scan_nameless(fakehost_host(fake), &all, &err), 0);
	for (i = 0; i < 2; i++) {
		struct bdf b;
		const struct pcidev *dev;

		assert_true(bdf_parse(addresses[i], &b));
		dev = pcidev_find(&all, b);
		if (dev != NULL)
			l->devs[l->ctx.ndevs++].pci = *dev;
	}
	pcidev_list_finish(&all);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	l->out.fd = pair[0];
	l->other = pair[1];
	for (ack.ask = 1; ack.ask <= 24; ack.ask++)
		assert_int_equal(send(l->other, &ack, sizeof(ack), 0), sizeof(ack));
	l->ctx.host = fakehost_host(fake);
	l->ctx.lane = &l->spec;
	l->ctx.step = &l->step;
	l->ctx.devs = l->devs;
	l->ctx.dev = &l->devs[0];
	l->ctx.out = &l->out;
}

static void lane_close(struct lane *l)
{
	close(l->out.fd);
	close(l->other);
	fakehost_free(l->fake);
}

static enum outcome fire(struct lane *l, int64_t bound_ms)
{
	l->res = (struct result){0};
	l->ctx.deadline_ns = clock_mono_ns() + bound_ms * NS_PER_MS;
	return step_reset.run(&l->ctx, &l->args, &l->res);
}

static void expect(const struct lane *l, enum outcome is, enum outcome wanted, const char *reason)
{
	if (is != wanted || !str_eq(l->res.reason, reason))
		fail_msg("%s %s: %s", outcome_name(is), l->res.reason, l->res.detail);
}

/* Did an event of that kind with those words come? */
static bool heard(struct lane *l, enum event_kind kind, const char *words)
{
	struct event ev;

	while (recv(l->other, &ev, sizeof(ev), MSG_DONTWAIT) == sizeof(ev))
		if (ev.kind == (uint32_t)kind &&
			(strstr(ev.text, words) != NULL || strstr(ev.reason, words) != NULL))
			return true;
	return false;
}

/* Before the run: it can work here, or cannot for this reason. */
static void may(struct lane *l)
{
	struct err err = {0};

	if (step_reset.prepare(&l->ctx, &l->args, &err) != 0)
		fail_msg("%s", err.msg);
}

static void may_not(struct lane *l, const char *why)
{
	struct err err = {0};

	assert_int_equal(step_reset.prepare(&l->ctx, &l->args, &err), -1);
	if (strstr(err.msg, why) == NULL)
		fail_msg("%s", err.msg);
}

static struct fakehost *gpu(enum fake_effect effect, int reset_ms)
{
	return FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12,
			.methods = "flr bus", .on_reset = effect, .reset_ms = reset_ms));
}

static struct fakehost *two_functions(const char *methods, const char *driver_of_audio)
{
	return FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
		FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12,
			.methods = methods),
		FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .driver = driver_of_audio,
			.group = 12));
}

static void a_good_reset_passes_and_leaves_the_methods(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 20), "flr");
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr bus");
	assert_true(heard(&l, EV_DEVICE_STATE, "before"));
	assert_true(heard(&l, EV_UNDO, "/reset_method"));
	assert_true(heard(&l, EV_SUBSTEP, "write to reset"));
	assert_true(heard(&l, EV_UNDO_DONE, ""));
	assert_true(heard(&l, EV_DEVICE_STATE, "after"));
	lane_close(&l);
}

static void default_changes_no_methods(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "default");
	fake_write_fails("/reset_method", NULL, EIO);
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	fake_writes_work();
	assert_false(heard(&l, EV_UNDO, ""));
	lane_close(&l);
}

/* The kernel says "success" in all of these. */
static void success_is_judged_by_the_device(void **state)
{
	static const struct {
		enum fake_effect effect;
		const char *reason, *detail;
	} cases[] = {
		{FAKE_DARK, "device-unreadable", "all ones"},
		{FAKE_NARROW, "state-differs", "link width is x1, was x16"},
		{FAKE_OTHER_ID, "state-differs", "it is 1234:11e9, was 1234:11e8"},
		{FAKE_BARS_LOST, "state-differs", "BAR 0 is 00000000, was fe000000"},
		{FAKE_D3COLD, "state-differs", "power state is D3cold, was D0"},
		{FAKE_GONE, "device-vanished", "gone"},
	};
	struct lane l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		lane_open(&l, gpu(cases[i].effect, 0), "flr");
		expect(&l, fire(&l, 5000), OUTCOME_FAIL, cases[i].reason);
		if (strstr(l.res.detail, cases[i].detail) == NULL)
			fail_msg("%s", l.res.detail);
		lane_close(&l);
	}
}

static void a_device_that_goes_leaves_nothing_to_undo(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_GONE, 0), "flr");
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "device-vanished");
	assert_true(heard(&l, EV_UNDO, "/reset_method"));
	assert_true(heard(&l, EV_UNDO_DONE, ""));
	lane_close(&l);
}

static void a_dead_device_fails_before_it_is_reset(void **state)
{
	struct lane l;
	size_t i;

	(void)state;
	lane_open(&l, gpu(FAKE_NEVER, 0), "flr");
	for (i = 0; i < 256; i++)
		fakehost_config(l.fake, GPU, i, 0xff);
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "device-unreadable");
	assert_non_null(strstr(l.res.detail, "before"));
	lane_close(&l);
	lane_open(&l, gpu(FAKE_NEVER, 0), "flr");
	fakehost_remove(l.fake, DEVS GPU);
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "device-vanished");
	lane_close(&l);
}

static void a_reset_that_never_returns_is_a_timeout(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_NEVER, 0), "flr");
	expect(&l, fire(&l, 300), OUTCOME_FAIL, "timeout");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr bus");
	lane_close(&l);
}

static void a_minute_passes(int sig)
{
	(void)sig;
	clock_test_advance(61 * NS_PER_S);
}

/* The kernel gave up waiting for the device once, tried something else, and says success. */
static void success_after_a_minute_is_a_slow_reset(void **state)
{
	const struct sigaction act = {.sa_handler = a_minute_passes};
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_ALARM, 20), "flr");
	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	clock_test_set(clock_mono_ns());
	expect(&l, fire(&l, 90000), OUTCOME_FAIL, "slow-reset");
	clock_test_set(0);
	assert_non_null(strstr(l.res.detail, "given up"));
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr bus");
	lane_close(&l);
}

static void an_errno_is_explained(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "flr");
	fake_write_fails("/reset", NULL, ENOTTY);
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "reset-failed");
	fake_writes_work();
	assert_non_null(strstr(l.res.detail, "flr reset of " GPU));
	assert_non_null(strstr(l.res.detail, "Inappropriate ioctl"));
	assert_non_null(strstr(l.res.advice, "never became ready"));
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr bus");
	fake_write_fails("/reset", NULL, EPERM);
	expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "not-permitted");
	fake_writes_work();
	lane_close(&l);
}

static void every_errno_has_its_own_words(void **state)
{
	static const int errnos[] = {ENOTTY, EINVAL, EAGAIN, ENODEV, EBUSY, EIO, EPERM, EACCES};
	struct fakehost *fake = gpu(FAKE_OK, 0);
	const struct reset_method *flr = reset_method_find("flr");
	const struct pcidev dev = {.bdf = {0, 1, 0, 0}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		struct err err = {0};

		err_set(&err, ERR_IO, errnos[i], "write");
		flr->diagnose(flr, fakehost_host(fake), &dev, &err);
		assert_non_null(strstr(err.msg, "flr reset of " GPU));
		assert_true(err.hint[0] != '\0');
		assert_null(strstr(err.msg, "all ones"));
	}
	for (i = 0; i < 256; i++)
		fakehost_config(fake, GPU, i, 0xff);
	{
		struct err err = {0};

		err_set(&err, ERR_IO, ENOTTY, "write");
		flr->diagnose(flr, fakehost_host(fake), &dev, &err);
		assert_non_null(strstr(err.msg, "all ones"));
	}
	fakehost_free(fake);
}

static void a_method_that_is_not_offered_is_refused_before_the_run(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "pm");
	may_not(&l, "offers 'flr bus', not 'pm'");
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "not-offered");
	l.args.if_offered = true;
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_SKIPPED, "not-offered");
	assert_false(heard(&l, EV_UNDO, ""));
	lane_close(&l);
}

static void one_function_of_the_lane_that_offers_it_is_enough(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "flr");
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	l.ctx.dev = &l.devs[1];
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_SKIPPED, "not-offered");
	/* function 0 lists `bus` since before it had company; the kernel would refuse it */
	l.ctx.dev = &l.devs[0];
	l.args.method = "bus";
	may_not(&l, "0000:01:00.1 is in the same slot");
	l.args.method = "default";
	may(&l);
	lane_close(&l);
}

static void default_is_not_offered_by_whom_the_kernel_refuses_all_it_lists(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("bus", "vfio-pci"), "default");
	may_not(&l, "lists 'bus', but the kernel refuses it");
	lane_close(&l);
	lane_open(&l,
		FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1),
			FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12,
				.methods = "bus")),
		"default");
	may(&l);
	lane_close(&l);
}

static void a_hot_reset_stands_for_the_whole_slot(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "hot");
	may(&l);
	/* plain files are no VFIO */
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "reset-failed");
	assert_non_null(strstr(l.res.detail, "at 'vfio attach'"));
	l.ctx.dev = &l.devs[1];
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_SKIPPED, "with-its-slot");
	/* narrowed to it, it stands for itself */
	l.step.device = "0000:01:00.1";
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "reset-failed");
	lane_close(&l);
}

static void a_hot_reset_needs_the_whole_slot_on_vfio(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "snd_hda_intel"), "hot");
	l.spec.driver = DRIVER_VFIO_PCI; /* will have bound it by then */
	may(&l);
	l.spec.driver = DRIVER_MANAGED;
	may_not(&l, "0000:01:00.1 is not on a VFIO driver");
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "not-offered");
	l.ctx.ndevs = 1;
	may_not(&l, "0000:01:00.1 would be reset as well");
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "not-offered");
	/* what a lane cannot have is no reason to fail where it was only asked for */
	l.args.if_offered = true;
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_SKIPPED, "not-offered");
	lane_close(&l);
}

static void a_bridge_resets_all_that_is_below_it(void **state)
{
	static const char attr[] = DEVS "0000:00:01.0/reset_subordinate";
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "subordinate");
	assert_int_equal(step_reset.prepare(&l.ctx, &l.args, &err), -1);
	assert_non_null(
		strstr(err.msg, "0000:00:01.0, the bridge above, has no reset_subordinate"));
	fakehost_write(l.fake, attr, "");
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	assert_string_equal(fakehost_text(l.fake, attr), "1");
	fake_write_fails("/reset_subordinate", NULL, ENOTTY);
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "reset-failed");
	assert_non_null(strstr(l.res.detail, "link of the port did not come up"));
	fake_writes_work();
	fakehost_holder(l.fake, 99, "qemu-system-x86", "/dev/vfio/12");
	expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "refused");
	lane_close(&l);
}

static void add_slot(const struct fakehost *fake, const char *driver)
{
	char link[64];

	snprintf(link, sizeof(link), "../../../../module/%s", driver);
	fakehost_write(fake, "/sys/bus/pci/slots/7/address", "0000:07:00\n");
	fakehost_write(fake, "/sys/bus/pci/slots/2/address", "0000:01:00\n");
	fakehost_write(fake, "/sys/bus/pci/slots/2/power", "1\n");
	fakehost_link(fake, "/sys/bus/pci/slots/2/module", link);
}

static void what_may_remove_the_device_must_be_asked_for(void **state)
{
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "subordinate");
	fakehost_write(l.fake, DEVS "0000:00:01.0/reset_subordinate", "");
	add_slot(l.fake, "pciehp");
	assert_int_equal(step_reset.prepare(&l.ctx, &l.args, &err), -1);
	assert_non_null(strstr(err.hint, "may-remove: true"));
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "not-offered");
	l.args.may_remove = true;
	may(&l);
	expect(&l, fire(&l, 30000), OUTCOME_PASS, "");
	assert_true(heard(&l, EV_UNDO, "drivers_autoprobe"));
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "1");
	lane_close(&l);
}

static void a_slot_is_switched_off_and_on(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "slot");
	may_not(&l, "in no hotplug slot");
	add_slot(l.fake, "acpiphp");
	may_not(&l, "switching it off ejects the card");
	fakehost_remove(l.fake, "/sys/bus/pci/slots/2/module");
	fakehost_link(l.fake, "/sys/bus/pci/slots/2/module", "../../../../module/pciehp");
	may(&l);
	expect(&l, fire(&l, 30000), OUTCOME_PASS, "");
	assert_true(heard(&l, EV_UNDO, "slots/2/power"));
	assert_true(heard(&l, EV_SUBSTEP, "slot power off"));
	assert_true(heard(&l, EV_SUBSTEP, "slot power on"));
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/slots/2/power"), "1");
	fake_write_fails("/power", "1", ENODEV);
	expect(&l, fire(&l, 30000), OUTCOME_FAIL, "reset-failed");
	assert_non_null(strstr(l.res.detail, "no card is found"));
	fake_writes_work();
	fakehost_remove(l.fake, "/sys/bus/pci/slots/2/power");
	may_not(&l, "slot 2 of 0000:01:00.0 has no power switch");
	lane_close(&l);
}

/* Function 1 went first; function 0 refuses. */
static void half_a_removed_slot_is_brought_back(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "slot");
	fake_write_fails(GPU "/remove", NULL, EIO);
	l.ctx.deadline_ns = clock_mono_ns() + 20 * NS_PER_S;
	expect(&l, step_rescan.run(&l.ctx, NULL, &l.res), OUTCOME_FAIL, "remove-failed");
	fake_writes_work();
	assert_string_equal(fakehost_text(l.fake, DEVS "0000:01:00.1/vendor"), "0x1234");
	assert_string_equal(fakehost_text(l.fake, DEVS "0000:01:00.1/driver_override"), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "1");
	lane_close(&l);
}

/* Function 1 does not come back. */
static void what_came_back_of_a_slot_is_bound(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l,
		FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
			FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12),
			FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .driver = "vfio-pci",
				.group = 12, .lost = true)),
		"slot");
	l.ctx.deadline_ns = clock_mono_ns() + 3 * NS_PER_S;
	expect(&l, step_rescan.run(&l.ctx, NULL, &l.res), OUTCOME_FAIL, "device-vanished");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/driver_override"), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "0");
	lane_close(&l);
}

#define POWER "/sys/bus/pci/slots/2/power"

static void a_slot_is_not_left_off(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "vfio-pci"), "slot");
	add_slot(l.fake, "pciehp");
	fake_write_fails_late("/power", "0", EIO);
	expect(&l, fire(&l, 20000), OUTCOME_FAIL, "reset-failed");
	assert_non_null(strstr(l.res.detail, "power fault"));
	assert_string_equal(fakehost_text(l.fake, POWER), "1");
	assert_true(heard(&l, EV_SUBSTEP, "slot power off, refused"));
	assert_true(heard(&l, EV_SUBSTEP, "slot power back on"));
	assert_true(heard(&l, EV_UNDO_DONE, ""));
	fake_writes_work();
	/* one more try, and then it is for `undo` */
	fake_write_fails("/power", "1", ENODEV);
	expect(&l, fire(&l, 20000), OUTCOME_FAIL, "reset-failed");
	fake_writes_work();
	assert_true(heard(&l, EV_SUBSTEP, "slot power back on, refused"));
	assert_string_equal(fakehost_text(l.fake, POWER), "0");
	lane_close(&l);
}

static void what_a_removal_would_lose_is_refused(void **state)
{
	static const char *const methods[] = {"slot", "subordinate"};
	struct err err = {0};
	struct lane l;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		lane_open(&l,
			FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
				FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci",
					.group = 12, .methods = "flr"),
				FAKE_DEV("0000:01:00.1", .parent = "0000:00:01.0", .physfn = GPU,
					.driver = "vfio-pci", .group = 13)),
			methods[i]);
		l.args.may_remove = true;
		fakehost_write(l.fake, DEVS "0000:00:01.0/reset_subordinate", "");
		add_slot(l.fake, "pciehp");
		assert_int_equal(step_reset.prepare(&l.ctx, &l.args, &err), -1);
		assert_non_null(strstr(err.msg, GPU " has virtual functions"));
		expect(&l, fire(&l, 20000), OUTCOME_BROKEN, "refused");
		assert_non_null(strstr(l.res.detail, "would be lost"));
		assert_string_equal(fakehost_text(l.fake, POWER), "1");
		assert_string_equal(
			fakehost_text(l.fake, DEVS "0000:00:01.0/reset_subordinate"), "");
		lane_close(&l);
	}
}

/* It may remove the devices, and may as well reset them below their driver. */
static void what_may_remove_still_needs_while_bound(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, two_functions("flr bus", "snd_hda_intel"), "subordinate");
	l.args.may_remove = true;
	fakehost_write(l.fake, DEVS "0000:00:01.0/reset_subordinate", "");
	add_slot(l.fake, "pciehp");
	expect(&l, fire(&l, 20000), OUTCOME_BROKEN, "refused");
	assert_non_null(strstr(l.res.detail, "driver snd_hda_intel is bound to it"));
	assert_string_equal(fakehost_text(l.fake, DEVS "0000:00:01.0/reset_subordinate"), "");
	l.step.while_bound = true;
	expect(&l, fire(&l, 20000), OUTCOME_PASS, "");
	lane_close(&l);
}

static void a_device_that_does_not_sleep_is_told_and_left_as_it_was(void **state)
{
	static const char control[] = DEVS GPU "/power/control";
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "d3hot");
	fakehost_config(l.fake, GPU, 0x06, 0);
	may_not(&l, "no power management capability");
	fakehost_config(l.fake, GPU, 0x06, 0x10);
	fakehost_write(l.fake, control, "auto\n");
	fakehost_write(l.fake, DEVS GPU "/d3cold_allowed", "1\n");
	may(&l);
	expect(&l, fire(&l, 3000), OUTCOME_FAIL, "reset-failed");
	assert_non_null(strstr(l.res.detail, "was not put to sleep"));
	assert_true(heard(&l, EV_UNDO, "d3cold_allowed"));
	assert_true(heard(&l, EV_UNDO, "power/control"));
	assert_true(heard(&l, EV_UNDO_DONE, ""));
	assert_string_equal(fakehost_text(l.fake, control), "auto");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/d3cold_allowed"), "1");
	lane_close(&l);
}

static void a_word_that_the_kernel_drops_is_a_note_and_no_difference(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "flr");
	fake_write_fails("/reset_method", "flr bus", EINVAL);
	fake_write_fails("/reset_method", "bus", EINVAL);
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	fake_writes_work();
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr");
	assert_string_equal(l.devs[0].pci.reset_methods, "flr");
	assert_true(heard(&l, EV_LANE_NOTE, "does not offer the reset method 'bus'"));
	lane_close(&l);
}

static void a_dropped_word_is_no_difference_after_a_reset_that_failed(void **state)
{
	struct dev_state *reference;
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "flr");
	assert_int_equal(oracle_remember(l.ctx.host, &l.devs[0], &err), 0);
	reference = l.devs[0].oracle;
	fake_write_fails("/reset_method", "flr bus", EINVAL);
	fake_write_fails("/reset_method", "bus", EINVAL);
	fake_write_fails("/reset", NULL, ENOTTY);
	expect(&l, fire(&l, 5000), OUTCOME_FAIL, "reset-failed");
	assert_string_equal(reference->reset_methods, "flr");
	fake_writes_work();
	oracle_forget(&l.devs[0]);
	lane_close(&l);
}

static void the_guard_is_asked_again_right_before(void **state)
{
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "flr");
	may(&l);
	fakehost_holder(l.fake, 99, "qemu-system-x86", "/dev/vfio/12");
	expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "refused");
	assert_non_null(strstr(l.res.detail, "qemu-system-x86"));
	assert_int_equal(step_reset.prepare(&l.ctx, &l.args, &err), -1);
	lane_close(&l);
}

static void start_a_vm(const struct fakehost *fake)
{
	fakehost_holder(fake, 99, "qemu-system-x86", "/dev/vfio/12");
}

static void bind_a_host_driver(const struct fakehost *fake)
{
	fakehost_link(fake, DEVS GPU "/driver", "../../../bus/pci/drivers/nouveau");
}

/* To read config space may take long; a VM may start in that time, or udev bind a driver. */
static void the_guard_is_asked_after_the_device_was_looked_at(void **state)
{
	static const struct {
		void (*happens)(const struct fakehost *fake);
		const char *words;
	} cases[] = {{start_a_vm, "qemu-system-x86"}, {bind_a_host_driver, "nouveau"}};
	struct lane l;
	pid_t other;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		lane_open(&l, gpu(FAKE_OK, 0), "flr");
		other = fakehost_while_reading(l.fake, DEVS GPU "/power_state", cases[i].happens);
		expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "refused");
		assert_non_null(strstr(l.res.detail, cases[i].words));
		assert_false(heard(&l, EV_UNDO, ""));
		assert_int_equal(waitpid(other, NULL, 0), other);
		lane_close(&l);
	}
}

static void default_reaches_as_far_as_any_method_that_may_be_it(void **state)
{
	static const struct {
		const char *methods;
		enum reset_scope reach;
	} cases[] = {
		{"flr pm", SCOPE_FUNCTION},
		{"flr bus", SCOPE_BUS},
		{"cxl_bus", SCOPE_BUS},
		{"default", SCOPE_BUS}, /* a kernel that does not say which */
		{"flr quantum", SCOPE_BUS}, /* one that knows more than we */
		{"", SCOPE_FUNCTION},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pcidev dev = {0};

		str_set(dev.reset_methods, cases[i].methods);
		assert_int_equal(reset_reach(reset_method_find("default"), &dev), cases[i].reach);
		assert_int_equal(reset_reach(reset_method_find("flr"), &dev), SCOPE_FUNCTION);
		assert_int_equal(reset_reach(reset_method_find("bus"), &dev), SCOPE_BUS);
	}
}

static void a_host_driver_needs_while_bound(void **state)
{
	struct err err = {0};
	struct lane l;

	(void)state;
	lane_open(&l, FAKEHOST(FAKE_DEV(GPU, .driver = "snd_hda_intel", .methods = "flr")), "flr");
	/* the lane will have taken it by then */
	may(&l);
	l.spec.driver = DRIVER_MANAGED;
	assert_int_equal(step_reset.prepare(&l.ctx, &l.args, &err), -1);
	assert_non_null(strstr(err.hint, "while-bound"));
	expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "refused");
	l.step.while_bound = true;
	may(&l);
	expect(&l, fire(&l, 5000), OUTCOME_PASS, "");
	lane_close(&l);
}

static void without_an_undo_record_nothing_is_changed(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_DARK, 0), "flr");
	close(l.other);
	l.other = dup(0);
	/* the acknowledgements that were sent ahead are still readable: take them */
	while (recv(l.out.fd, &(struct order){0}, sizeof(struct order), MSG_DONTWAIT) > 0)
		continue;
	expect(&l, fire(&l, 5000), OUTCOME_BROKEN, "not-recorded");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/reset_method"), "flr bus");
	lane_close(&l);
}

static void the_bound_counts_the_methods_that_may_run(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, gpu(FAKE_OK, 0), "flr");
	assert_int_equal(step_reset.bound_ms(&l.ctx, &l.args), 90000);
	assert_int_equal(step_reset.typical_ms(&l.ctx, &l.args), 200);
	l.args.method = "default";
	assert_int_equal(step_reset.bound_ms(&l.ctx, &l.args), 165000);
	/* and what removes the devices a minute, to wait until another lane's are back */
	l.args.method = "slot";
	assert_int_equal(step_reset.bound_ms(&l.ctx, &l.args), 150000);
	l.args.method = "subordinate";
	assert_int_equal(step_reset.bound_ms(&l.ctx, &l.args), 90000);
	l.args.may_remove = true;
	assert_int_equal(step_reset.bound_ms(&l.ctx, &l.args), 150000);
	lane_close(&l);
}

static const char *load_error(const char *method, bool while_running)
{
	static struct diags d;
	struct args args = {.method = method};
	struct step step = {.args = &args, .while_running = while_running};

	d = (struct diags){0};
	if (step_reset.check(&step, NULL, &d) == 0)
		return "";
	snprintf(d.list[0].msg + strlen(d.list[0].msg), 200, " | %s", d.list[0].hint);
	return d.list[0].msg;
}

static void words_are_checked_when_a_scenario_is_read(void **state)
{
	(void)state;
	assert_string_equal(load_error("flr", false), "");
	assert_non_null(strstr(load_error("flrr", false), "did you mean 'flr'?"));
	assert_non_null(strstr(load_error("banana", false), "list resets"));
	assert_string_equal(load_error("hot", false), "");
	assert_string_equal(load_error("flr", true), "");
	assert_non_null(strstr(load_error("hot", true), "stop the VM first"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_reset_passes_and_leaves_the_methods),
		cmocka_unit_test(default_changes_no_methods),
		cmocka_unit_test(success_is_judged_by_the_device),
		cmocka_unit_test(a_device_that_goes_leaves_nothing_to_undo),
		cmocka_unit_test(a_dead_device_fails_before_it_is_reset),
		cmocka_unit_test(a_reset_that_never_returns_is_a_timeout),
		cmocka_unit_test(success_after_a_minute_is_a_slow_reset),
		cmocka_unit_test(an_errno_is_explained),
		cmocka_unit_test(every_errno_has_its_own_words),
		cmocka_unit_test(a_method_that_is_not_offered_is_refused_before_the_run),
		cmocka_unit_test(one_function_of_the_lane_that_offers_it_is_enough),
		cmocka_unit_test(default_is_not_offered_by_whom_the_kernel_refuses_all_it_lists),
		cmocka_unit_test(a_hot_reset_stands_for_the_whole_slot),
		cmocka_unit_test(a_hot_reset_needs_the_whole_slot_on_vfio),
		cmocka_unit_test(a_bridge_resets_all_that_is_below_it),
		cmocka_unit_test(what_may_remove_the_device_must_be_asked_for),
		cmocka_unit_test(a_slot_is_switched_off_and_on),
		cmocka_unit_test(half_a_removed_slot_is_brought_back),
		cmocka_unit_test(what_came_back_of_a_slot_is_bound),
		cmocka_unit_test(a_slot_is_not_left_off),
		cmocka_unit_test(what_a_removal_would_lose_is_refused),
		cmocka_unit_test(what_may_remove_still_needs_while_bound),
		cmocka_unit_test(a_device_that_does_not_sleep_is_told_and_left_as_it_was),
		cmocka_unit_test(a_word_that_the_kernel_drops_is_a_note_and_no_difference),
		cmocka_unit_test(a_dropped_word_is_no_difference_after_a_reset_that_failed),
		cmocka_unit_test(the_guard_is_asked_again_right_before),
		cmocka_unit_test(the_guard_is_asked_after_the_device_was_looked_at),
		cmocka_unit_test(default_reaches_as_far_as_any_method_that_may_be_it),
		cmocka_unit_test(a_host_driver_needs_while_bound),
		cmocka_unit_test(without_an_undo_record_nothing_is_changed),
		cmocka_unit_test(the_bound_counts_the_methods_that_may_run),
		cmocka_unit_test(words_are_checked_when_a_scenario_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
