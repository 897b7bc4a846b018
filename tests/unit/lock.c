/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/lock.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct bdf gpu = {0, 0x41, 0, 0};

static void the_second_one_is_told_who_has_it(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	char comm[64], me[32];
	struct err err = {0};
	int first = -1, second = -1;

	(void)state;
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &first, &err), 0);
	snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)getpid());
	fakehost_write(fake, comm, "vfio-stress");
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &second, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_int_equal(second, -1);
	snprintf(me, sizeof(me), "process %d (vfio-stress)", (int)getpid());
	assert_non_null(strstr(err.msg, "0000:41:00.0"));
	assert_non_null(strstr(err.msg, me));
	close(first);
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &second, &err), 0);
	close(second);
	fakehost_free(fake);
}

static void a_stuck_child_keeps_the_quarantine(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct err err = {0};
	pid_t stuck, owner = 0;
	int fd = -1;

	(void)state;
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), 0);
	stuck = fork();
	if (stuck == 0) {
		pause();
		_exit(0);
	}
	close(fd);
	assert_true(lock_holder(fakehost_host(fake), gpu, &owner));
	assert_int_equal(owner, getpid());
	/* in this machine's /proc the lane that took it does not exist any more */
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), -1);
	assert_non_null(strstr(err.msg, "quarantined"));
	kill(stuck, SIGKILL);
	waitpid(stuck, NULL, 0);
	assert_false(lock_holder(fakehost_host(fake), gpu, &owner));
	fakehost_free(fake);
}

/* The guard of one lane looks at all that a reset reaches, while another lane takes its devices. */
static void a_lock_that_is_dropped_is_free_though_a_child_has_it(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct err err = {0};
	int first = -1, second = -1;
	pid_t stuck;

	(void)state;
	assert_int_equal(lock_wait(fakehost_host(fake), "switch", 0, &first, &err), 0);
	assert_int_equal(lock_wait(fakehost_host(fake), "switch", 0, &second, &err), -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	stuck = fork();
	if (stuck == 0) {
		pause();
		_exit(0);
	}
	lock_drop(first);
	assert_int_equal(lock_wait(fakehost_host(fake), "switch", 0, &second, &err), 0);
	lock_drop(second);
	kill(stuck, SIGKILL);
	waitpid(stuck, NULL, 0);
	fakehost_free(fake);
}

static void asking_who_holds_it_does_not_get_in_the_way(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct err err = {0};
	pid_t asking, owner;
	int i, fd = -1;

	(void)state;
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), 0);
	close(fd);
	asking = fork();
	if (asking == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			lock_holder(fakehost_host(fake), gpu, &owner);
	}
	for (i = 0; i < 2000; i++) {
		if (lock_take(fakehost_host(fake), gpu, &fd, &err) != 0)
			fail_msg("%d: %s", i, err.msg);
		close(fd);
	}
	kill(asking, SIGKILL);
	waitpid(asking, NULL, 0);
	fakehost_free(fake);
}

static void a_planted_link_is_not_followed(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct err err = {0};
	int fd = -1;

	(void)state;
	fakehost_write(fake, "/victim", "precious");
	fakehost_link(fake, "/run/vfio-stress/0000:41:00.0", "../../victim");
	assert_int_equal(lock_take(fakehost_host(fake), gpu, &fd, &err), -1);
	assert_string_equal(fakehost_text(fake, "/victim"), "precious");
	fakehost_free(fake);
}

static void a_domain_is_for_one_run(void **state)
{
	const char *uri = "qemu:///system";
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct domain_lock first, second, other;
	struct err err = {0};
	char comm[64];

	(void)state;
	snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)getpid());
	fakehost_write(fake, comm, "vfio-stress");
	assert_int_equal(lock_take_domain(fakehost_host(fake), uri, "a/../vm", "scenario 'smoke'",
				 &first, &err),
		0);
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), uri, "a/../vm", "undo", &second, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "domain 'a/../vm' is held by another run"));
	assert_non_null(strstr(err.msg, "(vfio-stress), scenario 'smoke'"));
	assert_int_equal(lock_take_domain(fakehost_host(fake), "qemu:///session", "a/../vm", "",
				 &other, &err),
		0);
	lock_drop_domain(&first);
	assert_int_equal(lock_take_domain(fakehost_host(fake), "qemu+unix:///system?socket=/x",
				 "a/../vm", "undo", &second, &err),
		0);
	assert_non_null(
		strstr(fakehost_text(fake, "/run/vfio-stress/qemu%3A%2F%2F%2Fsystem-a%2F..%2Fvm"),
			"undo"));
	lock_drop_domain(&second);
	lock_drop_domain(&other);
	fakehost_free(fake);
}

static void a_long_name_of_a_domain_is_locked_too(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct domain_lock first, second;
	struct err err = {0};
	char name[1000];

	(void)state;
	memset(name, '/', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "qemu:///system", name, "", &first, &err), 0);
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "qemu:///system", name, "", &second, &err),
		-1);
	lock_drop_domain(&first);
	fakehost_free(fake);
}

