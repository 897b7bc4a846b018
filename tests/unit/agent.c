/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/agent.h"

#include "base/mem.h"
#include "base/str.h"

#include "cmocka_all.h"

#include <string.h>

/* What becomes of a reply to guest-exec-status. */
struct outcome_of {
	enum vm_why why;
	struct agent_run run;
	struct err err;
};

static struct outcome_of take(const char *reply)
{
	struct outcome_of o = {0};

	o.why = agent_status_read(reply, &o.run, &o.err);
	return o;
}

static void a_command_that_runs_has_not_ended(void **state)
{
	struct outcome_of o = take("{\"return\": {\"exited\": false}}");

	(void)state;
	assert_int_equal(o.why, VM_OK);
	assert_false(o.run.ended);
}

static void a_status_and_the_output_are_told(void **state)
{
	/* "hello\n" and "oh" */
	struct outcome_of o = take("{\"return\": {\"exited\": true, \"exitcode\": 3,"
				   " \"out-data\": \"aGVsbG8K\", \"err-data\": \"b2g=\"}}");
	char text[80];

	(void)state;
	assert_int_equal(o.why, VM_OK);
	assert_true(o.run.ended && !o.run.by_signal && !o.run.cut);
	assert_int_equal(o.run.status, 3);
	assert_string_equal(o.run.output, "hello\noh");
	assert_string_equal(
		agent_run_text(&o.run, text, sizeof(text)), "exit status 3, it said: oh");
	agent_run_finish(&o.run);
}

static void a_signal_is_told_as_one(void **state)
{
	struct outcome_of o = take("{\"return\": {\"exited\": true, \"signal\": 9}}");
	char text[80];

	(void)state;
	assert_int_equal(o.why, VM_OK);
	assert_true(o.run.by_signal);
	assert_string_equal(agent_run_text(&o.run, text, sizeof(text)), "signal 9");
}

static void an_end_without_a_status_is_no_success(void **state)
{
	static const char *const replies[] = {
		"{\"return\": {\"exited\": true}}",
		"{\"return\": {\"exited\": true, \"exitcode\": \"0\"}}",
		"{\"return\": {\"exited\": true, \"exitcode\": null}}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct outcome_of o = take(replies[i]);

		assert_int_equal(o.why, VM_AGENT_SILENT);
		assert_non_null(strstr(o.err.msg, "how the command ended"));
	}
}

static void what_is_no_reply_does_no_harm(void **state)
{
	static const char *const replies[] = {"", "null", "[]", "{}", "{\"return\": ", "\xff\xfe",
		"{\"return\": 1, \"return\": 2}", "{\"error\": {\"desc\": \"x\"}}"};
	struct outcome_of o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
		assert_int_equal(take(replies[i]).why, VM_AGENT_SILENT);
	/* not what was asked for */
	assert_int_equal(take("{\"return\": 7}").why, VM_OK);
	assert_false(take("{\"return\": [1]}").run.ended);
	o = take("{\"return\": {\"exited\": true, \"exitcode\": 0, \"out-data\": \"aGk*!?\","
		 " \"err-data\": 5}}");
	assert_string_equal(o.run.output, "hi");
	agent_run_finish(&o.run);
}

static void too_much_output_is_cut_and_said(void **state)
{
	const size_t digits = (AGENT_OUTPUT_MAX / 3 + 2) * 4;
	auto_free char *data = xmalloc(digits + 1), *reply = NULL;
	struct outcome_of o;

	(void)state;
	memset(data, 'A', digits);
	data[digits] = '\0';
	reply = xasprintf("{\"return\": {\"exited\": true, \"exitcode\": 0, \"out-data\": \"%s\","
			  " \"err-data\": \"aGk=\"}}",
		data);
	o = take(reply);
	assert_int_equal(o.why, VM_OK);
	assert_int_equal(o.run.len, AGENT_OUTPUT_MAX);
	assert_true(o.run.cut);
	agent_run_finish(&o.run);
	assert_true(take("{\"return\": {\"exited\": true, \"exitcode\": 0,"
			 " \"out-truncated\": true}}")
			    .run.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_that_runs_has_not_ended),
		cmocka_unit_test(a_status_and_the_output_are_told),
		cmocka_unit_test(a_signal_is_told_as_one),
		cmocka_unit_test(an_end_without_a_status_is_no_success),
		cmocka_unit_test(what_is_no_reply_does_no_harm),
		cmocka_unit_test(too_much_output_is_cut_and_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
