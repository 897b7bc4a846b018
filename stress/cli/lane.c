/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/complain.h"
#include "engine/lane.h"
#include "engine/lane_keep.h"
#include "engine/lane_proc.h"
#include "engine/least.h"
#include "engine/vocabulary.h"

#include <stdio.h>

static struct scenario *load_file(const char *path)
{
	struct diags diags = {0};
	struct scenario *sc = scenario_load(path, NULL, 0, &words_of_this_build, &diags);

	diags_print(&diags, stderr);
	return sc;
}

static int run_alone(const struct host *host, struct scenario *sc, uint32_t index)
{
	auto_free struct lane_keep *keep = xcalloc(1, sizeof(*keep));

	return lane_main(host, sc, index, -1, keep);
}

static int run(const struct host *host, const struct options *o)
{
	const char *standalone = options_get(o, "standalone"),
		   *index_text = options_get(o, "index");
	struct lane_keep *keep = NULL;
	struct scenario *sc;
	struct err err = {0};
	int64_t index = 0;
	int code;

	least_rights();
	if (standalone != NULL)
		sc = load_file(standalone);
	else if ((sc = lane_brief_read(LANE_BRIEF_FD, &words_of_this_build, &err)) == NULL)
		return complain(&err);
	if (sc == NULL)
		return EXIT_USAGE;
	if (index_text != NULL && !str_to_i64(index_text, 10, 0, (int64_t)sc->nlanes - 1, &index)) {
		fprintf(stderr, "vfio-stress lane: there is no lane %s\n", index_text);
		scenario_free(sc);
		return EXIT_USAGE;
	}
	if (standalone != NULL)
		code = run_alone(host, sc, (uint32_t)index);
	else if ((keep = lane_keep_map(LANE_KEEP_FD, &err)) != NULL)
		code = lane_main(host, sc, (uint32_t)index, LANE_SOCKET_FD, keep);
	else
		code = complain(&err);
	lane_keep_free(keep);
	scenario_free(sc);
	return code;
}

static const struct option_spec options[] = {
	{0, "index", "N", "which lane of the scenario, from 0", false, false},
	{0, "standalone", "SCENARIO", "run it without a supervisor and print its events", false,
		false},
	{0},
};

const struct command cmd_lane = {
	.name = "lane",
	.operands = "",
	.summary = "the process of one lane (started by `run`)",
	.text = "Stand-alone it can be debugged: it prints events and nothing is stored or judged.",
	.options = options,
	.hidden = true,
	.run = run,
};
