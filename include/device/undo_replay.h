/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_UNDO_REPLAY_H
#define VFIO_STRESS_DEVICE_UNDO_REPLAY_H

#include "model/undo.h"
#include "world/host.h"

/* Takes back one change of a device (UNDO_WRITE, UNDO_DRIVER); safe to repeat. */
int undo_replay(const struct host *host, const struct undo_rec *rec, struct err *err) must_check;

#endif
