/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/vocabulary.h"

#include "model/reporter.h"
#include "steps/steps.h"

const struct vocabulary words_of_this_build = {.steps = step_types, .reporters = reporters};
