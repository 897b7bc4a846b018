/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"

#include "base/str.h"
#include "fake_words.h"

#include "cmocka_all.h"

#include <string.h>

#define HEAD "version: 1\nname: t\n"

static struct diags diags;
static struct scenario *sc;

static struct scenario *load_with(const char *text, const struct setting *set, size_t nset)
{
	scenario_free(sc);
	diags = (struct diags){0};
	sc = scenario_parse("t.yaml", text, strlen(text), set, nset, &fake_words, &diags);
	return sc;
}

static struct scenario *load(const char *text)
{
	load_with(text, NULL, 0);
	if (sc == NULL)
		diags_print(&diags, stderr);
	return sc;
}

static const struct diag *said(const char *words)
{
	size_t i;

	for (i = 0; i < diags.n; i++)
		if (strstr(diags.list[i].msg, words) != NULL)
			return &diags.list[i];
	diags_print(&diags, stderr);
	fail_msg("nothing said '%s'", words);
	return NULL;
}

static void refused(const char *text, const char *words)
{
	assert_null(load_with(text, NULL, 0));
	said(words);
}

static void absent_keys_have_their_defaults(void **state)
{
	(void)state;
	assert_non_null(load(HEAD "lanes: [{domain: vm}]\nsteps: [start, stop]\n"));
	assert_string_equal(sc->name, "t");
	assert_null(sc->summary);
	assert_string_equal(sc->connect, "qemu:///system");
	assert_int_equal(sc->cycles, 1);
	assert_int_equal(sc->duration_ms, 0);
	assert_int_equal(sc->settle_ms, 0);
	assert_int_equal(sc->on_failure, ON_FAILURE_STOP);
	assert_int_equal(sc->nlanes, 1);
	assert_string_equal(sc->lanes[0].name, "vm");
	assert_true(sc->lanes[0].hostdevs);
	assert_int_equal(sc->lanes[0].driver, DRIVER_VFIO_PCI);
	assert_false(sc->lanes[0].take_over);
	assert_int_equal(sc->lanes[0].ready.kind, READY_DEFAULT);
	assert_int_equal(sc->before.n + sc->after.n + sc->ntolerate + sc->nreports, 0);
	assert_int_equal(diags.errors + diags.warnings, 0);
}

static void steps_are_words_arguments_or_mappings(void **state)
{
	const struct step *s;
	const struct fake_args *a;

	(void)state;
	assert_non_null(load(
		HEAD "lanes: [{domain: vm}]\n"
		     "steps:\n"
		     "  - reset: flr\n"
		     "  - reset: {method: bus, if-offered: true, timeout: 90s, name: hard one}\n"
		     "  - start:\n"
		     "  - suspend\n"
		     "  - guest: {run: [nvidia-smi, -L], expect: GPU, expect-failure: guest-exit}\n"
		     "  - reset: {method: pm, while-running: true, device: class:gpu}\n"
		     "  - stop: {timeout: 5s, expect-failure: true}\n"
		     "timeouts: {reset: 240s, stop: 7s}\n"));
	s = sc->lanes[0].steps.v;
	a = s[0].args;
	assert_string_equal(fake_methods[a->method], "flr");
	assert_string_equal(s[0].name, "reset: flr");
	assert_string_equal(s[0].arg, "flr");
	assert_int_equal(s[0].timeout_ms, 240000);
	a = s[1].args;
	assert_string_equal(fake_methods[a->method], "bus");
	assert_true(a->if_offered);
	assert_string_equal(s[1].name, "hard one");
	assert_string_equal(s[1].arg, "bus");
	assert_int_equal(s[1].timeout_ms, 90000);
	assert_string_equal(s[2].name, "start");
	assert_null(s[2].arg);
	a = s[3].args;
	assert_int_equal(a->time_ms, 5000);
	a = s[4].args;
	assert_int_equal(a->run.n, 2);
	assert_string_equal(a->run.v[1], "-L");
	assert_string_equal(s[4].arg, "nvidia-smi -L");
	assert_true(s[4].expect_failure);
	assert_string_equal(s[4].expect_reason, "guest-exit");
	assert_true(s[5].while_running);
	assert_string_equal(s[5].device, "class:gpu");
	assert_true(s[6].expect_failure);
	assert_null(s[6].expect_reason);
	assert_int_equal(s[6].timeout_ms, 5000);
}

