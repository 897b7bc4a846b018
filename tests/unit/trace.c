/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/trace.h"

#include "fakehost.h"

#include "cmocka_all.h"

#include <string.h>
#include <unistd.h>

#define INSTANCES       "/sys/kernel/tracing/instances"
#define DEBUG_INSTANCES "/sys/kernel/debug/tracing/instances"
#define OURS            TRACE_NAME_PREFIX "20261121-040714-1f3a"

static struct fakehost *fake;

static int set_up(void **state)
{
	(void)state;
	fake = FAKEHOST(FAKE_DEV("0000:01:00.0"));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakehost_free(fake);
	return 0;
}

static bool is_there(const char *path)
{
	char full[HOST_PATH_MAX];

	return access(host_path(fakehost_host(fake), full, "%s", path), F_OK) == 0;
}

/* An empty directory. */
static void make(const char *path)
{
	char file[HOST_PATH_MAX];

	snprintf(file, sizeof(file), "%s/x", path);
	fakehost_write(fake, file, "");
	fakehost_remove(fake, file);
	assert_true(is_there(path));
}

static void tracefs_that_is_not_mounted_is_told_with_a_remedy(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(trace_check(fakehost_host(fake), &err), -1);
	assert_non_null(strstr(err.msg, "not mounted"));
	assert_non_null(strstr(err.hint, "mount -t tracefs"));
}

static void lockdown_is_told(void **state)
{
	struct err err = {0};

	(void)state;
	fakehost_write(fake, INSTANCES "/.keep", "");
	assert_int_equal(trace_check(fakehost_host(fake), &err), 0);
	fakehost_write(fake, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	assert_int_equal(trace_check(fakehost_host(fake), &err), 0);
	fakehost_write(fake, "/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	assert_int_equal(trace_check(fakehost_host(fake), &err), -1);
	assert_non_null(strstr(err.msg, "lockdown"));
}

static void an_instance_is_removed_wherever_it_is(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(trace_remove(fakehost_host(fake), OURS, &err), 0); /* was never made */
	fakehost_write(fake, INSTANCES "/" OURS "/x", "");
	assert_int_equal(trace_remove(fakehost_host(fake), OURS, &err), -1); /* in use */
	fakehost_remove(fake, INSTANCES "/" OURS "/x");
	assert_int_equal(trace_remove(fakehost_host(fake), OURS, &err), 0);
	assert_false(is_there(INSTANCES "/" OURS));
	make(DEBUG_INSTANCES "/" OURS);
	assert_int_equal(trace_remove(fakehost_host(fake), OURS, &err), 0);
	assert_false(is_there(DEBUG_INSTANCES "/" OURS));
}

static void nothing_else_is_removed(void **state)
{
	static const char *const names[] = {"rasdaemon", "", TRACE_NAME_PREFIX "..",
		TRACE_NAME_PREFIX "a/../../b", "../" OURS, TRACE_NAME_PREFIX "A b"};
	struct err err = {0};
	size_t i;

	(void)state;
	make(INSTANCES "/rasdaemon");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(trace_remove(fakehost_host(fake), names[i], &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
	assert_true(is_there(INSTANCES "/rasdaemon"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(tracefs_that_is_not_mounted_is_told_with_a_remedy),
		TEST(lockdown_is_told),
		TEST(an_instance_is_removed_wherever_it_is),
		TEST(nothing_else_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
