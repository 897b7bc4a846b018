/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/str.h"
#include "model/event.h"
#include "model/scenario.h"
#include "steps/domain.h"
#include "steps/steps.h"
#include "world/host.h"
#include "world/vm.h"

#include "cmocka_all.h"
#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A lane in small: a scenario on libvirt's test driver, and the supervisor's end of its socket. */
struct lane {
	struct scenario *sc;
	struct vm *vm;
	struct emitter out;
	int supervisor;
	struct result res;
};

static const struct host host = {.root = "", .kmsg = "/dev/kmsg"};
static const struct vocabulary words = {.steps = step_types};

static struct scenario *parse(const char *text)
{
	struct diags diags = {0};
	struct scenario *sc =
		scenario_parse("test.yaml", text, strlen(text), NULL, 0, &words, &diags);

	if (sc == NULL)
		diags_print(&diags, stderr);
	return sc;
}

static void lane_init(struct lane *l, const char *ready, const char *steps)
{
	char text[1024];
	struct err err;
	int fds[2];

	snprintf(text, sizeof(text),
		"version: 1\nname: t\nconnect: test:///default\nlanes:\n  - domain: test\n%s%s%s"
		"steps:\n%s",
		*ready ? "    ready: " : "", ready, *ready ? "\n" : "", steps);
	*l = (struct lane){.sc = parse(text)};
	assert_non_null(l->sc);
	assert_int_equal(vm_open(&host, l->sc->connect, "test", &l->vm, &err), 0);
	assert_int_equal(vm_restore(l->vm, VM_STATE_OFF, clock_mono_ns() + NS_PER_S, &err), VM_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	l->out.fd = fds[0];
	l->supervisor = fds[1];
}

static void lane_finish(struct lane *l)
{
	vm_close(l->vm);
	scenario_free(l->sc);
	close(l->out.fd);
	close(l->supervisor);
}

static struct step_ctx context(struct lane *l, const struct step *step)
{
	struct step_ctx ctx = {
		.host = &host,
		.scenario = l->sc,
		.lane = &l->sc->lanes[0],
		.step = step,
		.vm = l->vm,
		.out = &l->out,
	};

	ctx.deadline_ns = clock_mono_ns() + step->type->bound_ms(&ctx, step->args) * NS_PER_MS;
	return ctx;
}

static enum outcome run(struct lane *l, size_t i)
{
	const struct step *step = &l->sc->lanes[0].steps.v[i];
	struct step_ctx ctx = context(l, step);

	l->res = (struct result){0};
	return step->type->run(&ctx, step->args, &l->res);
}

static void assert_pass(struct lane *l, size_t i)
{
	enum outcome o = run(l, i);

	if (o != OUTCOME_PASS)
		fail_msg("%s: %s: %s: %s", l->sc->lanes[0].steps.v[i].name, outcome_name(o),
			l->res.reason, l->res.detail);
}

/* The next event of a kind; false when there is none. */
static bool next_event(struct lane *l, enum event_kind kind, struct event *ev)
{
	while (recv(l->supervisor, ev, sizeof(*ev), 0) == (ssize_t)sizeof(*ev))
		if (ev->kind == kind)
			return true;
	return false;
}

static void a_whole_cycle_passes_and_tells_of_its_boots(void **state)
{
	struct event ev;
	struct lane l;
	size_t i, boots = 0;

	(void)state;
	lane_init(&l, "",
		"  - start\n  - reboot\n  - vm-reset\n  - suspend: 5ms\n  - hold: 5ms\n"
		"  - shutdown\n  - start\n  - stop\n  - start\n  - destroy\n");
	for (i = 0; i < l.sc->lanes[0].steps.n; i++)
		assert_pass(&l, i);
	while (next_event(&l, EV_BOOT_PROOF, &ev)) {
		assert_int_equal(ev.code, 0);
		boots++;
	}
	assert_int_equal(boots, 5);
	lane_finish(&l);
}

static void a_step_in_the_wrong_state_says_which(void **state)
{
	static const struct {
		const char *steps;
		enum outcome outcome;
		const char *reason;
	} cases[] = {
		{"  - start\n  - shutdown\n", OUTCOME_FAIL, "not-running"},
		{"  - start\n  - reboot\n", OUTCOME_FAIL, "not-running"},
		{"  - start\n  - vm-reset\n", OUTCOME_FAIL, "not-running"},
		{"  - start\n  - suspend: 1ms\n", OUTCOME_FAIL, "not-running"},
		{"  - start\n  - destroy\n", OUTCOME_SKIPPED, "not-running"},
		{"  - start\n  - stop\n", OUTCOME_SKIPPED, "not-running"},
		{"  - start\n  - kill\n", OUTCOME_SKIPPED, "unsupported"},
		{"  - start\n  - guest: uptime\n", OUTCOME_SKIPPED, "unsupported"},
	};
	struct lane l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		lane_init(&l, "", cases[i].steps);
		assert_int_equal(run(&l, 1), cases[i].outcome);
		assert_string_equal(l.res.reason, cases[i].reason);
		assert_true(strlen(l.res.detail) > 0);
		lane_finish(&l);
	}
}

