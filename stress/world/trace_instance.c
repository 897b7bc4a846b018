/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/trace.h"

#include "base/str.h"
#include "base/vec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Instances as directories: what needs no library. */

static const char *const places[] = {
	"/sys/kernel/tracing/instances", "/sys/kernel/debug/tracing/instances"};

const char *trace_name(enum trace_kind kind)
{
	static const char *const names[TRACE_KINDS] = {
		[TRACE_AER] = "ras:aer_event",
		[TRACE_FIRMWARE] = "ras:non_standard_event",
		[TRACE_PAGE_FAULT] = "iommu:io_page_fault",
	};

	return names[kind];
}

static bool is_ours(const char *name)
{
	return str_starts(name, TRACE_NAME_PREFIX) &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

int trace_remove(const struct host *host, const char *name, struct err *err)
{
	char path[HOST_PATH_MAX];
	size_t i;

	/* a record is no licence to remove anything */
	if (!is_ours(name))
		return err_set(err, ERR_INPUT, 0, "'%.60s' is no tracing instance of ours", name);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		host_path(host, path, "%s/%s", places[i], name);
		if (rmdir(path) != 0 && errno != ENOENT)
			return err_set(err, ERR_IO, errno, "remove the tracing instance %s", path);
	}
	return 0;
}

static bool is_locked_down(const struct host *host)
{
	char text[80];
	struct err err;

	return host_read(host, "/sys/kernel/security/lockdown", text, sizeof(text), &err) == 0 &&
		strstr(text, "[confidentiality]") != NULL;
}

static int explain(const struct host *host, int sys, struct err *err)
{
	if (sys == ENOENT) {
		err_set(err, ERR_ABSENT, 0, "tracefs is not mounted");
		return err_hint(err, "mount -t tracefs tracefs /sys/kernel/tracing");
	}
	if (is_locked_down(host)) {
		err_set(err, ERR_IO, 0, "kernel lockdown (confidentiality) forbids tracefs");
		return err_hint(err, "boot with lockdown=integrity or none");
	}
	err_set(err, ERR_IO, sys, "tracefs cannot be used");
	return err_hint(err, "%s", geteuid() != 0 ? "run as root" : "is this a container?");
}

int trace_check(const struct host *host, struct err *err)
{
	char path[HOST_PATH_MAX];
	int sys = ENOENT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (access(host_path(host, path, "%s", places[i]), W_OK) == 0)
			return is_locked_down(host) ? explain(host, EPERM, err) : 0;
		if (errno != ENOENT)
			sys = errno;
	}
	return explain(host, sys, err);
}
