/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/lvdom.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/host.h"
#include "world/vmlist.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define KEEPALIVE_S     5 /* a question every 5 s; lost after 6 without answer */
#define KEEPALIVE_COUNT 6
#define DOMAINS_MAX     4096 /* names looked through for "did you mean" */
#define EVENTS_MAX      5

struct lvdom {
	virConnectPtr conn;
	virDomainPtr dom;
	struct vm_ear *ear;
	bool real;
	bool holds_loop;
	char uuid[VIR_UUID_STRING_BUFLEN];
	int events[EVENTS_MAX], monitor; /* callback ids, -1 = not registered */
};

/*
 * libvirt's event loop belongs to the process: registered before the first open, run by one thread
 * as long as a domain is open, because a connection whose loop stands still is cut by keepalive.
 */
static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	unsigned users;
	bool registered;
	_Atomic bool stop;
} loop = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *run_loop(void *arg)
{
	(void)arg;
	while (!loop.stop && virEventRunDefaultImpl() == 0)
		continue;
	return NULL;
}

static void silent(void *opaque, virErrorPtr error)
{
	(void)opaque, (void)error;
}

static int loop_hold(struct err *err)
{
	int res = 0;

	pthread_mutex_lock(&loop.lock);
	if (!loop.registered) {
		virSetErrorFunc(NULL, silent); /* errors are told by us, once */
		loop.registered = virInitialize() == 0 && virEventRegisterDefaultImpl() == 0;
	}
	if (!loop.registered) {
		res = err_set(err, ERR_IO, 0, "libvirt's library does not start");
	} else if (loop.users == 0) {
		loop.stop = false;
		if (pthread_create(&loop.thread, NULL, run_loop, NULL) != 0)
			res = err_set(err, ERR_IO, errno, "start a thread for libvirt's events");
	}
	if (res == 0)
		loop.users++;
	pthread_mutex_unlock(&loop.lock);
	return res;
}

static void wake_loop(int timer, void *opaque)
{
	(void)opaque;
	virEventRemoveTimeout(timer);
}

static void loop_drop(void)
{
	pthread_mutex_lock(&loop.lock);
	if (--loop.users == 0) {
		loop.stop = true;
		virEventAddTimeout(0, wake_loop, NULL, NULL);
		pthread_join(loop.thread, NULL);
	}
	pthread_mutex_unlock(&loop.lock);
}

static const struct {
	int detail;
	enum stop_cause cause;
} stop_causes[] = {
	{VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, STOP_GUEST},
	{VIR_DOMAIN_EVENT_STOPPED_DESTROYED, STOP_DESTROYED},
	{VIR_DOMAIN_EVENT_STOPPED_CRASHED, STOP_CRASHED},
	{VIR_DOMAIN_EVENT_STOPPED_SAVED, STOP_SAVED},
	{VIR_DOMAIN_EVENT_STOPPED_FAILED, STOP_FAILED},
};

static enum stop_cause stop_cause(int detail)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(stop_causes); i++)
		if (stop_causes[i].detail == detail)
			return stop_causes[i].cause;
	return STOP_OTHER;
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
	struct vm_news *n = ear_lock(opaque);

	(void)conn, (void)dom;
	if (event == VIR_DOMAIN_EVENT_STOPPED)
		n->stopped = stop_cause(detail);
	else if (event == VIR_DOMAIN_EVENT_SHUTDOWN && detail == VIR_DOMAIN_EVENT_SHUTDOWN_GUEST)
		n->guest_off = true;
	else if (event == VIR_DOMAIN_EVENT_CRASHED)
		n->panicked = true;
	else if (event == VIR_DOMAIN_EVENT_UNDEFINED)
		n->undefined = detail == VIR_DOMAIN_EVENT_UNDEFINED_REMOVED;
	else if (event == VIR_DOMAIN_EVENT_DEFINED && detail == VIR_DOMAIN_EVENT_DEFINED_RENAMED)
		n->renamed = true;
	else if (event == VIR_DOMAIN_EVENT_DEFINED)
		n->undefined = false;
	/* started, paused, resumed: the step asks for the state when it wakes up */
	ear_unlock(opaque);
	return 0;
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
	struct lvdom *d = opaque;
	struct vm_news *n;

	(void)conn, (void)dom;
	if (d->monitor >= 0) /* QEMU's own RESET says more, and when */
		return;
	n = ear_lock(d->ear);
	n->resets++;
	n->reset_ns = clock_mono_ns();
	ear_unlock(d->ear);
}

