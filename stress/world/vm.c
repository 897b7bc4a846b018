/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm.h"

#include "base/clock.h"
#include "base/diags.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"
#include "world/qemulog.h"
#include "world/qemuproc.h"
#include "world/vfiogroup.h"
#include "world/vm_news.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEPALIVE_S     5 /* a question every 5 s; lost after 6 without answer */
#define KEEPALIVE_COUNT 6
#define NEWS_GRACE_NS   (2 * NS_PER_S) /* libvirt's word about why a dead QEMU is dead */
#define GROUP_POLL_MS   20 /* nothing announces that a VFIO group is free */
#define DOMAINS_MAX     4096 /* names looked through for "did you mean" */
#define WAIT_FDS_MAX    8
#define HEARD_MAX       8 /* kinds of events we register for */

struct vm {
	const struct host *host;
	char uri[64], name[DOMDEF_NAME_MAX], uuid[VIR_UUID_STRING_BUFLEN];
	char log_path[DOMDEF_PATH_MAX];
	virConnectPtr conn;
	virDomainPtr dom;
	bool real; /* QEMU behind it */
	bool loop; /* we hold the event loop */
	int heard[HEARD_MAX], monitor; /* callback ids, -1 = none */
	struct vm_ear *ear;
	struct vm_found found;
	struct domdef def;
	struct qemuproc proc;
	enum vm_expect expect;
	uint64_t judged; /* news.count of the last vm_check that found nothing */
	unsigned resets_known, mark_resets;
	int64_t mark_ns;
	int64_t log_start; /* size of QEMU's log when this life began */
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

static void wake_loop(int timer, void *opaque)
{
	(void)opaque;
	virEventRemoveTimeout(timer);
}

static void *run_loop(void *arg)
{
	(void)arg;
	while (!loop.stop)
		if (virEventRunDefaultImpl() < 0)
			break;
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

/* --- what libvirt tells, in the event thread */

static enum stop_cause stop_cause(int detail)
{
	switch (detail) {
	case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
		return STOP_GUEST;
	case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
		return STOP_DESTROYED;
	case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
		return STOP_CRASHED;
	case VIR_DOMAIN_EVENT_STOPPED_SAVED:
		return STOP_SAVED;
	case VIR_DOMAIN_EVENT_STOPPED_FAILED:
		return STOP_FAILED;
	default:
		return STOP_OTHER;
	}
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
	struct vm_news *n = ear_lock(opaque);

	(void)conn, (void)dom;
	switch (event) {
	case VIR_DOMAIN_EVENT_STOPPED:
		n->stopped = stop_cause(detail);
		break;
	case VIR_DOMAIN_EVENT_SHUTDOWN:
		if (detail == VIR_DOMAIN_EVENT_SHUTDOWN_GUEST)
			n->guest_off = true;
		break;
	case VIR_DOMAIN_EVENT_CRASHED:
		n->panicked = true;
		break;
	case VIR_DOMAIN_EVENT_UNDEFINED:
		n->undefined = detail == VIR_DOMAIN_EVENT_UNDEFINED_REMOVED;
		break;
	case VIR_DOMAIN_EVENT_DEFINED:
		n->undefined = false;
		break;
	default: /* started, paused, resumed: the state is asked for when the step looks */
		break;
	}
	ear_unlock(opaque);
	return 0;
}

static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
	struct vm *vm = opaque;
	struct vm_news *n;

	(void)conn, (void)dom;
	if (vm->monitor >= 0) /* QEMU's own RESET says more, and when */
		return;
	n = ear_lock(vm->ear);
	n->resets++;
	n->reset_ns = clock_mono_ns();
	ear_unlock(vm->ear);
}

static void on_watchdog(virConnectPtr conn, virDomainPtr dom, int action, void *opaque)
{
	(void)conn, (void)dom, (void)action;
	ear_lock(opaque)->watchdog = true;
	ear_unlock(opaque);
}

static void on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias,
	int action, const char *reason, void *opaque)
{
	struct vm_news *n = ear_lock(opaque);
	char text[sizeof(n->words)];

	(void)conn, (void)dom, (void)action;
	snprintf(text, sizeof(text), "I/O error on %s (%s) %s", path ? path : "?",
		alias ? alias : "?", reason ? reason : "");
	str_printable(n->words, sizeof(n->words), text, strlen(text));
	ear_unlock(opaque);
}

static void on_agent(virConnectPtr conn, virDomainPtr dom, int state, int reason, void *opaque)
{
	struct vm_news *n = ear_lock(opaque);

	(void)conn, (void)dom, (void)reason;
	n->agent_up_ns = state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
		? clock_mono_ns()
		: 0;
	ear_unlock(opaque);
}

