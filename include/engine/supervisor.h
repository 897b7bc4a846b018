/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SUPERVISOR_H
#define VFIO_STRESS_ENGINE_SUPERVISOR_H

#include "base/vec.h"
#include "engine/lane_keep.h"
#include "engine/lane_proc.h"
#include "engine/place.h"
#include "engine/supervise.h"
#include "engine/way_out.h"
#include "model/store.h"
#include "world/kmsg.h"
#include "world/loop.h"

#include <limits.h>

struct budgets;
struct crowd;
struct klog;
struct lookout;
struct progress;
struct refresh;
struct sighting;
struct streaming;
struct tail;
struct telling;
struct trace;
struct writer;

/* The supervisor's insides, shared by its files (supervise.c and sup_*.c). */

#define STATUS_MAX 256 /* bytes; of a run with many lanes the first ones are told */

enum lane_life {
	LANE_PREPARING,
	LANE_PREPARED,
	LANE_RUNNING,
	LANE_ENDED, /* said so, or its process is gone */
	LANE_ABANDONED, /* stuck in the kernel; never waited for */
};

/*
 * What a lane is at, and how long it may be. There is always one while it runs: a step, or what is
 * between two steps.
 */
struct sup_stretch {
	char what[64]; /* the step's word, or what it does: "giving the host back" */
	int64_t began_ns, bound_ns;
	int64_t asked_ns; /* since then it waits for the disk, 0 = not: its time stands still */
	bool overdue; /* said, with evidence */
	/* sup_fate.c */
	int64_t in_kernel_ns; /* since then a task of it sleeps in the kernel, 0 = not */
	bool holds; /* what other lanes may need */
	const struct sup_lane *held_by; /* the last one that held what it needs, NULL = none did */
	int64_t held_ns, held_until_ns; /* how long, looked at until then */
};

/* How a lane's process came to its end, when it did not say so itself. */
struct sup_ending {
	bool set; /* not: it died */
	enum outcome outcome;
	const char *reason, *hint;
	char text[DETAIL_MAX];
	bool for_good; /* no other process goes on */
};

struct sup_lane {
	struct supervisor *sup;
	const struct lane_spec *spec;
	enum lane_life life;

	struct lane_proc proc;
	int keep_fd;
	struct lane_keep *keep;
	VEC(struct undo_rec) open_undo; /* id 0: not on disk yet */
	bool refused; /* in the prepare phase: its process ends then */
	bool abandoned; /* stuck in the kernel: its end was written by us, it is not listened to */
	bool killed; /* by us */
	bool left_in_kernel; /* a call of it, when the run was cut off */
	bool process_gone;
	int exit_status;
	bool socket_closed;
	struct sup_ending ending;

	bool heir_due; /* another process begins as soon as all is on disk */
	bool heir_prepares;
	bool giving_back; /* the host, at its end */
	bool progressed; /* its process has begun a step */
	unsigned deaths; /* in a row that were none of our doing */

	VEC(struct pcidev) devices;
	struct whereabouts at;
	struct event open_step; /* its BEGIN, while at.step_open */
	struct event last; /* of a list: a step's BEGIN or END, or its cycle's BEGIN */
	bool cycle_open;
	bool iommu_fault; /* in the open disruptive step: its tail is longer */
	bool excused; /* the cycle, or the lane, failed because of another lane */
	pid_t qemu; /* of its domain, 0 = not known */
	char qemu_log_path[PATH_MAX]; /* "" = none */
	struct tail *qemu_log; /* NULL: none that can be read */
	bool qemu_log_watched;
	struct loop_timer qemu_more;
	struct sup_stretch now;
	struct loop_timer deadline;
};

/* What was last made of an incident. */
struct judged {
	uint32_t no; /* whose this is: slots are used again */
	uint32_t stored_no; /* 0: it is gathered with others */
	uint64_t gathered; /* of its count */
	uint64_t count; /* occurrences that were charged to a budget */
	uint64_t seen; /* the most that any window of it had */
	bool known, over_budget;
};

enum inbox_kind {
	INBOX_SEEN, /* only what the witnesses saw */
	INBOX_EVENT,
	INBOX_MILESTONE, /* our own place in the queue */
	INBOX_LANE_GONE, /* behind all that the lane `ev.lane` has said */
};

