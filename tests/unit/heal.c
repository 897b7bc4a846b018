/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/heal.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/oracle.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GPU  "0000:01:00.0"
#define DEVS "/sys/bus/pci/devices/"

/* A lane of one device that the run has seen healthy. */
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

static void lane_open(struct lane *l, bool lost)
{
	struct order ack = {.kind = ORDER_ACK, .value = 9};
	struct pcidev_list all = {0};
	struct err err = {0};
	int pair[2];

	*l = (struct lane){
		.fake = FAKEHOST(FAKE_DEV("0000:00:01.0", .secondary = 1, .driver = "pcieport"),
			FAKE_DEV(GPU, .parent = "0000:00:01.0", .driver = "vfio-pci", .group = 12,
				.methods = "flr bus", .lost = lost)),
	};
	assert_int_equal(pcidev_scan_nameless(fakehost_host(l->fake), &all, &err), 0);
	l->dev.pci = all.v[1];
	pcidev_list_finish(&all);
	assert_int_equal(oracle_remember(fakehost_host(l->fake), &l->dev, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	l->out.fd = pair[0];
	l->other = pair[1];
	for (ack.ask = 1; ack.ask <= 24; ack.ask++)
		assert_int_equal(send(l->other, &ack, sizeof(ack), 0), sizeof(ack));
	l->ctx = (struct step_ctx){.host = fakehost_host(l->fake),
		.lane = &l->spec,
		.step = &l->step,
		.devs = &l->dev,
		.ndevs = 1,
		.dev = &l->dev,
		.out = &l->out};
}

static void lane_close(struct lane *l)
{
	oracle_forget(&l->dev);
	close(l->out.fd);
	close(l->other);
	fakehost_free(l->fake);
}

static void expect_rung_within(struct lane *l, int64_t patience_ns, enum heal_rung rung,
	enum outcome wanted, const char *words)
{
	enum outcome is;

	l->res = (struct result){0};
	l->ctx.deadline_ns = clock_mono_ns() + patience_ns;
	is = heal_try(&l->ctx, rung, &l->res);
	if (is != wanted || strstr(l->res.detail, words) == NULL)
		fail_msg("%s: %s %s: %s", heal_rung_name(rung), outcome_name(is), l->res.reason,
			l->res.detail);
}

static void expect_rung(struct lane *l, enum heal_rung rung, enum outcome wanted, const char *words)
{
	expect_rung_within(l, 20 * NS_PER_S, rung, wanted, words);
}

static void a_device_that_is_as_found_is_well(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, false);
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_PASS);
	fakehost_config(l.fake, GPU, 0x13, 0);
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_FAIL);
	assert_non_null(strstr(l.res.detail, "BAR 0"));
	lane_close(&l);
}

static void only_a_device_as_found_is_healed(void **state)
{
	enum heal_rung rung;
	struct lane l;

	(void)state;
	lane_open(&l, false);
	for (rung = HEAL_FLR; rung < HEAL_SLOT; rung++) {
		fakehost_config(l.fake, GPU, 0x13, 0);
		expect_rung(&l, rung, OUTCOME_FAIL, "BAR 0");
		fakehost_config(l.fake, GPU, 0x13, 0xfe);
		expect_rung(&l, rung, OUTCOME_PASS, "");
	}
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/driver_override"), "vfio-pci");
	lane_close(&l);
}

/* A reset writes the command register back as it found it, and a rescan leaves it. */
static void bus_mastering_that_nobody_uses_is_switched_off(void **state)
{
	enum heal_rung rung;
	struct lane l;

	(void)state;
	lane_open(&l, false);
	for (rung = HEAL_FLR; rung < HEAL_SLOT; rung++) {
		fakehost_config(l.fake, GPU, 4, 0x06);
		assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_FAIL);
		assert_non_null(strstr(l.res.detail, "bus mastering is on while nobody uses it"));
		expect_rung(&l, rung, OUTCOME_PASS, "");
		assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_PASS);
	}
	/* somebody has enabled it meanwhile: it is his */
	fakehost_config(l.fake, GPU, 4, 0x06);
	fakehost_write(l.fake, DEVS GPU "/enable", "1\n");
	expect_rung(&l, HEAL_FLR, OUTCOME_PASS, "");
	fakehost_write(l.fake, DEVS GPU "/enable", "0\n");
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_FAIL);
	lane_close(&l);
}

static void what_is_gone_for_good_no_rung_brings_back(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, true);
	fakehost_config(l.fake, GPU, 0x13, 0);
	expect_rung_within(&l, NS_PER_S, HEAL_RESCAN, OUTCOME_FAIL, "did not come back");
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_FAIL);
	expect_rung(&l, HEAL_FLR, OUTCOME_FAIL, "gone from sysfs");
	expect_rung_within(&l, NS_PER_S, HEAL_RESCAN, OUTCOME_FAIL, "did not come back");
	expect_rung(&l, HEAL_SLOT, OUTCOME_SKIPPED, "in no hotplug slot");
	/* nobody knows when it comes back */
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "0");
	lane_close(&l);
}

