/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/snapshot.h"

#include "base/str.h"
#include "base/vec.h"
#include "machine.h"
#include "model/scrub.h"

#include "cmocka_all.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const machines[] = {"intel", "amd", "none"};

static char *text_of(const struct topology *t)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	snapshot_write(t, "0", out);
	fclose(out);
	return text;
}

static void parse(const char *text, struct topology *out)
{
	struct err err = {0};

	if (snapshot_parse(text, strlen(text), "snapshot", out, &err) != 0)
		fail_msg("%s", err.msg);
}

/* ---- the same machine: compared by hand, not by the tables that write and read it ---- */

static void same_devices(const struct topology *a, const struct topology *b)
{
	size_t i;

	assert_int_equal(a->devs.n, b->devs.n);
	for (i = 0; i < a->devs.n; i++) {
		const struct pcidev *x = &a->devs.v[i], *y = &b->devs.v[i];

		assert_true(bdf_eq(x->bdf, y->bdf) && bdf_eq(x->parent, y->parent) &&
			bdf_eq(x->physfn, y->physfn));
		assert_true(x->vendor == y->vendor && x->device == y->device &&
			x->subvendor == y->subvendor && x->subdevice == y->subdevice &&
			x->class_code == y->class_code && x->revision == y->revision);
		assert_true(x->iommu_group == y->iommu_group && x->numa_node == y->numa_node);
		assert_true(x->is_bridge == y->is_bridge && x->is_vf == y->is_vf &&
			x->is_pf_with_vfs == y->is_pf_with_vfs && x->boot_vga == y->boot_vga &&
			x->has_parent == y->has_parent);
		assert_true(x->secondary_bus == y->secondary_bus &&
			x->subordinate_bus == y->subordinate_bus);
		assert_string_equal(x->driver, y->driver);
		assert_string_equal(x->reset_methods, y->reset_methods);
		assert_string_equal(x->name, y->name);
	}
}

static void same_users(const struct pcifacts *x, const struct pcifacts *y)
{
	size_t i;

	assert_int_equal(x->nusers, y->nusers);
	for (i = 0; i < x->nusers; i++) {
		assert_int_equal(x->users[i].kind, y->users[i].kind);
		assert_int_equal(x->users[i].active, y->users[i].active);
		assert_string_equal(x->users[i].name, y->users[i].name);
		assert_string_equal(x->users[i].text, y->users[i].text);
	}
}

static void same_facts(const struct pcifacts *x, const struct pcifacts *y)
{
	assert_int_equal(x->conf.len, y->conf.len);
	if (x->conf.len > 0)
		assert_memory_equal(x->conf.bytes, y->conf.bytes, x->conf.len);
	assert_int_equal(x->conf_state, y->conf_state);
	assert_int_equal(x->conf_sys, y->conf_sys);
	assert_string_equal(x->power_state, y->power_state);
	assert_string_equal(x->runtime_status, y->runtime_status);
	assert_string_equal(x->runtime_control, y->runtime_control);
	assert_int_equal(x->d3cold_allowed, y->d3cold_allowed);
	assert_string_equal(x->driver_override, y->driver_override);
	assert_string_equal(x->drivers, y->drivers);
	assert_string_equal(x->slot, y->slot);
	assert_memory_equal(x->regions, y->regions, sizeof(x->regions));
	assert_int_equal(x->aer.known, y->aer.known);
	assert_int_equal(x->aer.is_root_port, y->aer.is_root_port);
	assert_memory_equal(x->aer.total, y->aer.total, sizeof(x->aer.total));
	assert_memory_equal(x->aer.received, y->aer.received, sizeof(x->aer.received));
	same_users(x, y);
}

static void same_groups(const struct topology *a, const struct topology *b)
{
	size_t i, j;

	assert_int_equal(a->ngroups, b->ngroups);
	for (i = 0; i < a->ngroups; i++) {
		assert_int_equal(a->groups[i].number, b->groups[i].number);
		assert_string_equal(a->groups[i].type, b->groups[i].type);
		assert_string_equal(a->groups[i].reserved, b->groups[i].reserved);
		assert_int_equal(a->groups[i].n, b->groups[i].n);
		for (j = 0; j < a->groups[i].n; j++)
			assert_true(
				bdf_eq(a->groups[i].members[j]->bdf, b->groups[i].members[j]->bdf));
	}
}

