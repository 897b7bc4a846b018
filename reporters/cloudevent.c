/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/cloudevent.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "world/jout.h"

#include <ctype.h>

/* A host name as a part of a URI reference. */
static char *source_of(const char *host)
{
	const char *s = host && *host ? host : "unknown";
	struct str out = {0};

	str_add(&out, "/vfio-stress/");
	for (; *s != '\0'; s++)
		if (isalnum((unsigned char)*s) || *s == '-' || *s == '.' || *s == '_')
			str_addn(&out, s, 1);
		else
			str_addf(&out, "%%%02X", (unsigned char)*s);
	return out.s;
}

static void attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\": ", name);
	jout_write_str(value, out);
	fputs(",\n", out);
}

void cloudevent_begin(const struct cloudevent *ev, FILE *out)
{
	auto_free char *source = source_of(ev->host);
	char time[40];

	fputs("{", out);
	attribute(out, "specversion", "1.0");
	attribute(out, "id", ev->id);
	attribute(out, "source", source);
	attribute(out, "type", ev->type);
	if (ev->time_ns != 0)
		attribute(out, "time", clock_rfc3339(ev->time_ns, time, sizeof(time)));
	attribute(out, "subject", ev->subject);
	attribute(out, "datacontenttype", "application/json");
	attribute(out, "dataschema", ev->schema);
	fputs("\"data\": ", out);
}
