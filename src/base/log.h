/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

#include <syslog.h>

/* Logs messages: to the journal, with fields, if stderr is connected to it, otherwise to stderr. */

typedef enum LogTarget {
        LOG_TARGET_CONSOLE,
        LOG_TARGET_JOURNAL,
        _LOG_TARGET_MAX,
        _LOG_TARGET_INVALID = -EINVAL,
} LogTarget;

const char *log_target_to_string(LogTarget target);
LogTarget log_target_from_string(const char *word);

/* The names of the levels of syslog(3), "emerg" to "debug". */
const char *log_level_to_string(int level);
int log_level_from_string(const char *word);

/* The only state. org.freedesktop.LogControl1 can change both. */
extern LogTarget log_target; /* at first the console */
extern int log_level;        /* the least important level to log; at first LOG_INFO */

/* Makes the journal the target if stderr is connected to it (JOURNAL_STREAM). */
void log_open(void);

/* The subject of a message, for its journal fields. */
typedef struct LogContext {
        const char *message_id; /* MESSAGE_ID=, NULL for none */
        bool has_block;
        bool has_node;      /* the message is about a node and not about a block */
        uint32_t block;     /* MEMORYD_BLOCK= */
        int32_t node;       /* MEMORYD_NODE= when not negative */
        const char *rule;   /* MEMORYD_RULE=, NULL for none */
        uint32_t job;       /* MEMORYD_JOB=, 0 for none */
        const char *device; /* MEMORYD_DEVICE=, NULL for none */
} LogContext;

/*
 * Logs a message. Bytes that cannot be printed become "?": see text.h. What is too long, more than about 2,000
 * bytes, is cut.
 */
void log_full(int level, const LogContext *context, const char *format, ...) _printf_(3, 4);

#define log_debug(...) log_full(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, NULL, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, __VA_ARGS__)
#define log_err(...) log_full(LOG_ERR, NULL, __VA_ARGS__)
