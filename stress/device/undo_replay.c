/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/undo_replay.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/attr.h"
#include "device/driver.h"
#include "device/lock.h"
#include "device/methods.h"
#include "world/trace.h"

#include <string.h>
#include <unistd.h>

#define REPLAY_NS (120 * NS_PER_S)
#define LOCK_NS   (60 * NS_PER_S) /* a step has it as long as its devices are away */

static int replay_methods(
	const struct host *host, const struct undo_rec *rec, struct bdf bdf, struct err *err)
{
	char now[METHODS_MAX], dropped[METHODS_MAX];

	return methods_restore(
		host, bdf, rec->value, clock_mono_ns() + REPLAY_NS, now, dropped, err);
}

static int write_back(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	int64_t deadline_ns = clock_mono_ns() + REPLAY_NS;
	char now[sizeof(rec->value)];
	struct err ignored;

	if (attr_read(host, rec->path, now, sizeof(now), deadline_ns, &ignored) == 0 &&
		str_eq(now, rec->value))
		return 0;
	return attr_write(host, rec->path, rec->value, deadline_ns, NULL, err);
}

/* Another run may rely on it right now. */
static int replay_autoprobe(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	int rc, lock = -1;

	if (lock_wait(host, DRIVERS_AUTOPROBE_LOCK, clock_mono_ns() + LOCK_NS, &lock, err) != 0)
		return -1;
	rc = write_back(host, rec, err);
	lock_drop(lock);
	return rc;
}

static int replay_write(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	struct bdf bdf;

	/* only what this program changes: a record is no licence to write anywhere */
	if (!str_starts(rec->path, "/sys/") || strstr(rec->path, "/../") != NULL)
		return err_set(err, ERR_INPUT, 0, "an undo record names '%.80s'", rec->path);
	if (str_ends(rec->path, "/reset_method") && bdf_parse(rec->subject, &bdf))
		return replay_methods(host, rec, bdf, err);
	return str_eq(rec->path, DRIVERS_AUTOPROBE) ? replay_autoprobe(host, rec, err)
						    : write_back(host, rec, err);
}

static int replay_driver(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	int64_t deadline_ns = clock_mono_ns() + REPLAY_NS;
	char path[HOST_PATH_MAX];
	struct bdf bdf;

	if (!bdf_parse(rec->subject, &bdf) || strchr(rec->value, '/') != NULL)
		return err_set(err, ERR_INPUT, 0, "an undo record binds '%.40s' to '%.40s'",
			rec->subject, rec->value);
	host_dev_path(host, path, bdf, "");
	/* a run that died between remove and rescan */
	if (access(path, F_OK) != 0 &&
		attr_write(host, "/sys/bus/pci/rescan", "1", deadline_ns, NULL, err) != 0)
		return -1;
	/* its binding and its override went with a device that is gone */
	if (access(path, F_OK) != 0)
		return 0;
	return driver_bind(host, bdf, rec->value, rec->path, deadline_ns, err);
}

int undo_replay(const struct host *host, const struct undo_rec *rec, struct err *err)
{
	switch (rec->kind) {
	case UNDO_WRITE:
		return replay_write(host, rec, err);
	case UNDO_DRIVER:
		return replay_driver(host, rec, err);
	case UNDO_TRACE:
		return trace_remove(host, rec->subject, err);
	case UNDO_DOMAIN:
		break;
	}
	return err_set(err, ERR_UNSUPPORTED, 0, "undo record of kind %d is not about a device",
		(int)rec->kind);
}
