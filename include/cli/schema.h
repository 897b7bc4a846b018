/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_SCHEMA_H
#define VFIO_STRESS_CLI_SCHEMA_H

struct json_t;

/*
 * The JSON Schema of scenarios (draft 7: what editors know), made from the tables that the parser
 * reads by. It refuses nothing that the parser accepts. What it cannot say is left to the parser:
 * bounds of durations, bytes, dates that do not exist, what only the whole can tell.
 */
struct json_t *schema_of_scenarios(void);

#endif
