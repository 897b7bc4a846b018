/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/process.h"

#include "cmocka_all.h"
#include "fakehost.h"

#include <stdio.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define STAT    "/proc/4711/stat"
#define FIELDS  " 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "

static const char monday[] = "11111111-2222-3333-4444-555555555555\n";
static const char tuesday[] = "99999999-2222-3333-4444-555555555555\n";

static struct fakehost *machine(void)
{
	struct fakehost *fake = fakehost_new(NULL, 0);

	fakehost_write(fake, BOOT_ID, monday);
	fakehost_write(fake, STAT, "4711 (a ) Z b) S" FIELDS "38012 99\n");
	return fake;
}

static void a_process_is_itself(void **state)
{
	struct fakehost *fake = machine();
	const struct host *host = fakehost_host(fake);
	int64_t mark = process_mark(host, 4711);

	(void)state;
	assert_int_not_equal(mark, 0);
	assert_true(process_lives(host, 4711, mark));
	assert_true(process_lives(NULL, getpid(), process_mark(NULL, getpid())));
	fakehost_free(fake);
}

static void another_of_its_pid_is_not(void **state)
{
	struct fakehost *fake = machine();
	const struct host *host = fakehost_host(fake);
	int64_t mark = process_mark(host, 4711);

	(void)state;
	fakehost_write(fake, STAT, "4711 (sh) S" FIELDS "38013 99\n");
	assert_false(process_lives(host, 4711, mark));
	fakehost_free(fake);
}

/* What a boot starts by itself it starts at the same tick each time, and often with the same pid. */
static void one_that_began_at_the_same_tick_of_another_boot_is_not(void **state)
{
	struct fakehost *fake = machine();
	const struct host *host = fakehost_host(fake);
	int64_t mark = process_mark(host, 4711);

	(void)state;
	fakehost_write(fake, BOOT_ID, tuesday);
	assert_int_not_equal(process_mark(host, 4711), 0);
	assert_false(process_lives(host, 4711, mark));
	fakehost_free(fake);
}

static void what_has_ended_does_not_live(void **state)
{
	struct fakehost *fake = machine();
	const struct host *host = fakehost_host(fake);
	int64_t mark = process_mark(host, 4711);

	(void)state;
	fakehost_write(fake, STAT, "4711 (sh) Z" FIELDS "38012 99\n");
	assert_false(process_lives(host, 4711, mark));
	assert_int_equal(process_mark(host, 4711), 0);
	fakehost_remove(fake, STAT);
	assert_false(process_lives(host, 4711, mark));
	assert_false(process_lives(host, 4711, 0));
	fakehost_free(fake);
}

static void a_run_of_an_earlier_version_is_known_by_its_ticks(void **state)
{
	struct fakehost *fake = machine();

	(void)state;
	assert_true(process_lives(fakehost_host(fake), 4711, 38012));
	assert_false(process_lives(fakehost_host(fake), 4711, 38011));
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_itself),
		cmocka_unit_test(another_of_its_pid_is_not),
		cmocka_unit_test(one_that_began_at_the_same_tick_of_another_boot_is_not),
		cmocka_unit_test(what_has_ended_does_not_live),
		cmocka_unit_test(a_run_of_an_earlier_version_is_known_by_its_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