static void same_domains(const struct topology *a, const struct topology *b)
{
	size_t i;

	assert_int_equal(a->ndomains, b->ndomains);
	for (i = 0; i < a->ndomains; i++) {
		const struct topology_domain *x = &a->domains[i], *y = &b->domains[i];

		assert_string_equal(x->name, y->name);
		assert_true(x->state_known == y->state_known && x->active == y->active &&
			x->autostart == y->autostart);
		assert_int_equal(x->def != NULL, y->def != NULL);
		assert_true(str_eq(x->problem, y->problem));
		if (x->def != NULL)
			assert_memory_equal(x->def, y->def, sizeof(*x->def));
	}
}

static void same_rest(const struct topology *a, const struct topology *b)
{
	size_t i;

	assert_int_equal(a->files.n, b->files.n);
	for (i = 0; i < a->files.n; i++) {
		assert_string_equal(a->files.v[i].path, b->files.v[i].path);
		assert_string_equal(a->files.v[i].text, b->files.v[i].text);
		assert_int_equal(a->files.v[i].sys, b->files.v[i].sys);
		assert_int_equal(a->files.v[i].cut, b->files.v[i].cut);
	}
	assert_int_equal(a->nwords, b->nwords);
	for (i = 0; i < a->nwords; i++) {
		assert_string_equal(a->words[i].id, b->words[i].id);
		assert_true(a->words[i].incident == b->words[i].incident &&
			a->words[i].severity == b->words[i].severity &&
			a->words[i].has_bdf == b->words[i].has_bdf &&
			a->words[i].count == b->words[i].count);
		assert_true(bdf_eq(a->words[i].bdf, b->words[i].bdf));
		assert_string_equal(a->words[i].text, b->words[i].text);
		assert_string_equal(a->words[i].meaning, b->words[i].meaning);
		assert_string_equal(a->words[i].advice, b->words[i].advice);
	}
	assert_string_equal(a->machine.name, b->machine.name);
	assert_string_equal(a->machine.kernel, b->machine.kernel);
	assert_string_equal(a->machine.cmdline, b->machine.cmdline);
	assert_string_equal(a->machine.bios, b->machine.bios);
	assert_string_equal(a->machine.board, b->machine.board);
	assert_string_equal(a->machine.cpu, b->machine.cpu);
	assert_string_equal(a->machine.microcode, b->machine.microcode);
	assert_string_equal(a->libvirt, b->libvirt);
	assert_string_equal(a->qemu, b->qemu);
	assert_string_equal(a->taken, b->taken);
	assert_string_equal(a->boot_id, b->boot_id);
	assert_true(str_eq(a->domains_unknown, b->domains_unknown) &&
		str_eq(a->users_unknown, b->users_unknown) &&
		str_eq(a->log_unknown, b->log_unknown));
	assert_true(a->simulated == b->simulated && a->drivers_known == b->drivers_known &&
		a->log_from_boot == b->log_from_boot);
}

static void same(const struct topology *a, const struct topology *b)
{
	size_t i;

	same_devices(a, b);
	for (i = 0; i < a->devs.n; i++)
		same_facts(&a->facts[i], &b->facts[i]);
	same_groups(a, b);
	same_domains(a, b);
	same_rest(a, b);
}

/* What is read is what was written, and writing it once more gives the same text. */
static void comes_back(const struct topology *t)
{
	auto_free char *text = text_of(t), *again = NULL;
	struct topology back;

	parse(text, &back);
	same(t, &back);
	again = text_of(&back);
	assert_string_equal(text, again);
	topology_finish(&back);
}

static void every_recorded_machine_comes_back_as_it_was(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		struct topology *t = machine_of(machines[i]);

		comes_back(t);
		machine_free(t);
	}
}