static void on_watchdog(virConnectPtr conn, virDomainPtr dom, int action, void *opaque)
{
	struct lvdom *d = opaque;

	(void)conn, (void)dom, (void)action;
	ear_lock(d->ear)->watchdog = true;
	ear_unlock(d->ear);
}

static void on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias,
	int action, const char *reason, void *opaque)
{
	struct lvdom *d = opaque;
	struct vm_news *n = ear_lock(d->ear);
	char text[sizeof(n->words)];

	(void)conn, (void)dom, (void)action;
	snprintf(text, sizeof(text), "I/O error on %s (%s) %s", path ? path : "?",
		alias ? alias : "?", reason ? reason : "");
	str_printable(n->words, sizeof(n->words), text, strlen(text));
	ear_unlock(d->ear);
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state, int reason, void *opaque)
{
	struct lvdom *d = opaque;
	bool up = state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED;

	(void)conn, (void)dom, (void)reason;
	ear_lock(d->ear)->agent_up_ns = up ? clock_mono_ns() : 0;
	ear_unlock(d->ear);
}

static void on_monitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
	unsigned micros, const char *details, void *opaque)
{
	int64_t wall_ns = seconds > 0 ? seconds * NS_PER_S + micros * INT64_C(1000) : 0;

	(void)conn, (void)dom;
	ear_qemu_event(opaque, event, wall_ns, details);
}

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
	static const char *const words[] = {
		[VIR_CONNECT_CLOSE_REASON_ERROR] = "an I/O error",
		[VIR_CONNECT_CLOSE_REASON_EOF] = "libvirtd closed it",
		[VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirtd did not answer for 30 s",
		[VIR_CONNECT_CLOSE_REASON_CLIENT] = "closed by us",
	};
	struct vm_news *n = ear_lock(opaque);

	(void)conn;
	n->lost = true;
	n->silent = reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE;
	if (reason >= 0 && (size_t)reason < ARRAY_SIZE(words))
		str_set(n->words, words[reason]);
	ear_unlock(opaque);
}

static const struct {
	int id;
	virConnectDomainEventGenericCallback hear;
	bool ear_only; /* its opaque is the ear, not the lvdom */
} events[EVENTS_MAX] = {
	{VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), true},
	{VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot), false},
	{VIR_DOMAIN_EVENT_ID_WATCHDOG, VIR_DOMAIN_EVENT_CALLBACK(on_watchdog), false},
	{VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error), false},
	{VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent), false},
};

