/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include "base/mem.h"
#include "cli/command.h"
#include "cli/paragraph.h"

#include <stdlib.h>
#include <string.h>

#define EXIT_CODES "Exit codes: "
#define PIECES_MAX 64
#define WIDTH      (HELP_COLUMNS - 1) /* a full line would wrap on some terminals */

/* A part of --help. What matters less goes first when there is no room. */
struct piece {
	char *text; /* whole lines */
	size_t lines;
	unsigned rank; /* 0 = stays whatever happens */
	bool dropped;
};

struct layout {
	struct piece v[PIECES_MAX];
	size_t n;
	bool brief; /* an option has one line */
};

/* Lines of a paragraph are joined; an example is a line of its own. */
static void add_line(struct help_text *h, struct str **paragraph, const char *line)
{
	if (str_starts(line, "  ")) {
		str_addf(&h->examples, "%s\n", line + 2);
		return;
	}
	if (str_starts(line, EXIT_CODES)) {
		if (h->description.len > 0 && h->description.s[h->description.len - 1] != '\n')
			str_add(&h->description, "\n");
		*paragraph = &h->exit_codes;
		line += strlen(EXIT_CODES);
	}
	if (*line != '\0') {
		const struct str *p = *paragraph;

		str_addf(*paragraph, "%s%s", p->len > 0 && p->s[p->len - 1] != '\n' ? " " : "",
			line);
		return;
	}
	if (*paragraph == &h->description && h->description.len > 0 &&
		h->description.s[h->description.len - 1] != '\n')
		str_add(&h->description, "\n");
	*paragraph = &h->description;
}

void help_text_init(struct help_text *h, const struct command *cmd)
{
	struct str *paragraph = &h->description, text = {0};
	char *line, *rest;

	*h = (struct help_text){0};
	str_add(&text, cmd->text);
	if (cmd->add_text != NULL)
		cmd->add_text(&h->words);
	str_add(&text, "\n");
	for (rest = text.s; (line = strsep(&rest, "\n")) != NULL;)
		add_line(h, &paragraph, line);
	str_finish(&text);
}

void help_text_finish(struct help_text *h)
{
	str_finish(&h->description);
	str_finish(&h->words);
	str_finish(&h->exit_codes);
	str_finish(&h->examples);
}

static void add_piece(struct layout *l, unsigned rank, char *text)
{
	struct piece *p = &l->v[l->n];
	const char *s;

	if (l->n == PIECES_MAX) {
		free(text);
		return;
	}
	*p = (struct piece){.text = text, .rank = rank};
	for (s = text; (s = strchr(s, '\n')) != NULL; s++)
		p->lines++;
	l->n++;
}

/* A piece that is being written. */
struct draft {
	FILE *out;
	char *bytes;
	size_t len;
};

static void draft_begin(struct draft *d)
{
	d->out = open_memstream(&d->bytes, &d->len);
	if (d->out == NULL)
		abort();
	fputc('\n', d->out);
}

static void draft_end(struct draft *d, struct layout *l, unsigned rank)
{
	fclose(d->out);
	add_piece(l, rank, d->bytes);
}

/* A paragraph after a blank line. */
static void add_paragraph(struct layout *l, unsigned rank, const char *text)
{
	const struct paragraph shape = {.columns = WIDTH};
	struct draft d;

	draft_begin(&d);
	paragraph_write(d.out, &shape, "", text);
	draft_end(&d, l, rank);
}

/* The words of a text that fit. */
static void put_cut(FILE *out, const char *text, size_t fits)
{
	size_t n = strlen(text);

	if (n <= fits) {
		fprintf(out, "%s\n", text);
		return;
	}
	for (n = fits - 3; n > 0 && text[n] != ' ';)
		n--;
	fprintf(out, "%.*s...\n", (int)n, text);
}

