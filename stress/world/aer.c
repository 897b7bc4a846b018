/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/aer.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *file, *total; /* "" = the file is one number */
	size_t offset;
	bool root;
	const char *name;
} counters[] = {
	{"aer_dev_correctable", "TOTAL_ERR_COR ", offsetof(struct aer_counters, correctable), false,
		"correctable"},
	{"aer_dev_nonfatal", "TOTAL_ERR_NONFATAL ", offsetof(struct aer_counters, nonfatal), false,
		"non-fatal"},
	{"aer_dev_fatal", "TOTAL_ERR_FATAL ", offsetof(struct aer_counters, fatal), false, "fatal"},
	{"aer_rootport_total_err_cor", "", offsetof(struct aer_counters, root_correctable), true,
		"correctable received"},
	{"aer_rootport_total_err_nonfatal", "", offsetof(struct aer_counters, root_nonfatal), true,
		"non-fatal received"},
	{"aer_rootport_total_err_fatal", "", offsetof(struct aer_counters, root_fatal), true,
		"fatal received"},
};
#define NCOUNTERS (sizeof(counters) / sizeof(counters[0]))

static bool read_counter(const struct host *host, struct bdf bdf, size_t i, uint64_t *out)
{
	char path[HOST_PATH_MAX], text[2048], bdf_buf[BDF_LEN], *number;
	struct err ignored;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf_text(bdf, bdf_buf),
		counters[i].file);
	if (host_read(host, path, text, sizeof(text), &ignored) != 0)
		return false;
	number = strstr(text, counters[i].total);
	if (number == NULL)
		return false;
	number += strlen(counters[i].total);
	number[strcspn(number, "\n")] = '\0';
	return str_to_u64(number, 10, UINT64_MAX, out);
}

static uint64_t *slot(struct aer_counters *c, size_t i)
{
	return (uint64_t *)(void *)((char *)c + counters[i].offset);
}

void aer_read(const struct host *host, struct bdf bdf, struct aer_counters *out)
{
	size_t i;

	*out = (struct aer_counters){0};
	for (i = 0; i < NCOUNTERS; i++) {
		if (!read_counter(host, bdf, i, slot(out, i)))
			continue;
		if (counters[i].root)
			out->is_root_port = true;
		else
			out->known = true;
	}
}

const char *aer_since(
	const struct aer_counters *before, const struct aer_counters *after, char *buf, size_t size)
{
	struct aer_counters a = *before, b = *after;
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < NCOUNTERS; i++) {
		uint64_t was = *slot(&a, i), is = *slot(&b, i);

		/* the counters of a function that came back from a removal begin at 0 */
		if (is <= was || len >= size)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%llu %s", len ? ", " : "",
			(unsigned long long)(is - was), counters[i].name);
	}
	return buf;
}
