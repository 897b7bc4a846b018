/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "klog/klog.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "klog/logline.h"
#include "klog/rules.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

/* segments: given, with what a good parser makes of them; reports: of the same form, ours */
#define SEGMENTS SOURCE_DIR "/tests/klog/segments/"
#define REPORTS  SOURCE_DIR "/tests/klog/reports/"

static struct rules *rules;

static int load(void **state)
{
	struct diags diags = {0};

	(void)state;
	rules = rules_load(NULL, 0, &diags);
	return rules == NULL ? -1 : 0;
}

static int unload(void **state)
{
	(void)state;
	rules_free(rules);
	return 0;
}

/* ---- what came out: the last state of each incident, by number ---- */

struct seen {
	VEC(struct incident) list;
	size_t calls;
	struct place place; /* what locate answers */
};

static void remember(void *arg, const struct incident *inc)
{
	struct seen *seen = arg;
	struct incident *slot = NULL;
	size_t i;

	seen->calls++;
	assert_true(inc->no > 0);
	assert_true(inc->nfirst <= INCIDENT_FIRST_LINES && inc->nlast <= INCIDENT_LAST_LINES);
	for (i = 0; i < seen->list.n; i++)
		if (seen->list.v[i].no == inc->no)
			slot = &seen->list.v[i];
	if (slot == NULL)
		slot = vec_push(&seen->list);
	incident_finish(slot);
	incident_copy(slot, inc);
	for (i = 0; i < inc->nfirst; i++)
		assert_non_null(inc->first[i].text);
}

static void forget(struct seen *seen)
{
	vec_foreach (inc, &seen->list)
		incident_finish(inc);
	vec_finish(&seen->list);
}

static void here(void *arg, const struct bdf *bdf, const char *id, uint64_t seq, struct place *out)
{
	(void)bdf;
	(void)id;
	(void)seq;
	*out = ((struct seen *)arg)->place;
}

static struct klog *listen_to(struct seen *seen)
{
	struct klog_hooks hooks = {.locate = here, .changed = remember, .arg = seen};

	*seen = (struct seen){.place = {.lane = -1, .cycle = -1, .step_index = -1}};
	return klog_new(rules, &hooks);
}

/* Feeds a line of a saved log; its number is its sequence number. */
static void say_at(struct klog *k, uint64_t seq, const char *line)
{
	struct klog_rec rec = {.seq = seq, .usec = -1, .level = 3};
	struct logline l;

	logline_parse(line, strlen(line), &l);
	rec.usec = l.usec;
	rec.origin = (uint8_t)(l.source - 1);
	rec.len = (uint16_t)l.len;
	memcpy(rec.text, l.text, l.len);
	klog_feed(k, &rec);
}

static const struct incident *find(const struct seen *seen, const char *id, const char *bdf)
{
	char text[BDF_LEN];
	size_t i;

	for (i = 0; i < seen->list.n; i++) {
		const struct incident *inc = &seen->list.v[i];

		if (strcmp(inc->id, id) == 0 &&
			str_eq(bdf, inc->has_bdf ? bdf_text(inc->bdf, text) : NULL))
			return inc;
	}
	return NULL;
}

static const struct incident_field *field(const struct incident *inc, const char *name)
{
	size_t i;

	for (i = 0; i < inc->nfields; i++)
		if (strcmp(inc->fields[i].name, name) == 0)
			return &inc->fields[i];
	return NULL;
}

static void expect_field(const struct incident *inc, const char *name, const char *text)
{
	const struct incident_field *f = field(inc, name);

	if (f == NULL)
		fail_msg("%s has no field '%s'", inc->id, name);
	assert_string_equal(f->text, text);
}

/* ---- segments ---- */

