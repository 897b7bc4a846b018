/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/commands.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/complain.h"
#include "cli/machine.h"
#include "model/snapshot.h"
#include "model/store.h"
#include "model/topology.h"
#include "world/newfile.h"

static int write_file(const struct topology *t, const char *path, struct err *err)
{
	auto_free char *what = xasprintf("snapshot '%s'", path);
	struct newfile file;

	if (newfile_open(path, what, &file, err) != 0)
		return -1;
	snapshot_write(t, STRESS_VERSION, file.out);
	return newfile_commit(&file, err);
}

static void say(const struct topology *t, const char *path)
{
	printf("%s: %s, %zu functions, %zu IOMMU groups, ", path,
		*t->machine.name ? t->machine.name : "an unnamed host", t->devs.n, t->ngroups);
	if (t->domains_unknown != NULL)
		printf("domains unknown (%s)\n", t->domains_unknown);
	else
		printf("%zu domain%s\n", t->ndomains, t->ndomains == 1 ? "" : "s");
}

/* As it was when a run began. */
static int read_stored(const struct options *o, struct topology *out, struct err *err)
{
	auto_free char *text = NULL;
	const char *which = options_get(o, "run");
	char id[RUN_ID_MAX];
	struct store *store;
	size_t n = 0;
	int64_t run;
	int rc;

	if (store_open(options_get(o, "db"), STORE_READ, &store, err) != 0)
		return -1;
	rc = store_find_run(store, which, &run, err);
	if (rc == 0)
		rc = store_snapshot_get(store, run, &text, &n, id, err);
	store_close(store);
	if (rc == 0)
		return err_set(err, ERR_ABSENT, 0, "no snapshot was kept of run '%s'", which);
	return rc < 0 ? -1 : snapshot_parse(text, n, id, out, err);
}

static int run(const struct host *host, const struct options *o)
{
	const char *path = o->nargs > 0 ? o->args[0] : "-";
	struct topology t;
	struct err err = {0};
	int rc;

	rc = options_get(o, "run") ? read_stored(o, &t, &err)
				   : machine_read(host, o, true, &t, &err);
	if (rc != 0)
		return complain(&err);
	if (str_eq(path, "-"))
		snapshot_write(&t, STRESS_VERSION, stdout);
	else if ((rc = write_file(&t, path, &err)) == 0)
		say(&t, path);
	topology_finish(&t);
	return rc == 0 ? EXIT_GOOD : complain(&err);
}

static const struct option_spec options[] = {
	{0, "connect", "URI", "libvirt (default qemu:///system)", false, false},
	{0, "run", "RUN", "the machine as it was when this run began", false, false},
	{0, "db", "FILE", "the store (default: /var/lib/vfio-stress/runs.db for root)", false,
		false},
	{0},
};

const struct command cmd_snapshot = {
	.name = "snapshot",
	.operands = "[FILE]",
	.summary = "write this machine down as one text file",
	.text = "Firmware, kernel, every PCI function with its config space, IOMMU groups, slots,\n"
		"drivers and users, and the domains of libvirt, as JSON (docs/schema/\n"
		"snapshot-1.schema.json), to FILE or standard output. `diff` compares two of "
		"them,\n"
		"and --topology of preflight, devices, check and scan looks at one instead of "
		"this\n"
		"machine. Passwords, MAC addresses and serial numbers are left out. Reads only,\n"
		"and wakes no device that sleeps.\n\n"
		"  vfio-stress snapshot before.json\n"
		"  vfio-stress preflight --topology before.json\n"
		"  vfio-stress snapshot --run latest then.json\n\n"
		"Exit codes: 0, 2 usage, 3 it could not be taken or written.",
	.options = options,
	.max_args = 1,
	.run = run,
};
