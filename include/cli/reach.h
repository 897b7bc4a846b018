/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_REACH_H
#define VFIO_STRESS_CLI_REACH_H

#include <stdio.h>

struct json_t;
struct preflight;

/* Whom each reset that the devices offer would disturb, and who uses that: trees for people. */
void reach_write_text(const struct preflight *p, FILE *out);
/* The same as a list: {device, methods[], disturbs[] {bdf, why, users[]}}. */
struct json_t *reach_json(const struct preflight *p);

#endif
