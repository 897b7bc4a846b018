/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/aer.h"

#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 2048 /* 32 lines "NAME NUMBER" and a total */

static const struct {
	const char *word;
	const char *file, *total, *received;
} classes[AER_CLASSES] = {
	[AER_CORRECTABLE] = {"corrected", "aer_dev_correctable", "TOTAL_ERR_COR",
		"aer_rootport_total_err_cor"},
	[AER_NONFATAL] = {"nonfatal", "aer_dev_nonfatal", "TOTAL_ERR_NONFATAL",
		"aer_rootport_total_err_nonfatal"},
	[AER_FATAL] = {"fatal", "aer_dev_fatal", "TOTAL_ERR_FATAL", "aer_rootport_total_err_fatal"},
};

/* aer_correctable_error_string and aer_uncorrectable_error_string of drivers/pci/pcie/aer.c */
static const char *const correctable_bits[AER_BITS] = {[0] = "RxErr",
	[6] = "BadTLP",
	[7] = "BadDLLP",
	[8] = "Rollover",
	[12] = "Timeout",
	[13] = "NonFatalErr",
	[14] = "CorrIntErr",
	[15] = "HeaderOF"};
static const char *const uncorrectable_bits[AER_BITS] = {[0] = "Undefined",
	[4] = "DLP",
	[5] = "SDES",
	[12] = "TLP",
	[13] = "FCP",
	[14] = "CmpltTO",
	[15] = "CmpltAbrt",
	[16] = "UnxCmplt",
	[17] = "RxOF",
	[18] = "MalfTLP",
	[19] = "ECRC",
	[20] = "UnsupReq",
	[21] = "ACSViol",
	[22] = "UncorrIntErr",
	[23] = "BlockedTLP",
	[24] = "AtomicOpBlocked",
	[25] = "TLPBlockedErr",
	[26] = "PoisonTLPBlocked"};

const char *aer_class_word(enum aer_class cls)
{
	return classes[cls].word;
}

bool aer_class_parse(const char *word, enum aer_class *out)
{
	int cls;

	for (cls = 0; cls < AER_CLASSES; cls++)
		if (str_eq(classes[cls].word, word)) {
			*out = cls;
			return true;
		}
	return false;
}

const char *aer_bit_name(enum aer_class cls, unsigned bit)
{
	if (bit >= AER_BITS)
		return NULL;
	return cls == AER_CORRECTABLE ? correctable_bits[bit] : uncorrectable_bits[bit];
}

/*
 * The service of a root port (type 4) for AER (1 << 1): get_descriptor_id in drivers/pci/pcie/portdrv.
 * It is not there when _OSC left AER to the firmware, nor with pci=noaer.
 */
bool aer_is_handled(const struct host *host, struct bdf root_port)
{
	char path[HOST_PATH_MAX], text[BDF_LEN];

	host_path(host, path, "/sys/bus/pci_express/devices/%s:pcie002/driver",
		bdf_text(root_port, text));
	return access(path, F_OK) == 0;
}

static bool read_attr(int dirfd, const char *name, char *buf, size_t size)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n < 0)
		return false;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return true;
}

static void take_bit(uint64_t bits[AER_BITS], enum aer_class cls, const char *name, uint64_t n)
{
	unsigned bit;

	for (bit = 0; bit < AER_BITS; bit++)
		if (str_eq(aer_bit_name(cls, bit), name))
			bits[bit] = n;
}

/* "RxErr 1\nBadTLP 0\n...TOTAL_ERR_COR 1"; the bits' names are Linux 5.0's, the total is older. */
static bool parse_counts(char *text, enum aer_class cls, uint64_t *total, uint64_t bits[AER_BITS])
{
	char *line, *rest = text, *space;
	bool known = false;
	uint64_t n;

	while ((line = strsep(&rest, "\n")) != NULL) {
		space = strrchr(line, ' ');
		if (space == NULL || !str_to_u64(space + 1, 10, UINT64_MAX, &n))
			continue;
		*space = '\0';
		if (str_eq(line, classes[cls].total)) {
			*total = n;
			known = true;
		} else {
			take_bit(bits, cls, line, n);
		}
	}
	return known;
}

void aer_read(const struct host *host, struct bdf bdf, struct aer_counters *out)
{
	char path[HOST_PATH_MAX], text[FILE_MAX];
	auto_close int dirfd =
		open(host_dev_path(host, path, bdf, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct aer_counters c = {0};
	struct stat st;
	int cls;

	if (dirfd >= 0 && fstat(dirfd, &st) == 0)
		c.dir = st.st_ino;
	for (cls = 0; c.dir != 0 && cls < AER_CLASSES; cls++) {
		if (read_attr(dirfd, classes[cls].file, text, sizeof(text)))
			c.known |= parse_counts(text, cls, &c.total[cls], c.bits[cls]);
		if (read_attr(dirfd, classes[cls].received, text, sizeof(text)))
			c.is_root_port |= str_to_u64(text, 10, UINT64_MAX, &c.received[cls]);
	}
	*out = c;
}

/* A function that was removed and found again counts from 0; its directory is another then. */
static uint64_t risen(
	const struct aer_counters *a, const struct aer_counters *b, uint64_t was, uint64_t is)
{
	if (a->dir != b->dir)
		return is;
	return is > was ? is - was : 0;
}

uint64_t aer_counted(const struct aer_counters *before, const struct aer_counters *after,
	enum aer_class cls, uint32_t *bits_out)
{
	unsigned bit;

	*bits_out = 0;
	for (bit = 0; bit < AER_BITS; bit++)
		if (risen(before, after, before->bits[cls][bit], after->bits[cls][bit]) > 0)
			*bits_out |= UINT32_C(1) << bit;
	return risen(before, after, before->total[cls], after->total[cls]);
}

uint64_t aer_received(
	const struct aer_counters *before, const struct aer_counters *after, enum aer_class cls)
{
	return risen(before, after, before->received[cls], after->received[cls]);
}
