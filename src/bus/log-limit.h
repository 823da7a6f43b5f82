/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/*
 * Counts the messages in the journal that users can cause without a right, and says which of them are left out, so that
 * no user can fill the journal, or have journald drop other messages of memoryd. Pure.
 */

/* The messages that are logged in each period of a user. */
#define LOG_LIMIT_MESSAGES 5
#define LOG_LIMIT_PERIOD_USEC (60 * USEC_PER_SEC)

/* If more users than this cause messages in a period, the last row is for all further ones. */
#define LOG_LIMIT_ROWS 16
#define LOG_LIMIT_OTHERS UINT32_MAX

typedef struct LogLimitRow {
        uint32_t uid; /* or LOG_LIMIT_OTHERS */
        unsigned n;   /* the messages of the period, with those that were left out */
        uint64_t begin_usec;
} LogLimitRow;

/* Zeros at first. */
typedef struct LogLimit {
        LogLimitRow rows[LOG_LIMIT_ROWS];
        size_t n_rows;
} LogLimit;

typedef enum LogLimitAnswer {
        LOG_LIMIT_LEAVE_OUT,
        LOG_LIMIT_LOG,
        LOG_LIMIT_LOG_LAST, /* log it, and say that those that follow are left out */
} LogLimitAnswer;

/* Counts a message that a user causes. A period begins with the user's first message. */
LogLimitAnswer log_limit_count(LogLimit *limit, uint32_t uid, uint64_t now_usec);

/*
 * Ends a period that is over, to be called before log_limit_count() until it returns false: there is none. Otherwise
 * returns the user, or LOG_LIMIT_OTHERS, and how many messages were left out, which can be 0.
 */
bool log_limit_end_period(LogLimit *limit, uint64_t now_usec, uint32_t *ret_uid,
                          unsigned *ret_left_out);
