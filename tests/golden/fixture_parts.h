/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_FIXTURE_PARTS_H
#define VFIO_STRESS_TESTS_FIXTURE_PARTS_H

#include "model/run_view.h"

/* What the runs made in memory and the stored one are of. */
extern const struct pcidev fixture_gpu, fixture_gpu_audio, fixture_nvme;
extern const struct host_facts fixture_host;

/* Incidents without their lines and times, placed in cycle 7 of such a run. */
struct incident fixture_correctable(void); /* tolerated, of the nvme */
struct incident fixture_slow_reset(void); /* info, in `before` */
struct incident fixture_dma_storm(void); /* fatal, of the gpu, late after a reset */
struct incident fixture_hostile(void); /* of the audio function, by its port; fits two lanes */

#define FIXTURE_CORRECTABLE_LINE                                                                   \
	"nvme 10000:02:00.0: PCIe Bus Error: severity=Corrected, type=Physical Layer"
#define FIXTURE_SLOW_RESET_LINE "vfio-pci 0000:41:00.0: not ready 1023ms after FLR; waiting"
#define FIXTURE_DMA_LINE                                                                           \
	"DMAR: [DMA Read NO_PASID] Request device [41:00.0] fault addr 0xfee00000 [fault reason "  \
	"0x06] PTE Read access is not set"

#endif