static void on_monitor(virConnectPtr conn, virDomainPtr dom, const char *event, long long seconds,
	unsigned micros, const char *details, void *opaque)
{
	(void)conn, (void)dom;
	ear_qemu_event(opaque, event, seconds > 0 ? seconds * NS_PER_S + micros * INT64_C(1000) : 0,
		details);
}

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
	static const char *const words[] = {[VIR_CONNECT_CLOSE_REASON_ERROR] = "an I/O error",
		[VIR_CONNECT_CLOSE_REASON_EOF] = "libvirtd closed it",
		[VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirtd did not answer for 30 s",
		[VIR_CONNECT_CLOSE_REASON_CLIENT] = "closed by us"};
	struct vm_news *n = ear_lock(opaque);

	(void)conn;
	n->lost = true;
	if (reason >= 0 && (size_t)reason < sizeof(words) / sizeof(words[0]))
		str_set(n->words, words[reason]);
	ear_unlock(opaque);
}

static void listen(struct vm *vm)
{
	const struct {
		int id;
		virConnectDomainEventGenericCallback cb;
		void *opaque;
	} wanted[HEARD_MAX] = {
		{VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle), vm->ear},
		{VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot), vm},
		{VIR_DOMAIN_EVENT_ID_WATCHDOG, VIR_DOMAIN_EVENT_CALLBACK(on_watchdog), vm->ear},
		{VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error),
			vm->ear},
		{VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent), vm->ear},
	};
	size_t i;

	if (vm->real)
		vm->monitor = virConnectDomainQemuMonitorEventRegister(
			vm->conn, vm->dom, NULL, on_monitor, vm->ear, NULL, 0);
	for (i = 0; i < HEARD_MAX; i++)
		vm->heard[i] = wanted[i].cb == NULL
			? -1
			: virConnectDomainEventRegisterAny(vm->conn, vm->dom, wanted[i].id,
				  wanted[i].cb, wanted[i].opaque, NULL);
	/* test:/// has neither; a lost connection then shows by failing calls */
	virConnectRegisterCloseCallback(vm->conn, on_close, vm->ear, NULL);
	virConnectSetKeepAlive(vm->conn, KEEPALIVE_S, KEEPALIVE_COUNT);
}

/* --- libvirt's errors */

/* Copies libvirt's words about the last failed call; returns its code (VIR_ERR_*). */
static int last_words(char *buf, size_t size)
{
	virErrorPtr e = virGetLastError();

	if (e == NULL || e->message == NULL) {
		str_copy(buf, size, "libvirt gives no reason");
		return VIR_ERR_INTERNAL_ERROR;
	}
	str_printable(buf, size, e->message, strcspn(e->message, "\n"));
	return e->code;
}

static bool connection_lost(struct vm *vm)
{
	virErrorPtr e = virGetLastError();

	if (ear_take(vm->ear).lost)
		return true;
	if (e != NULL && (e->domain == VIR_FROM_RPC || e->code == VIR_ERR_RPC))
		return true;
	return virConnectIsAlive(vm->conn) == 0;
}

/* A libvirt call failed: why, in its own words and, where these are vague, in QEMU's. */
static enum vm_why call_failed(struct vm *vm, enum vm_why why, const char *call, struct err *err)
{
	char words[300], log[240] = "";

	last_words(words, sizeof(words));
	if (connection_lost(vm))
		return vm_say(err, VM_LIBVIRT_LOST, "%s: %s", call, words);
	if (str_starts(words, "internal error") || str_starts(words, "operation failed"))
		qemulog_words(vm->log_path, vm->log_start, log, sizeof(log));
	return vm_say(err, why, "%s: %s%s%s", call, words, *log ? "; QEMU's log: " : "", log);
}

static bool names_a_device(const struct vm *vm, const char *words)
{
	char bdf[BDF_LEN];
	size_t i;

	for (i = 0; i < vm->def.nhostdevs; i++)
		if (strstr(words, bdf_text(vm->def.hostdevs[i].bdf, bdf)) != NULL)
			return true;
	return strstr(words, "/sys/bus/pci/") != NULL || strstr(words, "vfio") != NULL;
}

/* Codes that say: the configuration or the environment, not a device, keeps the domain from starting. */
static const int not_the_device[] = {
	VIR_ERR_ACCESS_DENIED,
	VIR_ERR_AUTH_CANCELLED,
	VIR_ERR_AUTH_FAILED,
	VIR_ERR_AUTH_UNAVAILABLE,
	VIR_ERR_CONFIG_UNSUPPORTED,
	VIR_ERR_NO_DOMAIN,
	VIR_ERR_NO_NETWORK,
	VIR_ERR_NO_SECRET,
	VIR_ERR_NO_STORAGE_POOL,
	VIR_ERR_NO_STORAGE_VOL,
	VIR_ERR_NO_SUPPORT,
	VIR_ERR_OPERATION_DENIED,
	VIR_ERR_OPERATION_INVALID,
	VIR_ERR_RESOURCE_BUSY,
	VIR_ERR_SYSTEM_ERROR,
	VIR_ERR_XML_DETAIL,
	VIR_ERR_XML_ERROR,
};

static enum vm_why start_failed(struct vm *vm, struct err *err)
{
	char words[300];
	int code = last_words(words, sizeof(words));
	size_t i;

