/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VFIO_STRESS_BASE_LOG_H
#define VFIO_STRESS_BASE_LOG_H

#include "base/err.h"

/* The tool's own log on stderr, "level: module: text". It never carries a verdict. */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Default LOG_WARN; -v raises it. */
void log_set_level(enum log_level level);
/*
 * Takes each line in place of stderr; NULL = stderr again. For a live display, and because writing to a
 * terminal that was stopped (Ctrl-S) would stop the writer. Called in any thread.
 */
void log_set_sink(void (*sink)(const char *line));
void log_say(enum log_level level, const char *module, const char *fmt, ...) printf_like(3, 4);

#define log_error(module, ...) log_say(LOG_ERROR, module, __VA_ARGS__)
#define log_warn(module, ...)  log_say(LOG_WARN, module, __VA_ARGS__)
#define log_info(module, ...)  log_say(LOG_INFO, module, __VA_ARGS__)
#define log_debug(module, ...) log_say(LOG_DEBUG, module, __VA_ARGS__)

#endif
