// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conduct --timeout S [--boots N] [--on MARKER EVENT]... -- QEMU ARGUMENT...
 *
 * Runs the lab's QEMU from outside: shows what the command in the lab prints while it runs, performs
 * the events when their markers appear, and ends with the command's exit code or one of ours.
 *
 * In the working directory: share/stdout and share/stderr of the command, share/status (how it
 * ended: "exit N", "timeout" or "restarted"), share/boots (boots begun), console.log, qmp.sock.
 */
#include "events.h"
#include "machine.h"
#include "write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum exit_code { /* tests/lab/README.md lists these */
	RC_EVENT = 95, /* an event failed, or its marker never came */
	RC_USAGE = 96,
	RC_DIED = 97, /* QEMU did not start, or ended by itself */
	RC_UNFINISHED = 98,
	RC_RESTARTED = 99, /* more often than --boots allows */
};

#define TICK_MS      25
#define MAX_RULES    32
#define POWER_OFF_S  10 /* for the lab to switch itself off after the command's end */
#define GRACE_S      90 /* for booting and for copying files out, over the command's time-out */
#define GRACE_BOOT_S 30 /* the same for each further boot */
#define TAIL_MAX     8192
#define TAIL_KEPT    512 /* longest marker */

struct rule { /* --on MARKER EVENT */
	const char *marker;
	const char *event;
	const struct event_type *type;
	bool done, failed;
};

struct stream {
	const char *path;
	int out; /* where it is shown; -1 = only watched */
	int fd;
	size_t used;
	char tail[TAIL_MAX]; /* what a marker could still begin in */
};