static void lanes_take_what_they_are_given(void **state)
{
	const struct lane_spec *l;

	(void)state;
	assert_non_null(
		load(HEAD "lanes:\n"
			  "  - {name: a, domain: vm, devices: [0000:41:00.0], driver: managed, "
			  "take-over: true,\n"
			  "     ready: {serial: \"login:\", timeout: 2m}}\n"
			  "  - {devices: [\"10de:2684\", class:nvme], steps: [{reset: pm}]}\n"
			  "  - {domain: b, ready: agent, devices: [], steps: [start, stop]}\n"
			  "  - {domain: c, ready: {tcp: \"[fe80::1]:22\"}}\n"
			  "steps: [{reset: flr}]\n"));
	l = sc->lanes;
	assert_string_equal(l[0].name, "a");
	assert_int_equal(l[0].ndevices, 1);
	assert_false(l[0].hostdevs);
	assert_int_equal(l[0].driver, DRIVER_MANAGED);
	assert_true(l[0].take_over);
	assert_int_equal(l[0].ready.kind, READY_SERIAL);
	assert_string_equal(l[0].ready.pattern, "login:");
	assert_int_equal(l[0].ready.timeout_ms, 120000);
	assert_null(l[1].domain);
	assert_string_equal(l[1].name, "10de:2684");
	assert_string_equal(l[1].steps.v[0].arg, "pm");
	assert_string_equal(l[0].steps.v[0].arg, "flr");
	assert_int_equal(l[2].ready.kind, READY_AGENT);
	assert_false(l[2].hostdevs);
	assert_int_equal(l[2].ndevices, 0);
	assert_int_equal(l[3].ready.kind, READY_TCP);
	assert_true(l[3].hostdevs);
	assert_int_equal(diags.warnings, 0);
}

static void variables_are_text_before_they_are_anything_else(void **state)
{
	const struct setting set[] = {{"n", "7"}, {"d", "a: [b"}};

	(void)state;
	assert_non_null(
		load_with(HEAD "summary: \"$$5 for ${d} $HOME\"\n"
			       "vars: {n: 3, d: vm, wait: \"1$$s\"}\n"
			       "lanes: [{domain: \"${d}\"}]\n"
			       "steps: [{guest: {run: [\"${wait}\"], expect-failure: true}}]\n"
			       "repeat: {until: {cycles: \"${n}\"}}\n",
			set, 2));
	assert_int_equal(sc->cycles, 7);
	assert_string_equal(sc->lanes[0].domain, "a: [b");
	assert_string_equal(sc->summary, "$5 for a: [b $HOME");
	assert_string_equal(sc->lanes[0].steps.v[0].name, "guest: 1$s");
	assert_string_equal(
		((const struct fake_args *)sc->lanes[0].steps.v[0].args)->run.v[0], "1$s");
}

static void wrong_variables_are_named(void **state)
{
	const struct setting unknown[] = {{"domian", "x"}};
	const struct diag *d;

	(void)state;
	assert_null(
		load_with(HEAD "vars: {domain: vm, unset: }\n"
			       "lanes: [{domain: \"${domian}\"}, {domain: \"${unset}\"}, {domain: "
			       "\"${env:HOME}\"}, "
			       "{domain: \"${a b}\"}, {domain: \"x${domain\"}]\nsteps: [start]\n",
			unknown, 1));
	d = said("--set domian: the scenario has no such variable");
	assert_string_equal(d->hint, "did you mean 'domain'?");
	d = said("unknown variable 'domian'");
	assert_int_equal(d->pos.line, 4);
	assert_int_equal(d->pos.col, 19);
	assert_int_equal(d->pos.len, 9);
	said("variable 'unset' has no value");
	said("'${env:HOME}' is allowed in 'report' only");
	said("'${' is not followed by");
	said("'${' without '}'");
}

