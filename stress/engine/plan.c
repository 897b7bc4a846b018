/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/plan.h"

#include "base/clock.h"
#include "base/str.h"
#include "device/guard.h"
#include "device/reset.h"
#include "engine/apart.h"
#include "model/lane_device.h"
#include "model/reporter.h"
#include "model/scenario.h"
#include "model/step.h"
#include "steps/device_step.h"

#include <inttypes.h>
#include <string.h>

#define TEXT_MAX    400
#define FOREVER_MS  (INT64_C(100) * 366 * 86400000) /* sums stop growing here */
#define NAME_COLUMN 26

/* How long something takes: on a healthy host, and if every step took its whole time. */
struct span {
	int64_t typical_ms, most_ms;
};

/* A lane being printed. */
struct plan {
	const struct scenario *sc;
	const struct host *host;
	const struct lane_spec *lane;
	const struct plan_lane *known;
	FILE *out;
	struct span list; /* the steps of the list so far */
	bool unknown_times; /* steps on devices that nobody knows are not in it */
};

/* Text of the scenario for a terminal; buf has TEXT_MAX bytes. */
static const char *clean(const char *text, char *buf)
{
	return str_printable(buf, TEXT_MAX, text, strlen(text));
}

static int64_t add_ms(int64_t a, int64_t b)
{
	return a > FOREVER_MS - b ? FOREVER_MS : a + b;
}

static int64_t times_ms(int64_t ms, int64_t n)
{
	return ms > 0 && n > FOREVER_MS / ms ? FOREVER_MS : ms * n;
}

static int64_t least_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static struct span add(struct span a, struct span b)
{
	return (struct span){add_ms(a.typical_ms, b.typical_ms), add_ms(a.most_ms, b.most_ms)};
}

static const char *time_text(int64_t ms, char *buf, size_t size)
{
	return ms >= FOREVER_MS ? str_copy(buf, size, "a lifetime") : duration_text(ms, buf, size);
}

/* "about 1m35s, at most 17m46s" */
static const char *span_text(struct span s, char *buf, size_t size)
{
	/* an estimate is no more exact than that */
	int64_t grain_ms = s.typical_ms < 600000 ? 1000 : 60000;
	int64_t about_ms = s.typical_ms < grain_ms ? grain_ms : s.typical_ms / grain_ms * grain_ms;
	char typical[40], most[40];

	if (s.most_ms == 0)
		return str_copy(buf, size, "no time");
	snprintf(buf, size, "about %s, at most %s", time_text(about_ms, typical, sizeof(typical)),
		time_text(s.most_ms, most, sizeof(most)));
	return buf;
}

static struct step_ctx ctx_of(
	const struct plan *p, const struct step *step, struct lane_device *dev)
{
	return (struct step_ctx){
		.host = p->host,
		.scenario = p->sc,
		.lane = p->lane,
		.step = step,
		.vm = p->known->vm,
		.devs = p->known->devs,
		.ndevs = p->known->ndevs,
		.dev = dev,
		.deadline_ns = NEVER,
	};
}

/* ---- what a step disturbs ---- */

static const struct reset_method *method_of(const struct step *step)
{
	return step->arg != NULL ? reset_method_find(step->arg) : NULL;
}

static bool is_rescan(const struct step *step)
{
	return str_eq(step->type->word.name, "rescan");
}

/* The lines below a step that reaches more than its device. */
struct tree {
	const struct plan *p;
	const struct step *step;
	struct lane_device *dev;
};

static void print_opinion(const struct tree *t, const struct pcidev *other)
{
	struct step_ctx ctx = ctx_of(t->p, t->step, t->dev);
	struct guard_opinion opinion;
	char text[TEXT_MAX];

	device_opinion(&ctx, t->p->known->topology, other,
		is_rescan(t->step) ? ASK_PREPARE_UNBIND : ASK_PREPARE, &opinion);
	if (opinion.refused)
		fprintf(t->p->out, "; refused: %s", clean(opinion.objections, text));
	else if (opinion.lifted_by != NULL)
		fprintf(t->p->out, "; allowed (%s)", clean(opinion.lifted_by->reason, text));
}

static void print_disturbed_line(void *arg, const struct scope_line *line)
{
	const struct tree *t = arg;
	char bdf[BDF_LEN], name[TEXT_MAX];

	fprintf(t->p->out, "          %*s%s", (int)(2 * line->depth), "",
		bdf_text(line->dev->bdf, bdf));
	if (line->dev->name[0] != '\0')
		fprintf(t->p->out, " (%s)", clean(line->dev->name, name));
	if (line->why[0] != '\0')
		fprintf(t->p->out, " %s", line->why);
	if (line->dev->driver[0] != '\0')
		fprintf(t->p->out, ", driver %s", line->dev->driver);
	print_opinion(t, line->dev);
	putc('\n', t->p->out);
}