/* What it does of itself must be heard: a lane that is deaf to that would blame the wrong one. */
static int listen_to(struct lvdom *d, struct err *err)
{
	char words[200];
	size_t i;

	if (d->real)
		d->monitor = virConnectDomainQemuMonitorEventRegister(
			d->conn, d->dom, NULL, on_monitor, d->ear, NULL, 0);
	for (i = 0; i < EVENTS_MAX; i++) {
		d->events[i] = virConnectDomainEventRegisterAny(d->conn, d->dom, events[i].id,
			events[i].hear, events[i].ear_only ? (void *)d->ear : d, NULL);
		if (d->events[i] >= 0 || events[i].id != VIR_DOMAIN_EVENT_ID_LIFECYCLE)
			continue;
		str_printable(words, sizeof(words), virGetLastErrorMessage(),
			strcspn(virGetLastErrorMessage(), "\n"));
		return err_set(
			err, ERR_IO, 0, "libvirt does not tell what its domains do: %s", words);
	}
	/* test:/// has neither */
	virConnectRegisterCloseCallback(d->conn, on_close, d->ear, NULL);
	virConnectSetKeepAlive(d->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	return 0;
}

static const struct {
	int code;
	enum lv_kind kind;
} kinds[] = {
	{VIR_ERR_ACCESS_DENIED, LV_DENIED},
	{VIR_ERR_AGENT_UNRESPONSIVE, LV_AGENT},
	{VIR_ERR_AGENT_UNSYNCED, LV_AGENT},
	{VIR_ERR_AUTH_CANCELLED, LV_DENIED},
	{VIR_ERR_AUTH_FAILED, LV_DENIED},
	{VIR_ERR_AUTH_UNAVAILABLE, LV_DENIED},
	{VIR_ERR_CONFIG_UNSUPPORTED, LV_CONFIG},
	{VIR_ERR_NO_DOMAIN, LV_CONFIG},
	{VIR_ERR_NO_NETWORK, LV_CONFIG},
	{VIR_ERR_NO_SECRET, LV_CONFIG},
	{VIR_ERR_NO_STORAGE_POOL, LV_CONFIG},
	{VIR_ERR_NO_STORAGE_VOL, LV_CONFIG},
	{VIR_ERR_NO_SUPPORT, LV_CONFIG},
	{VIR_ERR_OPERATION_DENIED, LV_DENIED},
	{VIR_ERR_OPERATION_INVALID, LV_CONFIG},
	/* qemu_domainjob.c: "cannot acquire state change lock (held by ...)", after 30 s */
	{VIR_ERR_OPERATION_TIMEOUT, LV_BUSY},
	{VIR_ERR_RESOURCE_BUSY, LV_CONFIG},
	{VIR_ERR_RPC, LV_LOST},
	{VIR_ERR_SYSTEM_ERROR, LV_SYSTEM},
	{VIR_ERR_XML_DETAIL, LV_CONFIG},
	{VIR_ERR_XML_ERROR, LV_CONFIG},
};

/* What the last failed call of this thread left. `d` may be NULL. Returns -1. */
static int last_error(struct lvdom *d, struct lv_error *why)
{
	virErrorPtr e = virGetLastError();
	size_t i;

	*why = (struct lv_error){.words = "libvirt gives no reason"};
	if (e != NULL && e->message != NULL)
		str_printable(
			why->words, sizeof(why->words), e->message, strcspn(e->message, "\n"));
	for (i = 0; e != NULL && i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].code == e->code)
			why->kind = kinds[i].kind;
	why->vague = e != NULL &&
		(e->code == VIR_ERR_INTERNAL_ERROR || e->code == VIR_ERR_OPERATION_FAILED);
	if (d != NULL &&
		((e != NULL && e->domain == VIR_FROM_RPC) || ear_take(d->ear).lost ||
			virConnectIsAlive(d->conn) == 0))
		why->kind = LV_LOST;
	return -1;
}

static int open_failed(const char *uri, struct err *err)
{
	struct lv_error why;

	last_error(NULL, &why);
	if (why.kind == LV_DENIED || strstr(why.words, "Permission denied") != NULL ||
		strstr(why.words, "polkit") != NULL) {
		err_set(err, ERR_REFUSED, 0, "no permission to use libvirt at %s: %s", uri,
			why.words);
		return err_hint(err, "run as root, or as a member of the group 'libvirt'");
	}
	err_set(err, ERR_ABSENT, 0, "no libvirt at %s: %s", uri, why.words);
	if (str_starts(uri, "test:///") && !str_eq(uri, "test:///default"))
		return err_hint(err, "test:///PATH needs a readable file with <node>...</node>");
	return err_hint(err,
		"start it: `systemctl start libvirtd` (or virtqemud.socket); Debian's package is "
		"libvirt-daemon-system");
}

static int no_domain(virConnectPtr conn, const char *uri, const char *domain, struct err *err)
{
	virDomainPtr *all = NULL;
	const char **names, *near;
	int i, n = virConnectListAllDomains(conn, &all, 0);

	err_set(err, ERR_ABSENT, 0, "no domain '%s' at %s", domain, uri);
	if (n <= 0)
		return err_hint(err, "%s", n == 0 ? "no domain is defined there" : "");
	names = xcalloc((size_t)n + 1, sizeof(*names));
	for (i = 0; i < n && i < DOMAINS_MAX; i++)
		names[i] = virDomainGetName(all[i]);
	near = nearest_word(domain, names);
	if (near != NULL)
		err_hint(err, "did you mean '%s'?", near);
	else
		err_hint(err, "`virsh -c %s list --all` shows what there is", uri);
	for (i = 0; i < n; i++)
		virDomainFree(all[i]);
	free(all);
	free(names);
	return -1;
}