static void a_domain_of_the_test_driver_is_its_process_own(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct domain_lock first = {1, 1}, second = {1, 1};
	struct err err = {0};

	(void)state;
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "test:///default", "test", "", &first, &err),
		0);
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "test:///default", "test", "", &second, &err),
		0);
	assert_int_equal(first.file & first.name, -1);
	assert_int_equal(second.file & second.name, -1);
	fakehost_free(fake);
}

/* They do not share a folder: one is root, or they are of two users. */
static void a_domain_is_for_one_user(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	const struct host *here = fakehost_host(fake);
	struct domain_lock mine, his;
	char me[32], comm[64];
	struct err err = {0};

	(void)state;
	snprintf(comm, sizeof(comm), "/proc/%d/comm", (int)getpid());
	fakehost_write(fake, comm, "vfio-stress");
	assert_int_equal(lock_take_domain(here, "qemu:///system", "vm", "mine", &mine, &err), 0);
	/* as in another folder */
	fakehost_remove(fake, "/run/vfio-stress/qemu%3A%2F%2F%2Fsystem-vm");
	assert_int_equal(lock_take_domain(here, "qemu:///system", "vm", "his", &his, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	snprintf(me, sizeof(me), "process %d (vfio-stress)", (int)getpid());
	assert_non_null(strstr(err.msg, me));
	fakehost_remove(fake, "/run/vfio-stress/qemu%3A%2F%2F%2Fsystem-vm");
	assert_int_equal(lock_take_domain(here, "qemu:///system", "vm2", "his", &his, &err), 0);
	lock_drop_domain(&his);
	lock_drop_domain(&mine);
	assert_int_equal(lock_take_domain(here, "qemu:///system", "vm", "his", &his, &err), 0);
	lock_drop_domain(&his);
	/* each user has his own of these */
	assert_int_equal(lock_take_domain(here, "qemu:///session", "vm", "mine", &mine, &err), 0);
	fakehost_remove(fake, "/run/vfio-stress/qemu%3A%2F%2F%2Fsession-vm");
	assert_int_equal(lock_take_domain(here, "qemu:///session", "vm", "his", &his, &err), 0);
	lock_drop_domain(&his);
	lock_drop_domain(&mine);
	fakehost_free(fake);
}

/* Root holds it; a user of the libvirt group asks. */
static void an_ordinary_user_is_told_that_root_has_the_domain(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	const struct host his = {.root = fakehost_host(fake)->root, .kmsg = "/dev/null"};
	const uid_t me = geteuid(), nobody_special = 65534;
	struct domain_lock mine, other;
	struct err err = {0};
	char own[HOST_PATH_MAX];

	(void)state;
	if (me != 0) {
		fakehost_free(fake);
		skip_for("not root");
	}
	assert_int_equal(chmod(his.root, 0755), 0);
	fakehost_write(fake, "/user/x", "");
	assert_int_equal(chown(host_path(&his, own, "/user"), nobody_special, 0), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", own, 1), 0);
	assert_int_equal(lock_take_domain(&his, "qemu:///system", "vm", "root's", &mine, &err), 0);
	assert_int_equal(seteuid(nobody_special), 0);
	assert_int_equal(lock_take_domain(&his, "qemu:///system", "vm", "his", &other, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
	lock_drop_domain(&mine);
	assert_int_equal(lock_take_domain(&his, "qemu:///system", "vm", "his", &mine, &err), 0);
	assert_int_equal(seteuid(me), 0);
	assert_int_equal(
		lock_take_domain(&his, "qemu:///system", "vm", "root's", &other, &err), -1);
	lock_drop_domain(&mine);
	unsetenv("XDG_RUNTIME_DIR");
	fakehost_free(fake);
}

static void a_stuck_child_keeps_the_domain(void **state)
{
	struct fakehost *fake = fakehost_new(NULL, 0);
	struct domain_lock lock;
	struct err err = {0};
	pid_t stuck;

	(void)state;
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "qemu:///system", "vm", "", &lock, &err), 0);
	stuck = fork();
	if (stuck == 0) {
		pause();
		_exit(0);
	}
	lock_drop_domain(&lock);
	fakehost_remove(fake, "/run/vfio-stress/qemu%3A%2F%2F%2Fsystem-vm");
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "qemu:///system", "vm", "", &lock, &err), -1);
	assert_non_null(strstr(err.msg, "quarantined"));
	kill(stuck, SIGKILL);
	assert_int_equal(waitpid(stuck, NULL, 0), stuck);
	assert_int_equal(
		lock_take_domain(fakehost_host(fake), "qemu:///system", "vm", "", &lock, &err), 0);
	lock_drop_domain(&lock);
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_one_is_told_who_has_it),
		cmocka_unit_test(a_stuck_child_keeps_the_quarantine),
		cmocka_unit_test(a_lock_that_is_dropped_is_free_though_a_child_has_it),
		cmocka_unit_test(asking_who_holds_it_does_not_get_in_the_way),
		cmocka_unit_test(a_planted_link_is_not_followed),
		cmocka_unit_test(a_domain_is_for_one_run),
		cmocka_unit_test(a_domain_is_for_one_user),
		cmocka_unit_test(an_ordinary_user_is_told_that_root_has_the_domain),
		cmocka_unit_test(a_stuck_child_keeps_the_domain),
		cmocka_unit_test(a_long_name_of_a_domain_is_locked_too),
		cmocka_unit_test(a_domain_of_the_test_driver_is_its_process_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
