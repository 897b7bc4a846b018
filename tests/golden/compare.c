/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two stored runs, before and after a change of firmware that made some things worse. */
#include "cli/compare_html.h"
#include "cli/compare_json.h"
#include "cli/compare_text.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/compare.h"
#include "engine/verdict.h"
#include "golden.h"
#include "machine.h"
#include "model/db.h"
#include "model/event.h"
#include "model/run_view.h"
#include "model/snapshot.h"
#include "model/store.h"
#include "stored_run.h"

#include "cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CYCLES 600

struct both {
	char dir[48], db[2][64];
	struct store *store[2];
	struct run_view *run[2];
};

static void do_sql(const char *db, const char *sql)
{
	struct store *store;
	struct err err;

	if (store_open(db, STORE_CHANGE, &store, &err) != 0 || store_begin(store, &err) != 0 ||
		db_exec(store_db(store), sql, &err) != 0 || store_commit(store, &err) != 0)
		fail_msg("%s", err.msg);
	store_close(store);
}

/* The run that all tests begin with: made once, because that waits for the disk a hundred times. */
static char original[64];

/* In memory, where there is such a place: stores sync what they write. */
static const char *place(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static int make_original(void **state)
{
	int fd;

	(void)state;
	snprintf(original, sizeof(original), "%s/vfio-stress-original.XXXXXX", place());
	fd = mkstemp(original);
	assert_true(fd >= 0);
	close(fd);
	stored_run_make(original, CYCLES, STORED_ENDED);
	return 0;
}

static int remove_original(void **state)
{
	(void)state;
	return unlink(original);
}

static void copy_original(const char *to)
{
	auto_file FILE *in = fopen(original, "re"), *out = fopen(to, "we");
	char buf[1 << 16];
	size_t n;

	assert_true(in != NULL && out != NULL);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
}

static void keep_snapshot(const char *db, const struct topology *t)
{
	auto_free char *text = NULL;
	struct store *store;
	struct err err;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	snapshot_write(t, "0.1.0", out);
	fclose(out);
	assert_int_equal(store_open(db, STORE_CHANGE, &store, &err), 0);
	assert_int_equal(store_snapshot(store, 1, text, n, &err), 0);
	store_close(store);
}

/*
 * The later run: starts take half as long again, each twelfth stop fails, the first reset is slow in every
 * twentieth cycle, a fault drips, a step was renamed to what means ill.
 */
static const char later[] =
	"UPDATE run SET id = '20261122-040000-beef', kernel = '6.13.1-amd64';"
	"UPDATE event SET dur_ns = dur_ns * 3 / 2 WHERE kind = 8 AND step = 0 AND lane = 0;"
	"UPDATE event SET outcome = 1 WHERE kind = 8 AND step = 3 AND lane = 0 AND cycle % 12 = 0;"
	"UPDATE event SET dur_ns = dur_ns * 9 WHERE kind = 8 AND step = 2 AND subject ="
	" '0000:41:00.0' AND cycle % 20 = 0;"
	"UPDATE incident SET count = 60, last_ns = first_ns + 600000000000,"
	" first_ns = 1795233600000000000, last_ns = 1895233600000000000 WHERE id = 'dmar.fault';"
	"UPDATE step SET name = '<script>alert(1)</script>' || char(27) || '[31m' WHERE lane = 0"
	" AND step = 1";

static void make_snapshots(struct both *b)
{
	struct topology *t = machine_of("intel");
	struct bdf gpu;

	keep_snapshot(b->db[0], t);
	t->machine.bios = "SeaBIOS 2.0";
	assert_true(bdf_parse("0000:02:00.0", &gpu));
	str_set(t->devs.v[pcidev_find(&t->devs, gpu) - t->devs.v].reset_methods, "bus");
	keep_snapshot(b->db[1], t);
	machine_free(t);
}

static int make_both(void **state)
{
	struct both *b = xcalloc(1, sizeof(*b));
	char dir[sizeof(b->dir)];
	int i;

	snprintf(dir, sizeof(dir), "%s/vfio-stress-compare.XXXXXX", place());
	assert_non_null(mkdtemp(dir));
	str_set(b->dir, dir);
	for (i = 0; i < 2; i++) {
		snprintf(b->db[i], sizeof(b->db[i]), "%s/%d.db", dir, i);
		copy_original(b->db[i]);
	}
	do_sql(b->db[1], later);
	make_snapshots(b);
	*state = b;
	return 0;
}

static void load(struct both *b)
{
	struct err err;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(store_open(b->db[i], STORE_READ, &b->store[i], &err), 0);
		assert_int_equal(run_view_load(b->store[i], "latest", &b->run[i], &err), 0);
		verdict_judge(b->run[i]);
	}
}

