/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_SCENARIO_H
#define VFIO_STRESS_MODEL_SCENARIO_H

#include "base/diags.h"
#include "base/mem.h"
#include "model/field.h"

struct step_type;
struct reporter;
struct ynode;

/* One line of the scenario, bound to its word. */
struct step {
	const struct step_type *type;
	void *args; /* type->word.args_size bytes, filled from its fields */
	const char *name; /* the step's `name`, or "word", or "word: arg" */
	const char *arg; /* main argument as written, NULL when none */
	struct srcpos pos;
	const struct ynode *options; /* as written; NULL for a bare word */
	int64_t timeout_ms; /* own, else of the scenario's `timeouts`, else 0 = computed */
	const char *device; /* selector that narrows a device step; NULL = all of the lane's */
	bool expect_failure;
	const char *expect_reason; /* NULL = any reason */
	bool while_running, while_bound;
};

struct step_list {
	struct step *v;
	size_t n;
};

enum ready_kind { READY_DEFAULT, READY_SERIAL, READY_AGENT, READY_TCP, READY_DELAY };

/* How a boot is proved. */
struct ready {
	enum ready_kind kind;
	const char *pattern; /* SERIAL: text that the console prints */
	const char *address; /* TCP: "host:port" */
	int64_t delay_ms; /* DELAY: proves nothing */
	int64_t timeout_ms; /* 0 = default */
	struct srcpos pos;
};

/* A device that may be disturbed although somebody uses it, and why that is all right. */
struct allow {
	const char *device; /* selector */
	const char *reason;
	struct srcpos pos;
};

enum lane_driver { DRIVER_VFIO_PCI, DRIVER_MANAGED };

struct selector {
	const char *text; /* 0000:41:00.0 | 41:00.0 | 10de:2684 | class:gpu */
	struct srcpos pos;
};

/* One VM and/or its devices, run beside the other lanes. */
struct lane_spec {
	const char *name;
	const char *domain; /* NULL: a lane that only resets devices */
	bool hostdevs; /* devices are the domain's PCI hostdevs */
	struct selector *devices; /* otherwise these */
	size_t ndevices;
	enum lane_driver driver;
	bool take_over;
	struct ready ready;
	struct allow *allow; /* the scenario's, then its own */
	size_t nallow;
	struct step_list steps; /* its own, or the scenario's */
	struct srcpos pos;
};

/* What an incident of a device of no lane does: is it only listed, or does it fail the run? */
enum bystanders { BYSTANDERS_REPORT, BYSTANDERS_FAIL };
enum on_failure { ON_FAILURE_STOP, ON_FAILURE_CONTINUE, ON_FAILURE_RECOVER };

enum on_host_crash { HOST_CRASH_REPORT, HOST_CRASH_CONTINUE };

/* What becomes of a run whose host died, once the host is back. */
struct host_crash_policy {
	int then; /* enum on_host_crash */
	int64_t most; /* so many of them end the run */
	int64_t cool_down_ms; /* between the boot and the next cycle */
};

/* A budget: `count` of a fault within a sliding window are tolerated. */
struct tolerate {
	const char *fault; /* an id, or a family "aer.*" */
	int64_t count;
	int64_t per_ms; /* 0 = the whole run */
	const char *device; /* selector, NULL = any */
	const char *reason;
	const char *expires; /* "2027-01-31": the last valid day, UTC; NULL = never */
	struct srcpos pos;
};

struct report_spec {
	const struct reporter *type;
	void *opts;
	struct srcpos pos;
	const char *asked; /* on a command line, as it stood there; NULL = in the scenario */
};

struct timeout_spec {
	const char *word;
	int64_t ms;
	struct srcpos pos;
};

/* An environment variable that `report` refers to as ${env:NAME}. */
struct env_name {
	const char *name;
	struct srcpos pos;
};

/* A whole scenario, checked. Owned by its arena; free with scenario_free. */
struct scenario {
	struct arena arena;
	struct source source;
	const char *name, *summary;
	const char *connect; /* libvirt URI, local */
	struct lane_spec *lanes;
	size_t nlanes;
	struct step_list before, after;
	int64_t cycles; /* 0 = not limited by cycles */
	int64_t duration_ms; /* 0 = not limited by time */
	int64_t settle_ms;
	enum on_failure on_failure;
	enum bystanders bystanders;
	struct host_crash_policy host_crash;
	struct timeout_spec *timeouts;
	size_t ntimeouts;
	struct tolerate *tolerate;
	size_t ntolerate;
	struct strings fault_files;
	struct report_spec *reports;
	size_t nreports;
	struct env_name *env;
	size_t nenv;
};

/* Where an option of the step was written, for what is wrong with it; else where the step is. */
struct srcpos step_pos_of(const struct step *step, const char *option);

/* The keys of a scenario; what is below them is in their shapes. For the manual and the schema. */
extern const struct field scenario_fields[]; /* ends with .name == NULL */

/* The words a scenario may use: the tables of the layer above, NULL-terminated. */
struct vocabulary {
	const struct step_type *const *steps;
	const struct reporter *const *reporters;
};

/* "name=value" from --set; a `vars` entry of that name must exist. */
struct setting {
	const char *name, *value;
};

#define LANES_MAX         64 /* candidate lanes of an incident are a 64-bit set */
#define STEPS_MAX         1000 /* of one list */
#define LANE_DEVICES_MAX  64
#define NAME_LEN_MAX      63 /* of a lane or step; must fit an event's subject */
#define SCENARIO_SIZE_MAX (1u << 20)
#define CYCLES_MAX        INT64_C(1000000000)

/*
 * Reads a scenario file; "-" is standard input. NULL when anything is wrong: everything that is
 * goes into `diags` in one go (also an unreadable file). The positions in `diags` point into a
 * source that lives as long as the process.
 */
struct scenario *scenario_load(const char *path, const struct setting *settings, size_t nsettings,
	const struct vocabulary *words, struct diags *diags);
/* The same from memory, under a name. The text is copied. */
struct scenario *scenario_parse(const char *name, const char *text, size_t len,
	const struct setting *settings, size_t nsettings, const struct vocabulary *words,
	struct diags *diags);
void scenario_free(struct scenario *sc);

/* The file that a report goes to, as written; NULL when it goes elsewhere. */
const char *report_path(const struct report_spec *r);
/* The first of n that would be replaced by r; NULL = none. Devices and standard output take both. */
const struct report_spec *report_of_same_file(
	const struct report_spec *v, size_t n, const struct report_spec *r);
/* Reports each ${env:NAME} whose variable is not set: a run says so at its start. 0 or -1. */
int scenario_check_env(const struct scenario *sc, struct diags *diags);
/*
 * A report's text with ${env:NAME} replaced by its value, for the moment of delivery only: the
 * result is a secret and goes into no output, store or argv. Free with free().
 */
int scenario_expand_env(const char *text, char **out, struct err *err) must_check;

#endif
