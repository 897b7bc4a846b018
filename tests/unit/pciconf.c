/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/pciconf.h"

#include "cmocka_all.h"

#include <string.h>

/* A config space in the making. */
struct maker {
	uint8_t b[PCICONF_SIZE];
	struct pciconf c;
};

static void put16(struct maker *m, size_t at, unsigned v)
{
	m->b[at] = (uint8_t)v;
	m->b[at + 1] = (uint8_t)(v >> 8);
}

static void put32(struct maker *m, size_t at, uint32_t v)
{
	put16(m, at, v & 0xffff);
	put16(m, at + 2, v >> 16);
}

static void ext(struct maker *m, size_t at, unsigned id, size_t next)
{
	put32(m, at, id | 1u << 16 | (uint32_t)next << 20);
}

/* An endpoint: PM at 40, PCIe at 60; AER at 100, ACS at 148, SR-IOV at 200, resizable BAR at 300. */
static void make(struct maker *m)
{
	memset(m, 0, sizeof(*m));
	m->c = (struct pciconf){m->b, sizeof(m->b)};
	put16(m, 0x00, 0x10de);
	put16(m, 0x06, 0x0010);
	m->b[0x34] = 0x40;
	put16(m, 0x40, 0x6001);
	put16(m, 0x60, 0x0010);
	put16(m, 0x62, 0x0002); /* endpoint, version 2 */
	put32(m, 0x64, 1u << 28); /* FLR */
	put32(m, 0x6c, 16u << 4 | 4 | 2u << 10); /* x16, 16 GT/s, L1 */
	put16(m, 0x70, 2); /* L1 enabled */
	put16(m, 0x72, 8u << 4 | 1); /* x8 at 2.5 GT/s */
	put32(m, 0x8c, 0x1e << 1); /* up to 32 GT/s */
	ext(m, 0x100, 0x01, 0x148);
	ext(m, 0x148, 0x0d, 0x200);
	put16(m, 0x14c, 0x1d);
	put16(m, 0x14e, 0x0d);
	ext(m, 0x200, 0x10, 0x300);
	put16(m, 0x20e, 64);
	ext(m, 0x300, 0x15, 0);
	put32(m, 0x304, 0xffc0u << 4); /* 64 MiB to 32 GiB */
	put32(m, 0x308, 1 | 1u << 5 | 8u << 8); /* BAR 1 of one, 256 MiB */
}

static void capabilities_are_found_in_their_chains(void **state)
{
	struct maker m;

	(void)state;
	make(&m);
	assert_int_equal(pciconf_cap(&m.c, 0x01), 0x40);
	assert_int_equal(pciconf_cap(&m.c, 0x10), 0x60);
	assert_int_equal(pciconf_cap(&m.c, 0x05), 0);
	assert_int_equal(pciconf_ext_cap(&m.c, 0x0d), 0x148);
	assert_int_equal(pciconf_ext_cap(&m.c, 0x1d), 0);
	put16(&m, 0x06, 0); /* the status register says that there are none */
	assert_int_equal(pciconf_cap(&m.c, 0x01), 0);
}

static void a_link_has_a_now_and_a_best(void **state)
{
	struct pcie_link l;
	struct maker m;

	(void)state;
	make(&m);
	assert_true(pciconf_link(&m.c, &l));
	assert_int_equal(l.width, 8);
	assert_int_equal(l.width_max, 16);
	assert_int_equal(l.speed, 1);
	assert_int_equal(l.speed_max, 5);
	assert_int_equal(l.aspm, ASPM_L1);
	assert_int_equal(l.aspm_max, ASPM_L1);
	assert_string_equal(pcie_speed_name(l.speed_max), "32 GT/s");
	assert_string_equal(pcie_speed_name(99), "?");
	put16(&m, 0x62, 0x0001); /* before PCIe 2.0 there was no vector of speeds */
	assert_true(pciconf_link(&m.c, &l));
	assert_int_equal(l.speed_max, 4);
	put16(&m, 0x62, 0x0092); /* integrated into the root complex */
	assert_false(pciconf_link(&m.c, &l));
}

static void what_a_function_can_do_is_read(void **state)
{
	struct pcie_rebar rebars[REBARS_MAX];
	struct pci_interrupts irq;
	unsigned capable, enabled;
	struct maker m;

	(void)state;
	make(&m);
	assert_int_equal(pciconf_type(&m.c), PCIE_ENDPOINT);
	assert_true(pciconf_acs(&m.c, &capable, &enabled));
	assert_int_equal(capable, ACS_ISOLATES);
	assert_int_equal(ACS_ISOLATES & ~enabled, ACS_UPSTREAM_FORWARDING);
	assert_int_equal(pciconf_total_vfs(&m.c), 64);
	assert_int_equal(pciconf_rebars(&m.c, rebars), 1);
	assert_int_equal(rebars[0].bar, 1);
	assert_int_equal(rebars[0].size, 8);
	assert_int_equal(rebars[0].size_max, 15);
	pciconf_interrupts(&m.c, &irq);
	assert_false(irq.msi || irq.msix || irq.pin);
}

