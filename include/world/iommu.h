/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_IOMMU_H
#define VFIO_STRESS_WORLD_IOMMU_H

struct host;

enum iommu_kind { IOMMU_NONE, IOMMU_VTD, IOMMU_AMDVI, IOMMU_OTHER };

/* Whose driver is active, by /sys/class/iommu (dmar0, ivhd0). */
enum iommu_kind iommu_kind(const struct host *host);

#endif
