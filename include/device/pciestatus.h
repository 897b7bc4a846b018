/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_PCIESTATUS_H
#define VFIO_STRESS_DEVICE_PCIESTATUS_H

#include "base/bdf.h"
#include "base/clock.h"
#include "world/aer.h"
#include "world/pciconf.h"

#include <stddef.h>

struct host;

/*
 * What a function's own registers say of errors: also where firmware handles them, and nothing of it
 * comes to the kernel. Bits stay set until somebody clears them, so they tell that, not how often.
 * Never written: clearing them would take them from the kernel and the firmware.
 */
struct pcie_status {
	bool read; /* false: asleep, gone, all ones, or no PCIe function */
	bool has_aer;
	unsigned control, status; /* Device Control and Device Status */
	struct pcie_aer aer;
};

#define PCIESTATUS_NS  (2 * NS_PER_S) /* healthy functions take a fraction of a ms each */
#define PCIESTATUS_MAX 64 /* functions looked at at once; further ones are not */

/*
 * Reads them all in one disposable child. -1 (ERR_TIMEOUT): one did not answer, nothing is known.
 * A function in D3cold is left asleep.
 */
int pciestatus_take(const struct host *host, const struct bdf *bdfs, size_t n, int64_t deadline_ns,
	struct pcie_status *out, struct err *err) must_check;
/*
 * Has it had an error of this class since `before`? bits_out = those of the AER registers. Masked
 * errors are none: somebody has decided so, and the device reports them to nobody.
 */
bool pciestatus_news(const struct pcie_status *before, const struct pcie_status *after,
	enum aer_class cls, uint32_t *bits_out);
/* As lspci has it: "CorrErr+ NonFatalErr- FatalErr- UnsupReq+". Returns buf. */
const char *pciestatus_text(unsigned status, char *buf, size_t size);

#endif
