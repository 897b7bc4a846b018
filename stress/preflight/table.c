/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "preflight/preflight.h"

#include "base/str.h"
#include "base/vec.h"

#include <string.h>

const struct check *const check_tables[] = {
	checks_processor,
	checks_firmware,
	checks_iommu,
	checks_kernel,
	checks_vfio,
	checks_host,
	checks_log,
	checks_isolation,
	checks_device,
	checks_reset,
	checks_link,
	checks_domain,
	NULL,
};

/* What stands before the dot of an id, and how people call it. */
static const struct {
	const char *word, *heading;
} sections[] = {
	{"processor", "processor"},
	{"firmware", "firmware"},
	{"iommu", "IOMMU"},
	{"kernel", "kernel"},
	{"vfio", "VFIO"},
	{"host", "host"},
	{"log", "kernel log"},
	{"device", "devices"},
	{"domain", "domains"},
};

const char *check_section(const struct check *check)
{
	size_t i, n = strcspn(check->id, ".");

	for (i = 0; i < ARRAY_SIZE(sections); i++)
		if (strlen(sections[i].word) == n && strncmp(sections[i].word, check->id, n) == 0)
			return sections[i].heading;
	return "other";
}

const char *check_state_name(enum check_state state)
{
	static const char *const names[] = {
		[CHECK_OK] = "ok",
		[CHECK_WARN] = "warn",
		[CHECK_UNKNOWN] = "unknown",
		[CHECK_FAIL] = "fail",
	};

	return names[state];
}

const char *check_of_name(enum check_of of)
{
	static const char *const names[] = {
		[CHECK_HOST] = "host",
		[CHECK_DEVICE] = "device",
		[CHECK_DOMAIN] = "domain",
	};

	return names[of];
}
