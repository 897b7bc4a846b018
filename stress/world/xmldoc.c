/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/xmldoc.h"

#include "base/mem.h"
#include "base/str.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

struct xmldoc {
	xmlDoc *doc;
};

static const xmlNode *node_of(const struct xmlelem *e)
{
	return (const xmlNode *)e;
}

/* The first element of that name among n and its later siblings. */
static const struct xmlelem *first_of(const xmlNode *n, const char *name)
{
	for (; n != NULL; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
			(name == NULL || str_eq((const char *)n->name, name)))
			return (const struct xmlelem *)n;
	return NULL;
}

const struct xmlelem *xmldoc_root(const struct xmldoc *doc)
{
	return (const struct xmlelem *)xmlDocGetRootElement(doc->doc);
}

const char *xml_name(const struct xmlelem *e)
{
	return (const char *)node_of(e)->name;
}

const struct xmlelem *xml_child(const struct xmlelem *e, const char *name)
{
	return e ? first_of(node_of(e)->children, name) : NULL;
}

const struct xmlelem *xml_next(const struct xmlelem *e, const char *name)
{
	return first_of(node_of(e)->next, name);
}

static bool copy_out(xmlChar *value, char *buf, size_t size)
{
	bool fits = value != NULL && strlen((const char *)value) < size;

	buf[0] = '\0';
	if (fits)
		str_copy(buf, size, (const char *)value);
	xmlFree(value);
	return fits;
}

bool xml_attr(const struct xmlelem *e, const char *name, char *buf, size_t size)
{
	return copy_out(e ? xmlGetProp(node_of(e), (const xmlChar *)name) : NULL, buf, size);
}

bool xml_text(const struct xmlelem *e, char *buf, size_t size)
{
	return copy_out(e ? xmlNodeGetContent(node_of(e)) : NULL, buf, size);
}

static int parse_failed(xmlParserCtxt *ctxt, struct err *err)
{
	const xmlError *why = xmlCtxtGetLastError(ctxt);
	char text[200] = "not well-formed";

	if (why != NULL && why->message != NULL)
		str_printable(text, sizeof(text), why->message, strcspn(why->message, "\n"));
	return err_set(err, ERR_INPUT, 0, "XML line %d: %s", why ? why->line : 0, text);
}

int xmldoc_parse(const char *text, size_t len, struct xmldoc **out, struct err *err)
{
	/* XML_PARSE_NOENT and _HUGE stay off: entities are not expanded, libxml2's limits hold */
	const int options =
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_COMPACT;
	xmlParserCtxt *ctxt;
	xmlDoc *doc;
	int res = 0;

	if (len > XMLDOC_SIZE_MAX)
		return err_set(
			err, ERR_INPUT, 0, "XML of %zu bytes, more than %u", len, XMLDOC_SIZE_MAX);
	ctxt = xmlNewParserCtxt();
	if (ctxt == NULL)
		return err_set(err, ERR_IO, 0, "no XML parser");
	doc = xmlCtxtReadMemory(ctxt, text, (int)len, NULL, "UTF-8", options);
	if (doc == NULL)
		res = parse_failed(ctxt, err);
	else if (doc->intSubset != NULL || doc->extSubset != NULL)
		res = err_set(err, ERR_INPUT, 0, "XML with a document type is not accepted");
	xmlFreeParserCtxt(ctxt);
	if (res != 0) {
		xmlFreeDoc(doc);
		return -1;
	}
	*out = xmalloc(sizeof(**out));
	(*out)->doc = doc;
	return 0;
}

void xmldoc_free(struct xmldoc *doc)
{
	if (doc == NULL)
		return;
	xmlFreeDoc(doc->doc);
	free(doc);
}
