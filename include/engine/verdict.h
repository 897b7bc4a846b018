/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_VERDICT_H
#define VFIO_STRESS_ENGINE_VERDICT_H

struct run_view;

/*
 * Fills in the verdicts, reasons and the exit code of a run and its lanes: a pure function of what
 * was written down, so an old run can be judged again. The rules: docs/contracts.md.
 */
void verdict_judge(struct run_view *run);

#endif
