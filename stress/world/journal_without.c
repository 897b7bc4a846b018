/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/journal.h"

#include "base/mem.h"

/* Of a build without libsystemd. */

static int absent(const char *what, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED, 0, "%s cannot be read: this build has no libsystemd", what);
	return err_hint(err, "journalctl -k -o json | vfio-stress scan -");
}

int journal_open(const char *directory, enum journal_boots boots, int boot, struct journal **out,
	struct err *err)
{
	(void)boots;
	(void)boot;
	(void)out;
	return absent(directory ? directory : "the journal", err);
}

int journal_open_boot(
	const char *directory, const char *boot_id, struct journal **out, struct err *err)
{
	(void)boot_id;
	(void)out;
	return absent(directory ? directory : "the journal", err);
}

int journal_open_file(int fd, const char *name, struct journal **out, struct err *err)
{
	(void)out;
	cleanup_close(&fd);
	return absent(name, err);
}

void journal_close(struct journal *j)
{
	(void)j;
}

int journal_next(struct journal *j, journal_field *field, void *arg, struct err *err)
{
	(void)j;
	(void)field;
	(void)arg;
	return absent("the journal", err);
}

int journal_fd(struct journal *j)
{
	(void)j;
	return -1;
}

void journal_wake(struct journal *j)
{
	(void)j;
}
