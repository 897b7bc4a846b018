// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conduct --dir DIR --timeout S [--boots N] [--on MARKER EVENT]... -- QEMU ARGUMENT...
 *
 * Runs the lab's QEMU from outside: shows what the command in the lab prints while it runs, performs
 * the events when their markers appear, and ends with the command's exit code or one of ours.
 *
 * In DIR: share/stdout, share/stderr (of the command), share/status (how it ended: "exit N",
 * "timeout" or "restarted"), share/boots (boots begun), console.log, qmp.sock.
 */
#include "qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { /* tests/lab/README.md lists these */
	RC_EVENT = 95, /* an event failed, or its marker never came */
	RC_USAGE = 96,
	RC_DIED = 97, /* QEMU did not start or ended by itself */
	RC_UNFINISHED = 98, /* the time is over */
	RC_RESTARTED = 99, /* the host restarted more often than --boots allows */
};

#define TICK_MS        25
#define MAX_RULES      32
#define QMP_TIMEOUT_MS 10000
#define POWER_OFF_S    10 /* for the lab to switch itself off after the command's end */
#define GRACE_S        90 /* for booting and for copying files out, over the command's time-out */
#define GRACE_BOOT_S   30 /* the same for each further boot */
#define TAIL_MAX       8192

struct lab;

struct event_type {
	const char *name;
	bool (*perform)(struct lab *lab, const char *arg, char *said, size_t size);
};

struct rule { /* --on MARKER EVENT */
	const char *marker;
	const struct event_type *event;
	const char *arg;
	bool done, failed;
};

struct stream {
	const char *path; /* below DIR */
	int out; /* where it is shown; -1 = only watched */
	int fd;
	size_t used;
	char tail[TAIL_MAX]; /* what a marker could still begin in */
};

