/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_DELIVER_H
#define VFIO_STRESS_ENGINE_DELIVER_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct store;
struct way_out;

#define DELIVER_WAIT_MS  30000 /* how long a run waits for its webhooks */
#define DELIVER_LEAST_MS 1000 /* the same of one that is stopped now: for a receiver that answers */

struct delivery {
	int64_t for_ms; /* keep trying for so long; 0 = each message once */
	FILE *say; /* a line per try; NULL = silence */
	bool only_problems; /* of these lines */
};

struct delivery_tally {
	unsigned delivered, given_up;
	int64_t left; /* to be tried again */
};

/*
 * Sends what is in the store's outbox, also what is not due yet. Only one process at a time does: who has
 * time (for_ms) waits for the other, and leaves it its turn between two tries; who has none is refused
 * (-1, ERR_REFUSED). A receiver that does not answer is no error here: see the tally.
 */
int deliver(struct store *store, const struct delivery *how, struct delivery_tally *out,
	struct err *err) must_check;

/*
 * The same for as long as nobody closes the other end of `fd`: what becomes due is sent when it does.
 * Waits for another process that is delivering, and then keeps its turn to its end.
 */
int deliver_follow(
	struct store *store, const struct delivery *how, int fd, struct err *err) must_check;

/* A child (this program, `deliver --follow`) that does so during a run. `db` is the store's file. */
struct follower;
int follower_start(const char *db, struct follower **out, struct err *err) must_check;
/* False: it was killed, or could not use the store; another one goes on where it was. */
bool follower_lives(const struct follower *f);
/* Tells it to end. NULL is fine, here and there. */
void follower_hang_up(struct follower *f);
/* What it has not sent is still in the store. */
void follower_stop(struct follower *f, const struct way_out *out);

/*
 * After a run: has a child of its own (this program, `deliver`) send, because the caller has
 * threads and must not hang in a network. Returns when it ends, after wait_ms, or when cancel_fd
 * (-1 = none) becomes readable. left_out = messages not delivered yet.
 */
int deliver_in_child(struct store *store, int64_t wait_ms, int cancel_fd, bool quiet,
	int64_t *left_out, struct err *err) must_check;

#endif