static void flatten(const json_t *value, char *out, size_t size)
{
	size_t i, used = 0;

	out[0] = '\0';
	switch (json_typeof(value)) {
	case JSON_STRING:
		snprintf(out, size, "%s", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(out, size, "%lld", json_integer_value(value));
		break;
	case JSON_ARRAY:
		for (i = 0; i < json_array_size(value); i++) {
			const json_t *item = json_array_get(value, i);

			if (json_is_string(item))
				used += (size_t)snprintf(out + used, size - used, "%s%s",
					i ? "\n" : "", json_string_value(item));
			else
				used += (size_t)snprintf(out + used, size - used, "%s%lld",
					i ? "\n" : "", json_integer_value(item));
		}
		break;
	default:
		snprintf(out, size, "%s", json_is_true(value) ? "true" : "false");
	}
}

/* Keys of an expected incident that are no fields. */
static bool check_head(const struct incident *inc, const char *key, const json_t *want, bool raw)
{
	char bdf[BDF_LEN], text[200];

	flatten(want, text, sizeof(text));
	if (strcmp(key, "severity") == 0)
		assert_string_equal(severity_name(inc->severity), text);
	else if (strcmp(key, "bdf") == 0)
		assert_true(json_is_null(want)
				? !inc->has_bdf
				: inc->has_bdf && strcmp(bdf_text(inc->bdf, bdf), text) == 0);
	else if (strcmp(key, "reporter") == 0 && inc->has_reporter)
		assert_string_equal(bdf_text(inc->reporter, bdf), text);
	else if (strcmp(key, "first_line") == 0)
		assert_true(raw || inc->first_seq == (uint64_t)json_integer_value(want));
	else if (strcmp(key, "last_line") == 0)
		assert_true(raw || inc->last_seq == (uint64_t)json_integer_value(want));
	else if (strcmp(key, "id") == 0)
		assert_string_equal(inc->id, text);
	else if (strcmp(key, "count") == 0)
		assert_int_equal(inc->count, json_integer_value(want));
	else if (strcmp(key, "count_is_lower_bound") == 0)
		assert_true(inc->count_is_lower_bound);
	else if (strcmp(key, "sequence") == 0) {
		snprintf(bdf, sizeof(bdf), "%u\n%u", (unsigned)inc->first_seq,
			(unsigned)inc->last_seq);
		assert_string_equal(bdf, text);
	} else
		return strcmp(key, "note") == 0;
	return true;
}

static void check_incident(const char *name, const struct incident *inc, json_t *want, bool raw)
{
	const char *key;
	json_t *value;

	json_object_foreach(want, key, value)
	{
		const struct incident_field *f = field(inc, key);
		char text[200];

		if (check_head(inc, key, value, raw))
			continue;
		flatten(value, text, sizeof(text));
		if (f == NULL || strcmp(f->text, text) != 0)
			fail_msg("%s: %s: '%s' is '%s', expected '%s'", name, inc->id, key,
				f ? f->text : "(absent)", text);
	}
}

static void feed_record(struct klog *k, struct str *text)
{
	struct klog_rec rec;
	struct err err;

	if (text->len == 0)
		return;
	assert_int_equal(kmsg_parse(text->s, text->len, &rec, &err), 0);
	klog_feed(k, &rec);
	str_reset(text);
}

static void feed_raw(struct klog *k, FILE *f)
{
	struct str text = {0};
	char line[4096];

	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] != ' ')
			feed_record(k, &text);
		str_add(&text, line);
	}
	feed_record(k, &text);
	str_finish(&text);
}

static void feed_segment(struct klog *k, const char *dir, const char *name, bool raw)
{
	char path[600], line[2048];
	uint64_t no = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", dir, name);
	f = fopen(path, "r");
	assert_non_null(f);
	if (raw)
		feed_raw(k, f);
	else
		while (fgets(line, sizeof(line), f) != NULL)
			say_at(k, ++no, line);
	fclose(f);
}

