/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deliver_after DB WAIT_MS [CANCEL]: what a run does with its outbox at its end; prints what is
 * left. CANCEL: as if the user had interrupted the wait. Called with `deliver` first it is the
 * program itself, because that is how it starts its child.
 */
#include "base/str.h"
#include "cli/cli.h"
#include "engine/deliver.h"
#include "model/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct store *store;
	int64_t wait_ms, left = 0;
	struct err err;
	int pipe_fds[2], rc;

	if (argc > 1 && str_eq(argv[1], "deliver"))
		return cli_main(argc, argv);
	if (argc < 3 || !str_to_i64(argv[2], 10, 0, 600000, &wait_ms) || pipe(pipe_fds) != 0)
		return 2;
	if (argc > 3)
		close(pipe_fds[1]);
	rc = store_open(argv[1], STORE_CREATE, &store, &err);
	if (rc == 0) {
		rc = deliver_in_child(store, wait_ms, pipe_fds[0], false, &left, &err);
		store_close(store);
	}
	if (rc != 0)
		fprintf(stderr, "deliver_after: %s\n", err.msg);
	else
		printf("%" PRId64 " left\n", left);
	return rc ? 1 : 0;
}
