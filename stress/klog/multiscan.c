/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/multiscan.h"

#include "base/mem.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>
#include <string.h>

struct multiscan {
	hs_database_t *db;
};

struct multiscan_hand {
	hs_scratch_t *scratch;
};

struct multiscan *multiscan_new(const char *const *texts, size_t n)
{
	unsigned *flags = xcalloc(n + 1, sizeof(*flags)), *ids = xcalloc(n + 1, sizeof(*ids));
	size_t *lengths = xcalloc(n + 1, sizeof(*lengths)), i;
	struct multiscan *m = NULL;
	hs_compile_error_t *why = NULL;
	hs_database_t *db = NULL;

	for (i = 0; i < n; i++) {
		lengths[i] = strlen(texts[i]);
		/* nobody asks which, but texts of one id make a slower database in five times the time */
		ids[i] = (unsigned)i;
	}
	if (hs_valid_platform() == HS_SUCCESS &&
		hs_compile_lit_multi(texts, flags, ids, lengths, (unsigned)n, HS_MODE_BLOCK, NULL,
			&db, &why) == HS_SUCCESS) {
		m = xcalloc(1, sizeof(*m));
		m->db = db;
	}
	hs_free_compile_error(why);
	free(flags);
	free(ids);
	free(lengths);
	return m;
}

void multiscan_free(struct multiscan *m)
{
	if (m == NULL)
		return;
	hs_free_database(m->db);
	free(m);
}

struct multiscan_hand *multiscan_hand_new(const struct multiscan *m)
{
	struct multiscan_hand *h = xcalloc(1, sizeof(*h));

	if (hs_alloc_scratch(m->db, &h->scratch) != HS_SUCCESS)
		abort(); /* no memory */
	return h;
}

void multiscan_hand_free(struct multiscan_hand *h)
{
	if (h == NULL)
		return;
	hs_free_scratch(h->scratch);
	free(h);
}

struct listener {
	multiscan_found *found;
	void *arg;
};

static int pass_on(
	unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
	struct listener *l = arg;

	(void)id;
	(void)from;
	(void)flags;
	l->found(l->arg, (size_t)to);
	return 0;
}

void multiscan_text(const struct multiscan *m, struct multiscan_hand *h, const char *text,
	size_t len, multiscan_found *found, void *arg)
{
	struct listener l = {found, arg};
	hs_error_t rc = hs_scan(m->db, text, (unsigned)len, 0, h->scratch, pass_on, &l);

	/* anything else is a misuse of the library */
	assert(rc == HS_SUCCESS);
	(void)rc;
}