/* What came, with what the witnesses saw until then: the kernel log by a ticket, others told. */
struct inbox_item {
	enum inbox_kind kind;
	struct event ev;
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
	struct telling *telling; /* the same */
	struct refresh *refresh; /* the same */
	struct streaming *streaming; /* the same */
	char run_id[RUN_ID_MAX];
	char status[STATUS_MAX]; /* what the service manager was told last */
	int64_t begun_ns;
	bool disk_trouble, dropped_said;

	struct kmsg *kmsg; /* NULL: not readable */
	struct err kmsg_err;
	struct klog *klog;
	struct lookout *lookout; /* NULL until the run begins */
	struct trace *trace; /* NULL: no tracepoints are read */
	uint64_t trace_undo; /* its undo record */
	int64_t taint; /* of the kernel when the run began */
	VEC(char *) blind_spots; /* that were said */
	VEC(char *) notes_said; /* the NOTE_ONCE ones */
	struct budgets *budgets;
	const struct sup_lane *speaker; /* whose QEMU said what is fed now, NULL = the kernel */
	struct klog_rec held; /* taken, but behind the boundary that is being looked at */
	bool has_held;
	uint64_t last_seq;
	uint64_t records, records_lost; /* since the run began */
	uint64_t marker_no, marker_seen; /* of our own lines in the kernel log */
	int64_t last_marker_ns;
	struct judged *judged; /* of the incidents that may change, by their slots */
	struct crowd *crowd;
	uint32_t incidents; /* that were stored */
	int64_t ticked_ns; /* when incidents were last asked for */
	int64_t tick_every_ns; /* between two of them, in a storm */

	const char *aborted; /* why, NULL = it is not */
	unsigned interrupts;
	const char *cut_off; /* why lanes are to end at once, NULL = they are not */
	int64_t interrupted_ns;
	bool kernel_asked; /* for the tasks that sleep in it */
	bool started, over, ending; /* lanes may go; all have ended; the last marker is out */
	struct loop_timer heartbeat, linger, patience, store_patience, tick, watchdog,
		term_patience, redraw;
};

/* sup_lanes.c */
int sup_lanes_start(struct supervisor *s, struct err *err) must_check;
int sup_lane_watch(struct sup_lane *lane, struct err *err) must_check;
void sup_lanes_go(struct supervisor *s);
void sup_lanes_stop(struct supervisor *s);
void sup_lanes_kill(struct supervisor *s);
/* Lanes that wait for a new process end without one. */
void sup_lanes_no_heirs(struct supervisor *s);
/* Something that a reader of the report should know, once the run has begun. */
void sup_lane_note(struct sup_lane *lane, const struct event *ev);
/* What it asked for is on disk: its time runs again. */
void sup_lane_acked(struct sup_lane *lane, uint32_t ask, uint64_t id);
void sup_lane_handle(struct supervisor *s, const struct event *ev, uint64_t klog_seq);
bool sup_lanes_all(const struct supervisor *s, enum lane_life at_least);
/* They are told to end, and nothing more is heard of them. */
void sup_lanes_hang_up(struct supervisor *s);
/*
 * Ends what still lives, without waiting for what sleeps in the kernel. Returns how many did not end by
 * themselves. May be called again.
 */
size_t sup_lanes_finish(struct supervisor *s, const struct way_out *out);
uint32_t sup_lane_index(const struct sup_lane *lane);
const struct step *sup_lane_step(const struct sup_lane *lane, const struct event *ev);

/* sup_ladder.c: what a lane does not announce itself */
#define SUP_BETWEEN_NS (120 * NS_PER_S) /* from one step to the next */
/* It begins something, and its deadline runs. */
void sup_lane_stretch(struct sup_lane *lane, const char *what, int64_t began_ns, int64_t bound_ns);
/* It goes on, and its deadline is no sooner than that; who held it up is not forgotten. */
void sup_lane_prolong(struct sup_lane *lane, int64_t until_ns);
void sup_lane_arm(struct sup_lane *lane);
void sup_lane_find_qemu(struct sup_lane *lane);
/* Does a task of its process, or of its QEMU, sleep in the kernel? */
bool sup_lane_in_kernel(struct sup_lane *lane);
/* Notes where its process and its QEMU stand, and who has its devices. */
void sup_lane_evidence(struct sup_lane *lane);
void sup_lane_on_socket(void *lane);
void sup_lane_on_process_end(void *lane);
/* It cannot be ended: the kernel holds it. It is left alone, with its locks. */
void sup_lane_abandon(struct sup_lane *lane);

