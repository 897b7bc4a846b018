/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/logline.h"

#include "base/clock.h"
#include "klog/logdate.h"
#include "klog/rules.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One line: whatever is found lies in it, in its order, and a date is none of another age. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1); /* the sanitizer watches its end */
	struct logdates dates;
	struct logline l;

	memcpy(copy, data, size);
	logdates_init(&dates, 1780000000 * NS_PER_S);
	logline_parse(copy, size, &l);
	if (l.text < copy || l.text + l.len > copy + size || l.usec < -1 || l.source > SOURCE_ANY ||
		(l.level > 7 && l.level != 255))
		abort();
	if (l.date != NULL) {
		if (l.date < copy || l.date + l.date_len > l.text || l.bare)
			abort();
		if (logdate_read(&dates, l.date, l.date_len) < 0)
			abort();
	}
	free(copy);
	return 0;
}
