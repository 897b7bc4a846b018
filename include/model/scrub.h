/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_MODEL_SCRUB_H
#define VFIO_STRESS_MODEL_SCRUB_H

#include <stddef.h>

struct str;

/*
 * Takes from a text what nobody should find in a bug report: passwords and other secrets, and what
 * identifies a machine or a guest (MAC addresses, serial numbers). "removed" stands in their place;
 * done twice it is as done once. Each appends to `out`.
 */

/* A domain's XML that is well-formed; its comments and metadata are left out. */
void scrub_xml(const char *xml, struct str *out);
/* Words like those of a kernel's command line: "rd.iscsi.password=x", "netroot=iscsi:u:p@..." */
void scrub_words(const char *text, struct str *out);
/* Lines of a configuration: "vnc_password = x". */
void scrub_settings(const char *text, struct str *out);
/*
 * A line of anything (kernel log, JSON, YAML): named secrets, addresses with a login, MAC addresses,
 * serial numbers and UUIDs of GPUs. JSON stays JSON.
 */
void scrub_line(const char *line, size_t n, struct str *out);

#endif
