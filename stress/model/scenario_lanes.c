/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/scenario_parts.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/scenario.h"
#include "world/pcidev.h"
#include "world/yamldoc.h"

#include <stddef.h>
#include <string.h>

#define DOMAIN_NAME_MAX 200
#define PATTERN_MAX     255
#define READY_MS_MAX    (INT64_C(86400) * 1000)

/* The keys of `ready`. */
struct ready_keys {
	const char *serial, *tcp;
	bool agent;
	int64_t delay_ms, timeout_ms;
};

#define READY(key, type, member, ...)                                                              \
	{                                                                                          \
		.name = key, .kind = type, .offset = offsetof(struct ready_keys, member),          \
		__VA_ARGS__                                                                        \
	}

static const struct field ready_fields[] = {
	READY("serial", FIELD_STRING, serial, .pattern = "[\\s\\S]{1,255}",
		.help = "a text that the console prints"),
	READY("agent", FIELD_BOOL, agent, .help = "the guest agent answers"),
	READY("tcp", FIELD_STRING, tcp, .pattern = "(\\[[^ \\t\\n/]+\\]|[^: \\t\\n/]+):[0-9]{1,5}",
		.help = "host:port that answers"),
	READY("delay", FIELD_DURATION, delay_ms, .min = 1, .max = READY_MS_MAX,
		.help = "just wait: proves nothing"),
	READY("timeout", FIELD_DURATION, timeout_ms, .min = 1, .max = READY_MS_MAX,
		.help = "how long it may take"),
	{0},
};

static const char *const ready_need[] = {"serial", "agent", "tcp", "delay", NULL};

static const struct shape ready_shape = {.kind = SHAPE_MAP,
	.what = "`ready`",
	.fields = ready_fields,
	.word = "agent",
	.need = ready_need,
	.one_only = true,
	.or_nothing = true};

/* The keys of a lane. */
struct lane_keys {
	const char *name, *domain;
	const struct ynode *devices, *ready, *steps, *allow;
	int driver;
	bool take_over;
};

static const char *const drivers[] = {
	[DRIVER_VFIO_PCI] = "vfio-pci", [DRIVER_MANAGED] = "managed", NULL};

#define LANE(key, type, member, ...)                                                               \
	{                                                                                          \
		.name = key, .kind = type, .offset = offsetof(struct lane_keys, member),           \
		__VA_ARGS__                                                                        \
	}

static const struct shape devices_shape = {.kind = SHAPE_TEXTS,
	.what = "a selector",
	.pattern = SELECTOR_PATTERN,
	.word = "hostdevs",
	.max = LANE_DEVICES_MAX,
	.or_nothing = true};

static const struct field lane_fields[] = {
	LANE("name", FIELD_STRING, name, .pattern = "[^ \\t\\n]{1,63}",
		.help = "what reports call it"),
	LANE("domain", FIELD_STRING, domain, .pattern = "[^/\\n]{1,200}",
		.help = "the libvirt domain"),
	LANE("devices", FIELD_NODE, devices, .shape = &devices_shape,
		.help = "hostdevs or a list of selectors"),
	LANE("driver", FIELD_CHOICE, driver, .dflt = "vfio-pci", .choices = drivers,
		.help = "what its devices are bound to"),
	LANE("take-over", FIELD_BOOL, take_over, .needs = "domain",
		.help = "a running domain may be stopped"),
	LANE("ready", FIELD_NODE, ready, .shape = &ready_shape, .needs = "domain",
		.help = "how a boot is proved"),
	LANE("steps", FIELD_NODE, steps, .shape = &steps_shape, .help = "its own cycle"),
	LANE("allow", FIELD_NODE, allow, .shape = &allow_shape,
		.help = "who else may be disturbed, and why"),
	{0},
};

static const char *const lane_need[] = {"domain", "devices", NULL};

const struct shape lanes_shape = {.kind = SHAPE_ROWS,
	.what = "a lane",
	.fields = lane_fields,
	.need = lane_need,
	.min = 1,
	.max = LANES_MAX};

/* "host:port"; an IPv6 address stands in brackets. */
static bool is_address(const char *s)
{
	const char *colon = strrchr(s, ':');
	int64_t port;

	if (colon == NULL || colon == s || strlen(s) > PATTERN_MAX ||
		strpbrk(s, " \t\n/+") != NULL || !str_to_i64(colon + 1, 10, 1, 65535, &port))
		return false;
	if (s[0] == '[')
		return colon[-1] == ']' && colon - s > 3;
	return strchr(s, ':') == colon;
}

