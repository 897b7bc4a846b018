/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_REPORTERS_HTML_ASSETS_H
#define VFIO_STRESS_REPORTERS_HTML_ASSETS_H

#include <stdio.h>

/* What is in every HTML report: the files of reporters/html/. */
void html_styles(FILE *out);
void html_scripts(FILE *out);

#endif