static void check_segment(const char *dir, const char *json_path)
{
	json_error_t error;
	json_t *root = json_load_file(json_path, 0, &error), *want;
	const char *name = json_string_value(json_object_get(root, "segment"));
	bool raw = json_is_true(json_object_get(root, "raw"));
	size_t i, n = json_array_size(json_object_get(root, "incidents")), k;
	struct seen seen;
	struct klog *klog = listen_to(&seen);

	feed_segment(klog, dir, name, raw);
	klog_tick(klog, clock_mono_ns());
	for (i = 0; i < seen.list.n; i++)
		print_message("  %s: %s %s, count %u\n", name, seen.list.v[i].id,
			severity_name(seen.list.v[i].severity), (unsigned)seen.list.v[i].count);
	assert_int_equal(seen.list.n, n);
	json_array_foreach(json_object_get(root, "incidents"), i, want)
	{
		const char *kind = json_string_value(json_object_get(want, "kind"));
		const json_t *first = json_object_get(want, "first_line");

		for (k = 0; k < n; k++)
			if (str_eq(field(&seen.list.v[k], "kind")->text, kind) &&
				(raw ||
					(json_int_t)seen.list.v[k].first_seq ==
						json_integer_value(first)))
				break;
		if (k == n)
			fail_msg("%s: no incident of kind %s", name, kind);
		check_incident(name, &seen.list.v[k], want, raw);
	}
	klog_flush(klog);
	klog_free(klog);
	forget(&seen);
	json_decref(root);
}

static size_t check_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		char path[600];

		if (!str_ends(e->d_name, ".expected.json"))
			continue;
		snprintf(path, sizeof(path), "%s%s", dir, e->d_name);
		check_segment(dir, path);
		n++;
	}
	closedir(d);
	return n;
}

static void every_segment_gives_its_incidents(void **state)
{
	(void)state;
	assert_int_equal(check_all(SEGMENTS), 17);
	assert_true(check_all(REPORTS) >= 21);
}

/* ---- behaviour that no segment shows ---- */

static void end(struct klog *k, struct seen *seen)
{
	klog_flush(k);
	klog_free(k);
	forget(seen);
}

static void a_storm_is_one_incident_with_its_first_and_last_lines(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	const struct incident *inc;
	uint64_t i;

	(void)state;
	for (i = 1; i <= 100000; i++) {
		struct klog_rec rec = {.seq = i, .usec = (int64_t)i * 10};

		rec.len = (uint16_t)snprintf(rec.text, sizeof(rec.text),
			"DMAR: [DMA Write NO_PASID] Request device [65:00.0] fault addr 0x%lx "
			"[fault reason 0x05] PTE Write access is not set",
			0xfe000000 + (unsigned long)i * 0x1000);
		klog_feed(k, &rec);
		if (i % 1000 == 0)
			klog_tick(k, clock_mono_ns());
	}
	assert_int_equal(seen.list.n, 1);
	inc = find(&seen, "dmar.dma-fault", "0000:65:00.0");
	assert_non_null(inc);
	assert_int_equal(inc->count, 100000);
	assert_false(inc->count_is_lower_bound);
	assert_int_equal(inc->first_seq, 1);
	assert_int_equal(inc->last_seq, 100000);
	assert_int_equal(inc->nfirst, INCIDENT_FIRST_LINES);
	assert_int_equal(inc->nlast, INCIDENT_LAST_LINES);
	assert_int_equal(inc->lines_omitted, 100000 - 25);
	assert_int_equal(inc->first[0].seq, 1);
	assert_int_equal(inc->last[0].seq, 99996);
	assert_int_equal(inc->last[4].seq, 100000);
	assert_non_null(strstr(field(inc, "addresses")->text, "\n..."));
	/* no news, no call */
	i = seen.calls;
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.calls, i);
	end(k, &seen);
}

static void memory_is_bounded_whatever_comes(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	char line[200];
	unsigned i;

	(void)state;
	for (i = 0; i < 3 * KLOG_OPEN_MAX; i++) {
		snprintf(line, sizeof(line), "vfio-pci %04x:%02x:%02x.0: %s", i >> 13,
			(i >> 5) & 255, i & 31,
			"Unable to change power state from D3cold to D0, device inaccessible");
		say_at(k, i + 1, line);
	}
	/* the older ones were told when they were closed */
	assert_int_equal(seen.list.n, 2 * KLOG_OPEN_MAX);
	klog_flush(k);
	assert_int_equal(seen.list.n, 3 * KLOG_OPEN_MAX);
	end(k, &seen);
}

