/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_SCENARIO_RULES_H
#define VFIO_STRESS_ENGINE_SCENARIO_RULES_H

struct diags;
struct rules;
struct scenario;

/*
 * The log rules of a scenario: the catalogue and its `faults` files. Warns of budgets that no rule
 * can ever use. NULL with diags when a file is wrong; free with rules_free.
 */
struct rules *scenario_rules(const struct scenario *sc, struct diags *diags);

#endif
