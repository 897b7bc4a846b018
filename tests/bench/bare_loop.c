/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bare_loop URI DOMAIN CYCLES DELAY-MS | SERIAL-FILE READY-TEXT: starts and destroys a domain with the libvirt
 * calls that the program makes for `start` and `destroy`, and nothing else: no evidence, no store, no
 * checks. What tests/bench/cycle compares with. Prints the seconds that the cycles took.
 */
#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define READY_TIMEOUT_MS 120000
#define CONSOLE_MAX      65536

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int die(const char *what)
{
	fprintf(stderr, "bare_loop: %s: %s\n", what, errno != 0 ? strerror(errno) : "failed");
	return 1;
}

static off_t size_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	if (fd >= 0)
		close(fd);
	return size;
}

/* Is the text in what was written to the file since `from`? */
static int shows(const char *path, off_t from, const char *text)
{
	static char buf[CONSOLE_MAX + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = pread(fd, buf, CONSOLE_MAX, from);
	close(fd);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	return memmem(buf, (size_t)n, text, strlen(text)) != NULL;
}

/* Woken by each write to the file, as the program is. */
static int wait_ready(const char *path, off_t from, const char *text)
{
	double end = now_s() + READY_TIMEOUT_MS / 1e3;
	struct pollfd p = {.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = POLLIN};
	char drop[4096];
	int ready;

	if (p.fd < 0 || inotify_add_watch(p.fd, path, IN_MODIFY) < 0)
		return -1;
	while (!(ready = shows(path, from, text)) && now_s() < end) {
		if (poll(&p, 1, 1000) > 0 && read(p.fd, drop, sizeof(drop)) < 0)
			break;
	}
	close(p.fd);
	return ready ? 0 : -1;
}

/* `text` NULL: ready after `where` milliseconds; otherwise when the file `where` shows the text. */
static int cycle(virDomainPtr dom, const char *where, const char *text)
{
	off_t from = text != NULL ? size_of(where) : 0;

	if (virDomainCreate(dom) < 0)
		return die("start");
	if (text == NULL)
		poll(NULL, 0, (int)strtol(where, NULL, 10));
	else if (wait_ready(where, from, text) < 0)
		return die("not ready");
	if (virDomainDestroy(dom) < 0)
		return die("destroy");
	return 0;
}

int main(int argc, char **argv)
{
	virConnectPtr conn;
	virDomainPtr dom;
	long cycles;
	double began;
	int rc = 0;

	if (argc != 5 && argc != 6) {
		fprintf(stderr,
			"usage: bare_loop URI DOMAIN CYCLES DELAY-MS | SERIAL-FILE READY-TEXT\n");
		return 2;
	}
	cycles = strtol(argv[3], NULL, 10);
	conn = virConnectOpen(argv[1]);
	if (conn == NULL)
		return die("connect");
	dom = virDomainLookupByName(conn, argv[2]);
	if (dom == NULL)
		return die("no such domain");
	if (virDomainIsActive(dom) == 1 && virDomainDestroy(dom) < 0)
		return die("destroy");

	began = now_s();
	for (long i = 0; i < cycles && rc == 0; i++)
		rc = cycle(dom, argv[4], argc == 6 ? argv[5] : NULL);
	if (rc == 0)
		printf("%.3f\n", now_s() - began);
	virDomainFree(dom);
	virConnectClose(conn);
	return rc;
}
