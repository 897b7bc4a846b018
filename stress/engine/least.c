/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/least.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What passes is listed, not what is kept back: only their users know the names of secrets, and
 * /etc/vfio-stress/environment has those of all scenarios of the host. What is for the supervisor alone
 * (NOTIFY_SOCKET, WATCHDOG_USEC, CREDENTIALS_DIRECTORY, LISTEN_FDS) stays with it, too. `*`: and all that
 * begin so.
 */
static const char *const known[] = {
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", /* libc and everybody */
	"LANG", "LANGUAGE", "LC_*", /* what libraries say */
	"KRB5*", "LIBVIRT_*", "SASL_*", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
	"XDG_RUNTIME_DIR", "XDG_STATE_HOME", /* libvirt's client, our locks and the store */
	"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", /* sanitized builds */
	"LD_LIBRARY_PATH", "LD_PRELOAD", "FAILIO_*", /* a library under test, tests/shim */
};

static bool is_known(const char *variable)
{
	size_t i, len = strcspn(variable, "=");

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		size_t n = strcspn(known[i], "*");

		if (strncmp(variable, known[i], n) == 0 && (known[i][n] == '*' || len == n))
			return true;
	}
	return false;
}

char **least_environment(void)
{
	size_t i, n = 0;
	char **out;

	while (environ[n] != NULL)
		n++;
	out = xcalloc(n + 1, sizeof(*out));
	for (i = n = 0; environ[i] != NULL; i++)
		if (is_known(environ[i]))
			out[n++] = environ[i];
	return out;
}

/*
 * Fewer than packaging/systemd/hardening.conf allows (the kernel log and the reports' owners are none of a
 * lane's business), and one more: the unit's runs find vfio-pci loaded.
 */
static const unsigned kept[] = {
	CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, /* libvirt's sockets, QEMU's files */
	CAP_KILL, /* QEMU is another user's */
	CAP_SYS_ADMIN, /* config space above 64 bytes, stacks, network namespaces */
	CAP_SYS_MODULE, /* modprobe vfio-pci */
	CAP_SYS_PTRACE, /* who has a device open */
	CAP_SYS_RAWIO, /* VFIO's mode without an IOMMU */
};

static bool is_kept(unsigned cap)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == cap)
			return true;
	return false;
}

/* What cannot be given up, as in a container without CAP_SETPCAP, is no reason not to run. */
void least_rights(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	unsigned cap;

	if (geteuid() != 0)
		return;
	(void)!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* first what a program may get that we start, then what we have: that has CAP_SETPCAP */
	for (cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (!is_kept(cap))
			(void)!prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (syscall(SYS_capget, &head, data) != 0)
		return;
	for (cap = 0; cap < 32 * ARRAY_SIZE(data); cap++) {
		struct __user_cap_data_struct *word = &data[CAP_TO_INDEX(cap)];

		if (is_kept(cap))
			continue;
		word->effective &= ~CAP_TO_MASK(cap);
		word->permitted &= ~CAP_TO_MASK(cap);
		word->inheritable &= ~CAP_TO_MASK(cap);
	}
	(void)!syscall(SYS_capset, &head, data);
}
