/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/tcp.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Splits at the last colon; brackets around the host are dropped. */
static bool split(const char *address, char *host, size_t size, const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (len == 0 || colon[1] == '\0')
		return false;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len == 0 || len >= size)
		return false;
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return true;
}

/* 0, or the errno of the attempt. */
static int try_one(const struct addrinfo *ai, int64_t deadline_ns)
{
	auto_close int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int n, sys = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return errno;
	do {
		n = poll(&p, 1, clock_poll_ms(deadline_ns));
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? ETIMEDOUT : errno;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) == 0 ? sys : errno;
}

bool tcp_answers(const char *address, int64_t deadline_ns, char *seen, size_t size)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
	const struct addrinfo *ai;
	const char *port;
	char host[256];
	int sys = ENOENT, res;

	if (!split(address, host, sizeof(host), &port)) {
		str_copy(seen, size, "not an address");
		return false;
	}
	res = getaddrinfo(host, port, &hints, &all);
	if (res != 0) {
		str_copy(seen, size, gai_strerror(res));
		return false;
	}
	for (ai = all; ai != NULL && sys != 0; ai = ai->ai_next)
		sys = try_one(ai, deadline_ns);
	freeaddrinfo(all);
	str_copy(seen, size, sys ? strerror(sys) : "");
	return sys == 0;
}
