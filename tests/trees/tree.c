/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree pack PATHS > FILE; tree unpack FILE DIR. Part of tests/trees/record, and for a look by hand. */
#include "base/str.h"
#include "treefile.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	if (argc == 3 && str_eq(argv[1], "pack"))
		treefile_pack(argv[2]);
	else if (argc == 4 && str_eq(argv[1], "unpack"))
		treefile_unpack(argv[2], argv[3]);
	else {
		fputs("usage: tree pack PATHS | tree unpack FILE DIR\n", stderr);
		return 2;
	}
	return 0;
}
