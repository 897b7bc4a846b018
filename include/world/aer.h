/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_AER_H
#define VFIO_STRESS_WORLD_AER_H

#include "base/bdf.h"
#include "world/host.h"

#include <stdbool.h>
#include <stdint.h>

/* PCIe base spec, 6.2.2. */
enum aer_class { AER_CORRECTABLE, AER_NONFATAL, AER_FATAL, AER_CLASSES };

#define AER_BITS 32

/* "corrected", "nonfatal", "fatal": the words of the field `severity`. */
const char *aer_class_word(enum aer_class cls);
bool aer_class_parse(const char *word, enum aer_class *out);
/* The kernel's and lspci's name of a status register's bit ("RxErr", "CmpltTO"); NULL = none. */
const char *aer_bit_name(enum aer_class cls, unsigned bit);

/*
 * The kernel's AER counters of one function, since it was found. Reading them touches no hardware
 * and takes no lock (drivers/pci/pcie/aer.c): the supervisor may do it at any time.
 */
struct aer_counters {
	uint64_t dir; /* inode of its directory, 0 = it is not there; another one = counted anew */
	bool known; /* false: no AER capability, or a kernel without CONFIG_PCIEAER */
	uint64_t total[AER_CLASSES]; /* errors that this function had */
	uint64_t bits[AER_CLASSES][AER_BITS];
	bool is_root_port;
	uint64_t received[AER_CLASSES]; /* messages that reached it from below */
};

/* Does the kernel handle the errors that reach this root port? Else the firmware does, or nobody. */
bool aer_is_handled(const struct host *host, struct bdf root_port);
void aer_read(const struct host *host, struct bdf bdf, struct aer_counters *out);
/* What was counted between two readings; bits_out = which bits rose. */
uint64_t aer_counted(const struct aer_counters *before, const struct aer_counters *after,
	enum aer_class cls, uint32_t *bits_out);
uint64_t aer_received(
	const struct aer_counters *before, const struct aer_counters *after, enum aer_class cls);

#endif
