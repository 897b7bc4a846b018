/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/notify.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define US_PER_MS 1000

/* A path, or behind '@' a name in the abstract namespace (unix(7)). */
static socklen_t address_of(const char *name, struct sockaddr_un *out)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len >= sizeof(out->sun_path))
		return 0;
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(out->sun_path, name, len);
	if (name[0] == '@')
		out->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void notify_send(const char *text)
{
	const char *name = getenv("NOTIFY_SOCKET");
	auto_close int fd = -1;
	struct sockaddr_un addr;
	socklen_t len = name != NULL ? address_of(name, &addr) : 0;

	if (len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* a manager that does not listen must not hold us up */
	if (fd >= 0)
		(void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&addr, len);
}

/* sd_watchdog_enabled(3): meant for us, not for a parent whose environment we have? */
int64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t n, whose;

	if (usec == NULL || !str_to_i64(usec, 10, 1, NEVER, &n))
		return 0;
	if (pid != NULL && (!str_to_i64(pid, 10, 1, INT32_MAX, &whose) || whose != getpid()))
		return 0;
	return (n + US_PER_MS - 1) / US_PER_MS;
}
