/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_PCICONF_H
#define VFIO_STRESS_WORLD_PCICONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCICONF_SIZE   4096
#define PCICONF_HEADER 64 /* what anybody may read */
#define PCICONF_LEGACY 256 /* where the extended capabilities begin */

/*
 * Config space of a function as far as it was read. Decoding only, nothing here touches a device.
 * Foreign bytes: chains may loop, point anywhere, or end in the middle.
 */
struct pciconf {
	const uint8_t *bytes; /* beyond 256 only known capabilities are read, the rest is 0 */
	size_t len; /* 0 = nothing was read */
};

/* 0 beyond what was read. */
uint8_t pciconf_8(const struct pciconf *c, size_t at);
uint16_t pciconf_16(const struct pciconf *c, size_t at);
uint32_t pciconf_32(const struct pciconf *c, size_t at);

/* A device that is gone from the bus reads all ones; of a healthy VF the first four bytes do. */
bool pciconf_all_ones(const struct pciconf *c, bool is_vf);
/* Where a capability begins (linux/pci_regs.h has the ids); 0 = none. */
size_t pciconf_cap(const struct pciconf *c, uint8_t id);
size_t pciconf_ext_cap(const struct pciconf *c, uint16_t id);

/*
 * Reads what is needed through `fetch` (like pread): the first 256 bytes, then the chain of extended
 * capabilities and of these what the functions below look at. Some devices do not survive the
 * reading of all 4096. `buf` has PCICONF_SIZE zeroed bytes. Returns the length read, or -errno.
 * Uses only what is safe in a forked child.
 */
typedef long pciconf_fetch(void *arg, void *buf, size_t n, size_t at);
long pciconf_read(pciconf_fetch *fetch, void *arg, uint8_t *buf);

/* What a PCIe function is in its tree (PCIe base spec, 7.5.3.2). */
enum pcie_type {
	PCIE_ENDPOINT = 0,
	PCIE_LEGACY_ENDPOINT = 1,
	PCIE_ROOT_PORT = 4,
	PCIE_UPSTREAM = 5,
	PCIE_DOWNSTREAM = 6,
	PCIE_TO_PCI = 7,
	PCIE_FROM_PCI = 8,
	PCIE_INTEGRATED = 9, /* an endpoint of the root complex: no link */
	PCIE_EVENT_COLLECTOR = 10,
	PCIE_NOT = 255, /* conventional PCI, or not read */
};

enum pcie_type pciconf_type(const struct pciconf *c);

#define ASPM_L0S 1u
#define ASPM_L1  2u

/* The link above an endpoint or upstream port, below a root or downstream port. */
struct pcie_link {
	unsigned width, width_max; /* lanes; now 0 = down */
	unsigned speed, speed_max; /* generation: 1 = 2.5 GT/s ... 6 = 64 GT/s; 0 = unknown */
	unsigned aspm, aspm_max; /* of ASPM_L0S and ASPM_L1: enabled, supported */
};

bool pciconf_link(const struct pciconf *c, struct pcie_link *out); /* false: it has none */
const char *pcie_speed_name(unsigned generation); /* "16 GT/s"; "?" */

/* Access control services (PCIe base spec, 7.7.11): what Linux asks for before it isolates. */
#define ACS_SOURCE_VALIDATION    0x01u
#define ACS_P2P_REQUEST_REDIRECT 0x04u
#define ACS_P2P_COMPLETION       0x08u
#define ACS_UPSTREAM_FORWARDING  0x10u
#define ACS_ISOLATES                                                                               \
	(ACS_SOURCE_VALIDATION | ACS_P2P_REQUEST_REDIRECT | ACS_P2P_COMPLETION |                   \
		ACS_UPSTREAM_FORWARDING)

bool pciconf_acs(const struct pciconf *c, unsigned *capable, unsigned *enabled);

/* Advanced error reporting: status and mask registers. */
struct pcie_aer {
	uint32_t uncorrectable, uncorrectable_mask, uncorrectable_severity;
	uint32_t correctable, correctable_mask;
};

bool pciconf_aer(const struct pciconf *c, struct pcie_aer *out);
/* The masked errors that are reported by default, "CmpltTO, RxErr"; "" = none. Returns buf. */
const char *pcie_aer_masked(const struct pcie_aer *aer, char *buf, size_t size);

#define DEVSTA_CORRECTABLE 0x1u
#define DEVSTA_NONFATAL    0x2u
#define DEVSTA_FATAL       0x4u

/* Device status: errors seen since somebody cleared it, also where firmware owns AER. */
bool pciconf_device_status(const struct pciconf *c, unsigned *out);
/* Device control: which of them the function reports; bits as in the status. */
bool pciconf_device_control(const struct pciconf *c, unsigned *out);

/* Resizable BARs: sizes are powers of two of a MiB. */
struct pcie_rebar {
	unsigned bar;
	unsigned size, size_max; /* log2 of MiB */
};

#define REBARS_MAX 6
size_t pciconf_rebars(const struct pciconf *c, struct pcie_rebar out[REBARS_MAX]);

/* How it may interrupt; `used` when it is switched on. */
struct pci_interrupts {
	bool msi, msix, msi_used, msix_used;
	bool pin; /* a wire: INTA..INTD */
};

void pciconf_interrupts(const struct pciconf *c, struct pci_interrupts *out);
unsigned pciconf_total_vfs(const struct pciconf *c); /* 0: no SR-IOV */

#endif
