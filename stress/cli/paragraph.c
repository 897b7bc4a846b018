/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/paragraph.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

#include <string.h>

char *paragraph_clean(const char *text)
{
	size_t n = strlen(text), i;
	auto_free char *flat = xstrdup(text);

	for (i = 0; i < n; i++)
		if (flat[i] == '\n' || flat[i] == '\t')
			flat[i] = ' ';
	while (n > 0 && flat[n - 1] == ' ')
		n--;
	return str_printable(xmalloc(4 * n + 8), 4 * n + 8, flat, n);
}

static void write_blanks(FILE *out, size_t n)
{
	for (; n > 0; n--)
		putc_unlocked(' ', out);
}

void paragraph_write(FILE *out, const struct paragraph *p, const char *label, const char *text)
{
	auto_free char *cleaned = paragraph_clean(text);
	size_t width = p->text - p->left, used;
	const char *s = cleaned;

	do {
		size_t fits = utf8_fit(s, p->columns - p->text), len = fits;

		while (s[fits] != '\0' && len > 0 && s[len] != ' ')
			len--;
		if (len == 0)
			len = fits;
		used = strlen(label);
		write_blanks(out, p->left);
		fwrite(label, 1, used, out);
		write_blanks(out, used < width ? width - used : 0);
		fwrite(s, 1, len, out);
		putc('\n', out);
		label = "";
		s += len;
		s += strspn(s, " ");
	} while (*s != '\0');
}
