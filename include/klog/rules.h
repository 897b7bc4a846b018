/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_KLOG_RULES_H
#define VFIO_STRESS_KLOG_RULES_H

#include "base/bdf.h"
#include "base/diags.h"
#include "klog/pattern.h"
#include "model/incident.h"

/*
 * A rule says what one kind of kernel line looks like, what it means and what to do. Rules are
 * data: stress/klog/rules/ (compiled in) and the user's files have the same form, docs/rules.md.
 */
enum rule_role {
	ROLE_PRIMARY, /* makes an incident */
	ROLE_CONTEXT, /* a part of a larger report; never an incident alone */
	ROLE_INFO, /* normal: known, so that it is not merely unmatched by luck */
};

/* What may stand before the text that the pattern is matched against; it is cut off. */
enum rule_prefix {
	PREFIX_NONE = 1, /* nothing */
	PREFIX_DEVICE = 2, /* "vfio-pci 0000:41:00.0: " */
	PREFIX_IOMMU = 4, /* "iommu ivhd0: " */
};

/* Who wrote a line: kernel rules never judge QEMU's words, nor the other way round. */
enum klog_source {
	SOURCE_KERNEL = 1,
	SOURCE_QEMU = 2,
	SOURCE_ANY = 3, /* a saved file that does not tell */
};

#define RULE_PATTERNS_MAX 16
#define RULE_FIELDS_MAX   12
#define RULE_ID_MAX       47

struct rule_field;
struct rule_severity;

struct rule {
	const char *id;
	enum severity severity;
	bool severity_overridden; /* by a user's file: what the text says no longer counts */
	const struct rule_severity *by_text; /* NULL: always `severity` */
	enum rule_role role;
	unsigned prefix; /* of enum rule_prefix */
	unsigned source; /* of enum klog_source */
	struct pattern *patterns[RULE_PATTERNS_MAX];
	size_t npatterns; /* 0: made by the reader itself (log.gap) */
	const struct rule_field *fields, *decode; /* of a line; decode: of incidents only */
	size_t nfields, ndecode;
	bool means_below; /* a port tells of the device below it */
	const char *meaning, *advice; /* NULL = none */
	const char *const *samples;
	const struct srcpos *sample_pos;
	size_t nsamples;
	bool user; /* from a user's file */
	struct srcpos pos;
};

/* The compiled-in catalogue plus the user's files. NULL with diags when a user's file is wrong. */
struct rules;

struct rules *rules_load(const char *const *files, size_t nfiles, struct diags *diags);
/* A user's file without the catalogue. */
struct rules *rules_load_alone(const char *file, struct diags *diags);
void rules_free(struct rules *rules);
size_t rules_count(const struct rules *rules);
const struct rule *rules_at(const struct rules *rules, size_t i);
const struct rule *rules_find(const struct rules *rules, const char *id);
const char *rule_role_name(enum rule_role role);
/*
 * Checks what loading does not: every sample must match its own rule and no other primary rule.
 * User files are checked so when they are loaded.
 */
void rules_lint(const struct rules *rules, bool user_only, struct diags *diags);

/* ---- one line ---- */

struct klog_match {
	const struct rule *rule; /* NULL: nothing applies */
	enum severity severity;
	bool has_bdf, has_prefix;
	struct bdf bdf; /* the device that it is about */
	struct bdf prefix; /* the device whose driver or port printed it */
	struct span unit; /* "ivhd0" of an IOMMU's line */
	const struct pattern *pattern;
	struct span groups[PATTERN_GROUPS_MAX];
};

/* Matches lines; one thread at a time for all classifiers of one set of rules. */
struct classifier;

struct classifier *classifier_new(const struct rules *rules);
void classifier_free(struct classifier *c);
/* `text` without stamps (logline.h); must live as long as *out is used. False: nothing applies. */
bool classify(struct classifier *c, const char *text, size_t len, unsigned source,
	struct klog_match *out);
/* The same with one rule only. */
bool classify_as(const struct rule *r, const char *text, size_t len, struct klog_match *out);
/* A named group of the pattern; s NULL when it took no part. */
struct span match_group(const struct klog_match *m, const char *name);
/* The line's fields in the rule's order; with `decoded` also those for incidents. */
size_t match_fields(
	const struct klog_match *m, bool decoded, struct incident_field *out, size_t max);

#endif