	/* system errors about a device in sysfs are the device's: it is gone, or does not bind */
	if (code == VIR_ERR_SYSTEM_ERROR && names_a_device(vm, words))
		return call_failed(vm, VM_START_FAILED, "start", err);
	for (i = 0; i < sizeof(not_the_device) / sizeof(not_the_device[0]); i++)
		if (not_the_device[i] == code)
			return call_failed(vm, VM_CANNOT_START, "start", err);
	return call_failed(vm, VM_START_FAILED, "start", err);
}

/* --- opening */

int vm_uri_check(const char *uri, struct err *err)
{
	if (str_eq(uri, "qemu:///system") || str_eq(uri, "qemu:///session") ||
		str_starts(uri, "test:///"))
		return 0;
	err_set(err, ERR_INPUT, 0, "'%s' is not a local libvirt connection", uri);
	return err_hint(err,
		"resets and kernel logs are local: use qemu:///system, qemu:///session or "
		"test:///... "
		"on the machine itself");
}

static int open_failed(const char *uri, struct err *err)
{
	char words[300];
	int code = last_words(words, sizeof(words));

	if (strstr(words, "Permission denied") != NULL || strstr(words, "polkit") != NULL ||
		code == VIR_ERR_AUTH_FAILED || code == VIR_ERR_AUTH_UNAVAILABLE ||
		code == VIR_ERR_AUTH_CANCELLED || code == VIR_ERR_ACCESS_DENIED) {
		err_set(err, ERR_REFUSED, 0, "no permission to use libvirt at %s: %s", uri, words);
		return err_hint(err, "run as root, or as a member of the group 'libvirt'");
	}
	err_set(err, ERR_ABSENT, 0, "no libvirt at %s: %s", uri, words);
	if (str_starts(uri, "test:///") && !str_eq(uri, "test:///default"))
		return err_hint(err, "test:///PATH needs a readable file with <node>...</node>");
	return err_hint(err, "start it: `systemctl start libvirtd` (or virtqemud.socket)");
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

/* The machine's own ids, as libvirtd takes its host UUID from them (host_uuid_source). */
static bool is_own_uuid(const struct host *host, const char *uuid)
{
	static const char *const files[] = {"/sys/class/dmi/id/product_uuid", "/etc/machine-id"};
	char own[64], flat[2][40];
	struct err err;
	size_t i, k;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const char *both[2] = {own, uuid};

		if (host_read(host, files[i], own, sizeof(own), &err) != 0)
			continue;
		for (k = 0; k < 2; k++) { /* machine-id has no dashes */
			const char *s = both[k];
			size_t n = 0;

			for (; *s != '\0' && n + 1 < sizeof(flat[k]); s++)
				if (*s != '-')
					flat[k][n++] = *s;
			flat[k][n] = '\0';
		}
		if (strcasecmp(flat[0], flat[1]) == 0)
			return true;
	}
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
static int prove_local(struct vm *vm, struct err *err)
{
	char *caps = virConnectGetCapabilities(vm->conn), *theirs;
	char uuid[64] = "", own[HOST_NAME_MAX + 1] = "";
	const char *at = caps ? strstr(caps, "<uuid>") : NULL;
	bool local;

	if (at != NULL)
		snprintf(uuid, sizeof(uuid), "%.*s", (int)strcspn(at + 6, "<"), at + 6);
	free(caps);
	if (is_own_uuid(vm->host, uuid))
		return 0;
	gethostname(own, sizeof(own) - 1);
	theirs = virConnectGetHostname(vm->conn);
	local = theirs == NULL || same_host_name(own, theirs);
	if (!local) {
		err_set(err, ERR_REFUSED, 0, "libvirt at %s is of host '%s' (%s), this is '%s'",
			vm->uri, theirs, uuid, own);
		err_hint(err, "resets and kernel logs are local: run on '%s'", theirs);
	}
	free(theirs);
	return local ? 0 : -1;
}

static int read_def(struct vm *vm, unsigned flags, struct domdef *out, struct err *err)
{
	char *xml = virDomainGetXMLDesc(vm->dom, flags);
	int res;

	if (xml == NULL) {
		char words[300];

		last_words(words, sizeof(words));
		return err_set(err, ERR_IO, 0, "definition of domain '%s': %s", vm->name, words);
	}
	res = domdef_parse(xml, strlen(xml), out, err);
	free(xml);
	return res == 0 ? 0 : err_wrap(err, "definition of domain '%s'", vm->name);
}

static void set_log_path(struct vm *vm)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[HOST_PATH_MAX] = "";

	if (str_eq(vm->uri, "qemu:///system"))
		host_path(vm->host, path, "/var/log/libvirt/qemu/%s.log", vm->name);
	else if (vm->real && cache != NULL)
		host_path(vm->host, path, "%s/libvirt/qemu/log/%s.log", cache, vm->name);
	else if (vm->real && home != NULL)
		host_path(vm->host, path, "%s/.cache/libvirt/qemu/log/%s.log", home, vm->name);
	str_set(vm->log_path, path);
}

