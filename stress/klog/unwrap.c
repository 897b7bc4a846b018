/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/unwrap.h"

#include "base/mem.h"
#include "klog/rules.h"
#include "klog/savedlog.h"

#include <stdlib.h>
#include <string.h>

/* mails are wrapped somewhere here (RFC 1855: 65; RFC 5322: 78), QP lines at 76 (RFC 2045) */
#define WIDTH_MIN     65
#define WIDTH_MAX     80
#define FIRST_MIN     40 /* no word of the catalogue's lines is longer than the rest of a line */
#define SOFT_LINE_MIN 70 /* an "=41" that is not torn leaves a few bytes empty */
#define SOFT_LINE_MAX 76
#define PIECES_MAX    4 /* the longest lines of the catalogue have about 240 columns */

struct unwrap {
	struct classifier *classifier;
	unwrap_out *out;
	void *arg;
	struct savedlog_line held[PIECES_MAX]; /* pieces of what may be one line */
	size_t nheld;
	struct savedlog_line joined; /* all of them, the first one's stamp */
	size_t columns; /* of the wrapped line that the last piece ends, without quoted-printable */
	uint64_t count;
};

struct unwrap *unwrap_new(struct classifier *c, unwrap_out *out, void *arg)
{
	struct unwrap *u = xcalloc(1, sizeof(*u));

	u->classifier = c;
	u->out = out;
	u->arg = arg;
	return u;
}

void unwrap_free(struct unwrap *u)
{
	free(u);
}

bool unwrap_waits(const struct unwrap *u)
{
	return u->nheld > 0;
}

uint64_t unwrap_count(const struct unwrap *u)
{
	return u->count;
}

static bool means_something(struct unwrap *u, const struct savedlog_line *line)
{
	struct klog_match m;

	return classify(u->classifier, line->rec.text, line->rec.len, line->source, &m);
}

/* "=" at the end: quoted-printable goes on in the next line. */
static bool is_soft(const struct savedlog_line *line)
{
	return line->columns >= SOFT_LINE_MIN && line->columns <= SOFT_LINE_MAX &&
		line->rec.len > 0 && line->rec.text[line->rec.len - 1] == '=';
}

static bool is_piece(const struct savedlog_line *line)
{
	return line->is_record && !line->new_boot && !line->rec.truncated && line->rec.lost == 0 &&
		line->rec.len > 0 && line->columns > 0 && line->columns <= WIDTH_MAX;
}

static bool may_follow(const struct unwrap *u, const struct savedlog_line *line)
{
	const struct savedlog_line *before = &u->held[u->nheld - 1];
	size_t word = strcspn(line->rec.text, " ");

	return is_piece(line) && line->bare && line->no == before->no + 1 &&
		(is_soft(before) || u->columns + 1 + word > WIDTH_MIN);
}

/* Blanks that quoted-printable leaves are the line's own; others tore it at one. */
static bool join(struct savedlog_line *to, const struct savedlog_line *piece, bool soft)
{
	struct klog_rec *rec = &to->rec;
	size_t at = rec->len - (soft ? 1u : 0u), blanks = soft ? piece->indent : 1;

	if (at + blanks + piece->rec.len > KMSG_TEXT_MAX)
		return false;
	memset(rec->text + at, ' ', blanks);
	memcpy(rec->text + at + blanks, piece->rec.text, piece->rec.len + 1u);
	rec->len = (uint16_t)(at + blanks + piece->rec.len);
	return true;
}

static void hold(struct unwrap *u, const struct savedlog_line *line)
{
	if (u->nheld == 0)
		u->joined = *line;
	if (u->nheld > 0 && is_soft(&u->held[u->nheld - 1]))
		u->columns += line->columns - 1;
	else
		u->columns = line->columns;
	u->held[u->nheld++] = *line;
}

void unwrap_end(struct unwrap *u)
{
	size_t i, n = u->nheld;

	u->nheld = 0;
	for (i = 0; i < n; i++)
		u->out(u->arg, &u->held[i]);
}

/* What quoted-printable tore is whole in none of its pieces, even when one already means something. */
static bool may_begin(struct unwrap *u, const struct savedlog_line *line)
{
	return is_piece(line) && line->columns >= FIRST_MIN &&
		(is_soft(line) || !means_something(u, line));
}

/* True when it is a further piece of what is held. */
static bool goes_on(struct unwrap *u, const struct savedlog_line *line)
{
	bool soft = is_soft(&u->held[u->nheld - 1]);

	if (u->nheld == PIECES_MAX || !may_follow(u, line) || means_something(u, line) ||
		!join(&u->joined, line, soft))
		return false;
	if (!means_something(u, &u->joined)) {
		hold(u, line);
		return true;
	}
	u->count++;
	u->nheld = 0;
	u->out(u->arg, &u->joined);
	return true;
}

void unwrap_take(struct unwrap *u, struct savedlog_line *line)
{
	if (u->nheld > 0 && goes_on(u, line))
		return;
	unwrap_end(u);
	if (may_begin(u, line))
		hold(u, line);
	else
		u->out(u->arg, line);
}
