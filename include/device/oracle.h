/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_DEVICE_ORACLE_H
#define VFIO_STRESS_DEVICE_ORACLE_H

#include "base/bdf.h"
#include "base/clock.h"
#include "base/str.h"
#include "world/host.h"

#include <stdbool.h>
#include <stdint.h>

struct lane_device;

/*
 * What a device looks like. Taken by a disposable child with a deadline, because reading the
 * config space of a device under reset can block for minutes.
 */
struct dev_state {
	bool present; /* still in sysfs */
	bool readable; /* config space is not all ones (a VF's ids are, by specification) */
	bool is_vf;
	bool enabled; /* somebody has enabled it: a driver, or a VM through vfio */
	bool suspended; /* runtime PM put it to sleep */
	uint16_t vendor, device, subvendor, subdevice, command;
	uint8_t revision, header_type;
	uint32_t class_code;
	uint32_t bars[6]; /* as config space has them; a VF's read 0 */
	uint64_t resources[6], sizes[6]; /* of the BARs, from sysfs; a VF's bars[] are 0 */
	uint64_t caps, ext_caps; /* capabilities present: bit = id (those below 64) */
	char power_state
		[16]; /* "D0" ..., "" = any; read before config space is (which wakes D3cold) */
	uint8_t link_width; /* 0 = unknown */
	char link_speed[24];
	bool has_pm; /* power management capability */
	uint8_t pm_state; /* and what it says: 0 = D0 ... 3 = D3hot, whatever the kernel believes */
	bool is_pcie;
	uint8_t max_payload, max_read; /* as coded in Device Control: 0 = 128 bytes, 1 = 256 ... */
	bool msi_enabled, msix_enabled;
	char reset_methods[96], driver[32];
	int64_t took_ns;
};

#define ORACLE_NS (20 * NS_PER_S) /* a healthy device answers in a millisecond */

/* -1 (ERR_TIMEOUT) when the device does not answer by the deadline. */
int oracle_take(const struct host *host, struct bdf bdf, int64_t deadline_ns, struct dev_state *out,
	struct err *err) must_check;
/*
 * Several, one after the other, by one child. -1: done_out of them could be had, and the next one not
 * (ERR_TIMEOUT: it does not answer); those behind it were not looked at.
 */
int oracle_take_several(const struct host *host, const struct bdf *bdfs, size_t n,
	int64_t deadline_ns, struct dev_state *out, size_t *done_out, struct err *err) must_check;
/* Would a look wake it from D3cold, where it is because nobody needs it? */
bool oracle_would_wake(const struct host *host, struct bdf bdf);
/* Was this seen while somebody reset it? Then it is no measure of what comes later. */
bool oracle_amid_reset(const struct dev_state *st);
/*
 * Appends a sentence per field that differs in a way that a reset must not cause ("link width is
 * x8, was x16"). 0 = same. What depends on who uses the device is only compared between states of
 * the same user.
 */
size_t oracle_compare(
	const struct dev_state *before, const struct dev_state *after, struct str *differences);
/*
 * The same for a function that was not reset: whoever uses it may go on with what he does, so that only
 * what nobody changes by using it is compared.
 */
size_t oracle_compare_bystander(
	const struct dev_state *before, const struct dev_state *after, struct str *differences);
/* Nobody uses it, before and after, and it may now write to memory of its own accord. */
bool oracle_left_mastering(const struct dev_state *before, const struct dev_state *after);
/* The same for what may differ and is still worth a line: link speed, a wider link. */
size_t oracle_notes(
	const struct dev_state *before, const struct dev_state *after, struct str *notes);
/*
 * Of a reference for a device that left the kernel and came back: what a kernel or driver that begins
 * anew decides anew, and firmware had decided before.
 */
void oracle_forgive_new(struct dev_state *before);
/* What was decided anew holds for the rest of the run: puts it into the run's reference. */
void oracle_renew(struct lane_device *dev, const struct dev_state *now);
/* Of it, what a new driver may decide for a device that did not leave. */
void oracle_renew_sizes(struct lane_device *dev, const struct dev_state *now);
/*
 * The reference of a run, kept with the device: `check` compares with it. Taken when the lane has
 * its devices, when they can be read; steps that change something on purpose keep it true.
 */
int oracle_remember(const struct host *host, struct lane_device *dev, struct err *err) must_check;
/* The same from a reference that was taken before, by another process of the run. */
void oracle_recall(struct lane_device *dev, const struct dev_state *reference);
void oracle_forget(struct lane_device *dev);

/* One line for the record: "10de:2684 rev a1 D0 x16 16.0 GT/s PCIe command 0006 vfio-pci". */
const char *oracle_text(const struct dev_state *st, char *buf, size_t size);

#endif