static void add_slot(const struct fakehost *fake)
{
	fakehost_write(fake, "/sys/bus/pci/slots/2/address", "0000:01:00\n");
	fakehost_write(fake, "/sys/bus/pci/slots/2/power", "0\n");
	fakehost_link(fake, "/sys/bus/pci/slots/2/module", "../../../../module/pciehp");
}

static void power_returns(const struct fakehost *fake)
{
	fakehost_return(fake, GPU);
}

/* Its power was cut: the one rung that acts on the slot needs no device to act on. */
static void a_device_that_is_gone_is_healed_by_its_slot(void **state)
{
	struct err err = {0};
	struct lane l;
	pid_t other;

	(void)state;
	lane_open(&l, true);
	add_slot(l.fake);
	assert_int_equal(host_write(l.ctx.host, DEVS GPU "/remove", "1", &err), 0);
	expect_rung(&l, HEAL_FLR, OUTCOME_FAIL, "gone from sysfs");
	other = fakehost_while_reading(l.fake, "/sys/bus/pci/slots/2/power", power_returns);
	expect_rung(&l, HEAL_SLOT, OUTCOME_PASS, "");
	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/slots/2/power"), "1");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/driver_override"), "vfio-pci");
	assert_string_equal(fakehost_text(l.fake, "/sys/bus/pci/drivers_autoprobe"), "1");
	lane_close(&l);
}

/* Libvirt binds it as it needs it: which driver it has is no illness. */
static void in_a_managed_lane_no_driver_is_an_illness(void **state)
{
	struct dev_state *reference;
	struct lane l;

	(void)state;
	lane_open(&l, false);
	reference = l.dev.oracle;
	str_set(reference->driver, "nvidia");
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_FAIL);
	expect_rung(&l, HEAL_FLR, OUTCOME_FAIL, "driver is vfio-pci, was nvidia");
	l.spec.driver = DRIVER_MANAGED;
	assert_int_equal(heal_look(&l.ctx, &l.res), OUTCOME_PASS);
	expect_rung(&l, HEAL_FLR, OUTCOME_PASS, "");
	assert_string_equal(reference->driver, "nvidia");
	lane_close(&l);
}

/* What removes a device takes it from its driver first: no reset happens below that. */
static void a_slot_is_switched_with_a_host_driver_on_its_device(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, false);
	l.spec.driver = DRIVER_MANAGED;
	fakehost_link(l.fake, DEVS GPU "/driver", "../../../bus/pci/drivers/snd_hda_intel");
	fakehost_write(l.fake, "/sys/bus/pci/drivers/snd_hda_intel/bind", "");
	str_set(((struct dev_state *)l.dev.oracle)->driver, "snd_hda_intel");
	add_slot(l.fake);
	fakehost_write(l.fake, "/sys/bus/pci/slots/2/power", "1\n");
	expect_rung(&l, HEAL_SLOT, OUTCOME_PASS, "");
	lane_close(&l);
}

/* One that came back by itself, late, has no driver: it gets the one that the run gave it. */
static void what_came_back_without_its_driver_gets_it(void **state)
{
	struct lane l;

	(void)state;
	lane_open(&l, false);
	fakehost_remove(l.fake, DEVS GPU "/driver");
	expect_rung(&l, HEAL_RESCAN, OUTCOME_PASS, "");
	assert_string_equal(fakehost_text(l.fake, DEVS GPU "/driver_override"), "vfio-pci");
	lane_close(&l);
}

static void every_rung_asks_the_guard(void **state)
{
	enum heal_rung rung;
	struct lane l;

	(void)state;
	lane_open(&l, false);
	fakehost_holder(l.fake, 99, "qemu-system-x86", "/dev/vfio/12");
	for (rung = HEAL_FLR; rung < HEAL_SLOT; rung++)
		expect_rung(&l, rung, OUTCOME_BROKEN, "qemu-system-x86");
	lane_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_is_as_found_is_well),
		cmocka_unit_test(only_a_device_as_found_is_healed),
		cmocka_unit_test(bus_mastering_that_nobody_uses_is_switched_off),
		cmocka_unit_test(what_is_gone_for_good_no_rung_brings_back),
		cmocka_unit_test(a_device_that_is_gone_is_healed_by_its_slot),
		cmocka_unit_test(in_a_managed_lane_no_driver_is_an_illness),
		cmocka_unit_test(a_slot_is_switched_with_a_host_driver_on_its_device),
		cmocka_unit_test(what_came_back_without_its_driver_gets_it),
		cmocka_unit_test(every_rung_asks_the_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
