/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/str.h"
#include "base/vec.h"
#include "engine/writer.h"
#include "klog/klog.h"
#include "klog/logline.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "klog/sieve.h"
#include "world/instream.h"
#include "world/kmsg.h"
#include "world/logfile.h"

#include "cmocka_all.h"
#include "small_run.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Log lines come by the million: none of them may cost an allocation. */

#define LINES 100000
/* of buffers that grow to the size that they need */
#define GROWTH 50

static atomic_size_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	allocations++;
	return __real_realloc(p, size);
}

/* Feeds the lines in turn, a microsecond apart; returns what was allocated after the first tenth. */
static size_t feed(const char *const *lines, size_t n)
{
	struct diags diags = {0};
	struct rules *rules = rules_load(NULL, 0, &diags);
	struct klog_hooks hooks = {0};
	struct klog *k = klog_new(rules, &hooks);
	size_t i, before = 0;

	for (i = 0; i < LINES; i++) {
		const char *line = lines[i % n];
		struct klog_rec rec = {.seq = i + 1, .usec = (int64_t)i};
		struct logline l;

		if (i == LINES / 10)
			before = allocations;
		logline_parse(line, strlen(line), &l);
		memcpy(rec.text, l.text, l.len);
		rec.len = (uint16_t)l.len;
		klog_feed(k, &rec);
	}
	assert_true(before > 0); /* else nothing is counted */
	before = allocations - before;
	klog_free(k);
	rules_free(rules);
	return before;
}

static const char *const ordinary[] = {
	"[    1.0] usb 1-1: new high-speed USB device number 4 using xhci_hcd",
	"[    1.0] EXT4-fs (sda1): mounted filesystem with ordered data mode",
	"[    1.0] DMAR: Host address width 46",
	"[    1.0] pcieport 0000:00:1c.0: AER: enabled with IRQ 122",
	"May 30 19:39:03 host kernel: vfio-pci 0000:41:00.0: enabling device (0000 -> 0003)",
};

static const char *const faults[] = {"DMAR: DRHD: handling fault status reg 2",
	"DMAR: [DMA Read NO_PASID] Request device [41:00.0] fault addr 0x1000 [fault reason 0x06] "
	"PTE Read access is not set",
	"vfio-pci 0000:42:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x1000 "
	"flags=0x0020]",
	"pcieport 0000:00:01.0: AER: Correctable error message received from 0000:43:00.0",
	"vfio-pci 0000:43:00.0: PCIe Bus Error: severity=Correctable, type=Physical Layer, "
	"(Receiver ID)",
	"vfio-pci 0000:43:00.0:   device [10de:2684] error status/mask=00000001/0000a000",
	"vfio-pci 0000:43:00.0:    [ 0] RxErr                  (First)",
	"DMAR: VT-d detected Invalidation Time-out Error: SID 4400",
	"vfio-pci 0000:45:00.0: vfio_bar_restore: reset recovery - restoring BARs"};

static void ordinary_lines_allocate_nothing(void **state)
{
	(void)state;
	assert_int_equal(feed(ordinary, ARRAY_SIZE(ordinary)), 0);
}

static void a_storm_of_faults_allocates_nothing(void **state)
{
	(void)state;
	assert_int_equal(feed(faults, ARRAY_SIZE(faults)), 0);
}

/* ---- a saved log ---- */

static struct savedlog *open_log(const char *const *lines, size_t n)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	struct unpack *archive;
	struct logfile *file;
	struct str text = {0};
	struct err err;
	size_t i;

	for (i = 0; i < LINES; i++)
		str_addf(&text, "%s\n", lines[i % n]);
	assert_int_equal(write(fd, text.s, text.len), text.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	str_finish(&text);
	assert_int_equal(logfile_open(instream_of_fd(fd, "log"), &file, &archive, &err), 0);
	return savedlog_of_file(file);
}