/* What no recorded machine has. */
static void make_rich(struct topology *t)
{
	static struct pci_user users[] = {
		{USER_DOMAIN, true, "gpu-vm", "domain gpu-vm (running)"},
		{USER_PROCESS, true, "x", "x (process 1) has /dev/vfio/1 open"},
		{USER_SYSTEM, true, "eth0", "eth0 is up"},
		{USER_IDLE, false, "sda", "disk sda"},
	};
	static struct kernel_word words[] = {
		{"aer.corrected", true, SEV_WARNING, true, {0x10000, 2, 3, 4}, 7,
			"a \"text\" with \\ and \xc3\xa4", "it means", "do"},
		{"iommu.on", false, SEV_INFO, false, {0}, 1, "text", "", ""},
		{"x", true, SEV_FATAL, false, {0}, INT64_MAX, "t", "m", "a"},
	};
	struct pcifacts *f = t->facts;

	t->words = words;
	t->nwords = ARRAY_SIZE(words);
	t->log_from_boot = true;
	t->log_unknown = "no permission";
	t->users_unknown = "";
	str_set(t->libvirt, "9.0.0");
	str_set(t->boot_id, "e0b5dbbd-4c0c-4f2b-9f5e-000000000000");
	t->devs.v[2].is_vf = true;
	t->devs.v[2].physfn = t->devs.v[1].bdf;
	t->devs.v[1].is_pf_with_vfs = t->devs.v[1].boot_vga = true;
	t->devs.v[1].numa_node = 3;
	f[0].conf_state = CONF_ASLEEP;
	f[0].conf = (struct pciconf){0};
	f[1].conf_state = CONF_FAILED;
	f[1].conf_sys = ETIMEDOUT;
	f[2].conf_state = CONF_HEADER_ONLY;
	f[2].conf.len = 61;
	f[3].conf_state = CONF_STUCK;
	f[3].regions[16] = (struct pci_region){UINT64_MAX - 15, UINT64_MAX, 0x80000000u};
	f[3].aer = (struct aer_counters){
		.known = true, .is_root_port = true, .total = {1, 2, 3}, .received = {4, 5, 6}};
	f[3].d3cold_allowed = 0;
	str_set(f[3].driver_override, "vfio-pci");
	f[3].users = users;
	f[3].nusers = ARRAY_SIZE(users);
	t->files.v[0].sys = EACCES;
	t->files.v[0].text = "";
	t->files.v[1].cut = true;
}

static void so_does_what_no_recorded_machine_has(void **state)
{
	struct topology *t = machine_of("intel");

	(void)state;
	make_rich(t);
	comes_back(t);
	machine_free(t);
}

static void who_reads_it_knows_where_it_is_from(void **state)
{
	struct topology *t = machine_of("none"), back;
	auto_free char *text = NULL;

	(void)state;
	assert_null(t->snapshot);
	str_set(t->taken, "2026-11-21T04:00:00.123Z");
	t->machine.name = "gpu-07\x1b[2J";
	text = text_of(t);
	parse(text, &back);
	assert_string_equal(back.snapshot, "gpu-07\\x1b[2J at 2026-11-21T04:00:00.123Z");
	topology_finish(&back);
	machine_free(t);
}

/* ---- foreign ones ---- */

static char *replaced(const char *text, const char *what, const char *by)
{
	const char *at = strstr(text, what);

	if (at == NULL)
		fail_msg("there is no %s", what);
	return xasprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
}

