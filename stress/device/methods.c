/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "device/methods.h"

#include "base/str.h"
#include "device/attr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct list {
	const struct host *host;
	char path[128];
	int64_t deadline_ns;
};

static int set(const struct list *l, const char *words, struct err *err)
{
	return attr_write(l->host, l->path, words, l->deadline_ns, NULL, err);
}

static void append(char *words, const char *word)
{
	size_t len = strlen(words);

	snprintf(words + len, METHODS_MAX - len, "%s%s", len ? " " : "", word);
}

/* Which of the words does the kernel still take? Each is tried alone. */
static int sort_out(
	const struct list *l, const char *was, char *good, char *refused, struct err *err)
{
	char copy[METHODS_MAX], *word, *rest = copy;

	str_set(copy, was);
	good[0] = refused[0] = '\0';
	while ((word = strsep(&rest, " ")) != NULL) {
		if (*word == '\0')
			continue;
		if (set(l, word, err) == 0)
			append(good, word);
		else if (err->sys == EINVAL)
			append(refused, word);
		else
			return -1;
	}
	return 0;
}

/*
 * reset_method_store (drivers/pci/pci.c) refuses the whole line for one word that its probe
 * declines now: function 0 of a slot lists `bus` because it was probed before function 1 existed.
 */
int methods_restore(const struct host *host, struct bdf bdf, const char *was, int64_t deadline_ns,
	char *now, char *dropped, struct err *err)
{
	struct list l = {.host = host, .deadline_ns = deadline_ns};
	char text[BDF_LEN], good[METHODS_MAX], refused[METHODS_MAX] = "", path[HOST_PATH_MAX];

	snprintf(l.path, sizeof(l.path), "/sys/bus/pci/devices/%s/reset_method",
		bdf_text(bdf, text));
	/* the list went with the device: one that comes back begins with the kernel's own */
	if (access(host_dev_path(host, path, bdf, ""), F_OK) != 0) {
		now[0] = dropped[0] = '\0';
		return 0;
	}
	if (attr_read(host, l.path, good, sizeof(good), deadline_ns, err) != 0)
		return -1;
	if (!str_eq(good, was) && set(&l, was, err) != 0) {
		if (err->sys != EINVAL || sort_out(&l, was, good, refused, err) != 0)
			return -1;
		/* "" would mean: disabled by the user */
		if (set(&l, good[0] ? good : "default", err) != 0)
			return -1;
	}
	if (attr_read(host, l.path, now, METHODS_MAX, deadline_ns, err) != 0)
		return -1;
	str_copy(dropped, METHODS_MAX, refused);
	return 0;
}