static void unload(struct both *b)
{
	int i;

	for (i = 0; i < 2; i++) {
		run_view_free(b->run[i]);
		store_close(b->store[i]);
	}
}

static int remove_both(void **state)
{
	static const char *const tails[] = {"", "-wal", "-shm"};
	struct both *b = *state;
	int i, k;

	for (i = 0; i < 2; i++)
		for (k = 0; k < 3; k++) {
			auto_free char *path = xasprintf("%s%s", b->db[i], tails[k]);

			unlink(path);
		}
	rmdir(b->dir);
	free(b);
	return 0;
}

static void check(struct comparison *c, const char *path,
	void (*write)(const struct compare_output *o, FILE *out))
{
	const struct compare_output o = {
		.c = c, .store_a = "earlier.db", .store_b = "later.db", .columns = 80};
	auto_free char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	char *style, *end;

	write(&o, out);
	fclose(out);
	style = strstr(bytes, "<style>\n");
	end = style ? strstr(style, "</style>") : NULL;
	if (end != NULL) {
		memmove(style + 8, end, strlen(end) + 1);
		len = strlen(bytes);
	}
	golden_check(path, bytes, len);
}

static void every_format_is_as_it_was_looked_at(void **state)
{
	struct both *b = *state;
	struct comparison c;
	struct err err;

	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(compare_exit_code(&c), 1);
	check(&c, "compare/firmware.text.expected", compare_write_text);
	check(&c, "compare/firmware.json.expected", compare_write_json);
	check(&c, "report/compare.html.expected", compare_write_html);
	compare_finish(&c);
	unload(b);
}

static const struct compare_row *find_or_null(
	const struct comparison *c, enum compare_what what, const char *subject)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->v[i].what == what && strstr(c->v[i].subject, subject) != NULL)
			return &c->v[i];
	return NULL;
}

static const struct compare_row *find(
	const struct comparison *c, enum compare_what what, const char *subject)
{
	const struct compare_row *row = find_or_null(c, what, subject);

	if (row == NULL)
		fail_msg("no %s of %s", compare_what_name(what), subject);
	return row;
}

static void what_is_worse_one_way_is_better_the_other(void **state)
{
	static const struct {
		enum compare_what what;
		const char *subject;
	} changed[] = {
		{COMPARE_TIME, "start (step 1)"},
		{COMPARE_FAILURES, "stop (step 4)"},
		{COMPARE_SLOW, "0000:41:00.0 (step 3)"},
		{COMPARE_INCIDENTS, "dmar.fault"},
	};
	struct both *b = *state;
	struct comparison there, back;
	struct err err;
	size_t i;

	load(b);
	assert_int_equal(
		compare_runs(b->run[0], b->run[1], &compare_margins_default, &there, &err), 0);
	assert_int_equal(
		compare_runs(b->run[1], b->run[0], &compare_margins_default, &back, &err), 0);
	for (i = 0; i < sizeof(changed) / sizeof(changed[0]); i++) {
		const struct compare_row *x = find(&there, changed[i].what, changed[i].subject);
		const struct compare_row *y = find(&back, changed[i].what, changed[i].subject);

		assert_int_equal(x->result, COMPARE_WORSE);
		assert_int_equal(y->result, COMPARE_BETTER);
		assert_true(x->p == y->p);
	}
	/* the renamed step is nobody's partner */
	assert_int_equal(find(&there, COMPARE_MATCH, "load </script><b>")->result, COMPARE_UNKNOWN);
	assert_int_equal(find(&there, COMPARE_MATCH, "<script>")->result, COMPARE_UNKNOWN);
	compare_finish(&there);
	compare_finish(&back);
	unload(b);
}

