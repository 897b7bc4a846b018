/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/vec.h"
#include "klog/klog.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>

/* Log lines come by the million: none of them may cost an allocation. */

#define LINES 100000

static size_t allocations;

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

static void ordinary_lines_allocate_nothing(void **state)
{
	static const char *const lines[] = {
		"[    1.0] usb 1-1: new high-speed USB device number 4 using xhci_hcd",
		"[    1.0] EXT4-fs (sda1): mounted filesystem with ordered data mode",
		"[    1.0] DMAR: Host address width 46",
		"[    1.0] pcieport 0000:00:1c.0: AER: enabled with IRQ 122",
		("May 30 19:39:03 host kernel: vfio-pci 0000:41:00.0: enabling device (0000 -> "
		 "0003)"),
	};

	(void)state;
	assert_int_equal(feed(lines, ARRAY_SIZE(lines)), 0);
}

static void a_storm_of_faults_allocates_nothing(void **state)
{
	static const char *const lines[] = {"DMAR: DRHD: handling fault status reg 2",
		"DMAR: [DMA Read NO_PASID] Request device [41:00.0] fault addr 0x1000 [fault "
		"reason "
		"0x06] PTE Read access is not set",
		"vfio-pci 0000:42:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 "
		"address=0x1000 flags=0x0020]",
		"pcieport 0000:00:01.0: AER: Correctable error message received from 0000:43:00.0",
		"vfio-pci 0000:43:00.0: PCIe Bus Error: severity=Correctable, type=Physical Layer, "
		"(Receiver ID)",
		"vfio-pci 0000:43:00.0:   device [10de:2684] error status/mask=00000001/0000a000",
		"vfio-pci 0000:43:00.0:    [ 0] RxErr                  (First)",
		"DMAR: VT-d detected Invalidation Time-out Error: SID 4400",
		"vfio-pci 0000:45:00.0: vfio_bar_restore: reset recovery - restoring BARs"};

	(void)state;
	assert_int_equal(feed(lines, ARRAY_SIZE(lines)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_lines_allocate_nothing),
		cmocka_unit_test(a_storm_of_faults_allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