/* Equal, whatever the case and the dashes: machine-id has none. */
static bool same_uuid(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, "-");
		b += strspn(b, "-");
		if (*a == '\0' || strncasecmp(a, b, 1) != 0)
			return *a == *b;
	}
}

/* The machine's own ids, from which libvirtd takes its host UUID (host_uuid_source). */
static bool is_own_uuid(const struct host *host, const char *uuid)
{
	static const char *const files[] = {"/sys/class/dmi/id/product_uuid", "/etc/machine-id"};
	char own[64];
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (host_read(host, files[i], own, sizeof(own), &err) == 0 && *own != '\0' &&
			same_uuid(own, uuid))
			return true;
	return false;
}

static bool same_host_name(const char *a, const char *b)
{
	size_t la = strcspn(a, "."), lb = strcspn(b, ".");

	return la == lb && strncasecmp(a, b, la) == 0;
}

/*
 * A forwarded socket makes a foreign libvirtd look local; the *local* device of its domain's
 * address would then be reset. Same UUID or same host name; both differing is a foreign machine.
 */
static int prove_local(struct lvdom *d, const struct host *host, const char *uri, struct err *err)
{
	char *caps = virConnectGetCapabilities(d->conn), *theirs;
	char uuid[64] = "", own[HOST_NAME_MAX + 1] = "";
	const char *at = caps ? strstr(caps, "<uuid>") : NULL;
	bool local;

	if (at != NULL)
		snprintf(uuid, sizeof(uuid), "%.*s", (int)strcspn(at + 6, "<"), at + 6);
	free(caps);
	if (is_own_uuid(host, uuid))
		return 0;
	gethostname(own, sizeof(own) - 1);
	theirs = virConnectGetHostname(d->conn);
	local = theirs == NULL || same_host_name(own, theirs);
	if (!local) {
		err_set(err, ERR_REFUSED, 0, "libvirt at %s is of host '%s' (%s), this is '%s'",
			uri, theirs, uuid, own);
		err_hint(err, "resets and kernel logs are local: run on '%s'", theirs);
	}
	free(theirs);
	return local ? 0 : -1;
}

/* False: it vanished in the meantime. */
static bool describe(virDomainPtr dom, struct arena *arena, struct vmlist_domain *out)
{
	unsigned flags = virDomainIsPersistent(dom) == 1 ? VIR_DOMAIN_XML_INACTIVE : 0;
	char *xml = virDomainGetXMLDesc(dom, flags);
	const char *name = virDomainGetName(dom);
	int autostart = 0;

	if (xml == NULL || name == NULL) {
		free(xml);
		return false;
	}
	virDomainGetAutostart(dom, &autostart);
	*out = (struct vmlist_domain){
		.name = arena_strdup(arena, name),
		.xml = arena_strdup(arena, xml),
		.state_known = true,
		.active = virDomainIsActive(dom) == 1,
		.autostart = autostart == 1,
	};
	free(xml);
	return true;
}

static int list_all(struct lvdom *d, const struct host *host, const char *uri, struct arena *arena,
	struct vmlist *out, struct err *err)
{
	virDomainPtr *all = NULL;
	struct lv_error why;
	int i, n;

	d->real = str_starts(uri, "qemu:");
	if (d->real && prove_local(d, host, uri, err) != 0)
		return -1;
	n = virConnectListAllDomains(d->conn, &all, 0);
	if (n < 0) {
		last_error(NULL, &why);
		return err_set(err, ERR_IO, 0, "list the domains of %s: %s", uri, why.words);
	}
	lvdom_versions(d, out->libvirt, out->qemu);
	out->v = arena_alloc(arena, ((size_t)n + 1) * sizeof(*out->v));
	out->n = 0;
	for (i = 0; i < n; i++) {
		if (out->n < VMLIST_MAX && describe(all[i], arena, &out->v[out->n]))
			out->n++;
		virDomainFree(all[i]);
	}
	free(all);
	return 0;
}

