// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edudma BDF ADDRESS [w|r] [COUNT]: has QEMU's `edu` device write to (w) or read from (r) a bus
 * address, 16 bytes each, 4 KiB apart. With an IOMMU and no mapping there, each is a DMA fault.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define EDU_ID         0x00u /* registers, qemu docs/specs/edu.txt */
#define EDU_DMA_FROM   0x80u
#define EDU_DMA_TO     0x88u
#define EDU_DMA_COUNT  0x90u
#define EDU_DMA_CMD    0x98u
#define EDU_CMD_START  1u
#define EDU_CMD_TO_RAM 2u
#define EDU_BUFFER     0x40000u /* the device's own memory, as its DMA engine sees it */
#define EDU_WINDOW     0x1000u
#define DMA_BYTES      16u
#define DMA_WAIT_MS    2000

#define PCI_COMMAND     4
#define PCI_MEM_AND_BME 6

static void set64(volatile uint8_t *edu, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(edu + reg) = value;
}

static bool transfer(volatile uint8_t *edu, uint64_t address, bool to_ram)
{
	volatile uint64_t *cmd = (volatile uint64_t *)(edu + EDU_DMA_CMD);

	set64(edu, EDU_DMA_FROM, to_ram ? EDU_BUFFER : address);
	set64(edu, EDU_DMA_TO, to_ram ? address : EDU_BUFFER);
	set64(edu, EDU_DMA_COUNT, DMA_BYTES);
	*cmd = EDU_CMD_START | (to_ram ? EDU_CMD_TO_RAM : 0);
	for (int ms = 0; ms < DMA_WAIT_MS; ms++) {
		if (!(*cmd & EDU_CMD_START))
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return false;
}

/* Without a driver nobody has switched on memory decoding and bus mastering. */
static bool enable(const char *bdf)
{
	char path[128];
	uint16_t command;
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDWR);
	ok = fd >= 0 && pread(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command);
	command |= PCI_MEM_AND_BME;
	ok = ok && pwrite(fd, &command, sizeof(command), PCI_COMMAND) == sizeof(command);
	if (!ok)
		perror(path);
	if (fd >= 0)
		close(fd);
	return ok;
}

static volatile uint8_t *map(const char *bdf)
{
	char path[128];
	void *edu;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource0", bdf);
	fd = open(path, O_RDWR | O_SYNC);
	if (fd < 0) {
		perror(path);
		return NULL;
	}
	edu = mmap(NULL, EDU_WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (edu == MAP_FAILED) {
		perror(path);
		return NULL;
	}
	return edu;
}

int main(int argc, char **argv)
{
	volatile uint8_t *edu;
	uint64_t address;
	bool to_ram;
	long count;

	if (argc < 3) {
		fprintf(stderr, "usage: edudma BDF ADDRESS [w|r] [COUNT]\n");
		return 2;
	}
	address = strtoull(argv[2], NULL, 16);
	to_ram = argc < 4 || argv[3][0] == 'w';
	count = argc < 5 ? 1 : strtol(argv[4], NULL, 10);

	if (!enable(argv[1]))
		return 1;
	edu = map(argv[1]);
	if (!edu)
		return 1;
	for (long i = 0; i < count; i++, address += 0x1000) {
		if (!transfer(edu, address, to_ram)) {
			fprintf(stderr, "edudma: the device (id %08x) never finished\n",
				*(volatile uint32_t *)(edu + EDU_ID));
			return 1;
		}
	}
	return 0;
}
