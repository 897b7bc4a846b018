/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/kmsg.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAM_READ_MAX 65536 /* a pipe's capacity: a shorter read ends where a write ended */
#define RING_SIZE     (4u << 20) /* about 40,000 ordinary records */
/*
 * Once it has overflowed, and until it is empty: the log is incomplete then, however much waits, and
 * those who wait for a boundary have to wait for less.
 */
#define RING_STORM_SIZE (RING_SIZE / 8)

/* What the ring holds: this header, the text, the device. */
struct entry {
	uint64_t seq;
	int64_t usec, wall_ns;
	uint16_t text_len, device_len;
	uint8_t level, facility;
	bool cont, truncated;
};

struct kmsg {
	int fd;
	bool device; /* the kernel's, one record a read */
	int wake_fd; /* eventfd to the thread: a sync is asked, or stop */
	int news_fd; /* eventfd to the loop */
	pthread_t thread;
	bool running;

	/* the thread's own */
	char *buf;
	size_t buf_size, held; /* held: bytes of an unfinished record (seam) */
	bool eof; /* nothing more comes by itself: do not poll, look again at a sync */

	pthread_mutex_t lock; /* guards all below */
	char *ring;
	size_t head, used; /* head: offset of the oldest entry */
	bool overflowed; /* since it was empty */
	bool stop, sync_news;
	uint64_t asked, answered; /* tickets */
	int64_t asked_ns;
	uint64_t answered_seq;
	bool any_read;
	struct kmsg_status status;
};

/* ---- one record ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes the kernel's \xNN. Returns the length; *cut when it did not fit. */
static size_t unescape(char *dst, size_t size, const char *s, size_t n, bool *cut)
{
	size_t used = 0;

	*cut = false;
	while (n > 0 && used + 1 < size) {
		char c = *s;
		size_t step = 1;

		if (c == '\\' && n >= 4 && s[1] == 'x' && hex_digit(s[2]) >= 0 &&
			hex_digit(s[3]) >= 0) {
			c = (char)(hex_digit(s[2]) << 4 | hex_digit(s[3]));
			step = 4;
		}
		dst[used++] = c == '\0' ? '?' : c;
		s += step;
		n -= step;
	}
	*cut = n > 0;
	dst[used] = '\0';
	return used;
}

/* A decimal number that ends at `stop`; returns what is behind the stop, NULL when it is none. */
static const char *number_until(const char *s, const char *end, char stop, uint64_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return NULL;
	if (p == s || p == end || *p != stop)
		return NULL;
	*out = v;
	return p + 1;
}

/* "SUBSYSTEM=pci", "DEVICE=+pci:0000:41:00.0": only the second is of use. */
static void parse_dictionary(const char *s, const char *end, struct klog_rec *out)
{
	static const char key[] = " DEVICE=";
	const char *eol;
	bool cut;

	for (; s < end; s = eol + 1) {
		eol = memchr(s, '\n', (size_t)(end - s));
		if (eol == NULL)
			eol = end;
		if ((size_t)(eol - s) >= sizeof(key) && memcmp(s, key, sizeof(key) - 1) == 0)
			unescape(out->device, sizeof(out->device), s + sizeof(key) - 1,
				(size_t)(eol - s) - (sizeof(key) - 1), &cut);
	}
}

int kmsg_parse(const char *buf, size_t len, struct klog_rec *out, struct err *err)
{
	const char *end = buf + len, *semi = memchr(buf, ';', len), *s = buf, *eol, *flags;
	uint64_t prio, seq, usec;

	if (semi == NULL || (s = number_until(s, semi, ',', &prio)) == NULL || prio > 0x7ff ||
		(s = number_until(s, semi, ',', &seq)) == NULL ||
		(flags = number_until(s, semi, ',', &usec)) == NULL || usec > INT64_MAX)
		return err_set(err, ERR_INPUT, 0, "not a kernel log record: '%.*s'",
			(int)(len < 40 ? len : 40), buf);
	/* newer kernels add ",caller=T123" and may add more: only the field of flags counts */
	s = memchr(flags, ',', (size_t)(semi - flags));
	if (s == NULL)
		s = semi;
	eol = memchr(semi, '\n', (size_t)(end - semi));
	if (eol == NULL)
		eol = end;
	out->seq = seq;
	out->usec = (int64_t)usec;
	out->wall_ns = 0;
	out->level = prio & 7;
	out->facility = (uint8_t)(prio >> 3);
	out->origin = ORIGIN_KERNEL;
	out->lost = 0;
	out->by_line = false;
	out->cont = memchr(flags, 'c', (size_t)(s - flags)) != NULL ||
		memchr(flags, '+', (size_t)(s - flags)) != NULL;
	out->device[0] = '\0';
	out->len = (uint16_t)unescape(
		out->text, sizeof(out->text), semi + 1, (size_t)(eol - semi) - 1, &out->truncated);
	if (eol < end)
		parse_dictionary(eol + 1, end, out);
	return 0;
}

