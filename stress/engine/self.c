/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/self.h"

#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int self_start(char *const argv[], int in, int out, int errors, pid_t *pid_out, struct err *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, errors, STDERR_FILENO);
	/* the kernel's link, not argv[0]: the program may have been replaced or moved */
	rc = posix_spawn(pid_out, "/proc/self/exe", &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc ? err_set(err, ERR_IO, rc, "start `vfio-stress %s`", argv[1]) : 0;
}
