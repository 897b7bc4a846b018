/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/rules.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A user's rule file: refused with a diagnostic, or loaded and usable. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char line[] = "vfio-pci 0000:41:00.0: AER: something 12 of 0x34";
	char path[64];
	struct diags diags = {0};
	struct rules *rules;
	int fd = memfd_create("rules", 0);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		__builtin_trap();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	rules = rules_load_alone(path, &diags);
	if ((rules == NULL) != (diags.errors > 0))
		__builtin_trap();
	if (rules != NULL) {
		struct classifier *c = classifier_new(rules);
		struct incident_field fields[2 * RULE_FIELDS_MAX];
		struct klog_match m;

		if (classify(c, line, strlen(line), SOURCE_KERNEL, &m))
			match_fields(&m, true, fields, 2 * RULE_FIELDS_MAX);
		classifier_free(c);
	}
	rules_free(rules);
	close(fd);
	source_forget_all();
	return 0;
}
