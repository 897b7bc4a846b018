/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/scan_selftest.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "klog/klog.h"
#include "model/incident.h"
#include "world/aer.h"
#include "world/host.h"
#include "world/injector.h"
#include "world/kmsg.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNTER_LOOK_MS 20

struct selftest {
	const struct host *host;
	const struct selftest_question *q;
	struct kmsg *kmsg;
	enum injector injector;
	int64_t begun_ns; /* of what is waited for */
	bool found;
	char id[48]; /* of the incident that was waited for */
	bool has_reporter;
	struct bdf reporter;
};

static double waited_ms(const struct selftest *t)
{
	return (double)(clock_mono_ns() - t->begun_ns) / (double)NS_PER_MS;
}

/* The next record; 0 when none comes in time, -1 when the log cannot be read on. */
static int next_record(struct selftest *t, struct klog_rec *rec, struct err *err)
{
	int64_t deadline = t->begun_ns + t->q->patience_ms * NS_PER_MS;
	struct kmsg_status status;

	for (;;) {
		struct pollfd p = {.fd = kmsg_fd(t->kmsg), .events = POLLIN};
		int ms = clock_poll_ms(deadline);

		if (kmsg_next(t->kmsg, rec))
			return 1;
		kmsg_get_status(t->kmsg, &status);
		if (status.failed) {
			*err = status.err;
			return -1;
		}
		if (ms == 0)
			return 0;
		if (poll(&p, 1, ms) < 0 && errno != EINTR)
			return err_set(err, ERR_IO, errno, "wait for the kernel log");
	}
}

/* ---- the marker ---- */

static int read_marker_back(struct selftest *t, struct err *err)
{
	struct klog_rec rec;
	char line[128];
	int more;

	if (!kmsg_is_device(t->kmsg)) {
		err_set(err, ERR_UNSUPPORTED, 0,
			"%s is not the kernel's own log: nobody gives a marker back", t->q->kmsg);
		return err_hint(
			err, "`vfio-stress scan --self-test` without a file uses /dev/kmsg");
	}
	snprintf(line, sizeof(line), "vfio-stress self-test %d %" PRId64, (int)getpid(),
		clock_wall_ns());
	t->begun_ns = clock_mono_ns();
	if (kmsg_mark(t->q->kmsg, line, err) != 0)
		return -1;
	while ((more = next_record(t, &rec, err)) > 0) {
		if (rec.facility == 0 || !str_eq(rec.text, line))
			continue;
		printf("marker     written to %s and read back after %.1f ms, as record %" PRIu64
		       "\n",
			t->q->kmsg, waited_ms(t), rec.seq);
		return 0;
	}
	if (more < 0)
		return -1;
	err_set(err, ERR_TIMEOUT, 0, "the marker did not come back from %s within %d ms",
		t->q->kmsg, t->q->patience_ms);
	return err_hint(err, "is the kernel booted with printk.devkmsg=off?");
}

/* ---- the error ---- */

/* What aer_inject plays has the bit that was asked for; of EINJ's the firmware chose it. */
static bool has_our_bit(const struct selftest *t, const struct incident *inc)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (str_eq(inc->fields[i].name, "bits") &&
			strstr(inc->fields[i].text, INJECTED_BIT) != NULL)
			return true;
	return t->injector == INJECTOR_EINJ;
}

static void note_incident(void *arg, const struct incident *inc)
{
	struct selftest *t = arg;

	if (t->found || !inc->has_bdf || !bdf_eq(inc->bdf, t->q->device) ||
		!klog_fault_matches("aer.correctable", inc) || !has_our_bit(t, inc))
		return;
	t->found = true;
	str_set(t->id, inc->id);
	t->has_reporter = inc->has_reporter;
	t->reporter = inc->reporter;
}