/* State and cause of a pause, straight from libvirt. */
static int ask_state(struct vm *vm, enum vm_state *state, struct vm_actual *actual)
{
	int s, reason;

	if (virDomainGetState(vm->dom, &s, &reason, 0) != 0)
		return -1;
	*actual = (struct vm_actual){.pause = PAUSE_ERROR};
	*state = VM_STATE_RUNNING;
	switch (s) {
	case VIR_DOMAIN_SHUTOFF:
		actual->off = true;
		*state = VM_STATE_OFF;
		break;
	case VIR_DOMAIN_SHUTDOWN: /* the guest is off, QEMU not yet */
		actual->off = true;
		break;
	case VIR_DOMAIN_CRASHED:
		actual->paused = true;
		actual->pause = PAUSE_PANIC;
		*state = VM_STATE_CRASHED;
		break;
	case VIR_DOMAIN_PMSUSPENDED:
	case VIR_DOMAIN_PAUSED:
		actual->off = reason == VIR_DOMAIN_PAUSED_SHUTTING_DOWN;
		actual->paused = true;
		*state = VM_STATE_PAUSED;
		break;
	default:
		break;
	}
	if (s == VIR_DOMAIN_PAUSED && reason != VIR_DOMAIN_PAUSED_UNKNOWN)
		actual->pause = reason == VIR_DOMAIN_PAUSED_IOERROR ? PAUSE_IO_ERROR
			: reason == VIR_DOMAIN_PAUSED_WATCHDOG      ? PAUSE_WATCHDOG
			: reason == VIR_DOMAIN_PAUSED_CRASHED       ? PAUSE_PANIC
								    : PAUSE_USER;
	return 0;
}

static int look_around(struct vm *vm, struct err *err)
{
	struct vm_actual actual;

	vm->found.persistent = virDomainIsPersistent(vm->dom) == 1;
	vm->found.managed_save = virDomainHasManagedSaveImage(vm->dom, 0) == 1;
	if (ask_state(vm, &vm->found.state, &actual) != 0) {
		char words[300];

		last_words(words, sizeof(words));
		return err_set(err, ERR_IO, 0, "state of domain '%s': %s", vm->name, words);
	}
	vm->expect = vm->found.state == VM_STATE_OFF  ? EXPECT_OFF
		: vm->found.state == VM_STATE_RUNNING ? EXPECT_RUNNING
						      : EXPECT_PAUSED;
	if (vm->real && vm->found.state != VM_STATE_OFF &&
		qemuproc_find(vm->host, vm->name, vm->uuid, &vm->proc, err) != 0) {
		err->code = ERR_REFUSED;
		return err_hint(err, "%s", vm_why_row(VM_QEMU_NOT_FOUND)->advice);
	}
	if (read_def(vm, vm->found.persistent ? VIR_DOMAIN_XML_INACTIVE : 0, &vm->def, err) != 0)
		return -1;
	vm->log_start = qemulog_size(vm->log_path);
	return 0;
}

static int connect_to(struct vm *vm, const char *domain, struct err *err)
{
	vm->conn = virConnectOpen(vm->uri);
	if (vm->conn == NULL)
		return open_failed(vm->uri, err);
	vm->real = str_starts(vm->uri, "qemu:");
	if (vm->real && prove_local(vm, err) != 0)
		return -1;
	vm->dom = virDomainLookupByName(vm->conn, domain);
	if (vm->dom == NULL)
		return no_domain(vm->conn, vm->uri, domain, err);
	if (virDomainGetUUIDString(vm->dom, vm->uuid) != 0)
		vm->uuid[0] = '\0';
	set_log_path(vm);
	listen(vm); /* before the first look, so that nothing falls between */
	return look_around(vm, err);
}

int vm_open(const struct host *host, const char *uri, const char *domain, struct vm **out,
	struct err *err)
{
	struct vm *vm;

	if (vm_uri_check(uri, err) != 0)
		return -1;
	if (strlen(domain) >= DOMDEF_NAME_MAX)
		return err_set(err, ERR_INPUT, 0, "a domain's name is shorter than %d characters",
			DOMDEF_NAME_MAX);
	vm = xcalloc(1, sizeof(*vm));
	vm->host = host;
	vm->proc.fd = vm->monitor = -1;
	memset(vm->heard, -1, sizeof(vm->heard));
	str_set(vm->uri, uri);
	str_set(vm->name, domain);
	vm->ear = ear_new();
	vm->loop = loop_hold(err) == 0;
	if (!vm->loop || connect_to(vm, domain, err) != 0) {
		vm_close(vm);
		return -1;
	}
	*out = vm;
	return 0;
}

static void stop_listening(struct vm *vm)
{
	size_t i;

	for (i = 0; i < HEARD_MAX; i++)
		if (vm->heard[i] >= 0)
			virConnectDomainEventDeregisterAny(vm->conn, vm->heard[i]);
	if (vm->monitor >= 0)
		virConnectDomainQemuMonitorEventDeregister(vm->conn, vm->monitor);
	virConnectUnregisterCloseCallback(vm->conn, on_close);
}

