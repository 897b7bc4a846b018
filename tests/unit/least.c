/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/least.h"

#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool has(char *const *list, const char *variable)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, variable) == 0)
			return true;
	return false;
}

static void what_is_known_passes_and_nothing_else(void **state)
{
	static const char *const passes[][2] = {{"HOME", "/h"}, {"LC_ALL", "C"},
		{"LIBVIRT_DEFAULT_URI", "test:///default"}, {"XDG_STATE_HOME", "/s"}};
	static const char *const stays[][2] = {{"HOMER", "x"}, {"HOM", "x"}, {"HOOK_URL", "x"},
		{"NOTIFY_SOCKET", "@x"}, {"WATCHDOG_USEC", "7"}, {"LISTEN_FDS", "1"},
		{"CREDENTIALS_DIRECTORY", "/c"}, {"SECRET_LC_ALL", "x"}, {"XDG_SECRET", "x"}};
	char **list, text[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(passes) / sizeof(*passes); i++)
		assert_int_equal(setenv(passes[i][0], passes[i][1], 1), 0);
	for (i = 0; i < sizeof(stays) / sizeof(*stays); i++)
		assert_int_equal(setenv(stays[i][0], stays[i][1], 1), 0);
	list = least_environment();
	for (i = 0; i < sizeof(passes) / sizeof(*passes); i++) {
		snprintf(text, sizeof(text), "%s=%s", passes[i][0], passes[i][1]);
		assert_true(has(list, text));
	}
	for (i = 0; i < sizeof(stays) / sizeof(*stays); i++) {
		snprintf(text, sizeof(text), "%s=%s", stays[i][0], stays[i][1]);
		assert_false(has(list, text));
	}
	free(list);
}

/* CAP_SYS_BOOT is one that nobody here needs, CAP_SYS_ADMIN one that a lane has when its parent had it. */
static int give_up(void)
{
	enum { SYS_ADMIN = 21, SYS_BOOT = 22 };
	int had = prctl(PR_CAPBSET_READ, SYS_ADMIN);

	least_rights();
	return prctl(PR_CAPBSET_READ, SYS_BOOT) == 0 && prctl(PR_CAPBSET_READ, SYS_ADMIN) == had &&
			prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
		? 0
		: 1;
}

static void root_gives_up_what_a_lane_does_not_need(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0)
		_exit(give_up());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_passes_and_nothing_else),
		cmocka_unit_test(root_gives_up_what_a_lane_does_not_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