int lvdom_list(const struct host *host, const char *uri, struct arena *arena, struct vmlist *out,
	struct err *err)
{
	struct lvdom d = {0};
	int rc;

	virSetErrorFunc(NULL, silent);
	d.conn = virConnectOpenReadOnly(uri);
	if (d.conn == NULL)
		return open_failed(uri, err);
	rc = list_all(&d, host, uri, arena, out, err);
	virConnectClose(d.conn);
	return rc;
}

static int connect_to(struct lvdom *d, const struct host *host, const char *uri, const char *name,
	struct err *err)
{
	d->conn = virConnectOpen(uri);
	if (d->conn == NULL)
		return open_failed(uri, err);
	d->real = str_starts(uri, "qemu:");
	if (d->real && prove_local(d, host, uri, err) != 0)
		return -1;
	d->dom = virDomainLookupByName(d->conn, name);
	if (d->dom == NULL)
		return no_domain(d->conn, uri, name, err);
	if (virDomainGetUUIDString(d->dom, d->uuid) != 0)
		d->uuid[0] = '\0';
	return listen_to(d, err);
}

int lvdom_open(const struct host *host, const char *uri, const char *name, struct vm_ear *ear,
	struct lvdom **out, struct err *err)
{
	struct lvdom *d = xcalloc(1, sizeof(*d));