/* Feeds what comes to the rules, until it is found. */
static int await_incident(struct selftest *t, const struct rules *rules, struct err *err)
{
	const struct klog_hooks hooks = {.changed = note_incident, .arg = t};
	struct klog *klog = klog_new(rules, &hooks);
	struct klog_rec rec;
	int more = 1;

	while (!t->found && (more = next_record(t, &rec, err)) > 0) {
		klog_feed(klog, &rec);
		klog_tick(klog, clock_mono_ns());
	}
	klog_flush(klog);
	klog_free(klog);
	return more < 0 ? -1 : 0;
}

/* The kernel counts just after it has printed (__aer_print_error), and nothing tells of that. */
static const char *counted(const struct selftest *t, const struct aer_counters *before)
{
	int64_t deadline = clock_mono_ns() + KLOG_SETTLE_NS;
	struct aer_counters after;
	uint32_t bits;

	do {
		aer_read(t->host, t->q->device, &after);
		if (!before->known || !after.known)
			return "are not there";
		if (aer_counted(before, &after, AER_CORRECTABLE, &bits) > 0)
			return "counted it too";
		poll(NULL, 0, COUNTER_LOOK_MS);
	} while (clock_mono_ns() < deadline);
	return "did not count it";
}

static void say_found(const struct selftest *t, const struct aer_counters *before)
{
	char bdf[BDF_LEN];

	printf("found      %s of %s after %.1f ms", t->id, bdf_text(t->q->device, bdf),
		waited_ms(t));
	if (t->has_reporter)
		printf(", told by %s", bdf_text(t->reporter, bdf));
	printf("; the kernel's AER counters %s\n", counted(t, before));
}

static int not_found(const struct selftest *t, struct err *err)
{
	char bdf[BDF_LEN];

	err_set(err, ERR_TIMEOUT, 0, "the error injected into %s was not found within %d ms",
		bdf_text(t->q->device, bdf), t->q->patience_ms);
	if (t->injector == INJECTOR_EINJ)
		return err_hint(err,
			"the firmware may keep corrected errors for itself (look at its event "
			"log), "
			"or report them only above a threshold set in the BIOS");
	return err_hint(err,
		"look with dmesg for 'AER:' lines of that device: when there are none, corrected "
		"errors may be masked in the root port above, or the kernel was rate-limited");
}

static int find_injected(struct selftest *t, const struct rules *rules, struct err *err)
{
	struct aer_counters before;
	char bdf[BDF_LEN];

	if (injector_find(t->host, &t->injector, err) != 0)
		return -1;
	aer_read(t->host, t->q->device, &before);
	t->begun_ns = clock_mono_ns();
	if (inject_corrected(t->host, t->injector, t->q->device, err) != 0)
		return -1;
	printf("injected   a corrected error%s of %s, by %s\n",
		t->injector == INJECTOR_AER ? " (" INJECTED_BIT ")" : "",
		bdf_text(t->q->device, bdf), injector_name(t->injector));
	if (t->injector == INJECTOR_AER)
		fputs("           until aer_inject is unloaded, it stands in for the device's "
		      "error registers\n",
			stdout);
	if (await_incident(t, rules, err) != 0)
		return -1;
	if (!t->found)
		return not_found(t, err);
	say_found(t, &before);
	return 0;
}

int scan_selftest(
	const struct host *host, const struct rules *rules, const struct selftest_question *q)
{
	struct selftest t = {.host = host, .q = q};
	struct err err = {0};
	int rc = kmsg_open(q->kmsg, &t.kmsg, &err);

	if (rc == 0)
		rc = read_marker_back(&t, &err);
	if (rc == 0 && q->inject)
		rc = find_injected(&t, rules, &err);
	kmsg_close(t.kmsg);
	fflush(stdout);
	if (rc != 0) {
		complain(&err);
		return EXIT_REFUSED;
	}
	printf("detection is proved: %s%s\n",
		q->inject ? "what the kernel says is seen, and an error in it is found"
			  : "what the kernel says is seen",
		host->simulated ? " (simulated: nothing is proved about a real host)" : "");
	return EXIT_GOOD;
}
