/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#include "base/str.h"
#include "device/survey.h"
#include "treefile.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>

/* The tree in a new directory. */
static char *unpack(const char *name)
{
	const char *tmp = getenv("TMPDIR");
	auto_free char *file = xasprintf(SOURCE_DIR "/tests/trees/%s.tree", name);
	char *dir = xasprintf("%s/vfio-stress-%s.XXXXXX", tmp ? tmp : "/tmp", name);

	if (mkdtemp(dir) == NULL) {
		perror(dir);
		abort();
	}
	treefile_unpack(file, dir);
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void remove_tree(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

struct topology *machine_of(const char *name)
{
	struct topology *t = xcalloc(1, sizeof(*t));
	char *dir = unpack(name);
	const struct host host = {.root = dir, .kmsg = "/dev/null", .simulated = true};
	struct err err = {0};
	size_t i;

	if (survey_take(&host, NULL, t, &err) != 0) {
		fprintf(stderr, "%s: %s\n", name, err.msg);
		abort();
	}
	remove_tree(dir);
	for (i = 0; i < t->devs.n; i++)
		str_set(t->devs.v[i].name,
			t->devs.v[i].class_code >> 8 == 0x0108 ? "An NVMe drive" : "");
	return t;
}

void machine_free(struct topology *t)
{
	topology_finish(t);
	free(t);
}
