/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cli.h"

#include <sys/prctl.h>

int main(int argc, char **argv)
{
	/* lanes are started as /proc/self/exe, and would be "exe" to ps and to other runs */
	prctl(PR_SET_NAME, "vfio-stress");
	return cli_main(argc, argv);
}