static void what_comes_elsewhere_in_the_run_is_another_incident(void **state)
{
	static const char line[] =
		"vfio-pci 0000:17:00.0: vfio_bar_restore: reset recovery - restoring BARs";
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	seen.place = (struct place){.lane = 0, .cycle = 1, .step = "start", .expected = true};
	say_at(k, 1, line);
	seen.place = (struct place){.lane = 0, .cycle = 1, .step = "hold", .step_index = 1};
	say_at(k, 2, line);
	say_at(k, 3, line);
	seen.place.cycle = 2;
	say_at(k, 4, line);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 3);
	klog_flush(k);
	assert_int_equal(seen.list.n, 3);
	assert_int_equal(seen.list.v[0].count + seen.list.v[1].count + seen.list.v[2].count, 4);
	end(k, &seen);
}

static void a_device_that_a_lane_works_with_may_not_be_removed(void **state)
{
	static const char line[] = "[5.0] pci 0000:65:00.0: Removing from iommu group 21";
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	say_at(k, 1, line); /* somebody else's */
	seen.place = (struct place){
		.lane = 0, .cycle = 3, .step_index = 1, .in_lane = true, .expected = true};
	say_at(k, 2, line); /* a rescan */
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 0);
	seen.place.expected = false;
	say_at(k, 3, line);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_int_equal(find(&seen, "iommu.group-remove", "0000:65:00.0")->severity, SEV_ERROR);
	end(k, &seen);
}

static void what_goes_on_behind_the_end_of_its_step_is_the_same(void **state)
{
	static const char line[] = "[5.0] vfio-pci 0000:65:00.0: Unable to change power state from "
				   "D3cold to D0, device inaccessible";
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	seen.place = (struct place){.lane = 0, .cycle = 3, .step = "reset", .in_lane = true};
	say_at(k, 1, line);
	seen.place.late = true;
	say_at(k, 2, line);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_int_equal(find(&seen, "pci.power-inaccessible", "0000:65:00.0")->count, 2);
	assert_false(find(&seen, "pci.power-inaccessible", "0000:65:00.0")->place.late);
	seen.place = (struct place){.lane = 0, .cycle = 3, .step_index = 1, .step = "hold"};
	say_at(k, 3, line);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	end(k, &seen);
}

static void what_a_process_wrote_is_no_fault(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	struct klog_rec rec = {.seq = 1, .usec = -1, .facility = 1};

	(void)state;
	str_set(rec.text, "pcieport 0000:64:01.0: AER: device recovery failed");
	klog_feed(k, &rec);
	klog_flush(k);
	assert_int_equal(seen.list.n, 0);
	rec.facility = 0;
	rec.seq = 2;
	klog_feed(k, &rec);
	klog_flush(k);
	assert_int_equal(seen.list.n, 1);
	end(k, &seen);
}

static void each_source_has_its_own_rules(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	struct klog_rec rec = {.usec = -1, .origin = ORIGIN_QEMU};

	(void)state;
	str_set(rec.text, "vfio-pci 0000:01:00.0: AER: can't recover (no error_detected callback)");
	klog_feed(k, &rec);
	str_set(rec.text,
		"2026-11-21T04:00:00Z qemu-system-x86_64: vfio_err_notifier_handler("
		"0000:01:00.0) Unrecoverable error detected.");
	klog_feed(k, &rec);
	rec.origin = ORIGIN_KERNEL;
	rec.seq = 1;
	klog_feed(k, &rec);
	klog_flush(k);
	assert_int_equal(seen.list.n, 1);
	assert_non_null(find(&seen, "qemu.vfio-error", "0000:01:00.0"));
	end(k, &seen);
}

static void one_record_of_many_lines_is_read_as_lines(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	struct klog_rec rec = {.seq = 7, .usec = 100};

	(void)state;
	str_set(rec.text,
		"NVRM: The NVIDIA GPU 0000:b3:00.0\n"
		"NVRM: (PCI ID: 10de:26b5) installed in this system has\n"
		"NVRM: fallen off the bus and is not responding to commands.");
	klog_feed(k, &rec);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_non_null(find(&seen, "nvrm.fallen-off", "0000:b3:00.0"));
	assert_int_equal(seen.list.v[0].nfirst, 3);
	end(k, &seen);
}

