/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/clock.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/rules.h"
#include "klog/sighting.h"

#include "cmocka_all.h"

#include <string.h>

static const struct bdf gpu = {0, 0x65, 0, 0}, port = {0, 0x64, 1, 0};
static const struct place hold = {.cycle = 1, .step = "hold", .in_lane = true};
static const struct place reset = {.cycle = 2, .step = "reset", .step_index = 1, .in_lane = true};

static struct rules *rules;

/* What came out: the last state of each incident, by number. */
static struct {
	struct klog *klog;
	VEC(struct incident) list;
	struct place place; /* what locate answers */
	uint64_t seq;
} world;

static void remember(void *arg, const struct incident *inc)
{
	(void)arg;
	while (world.list.n < inc->no)
		(void)vec_push(&world.list);
	incident_finish(&world.list.v[inc->no - 1]);
	incident_copy(&world.list.v[inc->no - 1], inc);
}

static void here(void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	(void)arg;
	(void)bdf;
	(void)id;
	(void)seq;
	*out = world.place;
}

static int set_up(void **state)
{
	struct klog_hooks hooks = {.locate = here, .changed = remember};
	struct diags diags = {0};

	(void)state;
	if (rules == NULL)
		rules = rules_load(NULL, 0, &diags);
	clock_test_set(1000 * NS_PER_S);
	memset(&world, 0, sizeof(world));
	world.place = hold;
	world.klog = klog_new(rules, &hooks);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	klog_free(world.klog);
	vec_foreach (inc, &world.list)
		incident_finish(inc);
	vec_finish(&world.list);
	clock_test_set(0);
	return 0;
}

static int unload(void **state)
{
	(void)state;
	rules_free(rules);
	return 0;
}

static void say(const char *text, struct bdf bdf)
{
	struct klog_rec rec = {.seq = ++world.seq, .usec = clock_mono_ns() / 1000, .level = 4};
	char address[BDF_LEN];

	snprintf(rec.device, sizeof(rec.device), "+pci:%s", bdf_text(bdf, address));
	str_set(rec.text, text);
	rec.len = (uint16_t)strlen(rec.text);
	klog_feed(world.klog, &rec);
}

static void say_corrected(void)
{
	say("pcieport 0000:64:01.0: AER: Corrected error message received from 0000:65:00.0", port);
	say("vfio-pci 0000:65:00.0: PCIe Bus Error: severity=Corrected, type=Data Link Layer, "
	    "(Receiver ID)",
		gpu);
	say("vfio-pci 0000:65:00.0:    [ 6] BadTLP                ", gpu);
}

/* The error was between the last second and now. */
static struct sighting by(enum witness witness, enum aer_class cls, uint64_t count)
{
	struct sighting s = {.witness = witness,
		.cls = cls,
		.count = count,
		.bits = cls == AER_CORRECTABLE ? 1u << 6 : 1u << 14,
		.has_bdf = true,
		.bdf = gpu,
		.has_port = true,
		.port = port,
		.place = world.place,
		.since_ns = clock_mono_ns() - NS_PER_S,
		.noticed_ns = clock_mono_ns()};

	if (witness == WITNESS_ROOT_PORT) {
		s.bdf = port;
		s.bits = 0;
		s.has_port = false;
	}
	return s;
}

static void see(enum witness witness, enum aer_class cls, uint64_t count)
{
	struct sighting s = by(witness, cls, count);

	klog_sight(world.klog, &s);
}

static void pass_time(int64_t ns)
{
	clock_test_advance(ns);
	klog_tick(world.klog, clock_mono_ns());
}

static const struct incident *only(void)
{
	assert_int_equal(world.list.n, 1);
	return &world.list.v[0];
}

static const char *field(const struct incident *inc, const char *name)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (strcmp(inc->fields[i].name, name) == 0)
			return inc->fields[i].text;
	return NULL;
}

/* ---- an error that all have seen ---- */