	d->ear = ear;
	d->monitor = -1;
	memset(d->events, -1, sizeof(d->events));
	d->holds_loop = loop_hold(err) == 0;
	if (!d->holds_loop || connect_to(d, host, uri, name, err) != 0) {
		lvdom_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

static void stop_listening(struct lvdom *d)
{
	size_t i;

	for (i = 0; i < EVENTS_MAX; i++)
		if (d->events[i] >= 0)
			virConnectDomainEventDeregisterAny(d->conn, d->events[i]);
	if (d->monitor >= 0)
		virConnectDomainQemuMonitorEventDeregister(d->conn, d->monitor);
	virConnectUnregisterCloseCallback(d->conn, on_close);
}

void lvdom_close(struct lvdom *d)
{
	if (d == NULL)
		return;
	if (d->dom != NULL) {
		stop_listening(d);
		virDomainFree(d->dom);
	}
	if (d->conn != NULL)
		virConnectClose(d->conn);
	if (d->holds_loop)
		loop_drop();
	free(d);
}

bool lvdom_real(const struct lvdom *d)
{
	return d->real;
}

const char *lvdom_uuid(const struct lvdom *d)
{
	return d->uuid;
}

bool lvdom_persistent(struct lvdom *d)
{
	return virDomainIsPersistent(d->dom) == 1;
}

bool lvdom_managed_save(struct lvdom *d)
{
	return virDomainHasManagedSaveImage(d->dom, 0) == 1;
}

static void version_text(unsigned long v, char buf[24])
{
	if (v == 0)
		buf[0] = '\0';
	else
		snprintf(buf, 24, "%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

void lvdom_versions(struct lvdom *d, char libvirt[24], char hypervisor[24])
{
	unsigned long lib = 0, hv = 0;

	if (virConnectGetLibVersion(d->conn, &lib) != 0)
		lib = 0;
	if (!d->real || virConnectGetVersion(d->conn, &hv) != 0)
		hv = 0;
	version_text(lib, libvirt);
	version_text(hv, hypervisor);
}

/* A row per state of libvirt's; what has none runs. */
static const struct {
	int state, reason; /* reason -1 = any */
	enum vm_state means;
	struct vm_actual actual;
} states[] = {
	{VIR_DOMAIN_SHUTOFF, -1, VM_STATE_OFF, {.off = true}},
	/* the guest is off, QEMU not yet */
	{VIR_DOMAIN_SHUTDOWN, -1, VM_STATE_RUNNING, {.off = true}},
	{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SHUTTING_DOWN, VM_STATE_PAUSED, {.off = true}},
	{VIR_DOMAIN_CRASHED, -1, VM_STATE_CRASHED, {.paused = true, .pause = PAUSE_PANIC}},
	{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_CRASHED, VM_STATE_PAUSED,
		{.paused = true, .pause = PAUSE_PANIC}},
	{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, VM_STATE_PAUSED,
		{.paused = true, .pause = PAUSE_ERROR}},
	/* VFIO's "Unrecoverable error detected" shows as this (vfio_err_notifier_handler) */
	{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VM_STATE_PAUSED,
		{.paused = true, .pause = PAUSE_ERROR}},
	{VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG, VM_STATE_PAUSED,
		{.paused = true, .pause = PAUSE_WATCHDOG}},
	{VIR_DOMAIN_PAUSED, -1, VM_STATE_PAUSED, {.paused = true, .pause = PAUSE_USER}},
	{VIR_DOMAIN_PMSUSPENDED, -1, VM_STATE_PAUSED, {.paused = true, .pause = PAUSE_GUEST}},
};

int lvdom_state(
	struct lvdom *d, enum vm_state *state, struct vm_actual *actual, struct lv_error *why)
{
	int s = VIR_DOMAIN_SHUTOFF, reason = 0;
	virErrorPtr e;
	size_t i;

	if (virDomainGetState(d->dom, &s, &reason, 0) != 0) {
		e = virGetLastError();
		if (e == NULL || e->code != VIR_ERR_NO_DOMAIN)
			return last_error(d, why);
		s = VIR_DOMAIN_SHUTOFF;
	}
	*state = VM_STATE_RUNNING;
	*actual = (struct vm_actual){0};
	for (i = 0; i < ARRAY_SIZE(states); i++) {
		if (states[i].state != s || (states[i].reason != -1 && states[i].reason != reason))
			continue;
		*state = states[i].means;
		*actual = states[i].actual;
		break;
	}
	return 0;
}

int lvdom_xml(struct lvdom *d, bool inactive, char **xml_out, struct lv_error *why)
{
	char *xml = virDomainGetXMLDesc(d->dom, inactive ? VIR_DOMAIN_XML_INACTIVE : 0);

	if (xml == NULL)
		return last_error(d, why);
	*xml_out = xml;
	return 0;
}

/* These two take no flags. */
static int suspend(virDomainPtr dom, unsigned flags)
{
	(void)flags;
	return virDomainSuspend(dom);
}

static int resume(virDomainPtr dom, unsigned flags)
{
	(void)flags;
	return virDomainResume(dom);
}

static const struct {
	const char *name;
	int (*fn)(virDomainPtr dom, unsigned flags);
	unsigned flags;
} calls[] = {
	[LV_START] = {"start", virDomainCreateWithFlags, 0},
	[LV_START_PAUSED] = {"start", virDomainCreateWithFlags, VIR_DOMAIN_START_PAUSED},
	[LV_DESTROY] = {"destroy", virDomainDestroyFlags, 0},
	[LV_SUSPEND] = {"suspend", suspend, 0},
	[LV_RESUME] = {"resume", resume, 0},
	[LV_RESET] = {"reset", virDomainReset, 0},
	[LV_REBOOT] = {"reboot", virDomainReboot, 0},
	[LV_REBOOT_ACPI] = {"reboot", virDomainReboot, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN},
	[LV_REBOOT_AGENT] = {"reboot", virDomainReboot, VIR_DOMAIN_REBOOT_GUEST_AGENT},
	[LV_SHUTDOWN] = {"shutdown", virDomainShutdownFlags, 0},
	[LV_SHUTDOWN_ACPI] = {"shutdown", virDomainShutdownFlags,
		VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN},
	[LV_SHUTDOWN_AGENT] = {"shutdown", virDomainShutdownFlags, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT},
};

const char *lv_call_name(enum lv_call call)
{
	return calls[call].name;
}

int lvdom_call(struct lvdom *d, enum lv_call call, struct lv_error *why)
{
	return calls[call].fn(d->dom, calls[call].flags) == 0 ? 0 : last_error(d, why);
}

int lvdom_agent(
	struct lvdom *d, const char *command, int timeout_s, char **reply_out, struct lv_error *why)
{
	char *reply = virDomainQemuAgentCommand(d->dom, command, timeout_s, 0);

	if (reply == NULL)
		return last_error(d, why);
	*reply_out = reply;
	return 0;
}