static void a_gpu_keeps_its_identity_for_itself(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	say_at(k, 1, "[1.0] NVRM: GPU at PCI:0000:01:00: GPU-12345678-9abc-def0-1234-56789abcdef0");
	say_at(k, 2, "[1.1] NVRM: Xid (PCI:0000:01:00): 31, pid=7, name=x, MMU Fault");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_string_equal(seen.list.v[0].first[0].text, "NVRM: GPU at PCI:0000:01:00: GPU-");
	assert_int_equal(seen.list.v[0].severity, SEV_WARNING);
	end(k, &seen);
}

static void suppressed_messages_are_added_wherever_they_are_told(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	const struct incident *inc;

	(void)state;
	/* the window opens: told before the first fault that we read */
	say_at(k, 1, "[10.0] dmar_fault: 893 callbacks suppressed");
	say_at(k, 2, "[10.0] DMAR: DRHD: handling fault status reg 2");
	say_at(k, 3,
		"[10.0] DMAR: [DMA Read] Request device [00:02.0] PASID ffffffff fault addr "
		"98000000 [fault reason 06] PTE Read access is not set");
	say_at(k, 4, "[15.0] dmar_fault: 100 callbacks suppressed");
	say_at(k, 5, "[15.0] net_ratelimit: 5 callbacks suppressed");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	inc = find(&seen, "dmar.dma-fault", "0000:00:02.0");
	assert_int_equal(inc->count, 994);
	assert_true(inc->count_is_lower_bound);
	expect_field(inc, "count_logged", "1");
	expect_field(inc, "count_suppressed", "993");
	assert_int_equal(inc->first_seq, 1);
	end(k, &seen);
}

static void reports_of_two_ports_may_interleave(void **state)
{
	static const char *const lines[] = {
		"[5.000001] pcieport 0000:40:01.0: AER: Corrected error received: 0000:41:00.0",
		"[5.000002] pcieport 0000:60:01.0: AER: Uncorrected (Non-Fatal) error received: "
		"0000:61:00.0",
		"[5.000003] nvme 0000:41:00.0: PCIe Bus Error: severity=Corrected, type=Physical "
		"Layer, (Receiver ID)",
		"[5.000004] vfio-pci 0000:61:00.0: PCIe Bus Error: severity=Uncorrected "
		"(Non-Fatal), type=Transaction Layer, (Requester ID)",
		"[5.000005] vfio-pci 0000:61:00.0:   device [10de:2684] error "
		"status/mask=00004000/00000000",
		"[5.000006] nvme 0000:41:00.0:   device [144d:a808] error "
		"status/mask=00000001/0000e000",
		"[5.000007] nvme 0000:41:00.0:    [ 0] RxErr                  (First)",
		"[5.000008] vfio-pci 0000:61:00.0:    [14] CmpltTO                (First)",
		"[5.100000] pcieport 0000:60:01.0: AER: device recovery successful",
	};
	struct seen seen;
	struct klog *k = listen_to(&seen);
	const struct incident *inc;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		say_at(k, i + 1, lines[i]);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	inc = find(&seen, "aer.bus-error", "0000:41:00.0");
	assert_int_equal(inc->severity, SEV_WARNING);
	assert_int_equal(inc->first[inc->telling].seq, 3);
	expect_field(inc, "bits", "RxErr");
	inc = find(&seen, "aer.bus-error", "0000:61:00.0");
	assert_int_equal(inc->severity, SEV_ERROR);
	assert_int_equal(inc->first[inc->telling].seq, 4);
	expect_field(inc, "bits", "CmpltTO");
	expect_field(inc, "status", "0x00004000");
	expect_field(inc, "recovery", "successful");
	assert_true(klog_fault_matches("aer.nonfatal", inc));
	end(k, &seen);
}

