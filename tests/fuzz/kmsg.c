/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/kmsg.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is accepted keeps the promises of struct klog_rec. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct klog_rec *rec = malloc(sizeof(*rec));
	char *copy = malloc(size + 1);
	struct err err = {0};

	memcpy(copy, data, size);
	if (kmsg_parse(copy, size, rec, &err) == 0) {
		if (rec->len > KMSG_TEXT_MAX || strlen(rec->text) != rec->len ||
			strlen(rec->device) >= sizeof(rec->device) || rec->level > 7 ||
			rec->usec < 0)
			abort();
	} else if (err.code != ERR_INPUT) {
		abort();
	}
	free(copy);
	free(rec);
	return 0;
}
