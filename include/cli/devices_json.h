/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_DEVICES_JSON_H
#define VFIO_STRESS_CLI_DEVICES_JSON_H

#include <stdio.h>

struct pick;
struct topology;

/* vfio-stress/devices/1 */
void devices_write_json(const struct topology *t, const struct pick *p, FILE *out);

#endif
