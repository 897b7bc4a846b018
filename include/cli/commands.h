/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_CLI_COMMANDS_H
#define VFIO_STRESS_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_check;
extern const struct command cmd_compare;
extern const struct command cmd_complete;
extern const struct command cmd_deliver;
extern const struct command cmd_devices;
extern const struct command cmd_diff;
extern const struct command cmd_lane;
extern const struct command cmd_list;
extern const struct command cmd_preflight;
extern const struct command cmd_report;
extern const struct command cmd_resume;
extern const struct command cmd_run;
extern const struct command cmd_runs;
extern const struct command cmd_scan;
extern const struct command cmd_snapshot;
extern const struct command cmd_undo;
extern const struct command cmd_version;
extern const struct command cmd_watch;
extern const struct command cmd_webhook;

#endif