static void the_environment_enters_only_at_delivery(void **state)
{
	const char *url;
	char *out = NULL;
	struct err err;

	(void)state;
	unsetenv("STRESS_TEST_URL");
	assert_non_null(load(HEAD "vars: {f: out}\nlanes: [{domain: vm}]\nsteps: [start]\n"
				  "report: [{json: \"$$x/${env:STRESS_TEST_URL}/${f}\"}]\n"));
	url = ((const struct fake_args *)sc->reports[0].opts)->path;
	assert_string_equal(url, "$x/${env:STRESS_TEST_URL}/out");
	assert_int_equal(sc->nenv, 1);
	assert_int_equal(scenario_check_env(sc, &diags), -1);
	assert_int_equal(said("'STRESS_TEST_URL' is not set")->pos.line, 6);
	assert_int_equal(scenario_expand_env(url, &out, &err), -1);
	assert_int_equal(err.code, ERR_ABSENT);
	setenv("STRESS_TEST_URL", "${env:HOME}$$", 1);
	assert_int_equal(scenario_check_env(sc, &diags), 0);
	assert_int_equal(scenario_expand_env(url, &out, &err), 0);
	assert_string_equal(out, "$x/${env:HOME}$$/out");
	free(out);
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start]\nreport: [{json: \"$${env:X}\"}]\n",
		"a literal '${env:'");
}

static void many_large_variables_do_not_explode(void **state)
{
	struct str s = {0};
	int i, k;

	(void)state;
	str_add(&s, HEAD "vars: {a: ");
	for (i = 0; i < 4000; i++)
		str_add(&s, "x");
	str_add(&s, "}\nlanes: [{domain: vm}]\nsteps: [start]\nfaults:\n");
	for (i = 0; i < 200; i++) {
		str_add(&s, "  - \"");
		for (k = 0; k < 200; k++)
			str_add(&s, "${a}");
		str_add(&s, "\"\n");
	}
	refused(s.s, "the values come to more than 8 MiB");
	str_finish(&s);
}

static void everything_wrong_is_said_in_one_go(void **state)
{
	const struct diag *d;

	(void)state;
	assert_null(load_with(
		"version: 2\n"
		"name: Not good\n"
		"connect: qemu+ssh://other/system\n"
		"lane: []\n"
		"lanes:\n"
		"  - {domain: vm, drivr: managed, take-over: yes}\n"
		"  - {devices: [41:00.0, 10de]}\n"
		"steps: [strat, {hold: 10}, {reset: flrr}, hold, {start: now}, {a: 1, b: 2}]\n"
		"repeat: {until: {}, on-failure: stopp}\n"
		"timeouts: {start: 5, flr: 3s}\n"
		"tolerate: [{fault: \"aer..x\", count: -1}]\n",
		NULL, 0));
	said("this program reads version 1 only");
	said("'Not good' is no name for a scenario");
	said("'qemu+ssh://other/system' is not a local libvirt");
	assert_string_equal(
		said("unknown key 'lane' in a scenario")->hint, "did you mean 'lanes'?");
	said("unknown key 'drivr' in a lane");
	said("'take-over' must be true or false, not 'yes'");
	said("'41:00.0' is a number in base 60");
	said("'10de' does not select a device");
	d = said("unknown step 'strat'");
	assert_non_null(strstr(d->hint, "did you mean 'start'?"));
	assert_int_equal(d->pos.line, 8);
	assert_int_equal(d->pos.col, 9);
	assert_int_equal(d->pos.len, 5);
	said("'time' must be a duration, 1ms to 1d, not '10'");
	d = said("unknown method 'flrr'");
	assert_non_null(strstr(d->hint, "did you mean 'flr'?"));
	said("step 'hold' needs 'time'");
	said("step 'start' takes no argument");
	said("a step has one word, 'b' is a second one");
	said("'until' needs cycles or a duration");
	said("unknown on-failure 'stopp'");
	said("unknown step 'flr'");
	said("'count' must be a whole number");
	assert_true(diags.errors > 15);
}