static void the_line_to_show_names_the_fault(void **state)
{
	static const char *const lines[] = {
		"[6.000001] DMAR: DRHD: handling fault status reg 2",
		("[6.000002] DMAR: [DMA Write NO_PASID] Request device [65:00.0] fault addr "
		 "0xfe000000 [fault reason 0x05] PTE Write access is not set"),
		"[7.000001] vfio-pci 0000:66:00.0: not ready 1023ms after FLR; waiting",
		"[9.000001] vfio-pci 0000:66:00.0: not ready 2047ms after FLR; giving up",
	};
	struct seen seen;
	struct klog *k = listen_to(&seen);
	const struct incident *inc;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		say_at(k, i + 1, lines[i]);
	klog_tick(k, clock_mono_ns());
	inc = find(&seen, "dmar.dma-fault", "0000:65:00.0");
	assert_int_equal(inc->nfirst, 2);
	assert_int_equal(inc->first[inc->telling].seq, 2);
	inc = find(&seen, "pci.not-ready-timeout", "0000:66:00.0");
	assert_int_equal(inc->nfirst, 2);
	assert_int_equal(inc->first[inc->telling].seq, 4);
	end(k, &seen);
}

static void a_slot_that_flaps_is_one_incident_that_counts(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);
	const struct incident *inc;

	(void)state;
	say_at(k, 1, "[1.0] pcieport 0000:64:01.0: pciehp: Slot(12): Link Down");
	say_at(k, 2, "[1.0] pcieport 0000:64:01.0: pciehp: Slot(12): Card not present");
	say_at(k, 3, "[2.0] pcieport 0000:74:01.0: pciehp: Slot(13): Link Down");
	say_at(k, 4, "[3.5] pcieport 0000:64:01.0: pciehp: Slot(12): Link Up");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	inc = find(&seen, "hotplug.link-down", "0000:64:01.0");
	expect_field(inc, "also", "hotplug.card-absent");
	expect_field(inc, "returned", "true");
	expect_field(inc, "down_ms", "2500");
	assert_null(field(find(&seen, "hotplug.link-down", "0000:74:01.0"), "returned"));
	say_at(k, 5, "[9.0] pcieport 0000:64:01.0: pciehp: Slot(12): Link Down");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	inc = find(&seen, "hotplug.link-down", "0000:64:01.0");
	assert_int_equal(inc->count, 2);
	expect_field(inc, "returned", "false");
	end(k, &seen);
}

static void a_trace_belongs_to_what_it_explains(void **state)
{
	static const char *const lines[] = {
		"[9.000001] INFO: task qemu-system-x86:4711 blocked for more than 120 seconds.",
		"[9.000002]       Not tainted 6.1.0-13-amd64 #1 Debian 6.1.55-1",
		("[9.000003] \"echo 0 > /proc/sys/kernel/hung_task_timeout_secs\" disables this "
		 "message."),
		"[9.000004] task:qemu-system-x86 state:D stack:0     pid:4711  ppid:1",
		"[9.000005] Call Trace:",
		"[9.000006] <TASK>",
		"[9.000007] EXT4-fs (sda1): mounted filesystem",
	};
	struct seen seen;
	struct klog *k = listen_to(&seen);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		say_at(k, i + 1, lines[i]);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_int_equal(seen.list.v[0].nfirst, 6);
	expect_field(&seen.list.v[0], "task", "qemu-system-x86");
	end(k, &seen);
}

static void a_trace_without_stamps_ends_with_the_first_other_line(void **state)
{
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	say_at(k, 1, "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [CPU 0/KVM:4711]");
	say_at(k, 2, "RIP: 0010:qi_submit_sync+0x2c5/0x610");
	say_at(k, 3, "pci_dev_wait+0xa1/0x120");
	say_at(k, 4, "EXT4-fs (sda1): mounted filesystem");
	say_at(k, 5, "usb_probe+0x1/0x2");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 1);
	assert_int_equal(seen.list.v[0].last_seq, 3);
	expect_field(&seen.list.v[0], "at", "qi_submit_sync");
	expect_field(&seen.list.v[0], "trace", "pci_dev_wait");
	end(k, &seen);
}

static void quiet_incidents_are_closed_and_begin_anew(void **state)
{
	static const char line[] = "AMD-Vi: Completion-Wait loop timed out";
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	say_at(k, 1, line);
	klog_tick(k, clock_mono_ns());
	klog_tick(k, clock_mono_ns() + 61 * NS_PER_S);
	say_at(k, 2, line);
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	end(k, &seen);
}

