/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_LANE_KEEP_H
#define VFIO_STRESS_ENGINE_LANE_KEEP_H

#include "device/oracle.h"
#include "device/pciestatus.h"
#include "model/outcome.h"
#include "model/scenario.h"
#include "model/undo.h"

#define KEEP_RECORDS_MAX 64

/* What is left to do for the process that goes on after one that is gone. In this order. */
enum heir_task {
	HEIR_NONE, /* the first process of its lane */
	HEIR_CYCLES, /* return to the start state, then the next cycle */
	HEIR_AFTER, /* `after`, then give the host back */
	HEIR_GIVE_BACK,
	HEIR_TASKS,
};

/* Registers that tell of errors, as they were read last (lane_witness.c). */
struct lane_status {
	size_t n; /* 0 = they are not looked at */
	struct {
		struct bdf bdf;
		bool is_vf;
		struct pcie_status last; /* when it could be read */
	} functions[PCIESTATUS_MAX];
	int64_t looked_ns;
	bool given_up; /* one of them did not answer: no second child is left in the kernel */
};

/*
 * What outlives a lane's process: memory that the supervisor shares with one process of the lane
 * after the other. The supervisor never reads what the lane writes.
 */
struct lane_keep {
	/* from the supervisor, before a process starts */
	enum heir_task task;
	uint32_t cycle; /* the last one that began */
	enum outcome outcome; /* how that ended, and why */
	char text[DETAIL_MAX];
	int64_t spent_ns; /* of the run's duration, before its host died */
	size_t nrecords;
	struct undo_rec records[KEEP_RECORDS_MAX]; /* not undone, oldest first */

	/* from the lane, for its heir */
	int64_t until_ns; /* no cycle begins after this */
	int start_state; /* enum vm_state to return to between failed cycles */
	struct lane_status status;
	size_t nstates;
	struct kept_state {
		struct bdf bdf;
		struct dev_state state;
	} states[LANE_DEVICES_MAX]; /* the references of its devices (oracle_remember) */
};

/* New and empty; fd_out is what a process inherits. */
struct lane_keep *lane_keep_new(int *fd_out, struct err *err) must_check;
/* The process's view of it. */
struct lane_keep *lane_keep_map(int fd, struct err *err) must_check;
void lane_keep_free(struct lane_keep *keep);

#endif