static void what_somebody_else_does_ends_the_wait_at_once(void **state)
{
	struct lane l, other;
	int64_t start;
	struct err err;

	(void)state;
	lane_init(&l, "", "  - start\n  - hold: 30s\n");
	lane_init(&other, "", "  - start\n");
	assert_pass(&l, 0);
	start = clock_mono_ns();
	assert_int_equal(vm_restore(other.vm, VM_STATE_RUNNING, start + NS_PER_S, &err), VM_OK);
	assert_int_equal(vm_destroy(other.vm, start + 5 * NS_PER_S, &err), VM_OK);
	assert_int_equal(run(&l, 1), OUTCOME_BROKEN);
	assert_string_equal(l.res.reason, "stopped-by-other");
	assert_true(clock_mono_ns() - start < 5 * NS_PER_S);

	/* and once told, it is no news for the next step */
	assert_pass(&l, 0);
	assert_int_equal(vm_restore(other.vm, VM_STATE_PAUSED, start + NS_PER_S, &err), VM_OK);
	assert_int_equal(run(&l, 1), OUTCOME_BROKEN);
	assert_string_equal(l.res.reason, "paused-by-other");
	lane_finish(&l);

	lane_init(&l, "", "  - start\n");
	assert_int_equal(vm_restore(other.vm, VM_STATE_RUNNING, start + NS_PER_S, &err), VM_OK);
	assert_int_equal(run(&l, 0), OUTCOME_BROKEN);
	assert_string_equal(l.res.reason, "started-by-other");
	lane_finish(&l);
	lane_finish(&other);
}

/* A step on a device has passed: the domain is looked at before it is called a success. */
static void what_happens_to_the_domain_in_a_device_step_is_that_steps(void **state)
{
	struct lane l, other;
	struct step_ctx ctx;
	struct err err;
	int64_t start;

	(void)state;
	lane_init(&l, "", "  - start\n  - hold: 30s\n");
	lane_init(&other, "", "  - start\n");
	assert_pass(&l, 0);
	ctx = context(&l, &l.sc->lanes[0].steps.v[1]);
	assert_int_equal(domain_survived(&ctx, OUTCOME_PASS, &l.res), OUTCOME_PASS);
	start = clock_mono_ns();
	assert_int_equal(vm_restore(other.vm, VM_STATE_RUNNING, start + NS_PER_S, &err), VM_OK);
	assert_int_equal(vm_destroy(other.vm, start + 5 * NS_PER_S, &err), VM_OK);
	/* a step that failed keeps its own reason */
	assert_int_equal(domain_survived(&ctx, OUTCOME_FAIL, &l.res), OUTCOME_FAIL);
	while (domain_survived(&ctx, OUTCOME_PASS, &l.res) == OUTCOME_PASS) {
		assert_true(clock_mono_ns() < start + 5 * NS_PER_S);
		poll(NULL, 0, 5); /* libvirt's word of it is on its way */
	}
	assert_string_equal(l.res.reason, "stopped-by-other");
	lane_finish(&l);
	lane_finish(&other);
}

static void a_hold_ends_when_the_run_is_to_stop(void **state)
{
	const struct order order = {.kind = ORDER_STOP};
	struct lane l;

	(void)state;
	lane_init(&l, "", "  - start\n  - hold: 30s\n  - suspend: 30s\n");
	assert_pass(&l, 0);
	assert_int_equal(send(l.supervisor, &order, sizeof(order), 0), sizeof(order));
	assert_int_equal(run(&l, 1), OUTCOME_ABORTED);
	assert_int_equal(run(&l, 2), OUTCOME_ABORTED);
	lane_finish(&l);
}

static void a_delay_takes_its_time_and_proves_nothing(void **state)
{
	int64_t start = clock_mono_ns();
	struct event ev;
	struct lane l;

	(void)state;
	lane_init(&l, "{delay: 60ms}", "  - start\n");
	assert_pass(&l, 0);
	assert_true(clock_mono_ns() - start >= 60 * NS_PER_MS);
	assert_true(next_event(&l, EV_BOOT_PROOF, &ev));
	assert_int_equal(ev.code, 0);
	lane_finish(&l);
}

static void a_way_to_be_ready_that_cannot_work_is_refused_before_the_run(void **state)
{
	static const char *const ways[][2] = {
		{"{serial: \"login:\"}", "has no console that can be read"},
		{"agent", "has no guest agents"},
	};
	struct lane l;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct step_ctx ctx;
		struct err err;

		lane_init(&l, ways[i][0], "  - start\n");
		ctx = context(&l, &l.sc->lanes[0].steps.v[0]);
		assert_int_equal(step_start.prepare(&ctx, NULL, &err), -1);
		assert_non_null(strstr(err.msg, ways[i][1]));
		lane_finish(&l);
	}
}

