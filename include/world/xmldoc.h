/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_WORLD_XMLDOC_H
#define VFIO_STRESS_WORLD_XMLDOC_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define XMLDOC_SIZE_MAX                                                                            \
	(4u << 20) /* what libvirt itself sends at most (VIR_NET_MESSAGE_STRING_MAX) */

/* An XML text, read as foreign: bounded, no DTD, no entities of its own, no network. */
struct xmldoc;
struct xmlelem; /* an element in it; lives as long as it */

int xmldoc_parse(const char *text, size_t len, struct xmldoc **out, struct err *err) must_check;
void xmldoc_free(struct xmldoc *doc);

const struct xmlelem *xmldoc_root(const struct xmldoc *doc);
const char *xml_name(const struct xmlelem *e);
/* The first child, and the next sibling, of a name (NULL = any); NULL when there is none. */
const struct xmlelem *xml_child(const struct xmlelem *e, const char *name);
const struct xmlelem *xml_next(const struct xmlelem *e, const char *name);
/* Copies an attribute, or the text. False, and an empty buf, when absent or longer than buf. */
bool xml_attr(const struct xmlelem *e, const char *name, char *buf, size_t size);
bool xml_text(const struct xmlelem *e, char *buf, size_t size);

#endif
