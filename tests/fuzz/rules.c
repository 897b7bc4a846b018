/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/rules.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first rule that matches when each is asked. */
static const struct rule *first_of_all(const struct rules *rules, const char *line, size_t len)
{
	struct klog_match m;
	size_t i;

	for (i = 0; i < rules_count(rules); i++)
		if ((rules_at(rules, i)->source & SOURCE_KERNEL) != 0 &&
			classify_as(rules_at(rules, i), line, len, &m))
			return rules_at(rules, i);
	return NULL;
}

/*
 * A user's rule file: refused with a diagnostic, or loaded and usable; and what the prefilter lets
 * through is what the patterns match.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const lines[] = {"vfio-pci 0000:41:00.0: AER: something 12 of 0x34",
		"sensor 3 says 101 C", "abcabcabc  abc.def?ghi\\jkl", "aaaaaaaaaaaaaaaa"};
	size_t i;
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

		for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			if (classify(c, lines[i], strlen(lines[i]), SOURCE_KERNEL, &m))
				match_fields(&m, true, fields, 2 * RULE_FIELDS_MAX);
			if (m.rule != first_of_all(rules, lines[i], strlen(lines[i])))
				__builtin_trap();
		}
		classifier_free(c);
	}
	rules_free(rules);
	close(fd);
	source_forget_all();
	return 0;
}
