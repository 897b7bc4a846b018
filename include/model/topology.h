/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_TOPOLOGY_H
#define VFIO_STRESS_MODEL_TOPOLOGY_H

#include "base/mem.h"
#include "model/outcome.h"
#include "world/aer.h"
#include "world/domdef.h"
#include "world/hostfiles.h"
#include "world/machine.h"
#include "world/pciconf.h"
#include "world/pcidev.h"

/*
 * A whole machine as it was at one moment, read-only: everything that `preflight`, `devices` and
 * `snapshot` say is said from this, so that it can be said of another machine as well. Filled by
 * survey_take (device/survey.h) from a live system or a recorded tree; words_read
 * (preflight/words.h) adds what the kernel has said. Texts are the arena's and printable; unknown is
 * "" unless it says otherwise.
 */

enum conf_state {
	CONF_READ,
	CONF_HEADER_ONLY, /* the first 64 bytes: no permission for more */
	CONF_ASLEEP, /* D3cold: reading would wake it */
	CONF_STUCK, /* the kernel did not answer in time: a reset in flight? */
	CONF_FAILED,
};

/* An address range of a function: linux/ioport.h has the flags. */
struct pci_region {
	uint64_t start, end, flags; /* end inclusive; all 0 = none */
};

#define REGION_MEMORY       0x00000200u
#define REGION_PREFETCHABLE 0x00002000u
#define REGION_64BIT        0x00100000u
#define REGION_UNASSIGNED   0x20000000u
#define REGION_BARS         6 /* the first ones; then the ROM */
#define REGIONS_MAX         17

enum user_kind {
	USER_DOMAIN, /* passes it through; it need not run */
	USER_PROCESS, /* has a node of it open */
	USER_SYSTEM, /* the host itself: mounted, up, part of something */
	USER_IDLE, /* a thing that its driver made and nobody is known to use */
};

/* Somebody, or something, that has to do with a function. */
struct pci_user {
	enum user_kind kind;
	bool active; /* it would be disturbed now: a process, a domain that runs, a mount */
	const char *name; /* "gpu-vm", "qemu-system-x86", "nvme0n1" */
	const char *text; /* "domain gpu-vm (shut off)", "nvme0n1: mounted on /" */
};

/* What is known of a function beside struct pcidev. */
struct pcifacts {
	struct pciconf conf;
	enum conf_state conf_state;
	int conf_sys; /* CONF_FAILED: errno */
	char power_state[12], runtime_status[16], runtime_control[8];
	int d3cold_allowed; /* -1 = unknown */
	char driver_override[32];
	const char *drivers; /* modules that would drive it, by name */
	const char *slot; /* the physical one: "3" */
	struct pci_region regions[REGIONS_MAX];
	struct aer_counters aer; /* known: the kernel handles its AER */
	struct pci_user *users;
	size_t nusers;
};

struct iommu_group {
	int number;
	const char *type; /* "DMA", "DMA-FQ", "identity" */
	const char *reserved; /* address ranges, one a line, as the kernel lists them */
	const struct pcidev **members; /* in BDF order */
	size_t n;
};

struct topology_domain {
	const char *name, *xml;
	bool state_known, active, autostart;
	const struct domdef *def; /* NULL: what it says is not understood */
	const char *problem; /* why */
};

/* Something that the kernel has said about this boot. */
struct kernel_word {
	const char *id; /* the rule's, docs/rules.md */
	bool incident; /* false: only news about IOMMU and virtualization */
	enum severity severity;
	bool has_bdf;
	struct bdf bdf;
	uint64_t count;
	const char *text; /* its first line */
	const char *meaning, *advice; /* "" = none */
};

struct topology {
	struct arena arena;
	bool simulated;
	char taken[40], boot_id[40]; /* when, RFC 3339, and in which boot */
	const char *snapshot; /* "gpu-07 at 2026-11-21T04:00:00.123Z"; NULL: it is this machine */
	struct machine_facts machine;
	struct hostfiles files;
	struct pcidev_list devs;
	struct pcifacts *facts; /* of the device at the same index */
	struct iommu_group *groups; /* by number */
	size_t ngroups;
	struct topology_domain *domains; /* by name */
	size_t ndomains;
	const char *domains_unknown, *users_unknown; /* why; NULL = known */
	bool drivers_known; /* pcifacts.drivers */
	char libvirt[24], qemu[24]; /* versions */
	struct kernel_word *words; /* in the order of the log */
	size_t nwords;
	const char *log_unknown; /* why the kernel log could not be read; NULL = it was */
	bool log_from_boot; /* it still begins where the kernel began */
};

void topology_finish(struct topology *t);

const struct pcifacts *topology_facts(const struct topology *t, const struct pcidev *dev);
/* The function above; NULL on a root bus. */
const struct pcidev *topology_parent(const struct topology *t, const struct pcidev *dev);
/* NULL: it has none. */
const struct iommu_group *topology_group(const struct topology *t, const struct pcidev *dev);
/* Are they functions of one slot: would a reset of the slot reach both? VFs are their PF's. */
bool topology_same_slot(const struct pcidev *a, const struct pcidev *b);
/* Is it a thing that one gives to a guest: no bridge and no part of the board? */
bool topology_is_candidate(const struct pcidev *dev);
bool topology_is_gpu(const struct pcidev *dev); /* display controllers and accelerators */
/* "root port", "switch", "switch port", "bridge": of a bridge. */
const char *topology_bridge_name(const struct pcifacts *f);
/* The link of a function; false: it has none, or it cannot be read. */
bool topology_link(const struct pcidev *dev, const struct pcifacts *f, struct pcie_link *out);
/* Fills groups from devs; types and reserved ranges stay "". */
void topology_make_groups(struct topology *t);

#endif