/* sup_heir.c: the end of a process that did not announce it, and who goes on */
void sup_lane_gone(struct sup_lane *lane);
void sup_lane_start_heir(struct sup_lane *lane);
void sup_lane_heir_prepared(struct sup_lane *lane, const struct event *ev);
/* Its own undo records, from what it says. */
void sup_lane_note_undo(struct sup_lane *lane, const struct event *ev);

/* sup_fate.c: lanes that wait for one another */
/* Once a second, and before one of them ends what it is at: who holds up whom? */
void sup_fate_look(struct supervisor *s);
/* For how much longer than its bound its stretch may go on, because it was held up. */
int64_t sup_fate_extra(const struct sup_lane *lane);
/* The same for a step that is about to begin, as far as can be seen. */
int64_t sup_fate_forecast(const struct sup_lane *lane);
/* Is it held up just now? */
bool sup_fate_is_held(const struct sup_lane *lane);
/* What a lane blames on its device although it was held up is said otherwise. */
void sup_fate_judge(struct sup_lane *lane, struct event *ev);
/* ": blocked behind lane 'X'", "" = it was not. */
const char *sup_fate_text(const struct sup_lane *lane, char *buf, size_t size);

/* sup_log.c */
void sup_log_open(struct supervisor *s);
/*
 * Takes records into the store and the incidents, up to a sequence number. False: not all, because the
 * loop has other things to do; it will be called again by kmsg's descriptor.
 */
bool sup_log_drain(struct supervisor *s, uint64_t up_to);
/* Ends reading, and takes all that was read. */
void sup_log_stop(struct supervisor *s);
/* A line that the QEMU of this lane wrote, at this moment of the lane. */
void sup_log_qemu_line(const struct sup_lane *lane, const char *line);
/* What other witnesses saw, at this moment of the lanes. */
void sup_log_sight(struct supervisor *s, struct sighting *seen, size_t n);
/* Lets incidents end that are quiet. */
void sup_log_tick(struct supervisor *s);
/* At most once a second; `force` for the first and the last. */
void sup_log_mark(struct supervisor *s, const char *text, bool force);
void sup_log_account(struct supervisor *s, struct klog_account *out);
void sup_log_close(struct supervisor *s);

/* sup_qemu.c */
/* From now on the lines that QEMU writes are events of the lane, as soon as they are there. */
void sup_qemu_open(struct sup_lane *lane);
/* Those until now. */
void sup_qemu_look(struct sup_lane *lane);
void sup_qemu_close(struct sup_lane *lane);

/* sup_machine.c */
/*
 * Stores the machine with the run, and says what is not as it was at the last one. When the run is in
 * the store, and before the writer has it.
 */
void sup_machine_keep(struct supervisor *s);

/* sup_witness.c */
/* When the run is in the store, and before the writer has it. */
void sup_witness_begin(struct supervisor *s, const char *boot_id);
/* Said once, however often it is told. */
void sup_witness_blind_spot(struct supervisor *s, const char *text);
/* Status bits that a lane found newly set. */
void sup_witness_status(struct supervisor *s, const struct event *ev);
/*
 * Would other witnesses have seen what the kernel said in a gap of its log? NULL = yes: all PCIe
 * errors are counted, all DMA faults traced (or there is no IOMMU), and the kernel has not tainted
 * itself. Else why not. Judged for the whole run, whatever the gap.
 */
const char *sup_witness_uncovered(struct supervisor *s);
/* What the run has to say of them at its end. */
void sup_witness_account(struct supervisor *s);
void sup_witness_end(struct supervisor *s);

/* supervise.c */
void sup_enqueue(struct supervisor *s, enum inbox_kind kind, const struct event *ev);
void sup_pump(struct supervisor *s);
void sup_begin_run(struct supervisor *s);
void sup_lane_over(struct supervisor *s);

#endif