static void what_is_no_snapshot_is_refused_by_its_place(void **state)
{
	static const struct {
		const char *what, *by, *says;
	} cases[] = {
		{"{\"schema\"", "[{\"schema\"", "f:"},
		{"\"schema\": \"vfio-stress/snapshot/1\"", "\"schema\": \"vfio-stress/run/1\"",
			"f: not a snapshot"},
		{"\"simulated\":true,", "", "f: snapshot.simulated: is missing"},
		{"\"files\": [", "\"files\": 1, \"old\": [", "f: files: must be a list"},
		{"\"bdf\":\"0000:00:00.0\"", "\"bdf\":\"0000:00:00.8\"",
			"f: devices[0].bdf: must be an address"},
		{"\"bdf\":\"0000:00:00.0\"", "\"bdf\":null",
			"f: devices[0].bdf: must be an address"},
		{"\"bdf\":\"0000:00:00.0\"", "\"bdf\":\"0000:00:02.0\"",
			"f: devices[1].bdf: must come after"},
		{"\"parent\":null", "\"parent\":\"0000:00:00.0\"",
			"f: devices[0].parent: leads round"},
		{"\"vendor\":\"0x8086\"", "\"vendor\":\"0x18086\"",
			"f: devices[0].vendor: must be a number such as"},
		{"\"secondary_bus\":\"0x00\"", "\"secondary_bus\":0",
			"f: devices[0].secondary_bus: must be a number such as"},
		{"\"state\":\"read\"", "\"state\":\"red\"", "f: devices[0].config.state: is none"},
		{"\"length\":256", "\"length\":4097", "f: devices[0].config.length: is more"},
		{"\"length\":256", "\"length\":-1", "f: devices[0].config.length: must be"},
		{"\"length\":256", "\"length\":8", "f: devices[0].config.rows[0]: must be"},
		{"\"00: 86", "\"00: 8g", "f: devices[0].config.rows[0]: must be"},
		{"\"00: 86", "\"00: 8", "f: devices[0].config.rows[0]: must be"},
		{"\"00: 86", "\": 86", "f: devices[0].config.rows[0]: must be"},
		{"\"00: 86", "\"ffffffffffffffffff: 86", "f: devices[0].config.rows[0]: must be"},
		{"\"index\":0", "\"index\":17", "index: is more than a function has"},
		{"\"number\":0", "\"number\":9999", "f: groups[0].number: is no"},
		{"\"aer\":null", "\"aer\":{\"known\":true}", "f: devices[0].aer: must be counters"},
		{"\"cut\":false", "\"cut\":0", "f: files[0].cut: must be true or false"},
		{"\"text\":\"", "\"text\":\"\\u0000", "NUL"},
	};
	struct topology *t = machine_of("intel"), back;
	auto_free char *text = text_of(t);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *bad = replaced(text, cases[i].what, cases[i].by);
		struct err err = {0};

		assert_int_equal(snapshot_parse(bad, strlen(bad), "f", &back, &err), -1);
		if (strstr(err.msg, cases[i].says) == NULL)
			fail_msg("%s instead of %s", err.msg, cases[i].says);
	}
	machine_free(t);
}

/* Also one that the kernel's text was cut to, within a character. */
static void a_text_that_does_not_fit_is_cut_and_shows_it(void **state)
{
	struct topology *t = machine_of("none"), once, twice;
	auto_free char *text = NULL, *again = NULL;
	struct pcidev *dev = &t->devs.v[0];

	(void)state;
	memset(dev->reset_methods, 'x', sizeof(dev->reset_methods) - 2);
	dev->reset_methods[sizeof(dev->reset_methods) - 2] = (char)0xc3;
	dev->reset_methods[sizeof(dev->reset_methods) - 1] = '\0';
	text = text_of(t);
	parse(text, &once);
	assert_non_null(strstr(once.devs.v[0].reset_methods, "x..."));
	again = text_of(&once);
	parse(again, &twice);
	assert_string_equal(once.devs.v[0].reset_methods, twice.devs.v[0].reset_methods);
	topology_finish(&once);
	topology_finish(&twice);
	machine_free(t);
}

static void a_snapshot_that_is_cut_short_is_refused(void **state)
{
	struct topology *t = machine_of("none"), back;
	auto_free char *text = text_of(t);
	size_t len = strlen(text), n;

	(void)state;
	for (n = 0; n < len - 2; n += 997) {
		struct err err = {0};

		assert_int_equal(snapshot_parse(text, n, "f", &back, &err), -1);
		assert_int_equal(err.code, ERR_INPUT);
	}
	machine_free(t);
}

/* ---- what must not be in it ---- */

static void scrubbed(void (*scrub)(const char *, struct str *), const char *text, const char *want)
{
	struct str once = {0}, twice = {0};

	scrub(text, &once);
	assert_string_equal(once.s, want);
	scrub(once.s, &twice);
	assert_string_equal(twice.s, want);
	str_finish(&once);
	str_finish(&twice);
}

