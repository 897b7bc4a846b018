/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/template.h"

#include "base/diags.h"
#include "base/mem.h"
#include "model/run_view.h"
#include "reporters/message.h"
#include "reporters/template_render.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct incident incidents[3] = {
	{.id = "a.b", .nfirst = 1, .first = {{1, "<!x> \x1b \xff"}}, .has_bdf = true},
	{.id = "c", .meaning = "\"\\"},
	{.id = "d"},
};

static const struct run_view run = {
	.verdict = VERDICT_FAIL,
	.id = "run",
	.scenario = "s",
	.verdict_reason = "*why* `not`",
	.ended_ns = 1,
	.incidents = incidents,
	.nincidents = 3,
	.totals = {.all = 9},
};

/* Whatever is accepted makes no more than it may, or says why it makes nothing. */
static void check_render(const struct template *t, size_t max)
{
	struct err err = {0};
	struct message m;
	size_t len = 0;
	char *made;

	message_of_run(&m, &run, false);
	made = template_render(t, &m, max, &len, &err);
	if (made != NULL ? len > max || strlen(made) != len : err.msg[0] == '\0')
		abort();
	free(made);
	message_finish(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diags *diags = xcalloc(1, sizeof(*diags));
	auto_file FILE *out = fopen("/dev/null", "w");
	struct arena arena = {0};
	struct template *t =
		template_compile(&arena, source_keep("fuzz", (const char *)data, size), diags);

	if (t != NULL) {
		check_render(t, MOST);
		check_render(t, 40);
	} else if (diags->errors == 0) {
		abort();
	}
	diags_print(diags, out);
	arena_finish(&arena);
	free(diags);
	source_forget_all();
	return 0;
}
