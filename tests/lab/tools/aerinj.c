// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * aerinj BDF cor|uncor BITS [HEADER0..3]: raises an AER error in software, through the kernel's
 * aer_inject module (loaded when absent). BITS is the hex value of the status register.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INJECTOR "/dev/aer_inject"

/* drivers/pci/pcie/aer_inject.c, struct aer_error_inj */
struct injection {
	uint8_t bus, dev, fn;
	uint32_t uncor_status, cor_status;
	uint32_t header[4];
	uint32_t domain;
};

static void load_module(void)
{
	char *argv[] = {"modprobe", "aer_inject", NULL};
	pid_t pid;

	if (access(INJECTOR, F_OK) < 0 &&
		posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	struct injection inj = {0};
	unsigned int domain, bus, dev, fn;
	uint32_t bits;
	int fd;

	if (argc < 4 || argc > 8 || sscanf(argv[1], "%x:%x:%x.%x", &domain, &bus, &dev, &fn) != 4) {
		fprintf(stderr, "usage: aerinj BDF cor|uncor BITS [HEADER0..3]\n");
		return 2;
	}
	inj.domain = domain;
	inj.bus = (uint8_t)bus;
	inj.dev = (uint8_t)dev;
	inj.fn = (uint8_t)fn;
	bits = (uint32_t)strtoul(argv[3], NULL, 16);
	if (strcmp(argv[2], "cor") == 0)
		inj.cor_status = bits;
	else
		inj.uncor_status = bits;
	for (int i = 4; i < argc; i++)
		inj.header[i - 4] = (uint32_t)strtoul(argv[i], NULL, 16);

	load_module();
	fd = open(INJECTOR, O_WRONLY);
	if (fd < 0 || write(fd, &inj, sizeof(inj)) < 0) {
		perror(INJECTOR);
		return 1;
	}
	return 0;
}