void vm_close(struct vm *vm)
{
	if (vm == NULL)
		return;
	if (vm->dom != NULL) {
		stop_listening(vm);
		virDomainFree(vm->dom);
	}
	if (vm->conn != NULL)
		virConnectClose(vm->conn);
	if (vm->loop)
		loop_drop();
	qemuproc_finish(&vm->proc);
	ear_free(vm->ear);
	free(vm);
}

/* --- what it is */

const char *vm_name(const struct vm *vm)
{
	return vm->name;
}

const struct vm_found *vm_found(const struct vm *vm)
{
	return &vm->found;
}

const struct domdef *vm_def(const struct vm *vm)
{
	return &vm->def;
}

const struct domdef_hostdev *vm_hostdevs(const struct vm *vm, size_t *n_out)
{
	*n_out = vm->def.nhostdevs;
	return vm->def.hostdevs;
}

bool vm_has_qemu(const struct vm *vm)
{
	return vm->real;
}

pid_t vm_qemu_pid(const struct vm *vm)
{
	return qemuproc_alive(&vm->proc) ? vm->proc.pid : 0;
}

const char *vm_log_path(const struct vm *vm)
{
	return vm->log_path;
}

static void version_text(unsigned long v, char buf[24])
{
	if (v == 0)
		buf[0] = '\0';
	else
		snprintf(buf, 24, "%lu.%lu.%lu", v / 1000000, v / 1000 % 1000, v % 1000);
}

void vm_versions(const struct vm *vm, char libvirt[24], char qemu[24])
{
	unsigned long lib = 0, hv = 0;

	if (virConnectGetLibVersion(vm->conn, &lib) != 0)
		lib = 0;
	if (!vm->real || virConnectGetVersion(vm->conn, &hv) != 0)
		hv = 0;
	version_text(lib, libvirt);
	version_text(hv, qemu);
}

enum vm_why vm_live_def(struct vm *vm, struct domdef *out, struct err *err)
{
	if (read_def(vm, 0, out, err) == 0)
		return VM_OK;
	if (connection_lost(vm))
		return vm_say(err, VM_LIBVIRT_LOST, NULL);
	return VM_LIBVIRT_ERROR;
}

static const char *const state_names[] = {
	[VM_STATE_OFF] = "shut off",
	[VM_STATE_RUNNING] = "running",
	[VM_STATE_PAUSED] = "paused",
	[VM_STATE_CRASHED] = "crashed",
};

const char *vm_state_name(enum vm_state state)
{
	return state_names[state];
}

enum vm_state vm_state_of_name(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++)
		if (str_eq(state_names[i], name))
			return (enum vm_state)i;
	return VM_STATE_OFF;
}

enum vm_why vm_state(struct vm *vm, enum vm_state *out, struct err *err)
{
	struct vm_actual actual;

	if (ask_state(vm, out, &actual) != 0)
		return call_failed(vm, VM_LIBVIRT_ERROR, "state", err);
	return VM_OK;
}

/* --- judging and waiting */

static struct vm_news take_news(struct vm *vm)
{
	return ear_take(vm->ear);
}

/* Until the next news, or a process that dies. */
static void sleep_for_news(struct vm *vm, struct pollfd *fds, size_t nfds, int64_t deadline_ns)
{
	struct pollfd all[WAIT_FDS_MAX + 2];
	size_t i, n = nfds < WAIT_FDS_MAX ? nfds : WAIT_FDS_MAX;

	for (i = 0; i < n; i++)
		all[i] = (struct pollfd){.fd = fds[i].fd, .events = fds[i].events};
	all[n] = (struct pollfd){.fd = ear_fd(vm->ear), .events = POLLIN};
	/* a dead QEMU is news once; then its pidfd would stay readable */
	all[n + 1] = (struct pollfd){
		.fd = vm->expect == EXPECT_OFF ? -1 : vm->proc.fd, .events = POLLIN};
	poll(all, n + 2, clock_poll_ms(deadline_ns));
	for (i = 0; i < n; i++)
		fds[i].revents = all[i].revents;
}

/* Remembers what is, so that the same trouble is told once. */
static void resync(struct vm *vm, struct vm_actual actual, bool off)
{
	struct vm_news *n = ear_lock(vm->ear);

	n->panicked = n->watchdog = n->undefined = false;
	vm->resets_known = n->resets;
	vm->judged = n->count + 1;
	ear_unlock(vm->ear);
	vm->expect = off ? EXPECT_OFF : actual.paused ? EXPECT_PAUSED : EXPECT_RUNNING;
	if (off)
		qemuproc_finish(&vm->proc);
}

static enum vm_why trouble(struct vm *vm, enum vm_why why, const char *seen, struct err *err)
{
	char log[240] = "";

