/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/evidence.h"

#include "cmocka_all.h"
#include "fakehost.h"
#include "world/pcidev.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process whose child, of vfork, waits: it sleeps in the kernel (state D) so long. */
static pid_t start_sleeper(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "sleeper\033");
		if (vfork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)!write(ready[1], "", 1);
			for (;;)
				pause();
		}
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_sleeper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_task_in_the_kernel_is_seen_and_shown_in_one_line(void **state)
{
	pid_t pid = start_sleeper();
	struct str text = {0};
	char head[64];
	int tries;

	(void)state;
	for (tries = 0; tries < 500 && !evidence_in_kernel(pid); tries++)
		poll(NULL, 0, 10); /* it may still be on its way there */
	assert_true(evidence_in_kernel(pid));
	evidence_collect(pid, &text);
	snprintf(head, sizeof(head), "1 task (%d sleeper\\x1b): D (disk sleep), in ", (int)pid);
	assert_memory_equal(text.s, head, strlen(head));
	/* and its child in another: two places, two lines */
	assert_non_null(strstr(strchr(text.s, '\n'), "\n1 task ("));
	assert_null(strchr(strchr(strchr(text.s, '\n') + 1, '\n') + 1, '\n'));
	str_finish(&text);
	end_sleeper(pid);
}

static void what_is_gone_leaves_no_evidence(void **state)
{
	struct str text = {0};

	(void)state;
	evidence_collect(999999999, &text);
	assert_int_equal(text.len, 0);
	str_finish(&text);
}

static void what_a_process_has_open_of_a_device_is_told(void **state)
{
	int fd = open("/sys/devices/system/cpu/online", O_RDONLY);
	struct str text = {0};

	(void)state;
	if (fd < 0)
		skip_for("there is no /sys/devices/system/cpu/online");
	evidence_files(getpid(), &text);
	assert_non_null(strstr(text.s, "open: /sys/devices/system/cpu/online"));
	close(fd);
	str_reset(&text);
	evidence_files(getpid(), &text);
	assert_int_equal(text.len, 0);
	str_finish(&text);
}

static void who_holds_a_group_is_named(void **state)
{
	struct fakehost *fake = FAKEHOST({.bdf = "0000:01:00.0"});
	const struct pcidev devs[] = {{.iommu_group = -1}, {.iommu_group = 12}};
	struct str text = {0};

	(void)state;
	fakehost_holder(fake, 77, "qemu-system-x86", "/dev/vfio/12");
	evidence_holders(fakehost_host(fake), devs, 2, &text);
	assert_string_equal(text.s, "/dev/vfio/12 is open in 77 qemu-system-x86\n");
	str_finish(&text);
	fakehost_free(fake);
}

static void the_kernel_is_asked_only_where_that_is_allowed(void **state)
{
	struct fakehost *fake = FAKEHOST({.bdf = "0000:01:00.0"});
	char text[8] = "";
	struct err err;
	int tries;

	(void)state;
	fakehost_write(fake, "/proc/sysrq-trigger", "");
	assert_false(evidence_ask_kernel(fakehost_host(fake)));
	fakehost_write(
		fake, "/proc/sys/kernel/sysrq", "438\n"); /* Debian's: all but dumps and signals */
	assert_false(evidence_ask_kernel(fakehost_host(fake)));
	fakehost_write(fake, "/proc/sys/kernel/sysrq", "8\n");
	assert_true(evidence_ask_kernel(fakehost_host(fake)));
	for (tries = 0; tries < 500 && text[0] == '\0'; tries++) {
		poll(NULL, 0, 10);
		assert_int_equal(host_read(fakehost_host(fake), "/proc/sysrq-trigger", text,
					 sizeof(text), &err),
			0);
	}
	assert_string_equal(text, "w");
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_in_the_kernel_is_seen_and_shown_in_one_line),
		cmocka_unit_test(what_is_gone_leaves_no_evidence),
		cmocka_unit_test(what_a_process_has_open_of_a_device_is_told),
		cmocka_unit_test(who_holds_a_group_is_named),
		cmocka_unit_test(the_kernel_is_asked_only_where_that_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
