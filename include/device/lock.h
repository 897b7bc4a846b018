/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_LOCK_H
#define VFIO_STRESS_DEVICE_LOCK_H

#include "base/bdf.h"
#include "base/err.h"
#include "world/host.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * One run at a time may hold a device: a lock on /run/vfio-stress/BDF. Close the descriptor to let
 * go. A child that is stuck in the kernel has inherited it: the device stays quarantined, also for
 * later runs, until the kernel lets the child die.
 */
int lock_take(const struct host *host, struct bdf bdf, int *fd_out, struct err *err) must_check;
/*
 * The same for a domain of this libvirt: a lock on /run/vfio-stress/URI-DOMAIN with what is no file
 * name as %XX, of a user who is not root in $XDG_RUNTIME_DIR. `who` is told to the next one that wants
 * it. These folders are not the same for root and for users of the same libvirt (qemu:///system), and
 * a folder that all could write to would let anybody plant files for root: what all of them can have is
 * a name, of an abstract socket (unix(7)), which one process at a time is bound to. Another user is told
 * which process that is. Both are -1 on test:///, which every process has for itself.
 */
struct domain_lock {
	int file, name;
};
#define NO_DOMAIN_LOCK                                                                             \
	{                                                                                          \
		-1, -1                                                                             \
	}

int lock_take_domain(const struct host *host, const char *uri, const char *domain, const char *who,
	struct domain_lock *out, struct err *err) must_check;
void lock_drop_domain(struct domain_lock *lock);
/*
 * The same for something of the whole host that is changed for a moment, by name; waits for it
 * (ERR_TIMEOUT). lock_drop lets go at once, also when a stuck child has inherited it.
 */
int lock_wait(const struct host *host, const char *name, int64_t deadline_ns, int *fd_out,
	struct err *err) must_check;
void lock_drop(int fd);
/* Does anybody hold it, this process included? Who took it goes to *pid_out (0 = unknown). */
bool lock_holder(const struct host *host, struct bdf bdf, pid_t *pid_out);

#endif
