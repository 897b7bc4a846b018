/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/beside.h"

#include "device/lock.h"
#include "model/event.h"
#include "model/lane_device.h"
#include "model/scenario.h"
#include "steps/device_step.h"

#include <poll.h>
#include <stdio.h>

/* A switch with 16 dual-function cards has 50. */
#define BESIDE_MAX 128
/* Reading blocks while somebody else resets it: a second, mostly. */
#define SILENT_NS      (8 * NS_PER_S)
#define AGAIN_NS       (NS_PER_S / 2) /* for one that was silent at the last step as well */
#define SETTLE_NS      (3 * NS_PER_S)
#define SETTLE_POLL_MS 250

/* ---- who ---- */

/* The upstream port of the switch that the device is on, or the root port that it has for itself. */
static const struct pcidev *top_of(const struct pcidev_list *all, const struct pcidev *dev)
{
	const struct pcidev *port = dev->has_parent ? pcidev_find(all, dev->parent) : NULL;
	const struct pcidev *above =
		port != NULL && port->has_parent ? pcidev_find(all, port->parent) : NULL;

	return above != NULL ? above : port;
}

static bool is_beside(const struct pcidev_list *all, const struct pcidev *top,
	const struct pcidev *dev, const struct pcidev *other)
{
	if (top == NULL) /* on a root bus: the other functions of its slot */
		return scope_together(dev, other, SCOPE_SLOT);
	return bdf_eq(other->bdf, top->bdf) || pcidev_is_below(all, other, top->bdf);
}

static struct bystander *find(const struct beside *b, struct bdf bdf)
{
	vec_foreach (one, &b->list)
		if (bdf_eq(one->bdf, bdf))
			return one;
	return NULL;
}

static struct bdf *remembered(const struct step_ctx *ctx, struct bdf bdf)
{
	if (ctx->beside != NULL)
		vec_foreach (silent, &ctx->beside->silent)
			if (bdf_eq(*silent, bdf))
				return silent;
	return NULL;
}

static void add(struct beside *b, struct bdf bdf, bool reached)
{
	struct bystander *one = find(b, bdf);

	if (one != NULL)
		one->reached |= reached;
	else if (b->list.n == BESIDE_MAX)
		b->left_out++;
	else
		*vec_push(&b->list) = (struct bystander){.bdf = bdf,
			.of = b->ctx->dev->pci.bdf,
			.reached = reached,
			.was_silent = remembered(b->ctx, bdf) != NULL};
}

void beside_add(struct beside *b, struct step_ctx *ctx, const struct pcidev_list *all,
	enum reset_scope scope)
{
	const struct pcidev *dev = &ctx->dev->pci, *top = top_of(all, dev);
	struct bdf_set set;
	size_t i;

	b->ctx = ctx;
	b->silent_ns = b->silent_ns ? b->silent_ns : SILENT_NS;
	b->settle_ns = b->settle_ns ? b->settle_ns : SETTLE_NS;
	scope_disturbed(all, dev, scope, &set);
	for (i = 0; i < all->n; i++) {
		const struct pcidev *other = &all->v[i];
		bool reached = bdf_set_has(&set, other->bdf);

		if (!device_in_lane(ctx, other->bdf) &&
			(reached || is_beside(all, top, dev, other)))
			add(b, other->bdf, reached);
	}
	bdf_set_finish(&set);
}

void beside_forget(struct beside_memory *memory)
{
	vec_finish(&memory->silent);
}

void beside_finish(struct beside *b)
{
	vec_foreach (one, &b->list)
		str_finish(&one->differences);
	vec_finish(&b->list);
}

/* ---- looking ---- */

/* One that is looked at now. */
struct sight {
	struct bystander *who;
	enum { SIGHT_NONE, SIGHT_TAKEN, SIGHT_SILENT } got;
	struct dev_state state;
	char why_silent[160];
};

typedef VEC(struct sight) sight_list;

/* Another lane, or another run, does with it what it likes; and nobody is woken for a look. */
static void add_sight(const struct beside *b, struct bystander *one, sight_list *sights)
{
	pid_t pid;

	if (!lock_holder(b->ctx->host, one->bdf, &pid) &&
		!oracle_would_wake(b->ctx->host, one->bdf))
		vec_push(sights)->who = one;
}

/* How many one child can look at: those up to the next that would keep it waiting, or that one. */
static size_t for_one_child(const sight_list *sights, size_t from)
{
	size_t n = 1;

	while (!sights->v[from].who->was_silent && from + n < sights->n &&
		!sights->v[from + n].who->was_silent)
		n++;
	return n;
}