static void check_ready(struct loader *ld, const struct ynode *node, const struct ready *ready)
{
	struct diags *d = ld->rd.diags;

	if (ready->kind == READY_SERIAL &&
		(*ready->pattern == '\0' || strlen(ready->pattern) > PATTERN_MAX))
		diag_error(
			d, pos_of_key(node, "serial"), "'serial' has 1 to %d bytes", PATTERN_MAX);
	if (ready->kind == READY_TCP && !is_address(ready->address)) {
		diag_error(d, pos_of_key(node, "tcp"), "'%.80s' is no address", ready->address);
		diag_hint(d, "write \"host:port\"; an IPv6 address in brackets: \"[fe80::1]:22\"");
	}
	if (ready->kind == READY_DELAY) {
		diag_warning(d, pos_of_key(node, "delay"), "'delay' proves no boot");
		diag_hint(d, "reports will say so; serial, agent or tcp prove it");
	}
}

static void read_ready_keys(struct loader *ld, const struct ynode *node, struct ready *ready)
{
	struct ready_keys k = {0};
	struct field_target target = {ready_fields, &k};
	int kinds;

	if (fields_fill(&ld->rd, "'ready'", node, node, &target, 1) != 0)
		return;
	kinds = (k.serial != NULL) + k.agent + (k.tcp != NULL) + (k.delay_ms > 0);
	if (kinds != 1) {
		diag_error(ld->rd.diags, node->pos, "'ready' needs %s of serial, agent, tcp, delay",
			kinds ? "only one" : "one");
		diag_hint(ld->rd.diags, "write `ready: {serial: \"login:\", timeout: 120s}`");
		return;
	}
	ready->kind = k.serial ? READY_SERIAL
		: k.agent      ? READY_AGENT
		: k.tcp        ? READY_TCP
			       : READY_DELAY;
	ready->pattern = k.serial;
	ready->address = k.tcp;
	ready->delay_ms = k.delay_ms;
	ready->timeout_ms = k.timeout_ms;
	check_ready(ld, node, ready);
}

static void read_ready(struct loader *ld, const struct ynode *node, struct ready *ready)
{
	const char *word;

	ready->pos = node->pos;
	if (node->kind != YNODE_SCALAR) {
		read_ready_keys(ld, node, ready);
		return;
	}
	word = vars_expand(&ld->rd, node);
	if (word == NULL)
		return;
	if (str_eq(word, "agent")) {
		ready->kind = READY_AGENT;
		return;
	}
	diag_error(
		ld->rd.diags, node->pos, "'ready' must be agent or a mapping, not '%.60s'", word);
	diag_hint(ld->rd.diags, "write `ready: {serial: \"login:\", timeout: 120s}`");
}

static void read_device_list(struct loader *ld, const struct ynode *node, struct lane_spec *lane)
{
	struct ynode *const *items;
	size_t i, n = list_items(ld, "devices", node, LANE_DEVICES_MAX, &items);

	lane->devices = arena_alloc(ld->rd.arena, (n + 1) * sizeof(*lane->devices));
	for (i = 0; i < n; i++) {
		const char *text =
			items[i]->kind == YNODE_SCALAR ? vars_expand(&ld->rd, items[i]) : "";

		if (text == NULL || check_selector(ld, text, items[i]->pos) != 0)
			continue;
		lane->devices[lane->ndevices++] = (struct selector){text, items[i]->pos};
	}
}

static void read_devices(struct loader *ld, const struct ynode *node, struct lane_spec *lane)
{
	const char *word = "hostdevs";

	if (node != NULL && node->kind == YNODE_LIST) {
		read_device_list(ld, node, lane);
		return;
	}
	if (node != NULL && node->kind == YNODE_SCALAR && !ynode_is_null(node))
		word = vars_expand(&ld->rd, node);
	if (word == NULL)
		return;
	if ((node != NULL && node->kind == YNODE_MAP) || !str_eq(word, "hostdevs")) {
		diag_error(ld->rd.diags, node->pos, "'devices' must be hostdevs or a list");
		diag_hint(ld->rd.diags, "write `devices: [\"0000:41:00.0\"]`");
		return;
	}
	lane->hostdevs = lane->domain != NULL;
	if (node != NULL && lane->domain == NULL && !ynode_is_null(node)) {
		diag_error(
			ld->rd.diags, node->pos, "'hostdevs' are those of a domain: it needs one");
		diag_hint(ld->rd.diags, "add `domain:`, or list the devices");
	}
}

