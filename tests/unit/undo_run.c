/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/undo_run.h"

#include "base/clock.h"
#include "base/str.h"
#include "world/host.h"

#include "cmocka_all.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const struct host here = {.root = "", .kmsg = "/dev/null"};

static void an_interrupt_ends_the_waiting_for_the_undo(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	int64_t began = clock_mono_ns();
	struct err err = {0};

	(void)state;
	assert_int_equal(undo_in_child(&here, "hang.db", "run", cancel, &err), -1);
	assert_non_null(strstr(err.msg, "interrupted"));
	assert_true(clock_mono_ns() - began < 20 * NS_PER_S);
	close(cancel);
}

static void an_undo_that_fails_is_told(void **state)
{
	struct err err = {0};

	(void)state;
	assert_int_equal(undo_in_child(&here, "bad.db", "run", -1, &err), -1);
	assert_non_null(strstr(err.msg, "not everything"));
	assert_int_equal(undo_in_child(&here, "good.db", "run", -1, &err), 0);
}

/* The child of undo_in_child is this program again: `undo --db FILE --run ID`. */
static int play_undo(const char *db)
{
	while (str_eq(db, "hang.db"))
		pause();
	return str_eq(db, "good.db") ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interrupt_ends_the_waiting_for_the_undo),
		cmocka_unit_test(an_undo_that_fails_is_told),
	};

	if (argc > 3 && str_eq(argv[1], "undo"))
		return play_undo(argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