struct lab {
	struct machine machine;
	long timeout_s;
	struct rule rules[MAX_RULES];
	size_t n_rules;
	struct stream streams[3];
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void tick(void)
{
	poll(NULL, 0, TICK_MS);
}

static void fire(struct machine *machine, struct rule *rule)
{
	static char said[1 << 16];
	const char *colon = strchr(rule->event, ':');

	said[0] = '\0';
	rule->done = true;
	rule->failed = !rule->type->perform(machine, colon ? colon + 1 : "", said, sizeof(said));
	said[strcspn(said, "\n")] = '\0';
	fprintf(stderr, "lab: at \"%s\": %s %s%s%s\n", rule->marker, rule->event,
		rule->failed ? "FAILED" : "done", *said ? ": " : "", said);
}

/* Looks for markers in what came last, also in one that came in pieces. */
static void watch(struct lab *lab, struct stream *stream, const char *text, size_t len)
{
	if (stream->used + len > sizeof(stream->tail)) {
		size_t keep = stream->used < TAIL_KEPT ? stream->used : TAIL_KEPT;

		memmove(stream->tail, stream->tail + stream->used - keep, keep);
		stream->used = keep;
	}
	memcpy(stream->tail + stream->used, text, len);
	stream->used += len;
	for (size_t i = 0; i < lab->n_rules; i++) {
		struct rule *rule = &lab->rules[i];

		if (!rule->done &&
			memmem(stream->tail, stream->used, rule->marker, strlen(rule->marker)))
			fire(&lab->machine, rule);
	}
}

static void drain(struct lab *lab, struct stream *stream)
{
	char text[TAIL_MAX - TAIL_KEPT];
	ssize_t n;

	if (stream->fd < 0)
		stream->fd = open(stream->path, O_RDONLY | O_CLOEXEC);
	while (stream->fd >= 0 && (n = read(stream->fd, text, sizeof(text))) > 0) {
		if (stream->out >= 0 && !write_all(stream->out, text, (size_t)n))
			stream->out = -1;
		watch(lab, stream, text, (size_t)n);
	}
}

static void drain_all(struct lab *lab)
{
	for (size_t i = 0; i < sizeof(lab->streams) / sizeof(lab->streams[0]); i++)
		drain(lab, &lab->streams[i]);
}

static void wait_power_off(struct machine *machine)
{
	time_t deadline = now_s() + POWER_OFF_S;

	while (machine_alive(machine) && now_s() < deadline && !interrupted)
		tick();
	machine_kill(machine);
}

static int code_of(const char *status)
{
	int code;

	if (sscanf(status, "exit %d", &code) == 1)
		return code;
	if (strncmp(status, "restarted", strlen("restarted")) == 0) {
		fprintf(stderr, "lab: the host restarted more often than --boots allows\n");
		return RC_RESTARTED;
	}
	fprintf(stderr, "lab: the command did not end in time\n");
	return RC_UNFINISHED;
}

static int conduct(struct lab *lab)
{
	struct machine *machine = &lab->machine;
	time_t deadline = now_s() + lab->timeout_s + GRACE_S + (machine->boots - 1) * GRACE_BOOT_S;
	char status[64];

	if (!machine_start(machine)) {
		perror("lab: fork");
		return RC_DIED;
	}
	while (!interrupted) {
		/* Asked before the output is read, so that nothing printed before the end is missed. */
		bool died = !machine_alive(machine);
		bool ended = machine_read("share/status", status, sizeof(status));

		drain_all(lab);
		if (machine->ended_by_event)
			return 0;
		if (ended) {
			wait_power_off(machine);
			drain_all(lab);
			return code_of(status);
		}
		if (died && machine->pid == 0) {
			fprintf(stderr, "lab: QEMU ended by itself\n");
			return RC_DIED;
		}
		if (now_s() >= deadline) {
			fprintf(stderr, "lab: the host never finished\n");
			return RC_UNFINISHED;
		}
		tick();
	}
	return 128 + interrupted;
}

/* A run whose event did not happen proves nothing, whatever the command made of it. */
static bool events_happened(const struct lab *lab)
{
	bool all = true;

	for (size_t i = 0; i < lab->n_rules; i++) {
		const struct rule *rule = &lab->rules[i];

		if (!rule->done)
			fprintf(stderr, "lab: never came: \"%s\", for %s\n", rule->marker,
				rule->event);
		all = all && rule->done && !rule->failed;
	}
	return all;
}

static bool add_rule(struct lab *lab, const char *marker, const char *event)
{
	const struct event_type *type = event_find(event);

	if (!type || lab->n_rules == MAX_RULES || !*marker || strlen(marker) > TAIL_KEPT)
		return false;
	lab->rules[lab->n_rules++] = (struct rule){.marker = marker, .event = event, .type = type};
	return true;
}

static bool parse(struct lab *lab, char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv += 2) {
		if (!argv[1])
			return false;
		if (strcmp(*argv, "--timeout") == 0) {
			lab->timeout_s = strtol(argv[1], NULL, 10);
		} else if (strcmp(*argv, "--boots") == 0) {
			lab->machine.boots = (int)strtol(argv[1], NULL, 10);
		} else if (strcmp(*argv, "--on") == 0 && argv[2]) {
			if (!add_rule(lab, argv[1], argv[2])) {
				fprintf(stderr, "lab: not an event: %s\n", argv[2]);
				return false;
			}
			argv++;
		} else {
			return false;
		}
	}
	lab->machine.argv = *argv ? argv + 1 : argv;
	return lab->timeout_s > 0 && lab->machine.boots > 0 && *lab->machine.argv;
}

int main(int argc, char **argv)
{
	static struct lab lab = {
		.machine = {.boots = 1, .qmp = {.fd = -1}},
		.streams =
			{
				{.path = "share/stdout", .out = STDOUT_FILENO, .fd = -1},
				{.path = "share/stderr", .out = STDERR_FILENO, .fd = -1},
				{.path = "console.log", .out = -1, .fd = -1},
			},
	};
	struct sigaction stop = {.sa_handler = on_signal};
	int rc;

	if (argc < 2 || !parse(&lab, argv + 1)) {
		fprintf(stderr,
			"usage: conduct --timeout S [--boots N] [--on MARKER EVENT]... -- "
			"QEMU...\n");
		return RC_USAGE;
	}
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* the lab does not outlive the script that runs it */
	rc = conduct(&lab);
	if (rc < RC_EVENT && !events_happened(&lab)) {
		fprintf(stderr, "lab: the command ended with %d\n", rc);
		rc = RC_EVENT;
	}
	machine_kill(&lab.machine);
	return rc;
}
