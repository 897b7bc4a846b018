/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "world/vmlist.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "world/child.h"
#include "world/host.h"
#include "world/lvdom.h"
#include "world/xmldoc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBVIRT_NS (10 * NS_PER_S) /* an idle libvirtd answers in 10 ms, one that starts in 4 s */
#define REPLY_MAX  (32u << 20) /* a domain's XML has about 10 KiB */
#define DIR_QEMU   "/etc/libvirt/qemu"

/* ---- from libvirt, in a child ---- */

struct question {
	const struct host *host;
	const char *uri;
};

/* What the child answers: this, then for each domain a `struct parcel`, its name and its XML. */
struct answer {
	bool failed;
	struct err err;
	char libvirt[24], qemu[24];
};

struct parcel {
	uint32_t name_len, xml_len;
	bool active, autostart;
};

static bool put(int fd, const void *data, size_t n)
{
	const char *p = data;
	ssize_t done;

	for (; n > 0; p += done, n -= (size_t)done) {
		done = write(fd, p, n);
		if (done <= 0)
			return false;
	}
	return true;
}

static bool put_domain(int fd, const struct vmlist_domain *dom)
{
	const struct parcel p = {(uint32_t)strlen(dom->name), (uint32_t)strlen(dom->xml),
		dom->active, dom->autostart};

	return put(fd, &p, sizeof(p)) && put(fd, dom->name, p.name_len) &&
		put(fd, dom->xml, p.xml_len);
}

static int ask_libvirt(void *arg, int fd)
{
	const struct question *q = arg;
	struct answer answer = {0};
	struct vmlist list = {0};
	struct arena arena = {0};
	bool ok;
	size_t i;

	answer.failed = lvdom_list(q->host, q->uri, &arena, &list, &answer.err) != 0;
	memcpy(answer.libvirt, list.libvirt, sizeof(answer.libvirt));
	memcpy(answer.qemu, list.qemu, sizeof(answer.qemu));
	ok = put(fd, &answer, sizeof(answer));
	for (i = 0; ok && i < list.n; i++)
		ok = put_domain(fd, &list.v[i]);
	arena_finish(&arena);
	return ok ? 0 : 1;
}

struct reply {
	const char *s;
	size_t left;
};

static bool take(struct reply *r, void *out, size_t n)
{
	if (r->left < n)
		return false;
	memcpy(out, r->s, n);
	r->s += n;
	r->left -= n;
	return true;
}

static const char *take_text(struct reply *r, struct arena *arena, size_t n)
{
	const char *s = r->s;

	if (r->left < n)
		return NULL;
	r->s += n;
	r->left -= n;
	return arena_strndup(arena, s, n);
}

typedef VEC(struct vmlist_domain) domain_vec;

/* What was cut off at REPLY_MAX is left out. */
static void take_domains(struct reply *r, struct arena *arena, domain_vec *found)
{
	struct parcel p;

	while (take(r, &p, sizeof(p))) {
		struct vmlist_domain dom = {
			.state_known = true, .active = p.active, .autostart = p.autostart};

		dom.name = take_text(r, arena, p.name_len);
		dom.xml = take_text(r, arena, p.xml_len);
		if (dom.name == NULL || dom.xml == NULL)
			return;
		*vec_push(found) = dom;
	}
}

static int read_libvirt(const struct question *q, struct arena *arena, domain_vec *found,
	struct vmlist *out, struct err *err)
{
	auto_free char *buf = xmalloc(REPLY_MAX);
	struct child_result res = {0};
	struct answer answer;
	struct reply r = {.s = buf};

	if (child_call(ask_libvirt, (void *)q, buf, REPLY_MAX, clock_mono_ns() + LIBVIRT_NS, &res,
		    err) != 0) {
		err_wrap(err, "libvirt at %s", q->uri);
		return err_hint(err, "is a domain's device stuck? `virsh list` hangs then as well");
	}
	r.left = res.len;
	if (!take(&r, &answer, sizeof(answer)))
		return err_set(err, ERR_LOST, 0, "libvirt at %s: the child ended with status %d",
			q->uri, res.status);
	if (answer.failed) {
		*err = answer.err;
		return -1;
	}
	str_set(out->libvirt, answer.libvirt);
	str_set(out->qemu, answer.qemu);
	take_domains(&r, arena, found);
	return 0;
}

/* ---- from its files ---- */

static char *read_file(int dirfd, const char *name, struct arena *arena)
{
	auto_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	auto_free char *buf = NULL;
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return NULL;
	buf = xmalloc(XMLDOC_SIZE_MAX);
	while (len < XMLDOC_SIZE_MAX && (n = read(fd, buf + len, XMLDOC_SIZE_MAX - len)) > 0)
		len += (size_t)n;
	return n < 0 ? NULL : arena_strndup(arena, buf, len);
}

static void take_file(int dirfd, const char *file, struct arena *arena, domain_vec *found)
{
	struct vmlist_domain dom = {0};
	char link[sizeof("autostart/") + NAME_MAX];

	dom.xml = read_file(dirfd, file, arena);
	if (dom.xml == NULL)
		return;
	dom.name = arena_strndup(arena, file, strlen(file) - strlen(".xml"));
	snprintf(link, sizeof(link), "autostart/%s", file);
	dom.autostart = faccessat(dirfd, link, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	*vec_push(found) = dom;
}

static int read_files(
	const struct host *host, struct arena *arena, domain_vec *found, struct err *err)
{
	char path[HOST_PATH_MAX];
	DIR *dir = opendir(host_path(host, path, "%s", DIR_QEMU));
	struct dirent *entry;

	if (dir == NULL)
		return err_set(
			err, errno == ENOENT ? ERR_ABSENT : ERR_REFUSED, errno, "open " DIR_QEMU);
	while ((entry = readdir(dir)) != NULL && found->n < VMLIST_MAX)
		if (entry->d_name[0] != '.' && str_ends(entry->d_name, ".xml"))
			take_file(dirfd(dir), entry->d_name, arena, found);
	closedir(dir);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct vmlist_domain *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int vmlist_read(const struct host *host, const char *uri, struct arena *arena, struct vmlist *out,
	struct err *err)
{
	const struct question q = {host, uri ? uri : VMLIST_URI};
	struct vmlist list = {0};
	domain_vec found = {0};
	int rc;

	if (uri == NULL && *host->root != '\0')
		rc = read_files(host, arena, &found, err);
	else
		rc = read_libvirt(&q, arena, &found, &list, err);
	if (rc == 0) {
		list.n = found.n;
		list.v = arena_alloc(arena, (found.n + 1) * sizeof(*list.v));
		if (found.n > 0) {
			qsort(found.v, found.n, sizeof(found.v[0]), by_name);
			memcpy(list.v, found.v, found.n * sizeof(*list.v));
		}
		*out = list;
	}
	vec_finish(&found);
	return rc;
}