	if (why == VM_QEMU_DIED || why == VM_GUEST_PAUSED)
		qemulog_words(vm->log_path, vm->log_start, log, sizeof(log));
	if (*seen != '\0' && *log != '\0')
		return vm_say(err, why, "%s; QEMU's log: %s", seen, log);
	if (*seen != '\0' || *log != '\0')
		return vm_say(err, why, "%s%s", *log ? "QEMU's log: " : "", *log ? log : seen);
	return vm_say(err, why, NULL);
}

/* QEMU is dead and libvirt has not said why: it will, unless it is stuck itself. */
static struct vm_news wait_for_why(struct vm *vm)
{
	int64_t until = clock_mono_ns() + NEWS_GRACE_NS;
	struct vm_news news = take_news(vm);

	while (news.stopped == STOP_NOT && !news.guest_off && !news.lost &&
		clock_mono_ns() < until) {
		struct pollfd p = {.fd = ear_fd(vm->ear), .events = POLLIN};

		poll(&p, 1, clock_poll_ms(until));
		news = take_news(vm);
	}
	return news;
}

enum vm_why vm_check(struct vm *vm, unsigned flags, struct err *err)
{
	struct vm_news news = take_news(vm);
	bool dead = vm->proc.fd >= 0 && vm->expect != EXPECT_OFF && !qemuproc_alive(&vm->proc);
	struct vm_actual actual = {.off = true};
	enum vm_state state = VM_STATE_OFF;
	char seen[200];
	enum vm_why why;

	if (flags & VM_MAY_RESET)
		vm->resets_known = news.resets;
	if (news.count == vm->judged && !dead)
		return VM_OK;
	if (dead)
		news = wait_for_why(vm);
	else if (!news.lost && ask_state(vm, &state, &actual) != 0)
		return call_failed(vm, VM_LIBVIRT_ERROR, "state", err);
	/* a guest that is off without our doing: libvirt is about to say how it stopped */
	if (actual.off && vm->expect != EXPECT_OFF && vm->expect != EXPECT_STOPPING)
		news = wait_for_why(vm);
	why = news_judge(&news, vm->expect, actual, vm->resets_known, seen, sizeof(seen));
	if (why == VM_OK) {
		vm->judged = news.count;
		return VM_OK;
	}
	trouble(vm, why, seen, err);
	resync(vm, actual, actual.off);
	return why;
}

enum vm_why vm_wait(struct vm *vm, unsigned flags, struct pollfd *fds, size_t nfds,
	int64_t deadline_ns, struct err *err)
{
	enum vm_why why = vm_check(vm, flags, err);

	if (why != VM_OK)
		return why;
	sleep_for_news(vm, fds, nfds, deadline_ns);
	return vm_check(vm, flags, err);
}

void vm_mark(struct vm *vm)
{
	struct vm_news news = take_news(vm);

	vm->mark_resets = vm->resets_known = news.resets;
	vm->mark_ns = clock_mono_ns();
}

unsigned vm_resets(const struct vm *vm)
{
	struct vm_news news = ear_take(vm->ear);

	return news.resets - vm->mark_resets;
}

int64_t vm_reset_ns(const struct vm *vm)
{
	struct vm_news news = ear_take(vm->ear);

	return news.resets > vm->mark_resets ? news.reset_ns : 0;
}

int64_t vm_agent_up_ns(const struct vm *vm)
{
	struct vm_news news = ear_take(vm->ear);

	return news.agent_up_ns > vm->mark_ns ? news.agent_up_ns : 0;
}

/* --- starting */

/* Steps that need a domain in one of two conditions. */
static enum vm_why require(struct vm *vm, bool running, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;
	enum vm_why why = vm_check(vm, 0, err);

	if (why != VM_OK)
		return why;
	if (ask_state(vm, &state, &actual) != 0)
		return call_failed(vm, VM_LIBVIRT_ERROR, "state", err);
	if (running && state == VM_STATE_OFF)
		return vm_say(err, VM_NOT_RUNNING, "'%s' is shut off", vm->name);
	if (!running && state != VM_STATE_OFF)
		return vm_say(
			err, VM_ALREADY_RUNNING, "'%s' is %s", vm->name, vm_state_name(state));
	return VM_OK;
}

static enum vm_why find_qemu(struct vm *vm, struct err *err)
{
	struct err why_not;
	struct vm_actual actual;
	enum vm_state state;

	if (!vm->real || qemuproc_find(vm->host, vm->name, vm->uuid, &vm->proc, &why_not) == 0)
		return VM_OK;
	/* perhaps it has already ended */
	if (ask_state(vm, &state, &actual) == 0 && state == VM_STATE_OFF)
		return vm_check(vm, 0, err);
	return vm_say(err, VM_QEMU_NOT_FOUND, "%s", why_not.msg);
}

