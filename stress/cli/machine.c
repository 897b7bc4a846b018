/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/machine.h"

#include "base/str.h"
#include "cli/command.h"
#include "device/survey.h"
#include "model/snapshot.h"
#include "model/topology.h"
#include "preflight/words.h"
#include "world/jout.h"
#include "world/vm.h"

int machine_read(const struct host *host, const struct options *o, bool words, struct topology *out,
	struct err *err)
{
	const char *snapshot = options_get(o, "topology"), *uri = options_get(o, "connect");

	if (snapshot != NULL && uri != NULL)
		return err_set(err, ERR_USAGE, 0,
			"--topology and --connect exclude each other: the snapshot has its "
			"domains");
	if (snapshot != NULL)
		return snapshot_read(snapshot, out, err);
	/* another host's domains would be shown as holders of this one's devices */
	if (uri != NULL && vm_uri_check(uri, err) != 0)
		return -1;
	if (survey_take(host, uri, out, err) != 0)
		return -1;
	if (words)
		words_read(host, out);
	return 0;
}

void machine_say_origin(const struct topology *t, FILE *out)
{
	if (t->snapshot != NULL)
		fprintf(out, "from the snapshot of %s\n\n", t->snapshot);
}

void machine_describe(const struct topology *t, struct bdf bdf, struct str *out)
{
	const struct pcidev *dev = pcidev_find(&t->devs, bdf);
	const struct pcifacts *f;
	char above[BDF_LEN];
	size_t i;

	if (dev == NULL)
		return;
	f = topology_facts(t, dev);
	str_addf(out, "%04x:%04x%s%s, %s", dev->vendor, dev->device, *dev->name ? " " : "",
		dev->name, *dev->driver ? dev->driver : "no driver");
	if (dev->iommu_group >= 0)
		str_addf(out, ", IOMMU group %d", dev->iommu_group);
	if (*f->slot != '\0')
		str_addf(out, ", slot %s", f->slot);
	if (dev->has_parent)
		str_addf(out, ", below %s", bdf_text(dev->parent, above));
	for (i = 0; i < f->nusers; i++)
		str_addf(out, ", %s", f->users[i].text);
}

struct json_t *machine_origin_json(const struct topology *t)
{
	struct json_t *o;

	if (t->snapshot == NULL)
		return jout_none();
	o = jout_object();
	jout_str(o, "host", t->machine.name);
	jout_str(o, "taken", t->taken);
	return o;
}
