/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_assets.h"

/* The text of a file, put into .rodata by the assembler; CMake says where it is. */
#define FILE_TEXT(symbol, name)                                                                    \
	extern const char symbol##_begin[], symbol##_end[];                                        \
	__asm__(".pushsection .rodata\n" #symbol "_begin:\n.incbin \"" HTML_DIR "/" name           \
		"\"\n" #symbol "_end:\n.byte 0\n.popsection\n")

FILE_TEXT(report_css, "report.css");
FILE_TEXT(report_js, "report.js");
FILE_TEXT(uplot_css, "uPlot.min.css");
FILE_TEXT(uplot_js, "uPlot.iife.min.js");
FILE_TEXT(uplot_license, "uPlot.LICENSE");

static void put(FILE *out, const char *begin, const char *end)
{
	fwrite(begin, 1, (size_t)(end - begin), out);
}

void html_styles(FILE *out)
{
	put(out, uplot_css_begin, uplot_css_end);
	put(out, report_css_begin, report_css_end);
}

void html_scripts(FILE *out)
{
	fputs("/* uPlot:\n", out);
	put(out, uplot_license_begin, uplot_license_end);
	fputs("*/\n", out);
	put(out, uplot_js_begin, uplot_js_end);
	putc('\n', out);
	put(out, report_js_begin, report_js_end);
}