enum vm_why vm_start(struct vm *vm, bool paused, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = require(vm, false, err);

	(void)deadline_ns; /* libvirt's call cannot be cut short; the lane's supervisor watches it */
	if (why != VM_OK)
		return why;
	ear_forget(vm->ear);
	qemuproc_finish(&vm->proc);
	vm->resets_known = 0;
	vm_mark(vm);
	vm->log_start = qemulog_size(vm->log_path);
	vm->expect = paused ? EXPECT_PAUSED : EXPECT_RUNNING;
	if (virDomainCreateWithFlags(vm->dom, paused ? VIR_DOMAIN_START_PAUSED : 0) != 0) {
		vm->expect = EXPECT_OFF;
		return start_failed(vm, err);
	}
	return find_qemu(vm, err);
}

enum vm_why vm_suspend(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = require(vm, true, err);

	(void)deadline_ns;
	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_PAUSED;
	if (virDomainSuspend(vm->dom) == 0)
		return VM_OK;
	vm->expect = EXPECT_RUNNING;
	return call_failed(vm, VM_LIBVIRT_ERROR, "suspend", err);
}

enum vm_why vm_resume(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = vm_check(vm, 0, err);

	(void)deadline_ns;
	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_RUNNING;
	if (virDomainResume(vm->dom) == 0)
		return VM_OK;
	return call_failed(vm, VM_LIBVIRT_ERROR, "resume", err);
}

enum vm_why vm_reset(struct vm *vm, struct err *err)
{
	enum vm_why why = require(vm, true, err);

	if (why != VM_OK)
		return why;
	if (virDomainReset(vm->dom, 0) == 0)
		return VM_OK;
	return call_failed(vm, VM_LIBVIRT_ERROR, "reset", err);
}

static unsigned reboot_flags(enum vm_mode mode)
{
	return mode == VM_MODE_ACPI     ? VIR_DOMAIN_REBOOT_ACPI_POWER_BTN
		: mode == VM_MODE_AGENT ? VIR_DOMAIN_REBOOT_GUEST_AGENT
					: VIR_DOMAIN_REBOOT_DEFAULT;
}

static unsigned shutdown_flags(enum vm_mode mode)
{
	return mode == VM_MODE_ACPI     ? VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN
		: mode == VM_MODE_AGENT ? VIR_DOMAIN_SHUTDOWN_GUEST_AGENT
					: VIR_DOMAIN_SHUTDOWN_DEFAULT;
}

/* An agent that is asked and does not answer is the guest's failure. */
static enum vm_why asking_failed(struct vm *vm, const char *call, struct err *err)
{
	virErrorPtr e = virGetLastError();

	if (e != NULL &&
		(e->code == VIR_ERR_AGENT_UNRESPONSIVE || e->code == VIR_ERR_AGENT_UNSYNCED ||
			e->code == VIR_ERR_OPERATION_TIMEOUT))
		return call_failed(vm, VM_AGENT_SILENT, call, err);
	return call_failed(vm, VM_LIBVIRT_ERROR, call, err);
}

enum vm_why vm_reboot(struct vm *vm, enum vm_mode mode, struct err *err)
{
	enum vm_why why = require(vm, true, err);

	if (why != VM_OK)
		return why;
	if (virDomainReboot(vm->dom, reboot_flags(mode)) == 0)
		return VM_OK;
	return asking_failed(vm, "reboot", err);
}

/* --- stopping */

/* libvirt says that it is gone; QEMU's exit and the release of the groups may take their time. */
static enum vm_why wait_gone(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	char bdf[BDF_LEN];
	size_t i;
	int group;

	if (!qemuproc_wait_dead(&vm->proc, deadline_ns)) {
		bool hangs = qemuproc_in_kernel(vm->host, vm->proc.pid);

		return vm_say(err, hangs ? VM_WEDGED : VM_STOP_FAILED,
			"libvirt says shut off, but QEMU (pid %d) is still there%s", vm->proc.pid,
			hangs ? " in state D" : "");
	}
	qemuproc_finish(&vm->proc);
	for (i = 0; vm->real && i < vm->def.nhostdevs; i++) {
		while (vfiogroup_held(vm->host, vm->def.hostdevs[i].bdf, &group)) {
			if (clock_mono_ns() >= deadline_ns)
				return vm_say(err, VM_GROUP_BUSY, "/dev/vfio/%d of %s", group,
					bdf_text(vm->def.hostdevs[i].bdf, bdf));
			poll(NULL, 0, GROUP_POLL_MS);
		}
	}
	return VM_OK;
}

/* Shut off as libvirt sees it. True also sets what we expect from now on. */
static enum vm_why wait_off(struct vm *vm, int64_t deadline_ns, bool *off, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;

	*off = false;
	for (;;) {
		struct vm_news news = take_news(vm);
		enum vm_why why;

		if (ask_state(vm, &state, &actual) != 0)
			return call_failed(vm, VM_LIBVIRT_ERROR, "state", err);
		if (state == VM_STATE_OFF)
			break;
		if (clock_mono_ns() >= deadline_ns)
			return VM_OK;
		why = news_judge(&news, EXPECT_STOPPING, actual, news.resets, (char[200]){0}, 200);
		if (why != VM_OK)
			return vm_check(vm, VM_MAY_RESET, err);
		if (!qemuproc_alive(&vm->proc) && vm->real) {
			/* its pidfd would wake us at once, over and over */
			struct pollfd p = {.fd = ear_fd(vm->ear), .events = POLLIN};

			poll(&p, 1, clock_poll_ms(deadline_ns));
		} else {
			sleep_for_news(vm, NULL, 0, deadline_ns);
		}
	}
	*off = true;
	/* hear our own stop now, so that it is not taken for news of the next life */
	wait_for_why(vm);
	vm->expect = EXPECT_OFF;
	return VM_OK;
}