/* What is said of a step's reach. */
enum reach_words {
	REACH_UNSAID, /* it reaches nobody, or what it reaches was said of an earlier device */
	REACH_ALONE,
	REACH_TREE,
};

static bool acts_on(const struct step *step, const struct pcidev *dev)
{
	return step->device == NULL || pcidev_matches(dev, step->device);
}

/* Of a step that acts on all at once the tree stands below the first of its devices. */
static enum reach_words reach_words(const struct plan *p, const struct step *step, bool whole,
	const struct pcidev *dev, enum reset_scope scope)
{
	enum reach_words words = REACH_TREE;
	struct bdf_set set;
	size_t d;

	scope_disturbed(p->known->topology, dev, scope, &set);
	if (set.n <= 1)
		words = REACH_ALONE;
	for (d = 0; whole && d < p->known->ndevs; d++) {
		const struct pcidev *other = &p->known->devs[d].pci;

		if (acts_on(step, other) && bdf_cmp(other->bdf, dev->bdf) < 0 &&
			bdf_set_has(&set, other->bdf))
			words = REACH_UNSAID;
	}
	bdf_set_finish(&set);
	return words;
}

/* ---- steps ---- */

/* Adds the step's time to the list's and prints its bound. */
static void print_bound(struct plan *p, const struct step *step, const struct step_ctx *ctx)
{
	int64_t most = step->timeout_ms ? step->timeout_ms : step->type->bound_ms(ctx, step->args);
	int64_t typical = step->type->typical_ms(ctx, step->args);
	char text[40];

	p->list = add(p->list, (struct span){least_ms(typical, most), most});
	fprintf(p->out, ", at most %s\n", duration_text(most, text, sizeof(text)));
}

static void print_on_device(struct plan *p, const struct step *step, struct lane_device *dev)
{
	const struct reset_method *method =
		str_eq(step->type->word.name, "reset") ? method_of(step) : NULL;
	struct step_ctx ctx = ctx_of(p, step, dev);
	char words[TEXT_MAX] = "", shown[TEXT_MAX], bdf[BDF_LEN];
	struct tree tree = {p, step, dev};
	enum reset_scope scope = SCOPE_FUNCTION;
	enum reach_words reach = REACH_UNSAID;
	struct err why;
	bool whole;

	fprintf(p->out, "        ");
	if (method != NULL && method->available(method, p->host, &dev->pci, &why) != 0) {
		/* most reasons name the device themselves */
		bdf_text(dev->pci.bdf, bdf);
		fprintf(p->out, "not offered: %s%s%s\n", str_starts(why.msg, bdf) ? "" : bdf,
			str_starts(why.msg, bdf) ? "" : ": ", clean(why.msg, shown));
		return;
	}
	step->type->describe(&ctx, step->args, words, sizeof(words));
	fprintf(p->out, "%s", clean(words, shown));
	if (step_reach(step, &dev->pci, &scope)) {
		whole = is_rescan(step) || (method != NULL && method->whole);
		if (is_rescan(step))
			scope = SCOPE_SLOT; /* function by function, and all of them */
		reach = reach_words(p, step, whole, &dev->pci, scope);
	}
	if (reach != REACH_UNSAID)
		fprintf(p->out, "%s",
			reach == REACH_ALONE ? "; disturbs nothing else"
					     : "; disturbs what is below");
	print_bound(p, step, &ctx);
	if (reach == REACH_TREE)
		scope_tell(p->known->topology, &dev->pci, scope, print_disturbed_line, &tree);
}

static void print_on_devices(struct plan *p, const struct step *step)
{
	size_t i, n = 0;

	if (p->known->topology == NULL) {
		char device[TEXT_MAX];

		fprintf(p->out, " on %s\n",
			step->device ? clean(step->device, device) : "each device of the lane");
		return;
	}
	fprintf(p->out, "\n");
	for (i = 0; i < p->known->ndevs; i++) {
		if (!acts_on(step, &p->known->devs[i].pci))
			continue;
		print_on_device(p, step, &p->known->devs[i]);
		n++;
	}
	if (n == 0)
		fprintf(p->out, "        no device\n");
}

static void print_step(struct plan *p, size_t number, const struct step *step)
{
	struct step_ctx ctx = ctx_of(p, step, NULL);
	char words[TEXT_MAX] = "", shown[TEXT_MAX];
	bool lines = (step->type->flags & STEP_ON_DEVICES) && p->known->topology != NULL;

	fprintf(p->out, "  %3zu  %-*s", number, lines ? 0 : NAME_COLUMN, clean(step->name, shown));
	if (step->expect_failure)
		fprintf(p->out, " (must fail%s%s)", step->expect_reason ? ": " : "",
			step->expect_reason ? step->expect_reason : "");
	if (step->type->flags & STEP_ON_DEVICES) {
		print_on_devices(p, step);
		return;
	}
	step->type->describe(&ctx, step->args, words, sizeof(words));
	fprintf(p->out, " %s", clean(words, shown));
	print_bound(p, step, &ctx);
}

