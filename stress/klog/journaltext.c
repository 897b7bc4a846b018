/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/journaltext.h"

#include "base/str.h"
#include "world/jin.h"

#include <ctype.h>
#include <endian.h>
#include <string.h>

/* of a binary field; a core dump has more, a kernel's message less */
#define VALUE_MAX      4096
#define FIELD_NAME_MAX 64 /* as in the journal */
#define VERBOSE_INDENT 4

static bool starts_at(const struct logfile_line *line, const char *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(line->s + line->n - s) >= n && memcmp(s, word, n) == 0;
}

static bool starts(const struct logfile_line *line, const char *word)
{
	return starts_at(line, line->s, word);
}

static size_t blanks(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && (s[i] == ' ' || s[i] == '\t'))
		i++;
	return i;
}

/* "Sat 2026-05-30 19:39:03.123456 UTC [s=...;i=...;b=...;m=...;t=...;x=...]" */
static bool is_verbose_head(const struct logfile_line *line)
{
	const char *open;

	if (line->n < 40 || line->s[line->n - 1] != ']' || !isalnum((unsigned char)line->s[0]))
		return false;
	open = memrchr(line->s, '[', line->n);
	return open != NULL && starts_at(line, open, "[s=") &&
		memmem(open, (size_t)(line->s + line->n - open), ";b=", 3) != NULL;
}

/* Where the object begins in the line; NULL when there is none. */
static const char *json_begin(const struct logfile_line *line)
{
	const char *s = line->s, *end = line->s + line->n;

	if (starts(line, "data: "))
		s += 6;
	if (s < end && *s == '\x1e')
		s++;
	/* "{12}[Hardware Error]: " is the kernel's */
	if (end - s < 3 || *s != '{' || (s[1] != '"' && (s[1] != ' ' || s[2] != '"')))
		return NULL;
	return s;
}

/* "{", "},{", "   {" */
static bool is_pretty_begin(const struct logfile_line *line)
{
	size_t i = blanks(line->s, line->n);

	if (line->n > 64 || line->n == 0 || line->s[line->n - 1] != '{')
		return false;
	for (; i < line->n; i++)
		if (strchr("{}, \x1e", line->s[i]) == NULL)
			return false;
	return true;
}

enum journaltext journaltext_begins(const struct logfile_line *line)
{
	if (line->n == 0)
		return JOURNALTEXT_NONE;
	if (line->s[0] == '_' && starts(line, "__CURSOR="))
		return JOURNALTEXT_EXPORT;
	if (json_begin(line) != NULL)
		return JOURNALTEXT_JSON;
	if (line->s[line->n - 1] == '{')
		return is_pretty_begin(line) ? JOURNALTEXT_PRETTY : JOURNALTEXT_NONE;
	return is_verbose_head(line) ? JOURNALTEXT_VERBOSE : JOURNALTEXT_NONE;
}

/* ---- fields ---- */

struct reading {
	struct logfile *f;
	struct jrecord r;
	uint64_t no; /* of the line that is being read */
	uint64_t message_no; /* 0 = none yet */
	bool in_value; /* further lines of one follow: of an array, of the message */
};

static void take(void *arg, const char *name, const char *value, size_t n)
{
	struct reading *rd = arg;

	jrecord_field(&rd->r, name, value, n);
	if (str_eq(name, "MESSAGE") || str_eq(name, "msg"))
		rd->message_no = rd->no;
}

