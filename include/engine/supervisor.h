/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SUPERVISOR_H
#define VFIO_STRESS_ENGINE_SUPERVISOR_H

#include "base/vec.h"
#include "engine/lane_proc.h"
#include "engine/place.h"
#include "engine/supervise.h"
#include "model/store.h"
#include "world/kmsg.h"
#include "world/loop.h"

struct budgets;
struct klog;
struct lookout;
struct progress;
struct sighting;
struct trace;
struct writer;

/* The supervisor's insides, shared by its files (supervise.c, sup_lanes.c, sup_ladder.c, sup_log.c). */

enum lane_life {
	LANE_PREPARING,
	LANE_PREPARED,
	LANE_RUNNING,
	LANE_ENDED, /* said so, or its process is gone */
	LANE_ABANDONED, /* stuck in the kernel; never waited for */
};

struct sup_lane {
	struct supervisor *sup;
	struct lane_proc proc;
	enum lane_life life;
	const struct lane_spec *spec;
	VEC(struct pcidev) devices;
	struct whereabouts at;
	struct event open_step; /* its BEGIN, while at.step_open */
	int64_t step_deadline_ns;
	bool refused; /* in the prepare phase: its process ends then */
	bool abandoned; /* stuck in the kernel: its end was written by us, it is not listened to */
	bool stuck; /* past its bound, evidence taken */
	bool iommu_fault; /* in the open disruptive step: its tail is longer */
	bool process_gone;
	int exit_status;
	bool socket_closed;
	struct loop_timer deadline;
};

/* What was last made of an incident. */
struct judged {
	uint64_t count; /* occurrences that were charged to a budget */
	uint64_t seen; /* the most that any window of it had */
	bool known, over_budget;
};

/* An event, with what the witnesses saw until it came: the kernel log by a ticket, others told. */
struct inbox_item {
	struct event ev; /* EV_NONE: only what was seen, or a milestone */
	bool milestone; /* our own place in the queue */
	uint64_t ticket;
	struct sighting *seen; /* heap */
	size_t nseen;
};

struct supervisor {
	const struct run_request *req;
	struct loop *loop;
	struct progress *progress;
	struct pcidev_list topology;

	struct sup_lane *lanes;
	size_t nlanes;
	VEC(struct inbox_item) inbox;
	size_t inbox_head;
	VEC(struct event) prepare_notes; /* refusals and notes before the run is in the store */
	size_t refusals;

	VEC(struct event) facts; /* versions that the lanes told */
	struct store *store; /* the writer's while it runs */
	int64_t run;
	uint64_t seed;
	struct err cannot_run;
	struct writer *writer; /* NULL until the run begins */
	char run_id[RUN_ID_MAX];
	int64_t begun_ns;
	bool disk_trouble;

	struct kmsg *kmsg; /* NULL: not readable */
	struct err kmsg_err;
	struct klog *klog;
	struct lookout *lookout; /* NULL until the run begins */
	struct trace *trace; /* NULL: no tracepoints are read */
	uint64_t trace_undo; /* its undo record */
	struct budgets *budgets;
	struct klog_rec held; /* taken, but behind the boundary that is being looked at */
	bool has_held;
	uint64_t last_seq;
	uint64_t marker_no, marker_seen; /* of our own lines in the kernel log */
	int64_t last_marker_ns;
	VEC(struct judged) judged; /* per incident, by its number */
	int64_t ticked_ns; /* when incidents were last asked for */

	const char *aborted; /* why, NULL = it is not */
	unsigned interrupts;
	int64_t interrupted_ns;
	bool started, over, ending; /* lanes may go; all have ended; the last marker is out */
	struct loop_timer heartbeat, linger, patience, store_patience, tick;
};

/* sup_lanes.c */
int sup_lanes_start(struct supervisor *s, struct err *err) must_check;
void sup_lanes_go(struct supervisor *s);
void sup_lanes_stop(struct supervisor *s);
void sup_lanes_kill(struct supervisor *s);
/* Its BEGIN is on disk: only now its time runs. */
void sup_lane_acked(struct sup_lane *lane);
void sup_lane_handle(struct supervisor *s, const struct event *ev, uint64_t klog_seq);
bool sup_lanes_all(const struct supervisor *s, enum lane_life at_least);
void sup_lanes_finish(struct supervisor *s);
uint32_t sup_lane_index(const struct sup_lane *lane);

/* sup_ladder.c: what a lane does not announce itself */
#define SUP_GRACE_NS                                                                               \
	(5 * NS_PER_S) /* a lane ends an overdue step itself; this is how much later we act */
void sup_lane_on_socket(void *lane);
void sup_lane_on_process_end(void *lane);
void sup_lane_on_deadline(void *lane);
/* It cannot be ended: the kernel holds it. It is left alone, with its locks. */
void sup_lane_abandon(struct sup_lane *lane);

/* sup_log.c */
void sup_log_open(struct supervisor *s);
/* Takes records into the store and the incidents, up to a sequence number. */
void sup_log_drain(struct supervisor *s, uint64_t up_to);
/* A line that QEMU wrote, at this moment of its lane. */
void sup_log_qemu_line(struct supervisor *s, const char *line);
/* What other witnesses saw, at this moment of the lanes. */
void sup_log_sight(struct supervisor *s, struct sighting *seen, size_t n);
/* Lets incidents end that are quiet. */
void sup_log_tick(struct supervisor *s);
/* At most once a second; `force` for the first and the last. */
void sup_log_mark(struct supervisor *s, const char *text, bool force);
void sup_log_account(struct supervisor *s, struct klog_account *out);
void sup_log_close(struct supervisor *s);

/* sup_witness.c */
/* When the run is in the store, and before the writer has it. */
void sup_witness_begin(struct supervisor *s, const char *boot_id);
/* What the run has to say of them at its end. */
void sup_witness_account(struct supervisor *s);
void sup_witness_end(struct supervisor *s);

/* supervise.c */
void sup_enqueue(struct supervisor *s, const struct event *ev);
void sup_pump(struct supervisor *s);
void sup_begin_run(struct supervisor *s);
void sup_lane_over(struct supervisor *s);

#endif