/* Of an untouched copy under another id nothing is worse or better; same is said of what is proved only. */
static void equal_runs_are_never_told_apart(void **state)
{
	const struct compare_margins generous = {0.9, 0.5, 100000};
	struct both *b = *state;
	struct comparison c;
	struct err err;

	copy_original(b->db[0]);
	copy_original(b->db[1]);
	do_sql(b->db[1], "UPDATE run SET id = 'copy'; UPDATE event SET dur_ns = dur_ns + 100000");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(c.result, COMPARE_UNKNOWN);
	assert_int_equal(compare_exit_code(&c), 3);
	assert_int_equal(c.count[COMPARE_WORSE] + c.count[COMPARE_BETTER], 0);
	/* 0.1 ms more of every time is proved, and does not matter */
	assert_true(find(&c, COMPARE_TIME, "stop (step 4)")->has_change);
	assert_int_equal(find(&c, COMPARE_TIME, "stop (step 4)")->result, COMPARE_SAME);
	/* nine cycles prove nothing, and it is said how many would */
	assert_true(find(&c, COMPARE_FAILURES, "reset: bus")->needed > 400);
	assert_non_null(strstr(compare_sentence(&c), "need more cycles"));
	compare_finish(&c);
	do_sql(b->db[0],
		"DELETE FROM event WHERE lane = 1; DELETE FROM lane WHERE lane = 1;"
		"DELETE FROM step WHERE lane = 1; DELETE FROM incident");
	do_sql(b->db[1],
		"DELETE FROM event WHERE lane = 1; DELETE FROM lane WHERE lane = 1;"
		"DELETE FROM step WHERE lane = 1; DELETE FROM incident");
	unload(b);
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &generous, &c, &err), 0);
	if (c.result != COMPARE_SAME)
		fail_msg(
			"%s: %s: %s", compare_result_name(c.result), c.v[0].subject, c.v[0].reason);
	assert_int_equal(compare_exit_code(&c), 0);
	compare_finish(&c);
	unload(b);
	/* of a machine that was not seen nobody knows that it is the same */
	do_sql(b->db[1], "DELETE FROM snapshot");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &generous, &c, &err), 0);
	assert_int_equal(compare_exit_code(&c), 3);
	assert_int_equal(c.count[COMPARE_UNKNOWN], 1);
	assert_string_equal(find(&c, COMPARE_MATCH, "the machine")->reason,
		"not comparable: no snapshot of run copy is kept");
	compare_finish(&c);
	unload(b);
}

/* Its domains are not known any more; what else there is has not changed. */
static void what_a_snapshot_does_not_tell_of_the_machine_cannot_be_told(void **state)
{
	struct topology *t = machine_of("intel");
	struct both *b = *state;
	struct comparison c;
	struct err err;

	keep_snapshot(b->db[0], t);
	t->domains_unknown = "libvirtd does not answer";
	keep_snapshot(b->db[1], t);
	machine_free(t);
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(find(&c, COMPARE_MATCH, "the machine")->result, COMPARE_UNKNOWN);
	assert_string_equal(find(&c, COMPARE_MATCH, "the machine")->reason,
		"not comparable: domains: libvirtd does not answer");
	compare_finish(&c);
	unload(b);
	/* of two machines nothing is said to be the same */
	do_sql(b->db[1], "UPDATE run SET host_name = 'other'");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_null(find_or_null(&c, COMPARE_MATCH, "the machine"));
	compare_finish(&c);
	unload(b);
}

/* So many ms after each of the third step's ends; as if that step were a rescan. */
static void usable_after(const char *db, int ms)
{
	auto_free char *sql = xasprintf(
		"UPDATE step SET word = 'rescan' WHERE word = 'reset';"
		"INSERT INTO event (run, kind, lane, cycle, phase, step, outcome, flags, code,"
		" mono_ns, wall_ns, dur_ns, klog_seq, subject, text) SELECT run, %d, lane, cycle,"
		" phase, step, 0, 0, 0, mono_ns, wall_ns, (%d + cycle %% 3) * 1000000, klog_seq,"
		" subject, '" SUBSTEP_USABLE "' FROM event WHERE kind = %d AND step = 2 AND"
		" subject <> ''",
		EV_SUBSTEP, ms, EV_STEP_END);

	do_sql(db, sql);
}

static void how_long_a_device_takes_until_it_is_usable_is_compared(void **state)
{
	struct both *b = *state;
	struct comparison c;
	struct err err;

	usable_after(b->db[0], 100);
	usable_after(b->db[1], 900);
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(find(&c, COMPARE_USABLE, "0000:41:00.0 (step 3)")->result, COMPARE_WORSE);
	compare_finish(&c);
	unload(b);
}

