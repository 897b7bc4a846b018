/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/confread.h"

#include "base/clock.h"
#include "base/str.h"
#include "fakehost.h"
#include "model/topology.h"

#include "cmocka_all.h"

#include <string.h>
#include <unistd.h>

ssize_t __real_pread(int fd, void *buf, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t n, off_t at);

/* A device in the middle of a reset: 0000:00:03.0 does not answer. */
ssize_t __wrap_pread(int fd, void *buf, size_t n, off_t at)
{
	char link[32], path[HOST_PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	while (str_ends(path, "/0000:00:03.0/config"))
		pause();
	return __real_pread(fd, buf, n, at);
}

static void one_that_does_not_answer_holds_up_nobody(void **state)
{
	struct fakehost *fake = FAKEHOST(FAKE_DEV("0000:00:02.0"), FAKE_DEV("0000:00:03.0"),
		FAKE_DEV("0000:00:04.0"), FAKE_DEV("0000:00:05.0", .power = "D3cold"));
	int64_t began_ns = clock_mono_ns();
	struct topology t = {0};
	struct err err = {0};

	(void)state;
	if (pcidev_scan(fakehost_host(fake), &t.devs, &err) != 0)
		fail_msg("%s", err.msg);
	t.facts = arena_alloc(&t.arena, t.devs.n * sizeof(*t.facts));
	str_set(t.facts[3].power_state, "D3cold");
	confread_all(fakehost_host(fake), &t);
	assert_int_equal(t.facts[0].conf_state, CONF_READ);
	assert_int_equal(t.facts[1].conf_state, CONF_STUCK);
	assert_int_equal(t.facts[1].conf.len, 0);
	assert_int_equal(t.facts[2].conf_state, CONF_READ);
	assert_int_equal(t.facts[3].conf_state, CONF_ASLEEP);
	assert_true(clock_mono_ns() - began_ns < 15 * NS_PER_S);
	topology_finish(&t);
	fakehost_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_does_not_answer_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
