/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_DOMDEF_H
#define VFIO_STRESS_WORLD_DOMDEF_H

#include "base/bdf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DOMDEF_NAME_MAX     256
#define DOMDEF_PATH_MAX     512
#define DOMDEF_HOSTDEVS_MAX 64
#define DOMDEF_SERIALS_MAX  16
#define DOMDEF_CPUS_MAX     512

/* A PCI function of the host that the guest gets. */
struct domdef_hostdev {
	struct bdf bdf;
	bool managed; /* libvirt binds it to vfio-pci at start, and back at stop */
	char element[16]; /* where it is named: "hostdev", "interface" or "disk" */
};

enum serial_kind { SERIAL_OTHER, SERIAL_PTY, SERIAL_UNIX, SERIAL_FILE };

/* A serial or console device. */
struct domdef_serial {
	enum serial_kind kind;
	char type[16]; /* as written: "pty", "tcp" */
	char path[DOMDEF_PATH_MAX]; /* pty (of a running domain), socket or file; "" = none */
	bool listens; /* UNIX: QEMU listens there (mode='bind') */
	char log[DOMDEF_PATH_MAX]; /* <log file=...>; "" = none */
};

/* How its memory and processors are placed. */
struct domdef_placement {
	unsigned vcpus;
	bool hugepages, locked;
	uint64_t hugepage_kib; /* 0 = the host's default size */
	char cpus[DOMDEF_CPUS_MAX]; /* of the host, that it is bound to: "0-7,16"; "" = any */
	char nodes[DOMDEF_CPUS_MAX]; /* NUMA nodes of its memory; "" = any */
};

/* What a domain's XML says, as far as we need it. */
struct domdef {
	char type[16]; /* "kvm", "qemu", "test" */
	char name[DOMDEF_NAME_MAX], uuid[40];
	uint64_t memory_kib;
	char on_poweroff[24], on_reboot[24], on_crash[24]; /* "" = libvirt's default */
	char machine[64]; /* "pc-q35-7.2" */
	bool uefi;
	char cpu_mode[24]; /* "host-passthrough"; "" = the hypervisor's default */
	char balloon[24]; /* "virtio", "none"; "" = the default, which is virtio */
	struct domdef_placement placement;
	bool has_agent; /* a channel org.qemu.guest_agent.0 */
	bool has_panic; /* a pvpanic device: a panic of the guest reaches libvirt */
	struct domdef_hostdev hostdevs[DOMDEF_HOSTDEVS_MAX]; /* in BDF order, no doubles */
	size_t nhostdevs;
	struct domdef_serial serials[DOMDEF_SERIALS_MAX]; /* in the order of the XML */
	size_t nserials;
};

int domdef_parse(const char *xml, size_t len, struct domdef *out, struct err *err) must_check;

#endif
