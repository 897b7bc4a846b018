/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/injector.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define AER_DEVICE "/dev/aer_inject"
#define EINJ_DIR   "/sys/kernel/debug/apei/einj/"

/* Documentation/firmware-guide/acpi/apei/einj.rst */
#define EINJ_PCIE_CORRECTABLE 0x40u
#define EINJ_FLAG_SBDF        0x4u

/* drivers/pci/pcie/aer_inject.c, struct aer_error_inj */
struct aer_injection {
	uint8_t bus, dev, fn, padding;
	uint32_t uncor_status, cor_status;
	uint32_t header[4];
	uint32_t domain;
};

#define COR_BAD_TLP (1u << 6)

static const struct {
	const char *name, *path;
} injectors[] = {
	[INJECTOR_AER] = {"aer_inject", AER_DEVICE},
	[INJECTOR_EINJ] = {"EINJ", EINJ_DIR "error_inject"},
};

const char *injector_name(enum injector injector)
{
	return injectors[injector].name;
}

int injector_find(const struct host *host, enum injector *out, struct err *err)
{
	char path[HOST_PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(injectors); i++)
		if (access(host_path(host, path, "%s", injectors[i].path), F_OK) == 0) {
			*out = (enum injector)i;
			return 0;
		}
	err_set(err, ERR_UNSUPPORTED, 0, "nothing here injects errors: neither %s nor %s is there",
		injectors[INJECTOR_AER].path, injectors[INJECTOR_EINJ].path);
	return err_hint(err,
		"as root: 'modprobe aer_inject' (a kernel with CONFIG_PCIEAER_INJECT); or, where "
		"the firmware has an EINJ table, enable it in the BIOS, 'modprobe einj' and mount "
		"debugfs on /sys/kernel/debug (lockdown forbids it)");
}

/* What aer_inject answers (aer_inject() of the driver), in words; NULL = nothing to add. */
static const char *aer_advice(int sys)
{
	static const struct {
		int sys;
		const char *advice;
	} rows[] = {
		{ENODEV,
			"no such device, or none with a root port above: see `vfio-stress "
			"devices`"},
		{EPROTONOSUPPORT,
			"the device has no AER, or the kernel does not handle the AER of "
			"its root port (the firmware does, or pci=noaer): name another"},
		{EINVAL,
			"the device masks this error; 'modprobe aer_inject aer_mask_override=1' "
			"lifts that, or name another"},
		{EPERM, "run as root"},
		{EACCES, "run as root"},
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].sys == sys)
			return rows[i].advice;
	return NULL;
}

static int aer_failed(const char *what, struct err *err)
{
	int sys = errno;
	const char *advice = aer_advice(sys);

	err_set(err, ERR_IO, sys, "%s " AER_DEVICE, what);
	return advice ? err_hint(err, "%s", advice) : -1;
}

static int inject_aer(const struct host *host, struct bdf bdf, struct err *err)
{
	const struct aer_injection inj = {
		.bus = bdf.bus,
		.dev = bdf.dev,
		.fn = bdf.fn,
		.cor_status = COR_BAD_TLP,
		.domain = bdf.domain,
	};
	char path[HOST_PATH_MAX];
	auto_close int fd = open(host_path(host, path, AER_DEVICE), O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return aer_failed("open", err);
	if (write(fd, &inj, sizeof(inj)) != (ssize_t)sizeof(inj))
		return aer_failed("write the error to", err);
	return 0;
}

static int einj_put(const struct host *host, const char *name, uint32_t value, struct err *err)
{
	char path[HOST_PATH_MAX], text[16];

	snprintf(path, sizeof(path), EINJ_DIR "%s", name);
	snprintf(text, sizeof(text), "0x%" PRIx32, value);
	return host_write(host, path, text, err);
}

/* "0x00000040\tPCI Express Correctable", a line each */
static bool einj_offers(const struct host *host, struct err *err)
{
	char types[2048], *rest = types, *line;
	uint64_t type;

	if (host_read(host, EINJ_DIR "available_error_type", types, sizeof(types), err) != 0)
		return false;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (str_to_u64(strsep(&line, "\t "), 16, UINT32_MAX, &type) &&
			type == EINJ_PCIE_CORRECTABLE)
			return true;
	err_set(err, ERR_UNSUPPORTED, 0, "the firmware's EINJ offers no corrected PCIe error");
	err_hint(err, "'modprobe aer_inject' does, on a kernel with CONFIG_PCIEAER_INJECT");
	return false;
}

static int inject_einj(const struct host *host, struct bdf bdf, struct err *err)
{
	uint32_t sbdf = (uint32_t)bdf.domain << 24 | (uint32_t)bdf.bus << 16 |
		(uint32_t)bdf.dev << 11 | (uint32_t)bdf.fn << 8;

	if (bdf.domain > 0xff)
		return err_set(err, ERR_UNSUPPORTED, 0,
			"EINJ names devices of PCI domains up to 00ff only");
	if (!einj_offers(host, err) ||
		einj_put(host, "error_type", EINJ_PCIE_CORRECTABLE, err) != 0 ||
		einj_put(host, "flags", EINJ_FLAG_SBDF, err) != 0 ||
		einj_put(host, "param4", sbdf, err) != 0)
		return -1;
	return einj_put(host, "error_inject", 1, err);
}

int inject_corrected(
	const struct host *host, enum injector injector, struct bdf bdf, struct err *err)
{
	static int (*const inject[])(const struct host *, struct bdf, struct err *) = {
		[INJECTOR_AER] = inject_aer,
		[INJECTOR_EINJ] = inject_einj,
	};

	return inject[injector](host, bdf, err);
}