static int64_t patience_ns(const struct beside *b, const struct sight *s)
{
	return s->who->was_silent && AGAIN_NS < b->silent_ns ? AGAIN_NS : b->silent_ns;
}

/* All by few children, and by another one from behind one that does not answer: while there is time. */
static void look(const struct beside *b, sight_list *sights)
{
	auto_free struct dev_state *states = xcalloc(sights->n + 1, sizeof(*states));
	auto_free struct bdf *bdfs = xcalloc(sights->n + 1, sizeof(*bdfs));
	int64_t until = clock_mono_ns() + ORACLE_NS;
	size_t i, from, done;
	struct err err;

	for (i = 0; i < sights->n; i++)
		bdfs[i] = sights->v[i].who->bdf;
	for (from = 0; from < sights->n && clock_mono_ns() < until; from = i) {
		int64_t deadline = clock_mono_ns() + patience_ns(b, &sights->v[from]);
		int rc = oracle_take_several(b->ctx->host, bdfs + from, for_one_child(sights, from),
			deadline < until ? deadline : until, states + from, &done, &err);

		for (i = from; i < from + done; i++) {
			sights->v[i].got = SIGHT_TAKEN;
			sights->v[i].state = states[i];
		}
		if (rc != 0) {
			sights->v[i].got = SIGHT_SILENT;
			str_set(sights->v[i++].why_silent, err.msg);
		}
	}
}

/* ---- before ---- */

static void tell_blind_spot(const struct beside *b, const char *text)
{
	struct event ev = {.kind = EV_BLIND_SPOT};

	str_set(ev.text, text);
	emit(b->ctx->out, &ev);
}

static void tell_unseen(const struct beside *b, const struct sight *s)
{
	char text[DETAIL_MAX], bdf[BDF_LEN], of[BDF_LEN];

	snprintf(text, sizeof(text),
		"%s, beside %s: what the steps do to it is not seen while it does not answer (%s)",
		bdf_text(s->who->bdf, bdf), bdf_text(s->who->of, of),
		s->got == SIGHT_SILENT ? s->why_silent : "no time was left behind others");
	tell_blind_spot(b, text);
}

static void tell_left_out(const struct beside *b)
{
	char text[DETAIL_MAX], bdf[BDF_LEN];

	snprintf(text, sizeof(text),
		"%zu functions beside %s: what the steps do to them is not seen, for no more than "
		"%d are looked at",
		b->left_out, bdf_text(b->ctx->dev->pci.bdf, bdf), BESIDE_MAX);
	tell_blind_spot(b, text);
}

static void remember(const struct beside *b, const struct sight *s)
{
	struct beside_memory *memory = b->ctx->beside;
	struct bdf *known = remembered(b->ctx, s->who->bdf);

	if (s->got == SIGHT_NONE || memory == NULL)
		return;
	s->who->was_silent = s->got == SIGHT_SILENT;
	if (s->who->was_silent && known == NULL)
		*vec_push(&memory->silent) = s->who->bdf;
	else if (!s->who->was_silent && known != NULL)
		*known = memory->silent.v[--memory->silent.n];
}

static void ask_for_time(const struct beside *b, int64_t dur_ns)
{
	struct event ev = {.kind = EV_MORE_TIME, .dur_ns = dur_ns};

	emit(b->ctx->out, &ev);
}

/* Outside of a step there is no deadline to move. */
static void give_back_time(struct beside *b, int64_t took_ns)
{
	if (b->ctx->deadline_ns == NEVER)
		return;
	b->ctx->deadline_ns += took_ns;
	ask_for_time(b, b->ctx->deadline_ns - clock_mono_ns());
}

void beside_observe(struct beside *b)
{
	int64_t began_ns = clock_mono_ns();
	sight_list sights = {0};
	bool waited = false;

	vec_foreach (one, &b->list)
		add_sight(b, one, &sights);
	look(b, &sights);
	vec_foreach (s, &sights) {
		remember(b, s);
		waited |= s->got == SIGHT_SILENT;
		s->who->known =
			s->got == SIGHT_TAKEN && s->state.readable && !oracle_amid_reset(&s->state);
		s->who->before = s->state;
		if (s->got != SIGHT_TAKEN)
			tell_unseen(b, s);
	}
	if (b->left_out > 0)
		tell_left_out(b);
	if (waited)
		give_back_time(b, clock_mono_ns() - began_ns);
	vec_finish(&sights);
}

/* ---- after ---- */

