/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

/* What we open must not become somebody's standard output. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	fill_standard_fds();
	/* lanes are started as /proc/self/exe, and would be "exe" to ps and to other runs */
	prctl(PR_SET_NAME, "vfio-stress");
	return cli_main(argc, argv);
}
