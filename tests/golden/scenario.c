/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario.h"

#include "base/str.h"
#include "fake_words.h"
#include "golden.h"
#include "world/yamldoc.h"

#include "cmocka_all.h"

#include <glob.h>
#include <string.h>

/* What a person sees; the file is named without its directory, which differs between machines. */
static char *diagnostics_of(const char *path)
{
	struct diags *diags = xcalloc(1, sizeof(*diags));
	const struct source *src = yamldoc_read(path, SCENARIO_SIZE_MAX, diags);
	struct scenario *sc;
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	assert_non_null(src);
	sc = scenario_parse(
		strrchr(path, '/') + 1, src->text, src->len, NULL, 0, &fake_words, diags);
	diags_print(diags, out);
	fprintf(out, "%s: %zu errors, %zu warnings\n", sc ? "accepted" : "refused", diags->errors,
		diags->warnings);
	fclose(out);
	scenario_free(sc);
	free(diags);
	return bytes;
}

static void every_diagnostic_is_as_it_was_looked_at(void **state)
{
	glob_t found;
	size_t i;

	(void)state;
	assert_int_equal(glob(SOURCE_DIR "/tests/golden/scenario/*.yaml", 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		auto_free char *bytes = diagnostics_of(found.gl_pathv[i]);
		auto_free char *path =
			xasprintf("scenario/%s.expected", strrchr(found.gl_pathv[i], '/') + 1);

		golden_check(path, bytes, strlen(bytes));
	}
	globfree(&found);
	source_forget_all();
}

static void every_shipped_scenario_is_accepted_without_a_word(void **state)
{
	glob_t found;
	size_t i;

	(void)state;
	assert_int_equal(glob(SOURCE_DIR "/scenarios/*.yaml", 0, NULL, &found), 0);
	for (i = 0; i < found.gl_pathc; i++) {
		auto_free char *bytes = diagnostics_of(found.gl_pathv[i]);

		assert_string_equal(bytes, "accepted: 0 errors, 0 warnings\n");
	}
	globfree(&found);
	source_forget_all();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_diagnostic_is_as_it_was_looked_at),
		cmocka_unit_test(every_shipped_scenario_is_accepted_without_a_word),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
