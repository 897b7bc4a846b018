/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/run_view.h"