/* As `scan` does; returns what was allocated after the first tenth. */
static size_t read_log(const char *const *lines, size_t n, bool sieved)
{
	static const char *const also[] = {NULL};
	struct savedlog *log = open_log(lines, n);
	struct diags diags = {0};
	struct rules *rules = rules_load(NULL, 0, &diags);
	struct sieve *sieve = savedlog_make_sieve(rules, also);
	struct klog_hooks hooks = {0};
	struct klog *k = klog_new(rules, &hooks);
	struct savedlog_line line;
	struct err err = {0};
	size_t before = 0;
	int rc;

	while ((rc = savedlog_next(log, &line, &err)) > 0) {
		if (savedlog_lines(log) == 1 && sieved)
			savedlog_sieve(log, sieve);
		if (before == 0 && savedlog_lines(log) >= LINES / 10)
			before = allocations;
		klog_feed(k, &line.rec);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(savedlog_lines(log), LINES);
	before = before > 0 ? allocations - before : 0;
	savedlog_close(log);
	klog_free(k);
	sieve_free(sieve);
	rules_free(rules);
	return before;
}

static void reading_a_saved_log_allocates_nothing_for_a_line(void **state)
{
	(void)state;
	assert_int_equal(read_log(ordinary, ARRAY_SIZE(ordinary), false), 0);
	assert_int_equal(read_log(faults, ARRAY_SIZE(faults), false), 0);
	assert_in_range(read_log(ordinary, ARRAY_SIZE(ordinary), true), 0, GROWTH);
	assert_in_range(read_log(faults, ARRAY_SIZE(faults), true), 0, GROWTH);
}

/* ---- a run ---- */

struct run {
	char dir[64], pipe[96], db[96];
	struct writer *writer;
	struct kmsg *kmsg;
	int fd; /* what the kernel writes to */
};

static void begin_run(struct run *r)
{
	struct store *store;
	struct err err;
	int64_t key;

	str_set(r->dir, "/tmp/klog-memory.XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->pipe, sizeof(r->pipe), "%s/kmsg", r->dir);
	snprintf(r->db, sizeof(r->db), "%s/runs.db", r->dir);
	assert_int_equal(mkfifo(r->pipe, 0600), 0);
	r->fd = open(r->pipe, O_RDWR | O_CLOEXEC);
	assert_true(r->fd >= 0);
	assert_int_equal(kmsg_open(r->pipe, &r->kmsg, &err), 0);
	store = small_run(r->db, &key);
	r->writer = writer_start(store, key, "");
}

static void end_run(struct run *r)
{
	static const char *const files[] = {"kmsg", "runs.db", "runs.db-wal", "runs.db-shm"};
	struct store *store;
	char path[128];
	size_t i;

	assert_int_equal(writer_stop(r->writer, 20000, &store), 0);
	store_close(store);
	kmsg_close(r->kmsg);
	close(r->fd);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", r->dir, files[i]);
		unlink(path);
	}
	rmdir(r->dir);
}

static void next_record(struct run *r, struct klog_rec *out)
{
	struct pollfd p = {.fd = kmsg_fd(r->kmsg), .events = POLLIN};

	while (!kmsg_next(r->kmsg, out))
		assert_int_equal(poll(&p, 1, 10000), 1);
}

/* As the supervisor takes records; returns what was allocated after the first tenth. */
static size_t follow(const char *const *lines, size_t n)
{
	struct diags diags = {0};
	struct rules *rules = rules_load(NULL, 0, &diags);
	struct klog_hooks hooks = {0};
	struct klog *k = klog_new(rules, &hooks);
	struct kmsg_status status;
	struct klog_rec rec;
	struct run r;
	size_t i, before = 0;
	char text[512];

	begin_run(&r);
	for (i = 0; i < LINES; i++) {
		if (i == LINES / 10)
			before = allocations;
		snprintf(text, sizeof(text), "3,%zu,%zu,-;%s\n", i + 1, i, lines[i % n]);
		assert_int_equal(write(r.fd, text, strlen(text)), strlen(text));
		next_record(&r, &rec);
		writer_record(r.writer, &rec);
		klog_feed(k, &rec);
	}
	before = allocations - before;
	kmsg_get_status(r.kmsg, &status);
	assert_int_equal(status.lost, 0);
	end_run(&r);
	klog_free(k);
	rules_free(rules);
	return before;
}

static void following_the_kernel_allocates_nothing_for_a_record(void **state)
{
	(void)state;
	assert_in_range(follow(ordinary, ARRAY_SIZE(ordinary)), 0, GROWTH);
	assert_in_range(follow(faults, ARRAY_SIZE(faults)), 0, GROWTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_lines_allocate_nothing),
		cmocka_unit_test(a_storm_of_faults_allocates_nothing),
		cmocka_unit_test(reading_a_saved_log_allocates_nothing_for_a_line),
		cmocka_unit_test(following_the_kernel_allocates_nothing_for_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