struct lab {
	const char *dir;
	char **qemu;
	pid_t pid;
	int boots;
	long timeout_s;
	bool ended_by_event;
	struct qmp qmp;
	struct rule rules[MAX_RULES];
	size_t n_rules;
	struct stream streams[3];
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static void say(const char *what, const char *text)
{
	fprintf(stderr, "lab: %s%s\n", what, text);
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

/* --- QEMU ------------------------------------------------------------------------------------ */

static bool qemu_start(struct lab *lab)
{
	pid_t parent = getpid();

	lab->pid = fork();
	if (lab->pid < 0)
		return false;
	if (lab->pid == 0) {
		char log[512];
		int fd;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(RC_DIED);
		snprintf(log, sizeof(log), "%s/qemu.log", lab->dir);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
		if (fd >= 0) {
			dup2(fd, STDOUT_FILENO);
			dup2(fd, STDERR_FILENO);
		}
		setpgid(0, 0); /* a Ctrl-C is for us to handle */
		execvp(lab->qemu[0], lab->qemu);
		perror(lab->qemu[0]);
		_exit(RC_DIED);
	}
	return true;
}

static bool qemu_alive(struct lab *lab)
{
	if (lab->pid > 0 && waitpid(lab->pid, NULL, WNOHANG) == lab->pid)
		lab->pid = 0;
	return lab->pid > 0;
}

static void qemu_kill(struct lab *lab)
{
	if (lab->pid <= 0)
		return;
	kill(lab->pid, SIGKILL);
	waitpid(lab->pid, NULL, 0);
	lab->pid = 0;
}

static void qmp_disconnect(struct lab *lab)
{
	if (lab->qmp.fd >= 0)
		close(lab->qmp.fd);
	lab->qmp.fd = -1;
	lab->qmp.used = 0;
}

static bool qmp_connect(struct lab *lab)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (lab->qmp.fd >= 0)
		return true;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/qmp.sock", lab->dir);
	lab->qmp.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lab->qmp.fd >= 0 && connect(lab->qmp.fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
		qmp_hello(&lab->qmp, QMP_TIMEOUT_MS))
		return true;
	qmp_disconnect(lab);
	return false;
}

static bool human(struct lab *lab, const char *command, char *output, size_t size)
{
	snprintf(output, size, "cannot reach QEMU's monitor");
	return qmp_connect(lab) && qmp_human(&lab->qmp, command, output, size, QMP_TIMEOUT_MS);
}

/* --- PCI configuration space, from outside ---------------------------------------------------- */

struct bdf {
	unsigned int bus, dev, fn;
};

static bool parse_bdf(const char *text, struct bdf *bdf)
{
	unsigned int domain;

	return sscanf(text, "%x:%x:%x.%x", &domain, &bdf->bus, &bdf->dev, &bdf->fn) == 4 ||
		sscanf(text, "%x:%x.%x", &bdf->bus, &bdf->dev, &bdf->fn) == 3;
}

/* The name that QEMU's monitor knows a function by: text itself unless it is a BDF. */
static bool qdev_of(struct lab *lab, const char *text, char *id, size_t size)
{
	static char pci[1 << 18];
	char head[64], *at, *end;
	struct bdf bdf;

	if (!parse_bdf(text, &bdf)) {
		snprintf(id, size, "%s", text);
		return true;
	}
	if (!human(lab, "info pci", pci, sizeof(pci)))
		return false;
	snprintf(head, sizeof(head), "Bus %2u, device %3u, function %u:", bdf.bus, bdf.dev, bdf.fn);
	at = strstr(pci, head);
	end = at ? strstr(at + 1, "  Bus ") : NULL;
	if (end)
		*end = '\0';
	at = at ? strstr(at, "id \"") : NULL;
	if (!at || at[4] == '"')
		return false;
	at += 4;
	at[strcspn(at, "\"")] = '\0';
	snprintf(id, size, "%s", at);
	return true;
}

#define CONFIG_ADDRESS 0xcf8u
#define CONFIG_DATA    0xcfcu

static bool port_write(struct lab *lab, unsigned int port, uint32_t value)
{
	char command[64], output[256];

	snprintf(command, sizeof(command), "o/w 0x%x 0x%x", port, value);
	return human(lab, command, output, sizeof(output));
}

static bool port_read(struct lab *lab, unsigned int port, uint32_t *value)
{
	char command[64], output[256];
	const char *equals;

	snprintf(command, sizeof(command), "i/w 0x%x", port);
	if (!human(lab, command, output, sizeof(output)))
		return false;
	equals = strchr(output, '=');
	if (!equals)
		return false;
	*value = (uint32_t)strtoul(equals + 1, NULL, 0);
	return true;
}

static uint32_t config_address(const struct bdf *bdf, unsigned int reg)
{
	return 0x80000000u | bdf->bus << 16 | bdf->dev << 11 | bdf->fn << 8 | (reg & 0xfcu);
}

static bool config_read(struct lab *lab, const struct bdf *bdf, unsigned int reg, uint32_t *value)
{
	return port_write(lab, CONFIG_ADDRESS, config_address(bdf, reg)) &&
		port_read(lab, CONFIG_DATA, value);
}

static bool config_write(struct lab *lab, const struct bdf *bdf, unsigned int reg, uint32_t value)
{
	return port_write(lab, CONFIG_ADDRESS, config_address(bdf, reg)) &&
		port_write(lab, CONFIG_DATA, value);
}

#define PCI_CAP_POINTER  0x34u
#define PCI_CAP_EXPRESS  0x10u
#define EXP_SLOT_CONTROL 0x18u
#define POWER_OFF        0x0400u

static unsigned int find_express(struct lab *lab, const struct bdf *bdf)
{
	uint32_t value;
	unsigned int at;

	if (!config_read(lab, bdf, PCI_CAP_POINTER, &value))
		return 0;
	at = value & 0xfcu;
	for (int i = 0; i < 48 && at; i++) {
		if (!config_read(lab, bdf, at, &value))
			return 0;
		if ((value & 0xffu) == PCI_CAP_EXPRESS)
			return at;
		at = value >> 8 & 0xfcu;
	}
	return 0;
}

static bool set_slot_power(struct lab *lab, const struct bdf *port, bool on)
{
	unsigned int express = find_express(lab, port), reg = express + EXP_SLOT_CONTROL;
	uint32_t value;

	if (!express || !config_read(lab, port, reg, &value))
		return false;
	/* The upper half is Slot Status, whose bits are cleared by writing ones. */
	value &= 0xffffu & ~POWER_OFF;
	return config_write(lab, port, reg, on ? value : value | POWER_OFF);
}

/*
 * Switches a slot's power controller while its indicator stays as it is: QEMU then answers all
 * config reads below with ones, and the kernel is not told. The machine stands still meanwhile, and
 * the address register is put back, so the kernel's own config accesses are not disturbed.
 */
static bool slot_power(struct lab *lab, const char *arg, bool on, char *said, size_t size)
{
	uint32_t address;
	struct bdf port;
	bool ok;

	if (!parse_bdf(arg, &port)) {
		snprintf(said, size, "not the BDF of a port");
		return false;
	}
	if (!human(lab, "stop", said, size))
		return false;
	ok = port_read(lab, CONFIG_ADDRESS, &address);
	if (ok) {
		ok = set_slot_power(lab, &port, on);
		ok = port_write(lab, CONFIG_ADDRESS, address) && ok;
	}
	if (!human(lab, "cont", said, size))
		return false;
	if (!ok)
		snprintf(said, size, "not a port with a slot, or QEMU did not answer");
	return ok;
}

/* --- events ---------------------------------------------------------------------------------- */

static bool event_aer(struct lab *lab, const char *arg, char *said, size_t size)
{
	const char *name = strrchr(arg, ':');
	char who[128], id[128], command[512];

	if (!name) {
		snprintf(said, size, "needs aer:DEVICE:ERROR");
		return false;
	}
	snprintf(who, sizeof(who), "%.*s", (int)(name - arg), arg);
	if (!qdev_of(lab, who, id, sizeof(id))) {
		snprintf(said, size, "no such device in QEMU");
		return false;
	}
	snprintf(command, sizeof(command), "pcie_aer_inject_error %s %s", id, name + 1);
	return human(lab, command, said, size) && strncmp(said, "OK", 2) == 0;
}

static bool event_darken(struct lab *lab, const char *arg, char *said, size_t size)
{
	return slot_power(lab, arg, false, said, size);
}

static bool event_lighten(struct lab *lab, const char *arg, char *said, size_t size)
{
	return slot_power(lab, arg, true, said, size);
}

static bool event_remove(struct lab *lab, const char *arg, char *said, size_t size)
{
	char id[128], command[256];

	if (!qdev_of(lab, arg, id, sizeof(id))) {
		snprintf(said, size, "no such device in QEMU");
		return false;
	}
	snprintf(command, sizeof(command), "device_del %s", id);
	return human(lab, command, said, size) && !*said;
}

static bool event_add(struct lab *lab, const char *arg, char *said, size_t size)
{
	char command[1024];

	snprintf(command, sizeof(command), "device_add %s", arg);
	return human(lab, command, said, size) && !*said;
}

static bool event_hmp(struct lab *lab, const char *arg, char *said, size_t size)
{
	return human(lab, arg, said, size);
}

static bool event_reset_host(struct lab *lab, const char *arg, char *said, size_t size)
{
	(void)arg;
	return human(lab, "system_reset", said, size);
}

static int boots_begun(struct lab *lab)
{
	char path[512], text[16] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/share/boots", lab->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return (int)strtol(text, NULL, 10);
}

static bool event_power_cut(struct lab *lab, const char *arg, char *said, size_t size)
{
	(void)arg;
	qmp_disconnect(lab);
	qemu_kill(lab);
	snprintf(said, size, "%s", "");
	if (boots_begun(lab) >= lab->boots) {
		lab->ended_by_event = true;
		return true;
	}
	return qemu_start(lab);
}

static bool event_quit(struct lab *lab, const char *arg, char *said, size_t size)
{
	(void)arg;
	qmp_disconnect(lab);
	qemu_kill(lab);
	lab->ended_by_event = true;
	snprintf(said, size, "%s", "");
	return true;
}

static const struct event_type event_types[] = {
	{"add", event_add},
	{"aer", event_aer},
	{"darken", event_darken},
	{"hmp", event_hmp},
	{"lighten", event_lighten},
	{"power-cut", event_power_cut},
	{"quit", event_quit},
	{"remove", event_remove},
	{"reset-host", event_reset_host},
};

static bool add_rule(struct lab *lab, const char *marker, const char *event)
{
	size_t len = strcspn(event, ":");

	if (lab->n_rules == MAX_RULES || !*marker)
		return false;
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++) {
		const char *name = event_types[i].name;

		if (strlen(name) != len || strncmp(name, event, len) != 0)
			continue;
		lab->rules[lab->n_rules++] = (struct rule){
			.marker = marker,
			.event = &event_types[i],
			.arg = event[len] ? event + len + 1 : "",
		};
		return true;
	}
	return false;
}