static void two_reports_to_one_file_are_refused(void **state)
{
#define BODY "lanes: [{domain: vm}]\nsteps: [start]\n"
	(void)state;
	refused(HEAD BODY "report: [{json: out/x}, {json: y}, {json: \"./out//x\"}]\n",
		"report 'json' goes to './out//x', as report 'json' in line ");
	assert_non_null(load(HEAD BODY "report: [{json: x}, {json: out/x}, {json: /x}]\n"));
	/* what takes one report after the other */
	assert_non_null(load(HEAD BODY "report: [{json: \"-\"}, {json: \"-\"}]\n"));
	assert_non_null(load(HEAD BODY "report: [{json: /dev/fd/5}, {json: /dev/fd/5}]\n"));
#undef BODY
}

static const struct host_crash_policy *policy_of(const char *text)
{
	assert_non_null(load(text));
	return &sc->host_crash;
}

static void what_a_crash_of_the_host_does_stands_at_the_top_or_in_repeat(void **state)
{
#define BODY "lanes: [{domain: vm}]\nsteps: [start]\n"
	(void)state;
	assert_int_equal(policy_of(HEAD BODY)->then, HOST_CRASH_REPORT);
	assert_int_equal(sc->host_crash.most, 3);
	assert_int_equal(sc->host_crash.cool_down_ms, 60000);
	assert_int_equal(
		policy_of(HEAD BODY "on-host-crash: continue\nmax-host-crashes: 7\n")->then,
		HOST_CRASH_CONTINUE);
	assert_int_equal(sc->host_crash.most, 7);
	assert_int_equal(policy_of(HEAD BODY "max-host-crashes: 7\nrepeat: {on-host-crash: "
					     "continue, max-host-crashes: 2, cool-down: 0s}\n")
				 ->then,
		HOST_CRASH_CONTINUE);
	assert_int_equal(sc->host_crash.most, 2);
	assert_int_equal(sc->host_crash.cool_down_ms, 0);
	refused(HEAD BODY "on-host-crash: reboot\n", "unknown on-host-crash 'reboot'");
	refused(HEAD BODY "max-host-crashes: 0\n", "'max-host-crashes' must be a whole number");
#undef BODY
}

