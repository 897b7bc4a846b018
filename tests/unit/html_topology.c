/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reporters/html_topology.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/run_view.h"
#include "model/snapshot.h"
#include "model/topology.h"
#include "reporters/html_page.h"

#include "cmocka_all.h"

#include "small_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A machine of so many functions, and a run on the first of them. */
struct world {
	char dir[64];
	struct store *store;
	int64_t run;
	struct pcidev *devs;
	struct pcifacts *facts;
	size_t n;
	struct lane_row lane;
};

static void set_up(struct world *w, size_t n)
{
	char path[96];
	size_t i;

	*w = (struct world){.n = n, .dir = "/tmp/vfio-stress-topology.XXXXXX"};
	assert_non_null(mkdtemp(w->dir));
	snprintf(path, sizeof(path), "%s/runs.db", w->dir);
	w->store = small_run(path, &w->run);
	w->devs = xcalloc(n, sizeof(*w->devs));
	w->facts = xcalloc(n, sizeof(*w->facts));
	for (i = 0; i < n; i++) {
		w->devs[i] = (struct pcidev){
			.bdf = {0, (uint8_t)(i / 256), (uint8_t)(i / 8 % 32), (uint8_t)(i % 8)},
			.iommu_group = -1};
		w->facts[i] = (struct pcifacts){.drivers = "", .slot = ""};
	}
	w->lane = (struct lane_row){.name = "gpu", .reason = "", .devices = w->devs, .ndevices = 1};
}

static void tear_down(struct world *w)
{
	static const char *const files[] = {"runs.db", "runs.db-wal", "runs.db-shm", ""};
	char path[96];
	size_t i;

	store_close(w->store);
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
		remove(path);
	}
	free(w->devs);
	free(w->facts);
}

static void keep(struct world *w, const char *text, size_t len)
{
	struct err err;

	assert_int_equal(store_snapshot(w->store, w->run, text, len, &err), 0);
}

static void keep_machine(struct world *w)
{
	struct topology t = {.machine = {"h", "", "", "", "", "", "", ""},
		.devs = {w->devs, w->n},
		.facts = w->facts};
	auto_free char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	snapshot_write(&t, "0", out);
	fclose(out);
	keep(w, text, len);
}

static char *picture(struct world *w)
{
	const struct run_view view = {
		.store = w->store, .key = w->run, .lanes = &w->lane, .nlanes = 1};
	struct page p = {.run = &view};
	char *text = NULL;
	size_t len;

	p.out = open_memstream(&text, &len);
	html_topology(&p);
	fclose(p.out);
	return text;
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

static void of_many_below_one_port_some_are_shown_and_the_rest_counted(void **state)
{
	struct world w;
	size_t i;

	(void)state;
	set_up(&w, 41);
	w.devs[40].is_bridge = true; /* the port: the last of the bus */
	for (i = 0; i < 40; i++) {
		w.devs[i].parent = w.devs[40].bdf;
		w.devs[i].has_parent = true;
	}
	keep_machine(&w);
	auto_free char *text = picture(&w);

	assert_int_equal(count(text, "<div class=\"node lane\">"), 1);
	/* its slot has eight functions, and that is as many as a port shows */
	assert_int_equal(count(text, "<div class=\"node neighbour\">"), 7);
	assert_non_null(strstr(text, "+32 others"));
	assert_null(strstr(text, "culprit"));
	tear_down(&w);
}

static void a_machine_of_hundreds_is_no_page_of_hundreds(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, 2000);
	w.lane.ndevices = 1500;
	keep_machine(&w);
	auto_free char *text = picture(&w);

	assert_int_equal(count(text, "<div class=\"node lane\">"), 300);
	assert_non_null(strstr(text, "1200 more devices of the lanes are not in the picture"));
	tear_down(&w);
}

/* A snapshot may come from anywhere. */
static void ports_that_are_below_each_other_are_no_endless_tree(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, 3);
	w.devs[0].parent = w.devs[1].bdf;
	w.devs[1].parent = w.devs[2].bdf;
	w.devs[2].parent = w.devs[1].bdf;
	w.devs[0].has_parent = w.devs[1].has_parent = w.devs[2].has_parent = true;
	w.devs[1].is_bridge = w.devs[2].is_bridge = true;
	keep_machine(&w);
	auto_free char *text = picture(&w);

	assert_true(count(text, "<li") < 100);
	assert_int_equal(count(text, "<li"), count(text, "</li>"));
	assert_int_equal(count(text, "<ul"), count(text, "</ul>"));
	tear_down(&w);
}

static void a_device_that_came_later_is_in_no_picture(void **state)
{
	static struct pcidev late = {.bdf = {0, 0x99, 0, 0}};
	struct world w;

	(void)state;
	set_up(&w, 3);
	w.lane.devices = &late;
	keep_machine(&w);
	auto_free char *text = picture(&w);

	assert_non_null(strstr(text, "No device of a lane was in the machine"));
	tear_down(&w);
}

static void a_snapshot_that_is_none_is_told_with_why(void **state)
{
	struct world w;

	(void)state;
	set_up(&w, 1);
	keep(&w, "{\"<b>\"", 6);
	auto_free char *text = picture(&w);

	assert_non_null(strstr(text, "that is kept with this run cannot be read: "));
	assert_null(strstr(text, "<b>"));
	tear_down(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_many_below_one_port_some_are_shown_and_the_rest_counted),
		cmocka_unit_test(a_machine_of_hundreds_is_no_page_of_hundreds),
		cmocka_unit_test(ports_that_are_below_each_other_are_no_endless_tree),
		cmocka_unit_test(a_device_that_came_later_is_in_no_picture),
		cmocka_unit_test(a_snapshot_that_is_none_is_told_with_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
