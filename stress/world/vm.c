/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm_parts.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/host.h"
#include "world/qemulog.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAUSE_GRACE_NS (2 * NS_PER_S)
#define WAIT_FDS_MAX   8
#define LOG_WORDS_MAX  240

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

bool vm_state_of_name(const char *name, enum vm_state *out)
{
	size_t i;

	for (i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
		if (!str_eq(state_names[i], name))
			continue;
		*out = (enum vm_state)i;
		return true;
	}
	return false;
}

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

static void set_log_path(struct vm *vm)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char path[HOST_PATH_MAX] = "";

	if (str_eq(vm->uri, "qemu:///system"))
		host_path(vm->host, path, "/var/log/libvirt/qemu/%s.log", vm->name);
	else if (lvdom_real(vm->dom) && cache != NULL)
		host_path(vm->host, path, "%s/libvirt/qemu/log/%s.log", cache, vm->name);
	else if (lvdom_real(vm->dom) && home != NULL)
		host_path(vm->host, path, "%s/.cache/libvirt/qemu/log/%s.log", home, vm->name);
	str_set(vm->log_path, path);
}

static int read_def(struct vm *vm, bool inactive, struct domdef *out, struct err *err)
{
	struct lv_error lv;
	char *xml;
	int res;

	if (lvdom_xml(vm->dom, inactive, &xml, &lv) != 0)
		return err_set(err, lv.kind == LV_LOST ? ERR_LOST : ERR_IO, 0,
			"definition of domain '%s': %s", vm->name, lv.words);
	res = domdef_parse(xml, strlen(xml), out, err);
	free(xml);
	return res == 0 ? 0 : err_wrap(err, "definition of domain '%s'", vm->name);
}

static int look_around(struct vm *vm, struct err *err)
{
	struct vm_actual actual;
	struct lv_error lv;

	set_log_path(vm);
	vm->log_start = qemulog_size(vm->log_path);
	vm->found.persistent = lvdom_persistent(vm->dom);
	vm->found.managed_save = lvdom_managed_save(vm->dom);
	if (lvdom_state(vm->dom, &vm->found.state, &actual, &lv) != 0)
		return err_set(err, ERR_IO, 0, "state of domain '%s': %s", vm->name, lv.words);
	vm_resync(vm, actual);
	if (vm->found.state != VM_STATE_OFF && vm_find_qemu(vm, err) == VM_QEMU_NOT_FOUND) {
		err->code = ERR_REFUSED;
		return -1;
	}
	return read_def(vm, vm->found.persistent, &vm->def, err);
}

int vm_open(const struct host *host, const char *uri, const char *domain, struct vm **out,
	struct err *err)
{
	struct vm *vm;

	if (vm_uri_check(uri, err) != 0)
		return -1;
	if (strlen(domain) >= DOMDEF_NAME_MAX || strlen(uri) >= sizeof(vm->uri))
		return err_set(err, ERR_INPUT, 0, "the domain's name or '%.80s' is too long", uri);
	vm = xcalloc(1, sizeof(*vm));
	vm->host = host;
	vm->proc.fd = -1;
	str_set(vm->uri, uri);
	str_set(vm->name, domain);
	vm->ear = ear_new();
	if (lvdom_open(host, uri, domain, vm->ear, &vm->dom, err) != 0 ||
		look_around(vm, err) != 0) {
		vm_close(vm);
		return -1;
	}
	*out = vm;
	return 0;
}

void vm_close(struct vm *vm)
{
	if (vm == NULL)
		return;
	lvdom_close(vm->dom);
	qemuproc_finish(&vm->proc);
	ear_free(vm->ear);
	free(vm);
}

void vm_adopt(struct vm *vm, enum vm_state found)
{
	vm->found.state = found;
	vm->ours = true;
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
	return lvdom_real(vm->dom);
}

pid_t vm_qemu_pid(const struct vm *vm)
{
	return qemuproc_alive(&vm->proc) ? vm->proc.pid : 0;
}

const char *vm_log_path(const struct vm *vm)
{
	return vm->log_path;
}