static void a_users_severity_counts_for_the_incident(void **state)
{
	static const char yaml[] = "rules:\n- {id: aer.bus-error, severity: info}\n"
				   "- {id: pci.enable-device, severity: error}\n";
	char path[] = "/tmp/klog-rules-XXXXXX";
	const char *files[] = {path};
	int fd = mkstemp(path);
	struct diags diags = {0};
	struct seen seen = {0};
	struct klog_hooks hooks = {.changed = remember, .arg = &seen};
	struct rules *own;
	struct klog *k;

	(void)state;
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	own = rules_load(files, 1, &diags);
	unlink(path);
	assert_non_null(own);
	k = klog_new(own, &hooks);
	say_at(k, 1,
		"pcieport 0000:64:01.0: AER: Uncorrected (Fatal) error received: 0000:65:00.0");
	say_at(k, 2, "qxl 0000:01:00.0: enabling device (0000 -> 0003)");
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 2);
	assert_int_equal(find(&seen, "aer.bus-error", "0000:65:00.0")->severity, SEV_INFO);
	assert_int_equal(find(&seen, "pci.enable-device", "0000:01:00.0")->severity, SEV_ERROR);
	end(k, &seen);
	rules_free(own);
}

static struct incident made(const char *id, enum severity severity)
{
	struct incident inc = {.severity = severity};

	str_set(inc.id, id);
	return inc;
}

#define FAULT(second, device)                                                                      \
	"[   " second "] vfio-pci 0000:" device                                                    \
	".0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x0017 address=0x1000 flags=0x0020]"

static void a_gap_makes_lower_bounds_of_what_it_may_have_held(void **state)
{
	static const char id[] = "amdvi.io-page-fault";
	struct seen seen;
	struct klog *k = listen_to(&seen);

	(void)state;
	say_at(k, 1, FAULT("1.0", "41:00")); /* goes on behind the gap */
	say_at(k, 2, FAULT("1.1", "42:00")); /* over long before it */
	say_at(k, 3, FAULT("5.0", "43:00")); /* cut off by it */
	say_at(k, 9, FAULT("5.1", "44:00")); /* begins behind it */
	say_at(k, 10, FAULT("5.2", "41:00"));
	say_at(k, 11, FAULT("5.3", "44:00"));
	klog_flush(k);
	assert_true(find(&seen, id, "0000:41:00.0")->count_is_lower_bound);
	assert_false(find(&seen, id, "0000:42:00.0")->count_is_lower_bound);
	assert_true(find(&seen, id, "0000:43:00.0")->count_is_lower_bound);
	assert_false(find(&seen, id, "0000:44:00.0")->count_is_lower_bound);
	expect_field(find(&seen, "log.gap", NULL), "lost", "5");
	end(k, &seen);
}

/* Who keeps something for each incident that may change needs no more room than there are of these. */
static void open_incidents_have_slots_of_their_own(void **state)
{
	bool used[KLOG_OPEN_MAX] = {false};
	struct seen seen;
	struct klog *k = listen_to(&seen);
	char line[160];
	unsigned i;

	(void)state;
	for (i = 0; i < 4 * KLOG_OPEN_MAX; i++) {
		snprintf(line, sizeof(line), FAULT("1.0", "%02x:%02x"), i >> 5 & 0xff, i & 0x1f);
		say_at(k, i + 1, line);
	}
	klog_tick(k, clock_mono_ns());
	assert_int_equal(seen.list.n, 4 * KLOG_OPEN_MAX);
	for (i = 3 * KLOG_OPEN_MAX; i < 4 * KLOG_OPEN_MAX; i++) {
		assert_in_range(seen.list.v[i].slot, 0, KLOG_OPEN_MAX - 1);
		assert_false(used[seen.list.v[i].slot]);
		used[seen.list.v[i].slot] = true;
	}
	end(k, &seen);
}

