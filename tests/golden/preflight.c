/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/preflight_json.h"
#include "cli/preflight_text.h"

#include "base/str.h"
#include "golden.h"
#include "machine.h"
#include "preflight/preflight.h"
#include "preflight/words.h"

#include "cmocka_all.h"

#include <string.h>

struct view {
	const char *name;
	bool json;
	struct preflight_style style;
};

static const struct view views[] = {
	{"text", false, {.columns = 80}},
	{"verbose", false, {.all = true, .columns = 80}},
	{"colour", false, {.colour = true, .columns = 100}},
	{"json", true, {0}},
};

static void check(const char *machine, const char *wanted)
{
	auto_free char *log = xasprintf(SOURCE_DIR "/tests/trees/%s.kmsg", machine);
	const struct host host = {.root = "/nonexistent", .kmsg = log, .simulated = true};
	struct topology *t = machine_of(machine);
	const struct pcidev *devs[64];
	struct preflight p;
	size_t i;

	words_read(&host, t);
	preflight_look(t, devs, preflight_suggest(t, devs), &p);
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		auto_free char *path =
			xasprintf("preflight/%s.%s.expected", machine, views[i].name);
		auto_free char *bytes = NULL;
		size_t len = 0;
		FILE *out;

		if (strstr(wanted, views[i].name) == NULL)
			continue;
		out = open_memstream(&bytes, &len);
		if (views[i].json)
			preflight_write_json(&p, p.count[CHECK_FAIL] > 0, out);
		else
			preflight_write_text(&p, &views[i].style, out);
		fclose(out);
		golden_check(path, bytes, len);
	}
	preflight_finish(&p);
	machine_free(t);
}

static void each_variant_of_the_lab_is_judged_rightly(void **state)
{
	(void)state;
	check("intel", "text verbose colour json");
	check("amd", "text");
	check("none", "text json");
}

/* ---- docs/checks.md ---- */

static void write_check(FILE *out, const struct check *c)
{
	fprintf(out, "\n### %s\n\n%c%s (%s%s)\n", c->id, c->asks[0] - 'a' + 'A', c->asks + 1,
		c->of == CHECK_HOST             ? "once"
			: c->of == CHECK_DEVICE ? "of each device"
						: "of each domain",
		c->weight == WEIGHT_REFUSES             ? "; where it fails no run begins"
			: c->weight == WEIGHT_ESSENTIAL ? "; essential"
							: "");
	if (c->meaning[0] != '\0')
		fprintf(out, "\n%s\n", c->meaning);
	if (c->advice[0] != '\0')
		fprintf(out, "\n*%s*\n", c->advice);
}

static void the_page_of_checks_says_what_the_tables_say(void **state)
{
	const struct check *const *table, *c;
	const char *section = NULL;
	auto_free char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);

	(void)state;
	fputs("# Checks\n\nWhat `vfio-stress preflight` looks at, what it means when it is not as "
	      "it "
	      "should be, and *what\nto do*. Made from the tables in stress/preflight/ "
	      "(`golden_preflight --update-golden`); `vfio-stress\nlist checks` prints the same. "
	      "Ids "
	      "are for ever: scripts and reports use them. Where something\n*essential* cannot be "
	      "told, preflight as a whole cannot (exit code 3).\n",
		out);
	for (table = check_tables; *table != NULL; table++)
		for (c = *table; c->id != NULL; c++) {
			if (!str_eq(section, check_section(c)))
				fprintf(out, "\n## %s\n", check_section(c));
			section = check_section(c);
			write_check(out, c);
		}
	fclose(out);
	golden_check("../../docs/checks.md", bytes, len);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_variant_of_the_lab_is_judged_rightly),
		cmocka_unit_test(the_page_of_checks_says_what_the_tables_say),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
