/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_ORPHAN_H
#define VFIO_STRESS_ENGINE_ORPHAN_H

/*
 * A lane whose supervisor is gone ends by itself when the call that it is in returns. One whose call
 * does not return is ended by a thread of its own, ORPHAN_S later; nobody else is there to do it.
 */
#define ORPHAN_S 20

/* From now on; `socket_fd` is closed at the other end when the supervisor is gone. -1: there is none. */
void orphan_watch(int socket_fd);

#endif