static void fire(struct lab *lab, struct rule *rule)
{
	static char said[1 << 16];
	bool ok;

	rule->done = true;
	said[0] = '\0';
	ok = rule->event->perform(lab, rule->arg, said, sizeof(said));
	said[strcspn(said, "\n")] = '\0';
	rule->failed = !ok;
	fprintf(stderr, "lab: at \"%s\": %s%s%s %s%s%s\n", rule->marker, rule->event->name,
		*rule->arg ? ":" : "", rule->arg, ok ? "done" : "FAILED", *said ? ": " : "", said);
}

/* --- what the lab prints ---------------------------------------------------------------------- */

static void watch(struct lab *lab, struct stream *stream, const char *text, size_t len)
{
	if (stream->used + len > sizeof(stream->tail)) {
		size_t keep = stream->used < 512 ? stream->used : 512;

		memmove(stream->tail, stream->tail + stream->used - keep, keep);
		stream->used = keep;
	}
	memcpy(stream->tail + stream->used, text, len);
	stream->used += len;
	for (size_t i = 0; i < lab->n_rules; i++) {
		struct rule *rule = &lab->rules[i];

		if (!rule->done &&
			memmem(stream->tail, stream->used, rule->marker, strlen(rule->marker)))
			fire(lab, rule);
	}
}