void vm_versions(const struct vm *vm, char libvirt[24], char qemu[24])
{
	lvdom_versions(vm->dom, libvirt, qemu);
}

enum vm_why vm_live_def(struct vm *vm, struct domdef *out, struct err *err)
{
	struct err failed;

	if (read_def(vm, false, out, &failed) == 0)
		return VM_OK;
	return vm_say(err, failed.code == ERR_LOST ? VM_LIBVIRT_LOST : VM_LIBVIRT_ERROR, "%s",
		failed.msg);
}

/* "process exited while connecting to monitor" comes with QEMU's words. */
static bool already_said(const char *words, const char *log)
{
	return memmem(words, strlen(words), log, strnlen(log, 60)) != NULL;
}

enum vm_why vm_call_failed(struct vm *vm, enum vm_why why, const char *call,
	const struct lv_error *lv, struct err *err)
{
	char log[LOG_WORDS_MAX] = "";

	if (lv->kind == LV_LOST)
		return vm_say(err, ear_take(vm->ear).silent ? VM_LIBVIRT_SILENT : VM_LIBVIRT_LOST,
			"%s: %s", call, lv->words);
	/* whatever it wanted, it did not come to it */
	if (lv->kind == LV_BUSY && why != VM_WEDGED)
		return vm_say(err, VM_LIBVIRT_BUSY, "%s: %s", call, lv->words);
	if (lv->vague)
		qemulog_words(vm->log_path, vm->log_start, log, sizeof(log));
	if (already_said(lv->words, log))
		log[0] = '\0';
	return vm_say(err, why, "%s: %s%s%s", call, lv->words, *log ? "; QEMU's log: " : "", log);
}

static enum vm_why ask_state(
	struct vm *vm, enum vm_state *state, struct vm_actual *actual, struct err *err)
{
	struct lv_error lv;

	if (lvdom_state(vm->dom, state, actual, &lv) == 0)
		return VM_OK;
	return vm_call_failed(vm, VM_LIBVIRT_ERROR, "state", &lv, err);
}

enum vm_why vm_state(struct vm *vm, enum vm_state *out, struct err *err)
{
	struct vm_actual actual;

	return ask_state(vm, out, &actual, err);
}

void vm_sleep(struct vm *vm, struct pollfd *fds, size_t nfds, int64_t deadline_ns)
{
	struct pollfd all[WAIT_FDS_MAX + 2];
	size_t i, n = nfds < WAIT_FDS_MAX ? nfds : WAIT_FDS_MAX;

	for (i = 0; i < n; i++)
		all[i] = (struct pollfd){.fd = fds[i].fd, .events = fds[i].events};
	all[n] = (struct pollfd){.fd = ear_fd(vm->ear), .events = POLLIN};
	/* libvirt tells of a death only after the devices are reset, which may take minutes */
	all[n + 1] = (struct pollfd){
		.fd = vm->expect == EXPECT_OFF ? -1 : vm->proc.fd, .events = POLLIN};
	if (poll(all, n + 2, clock_poll_ms(deadline_ns)) < 0)
		return;
	ear_drain(vm->ear);
	for (i = 0; i < n; i++)
		fds[i].revents = all[i].revents;
}

struct vm_news vm_wait_for_cause(struct vm *vm)
{
	int64_t until = clock_mono_ns() + CAUSE_GRACE_NS;
	struct vm_news news = ear_take(vm->ear);

	while (news.stopped == STOP_NOT && !news.guest_off && !news.lost &&
		clock_mono_ns() < until) {
		struct pollfd p = {.fd = ear_fd(vm->ear), .events = POLLIN};

		poll(&p, 1, clock_poll_ms(until));
		ear_drain(vm->ear);
		news = ear_take(vm->ear);
	}
	return news;
}