/* Prints a list of steps and answers the time that it takes. */
static struct span print_list(struct plan *p, const char *title, const struct step_list *list)
{
	size_t i;

	p->list = (struct span){0};
	if (list->n > 0)
		fprintf(p->out, "  %s:\n", title);
	for (i = 0; i < list->n; i++)
		print_step(p, i + 1, &list->v[i]);
	return p->list;
}

/* ---- lanes ---- */

static void print_ready(const struct plan *p)
{
	const struct ready *r = &p->lane->ready;
	char text[TEXT_MAX], time[40];

	if (p->lane->domain == NULL)
		return;
	fprintf(p->out, "  a boot is proved: ");
	switch (r->kind) {
	case READY_DEFAULT:
	case READY_AGENT:
		fprintf(p->out, "%s",
			str_starts(p->sc->connect, "test:///")
				? "not at all: libvirt's test driver has no guests"
				: "the guest agent answers");
		break;
	case READY_SERIAL:
		fprintf(p->out, "the console prints '%s'", clean(r->pattern, text));
		break;
	case READY_TCP:
		fprintf(p->out, "%s answers", clean(r->address, text));
		break;
	case READY_DELAY:
		fprintf(p->out, "not at all: %s pass",
			duration_text(r->delay_ms, time, sizeof(time)));
		break;
	}
	if (r->timeout_ms > 0)
		fprintf(p->out, ", within %s", duration_text(r->timeout_ms, time, sizeof(time)));
	fprintf(p->out, "\n");
}

static void print_allow(const struct plan *p)
{
	char device[TEXT_MAX], reason[TEXT_MAX];
	size_t i;

	for (i = 0; i < p->lane->nallow; i++)
		fprintf(p->out, "  may be disturbed: %s (%s)\n",
			clean(p->lane->allow[i].device, device),
			clean(p->lane->allow[i].reason, reason));
}

static void print_known_devices(const struct plan *p)
{
	char bdf[BDF_LEN], name[TEXT_MAX];
	size_t i;

	for (i = 0; i < p->known->ndevs; i++) {
		const struct pcidev *dev = &p->known->devs[i].pci;

		fprintf(p->out, "  device %s %04x:%04x%s%s%s%s\n", bdf_text(dev->bdf, bdf),
			dev->vendor, dev->device, dev->name[0] ? " " : "", clean(dev->name, name),
			dev->driver[0] ? ", driver " : ", no driver", dev->driver);
	}
	if (p->known->ndevs == 0)
		fprintf(p->out, "  no devices\n");
}

static void print_devices(const struct plan *p)
{
	char text[TEXT_MAX];
	size_t i;

	if (p->known->topology != NULL)
		print_known_devices(p);
	else if (p->lane->hostdevs)
		fprintf(p->out, "  devices: those of the domain\n");
	else if (p->lane->ndevices == 0)
		fprintf(p->out, "  no devices\n");
	for (i = 0; p->known->topology == NULL && i < p->lane->ndevices; i++)
		fprintf(p->out, "  device %s\n", clean(p->lane->devices[i].text, text));
	if (p->lane->driver == DRIVER_MANAGED)
		fprintf(p->out, "  drivers: left to libvirt\n");
	else if (p->lane->hostdevs || p->lane->ndevices > 0)
		fprintf(p->out, "  drivers: vfio-pci while the run lasts, then as before\n");
}

/* The cycle that is under way when the time is over is finished. */
static int64_t cycles_ms(const struct scenario *sc, int64_t cycle_ms)
{
	int64_t all =
		sc->cycles > 0 ? times_ms(add_ms(cycle_ms, sc->settle_ms), sc->cycles) : FOREVER_MS;

	return sc->duration_ms > 0 ? least_ms(all, add_ms(sc->duration_ms, cycle_ms)) : all;
}

/* Prints a lane and answers the time it takes; what is not limited counts as duration. */
static struct span print_lane(struct plan *p)
{
	const struct scenario *sc = p->sc;
	char name[TEXT_MAX], domain[TEXT_MAX], time[100];
	struct span before, cycle, after, cycles;

