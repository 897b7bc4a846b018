/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vm_news.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct vm_ear {
	pthread_mutex_t lock;
	int fd;
	struct vm_news news;
};

struct vm_ear *ear_new(void)
{
	struct vm_ear *ear = xcalloc(1, sizeof(*ear));

	pthread_mutex_init(&ear->lock, NULL);
	ear->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return ear;
}

void ear_free(struct vm_ear *ear)
{
	if (ear == NULL)
		return;
	if (ear->fd >= 0)
		close(ear->fd);
	pthread_mutex_destroy(&ear->lock);
	free(ear);
}

int ear_fd(const struct vm_ear *ear)
{
	return ear->fd;
}

struct vm_news *ear_lock(struct vm_ear *ear)
{
	pthread_mutex_lock(&ear->lock);
	return &ear->news;
}

void ear_unlock(struct vm_ear *ear)
{
	uint64_t one = 1;

	ear->news.count++;
	pthread_mutex_unlock(&ear->lock);
	/* full (EAGAIN) is as good as written: the reader wakes up */
	while (write(ear->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
}

void ear_drain(struct vm_ear *ear)
{
	uint64_t n;

	while (read(ear->fd, &n, sizeof(n)) < 0 && errno == EINTR)
		continue;
}

struct vm_news ear_take(struct vm_ear *ear)
{
	struct vm_news news;

	pthread_mutex_lock(&ear->lock);
	news = ear->news;
	pthread_mutex_unlock(&ear->lock);
	return news;
}

void ear_forget(struct vm_ear *ear)
{
	struct vm_news *n = &ear->news;

	pthread_mutex_lock(&ear->lock);
	*n = (struct vm_news){.count = n->count, .lost = n->lost, .undefined = n->undefined};
	pthread_mutex_unlock(&ear->lock);
}

/* QEMU's wall-clock time on our monotonic clock. A step of the wall clock must not make a future. */
static int64_t mono_of_wall(int64_t wall_ns)
{
	int64_t mono = clock_mono_ns(), age = clock_wall_ns() - wall_ns;

	return wall_ns > 0 && age > 0 && age < mono ? mono - age : mono;
}

static void on_reset(struct vm_news *n, int64_t wall_ns, const char *details)
{
	n->resets++;
	n->reset_ns = mono_of_wall(wall_ns);
	n->reset_by_host = strstr(details, "host-") != NULL;
}

static void on_panic(struct vm_news *n, int64_t wall_ns, const char *details)
{
	(void)wall_ns;
	n->panicked = true;
	/* without "info" all that it says is what QEMU does about it */
	if (strstr(details, "\"info\"") != NULL)
		str_printable(n->words, sizeof(n->words), details, strlen(details));
}

static void on_power_button(struct vm_news *n, int64_t wall_ns, const char *details)
{
	(void)wall_ns, (void)details;
	n->power_button = true;
}

static void on_shutdown(struct vm_news *n, int64_t wall_ns, const char *details)
{
	(void)wall_ns;
	if (strstr(details, "host-signal") != NULL) /* virsh destroy, too, begins with one */
		n->signalled = true;
	else if (strstr(details, "host-") == NULL)
		n->guest_off = true;
}

static void on_watchdog(struct vm_news *n, int64_t wall_ns, const char *details)
{
	(void)wall_ns, (void)details;
	n->watchdog = true;
}

/* qapi/run-state.json */
static const struct {
	const char *name;
	void (*hear)(struct vm_news *n, int64_t wall_ns, const char *details);
} qemu_events[] = {
	{"GUEST_CRASHLOADED", on_panic},
	{"GUEST_PANICKED", on_panic},
	{"POWERDOWN", on_power_button},
	{"RESET", on_reset},
	{"SHUTDOWN", on_shutdown},
	{"WATCHDOG", on_watchdog},
};

void ear_qemu_event(struct vm_ear *ear, const char *name, int64_t wall_ns, const char *details)
{
	size_t i;

	for (i = 0; i < sizeof(qemu_events) / sizeof(qemu_events[0]); i++) {
		if (!str_eq(qemu_events[i].name, name))
			continue;
		qemu_events[i].hear(ear_lock(ear), wall_ns, details ? details : "");
		ear_unlock(ear);
		return;
	}
}

static enum vm_why judge_stop(const struct vm_news *n, char *seen, size_t size)
{
	switch (n->stopped) {
	case STOP_DESTROYED:
		str_copy(seen, size, "it was destroyed");
		return VM_STOPPED_BY_OTHER;
	case STOP_SAVED:
		str_copy(seen, size, "it was saved");
		return VM_STOPPED_BY_OTHER;
	case STOP_CRASHED:
		return VM_GUEST_PANICKED;
	case STOP_NOT:
	case STOP_GUEST:
		if (n->power_button) {
			str_copy(seen, size, "its power button was pressed");
			return VM_STOPPED_BY_OTHER;
		}
		if (n->signalled && !n->guest_off) {
			str_copy(seen, size, "somebody sent it a signal");
			return VM_QEMU_DIED;
		}
		return n->guest_off || n->stopped == STOP_GUEST ? VM_GUEST_STOPPED : VM_QEMU_DIED;
	default:
		return n->guest_off ? VM_GUEST_STOPPED : VM_QEMU_DIED;
	}
}

static enum vm_why judge_pause(enum pause_cause cause, char *seen, size_t size)
{
	switch (cause) {
	case PAUSE_USER:
		return VM_PAUSED_BY_OTHER;
	case PAUSE_GUEST:
		str_copy(seen, size, "it suspended itself to memory (S3)");
		return VM_GUEST_STOPPED;
	case PAUSE_WATCHDOG:
		return VM_GUEST_WATCHDOG;
	case PAUSE_PANIC:
		return VM_GUEST_PANICKED;
	default:
		return VM_GUEST_PAUSED;
	}
}

enum vm_why news_judge(const struct vm_news *n, enum vm_expect expect, struct vm_actual actual,
	unsigned resets_known, char *seen, size_t size)
{
	str_copy(seen, size, n->words);
	if (n->lost)
		return n->silent ? VM_LIBVIRT_SILENT : VM_LIBVIRT_LOST;
	if (n->renamed)
		return VM_RENAMED_BY_OTHER;
	if (n->undefined)
		return VM_UNDEFINED_BY_OTHER;
	if (expect == EXPECT_OFF)
		return actual.off ? VM_OK : VM_STARTED_BY_OTHER;
	if (n->panicked)
		return VM_GUEST_PANICKED;
	if (n->watchdog)
		return VM_GUEST_WATCHDOG;
	if (actual.off)
		return expect == EXPECT_STOPPING ? VM_OK : judge_stop(n, seen, size);
	if (actual.paused)
		return expect == EXPECT_PAUSED ? VM_OK : judge_pause(actual.pause, seen, size);
	if (expect == EXPECT_PAUSED)
		return VM_RESUMED_BY_OTHER;
	if (n->resets > resets_known)
		return n->reset_by_host ? VM_RESET_BY_OTHER : VM_GUEST_REBOOTED;
	return VM_OK;
}