static size_t compare(struct bystander *one, const struct sight *s)
{
	if (s->got == SIGHT_SILENT) {
		str_addf(&one->differences, "%s", s->why_silent);
		return 1;
	}
	return one->reached ? oracle_compare(&one->before, &s->state, &one->differences)
			    : oracle_compare_bystander(&one->before, &s->state, &one->differences);
}

/* How many are not as they were, of all or of those that were not a moment ago. */
static size_t count_changed(struct beside *b, bool all)
{
	sight_list sights = {0};
	size_t n = 0;

	vec_foreach (one, &b->list) {
		if (one->known && (all || one->differences.len > 0))
			add_sight(b, one, &sights);
		str_reset(&one->differences);
	}
	look(b, &sights);
	vec_foreach (s, &sights) {
		if (s->got == SIGHT_NONE)
			tell_unseen(b, s);
		else if (compare(s->who, s) > 0)
			n++;
	}
	vec_finish(&sights);
	return n;
}

/* Somebody else may be resetting one of them: that passes. */
static size_t find_changed(struct beside *b)
{
	int64_t until_ns = clock_mono_ns() + b->settle_ns;
	size_t n = count_changed(b, true);

	while (n > 0 && clock_mono_ns() < until_ns) {
		poll(NULL, 0, SETTLE_POLL_MS);
		n = count_changed(b, false);
	}
	return n;
}

static void tell_state(const struct beside *b, const struct bystander *one)
{
	struct event ev = {.kind = EV_DEVICE_STATE, .reason = "differs"};

	bdf_text(one->bdf, ev.subject);
	str_set(ev.text, one->differences.s);
	emit(b->ctx->out, &ev);
}

static void say(const struct bystander *one, struct str *out)
{
	char bdf[BDF_LEN], of[BDF_LEN];

	str_addf(out, "%s%s, %s %s: %s", out->len > 0 ? ". " : "", bdf_text(one->bdf, bdf),
		one->reached ? "reached by the reset of" : "beside", bdf_text(one->of, of),
		one->differences.s);
}

static void note(const struct beside *b, const struct bystander *one)
{
	struct event ev = {.kind = EV_LANE_NOTE, .reason = NOTE_ONCE};
	struct str text = {0};

	say(one, &text);
	str_addf(&text, " (%s)", b->ctx->step->name);
	bdf_text(one->bdf, ev.subject);
	str_set(ev.text, text.s);
	str_set(ev.hint,
		one->reached ? "it did not come back as it was"
			     : "it changed during a step that should not reach it");
	emit(b->ctx->out, &ev);
	str_finish(&text);
}

static bool is_failure(const struct beside *b, enum outcome so_far, const struct bystander *one)
{
	return so_far == OUTCOME_PASS && !b->heals &&
		(one->reached || b->ctx->scenario->bystanders == BYSTANDERS_FAIL);
}

static enum outcome fail(const struct bystander *first, const struct str *all, struct result *res)
{
	char of[BDF_LEN];

	result_fail(res, "neighbour-differs", "%s", all->s);
	result_advise(res,
		first->reached ? "they go down with %s and did not come back as they were: nobody "
				 "may use them across its reset"
			       : "what is done to %s reaches further than it should: nobody else "
				 "may use what changed while it is reset",
		bdf_text(first->of, of));
	return OUTCOME_FAIL;
}

/* And near what hangs in the kernel a look would only hang as well. */
static bool may_have_acted(enum outcome so_far, const struct result *res)
{
	return so_far == OUTCOME_PASS || (so_far == OUTCOME_FAIL && !str_eq(res->reason, "wedged"));
}

enum outcome beside_judge(struct beside *b, enum outcome so_far, struct result *res)
{
	const struct bystander *first = NULL;
	enum outcome outcome = so_far;
	struct str all = {0};

	if (b->ctx == NULL || !may_have_acted(so_far, res))
		return so_far;
	/*
	 * The supervisor would kill the lane soon after the act's bound, which is made for the act alone,
	 * and with it what the lane has found. Twice a whole look: the last may begin at the end of the
	 * settling.
	 */
	if (b->list.n > 0)
		ask_for_time(b, 2 * ORACLE_NS + b->settle_ns);
	if (find_changed(b) == 0)
		return so_far;
	vec_foreach (one, &b->list) {
		if (one->differences.len == 0)
			continue;
		tell_state(b, one);
		if (!is_failure(b, so_far, one)) {
			note(b, one);
			continue;
		}
		say(one, &all);
		if (first == NULL || !one->reached) /* who is reached by mistake is the worse */
			first = one;
	}
	if (first != NULL)
		outcome = fail(first, &all, res);
	str_finish(&all);
	return outcome;
}