	fprintf(p->out, "\nlane %s: ", clean(p->lane->name, name));
	if (p->lane->domain != NULL)
		fprintf(p->out, "domain %s%s\n", clean(p->lane->domain, domain),
			p->lane->take_over ? ", stopped first when it runs" : "");
	else
		fprintf(p->out, "devices only\n");
	print_devices(p);
	print_allow(p);
	print_ready(p);
	p->unknown_times =
		p->known->topology == NULL && (p->lane->hostdevs || p->lane->ndevices > 0);
	before = print_list(p, "first", &sc->before);
	cycle = print_list(p, "each cycle", &p->lane->steps);
	after = print_list(p, "last", &sc->after);
	if (cycle.most_ms == 0 && p->unknown_times)
		fprintf(p->out, "  how long a cycle takes depends on the devices\n");
	else
		fprintf(p->out, "  a cycle takes %s%s\n", span_text(cycle, time, sizeof(time)),
			p->unknown_times ? ", resets of its devices not counted" : "");
	cycles.typical_ms = cycles_ms(sc, cycle.typical_ms);
	cycles.most_ms = cycles_ms(sc, cycle.most_ms);
	return add(add(before, cycles), after);
}

/* ---- the whole ---- */

static const char *const after_failure[] = {
	[ON_FAILURE_STOP] = "ends its lane",
	[ON_FAILURE_CONTINUE] = "is counted and the next one begins",
	[ON_FAILURE_RECOVER] = "has its devices healed, and the next one begins",
};

static void print_repeat(const struct scenario *sc, FILE *out)
{
	char time[40];

	if (sc->cycles > 0)
		fprintf(out, "%" PRId64 " cycle%s", sc->cycles, sc->cycles == 1 ? "" : "s");
	else
		fprintf(out, "one cycle after the other");
	if (sc->duration_ms > 0)
		fprintf(out, "%s for %s", sc->cycles > 0 ? "," : "",
			duration_text(sc->duration_ms, time, sizeof(time)));
	if (sc->cycles > 0 && sc->duration_ms > 0)
		fprintf(out, " at most");
	if (sc->settle_ms > 0)
		fprintf(out, ", %s between them", duration_text(sc->settle_ms, time, sizeof(time)));
	fprintf(out, "; a failed cycle %s\n", after_failure[sc->on_failure]);
}

static void print_head(const struct scenario *sc, FILE *out)
{
	char text[TEXT_MAX];

	fprintf(out, "scenario %s", clean(sc->name, text));
	if (sc->summary != NULL)
		fprintf(out, ": %s", clean(sc->summary, text));
	fprintf(out, "\n%zu lane%s on %s, ", sc->nlanes, sc->nlanes == 1 ? "" : "s side by side",
		clean(sc->connect, text));
	print_repeat(sc, out);
}

static void print_tolerate(const struct scenario *sc, FILE *out)
{
	char text[TEXT_MAX], time[40];
	size_t i;

	for (i = 0; i < sc->ntolerate; i++) {
		const struct tolerate *t = &sc->tolerate[i];

		fprintf(out, "tolerated: %" PRId64 " of %s", t->count, clean(t->fault, text));
		if (t->per_ms > 0)
			fprintf(out, " within %s", duration_text(t->per_ms, time, sizeof(time)));
		if (t->device != NULL)
			fprintf(out, " on %s", clean(t->device, text));
		if (t->expires != NULL)
			fprintf(out, " until %s", clean(t->expires, text));
		if (t->reason != NULL)
			fprintf(out, " (%s)", clean(t->reason, text));
		fprintf(out, "\n");
	}
}

static void print_reports(const struct scenario *sc, FILE *out)
{
	size_t i;

	for (i = 0; i < sc->nreports; i++) {
		const char *path = report_path(&sc->reports[i]);
		char text[TEXT_MAX];

		fprintf(out, "report: %s%s%s\n", sc->reports[i].type->word.name, path ? " to " : "",
			path ? clean(path, text) : "");
	}
}

static void print_duration(struct span span, bool unknown, FILE *out)
{
	char time[100];

	if (span.most_ms == 0 && unknown)
		fprintf(out, "expected duration: depends on the devices\n");
	else
		fprintf(out, "expected duration: %s%s%s\n", span_text(span, time, sizeof(time)),
			span.most_ms > 0 ? ", if every step took its whole time" : "",
			unknown ? " (resets of unknown devices not counted)" : "");
}

void plan_print(const struct scenario *sc, const struct host *host, const struct plan_lane *lanes,
	FILE *out)
{
	struct span longest = {0};
	bool unknown = false;
	size_t i;

	print_head(sc, out);
	for (i = 0; i < sc->nlanes; i++) {
		struct plan p = {
			.sc = sc,
			.host = host,
			.lane = &sc->lanes[i],
			.known = &lanes[i],
			.out = out,
		};
		struct span lane = print_lane(&p);

		if (lane.typical_ms > longest.typical_ms)
			longest.typical_ms = lane.typical_ms;
		if (lane.most_ms > longest.most_ms)
			longest.most_ms = lane.most_ms;
		unknown |= p.unknown_times;
	}
	fprintf(out, "\n");
	print_tolerate(sc, out);
	print_reports(sc, out);
	print_duration(longest, unknown, out);
}