/* ---- the ring: bytes, because records differ in length by a factor of twenty ---- */

static void ring_copy_in(struct kmsg *k, const void *src, size_t n)
{
	size_t at = (k->head + k->used) % RING_SIZE, first = RING_SIZE - at;

	if (first > n)
		first = n;
	memcpy(k->ring + at, src, first);
	memcpy(k->ring, (const char *)src + first, n - first);
	k->used += n;
}

static void ring_copy_out(struct kmsg *k, void *dst, size_t n)
{
	size_t first = RING_SIZE - k->head;

	if (first > n)
		first = n;
	memcpy(dst, k->ring + k->head, first);
	memcpy((char *)dst + first, k->ring, n - first);
	k->head = (k->head + n) % RING_SIZE;
	k->used -= n;
}

static bool ring_put(struct kmsg *k, const struct klog_rec *rec)
{
	struct entry e = {
		.seq = rec->seq,
		.usec = rec->usec,
		.wall_ns = rec->wall_ns,
		.text_len = rec->len,
		.device_len = (uint16_t)strlen(rec->device),
		.level = rec->level,
		.facility = rec->facility,
		.cont = rec->cont,
		.truncated = rec->truncated,
	};
	size_t size = sizeof(e) + e.text_len + e.device_len;

	k->overflowed |= RING_SIZE - k->used < size;
	if (k->used + size > (k->overflowed ? RING_STORM_SIZE : RING_SIZE))
		return false;
	ring_copy_in(k, &e, sizeof(e));
	ring_copy_in(k, rec->text, e.text_len);
	ring_copy_in(k, rec->device, e.device_len);
	return true;
}

static void ring_take(struct kmsg *k, struct klog_rec *out)
{
	struct entry e;

	ring_copy_out(k, &e, sizeof(e));
	out->seq = e.seq;
	out->usec = e.usec;
	out->wall_ns = e.wall_ns;
	out->level = e.level;
	out->facility = e.facility;
	out->origin = ORIGIN_KERNEL;
	out->lost = 0;
	out->by_line = false;
	out->cont = e.cont;
	out->truncated = e.truncated;
	out->len = e.text_len;
	ring_copy_out(k, out->text, e.text_len);
	out->text[e.text_len] = '\0';
	ring_copy_out(k, out->device, e.device_len);
	out->device[e.device_len] = '\0';
}

/* ---- the thread ---- */

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* cannot fail but by overflow, and then it is readable anyway */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

static void quiet_fd(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof(n)) < 0)
		return;
}

static void take_record(struct kmsg *k, const char *buf, size_t len)
{
	struct klog_rec rec;
	struct err err;

	if (kmsg_parse(buf, len, &rec, &err) != 0)
		return; /* when it was a record, its sequence number will be missing */
	rec.wall_ns = clock_wall_ns();
	pthread_mutex_lock(&k->lock);
	/* a number that goes back is a log that began anew (the seam): no loss to speak of */
	if (k->any_read && rec.seq > k->status.read_seq + 1)
		k->status.lost += rec.seq - k->status.read_seq - 1;
	k->status.read_seq = rec.seq;
	k->any_read = true;
	if (ring_put(k, &rec))
		k->status.records++;
	else
		k->status.lost++;
	signal_fd(k->news_fd);
	pthread_mutex_unlock(&k->lock);
}

/*
 * Cuts the seam's text into records: a line and the lines behind it that start with a blank. The
 * last one stays in the buffer unless it is known to be whole or fills it.
 */
static void take_text(struct kmsg *k, size_t len, bool whole)
{
	char *s = k->buf, *end = k->buf + len;

	while (s < end) {
		char *next = s;

		do {
			next = memchr(next, '\n', (size_t)(end - next));
			next = next == NULL ? end : next + 1;
		} while (next < end && *next == ' ');
		if (next == end && !whole && s != k->buf)
			break;
		take_record(k, s, (size_t)(next - s));
		s = next;
	}
	k->held = (size_t)(end - s);
	memmove(k->buf, s, k->held);
}

