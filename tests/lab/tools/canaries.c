// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * canaries: who is reset, seen from outside the kernel. Writes a number of its own into Interrupt Line
 * of every function, a register that each has, nobody uses and a reset clears, and watches it: the
 * kernel brings it back after a reset, but between the two it is gone. Copies its standard input, line
 * by line, and adds lines of its own:
 *
 *     lost BDF: WHY       once, until it is back: its canary is gone, it reads as ones, it sleeps (D3),
 *                         or it is another device for the kernel
 *
 * It ends with its input, and then says "kept N" when every canary is where it was.
 *
 * Reads through the window of MMCONFIG and not through sysfs, where it would wait until the kernel has
 * restored what it looks for. /dev/mem lets nobody at it unless the host is booted with iomem=relaxed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FUNCTIONS 64 /* more than any host of the lab has */
#define CANARY    0x5a
#define ROUND_MS  1 /* a device is away for 20 ms (pm), 100 ms (flr) or more */

#define PCI_STATUS  0x06 /* linux/pci_regs.h */
#define HAS_CAPS    0x10
#define CAP_POINTER 0x34
#define INT_LINE    0x3c
#define CAP_PM      0x01
#define CAP_PM_CTRL 4
#define MAX_CAPS    48

struct function {
	char bdf[16];
	volatile uint8_t *config;
	uint8_t pm_ctrl; /* where its power state is, 0 = nowhere */
	ino_t node; /* of its folder in sysfs: another one after it was removed and found again */
	bool lost;
};

static struct function functions[FUNCTIONS];
static size_t nfunctions;

static volatile uint8_t *map_window(void)
{
	unsigned long from = 0, to = 0;
	FILE *f = fopen("/proc/iomem", "re");
	void *p = MAP_FAILED;
	char line[160];
	int fd;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "PCI MMCONFIG 0000") != NULL &&
			sscanf(line, "%lx-%lx", &from, &to) == 2)
			break;
	if (f != NULL)
		fclose(f);
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	if (to > from && fd >= 0)
		p = mmap(NULL, to - from + 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)from);
	if (p == MAP_FAILED) {
		fprintf(stderr, "canaries: MMCONFIG: %s (booted with iomem=relaxed?)\n",
			strerror(errno));
		exit(1);
	}
	close(fd);
	return p;
}

static uint8_t find_pm(const volatile uint8_t *config)
{
	uint8_t at = config[PCI_STATUS] & HAS_CAPS ? config[CAP_POINTER] : 0;
	int left = MAX_CAPS;

	while (at != 0 && left-- > 0) {
		if (config[at] == CAP_PM)
			return (uint8_t)(at + CAP_PM_CTRL);
		at = config[at + 1];
	}
	return 0;
}

static ino_t node_of(const char *bdf)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.12s/", bdf);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void plant(volatile uint8_t *window)
{
	DIR *dir = opendir("/sys/bus/pci/devices");
	unsigned int bus, dev, fn;
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL && nfunctions < FUNCTIONS) {
		struct function *f = &functions[nfunctions];

		if (sscanf(e->d_name, "0000:%2x:%2x.%1u", &bus, &dev, &fn) != 3)
			continue;
		snprintf(f->bdf, sizeof(f->bdf), "%.12s", e->d_name);
		f->config = window + (bus << 20 | dev << 15 | fn << 12);
		f->pm_ctrl = find_pm(f->config);
		f->node = node_of(f->bdf);
		f->config[INT_LINE] = CANARY;
		if (f->config[INT_LINE] == CANARY)
			nfunctions++;
		else
			fprintf(stderr, "canaries: none lives in %s\n", f->bdf);
	}
	if (dir != NULL)
		closedir(dir);
}

static const char *look(struct function *f)
{
	uint8_t line = f->config[INT_LINE];
	ino_t node = node_of(f->bdf);

	if (node != f->node) {
		f->node = node;
		return "another device for the kernel";
	}
	if (line == 0xff && f->config[0] == 0xff)
		return "reads as ones";
	if (line != CANARY)
		return "reset";
	return f->pm_ctrl != 0 && (f->config[f->pm_ctrl] & 3) != 0 ? "asleep" : NULL;
}

static size_t watch(void)
{
	size_t i, kept = 0;

	for (i = 0; i < nfunctions; i++) {
		struct function *f = &functions[i];
		const char *why = look(f);

		if (why != NULL && !f->lost)
			printf("lost %s: %s\n", f->bdf, why);
		f->lost = why != NULL;
		kept += why == NULL;
	}
	return kept;
}

/* Waits a little for input, and copies it. False: it has ended. */
static bool copy_input(void)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char buf[4096];
	ssize_t n;

	while (poll(&in, 1, ROUND_MS) == 1) {
		n = read(STDIN_FILENO, buf, sizeof(buf));
		if (n <= 0)
			return false;
		fwrite(buf, 1, (size_t)n, stdout);
	}
	return true;
}

int main(void)
{
	size_t kept;

	setvbuf(stdout, NULL, _IOLBF, 0);
	plant(map_window());
	while (copy_input())
		watch();
	kept = watch();
	printf("kept %zu of %zu\n", kept, nfunctions);
	return kept == nfunctions ? 0 : 1;
}