static const struct compare_reset *reset_of(const struct comparison *c, const char *subject)
{
	size_t i;

	for (i = 0; i < c->nresets; i++)
		if (strstr(c->resets[i].row.subject, subject) != NULL)
			return &c->resets[i];
	fail_msg("no resets of %s", subject);
	return NULL;
}

/*
 * In every other cycle the VM has the device; then, or when it has not, each tenth of its resets fails.
 */
static void alternate(const char *db, unsigned failing)
{
	auto_free char *sql = xasprintf(
		"UPDATE event SET code = CASE cycle %% 2 WHEN 0 THEN %d ELSE %d END WHERE kind = %d"
		" AND lane = 0;"
		"UPDATE event SET outcome = %d WHERE kind = %d AND step = 2 AND cycle %% 20 = %u"
		" AND subject = '0000:41:00.1'",
		USE_VM, USE_VFIO, EV_DEVICE_STATE, OUTCOME_FAIL, EV_STEP_END, failing);

	copy_original(db);
	do_sql(db, sql);
}

static void a_reset_is_judged_by_the_state_of_its_device(void **state)
{
	const struct compare_reset *r;
	struct both *b = *state;
	struct comparison c;
	struct err err;

	alternate(b->db[0], 1);
	alternate(b->db[1], 10);
	do_sql(b->db[1], "UPDATE run SET id = 'copy'");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(find(&c, COMPARE_FAILURES, "0000:41:00.1")->result, COMPARE_UNKNOWN);
	r = reset_of(&c, "flr 0000:41:00.1, vm-running");
	assert_int_equal(r->row.result, COMPARE_WORSE);
	assert_non_null(strstr(r->row.reason, "did not work 30 of 29"));
	assert_int_equal(reset_of(&c, "flr 0000:41:00.1, vfio")->row.result, COMPARE_BETTER);
	assert_int_equal(reset_of(&c, "flr 0000:41:00.0, vfio")->row.result, COMPARE_UNKNOWN);
	assert_int_equal(compare_exit_code(&c), 1);
	assert_int_equal(c.count[COMPARE_WORSE], 1);
	assert_non_null(strstr(compare_sentence(&c), "flr 0000:41:00.1, vm-running did not work"));
	compare_finish(&c);
	unload(b);
}

static void what_a_blind_run_did_not_see_is_no_improvement(void **state)
{
	struct both *b = *state;
	struct comparison c;
	struct err err;

	do_sql(b->db[1],
		"UPDATE run SET blind = 1, blind_reason = 'no /dev/kmsg';"
		"DELETE FROM incident");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(find(&c, COMPARE_INCIDENTS, "dmar.fault")->result, COMPARE_UNKNOWN);
	assert_non_null(strstr(find(&c, COMPARE_INCIDENTS, "dmar.fault")->reason, "blind"));
	compare_finish(&c);
	unload(b);
}