static void combinations_that_cannot_work_are_refused(void **state)
{
	(void)state;
	refused(HEAD "lanes: [{name: x}]\nsteps: [{hold: 1s}]\n", "needs a domain or a device");
	refused(HEAD "lanes: [{devices: []}]\nsteps: [{hold: 1s}]\n", "needs a domain or a device");
	refused(HEAD "lanes: []\nsteps: [{hold: 1s}]\n", "at least one lane");
	refused(HEAD "lanes: [{domain: vm, devices: []}]\nsteps: [{reset: flr}]\n",
		"'reset' acts on devices, and lane 'vm' has none");
	refused(HEAD "lanes: [{devices: [0000:41:00.0]}]\nsteps: [start]\n",
		"'start' needs a domain");
	refused(HEAD "lanes: [{devices: hostdevs}]\nsteps: [start]\n", "'hostdevs' are those of");
	refused(HEAD "lanes: [{devices: [0000:41:00.0]}, {devices: [41:00.0]}]\n"
		     "steps: [{reset: flr}]\n",
		"'41:00.0' is already in lane '0000:41:00.0'");
	refused(HEAD "lanes: [{domain: vm}, {domain: vm}]\nsteps: [start]\n",
		"domain 'vm' is already in lane 'vm'");
	refused(HEAD "lanes: [{domain: vm, name: a}, {domain: b, name: a}]\nsteps: [start]\n",
		"a lane 'a' exists already");
	refused(HEAD "lanes: [{domain: vm, ready: {delay: 5s}}]\nsteps: [start, reboot, stop]\n",
		"'reboot' cannot be proved");
	assert_non_null(load(
		HEAD "connect: test:///default\n"
		     "lanes: [{domain: vm, ready: {delay: 5s}}]\nsteps: [start, reboot, stop]\n"));
	refused(HEAD "lanes: [{domain: vm, ready: {agent: true, serial: x}}]\nsteps: [start]\n",
		"'ready' needs only one of");
	refused(HEAD "lanes: [{domain: vm, ready: {tcp: host}}]\nsteps: [start]\n",
		"is no address");
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [{start: {while-running: true}}]\n",
		"'while-running' is for steps that act on devices");
	refused(HEAD "lanes: [{devices: [0000:41:00.0]}]\n"
		     "steps: [{reset: {method: flr, device: 0000:42:00.0}}]\n",
		"device '0000:42:00.0' is not in lane");
	refused(HEAD "lanes: [{domain: vm}]\n", "a scenario needs steps");
	refused(HEAD "lanes: [{domain: vm}]\nsteps:\n", "a scenario needs steps");
	refused(HEAD "lanes: [{domain: vm, steps: []}]\nsteps: []\n", "a scenario needs steps");
}

static void orders_that_cannot_work_are_refused(void **state)
{
	(void)state;
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start, start]\n", "finds the domain running");
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [reboot]\n", "'reboot' finds the domain off");
	assert_non_null(load(HEAD "lanes: [{domain: vm}]\nsteps: [start, stop, kill]\n"));
	assert_int_equal(diags.warnings, 1);
	assert_non_null(load(HEAD "lanes: [{domain: a}, {domain: b}]\nsteps: [start, stop, kill]\n"
				  "repeat: {until: {cycles: 2}}\n"));
	assert_int_equal(diags.warnings, 1);
	assert_int_equal(said("'kill' finds the domain off, and will fail")->level, DIAG_WARNING);
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start, {reset: flr}, stop]\n",
		"'reset' finds its devices in a running domain");
	assert_non_null(load(HEAD "lanes: [{domain: vm}]\nsteps: [start]\nafter: [stop]\n"));
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start]\nrepeat: {until: {cycles: 2}}\n",
		"'start' finds the domain running already in the second cycle");
	assert_non_null(load(HEAD "lanes: [{domain: vm}]\nbefore: [start]\nsteps: [reboot]\n"
				  "after: [stop]\nrepeat: {until: {duration: 2h}}\n"));
	assert_non_null(load(HEAD "lanes: [{domain: vm}]\n"
				  "steps: [start, {stop: {expect-failure: true}}, stop]\n"));
}

static void what_is_allowed_to_all_lanes_is_allowed_to_each(void **state)
{
	(void)state;
	assert_non_null(
		load(HEAD "allow: [{device: class:gpu, reason: idle}]\n"
			  "lanes:\n"
			  "  - {domain: a, allow: [{device: \"0000:41:00.1\", reason: mine}]}\n"
			  "  - {domain: b}\n"
			  "steps: [start, stop]\n"));
	assert_int_equal(sc->lanes[0].nallow, 2);
	assert_string_equal(sc->lanes[0].allow[0].device, "class:gpu");
	assert_string_equal(sc->lanes[0].allow[1].reason, "mine");
	assert_int_equal(sc->lanes[1].nallow, 1);
	refused(HEAD "allow: [{device: class:gpu, reason: \"\"}]\nlanes: [{domain: a}]\n"
		     "steps: [start]\n",
		"an 'allow' row needs a reason");
	refused(HEAD "allow: [{device: gpu, reason: x}]\nlanes: [{domain: a}]\nsteps: [start]\n",
		"'gpu' does not select a device");
}

