/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_ENGINE_VOCABULARY_H
#define VFIO_STRESS_ENGINE_VOCABULARY_H

#include "model/scenario.h"

/* Every step and reporter that this build knows. */
extern const struct vocabulary words_of_this_build;

#endif
