/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/diags.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Diagnostics and rules point into these, so they are kept on a list until the process ends. */
struct kept {
	struct source src;
	struct kept *next;
	char bytes[]; /* name, NUL, text, NUL */
};

static struct kept *all_kept;

const struct source *source_keep(const char *name, const char *text, size_t len)
{
	size_t name_size = strlen(name) + 1;
	struct kept *k = xmalloc(sizeof(*k) + name_size + len + 1);

	memcpy(k->bytes, name, name_size);
	if (len > 0)
		memcpy(k->bytes + name_size, text, len);
	k->bytes[name_size + len] = '\0';
	k->src = (struct source){.name = k->bytes, .text = k->bytes + name_size, .len = len};
	k->next = all_kept;
	all_kept = k;
	return &k->src;
}

void source_forget_all(void)
{
	while (all_kept != NULL) {
		struct kept *next = all_kept->next;

		free(all_kept);
		all_kept = next;
	}
}
