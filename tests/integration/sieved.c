/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sieved FILE: the lines of a log that the catalogue's sieve lets through, on standard output. */
#include "base/diags.h"
#include "base/str.h"
#include "klog/rules.h"
#include "klog/savedlog.h"
#include "klog/sieve.h"

#include <stdio.h>
#include <string.h>

static int read_file(const char *path, struct str *out)
{
	FILE *f = fopen(path, "r");
	char buf[65536];
	size_t n;

	if (f == NULL)
		return -1;
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		str_addn(out, buf, n);
	return fclose(f);
}

int main(int argc, char **argv)
{
	static const char *const also[] = {NULL};
	struct diags diags = {0};
	struct rules *rules = rules_load(NULL, 0, &diags);
	struct sieve *sieve = rules != NULL ? savedlog_make_sieve(rules, also) : NULL;
	struct sieve_hand *hand = sieve != NULL ? sieve_hand_new(sieve) : NULL;
	struct sieved_lines lines = {0};
	struct str text = {0};

	if (argc != 2 || hand == NULL || read_file(argv[1], &text) != 0)
		return 2;
	sieve_text(hand, text.s, text.len, &lines);
	vec_foreach (line, &lines.list)
		printf("%.*s\n", (int)strcspn(text.s + line->at, "\n"), text.s + line->at);
	vec_finish(&lines.list);
	str_finish(&text);
	sieve_hand_free(hand);
	sieve_free(sieve);
	rules_free(rules);
	return lines.all;
}