static void an_error_that_three_have_seen_is_one(void **state)
{
	const struct incident *inc;

	(void)state;
	say_corrected();
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	see(WITNESS_ROOT_PORT, AER_CORRECTABLE, 1);
	see(WITNESS_TRACEPOINT, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	inc = only();
	assert_string_equal(inc->id, "aer.bus-error");
	assert_string_equal(inc->seen_by, "log,counters,tracepoint");
	assert_int_equal(inc->count, 1);
	assert_null(field(inc, "count_log"));
	assert_null(field(inc, "count_root_port"));
}

/* From 6.16 on the kernel counts and traces before it prints; a console may be slow. */
static void the_log_may_be_the_last_to_tell(void **state)
{
	(void)state;
	see(WITNESS_TRACEPOINT, AER_CORRECTABLE, 1);
	see(WITNESS_ROOT_PORT, AER_CORRECTABLE, 1);
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	pass_time(NS_PER_S / 2);
	assert_int_equal(world.list.n, 0);
	say_corrected();
	pass_time(NS_PER_S);
	assert_string_equal(only()->seen_by, "log,counters,tracepoint");
	assert_int_equal(only()->count, 1);
}

/* The lines were read before the step's end, the counters just behind it. */
static void the_edge_of_a_step_does_not_part_witnesses(void **state)
{
	(void)state;
	say_corrected();
	world.place = reset;
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->seen_by, "log,counters");
	assert_string_equal(only()->place.step, "hold");
}

static void the_largest_number_counts_and_disagreement_is_told(void **state)
{
	const struct incident *inc;

	(void)state;
	say_corrected();
	say_corrected();
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 5);
	see(WITNESS_TRACEPOINT, AER_CORRECTABLE, 4);
	pass_time(2 * NS_PER_S);
	inc = only();
	assert_int_equal(inc->count, 5);
	assert_string_equal(field(inc, "count_log"), "2");
	assert_string_equal(field(inc, "count_counters"), "5");
	assert_string_equal(field(inc, "count_tracepoint"), "4");
	/* once they agree, nothing is left to say */
	say_corrected();
	say_corrected();
	say_corrected();
	see(WITNESS_TRACEPOINT, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	inc = only();
	assert_int_equal(inc->count, 5);
	assert_null(field(inc, "count_log"));
}

static void a_message_to_the_root_port_speaks_of_the_device(void **state)
{
	(void)state;
	/* up to 6.12 a fatal error of an endpoint is not in its own counters */
	say("pcieport 0000:64:01.0: AER: Uncorrected (Fatal) error message received from "
	    "0000:65:00.0",
		port);
	see(WITNESS_ROOT_PORT, AER_FATAL, 1);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->seen_by, "log,counters");
	assert_true(bdf_eq(only()->bdf, gpu));
}

/* ---- an error that the log did not tell ---- */

static void an_error_that_only_one_saw_is_an_error(void **state)
{
	const struct incident *inc;

	(void)state;
	see(WITNESS_COUNTERS, AER_NONFATAL, 2);
	pass_time(2 * NS_PER_S);
	inc = only();
	assert_string_equal(inc->id, "aer.bus-error");
	assert_int_equal(inc->severity, SEV_ERROR);
	assert_int_equal(inc->count, 2);
	assert_string_equal(inc->seen_by, "counters");
	assert_true(inc->has_bdf && bdf_eq(inc->bdf, gpu));
	assert_true(inc->has_reporter && bdf_eq(inc->reporter, port));
	assert_string_equal(field(inc, "bits"), "CmpltTO");
	assert_string_equal(field(inc, "severity"), "nonfatal");
	assert_string_equal(inc->place.step, "hold");
	assert_int_equal(inc->place.cycle, 1);
	assert_non_null(inc->meaning);
	assert_true(klog_fault_matches("aer.nonfatal", inc));
	assert_int_equal(inc->nfirst, 0);
}

static void without_the_log_the_others_still_make_one(void **state)
{
	(void)state;
	see(WITNESS_ROOT_PORT, AER_FATAL, 1);
	see(WITNESS_TRACEPOINT, AER_FATAL, 1);
	see(WITNESS_COUNTERS, AER_FATAL, 1);
	pass_time(2 * NS_PER_S);
	assert_int_equal(only()->severity, SEV_FATAL);
	assert_string_equal(only()->seen_by, "counters,tracepoint");
	assert_int_equal(only()->count, 1);
}

static void a_message_without_a_sender_is_the_ports(void **state)
{
	(void)state;
	see(WITNESS_ROOT_PORT, AER_CORRECTABLE, 3);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->id, "aer.no-details");
	assert_true(bdf_eq(only()->bdf, port));
	assert_int_equal(only()->count, 3);
}

static void steps_are_kept_apart(void **state)
{
	(void)state;
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	world.place = reset;
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	assert_int_equal(world.list.n, 2);
	assert_string_equal(world.list.v[0].place.step, "hold");
	assert_string_equal(world.list.v[1].place.step, "reset");
	assert_int_equal(world.list.v[1].count, 1);
}

