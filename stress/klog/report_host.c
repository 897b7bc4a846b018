/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/report.h"

#include "base/str.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Oopses, lockups, hung tasks, warnings and panics, each with the trace that follows it. */

#define PANIC_US   (3 * SECOND_US) /* from what the kernel dies of to its last words */
#define FRAMES_MAX 8
#define FRAME_MAX  48 /* bytes of a function's name */

/* ---- traces ---- */

/* What the kernel prints behind it besides the functions. */
static bool begins_like_trace(const char *s)
{
	static const char *const starts[] = {"Call Trace", "RIP:", "RSP:", "RAX:", "RDX:", "RBP:",
		"R10:", "R13:", "FS:", "CS:", "CR2:", "DR0:", "DR3:", "PKRU:", "Code:",
		"Modules linked in:", "CPU:", "Hardware name:", "Workqueue:", "---[ end",
		"task:", "<", "</", "Sending NMI", "NMI backtrace", "PGD ",
		"pc : ", "lr : ", "sp : ", "pstate: ", "? ",
		"Unloaded tainted modules:", "irq event stamp:", "hardirqs last", "softirqs last",
		/* who is on an interrupt line, and what the workers are at */
		"handlers:", "[<", "Disabling IRQ #", "Showing busy workqueues", "workqueue ",
		"pwq ", "pool ", "in-flight:", "pending:", "inactive:"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		if (str_starts(s, starts[i]))
			return true;
	return false;
}

/* "qi_submit_sync+0x2c5/0x610 [module]" at s: length of the name; 0 when it is none. */
static size_t frame_name(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '.')
		n++;
	return n > 0 && n < FRAME_MAX && str_starts(s + n, "+0x") ? n : 0;
}

/* How it got to print, and how everything waits: says nothing of what for. */
static bool is_common(const char *name)
{
	static const char *const starts[] = {"__die", "die", "dump_stack", "exc_", "asm_",
		"sysvec_", "page_fault", "__schedule", "schedule", "io_schedule", "show_", "__warn",
		"report_bug", "handle_bug", "do_error_trap", "do_trap", "watchdog_timer_fn",
		"__hrtimer", "hrtimer_interrupt", "__sysvec", "__wait_for_common",
		"wait_for_completion"};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(starts); i++)
		if (str_starts(name, starts[i]))
			return true;
	return false;
}

static void take_frame(struct report *r, const char *s, size_t n)
{
	char name[FRAME_MAX];

	memcpy(name, s, n);
	name[n] = '\0';
	if (!is_common(name) && r->frames++ < FRAMES_MAX)
		report_add(r, "trace", VALUE_STRINGS, name);
}

/* "RIP: 0010:name+0x12/0x300 [module]": where it happened. */
static void take_rip(struct report *r, const char *s)
{
	const char *name = strrchr(s, ':') + 1, *open, *close;
	size_t n;

	name += *name == ' ';
	n = frame_name(name);
	if (n == 0 || report_field(r, "at") != NULL)
		return;
	report_set_span(r, "at", (struct span){name, n});
	open = strchr(name + n, '[');
	close = open ? strchr(open, ']') : NULL;
	if (close != NULL)
		report_set_span(r, "module", (struct span){open + 1, (size_t)(close - open - 1)});
}

static bool is_trace(const char *s)
{
	return begins_like_trace(s) || frame_name(s) > 0;
}

bool report_trace(struct klog *k, struct report *r, const struct kline *ln)
{
	char text[200];
	const char *s = text;

	snprintf(text, sizeof(text), "%.*s", (int)ln->text.n, ln->text.s);
	s += strspn(s, " \t");
	/* a continuation that begins with blanks is part of it, whatever it says */
	if (s == text && !is_trace(s))
		return false;
	if (str_starts(s, "RIP:") || str_starts(s, "pc : "))
		take_rip(r, s);
	else if (frame_name(s) > 0)
		take_frame(r, s, frame_name(s));
	report_line(k, r, ln);
	return true;
}

