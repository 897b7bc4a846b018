/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_LOAD_H
#define VFIO_STRESS_CLI_LOAD_H

struct rules;
struct scenario;
struct settings;

/*
 * The scenario and the log rules that it brings; NULL after everything that is wrong with them has
 * been printed. Free with scenario_free and rules_free.
 */
struct scenario *load_scenario(
	const char *path, const struct settings *settings, struct rules **rules_out);

#endif
