/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_PULSE_H
#define VFIO_STRESS_MODEL_PULSE_H

#include "model/store.h"

/* How a run is now: little enough to be read over and over. */
struct run_pulse {
	char id[RUN_ID_MAX];
	bool ended; /* its end is in the store */
	bool lives; /* its process is there */
	bool stopping; /* it was told to end early */
	int exit_code; /* once it has ended */
	pid_t pid;
	int64_t alive_ns; /* wall: its last sign of life */
};

int store_pulse(struct store *s, int64_t run, struct run_pulse *out, struct err *err) must_check;
/* -1: it goes on, and this store does not tell how. */
int pulse_follows(const struct run_pulse *p, const struct store *s, struct err *err) must_check;

/* How many runs go on, and the key of the newest of them (0 = none does). */
int store_running(struct store *s, size_t *n_out, int64_t *newest_out, struct err *err) must_check;

#endif