static void tolerate_rows_are_checked(void **state)
{
	(void)state;
	assert_non_null(load(HEAD
		"lanes: [{domain: vm}]\nsteps: [start]\ntolerate:\n"
		"  - {fault: aer.correctable, count: 32, per: 1m, device: class:gpu, reason: riser,"
		" expires: 2199-01-31}\n"
		"  - {fault: aer.*, count: 0}\n"
		"  - {fault: aer.fatal, count: 1, expires: 2020-02-29}\n"));
	assert_int_equal(sc->ntolerate, 2);
	assert_int_equal(sc->tolerate[0].count, 32);
	assert_int_equal(sc->tolerate[0].per_ms, 60000);
	assert_string_equal(sc->tolerate[1].fault, "aer.*");
	assert_int_equal(sc->tolerate[1].per_ms, 0);
	assert_int_equal(said("has expired")->pos.line, 8);
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start]\ntolerate: [{fault: a*, count: 1}]\n",
		"'a*' is no fault id");
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start]\n"
		     "tolerate: [{fault: a, count: 1, expires: 2027-02-30}]\n",
		"'2027-02-30' is no date");
	refused(HEAD "lanes: [{domain: vm}]\nsteps: [start]\ntolerate: [{count: 1}]\n",
		"needs 'fault'");
}

static void rule_files_stand_beside_the_scenario(void **state)
{
	const char text[] =
		HEAD "lanes: [{domain: vm}]\nsteps: [start]\nfaults: [a.yaml, /b.yaml]\n";

	(void)state;
	scenario_free(sc);
	diags = (struct diags){0};
	sc = scenario_parse("dir/t.yaml", text, strlen(text), NULL, 0, &fake_words, &diags);
	assert_non_null(sc);
	assert_string_equal(sc->fault_files.v[0], "dir/a.yaml");
	assert_string_equal(sc->fault_files.v[1], "/b.yaml");
}

/* A lane reads again, from memory, what the run has read from a file: by the same limit. */
static void the_largest_scenario_is_read_whole(void **state)
{
	static const char text[] = HEAD "lanes: [{domain: vm}]\nsteps: [start]\n#";
	auto_free char *big = xmalloc(SCENARIO_SIZE_MAX + 2);

	(void)state;
	memset(big, '#', SCENARIO_SIZE_MAX + 1);
	big[SCENARIO_SIZE_MAX + 1] = '\0';
	memcpy(big, text, sizeof(text) - 1);
	refused(big, "is larger than 1024 KiB");
	big[SCENARIO_SIZE_MAX] = '\0';
	assert_non_null(load(big));
	assert_string_equal(sc->name, "t");
}

static int finish(void **state)
{
	(void)state;
	scenario_free(sc);
	source_forget_all();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_keys_have_their_defaults),
		cmocka_unit_test(steps_are_words_arguments_or_mappings),
		cmocka_unit_test(lanes_take_what_they_are_given),
		cmocka_unit_test(variables_are_text_before_they_are_anything_else),
		cmocka_unit_test(wrong_variables_are_named),
		cmocka_unit_test(the_environment_enters_only_at_delivery),
		cmocka_unit_test(many_large_variables_do_not_explode),
		cmocka_unit_test(everything_wrong_is_said_in_one_go),
		cmocka_unit_test(two_reports_to_one_file_are_refused),
		cmocka_unit_test(what_a_crash_of_the_host_does_stands_at_the_top_or_in_repeat),
		cmocka_unit_test(combinations_that_cannot_work_are_refused),
		cmocka_unit_test(orders_that_cannot_work_are_refused),
		cmocka_unit_test(what_is_allowed_to_all_lanes_is_allowed_to_each),
		cmocka_unit_test(tolerate_rows_are_checked),
		cmocka_unit_test(rule_files_stand_beside_the_scenario),
		cmocka_unit_test(the_largest_scenario_is_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, finish);
}
