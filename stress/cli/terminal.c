/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS 80
#define ROWS    24

size_t terminal_columns(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < COLUMNS)
		return COLUMNS;
	return size.ws_col;
}

size_t terminal_rows(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_row < ROWS)
		return ROWS;
	return size.ws_row;
}
