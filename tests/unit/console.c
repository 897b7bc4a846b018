/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/console.h"

#include "base/clock.h"
#include "base/str.h"
#include "world/domdef.h"
#include "world/host.h"

#include "cmocka_all.h"
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static struct console *open_console(const struct domdef_serial *s, const char *pattern)
{
	struct console *c = NULL;
	struct err err;

	if (console_open(s, pattern, &c, &err) != 0)
		fail_msg("%s", err.msg);
	return c;
}

/* Until so many bytes have been read. */
static struct console_seen wait_bytes(struct console *c, uint64_t bytes)
{
	int64_t until = clock_mono_ns() + 5 * NS_PER_S;
	struct console_seen seen = console_look(c);

	while (seen.bytes < bytes && !seen.ended && clock_mono_ns() < until) {
		struct pollfd p = {.fd = console_fd(c), .events = POLLIN};

		poll(&p, 1, clock_poll_ms(until));
		seen = console_look(c);
	}
	assert_true(seen.bytes >= bytes || seen.ended);
	return seen;
}

static void put(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int raw_pty(struct domdef_serial *s)
{
	struct termios tio;
	int host, guest;

	assert_int_equal(openpty(&host, &guest, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(guest, &tio), 0);
	cfmakeraw(&tio);
	tcsetattr(guest, TCSANOW, &tio);
	*s = (struct domdef_serial){.kind = SERIAL_PTY, .type = "pty"};
	assert_int_equal(ttyname_r(guest, s->path, sizeof(s->path)), 0);
	close(guest);
	return host;
}

static void a_pty_is_read_from_now_on_and_its_end_is_seen(void **state)
{
	struct domdef_serial s;
	int qemu = raw_pty(&s);
	struct console *c;
	struct console_seen seen;
	int64_t start = clock_mono_ns();

	(void)state;
	put(qemu, "old login: ");
	c = open_console(&s, "login:");
	put(qemu, "\r\nbooting\r\nhost lo");
	seen = wait_bytes(c, 18);
	assert_int_equal(seen.matches, 0);
	assert_string_equal(seen.last, "host lo");
	put(qemu, "gin: ");
	seen = wait_bytes(c, 23);
	assert_int_equal(seen.matches, 1);
	assert_true(seen.match_ns >= start && seen.match_ns <= clock_mono_ns());
	assert_string_equal(seen.last, "host login: ");
	close(qemu);
	while (!console_look(c).ended) {
		struct pollfd p = {.fd = console_fd(c), .events = POLLIN};

		assert_int_equal(poll(&p, 1, 5000), 1);
	}
	console_close(c);
}

static void a_reader_that_holds_the_same_pty_is_named(void **state)
{
	const struct host host = {.root = "", .kmsg = ""};
	struct domdef_serial s;
	int qemu = raw_pty(&s);
	char rival[80];
	pid_t child;

	(void)state;
	assert_string_equal(console_rival(&host, s.path, rival, sizeof(rival)), "");
	child = fork();
	if (child == 0) {
		int fd = open(s.path, O_RDONLY | O_NOCTTY);

		put(qemu, "x"); /* ready */
		pause();
		_exit(fd);
	}
	while (*console_rival(&host, s.path, rival, sizeof(rival)) == '\0')
		poll(NULL, 0, 5);
	assert_true(str_starts(rival, "unit_console (pid "));
	kill(child, SIGKILL);
	close(qemu);
}

static void a_socket_that_qemu_listens_on_is_read(void **state)
{
	struct domdef_serial s = {.kind = SERIAL_UNIX, .type = "unix", .listens = true};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_STREAM, 0), qemu;
	struct console *c;

	(void)state;
	snprintf(s.path, sizeof(s.path), "/tmp/stress-console-%d", getpid());
	str_set(addr.sun_path, s.path);
	unlink(s.path);
	assert_int_equal(bind(server, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(server, 1), 0);
	c = open_console(&s, "READY");
	qemu = accept(server, NULL, NULL);
	put(qemu, "READYREADY REA");
	put(qemu, "DY\n");
	assert_int_equal(wait_bytes(c, 17).matches, 3);
	close(qemu);
	console_close(c);
	close(server);
	unlink(s.path);
}

static void a_file_counts_from_now_on_through_truncation(void **state)
{
	struct domdef_serial s = {.kind = SERIAL_FILE, .type = "file"};
	struct console *c;
	int fd;

	(void)state;
	snprintf(s.path, sizeof(s.path), "/tmp/stress-console-%d.log", getpid());
	fd = open(s.path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	put(fd, "L2 READY\n");
	c = open_console(&s, "L2 READY");
	put(fd, "L2 POWERBUTTON\n");
	assert_int_equal(wait_bytes(c, 15).matches, 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	put(fd, "L2 READY\n");
	assert_int_equal(wait_bytes(c, 24).matches, 1);
	console_close(c);
	close(fd);
	unlink(s.path);
}

static void a_log_beside_a_pty_is_preferred(void **state)
{
	struct domdef_serial s = {
		.kind = SERIAL_PTY, .type = "pty", .path = "/dev/pts/does-not-exist"};
	struct console *c;
	int fd;

	(void)state;
	snprintf(s.log, sizeof(s.log), "/tmp/stress-console-%d.log", getpid());
	unlink(s.log);
	c = open_console(&s, "up");
	fd = open(s.log, O_RDWR | O_CREAT, 0600);
	put(fd, "up\n");
	assert_int_equal(wait_bytes(c, 3).matches, 1);
	console_close(c);
	close(fd);
	unlink(s.log);
}

static void a_panic_of_linux_is_seen_and_its_line_kept(void **state)
{
	struct domdef_serial s;
	int qemu = raw_pty(&s);
	struct console *c = open_console(&s, "login:");
	struct console_seen seen;
	static const char text[] = "[    1.0] Kernel panic - not syncing: Fatal exception\r\n"
				   "[    1.1] ---[ end ]---\x1b[0m\r\n";

	(void)state;
	put(qemu, text);
	seen = wait_bytes(c, strlen(text));
	assert_true(seen.panicked);
	assert_string_equal(seen.last, "[    1.0] Kernel panic - not syncing: Fatal exception");
	console_close(c);
	close(qemu);
}

static void a_console_that_cannot_be_read_is_refused_with_a_hint(void **state)
{
	const struct domdef_serial tcp = {.kind = SERIAL_OTHER, .type = "tcp"};
	const struct domdef_serial out = {.kind = SERIAL_UNIX, .type = "unix", .path = "/x"};
	struct console *c = NULL;
	struct err err;

	(void)state;
	assert_int_equal(console_check(&tcp, &err), -1);
	assert_string_equal(err.msg, "a console of type 'tcp' cannot be read");
	assert_true(strlen(err.hint) > 0);
	assert_int_equal(console_open(&out, "x", &c, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pty_is_read_from_now_on_and_its_end_is_seen),
		cmocka_unit_test(a_reader_that_holds_the_same_pty_is_named),
		cmocka_unit_test(a_socket_that_qemu_listens_on_is_read),
		cmocka_unit_test(a_file_counts_from_now_on_through_truncation),
		cmocka_unit_test(a_log_beside_a_pty_is_preferred),
		cmocka_unit_test(a_panic_of_linux_is_seen_and_its_line_kept),
		cmocka_unit_test(a_console_that_cannot_be_read_is_refused_with_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
