/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/notify.h"

#include "cmocka_all.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A manager that listens there; '@' stands for the abstract namespace. */
static int listen_at(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	assert_int_equal(
		bind(fd, (struct sockaddr *)&addr,
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
		0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void hears(int fd, const char *text)
{
	char buf[64] = "";

	assert_int_equal(recv(fd, buf, sizeof(buf) - 1, 0), strlen(text));
	assert_string_equal(buf, text);
}

static void the_manager_hears_it_at_a_path_and_at_a_name(void **state)
{
	char name[64];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "/tmp/notify.%d", (int)getpid());
	fd = listen_at(name);
	notify_send("READY=1");
	hears(fd, "READY=1");
	close(fd);
	unlink(name);
	/* nobody is there any more: no harm */
	notify_send("WATCHDOG=1");

	snprintf(name, sizeof(name), "@notify.%d", (int)getpid());
	fd = listen_at(name);
	notify_send("WATCHDOG=1\nSTATUS=well");
	hears(fd, "WATCHDOG=1\nSTATUS=well");
	close(fd);
}

static void a_manager_that_does_not_listen_holds_nobody_up(void **state)
{
	char name[64];
	int fd, i;

	(void)state;
	snprintf(name, sizeof(name), "@notify-deaf.%d", (int)getpid());
	fd = listen_at(name);
	for (i = 0; i < 10000; i++)
		notify_send("WATCHDOG=1");
	hears(fd, "WATCHDOG=1");
	close(fd);
}

static void a_watchdog_is_ours_only_when_it_says_so(void **state)
{
	char pid[16];

	(void)state;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(notify_watchdog_ms(), 0);
	setenv("WATCHDOG_USEC", "60000000", 1);
	assert_int_equal(notify_watchdog_ms(), 60000);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_ms(), 60000);
	setenv("WATCHDOG_USEC", "many", 1);
	assert_int_equal(notify_watchdog_ms(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manager_hears_it_at_a_path_and_at_a_name),
		cmocka_unit_test(a_manager_that_does_not_listen_holds_nobody_up),
		cmocka_unit_test(a_watchdog_is_ours_only_when_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
