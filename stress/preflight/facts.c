/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/facts.h"

#include "base/str.h"
#include "model/topology.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the kernel's command line ---- */

bool cmdline_next(const struct topology *t, size_t *at, char *buf, size_t size)
{
	const char *text = hostfiles_text(&t->files, "/proc/cmdline"), *s;
	bool quoted = false;
	size_t n;

	if (text == NULL || *at > strlen(text))
		return false;
	s = text + *at;
	s += strspn(s, " \n");
	/* blanks between quotes belong to the word (lib/cmdline.c, next_arg) */
	for (n = 0; s[n] != '\0' && (quoted || (s[n] != ' ' && s[n] != '\n')); n++)
		quoted ^= s[n] == '"';
	if (n == 0)
		return false;
	str_printable(buf, size, s, n);
	*at = (size_t)(s - text) + n;
	return true;
}

bool cmdline_is(const char *word, const char *name)
{
	for (; *name != '\0'; word++, name++) {
		char a = *word == '-' ? '_' : *word, b = *name == '-' ? '_' : *name;

		if (a != b)
			return false;
	}
	return *word == '\0' || *word == '=';
}

static const char *value_of(const char *word)
{
	const char *equals = strchr(word, '=');

	return equals ? equals + 1 : "";
}

bool cmdline_value(const struct topology *t, const char *word, char *buf, size_t size)
{
	char text[512];
	size_t at = 0;
	bool found = false;

	while (cmdline_next(t, &at, text, sizeof(text))) {
		if (!cmdline_is(text, word))
			continue;
		str_copy(buf, size, value_of(text));
		found = true;
	}
	return found;
}

static bool list_has(const char *list, const char *value)
{
	size_t n, len = strlen(value);

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		if (n == len && strncmp(list, value, n) == 0)
			return true;
		if (list[n] == '\0')
			return false;
	}
}

bool cmdline_has(const struct topology *t, const char *word, const char *value)
{
	char text[512];
	size_t at = 0;

	while (cmdline_next(t, &at, text, sizeof(text)))
		if (cmdline_is(text, word) && list_has(value_of(text), value))
			return true;
	return false;
}

/* ---- modules ---- */

bool module_loaded(const struct topology *t, const char *name)
{
	const char *s = hostfiles_text(&t->files, "/proc/modules");
	size_t len = strlen(name);

	for (; s != NULL; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, name, len) == 0 && (s[len] == '\n' || s[len] == '\0'))
			return true;
	}
	return false;
}

bool module_flag(const struct topology *t, const char *path)
{
	const char *text = hostfiles_text(&t->files, path);

	return text != NULL && (str_eq(text, "Y") || str_eq(text, "1"));
}

static bool is_modprobe(const struct hostfile *f)
{
	return f->sys == 0 && strstr(f->path, "/modprobe.d/") != NULL;
}

bool modprobe_next(const struct topology *t, size_t *file, size_t *at, char *buf, size_t size)
{
	for (; *file < t->files.n; ++*file, *at = 0) {
		const struct hostfile *f = &t->files.v[*file];
		size_t n;

		if (!is_modprobe(f) || f->text[*at] == '\0')
			continue;
		n = strcspn(f->text + *at, "\n");
		str_printable(buf, size, f->text + *at, n);
		*at += n + (f->text[*at + n] == '\n');
		return true;
	}
	return false;
}

/* ---- words ---- */

void namelist_add(struct namelist *l, const struct pcidev *dev)
{
	bool bound = dev->driver[0] != '\0' && !dev->is_bridge && !pcidev_vfio_driver(dev->driver);
	char bdf[BDF_LEN];

	if (l->n++ >= l->max)
		return;
	str_addf(l->text, "%s%s", l->n > 1 ? ", " : "", bdf_text(dev->bdf, bdf));
	if (bound)
		str_addf(l->text, " (%s)", dev->driver);
}

void namelist_end(struct namelist *l)
{
	if (l->n > l->max)
		str_addf(l->text, " and %zu more", l->n - l->max);
}

const char *bytes_text(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	size_t i;

	for (i = 0; i + 1 < sizeof(units) / sizeof(units[0]) && bytes >= 1024 && bytes % 1024 == 0;
		i++)
		bytes /= 1024;
	snprintf(buf, size, "%" PRIu64 " %s", bytes, units[i]);
	return buf;
}

bool cpulist_has(const char *list, unsigned n)
{
	while (*list != '\0') {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (n >= first && n <= last)
			return true;
		list = end + strspn(end, ", \n");
		if (list == end)
			return false;
	}
	return false;
}

size_t numa_nodes(const struct topology *t)
{
	const struct hostfile *f = NULL;
	size_t n = 0;

	while ((f = hostfiles_next(&t->files, f, "/sys/devices/system/node/node", "/cpulist")))
		n++;
	return n ? n : 1;
}
