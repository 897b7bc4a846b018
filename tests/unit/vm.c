/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm.h"

#include "base/clock.h"
#include "world/agent.h"
#include "world/host.h"
#include "world/ready.h"
#include "world/vm_parts.h"

#include "cmocka_all.h"
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct host host = {.root = "", .kmsg = "/dev/kmsg"};

static struct vm *open_default(void)
{
	struct vm *vm = NULL;
	struct err err;

	assert_int_equal(vm_open(&host, "test:///default", "test", &vm, &err), 0);
	return vm;
}

static int64_t soon(void)
{
	return clock_mono_ns() + 5 * NS_PER_S;
}

static void only_local_connections_are_accepted(void **state)
{
	static const char *const bad[] = {"qemu+ssh://other/system", "qemu+tcp://other/system",
		"qemu://other/system", "qemu:///system?socket=/tmp/forwarded",
		"test+ssh://x/default", "xen:///system", ""};
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(vm_uri_check(bad[i], &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_int_equal(vm_uri_check("qemu:///system", &err), 0);
	assert_int_equal(vm_uri_check("qemu:///session", &err), 0);
	assert_int_equal(vm_uri_check("test:///default", &err), 0);
}

static void an_unknown_domain_gets_a_suggestion(void **state)
{
	struct vm *vm = NULL;
	struct err err;

	(void)state;
	assert_int_equal(vm_open(&host, "test:///default", "tests", &vm, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	assert_string_equal(err.msg, "no domain 'tests' at test:///default");
	assert_string_equal(err.hint, "did you mean 'test'?");
	assert_null(vm);
}

static void a_domain_is_destroyed_and_started_and_each_only_once(void **state)
{
	struct vm *vm = open_default();
	enum vm_state s;
	struct err err;

	(void)state;
	assert_int_equal(vm_found(vm)->state, VM_STATE_RUNNING);
	assert_true(vm_found(vm)->persistent);
	assert_int_equal(vm_start(vm, false, &err), VM_ALREADY_RUNNING);
	assert_int_equal(vm_destroy(vm, soon(), &err), VM_OK);
	assert_int_equal(vm_destroy(vm, soon(), &err), VM_NOT_RUNNING);
	assert_int_equal(vm_state(vm, &s, &err), VM_OK);
	assert_int_equal(s, VM_STATE_OFF);
	assert_int_equal(vm_start(vm, false, &err), VM_OK);
	assert_int_equal(vm_state(vm, &s, &err), VM_OK);
	assert_int_equal(s, VM_STATE_RUNNING);
	vm_close(vm);
}

static void a_domain_is_brought_back_to_how_it_was_found(void **state)
{
	static const enum vm_state states[] = {VM_STATE_OFF, VM_STATE_PAUSED, VM_STATE_RUNNING};
	struct vm *vm = open_default();
	enum vm_state s;
	struct err err;
	size_t i, k;

	(void)state;
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 3; k++) {
			assert_int_equal(vm_restore(vm, states[i], soon(), &err), VM_OK);
			assert_int_equal(vm_restore(vm, states[k], soon(), &err), VM_OK);
			assert_int_equal(vm_state(vm, &s, &err), VM_OK);
			assert_int_equal(s, states[k]);
		}
	}
	vm_close(vm);
}

static void waiting_ends_at_the_deadline_and_finds_nothing_wrong(void **state)
{
	struct vm *vm = open_default();
	int64_t start = clock_mono_ns();
	struct err err;

	(void)state;
	while (clock_mono_ns() < start + 50 * NS_PER_MS)
		assert_int_equal(vm_wait(vm, NULL, 0, start + 50 * NS_PER_MS, &err), VM_OK);
	assert_true(clock_mono_ns() - start < NS_PER_S);
	vm_close(vm);
}

/* A guest that obeys when its grace is just over: `stop` then finds it off, and has what it wants. */
static void a_guest_that_obeys_late_is_not_said_to_stop_by_itself(void **state)
{
	struct vm *vm = open_default(), *guest = open_default();
	struct err err;

	(void)state;
	/* without having been asked */
	assert_int_equal(vm_shutdown(guest, VM_MODE_DEFAULT, soon(), &err), VM_OK);
	assert_int_equal(vm_destroy(vm, soon(), &err), VM_GUEST_STOPPED);
	/* as after vm_shutdown whose deadline came first; test:///'s guest always obeys in time */
	assert_int_equal(vm_start(vm, false, &err), VM_OK);
	assert_int_equal(vm_restore(guest, VM_STATE_RUNNING, soon(), &err), VM_OK);
	vm->asked_off = true;
	assert_int_equal(vm_shutdown(guest, VM_MODE_DEFAULT, soon(), &err), VM_OK);
	assert_int_equal(vm_destroy(vm, soon(), &err), VM_OK);
	assert_int_equal(vm_start(vm, false, &err), VM_OK);
	assert_false(vm->asked_off);
	vm_close(guest);
	vm_close(vm);
}

/* libvirt asks no agent of a guest that does not run: "domain is not running". */
static void commands_in_a_guest_that_stands_still_are_not_asked_for(void **state)
{
	const struct agent_job load = {.pid = 7, .name = "load"};
	struct vm *vm = open_default();
	struct err err;

	(void)state;
	assert_int_equal(agent_job_add(vm, &load, &err), VM_OK);
	assert_int_equal(agent_jobs_check(vm, &err), VM_UNSUPPORTED); /* it asks */
	assert_int_equal(vm_suspend(vm, &err), VM_OK);
	assert_int_equal(agent_jobs_check(vm, &err), VM_OK);
	assert_int_equal(vm_resume(vm, &err), VM_OK);
	assert_int_equal(agent_jobs_check(vm, &err), VM_UNSUPPORTED);
	vm_close(vm);
}

/* A test:/// world of our own: a domain with a device and a console in a file. */
static const char node[] =
	"<node><domain type='test'><name>gpu-vm</name>"
	"<uuid>4dea22b3-1d52-d8f3-2516-782e98a23fa0</uuid>"
	"<memory unit='MiB'>512</memory><vcpu>1</vcpu><os><type>hvm</type></os><devices>"
	"<hostdev mode='subsystem' type='pci' managed='yes'><source>"
	"<address domain='0x0000' bus='0x41' slot='0x00' function='0x1'/></source></hostdev>"
	"<serial type='%s'><source mode='bind' path='%s'/><target port='0'/></serial>"
	"</devices></domain></node>";

static struct vm *open_own(const char *xml, const char *kind, const char *console)
{
	struct vm *vm = NULL;
	FILE *f = fopen(xml, "w");
	char uri[80];
	struct err err;

	assert_non_null(f);
	fprintf(f, node, kind, console);
	fclose(f);
	snprintf(uri, sizeof(uri), "test://%s", xml);
	if (vm_open(&host, uri, "gpu-vm", &vm, &err) != 0)
		fail_msg("%s", err.msg);
	unlink(xml);
	return vm;
}

static void print_on(const char *console, const char *text)
{
	FILE *f = fopen(console, "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* One boot after an action that is told after the console says something. */
static enum vm_why boot(
	struct vm *vm, const char *console, const char *before, const char *after, bool *proved)
{
	const struct ready_how how = {.way = READY_BY_SERIAL, .pattern = "login:"};
	struct readiness *r = NULL;
	enum vm_why why;
	struct err err;

	print_on(console, before);
	assert_int_equal(ready_arm(vm, &how, READY_AFTER_RESET, &r, &err), VM_OK);
	print_on(console, after);
	assert_int_equal(vm_reset(vm, &err), VM_OK);
	why = ready_wait(r, clock_mono_ns() + NS_PER_S, proved, &err);
	ready_free(r);
	return why;
}

static void what_the_old_boot_printed_proves_nothing(void **state)
{
	char xml[64], console[64];
	bool proved = false;
	size_t n;
	struct vm *vm;

	(void)state;
	snprintf(xml, sizeof(xml), "/tmp/stress-vm-%d.xml", getpid());
	snprintf(console, sizeof(console), "/tmp/stress-vm-%d.console", getpid());
	vm = open_own(xml, "file", console);
	assert_int_equal(vm_hostdevs(vm, &n)[0].bdf.bus, 0x41);
	assert_int_equal(n, 1);

	assert_int_equal(boot(vm, console, "login:", "", &proved), VM_NOT_READY);
	assert_false(proved);
	assert_int_equal(boot(vm, console, "login:", "booting\nlogin: ", &proved), VM_OK);
	assert_true(proved);
	assert_int_equal(boot(vm, console, "", "[1.0] Kernel panic - not syncing: x\n", &proved),
		VM_GUEST_PANICKED);
	vm_close(vm);
	unlink(console);
}

/* Whoever stands between us and the guest went away: that says nothing about the guest. */
static void a_console_that_is_closed_is_not_the_guests_fault(void **state)
{
	const struct ready_how how = {.way = READY_BY_SERIAL, .pattern = "login:"};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), guest;
	struct readiness *r = NULL;
	bool proved = false;
	struct err err;
	struct vm *vm;
	char xml[64];

	(void)state;
	snprintf(xml, sizeof(xml), "/tmp/stress-vm-%d.xml", getpid());
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/stress-vm-%d.socket", getpid());
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 1), 0);
	vm = open_own(xml, "unix", addr.sun_path);
	assert_int_equal(ready_arm(vm, &how, READY_AFTER_START, &r, &err), VM_OK);
	guest = accept(listener, NULL, NULL);
	assert_int_equal(write(guest, "booting\n", 8), 8);
	close(guest);
	assert_int_equal(ready_wait(r, soon(), &proved, &err), VM_CONSOLE_LOST);
	ready_free(r);
	vm_close(vm);
	close(listener);
	unlink(addr.sun_path);
}

/* Any later, and the step would count as overdue: a fault of the device. */
static void a_libvirtd_that_stays_away_is_waited_for_until_the_deadline(void **state)
{
	struct vm *vm = open_default();
	int64_t start = clock_mono_ns();
	struct err err;

	(void)state;
	snprintf(vm->uri, sizeof(vm->uri), "test:///nowhere/to/be/found.xml");
	assert_int_equal(vm_reconnect(vm, start + 2 * NS_PER_S, &err), VM_LIBVIRT_LOST);
	/* pauses of 0.25, 0.5, 1 and 2 s would end after 3.75 s */
	assert_in_range(clock_mono_ns() - start, 2 * NS_PER_S, 3500 * NS_PER_MS);
	vm_close(vm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_local_connections_are_accepted),
		cmocka_unit_test(an_unknown_domain_gets_a_suggestion),
		cmocka_unit_test(a_domain_is_destroyed_and_started_and_each_only_once),
		cmocka_unit_test(a_domain_is_brought_back_to_how_it_was_found),
		cmocka_unit_test(what_the_old_boot_printed_proves_nothing),
		cmocka_unit_test(a_console_that_is_closed_is_not_the_guests_fault),
		cmocka_unit_test(a_guest_that_obeys_late_is_not_said_to_stop_by_itself),
		cmocka_unit_test(commands_in_a_guest_that_stands_still_are_not_asked_for),
		cmocka_unit_test(waiting_ends_at_the_deadline_and_finds_nothing_wrong),
		cmocka_unit_test(a_libvirtd_that_stays_away_is_waited_for_until_the_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