static void fail(struct kmsg *k, int sys)
{
	k->eof = true;
	pthread_mutex_lock(&k->lock);
	k->status.failed = true;
	err_set(&k->status.err, ERR_IO, sys, "read the kernel log");
	signal_fd(k->news_fd);
	pthread_mutex_unlock(&k->lock);
}

static void overrun(struct kmsg *k)
{
	pthread_mutex_lock(&k->lock);
	/* else the sequence numbers will tell how much */
	if (!k->any_read && !k->status.missed_first) {
		k->status.missed_first = true;
		k->status.lost++;
	}
	pthread_mutex_unlock(&k->lock);
}

/* Reads what there is, once. False when there is nothing (more). */
static bool read_once(struct kmsg *k)
{
	ssize_t n = read(k->fd, k->buf + k->held, k->buf_size - k->held);

	if (n > 0) {
		size_t len = k->held + (size_t)n;

		if (k->device)
			take_record(k, k->buf, len);
		else
			take_text(k, len, len < k->buf_size);
		return true;
	}
	if (k->held > 0)
		take_text(k, k->held, true);
	if (n == 0) {
		k->eof = true;
		return false;
	}
	switch (errno) {
	case EINTR:
	case EINVAL: /* larger than our buffer: consumed, its number will be missing */
		return true;
	case EPIPE: /* overwritten before we read it; the position is at the oldest now */
		overrun(k);
		return true;
	case EAGAIN:
		return false;
	default:
		fail(k, errno);
		return false;
	}
}

/* A kernel that never stops printing must not keep those waiting who asked for a ticket. */
static bool must_pause(struct kmsg *k, uint64_t ticket)
{
	bool pause;

	pthread_mutex_lock(&k->lock);
	if (k->answered == ticket)
		pause = k->asked != ticket;
	else
		pause = clock_mono_ns() - k->asked_ns > KMSG_SYNC_MAX_MS * NS_PER_MS;
	pause = pause || k->stop;
	pthread_mutex_unlock(&k->lock);
	return pause;
}

/* Reads until there is nothing more. `ticket` is the newest that was drawn before. */
static void drain(struct kmsg *k, uint64_t ticket)
{
	while (!k->status.failed && read_once(k) && !must_pause(k, ticket))
		;
}

static void answer(struct kmsg *k, uint64_t ticket)
{
	pthread_mutex_lock(&k->lock);
	if (k->answered < ticket) {
		k->answered = ticket;
		k->answered_seq = k->status.read_seq;
		k->asked_ns = clock_mono_ns(); /* of those drawn meanwhile, about */
		k->sync_news = true;
		signal_fd(k->news_fd);
	}
	pthread_mutex_unlock(&k->lock);
}

static void *reader(void *arg)
{
	struct kmsg *k = arg;

	for (;;) {
		struct pollfd p[2] = {
			{.fd = k->wake_fd, .events = POLLIN},
			{.fd = k->eof ? -1 : k->fd, .events = POLLIN},
		};
		uint64_t ticket;
		bool stop;

		if (poll(p, 2, -1) < 0)
			continue;
		pthread_mutex_lock(&k->lock);
		if (p[0].revents)
			quiet_fd(k->wake_fd);
		stop = k->stop;
		ticket = k->asked;
		pthread_mutex_unlock(&k->lock);
		if (stop)
			return NULL;
		drain(k, ticket);
		answer(k, ticket);
	}
}

/* ---- the interface ---- */

/* The kernel says EPERM to those without CAP_SYSLOG, and to all when it is told to (devkmsg_open). */
const char *kmsg_why_forbidden(int sys)
{
	if (sys != EPERM && sys != EACCES)
		return NULL;
	return geteuid() != 0
		? "run as root"
		: "booted with printk.devkmsg=off, or without CAP_SYSLOG (a container?)";
}