/* A BIOS that numbers the buses anew leaves the device what it is. */
static void a_device_at_another_address_is_found_by_its_model(void **state)
{
	struct both *b = *state;
	const struct compare_row *row;
	struct comparison c;
	struct err err;

	do_sql(b->db[1],
		"UPDATE step SET device = replace(device, '0000:41:', '0000:42:');"
		"UPDATE lane_device SET bdf = replace(bdf, '0000:41:', '0000:42:');"
		"UPDATE event SET subject = replace(subject, '0000:41:', '0000:42:');"
		"UPDATE incident SET bdf = replace(bdf, '0000:41:', '0000:42:')");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	row = find(&c, COMPARE_FAILURES, "0000:41:00.1 (now 0000:42:00.1)");
	assert_int_equal(row->a.share.n, row->b.share.n);
	row = find(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:42:00.0");
	assert_int_equal(row->a.share.k, 1);
	assert_int_equal(row->b.share.k, 60);
	compare_finish(&c);
	unload(b);
}

/* Two of a model: one keeps its address, the other gets one behind it. */
static void of_equal_devices_each_has_one_partner(void **state)
{
	static const char twins[] =
		"UPDATE lane_device SET vendor = 4318, device = 9860, subvendor = 0, subdevice = 0"
		" WHERE lane = 0";
	struct both *b = *state;
	const struct compare_row *row;
	struct comparison c;
	struct err err;

	do_sql(b->db[0], twins);
	do_sql(b->db[1], twins);
	do_sql(b->db[1],
		"UPDATE step SET device = '0000:42:00.0' WHERE device = '0000:41:00.0';"
		"UPDATE lane_device SET bdf = '0000:42:00.0' WHERE bdf = '0000:41:00.0';"
		"UPDATE event SET subject = '0000:42:00.0' WHERE subject = '0000:41:00.0';"
		"UPDATE incident SET bdf = '0000:42:00.0' WHERE bdf = '0000:41:00.0'");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	find(&c, COMPARE_FAILURES, "0000:41:00.0 (now 0000:42:00.0)");
	find(&c, COMPARE_FAILURES, "reset: flr 0000:41:00.1 (step 3)");
	row = find(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:42:00.0");
	assert_int_equal(row->a.share.k, 1);
	assert_int_equal(row->b.share.k, 60);
	compare_finish(&c);
	unload(b);
}

/* A root port is in no lane, and no model of it is stored: the one with that fault is the one. */
static void a_port_above_a_device_that_moved_is_found_by_its_fault(void **state)
{
	struct both *b = *state;
	const struct compare_row *row;
	struct comparison c;
	struct err err;

	do_sql(b->db[0], "UPDATE incident SET bdf = '0000:40:01.0' WHERE id = 'dmar.fault'");
	do_sql(b->db[1], "UPDATE incident SET bdf = '0000:43:01.0' WHERE id = 'dmar.fault'");
	load(b);
	/* nothing moved: it is another port */
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	assert_int_equal(find(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:43:01.0")->a.share.k, 0);
	find(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:40:01.0");
	compare_finish(&c);
	unload(b);
	do_sql(b->db[1],
		"UPDATE step SET device = replace(device, '0000:41:', '0000:44:');"
		"UPDATE lane_device SET bdf = replace(bdf, '0000:41:', '0000:44:')");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	row = find(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:43:01.0");
	assert_string_equal(row->device_a, "0000:40:01.0");
	assert_int_equal(row->a.share.k, 1);
	assert_int_equal(row->b.share.k, 60);
	assert_null(find_or_null(&c, COMPARE_INCIDENTS, "dmar.fault of 0000:40:01.0"));
	compare_finish(&c);
	unload(b);
}

/* The aborted cycle was told of, and is not among those that were done. */
static void no_more_cycles_have_a_fault_than_there_were(void **state)
{
	struct both *b = *state;
	const struct compare_row *row;
	struct comparison c;
	struct err err;

	do_sql(b->db[1],
		"UPDATE incident SET count = 100000, first_ns = 1795233600000000000,"
		" last_ns = 1895233600000000000 WHERE id = 'aer.correctable'");
	load(b);
	assert_int_equal(compare_runs(b->run[0], b->run[1], &compare_margins_default, &c, &err), 0);
	row = find(&c, COMPARE_INCIDENTS, "aer.correctable");
	assert_int_equal(row->b.share.n, 8);
	assert_int_equal(row->b.share.k, 8);
	compare_finish(&c);
	unload(b);
}

int main(int argc, char **argv)
{
#define BOTH_TEST(f) cmocka_unit_test_setup_teardown(f, make_both, remove_both)
	const struct CMUnitTest tests[] = {
		BOTH_TEST(every_format_is_as_it_was_looked_at),
		BOTH_TEST(what_is_worse_one_way_is_better_the_other),
		BOTH_TEST(equal_runs_are_never_told_apart),
		BOTH_TEST(how_long_a_device_takes_until_it_is_usable_is_compared),
		BOTH_TEST(a_reset_is_judged_by_the_state_of_its_device),
		BOTH_TEST(what_a_blind_run_did_not_see_is_no_improvement),
		BOTH_TEST(what_a_snapshot_does_not_tell_of_the_machine_cannot_be_told),
		BOTH_TEST(a_device_at_another_address_is_found_by_its_model),
		BOTH_TEST(of_equal_devices_each_has_one_partner),
		BOTH_TEST(a_port_above_a_device_that_moved_is_found_by_its_fault),
		BOTH_TEST(no_more_cycles_have_a_fault_than_there_were),
	};

	golden_options(argc, argv);
	return cmocka_run_group_tests(tests, make_original, remove_original);
}
