/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_TESTS_SMALL_RUN_H
#define VFIO_STRESS_TESTS_SMALL_RUN_H

#include "model/scenario.h"
#include "model/store.h"

#include "cmocka_all.h"

/* A new store with a run of one lane, whose key is told. The caller closes it. */
static struct store *small_run(const char *path, int64_t *key)
{
	static struct lane_spec lane = {.name = "lane"};
	const struct scenario sc = {.name = "s",
		.connect = "test:///default",
		.source = {.text = ""},
		.lanes = &lane,
		.nlanes = 1};
	const struct lane_begin lanes[] = {{.spec = &lane}};
	const struct run_begin begin = {.id = "run",
		.lanes = lanes,
		.scenario = &sc,
		.settings = "",
		.tool_version = "",
		.boot_id = ""};
	struct store *store = NULL;
	struct err err = {0};

	if (store_open(path, STORE_CREATE, &store, &err) != 0 ||
		store_run_begin(store, &begin, key, &err) != 0)
		fail_msg("%s", err.msg);
	return store;
}

#endif