static bool show_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= (size_t)n;
	}
	return true;
}

static void drain(struct lab *lab, struct stream *stream)
{
	char text[TAIL_MAX - 512];
	char path[512];
	ssize_t n;

	if (stream->fd < 0) {
		snprintf(path, sizeof(path), "%s/%s", lab->dir, stream->path);
		stream->fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	while (stream->fd >= 0 && (n = read(stream->fd, text, sizeof(text))) > 0) {
		if (stream->out >= 0 && !show_all(stream->out, text, (size_t)n))
			stream->out = -1;
		watch(lab, stream, text, (size_t)n);
	}
}

static void drain_all(struct lab *lab)
{
	for (size_t i = 0; i < sizeof(lab->streams) / sizeof(lab->streams[0]); i++)
		drain(lab, &lab->streams[i]);
}

static bool read_status(struct lab *lab, char *status, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/share/status", lab->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, status, size - 1);
	close(fd);
	status[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* --- the run ---------------------------------------------------------------------------------- */

static void wait_power_off(struct lab *lab)
{
	time_t deadline = now_s() + POWER_OFF_S;

	while (qemu_alive(lab) && now_s() < deadline && !interrupted)
		tick();
	qemu_kill(lab);
}

static int code_of(const char *status)
{
	int code;

	if (sscanf(status, "exit %d", &code) == 1)
		return code;
	if (strncmp(status, "restarted", 9) == 0) {
		say("the host restarted more often than --boots allows", "");
		return RC_RESTARTED;
	}
	say("the command did not end in time", "");
	return RC_UNFINISHED;
}

static int conduct(struct lab *lab)
{
	time_t deadline = now_s() + lab->timeout_s + GRACE_S + (lab->boots - 1) * GRACE_BOOT_S;
	char status[64];

	if (!qemu_start(lab)) {
		perror("lab: fork");
		return RC_DIED;
	}
	while (!interrupted) {
		bool alive = qemu_alive(lab);
		bool ended = read_status(lab, status, sizeof(status));

		drain_all(lab);
		if (lab->ended_by_event)
			return 0;
		if (ended) {
			wait_power_off(lab);
			drain_all(lab);
			return code_of(status);
		}
		if (!alive && lab->pid == 0) {
			say("QEMU ended by itself; see its log", "");
			return RC_DIED;
		}
		if (now_s() >= deadline) {
			say("the lab never finished", "");
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
				rule->event->name);
		all = all && rule->done && !rule->failed;
	}
	return all;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: conduct --dir DIR --timeout S [--boots N] [--on MARKER EVENT]... -- "
		"QEMU...\n");
	return RC_USAGE;
}

static bool parse(struct lab *lab, char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv += 2) {
		if (!argv[1])
			return false;
		if (strcmp(*argv, "--dir") == 0) {
			lab->dir = argv[1];
		} else if (strcmp(*argv, "--timeout") == 0) {
			lab->timeout_s = strtol(argv[1], NULL, 10);
		} else if (strcmp(*argv, "--boots") == 0) {
			lab->boots = (int)strtol(argv[1], NULL, 10);
		} else if (strcmp(*argv, "--on") == 0) {
			if (!argv[2] || !add_rule(lab, argv[1], argv[2])) {
				fprintf(stderr, "lab: not an event: %s\n", argv[2] ? argv[2] : "");
				return false;
			}
			argv++;
		} else {
			return false;
		}
	}
	lab->qemu = *argv ? argv + 1 : argv;
	return lab->dir && lab->timeout_s > 0 && lab->boots > 0 && *lab->qemu;
}

int main(int argc, char **argv)
{
	static struct lab lab = {
		.boots = 1,
		.qmp = {.fd = -1},
		.streams =
			{
				{.path = "share/stdout", .out = STDOUT_FILENO, .fd = -1},
				{.path = "share/stderr", .out = STDERR_FILENO, .fd = -1},
				{.path = "console.log", .out = -1, .fd = -1},
			},
	};
	struct sigaction stop = {.sa_handler = on_signal};
	int rc;

	(void)argc;
	if (!parse(&lab, argv + 1))
		return usage();
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
	qmp_disconnect(&lab);
	qemu_kill(&lab);
	return rc;
}