void vm_resync(struct vm *vm, struct vm_actual actual)
{
	struct vm_news *n = ear_lock(vm->ear);
	struct err not_found;

	n->panicked = n->watchdog = n->undefined = n->power_button = false;
	vm->resets_known = n->resets;
	vm->judged = n->count + 1; /* ear_unlock counts */
	ear_unlock(vm->ear);
	vm->expect = actual.off ? EXPECT_OFF : actual.paused ? EXPECT_PAUSED : EXPECT_RUNNING;
	if (qemuproc_alive(&vm->proc))
		return;
	qemuproc_finish(&vm->proc);
	/* somebody else started it: without its process no stop could be proved */
	if (!actual.off && lvdom_real(vm->dom))
		(void)!qemuproc_find(
			vm->host, vm->name, lvdom_uuid(vm->dom), &vm->proc, &not_found);
}

static enum vm_why say_trouble(struct vm *vm, enum vm_why why, const char *seen, struct err *err)
{
	char log[LOG_WORDS_MAX] = "";

	if (why == VM_QEMU_DIED || why == VM_GUEST_PAUSED || why == VM_GUEST_PANICKED)
		qemulog_words(vm->log_path, vm->log_start, log, sizeof(log));
	if (*seen == '\0' && *log == '\0')
		return vm_say(err, why, NULL);
	return vm_say(err, why, "%s%s%s%s", seen, *seen && *log ? "; " : "",
		*log ? "QEMU's log: " : "", log);
}

static bool is_dead(const struct vm *vm)
{
	return vm->proc.fd >= 0 && vm->expect != EXPECT_OFF && !qemuproc_alive(&vm->proc);
}

/* What is, against what should be. */
static enum vm_why judge(struct vm *vm, struct vm_news news, struct err *err)
{
	bool dead = is_dead(vm);
	struct vm_actual actual = {.off = true};
	enum vm_state state;
	char seen[200];
	enum vm_why why = VM_OK;

	if (!dead && !news.lost)
		why = ask_state(vm, &state, &actual, err);
	if (why != VM_OK)
		return why;
	if (actual.off && !news.lost && vm->expect != EXPECT_OFF && vm->expect != EXPECT_STOPPING)
		news = vm_wait_for_cause(vm);
	if (vm->asked_off)
		news.power_button = false; /* nobody else pressed it */
	why = news_judge(&news, vm->expect, actual, vm->resets_known, seen, sizeof(seen));
	if (why == VM_OK) {
		vm->judged = news.count;
		return VM_OK;
	}
	if (why == VM_GUEST_STOPPED && vm->asked_off)
		str_set(seen, "late, it had been asked to");
	say_trouble(vm, why, seen, err);
	if (!news.lost)
		vm_resync(vm, actual);
	return why;
}

enum vm_why vm_check(struct vm *vm, struct err *err)
{
	struct vm_news news = ear_take(vm->ear);

	if (vm->booting)
		vm->resets_known = news.resets;
	return news.count == vm->judged && !is_dead(vm) ? VM_OK : judge(vm, news, err);
}

enum vm_why vm_wait(
	struct vm *vm, struct pollfd *fds, size_t nfds, int64_t deadline_ns, struct err *err)
{
	vm_sleep(vm, fds, nfds, deadline_ns);
	return vm_check(vm, err);
}

enum vm_why vm_require(struct vm *vm, bool running, struct err *err)
{
	struct vm_actual actual;
	enum vm_state state;
	enum vm_why why = vm_check(vm, err);

	if (why == VM_OK)
		why = ask_state(vm, &state, &actual, err);
	/* it ended just now, and the word of it is still on its way */
	if (why == VM_OK && state == VM_STATE_OFF && vm->expect != EXPECT_OFF)
		why = judge(vm, ear_take(vm->ear), err);
	if (why != VM_OK)
		return why;
	if (running && state == VM_STATE_OFF)
		return vm_say(err, VM_NOT_RUNNING, "'%s' is shut off", vm->name);
	if (!running && state != VM_STATE_OFF)
		return vm_say(
			err, VM_ALREADY_RUNNING, "'%s' is %s", vm->name, vm_state_name(state));
	return VM_OK;
}

void vm_mark(struct vm *vm)
{
	struct vm_news news = ear_take(vm->ear);

	vm->mark_resets = vm->resets_known = news.resets;
	vm->mark_ns = clock_mono_ns();
}

unsigned vm_resets(const struct vm *vm)
{
	return ear_take(vm->ear).resets - vm->mark_resets;
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