static void check_lane(struct loader *ld, const struct ynode *node, const struct lane_keys *k,
	struct lane_spec *lane)
{
	const struct {
		const char *key;
		bool set;
	} need_domain[] = {
		{"ready", ynode_get(node, "ready") != NULL}, {"take-over", k->take_over}};
	struct diags *d = ld->rd.diags;
	size_t i;

	if (lane->domain != NULL &&
		(*lane->domain == '\0' || strlen(lane->domain) > DOMAIN_NAME_MAX ||
			strpbrk(lane->domain, "/\n") != NULL))
		diag_error(d, pos_of_key(node, "domain"), "'%.60s' cannot be a domain's name",
			lane->domain);
	if (lane->domain == NULL && lane->ndevices == 0 && ynode_get(node, "domain") == NULL &&
		(k->devices == NULL || ynode_is_null(k->devices) ||
			(k->devices->kind == YNODE_LIST && k->devices->n == 0))) {
		diag_error(d, lane->pos, "a lane needs a domain or a device");
		diag_hint(d, "add `domain: NAME` or `devices: [\"0000:41:00.0\"]`");
	}
	for (i = 0; i < ARRAY_SIZE(need_domain); i++)
		if (need_domain[i].set && ynode_get(node, "domain") == NULL)
			diag_error(d, pos_of_key(node, need_domain[i].key),
				"'%s' needs a domain in the lane", need_domain[i].key);
	if (k->name != NULL &&
		(*k->name == '\0' || strlen(k->name) > NAME_LEN_MAX ||
			strpbrk(k->name, " \t\n") != NULL))
		diag_error(d, pos_of_key(node, "name"),
			"a lane's name has 1 to %d bytes and no spaces", NAME_LEN_MAX);
}

static void name_lane(struct loader *ld, const struct lane_keys *k, struct lane_spec *lane)
{
	char shown[NAME_LEN_MAX + 1];

	if (k->name != NULL)
		lane->name = k->name;
	else if (lane->domain != NULL)
		lane->name = arena_strdup(ld->rd.arena, str_set(shown, lane->domain));
	else
		lane->name = lane->ndevices > 0 ? lane->devices[0].text : "";
}

static void read_lane(struct loader *ld, const struct ynode *node, struct lane_spec *lane)
{
	struct lane_keys k = {0};
	struct field_target target = {lane_fields, &k};

	lane->pos = node->pos;
	lane->name = "";
	if (fields_fill(&ld->rd, "a lane", node, node, &target, 1) != 0 && node->kind != YNODE_MAP)
		return;
	lane->domain = k.domain;
	lane->driver = (enum lane_driver)k.driver;
	lane->take_over = k.take_over;
	read_devices(ld, k.devices, lane);
	if (k.ready != NULL && !ynode_is_null(k.ready))
		read_ready(ld, k.ready, &lane->ready);
	lane->nallow = read_allow(ld, k.allow, &lane->allow);
	read_steps(ld, "steps", k.steps, &lane->steps);
	name_lane(ld, &k, lane);
	check_lane(ld, node, &k, lane);
}

void read_lanes(struct loader *ld, const struct ynode *node)
{
	struct ynode *const *items;
	size_t i, n = list_items(ld, "lanes", node, LANES_MAX, &items);
	struct scenario *sc = ld->sc;

	if (n == 0 && (ynode_is_null(node) || node->kind == YNODE_LIST) && node->n <= LANES_MAX) {
		diag_error(ld->rd.diags, node->pos, "a scenario needs at least one lane");
		diag_hint(ld->rd.diags, "write `lanes: [{domain: NAME}]`");
	}
	sc->lanes = arena_alloc(ld->rd.arena, (n + 1) * sizeof(*sc->lanes));
	sc->nlanes = n;
	for (i = 0; i < n; i++)
		read_lane(ld, items[i], &sc->lanes[i]);
}