static void secrets_and_identifiers_are_taken_out_of_xml(void **state)
{
	(void)state;
	scrubbed(scrub_xml, "<a><graphics type='vnc' passwd='s3cr>et' port='1'/></a>",
		"<a><graphics type='vnc' passwd='removed' port='1'/></a>");
	scrubbed(scrub_xml, "<mac address=\"52:54:00:12:34:56\"/><address domain='0'/>",
		"<mac address=\"removed\"/><address domain='0'/>");
	scrubbed(scrub_xml, "<disk><serial>WD-123</serial><wwn> 5 </wwn></disk>",
		"<disk><serial>removed</serial><wwn>removed</wwn></disk>");
	scrubbed(scrub_xml, "<serial type='pty'>\n  <target port='0'/>\n</serial>",
		"<serial type='pty'>\n  <target port='0'/>\n</serial>");
	scrubbed(scrub_xml, "<oemStrings><entry><![CDATA[key=<x>]]></entry></oemStrings>",
		"<oemStrings><entry>removed</entry></oemStrings>");
	scrubbed(scrub_xml, "<x/><!-- root's password is 'x' --><y>kept</y>", "<x/><y>kept</y>");
	scrubbed(scrub_xml, "<metadata><nova:owner>me</nova:owner></metadata><z/>",
		"<metadata></metadata><z/>");
	scrubbed(scrub_xml, "<metadata/><z/>", "<metadata/><z/>");
	scrubbed(scrub_xml, "<qemu:env name='A' value='b'/><qemu:arg value='secret,id=s,data=x'/>",
		"<qemu:env name='A' value='removed'/><qemu:arg value='removed'/>");
	scrubbed(scrub_xml, "<qemu:arg value='-device'/>", "<qemu:arg value='-device'/>");
	scrubbed(scrub_xml, "<a passwd='unended", "<a ");
	scrubbed(scrub_xml, "<a passwd = \"x>y\" b='c'/>", "<a passwd=\"removed\" b='c'/>");
}

static void secrets_are_taken_out_of_words_and_settings(void **state)
{
	(void)state;
	scrubbed(scrub_words, "quiet rd.iscsi.password=x intel_iommu=on",
		"quiet rd.iscsi.password=removed intel_iommu=on");
	scrubbed(scrub_words, "netroot=iscsi:me:pw@10.0.0.1::3260::iqn ro", "netroot=removed ro");
	scrubbed(scrub_words, " a=b\tpassword ", " a=b\tpassword ");
	scrubbed(scrub_settings, "vnc_password = \"x\"\nuser = \"qemu\"\nspice_password=\"y\"\n",
		"vnc_password = removed\nuser = \"qemu\"\nspice_password= removed\n");
}

static void a_snapshot_has_no_secrets(void **state)
{
	static const char xml[] = "<domain type='kvm'><name>a</name><devices>"
				  "<graphics type='vnc' passwd='HUSH'/></devices></domain>";
	struct topology *t = machine_of("none");
	struct hostfile files[] = {
		{"/etc/libvirt/qemu.conf", "vnc_password = \"HUSH\"", 0, false},
		{"/proc/cmdline", "x.password=HUSH", 0, false},
	};
	struct domdef def = {0};
	struct topology_domain domains[] = {
		{.name = "a", .xml = xml, .def = &def},
		{.name = "b", .xml = "<domain HUSH", .problem = "no XML"},
	};
	auto_free char *text = NULL;

	(void)state;
	t->files = (struct hostfiles){files, ARRAY_SIZE(files)};
	t->machine.cmdline = "x.password=HUSH";
	t->domains = domains;
	t->ndomains = ARRAY_SIZE(domains);
	text = text_of(t);
	assert_null(strstr(text, "HUSH"));
	machine_free(t);
}

static void scrubbed_line(const char *text, const char *want)
{
	struct str once = {0}, twice = {0};

	scrub_line(text, strlen(text), &once);
	assert_string_equal(once.s, want);
	scrub_line(once.s, once.len, &twice);
	assert_string_equal(twice.s, want);
	str_finish(&once);
	str_finish(&twice);
}