static enum vm_why stopped_by(
	struct vm *vm, enum vm_why ignored, int64_t deadline_ns, struct err *err)
{
	bool off;
	enum vm_why why = wait_off(vm, deadline_ns, &off, err);
	char pid[40] = "";

	if (why != VM_OK)
		return why;
	if (off)
		return wait_gone(vm, deadline_ns, err);
	if (take_news(vm).guest_off || !qemuproc_alive(&vm->proc))
		ignored = vm->real ? VM_STOP_FAILED : ignored;
	if (qemuproc_in_kernel(vm->host, vm->proc.pid) && ignored != VM_SHUTDOWN_IGNORED)
		ignored = VM_WEDGED;
	vm->expect = EXPECT_RUNNING;
	if (vm->proc.fd >= 0)
		snprintf(pid, sizeof(pid), " (pid %d)", vm->proc.pid);
	return vm_say(err, ignored, "QEMU%s has not ended", pid);
}

enum vm_why vm_shutdown(struct vm *vm, enum vm_mode mode, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = require(vm, true, err);

	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_STOPPING;
	if (virDomainShutdownFlags(vm->dom, shutdown_flags(mode)) != 0) {
		vm->expect = EXPECT_RUNNING;
		return asking_failed(vm, "shutdown", err);
	}
	return stopped_by(vm, VM_SHUTDOWN_IGNORED, deadline_ns, err);
}

enum vm_why vm_destroy(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	enum vm_why why = require(vm, true, err);

	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_STOPPING;
	if (virDomainDestroy(vm->dom) != 0) {
		bool hangs = qemuproc_in_kernel(vm->host, vm->proc.pid);

		vm->expect = EXPECT_RUNNING;
		return call_failed(vm, hangs ? VM_WEDGED : VM_STOP_FAILED, "destroy", err);
	}
	return stopped_by(vm, VM_STOP_FAILED, deadline_ns, err);
}

enum vm_why vm_kill(struct vm *vm, int64_t deadline_ns, struct err *err)
{
	enum vm_why why;
	struct err failed;

	if (!vm->real)
		return vm_say(err, VM_UNSUPPORTED, "no QEMU process stands behind %s", vm->uri);
	why = require(vm, true, err);
	if (why != VM_OK)
		return why;
	vm->expect = EXPECT_STOPPING;
	if (qemuproc_kill(vm->host, &vm->proc, vm->uuid, &failed) != 0) {
		vm->expect = EXPECT_RUNNING;
		return vm_say(err, VM_STOP_FAILED, "%s", failed.msg);
	}
	return stopped_by(vm, VM_STOP_FAILED, deadline_ns, err);
}

/* --- restoring */

enum vm_why vm_restore(struct vm *vm, enum vm_state found, int64_t deadline_ns, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;
	enum vm_why why = VM_OK;

	if (ask_state(vm, &state, &actual) != 0)
		return call_failed(vm, VM_LIBVIRT_ERROR, "state", err);
	resync(vm, actual, state == VM_STATE_OFF);
	if (found == VM_STATE_OFF && state != VM_STATE_OFF)
		return vm_destroy(vm, deadline_ns, err);
	if (found == VM_STATE_OFF)
		return VM_OK;
	if (state == VM_STATE_CRASHED) {
		why = vm_destroy(vm, deadline_ns, err);
		state = VM_STATE_OFF;
	}
	if (why == VM_OK && state == VM_STATE_OFF) {
		why = vm_start(vm, false, deadline_ns, err);
		state = VM_STATE_RUNNING;
	}
	if (why != VM_OK)
		return why;
	if (found == VM_STATE_RUNNING && state == VM_STATE_PAUSED)
		return vm_resume(vm, deadline_ns, err);
	if (found == VM_STATE_PAUSED && state == VM_STATE_RUNNING)
		return vm_suspend(vm, deadline_ns, err);
	return VM_OK;
}

enum vm_why vm_agent(
	struct vm *vm, const char *command, int timeout_s, char **reply_out, struct err *err)
{
	char *reply;

	if (!vm->real)
		return vm_say(err, VM_UNSUPPORTED, "%s has no guest agents", vm->uri);
	reply = virDomainQemuAgentCommand(vm->dom, command, timeout_s > 0 ? timeout_s : 1, 0);
	if (reply == NULL)
		return asking_failed(vm, "guest agent", err);
	*reply_out = reply;
	return VM_OK;
}