static bool copy_name(char name[FIELD_NAME_MAX + 1], const char *s, size_t n)
{
	size_t i;

	if (n == 0 || n > FIELD_NAME_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (!isupper((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '_')
			return false;
		name[i] = s[i];
	}
	name[n] = '\0';
	return true;
}

/* "NAME=value" */
static bool take_assignment(struct reading *rd, const char *s, size_t n)
{
	const char *equal = memchr(s, '=', n);
	char name[FIELD_NAME_MAX + 1];

	if (equal == NULL || !copy_name(name, s, (size_t)(equal - s)))
		return false;
	take(rd, name, equal + 1, n - (size_t)(equal - s) - 1);
	return true;
}

/*
 * "NAME", a newline, the length in 64 bits, little endian, the value as it is, a newline: what has
 * newlines in it (the kernel's multi-line messages) or is not UTF-8. 1 = taken, 0 = it is no name.
 */
static int take_binary(struct reading *rd, const struct logfile_line *line, struct err *err)
{
	char name[FIELD_NAME_MAX + 1], value[VALUE_MAX];
	uint64_t left;
	size_t n;

	if (!copy_name(name, line->s, line->n))
		return 0;
	if (!logfile_bytes(rd->f, (char *)&left, sizeof(left), err))
		return -1;
	left = le64toh(left);
	rd->no = logfile_lines(rd->f) + 1;
	n = left < sizeof(value) ? (size_t)left : sizeof(value);
	if (!logfile_bytes(rd->f, value, n, err))
		return -1;
	take(rd, name, value, n);
	/* a length that is none ends with the file */
	for (left -= n; left > 0; left -= n) {
		n = left < sizeof(value) ? (size_t)left : sizeof(value);
		if (!logfile_bytes(rd->f, value, n, err))
			return -1;
	}
	return logfile_bytes(rd->f, value, 1, err) ? 1 : -1;
}

/* "\"NAME\" : \"value\"," */
static void take_member(struct reading *rd, const char *s, size_t n)
{
	struct str object = {0};

	while (n > 0 && (s[n - 1] == ',' || s[n - 1] == ' '))
		n--;
	str_add(&object, "{");
	str_addn(&object, s, n);
	str_add(&object, "}");
	jin_members(object.s, object.len, take, rd);
	str_finish(&object);
}

/* ---- lines behind the first ---- */

enum whose { MINE, MINE_LAST, NOT_MINE, FAILED };

static enum whose export_line(struct reading *rd, const struct logfile_line *line, struct err *err)
{
	int rc;

	if (line->n == 0)
		return MINE_LAST;
	if (take_assignment(rd, line->s, line->n))
		return MINE;
	rc = take_binary(rd, line, err);
	return rc < 0 ? FAILED : rc > 0 ? MINE : NOT_MINE;
}

static enum whose pretty_line(struct reading *rd, const struct logfile_line *line)
{
	size_t skip = blanks(line->s, line->n);

	if (skip == line->n)
		return NOT_MINE;
	/* "},{" is the next one's begin */
	if (line->s[skip] == '}' && line->s[line->n - 1] != '{')
		return MINE_LAST;
	if (rd->in_value && strchr("[{}", line->s[skip]) == NULL) {
		rd->in_value = line->s[skip] != ']';
		return MINE;
	}
	if (line->s[skip] != '"')
		return NOT_MINE;
	rd->in_value = line->s[line->n - 1] == '[';
	take_member(rd, line->s + skip, line->n - skip);
	return MINE;
}

static enum whose verbose_line(struct reading *rd, const struct logfile_line *line)
{
	size_t skip = blanks(line->s, line->n);

	if (skip < VERBOSE_INDENT)
		return NOT_MINE;
	if (skip == VERBOSE_INDENT && take_assignment(rd, line->s + skip, line->n - skip))
		rd->in_value = rd->message_no == line->no;
	/* further lines of a value stand below its first */
	else if (rd->in_value)
		jrecord_more(&rd->r, line->s + skip, line->n - skip);
	return MINE;
}

/* Up to the record's end, or to the line behind it: then `more`. */
static int read_lines(struct reading *rd, enum journaltext kind, struct logfile_line *line,
	struct journaltext_record *out, struct err *err)
{
	int rc;

	while ((rc = logfile_next(rd->f, line, err)) > 0) {
		enum whose whose;

		rd->no = line->no;
		whose = kind == JOURNALTEXT_EXPORT   ? export_line(rd, line, err)
			: kind == JOURNALTEXT_PRETTY ? pretty_line(rd, line)
						     : verbose_line(rd, line);
		if (whose == FAILED)
			return -1;
		out->more = whose == NOT_MINE;
		if (whose != MINE)
			return 0;
		out->last_no = logfile_lines(rd->f);
	}
	return rc;
}

int journaltext_read(struct logfile *f, enum journaltext kind, struct logfile_line *line,
	struct journaltext_record *out, struct err *err)
{
	struct reading rd = {.f = f, .no = line->no};
	const char *json;

	jrecord_init(&rd.r);
	*out = (struct journaltext_record){.first_no = line->no, .last_no = line->no};
	if (kind == JOURNALTEXT_JSON) {
		json = json_begin(line);
		if (!jin_members(json, (size_t)(line->s + line->n - json), take, &rd))
			return 0;
	} else if (read_lines(&rd, kind, line, out, err) != 0) {
		return -1;
	}
	if (!out->more)
		out->last_no = logfile_lines(f);
	if (jrecord_finish(&rd.r)) {
		out->message_no = rd.message_no;
		out->rec = rd.r.rec;
		str_set(out->boot, rd.r.boot);
	}
	return 1;
}