static void secrets_are_taken_out_of_any_line(void **state)
{
	(void)state;
	scrubbed_line("login: password=hunter2 ok", "login: password=removed ok");
	scrubbed_line("  - webhook: {url: \"https://x/T0/B1\", when: always}",
		"  - webhook: {url: \"removed\", when: always}");
	scrubbed_line("{\"t\":\"a\\n  secret: \\\"whsec_x\\\"\\n\",\"passwd\": \"p\"}",
		"{\"t\":\"a\\n  secret: \\\"removed\\\"\\n\",\"passwd\": \"removed\"}");
	scrubbed_line("{\"token\": null, \"tokens\": 5}", "{\"token\": null, \"tokens\": 5}");
	scrubbed_line("NVRM: GPU Board Serial Number: 1320921004711",
		"NVRM: GPU Board Serial Number: removed");
	scrubbed_line("GPU 0: RTX (UUID: GPU-9d1e0c2a-1111-4a39-9c1e-feedfacecafe)",
		"GPU 0: RTX (UUID: GPU-removed)");
	scrubbed_line("eth0: 52:54:00:12:34:56 at 0000:41:00.0", "eth0: removed at 0000:41:00.0");
	scrubbed_line("iscsi://joe:pw@10.0.0.1/x?a=b", "iscsi://removed@10.0.0.1/x?a=b");
	scrubbed_line(
		"0000:41:00.0: 00:11:22:33:44:55:66:77", "0000:41:00.0: 00:11:22:33:44:55:66:77");
	scrubbed_line("secret", "secret");
	scrubbed_line("  url: >-\n    https://hooks.slack.com/services/T0/B1/x\n",
		"  url: removed\n    https://hooks.slack.com/removed\n");
	scrubbed_line("see https://10.0.0.1:8443/?key=x, or https://example.org/",
		"see https://10.0.0.1:8443/removed or https://example.org/");
	scrubbed_line("qemu:///system http://www.w3.org/2000/svg",
		"qemu:///system http://www.w3.org/2000/svg");
	scrubbed_line(
		"  db_password: \"correct horse\" # mine", "  db_password: \"removed\" # mine");
	scrubbed_line("{\"t\":\"password: \\\"correct horse\\\"\\n\",\"passwd\":\"a \\\" b\"}",
		"{\"t\":\"password: \\\"removed\\\"\\n\",\"passwd\":\"removed\"}");
	scrubbed_line("{\"secret\":\"\",\"a\":\"b\"}", "{\"secret\":\"\",\"a\":\"b\"}");
	scrubbed_line("Authorization: Bearer abc.def", "Authorization: removed");
	scrubbed_line("curl -H 'X: bearer abc' --password pw --token-file t",
		"curl -H 'X: bearer removed' --password removed --token-file removed");
	scrubbed_line("run: [login, \"--password\", \"pw\", -v]",
		"run: [login, \"--password\", \"removed\", -v]");
	scrubbed_line("api_key: 12 34, x", "api_key: removed, x");
	scrubbed_line("MIG 1g.5gb (UUID: MIG-9d1e0c2a-1111)", "MIG 1g.5gb (UUID: MIG-removed)");
	scrubbed_line("the serial number is 1320921004711", "the serial number is removed");
	scrubbed_line("drive=d,serial=WD-1,x=y", "drive=d,serial=removed,x=y");
	scrubbed_line("amdgpu: unique_id: 0x1234", "amdgpu: unique_id: removed");
	scrubbed_line("ready: {serial: \"login:\"}", "ready: {serial: \"login:\"}");
	scrubbed_line("s", "s");
	scrubbed_line("the password", "the password");
	scrubbed_line("password=", "password=");
	scrubbed_line("//a:", "//a:");
}

/* Most of a line is passed over by its letters: no word may be among that, in either case. */
static void every_word_that_tells_a_secret_is_found(void **state)
{
	static const char *const words[] = {"cookie", "credential", "passphrase", "passwd",
		"password", "secret", "token", "serial number", "serial_number", "serialnumber",
		"serial no", "webhook", "url"};
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		auto_free char *line = xasprintf("x %s=hunter2 y", words[i]);
		auto_free char *want = xasprintf("x %s=removed y", words[i]);

		scrubbed_line(line, want);
		for (k = 0; k < strlen(words[i]) + 2; k++)
			line[k] = want[k] = (char)toupper(line[k]);
		scrubbed_line(line, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_recorded_machine_comes_back_as_it_was),
		cmocka_unit_test(every_word_that_tells_a_secret_is_found),
		cmocka_unit_test(so_does_what_no_recorded_machine_has),
		cmocka_unit_test(who_reads_it_knows_where_it_is_from),
		cmocka_unit_test(what_is_no_snapshot_is_refused_by_its_place),
		cmocka_unit_test(a_text_that_does_not_fit_is_cut_and_shows_it),
		cmocka_unit_test(a_snapshot_that_is_cut_short_is_refused),
		cmocka_unit_test(secrets_and_identifiers_are_taken_out_of_xml),
		cmocka_unit_test(secrets_are_taken_out_of_words_and_settings),
		cmocka_unit_test(a_snapshot_has_no_secrets),
		cmocka_unit_test(secrets_are_taken_out_of_any_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