static int open_path(struct kmsg *k, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set(err, errno == ENOENT ? ERR_ABSENT : ERR_IO, errno, "open %s", path);
	k->device = S_ISCHR(st.st_mode);
	/* as a writer of the pipe we never see its end when the others come and go */
	k->fd = open(path, (S_ISFIFO(st.st_mode) ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0) {
		err_set(err, ERR_IO, errno, "open %s", path);
		if (kmsg_why_forbidden(err->sys) != NULL)
			err_hint(err, "%s", kmsg_why_forbidden(err->sys));
		return -1;
	}
	if (k->device && lseek(k->fd, 0, SEEK_END) < 0)
		return err_set(err, ERR_IO, errno, "go to the end of %s", path);
	return 0;
}

static int start_thread(struct kmsg *k, struct err *err)
{
	sigset_t all, before;
	int sys;

	/* signals belong to the loop's signalfd */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	sys = pthread_create(&k->thread, NULL, reader, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (sys != 0)
		return err_set(err, ERR_IO, sys, "start the kernel log reader");
	k->running = true;
	return 0;
}

int kmsg_open(const char *path, struct kmsg **out, struct err *err)
{
	struct kmsg *k = xcalloc(1, sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	k->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->fd = -1;
	if (k->wake_fd < 0 || k->news_fd < 0) {
		err_set(err, ERR_IO, errno, "eventfd");
		goto failed;
	}
	if (open_path(k, path, err) != 0)
		goto failed;
	k->buf_size = k->device ? KMSG_READ_MAX : SEAM_READ_MAX;
	k->buf = xmalloc(k->buf_size);
	k->ring = xmalloc(RING_SIZE);
	if (start_thread(k, err) != 0)
		goto failed;
	*out = k;
	return 0;
failed:
	kmsg_close(k);
	return -1;
}

void kmsg_stop(struct kmsg *k)
{
	if (!k->running)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_mutex_unlock(&k->lock);
	signal_fd(k->wake_fd);
	pthread_join(k->thread, NULL);
	k->running = false;
}

void kmsg_close(struct kmsg *k)
{
	if (k == NULL)
		return;
	kmsg_stop(k);
	cleanup_close(&k->fd);
	cleanup_close(&k->wake_fd);
	cleanup_close(&k->news_fd);
	pthread_mutex_destroy(&k->lock);
	free(k->buf);
	free(k->ring);
	free(k);
}

bool kmsg_is_device(const struct kmsg *k)
{
	return k->device;
}

int kmsg_fd(const struct kmsg *k)
{
	return k->news_fd;
}

bool kmsg_next(struct kmsg *k, struct klog_rec *out)
{
	bool any;

	pthread_mutex_lock(&k->lock);
	any = k->used > 0;
	k->overflowed &= any;
	if (any) {
		ring_take(k, out);
		k->status.last_seq = out->seq;
	} else if (k->sync_news) {
		/* the caller may have asked for its ticket just before the answer: wake it again */
		k->sync_news = false;
	} else {
		quiet_fd(k->news_fd);
	}
	pthread_mutex_unlock(&k->lock);
	return any;
}

uint64_t kmsg_sync(struct kmsg *k)
{
	uint64_t ticket;

	pthread_mutex_lock(&k->lock);
	if (k->asked == k->answered)
		k->asked_ns = clock_mono_ns();
	ticket = ++k->asked;
	pthread_mutex_unlock(&k->lock);
	signal_fd(k->wake_fd);
	return ticket;
}

bool kmsg_synced(struct kmsg *k, uint64_t ticket, uint64_t *seq_out)
{
	bool done;

	pthread_mutex_lock(&k->lock);
	done = k->answered >= ticket;
	if (done)
		*seq_out = k->answered_seq;
	k->sync_news = false;
	pthread_mutex_unlock(&k->lock);
	return done;
}

void kmsg_get_status(struct kmsg *k, struct kmsg_status *out)
{
	pthread_mutex_lock(&k->lock);
	*out = k->status;
	pthread_mutex_unlock(&k->lock);
}

int kmsg_mark(const char *path, const char *line, struct err *err)
{
	char buf[256];
	struct stat st;
	int n = snprintf(buf, sizeof(buf), "<6>%s\n", line);
	auto_close int fd = -1;

	if (stat(path, &st) != 0)
		return err_set(err, ERR_IO, errno, "open %s", path);
	if (!S_ISCHR(st.st_mode))
		return 0;
	if (n >= (int)sizeof(buf))
		n = sizeof(buf) - 1;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_IO, errno, "open %s for writing", path);
	if (write(fd, buf, (size_t)n) != n)
		return err_set(err, ERR_IO, errno, "write a marker to %s", path);
	return 0;
}
