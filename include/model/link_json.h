/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_LINK_JSON_H
#define VFIO_STRESS_MODEL_LINK_JSON_H

struct json_t;
struct pcidev;
struct pcifacts;

/* The member "link" of a device: widths in lanes, speeds in words; null where there is none to read. */
void link_json_put(struct json_t *o, const struct pcidev *dev, const struct pcifacts *f);

#endif