/* ---- what it explains ---- */

static bool says_the_same(const struct report *r, const struct kline *ln, const char *name)
{
	struct span said = match_group(ln->m, name);

	return said.s == NULL || span_is(said, report_field(r, name));
}

/* The same again; warnings of two places in the code are two things, and so are two sorts of bugs. */
static struct report *same_again(struct klog *k, const struct kline *ln)
{
	const char *id = ln->m->rule->id;
	struct report *r;

	for (r = klog_newest(k); r != NULL; r = r->next)
		if (r->kind == REPORT_HOST && strcmp(r->inc.id, id) == 0 &&
			report_age(r, ln) <= STORM_US && report_same_place(k, r, ln) &&
			says_the_same(r, ln, "where") && says_the_same(r, ln, "what"))
			return r;
	return NULL;
}

static void note_task(struct report *r, const struct kline *ln)
{
	struct span task = match_group(ln->m, "task"), pid = match_group(ln->m, "pid");
	char text[64];

	if (task.s == NULL || pid.s == NULL)
		return;
	snprintf(text, sizeof(text), "%.*s[%.*s]", (int)task.n, task.s, (int)pid.n, pid.s);
	report_add(r, "tasks", VALUE_STRINGS, text);
}

bool report_host(struct klog *k, const struct kline *ln)
{
	struct report *r = same_again(k, ln);
	/* "BUG: unable to handle .." and "Oops: 0002 [#1]" are one */
	bool same_oops = r != NULL && report_is(r, "host.oops") && report_age(r, ln) <= REPORT_US;

	if (r == NULL)
		r = report_new(k, ln, REPORT_HOST, ln->m->rule->id);
	if (!same_oops)
		report_count(r);
	report_take_fields(r, ln);
	note_task(r, ln);
	report_line(k, r, ln);
	klog_trace(k, r);
	return true;
}

/* What the kernel panics of, by its last words; "" ends a list of causes. */
static const struct {
	const char *words, *causes[4];
} panics[] = {
	{"Fatal exception", {"host.oops"}},
	{"Fatal hardware error", {"ghes.header", "mce."}},
	{"Fatal local machine check", {"mce."}},
	{"Fatal machine check", {"mce."}},
	{"Fatal Machine check", {"mce."}},
	{"Hard LOCKUP", {"host.hard-lockup"}},
	{"NMI", {"nmi."}},
	{"RCU Stall", {"host.rcu-stall"}},
	{"Timeout: Not all CPUs entered broadcast exception handler", {"mce."}},
	{"hung_task: blocked tasks", {"host.hung-task"}},
	{"kernel: panic_on_warn set", {"host.warn"}},
	{"panic_on_warn set", {"host.warn"}},
	{"softlockup: hung tasks", {"host.soft-lockup"}},
};

static bool causes(const struct report *r, struct span words)
{
	size_t i, c;

	for (i = 0; i < ARRAY_SIZE(panics); i++)
		for (c = 0; c < ARRAY_SIZE(panics[i].causes) && panics[i].causes[c]; c++)
			if (words.n >= strlen(panics[i].words) &&
				strncmp(words.s, panics[i].words, strlen(panics[i].words)) == 0 &&
				report_is(r, panics[i].causes[c]))
				return true;
	return false;
}

/* The end of what is told already, or an incident of its own. */
bool report_panic(struct klog *k, const struct kline *ln)
{
	struct span words = match_group(ln->m, "text");
	struct report *r;

	for (r = klog_newest(k); words.s != NULL && r != NULL; r = r->next)
		if (causes(r, words) && report_age(r, ln) <= PANIC_US) {
			report_add(r, "also", VALUE_STRINGS, ln->m->rule->id);
			report_set_span(r, "panic", words);
			report_raise(r, ln->m->severity);
			report_line(k, r, ln);
			klog_trace(k, r);
			return true;
		}
	return report_host(k, ln);
}
