/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/secret.h"

#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Is the page that this is on left out of core files? proc(5): VmFlags, dd. */
static bool is_hidden(const char *at)
{
	unsigned long where = (unsigned long)at, begin = 0, end = 0;
	FILE *f = fopen("/proc/self/smaps", "re");
	bool hidden = false, found = false;
	char line[512];

	assert_non_null(f);
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char *rest;
		unsigned long low = strtoul(line, &rest, 16);

		if (*rest == '-') {
			begin = low;
			end = strtoul(rest + 1, NULL, 16);
		}
		found = strncmp(line, "VmFlags:", 8) == 0 && where >= begin && where < end;
		if (found)
			hidden = strstr(line, " dd") != NULL;
	}
	fclose(f);
	assert_true(found);
	return hidden;
}

static void the_environment_is_in_no_core_file(void **state)
{
	char **e;

	(void)state;
	for (e = environ; *e != NULL; e++) {
		assert_true(is_hidden(*e));
		assert_true(is_hidden(*e + strlen(*e)));
	}
	assert_true(e > environ);
}

/* A core file without the frames in which it died is worth little. */
static void what_the_program_does_is_still_in_it(void **state)
{
	char here = 0;

	(void)state;
	assert_false(is_hidden(&here));
}

static int child(bool wants_none)
{
	if (wants_none)
		secret_no_core();
	return is_hidden(environ[0]) ? prctl(PR_GET_DUMPABLE) : 99;
}

static void a_child_hides_it_too_and_one_that_sends_has_no_core_file(void **state)
{
	int status, want;

	(void)state;
	for (want = 0; want <= 1; want++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(child(want == 0));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(WEXITSTATUS(status), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_is_in_no_core_file),
		cmocka_unit_test(what_the_program_does_is_still_in_it),
		cmocka_unit_test(a_child_hides_it_too_and_one_that_sends_has_no_core_file),
	};

	secret_hide_environment();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