static char *label_of(const struct option_spec *o)
{
	return xasprintf("%c%c%s--%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		o->letter ? ", " : "  ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

static size_t widest_label(const struct option_spec *specs, size_t width)
{
	for (; specs->name != NULL; specs++) {
		auto_free char *label = label_of(specs);

		if (!specs->hidden && strlen(label) > width)
			width = strlen(label);
	}
	return width;
}

static void put_options(FILE *out, const struct option_spec *specs, size_t width, bool brief)
{
	const struct paragraph shape = {.left = 2, .text = 4 + width, .columns = WIDTH};

	for (; specs->name != NULL; specs++) {
		auto_free char *label = label_of(specs);

		/* who reads --help knows how to get it */
		if (specs->hidden || (brief && str_eq(specs->name, "help")))
			continue;
		if (!brief) {
			paragraph_write(out, &shape, label, specs->help);
			continue;
		}
		fprintf(out, "  %-*s  ", (int)width, label);
		put_cut(out, specs->help, WIDTH - shape.text);
	}
}

static void add_options(struct layout *l, const struct command *cmd)
{
	size_t width = widest_label(common_options, widest_label(cmd->options, 0));
	struct draft d;

	draft_begin(&d);
	fputs("options:\n", d.out);
	put_options(d.out, cmd->options, width, l->brief);
	put_options(d.out, common_options, width, l->brief);
	draft_end(&d, l, 0);
}

/* The first is the best one. */
static void add_examples(struct layout *l, struct help_text *h)
{
	char *line, *rest = h->examples.s;
	size_t i;

	for (i = 0; rest != NULL && (line = strsep(&rest, "\n")) != NULL && *line != '\0'; i++)
		add_piece(l,
			i == 0           ? 0
				: i == 1 ? 2
					 : 20 + (unsigned)i,
			xasprintf("%s  %s\n", i == 0 ? "\n" : "", line));
}

static void lay_out(struct layout *l, const struct command *cmd)
{
	char *line, *rest;
	struct help_text h;
	size_t i;

	help_text_init(&h, cmd);
	add_piece(l, 0,
		xasprintf("usage: vfio-stress %s [options]%s%s\n%s%s\n", cmd->name,
			*cmd->operands ? " " : "", cmd->operands, l->brief ? "" : "\n",
			cmd->summary));
	rest = h.description.s;
	for (i = 0; rest != NULL && (line = strsep(&rest, "\n")) != NULL && *line != '\0'; i++)
		add_paragraph(l, i == 0 ? 3 : 10 + (unsigned)i, line);
	if (h.words.len > 0)
		add_paragraph(l, 1, h.words.s);
	add_examples(l, &h);
	if (h.exit_codes.len > 0) {
		auto_free char *codes = xasprintf(EXIT_CODES "%s", h.exit_codes.s);

		add_paragraph(l, 1, codes);
	}
	add_options(l, cmd);
	help_text_finish(&h);
}

static size_t lines_of(const struct layout *l)
{
	size_t i, lines = 0;

	for (i = 0; i < l->n; i++)
		lines += l->v[i].dropped ? 0 : l->v[i].lines;
	return lines;
}

/* Drops what matters least until it fits, but nothing of `keep` or below. */
static bool make_fit(struct layout *l, unsigned keep)
{
	size_t room = HELP_LINES, i;

	while (lines_of(l) > room) {
		struct piece *least = NULL;

		for (i = 0; i < l->n; i++)
			if (!l->v[i].dropped && l->v[i].rank > keep &&
				(least == NULL || l->v[i].rank > least->rank))
				least = &l->v[i];
		if (least == NULL)
			return false;
		least->dropped = true;
		room = HELP_LINES - 1; /* where the rest is, is said */
	}
	return true;
}

static bool something_is_missing(const struct layout *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].dropped)
			return true;
	return l->brief;
}

static void layout_finish(struct layout *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->v[i].text);
	*l = (struct layout){0};
}

void help_print(const struct command *cmd, FILE *out)
{
	struct layout l = {0};
	size_t i;

	lay_out(&l, cmd);
	/* rather options cut short than hardly a word of text */
	if (!make_fit(&l, 3)) {
		layout_finish(&l);
		l.brief = true;
		lay_out(&l, cmd);
		make_fit(&l, 0);
	}
	for (i = 0; i < l.n; i++)
		if (!l.v[i].dropped)
			fputs(l.v[i].text, out);
	if (something_is_missing(&l))
		fprintf(out, "More: man vfio-stress-%s\n", cmd->name);
	layout_finish(&l);
}
