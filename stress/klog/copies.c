/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/copies.h"

#include "base/mem.h"
#include "world/kmsg.h"

#include <stdlib.h>

#define SLOTS_MIN 1024

struct slot {
	uint64_t hash; /* 0 = free */
	unsigned log; /* the first that had it */
};

struct copies {
	struct slot *slots;
	size_t nslots, used; /* nslots: a power of two */
	unsigned log;
};

struct copies *copies_new(void)
{
	return xcalloc(1, sizeof(struct copies));
}

void copies_free(struct copies *c)
{
	if (c == NULL)
		return;
	free(c->slots);
	free(c);
}

void copies_next_log(struct copies *c)
{
	c->log++;
}

/* FNV-1a, 64 bits: of a million records two are taken for one in one of 30 million bundles. */
static uint64_t hash_of(const struct klog_rec *rec)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)rec->usec;
	const unsigned char *s = (const unsigned char *)rec->text;

	for (h *= UINT64_C(0x100000001b3); *s != '\0'; s++)
		h = (h ^ *s) * UINT64_C(0x100000001b3);
	h ^= h >> 32; /* the low bits choose the slot */
	return h == 0 ? 1 : h;
}

static struct slot *find(struct slot *slots, size_t n, uint64_t hash)
{
	size_t i = hash & (n - 1);

	while (slots[i].hash != 0 && slots[i].hash != hash)
		i = (i + 1) & (n - 1);
	return &slots[i];
}

/* At most half full: a probe is short. */
static void grow(struct copies *c)
{
	size_t n = c->nslots ? 2 * c->nslots : SLOTS_MIN, i;
	struct slot *slots = xcalloc(n, sizeof(*slots));

	for (i = 0; i < c->nslots; i++)
		if (c->slots[i].hash != 0)
			*find(slots, n, c->slots[i].hash) = c->slots[i];
	free(c->slots);
	c->slots = slots;
	c->nslots = n;
}

bool copies_is_copy(struct copies *c, const struct klog_rec *rec)
{
	struct slot *slot;
	uint64_t hash;

	if (rec->usec < 0)
		return false;
	if (2 * c->used >= c->nslots)
		grow(c);
	hash = hash_of(rec);
	slot = find(c->slots, c->nslots, hash);
	if (slot->hash != 0)
		return slot->log != c->log;
	if (c->used < COPIES_MAX) {
		c->used++;
		*slot = (struct slot){hash, c->log};
	}
	return false;
}