static void classes_are_kept_apart(void **state)
{
	(void)state;
	say_corrected();
	pass_time(NS_PER_S / 2);
	see(WITNESS_COUNTERS, AER_NONFATAL, 1);
	pass_time(2 * NS_PER_S);
	assert_int_equal(world.list.n, 2);
	assert_string_equal(world.list.v[0].seen_by, "log");
	assert_string_equal(world.list.v[1].seen_by, "counters");
}

static void the_end_waits_for_nobody(void **state)
{
	(void)state;
	see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	klog_flush(world.klog);
	assert_string_equal(only()->seen_by, "counters");
}

static void none_of_very_many_is_lost(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		see(WITNESS_COUNTERS, AER_CORRECTABLE, 1);
	pass_time(2 * NS_PER_S);
	assert_int_equal(only()->count, 1000);
}

/* ---- status bits ---- */

static void a_status_bit_confirms_what_was_told(void **state)
{
	struct sighting s;

	(void)state;
	say("pcieport 0000:64:01.0: AER: Uncorrected (Non-Fatal) error message received from "
	    "0000:65:00.0",
		port);
	pass_time(3 * NS_PER_S);
	s = by(WITNESS_CONFIG, AER_NONFATAL, 1);
	s.since_ns = clock_mono_ns() - 5 * NS_PER_S; /* a long step */
	klog_sight(world.klog, &s);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->seen_by, "log,config-space");
	assert_int_equal(only()->count, 1);
}

static void a_status_bit_of_a_closed_report_is_no_news(void **state)
{
	struct sighting s;

	(void)state;
	say_corrected();
	pass_time(100 * NS_PER_S); /* quiet for longer than a storm may pause */
	s = by(WITNESS_CONFIG, AER_CORRECTABLE, 1);
	s.since_ns = clock_mono_ns() - 200 * NS_PER_S;
	klog_sight(world.klog, &s);
	pass_time(2 * NS_PER_S);
	assert_int_equal(world.list.n, 1);
}

static void a_status_bit_that_nobody_told_is_an_error(void **state)
{
	(void)state;
	see(WITNESS_CONFIG, AER_FATAL, 1);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->seen_by, "config-space");
	assert_int_equal(only()->severity, SEV_FATAL);
}

/* ---- the other tracepoints ---- */

static void a_page_fault_has_two_witnesses(void **state)
{
	struct sighting s = by(WITNESS_TRACEPOINT, AER_CORRECTABLE, 9);

	(void)state;
	s.kind = SIGHTING_PAGE_FAULT;
	s.bits = 0;
	say("vfio-pci 0000:65:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0023 "
	    "address=0xff924000 flags=0x0000]",
		gpu);
	klog_sight(world.klog, &s);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->id, "amdvi.io-page-fault");
	assert_string_equal(only()->seen_by, "log,tracepoint");
	assert_int_equal(only()->count, 9); /* the log's limiter held eight back */
}

static void a_page_fault_without_a_line_has_its_address(void **state)
{
	struct sighting s = by(WITNESS_TRACEPOINT, AER_CORRECTABLE, 1);

	(void)state;
	s.kind = SIGHTING_PAGE_FAULT;
	s.bits = 0;
	s.fields[0] = (struct incident_field){"address", VALUE_STRING, "0xdead000"};
	s.nfields = 1;
	klog_sight(world.klog, &s);
	pass_time(2 * NS_PER_S);
	assert_string_equal(only()->id, "amdvi.io-page-fault");
	assert_int_equal(only()->severity, SEV_ERROR);
	assert_string_equal(field(only(), "address"), "0xdead000");
	assert_null(field(only(), "severity"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_error_that_three_have_seen_is_one),
		TEST(the_log_may_be_the_last_to_tell),
		TEST(the_edge_of_a_step_does_not_part_witnesses),
		TEST(the_largest_number_counts_and_disagreement_is_told),
		TEST(a_message_to_the_root_port_speaks_of_the_device),
		TEST(an_error_that_only_one_saw_is_an_error),
		TEST(without_the_log_the_others_still_make_one),
		TEST(a_message_without_a_sender_is_the_ports),
		TEST(steps_are_kept_apart),
		TEST(classes_are_kept_apart),
		TEST(the_end_waits_for_nobody),
		TEST(none_of_very_many_is_lost),
		TEST(a_status_bit_confirms_what_was_told),
		TEST(a_status_bit_of_a_closed_report_is_no_news),
		TEST(a_status_bit_that_nobody_told_is_an_error),
		TEST(a_page_fault_has_two_witnesses),
		TEST(a_page_fault_without_a_line_has_its_address),
	};

	return cmocka_run_group_tests(tests, NULL, unload);
}