static void masked_errors_are_named_but_for_those_that_always_are(void **state)
{
	struct pcie_aer aer;
	struct maker m;
	char buf[64];

	(void)state;
	make(&m);
	put32(&m, 0x108, 1u << 14 | 1u << 22);
	put32(&m, 0x114, 1u << 0 | 1u << 13);
	assert_true(pciconf_aer(&m.c, &aer));
	assert_string_equal(pcie_aer_masked(&aer, buf, sizeof(buf)), "CmpltTO, RxErr");
	aer.uncorrectable_mask = UINT32_MAX;
	assert_true(strlen(pcie_aer_masked(&aer, buf, sizeof(buf))) < sizeof(buf));
}

static void only_a_virtual_function_may_lack_its_ids(void **state)
{
	struct maker m;

	(void)state;
	make(&m);
	memset(m.b, 0xff, PCICONF_HEADER);
	assert_true(pciconf_all_ones(&m.c, false));
	make(&m);
	memset(m.b, 0xff, 4);
	assert_false(pciconf_all_ones(&m.c, true));
	assert_false(pciconf_all_ones(&m.c, false));
}

/* Chains that bite their tail, lead outside or end in the middle. */
static void broken_chains_end(void **state)
{
	struct pcie_link l;
	struct maker m;
	size_t len;

	(void)state;
	make(&m);
	m.b[0x61] = 0x40;
	ext(&m, 0x300, 0x15, 0x100);
	assert_int_equal(pciconf_cap(&m.c, 0x05), 0);
	assert_int_equal(pciconf_ext_cap(&m.c, 0x1d), 0);
	for (len = 0; len < 0x320; len++) {
		struct pcie_rebar rebars[REBARS_MAX];
		struct pciconf cut = {m.b, len};
		struct pcie_aer aer;

		pciconf_link(&cut, &l);
		pciconf_rebars(&cut, rebars);
		pciconf_aer(&cut, &aer);
		assert_int_equal(pciconf_cap(&cut, 0x05), 0);
	}
	m.b[0x34] = 0xfc;
	assert_int_equal(pciconf_cap(&m.c, 0x01), 0);
}

/* ---- reading ---- */

struct source {
	const uint8_t *b;
	size_t len, read; /* what there is, and how much of it was read */
};

static long from_source(void *arg, void *buf, size_t n, size_t at)
{
	struct source *s = arg;
	size_t got = at >= s->len ? 0 : n < s->len - at ? n : s->len - at;

	memcpy(buf, s->b + at, got);
	s->read += got;
	return (long)got;
}

static void only_what_is_known_is_read_beyond_256_bytes(void **state)
{
	uint8_t got[PCICONF_SIZE] = {0};
	struct source s;
	struct maker m;
	struct pciconf c = {got, 0};
	long n;

	(void)state;
	make(&m);
	ext(&m, 0x300, 0x15, 0x800);
	ext(&m, 0x800, 0x0b,
		0); /* a vendor's own: what is behind its header may not like readers */
	m.b[0x804] = 0x55;
	s = (struct source){m.b, sizeof(m.b), 0};
	n = pciconf_read(from_source, &s, got);
	assert_int_equal(n, 0x804);
	assert_true(s.read < 512);
	assert_int_equal(got[0x804], 0);
	c.len = (size_t)n;
	assert_int_equal(pciconf_total_vfs(&c), 64);
	assert_int_equal(pciconf_ext_cap(&c, 0x0b), 0x800);
}

static void without_privileges_the_header_is_all(void **state)
{
	uint8_t got[PCICONF_SIZE] = {0};
	struct maker m;
	struct source s = {m.b, PCICONF_HEADER, 0};

	(void)state;
	make(&m);
	assert_int_equal(pciconf_read(from_source, &s, got), PCICONF_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capabilities_are_found_in_their_chains),
		cmocka_unit_test(a_link_has_a_now_and_a_best),
		cmocka_unit_test(what_a_function_can_do_is_read),
		cmocka_unit_test(masked_errors_are_named_but_for_those_that_always_are),
		cmocka_unit_test(only_a_virtual_function_may_lack_its_ids),
		cmocka_unit_test(broken_chains_end),
		cmocka_unit_test(only_what_is_known_is_read_beyond_256_bytes),
		cmocka_unit_test(without_privileges_the_header_is_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