static void budgets_name_ids_families_and_classes(void **state)
{
	struct incident aer = made("aer.bus-error", SEV_WARNING);
	struct incident fault = made("dmar.dma-fault", SEV_ERROR);
	struct incident ghes = made("ghes.header", SEV_ERROR);

	(void)state;
	assert_true(klog_fault_matches("aer.bus-error", &aer));
	assert_true(klog_fault_matches("aer.*", &aer));
	assert_true(klog_fault_matches("aer.correctable", &aer));
	assert_false(klog_fault_matches("aer.fatal", &aer));
	assert_false(klog_fault_matches("aer", &aer));
	assert_false(klog_fault_matches(".*", &aer));
	assert_true(klog_fault_matches("dmar.*", &fault));
	assert_false(klog_fault_matches("aer.nonfatal", &fault));
	/* memory errors come through the same door as PCIe's */
	assert_false(klog_fault_matches("aer.nonfatal", &ghes));
	incident_add_field(&ghes, "section", VALUE_STRING, "PCIe error");
	assert_true(klog_fault_matches("aer.nonfatal", &ghes));
	assert_true(klog_fault_matches("aer.*", &ghes));
	incident_finish(&ghes);

	assert_true(klog_fault_known("aer.correctable", rules));
	assert_true(klog_fault_known("amdvi.*", rules));
	assert_true(klog_fault_known("log.gap", rules));
	assert_false(klog_fault_known("aer.error-bit", rules)); /* never an incident */
	assert_false(klog_fault_known("dmarr.*", rules));
	assert_false(klog_fault_known("dmar", rules));
}

static void expected_events_are_expected_in_their_step_only(void **state)
{
	uint32_t most = 7;

	(void)state;
	assert_true(klog_expected_in("hotplug.link-down", "reset", "bus", &most));
	assert_int_equal(most, 0);
	assert_true(klog_expected_in("hotplug.link-down", "reset", "hot", &most));
	assert_false(klog_expected_in("hotplug.link-down", "reset", "flr", &most));
	assert_true(klog_expected_in("pci.reset-method", "reset", "flr", &most));
	assert_false(klog_expected_in("pci.reset-method", "start", NULL, &most));
	assert_false(klog_expected_in("hotplug.link-down", "hold", NULL, &most));
	assert_true(klog_expected_in("pci.resetting", "reset", NULL, &most));
	assert_true(klog_expected_in("vfio.reset-recovery", "start", NULL, &most));
	assert_int_equal(most, 2);
	assert_false(klog_expected_in("pci.not-ready-timeout", "reset", "bus", &most));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_segment_gives_its_incidents),
		cmocka_unit_test(a_storm_is_one_incident_with_its_first_and_last_lines),
		cmocka_unit_test(memory_is_bounded_whatever_comes),
		cmocka_unit_test(what_comes_elsewhere_in_the_run_is_another_incident),
		cmocka_unit_test(a_device_that_a_lane_works_with_may_not_be_removed),
		cmocka_unit_test(what_goes_on_behind_the_end_of_its_step_is_the_same),
		cmocka_unit_test(what_a_process_wrote_is_no_fault),
		cmocka_unit_test(each_source_has_its_own_rules),
		cmocka_unit_test(one_record_of_many_lines_is_read_as_lines),
		cmocka_unit_test(a_gpu_keeps_its_identity_for_itself),
		cmocka_unit_test(suppressed_messages_are_added_wherever_they_are_told),
		cmocka_unit_test(reports_of_two_ports_may_interleave),
		cmocka_unit_test(the_line_to_show_names_the_fault),
		cmocka_unit_test(a_slot_that_flaps_is_one_incident_that_counts),
		cmocka_unit_test(a_trace_belongs_to_what_it_explains),
		cmocka_unit_test(a_trace_without_stamps_ends_with_the_first_other_line),
		cmocka_unit_test(quiet_incidents_are_closed_and_begin_anew),
		cmocka_unit_test(a_users_severity_counts_for_the_incident),
		cmocka_unit_test(a_gap_makes_lower_bounds_of_what_it_may_have_held),
		cmocka_unit_test(open_incidents_have_slots_of_their_own),
		cmocka_unit_test(budgets_name_ids_families_and_classes),
		cmocka_unit_test(expected_events_are_expected_in_their_step_only),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
