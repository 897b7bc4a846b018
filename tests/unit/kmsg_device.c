/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"
#include "base/mem.h"
#include "world/kmsg.h"

#include "cmocka_all.h"
#include "kmsg_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* CONSOLE_EXT_LOG_MAX of kernels before 6.4, the most that any formats a record in */
#define KERNEL_RECORD_MAX 8192

/*
 * The kernel's side of /dev/kmsg (devkmsg_read): each byte in a pipe stands for what one read(2)
 * gives, so that poll(2) tells the truth.
 */
static struct {
	struct {
		const char *text; /* a record, NULL = an error */
		int sys;
	} reads[64];
	unsigned char n;
} kernel;

ssize_t __real_read(int fd, void *buf, size_t n);
ssize_t __wrap_read(int fd, void *buf, size_t n);

ssize_t __wrap_read(int fd, void *buf, size_t n)
{
	unsigned char i;
	size_t len;

	if (!is_kmsg(fd))
		return __real_read(fd, buf, n);
	if (__real_read(fd, &i, 1) != 1)
		return -1; /* EAGAIN: all was read */
	if (kernel.reads[i].text == NULL) {
		errno = kernel.reads[i].sys;
		return -1;
	}
	len = strlen(kernel.reads[i].text);
	if (len > n) {
		errno = EINVAL;
		return -1;
	}
	memcpy(buf, kernel.reads[i].text, len);
	return (ssize_t)len;
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof(kernel));
	kmsg_pipe_open(0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	kmsg_pipe_close();
	return 0;
}

static void gives(const char *text, int sys)
{
	kernel.reads[kernel.n].text = text;
	kernel.reads[kernel.n].sys = sys;
	assert_int_equal(write(kmsg_pipe.w, &kernel.n, 1), 1);
	kernel.n++;
}

static void says(const char *record)
{
	gives(record, 0);
}

static void fails(int sys)
{
	gives(NULL, sys);
}

static struct kmsg *opened(void)
{
	struct kmsg *k;
	struct err err;

	if (kmsg_open(kmsg_pipe.path, &k, &err) != 0)
		fail_msg("%s", err.msg);
	assert_true(kmsg_is_device(k));
	return k;
}