/* A port on this machine, listening or only taken. */
static int open_port(bool listening, char address[32])
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	if (listening)
		assert_int_equal(listen(fd, 8), 0);
	snprintf(address, 32, "127.0.0.1:%d", ntohs(in.sin_port));
	return fd;
}

static void a_guest_that_accepts_connections_is_ready(void **state)
{
	char address[32], ready[80];
	struct event ev;
	struct lane l;
	int fd = open_port(true, address);

	(void)state;
	snprintf(ready, sizeof(ready), "{tcp: \"%s\", timeout: 5s}", address);
	lane_init(&l, ready, "  - start\n");
	assert_pass(&l, 0);
	assert_true(next_event(&l, EV_BOOT_PROOF, &ev));
	assert_int_equal(ev.code, 1);
	lane_finish(&l);
	close(fd);
}

static void a_guest_that_refuses_connections_is_not(void **state)
{
	char address[32], ready[80];
	struct event ev;
	struct lane l;
	int fd = open_port(false, address);

	(void)state;
	snprintf(ready, sizeof(ready), "{tcp: \"%s\", timeout: 1s}", address);
	lane_init(&l, ready, "  - start\n");
	assert_int_equal(run(&l, 0), OUTCOME_FAIL);
	assert_string_equal(l.res.reason, "not-ready");
	assert_non_null(strstr(l.res.detail, address));
	assert_non_null(strstr(l.res.detail, "Connection refused"));
	assert_false(next_event(&l, EV_BOOT_PROOF, &ev));
	lane_finish(&l);
	close(fd);
}

static void options_that_contradict_each_other_are_refused_at_load(void **state)
{
	static const char *const bad[] = {"guest: {run: []}", "guest: {run: x, may-exit: true}",
		"guest: {run: x, expect: y, background: true}", "hold", "suspend: 0s", "stop: 0s",
		"reboot: {mode: nicely}"};
	char text[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diags diags = {0};
		struct scenario *sc;

		snprintf(text, sizeof(text),
			"version: 1\nname: t\nlanes: [{domain: x, devices: [], ready: agent}]\n"
			"steps: [start, %s, destroy]\n",
			bad[i]);
		sc = scenario_parse("bad.yaml", text, strlen(text), NULL, 0, &words, &diags);
		if (sc != NULL || diags.errors == 0)
			fail_msg("accepted: %s", bad[i]);
	}
}

static void bounds_cover_dead_devices_and_guest_memory(void **state)
{
	struct lane l;

	(void)state;
	lane_init(&l, "{delay: 1s}", "  - start\n  - stop: 20s\n");
	/* 60 s for libvirt, 1 s and 15 s for being ready; nothing for devices */
	struct step_ctx ctx = context(&l, &l.sc->lanes[0].steps.v[0]);

	assert_int_equal(step_start.bound_ms(&ctx, NULL), 76000);
	assert_int_equal(step_stop.bound_ms(&ctx, l.sc->lanes[0].steps.v[1].args), 80000);
	assert_int_equal(step_start.typical_ms(&ctx, NULL), 1000);
	lane_finish(&l);
}

#define CYCLES 500

static void thousands_of_cycles_are_quick_and_leave_no_memory_behind(void **state)
{
	struct lane l;
	struct event ev;
	size_t before = 0;
	int64_t start = clock_mono_ns();
	int i;

	(void)state;
	lane_init(&l, "", "  - start\n  - reboot\n  - destroy\n");
	for (i = 0; i < CYCLES; i++) {
		assert_pass(&l, 0);
		assert_pass(&l, 1);
		assert_pass(&l, 2);
		while (next_event(&l, EV_NONE, &ev))
			continue;
		if (i == 100)
			before = mallinfo2().uordblks;
	}
	/* with sanitizers on a shared machine; without them it is well below */
	assert_true(clock_mono_ns() - start < CYCLES * 3 * 5 * NS_PER_MS);
	assert_true(mallinfo2().uordblks < before + 256 * 1024);
	lane_finish(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_cycle_passes_and_tells_of_its_boots),
		cmocka_unit_test(a_step_in_the_wrong_state_says_which),
		cmocka_unit_test(what_somebody_else_does_ends_the_wait_at_once),
		cmocka_unit_test(what_happens_to_the_domain_in_a_device_step_is_that_steps),
		cmocka_unit_test(a_hold_ends_when_the_run_is_to_stop),
		cmocka_unit_test(a_delay_takes_its_time_and_proves_nothing),
		cmocka_unit_test(a_way_to_be_ready_that_cannot_work_is_refused_before_the_run),
		cmocka_unit_test(a_guest_that_accepts_connections_is_ready),
		cmocka_unit_test(a_guest_that_refuses_connections_is_not),
		cmocka_unit_test(options_that_contradict_each_other_are_refused_at_load),
		cmocka_unit_test(bounds_cover_dead_devices_and_guest_memory),
		cmocka_unit_test(thousands_of_cycles_are_quick_and_leave_no_memory_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