static void wait_for(struct kmsg *k)
{
	struct pollfd p = {.fd = kmsg_fd(k), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
}

/* Waits for the reader to have read all that was said. */
static struct kmsg_status settled(struct kmsg *k)
{
	uint64_t ticket = kmsg_sync(k), seq;
	struct kmsg_status st;

	while (!kmsg_synced(k, ticket, &seq))
		wait_for(k);
	kmsg_get_status(k, &st);
	return st;
}

static void expect_next(struct kmsg *k, uint64_t seq)
{
	struct klog_rec r;

	while (!kmsg_next(k, &r))
		wait_for(k);
	assert_int_equal(r.seq, seq);
}

static void what_was_overwritten_is_counted_by_the_numbers(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	says("6,10,1,-;a");
	fails(EPIPE);
	says("6,20,2,-;b");
	fails(EPIPE);
	fails(EPIPE); /* overtaken again before the next read */
	says("6,31,3,-;c");
	says("6,32,4,-;d");
	k = opened();
	st = settled(k);
	assert_int_equal(st.lost, 9 + 10);
	assert_int_equal(st.records, 4);
	assert_false(st.failed);
	expect_next(k, 10);
	expect_next(k, 20);
	expect_next(k, 31);
	expect_next(k, 32);
	kmsg_close(k);
}

static void an_overrun_before_the_first_record_is_a_loss_too(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	fails(EPIPE);
	says("6,20,2,-;b");
	k = opened();
	st = settled(k);
	assert_true(st.lost > 0);
	assert_int_equal(st.records, 1);
	kmsg_close(k);
}

static void what_did_not_fit_is_lost_and_reading_goes_on(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	says("6,10,1,-;a");
	fails(EINVAL); /* 11 is consumed */
	says("6,12,1,-;c");
	k = opened();
	st = settled(k);
	assert_int_equal(st.lost, 1);
	assert_int_equal(st.records, 2);
	assert_false(st.failed);
	kmsg_close(k);
}

static const char *largest(uint64_t seq)
{
	static char text[KERNEL_RECORD_MAX + 1];
	int n = snprintf(text, sizeof(text), "6,%lu,1,-;", (unsigned long)seq);

	memset(text + n, 'x', KERNEL_RECORD_MAX - (size_t)n);
	text[KERNEL_RECORD_MAX] = '\0';
	return text;
}

static void the_largest_record_of_any_kernel_is_read(void **state)
{
	struct kmsg *k;
	struct klog_rec r;

	(void)state;
	says("6,10,1,-;a");
	says(largest(11));
	says("6,12,1,-;c");
	k = opened();
	assert_int_equal(settled(k).lost, 0);
	expect_next(k, 10);
	assert_true(kmsg_next(k, &r));
	assert_int_equal(r.seq, 11);
	assert_true(r.truncated);
	expect_next(k, 12);
	kmsg_close(k);
}

static void an_interrupted_read_is_done_again(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	fails(EINTR);
	says("6,10,1,-;a");
	fails(EINTR);
	fails(EINTR);
	says("6,11,1,-;b");
	k = opened();
	st = settled(k);
	assert_int_equal(st.records, 2);
	assert_int_equal(st.lost, 0);
	assert_false(st.failed);
	kmsg_close(k);
}

static void nothing_more_is_no_end(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	says("6,10,1,-;a");
	fails(EAGAIN); /* readable, and yet another reader of the same ring was faster */
	k = opened();
	settled(k);
	expect_next(k, 10);
	says("6,11,1,-;b");
	expect_next(k, 11);
	st = settled(k);
	assert_int_equal(st.lost, 0);
	assert_false(st.failed);
	kmsg_close(k);
}

static void any_other_error_ends_the_reading_and_says_so(void **state)
{
	struct kmsg_status st;
	struct kmsg *k;

	(void)state;
	says("6,10,1,-;a");
	fails(EIO);
	says("6,11,1,-;b");
	k = opened();
	st = settled(k);
	assert_true(st.failed);
	assert_int_equal(st.err.sys, EIO);
	assert_int_equal(st.records, 1);
	expect_next(k, 10); /* what came before is not lost */
	kmsg_close(k);
}

static void what_the_kernel_still_holds_is_read_past_every_hindrance(void **state)
{
	struct kmsg_dump *d;
	struct klog_rec r;
	struct err err = {0};

	(void)state;
	fails(EPIPE);
	says("6,10,1,-;a");
	fails(EINTR);
	says(largest(11));
	fails(EINVAL);
	says("6,13,1,-;c");
	assert_int_equal(kmsg_dump_open(kmsg_pipe.path, &d, &err), 0);
	assert_int_equal(kmsg_dump_next(d, &r, &err), 1);
	assert_int_equal(r.seq, 10);
	assert_int_equal(kmsg_dump_next(d, &r, &err), 1);
	assert_int_equal(r.seq, 11);
	assert_int_equal(kmsg_dump_next(d, &r, &err), 1);
	assert_int_equal(r.seq, 13);
	assert_int_equal(kmsg_dump_next(d, &r, &err), 0);
	fails(EIO);
	assert_int_equal(kmsg_dump_next(d, &r, &err), -1);
	assert_int_equal(err.sys, EIO);
	kmsg_dump_close(d);
}

#define device_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		device_test(what_was_overwritten_is_counted_by_the_numbers),
		device_test(an_overrun_before_the_first_record_is_a_loss_too),
		device_test(what_did_not_fit_is_lost_and_reading_goes_on),
		device_test(the_largest_record_of_any_kernel_is_read),
		device_test(an_interrupted_read_is_done_again),
		device_test(nothing_more_is_no_end),
		device_test(any_other_error_ends_the_reading_and_says_so),
		device_test(what_the_kernel_still_holds_is_read_past_every_hindrance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
