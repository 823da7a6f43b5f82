/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Counts the messages that each user causes. */

#include "bus/log-limit.h"

#include <limits.h>

/* Finds or makes the row of a user. */
static LogLimitRow *get_row(LogLimit *limit, uint32_t uid, uint64_t now_usec)
{
        for (size_t i = 0; i < limit->n_rows; i++)
                if (limit->rows[i].uid == uid)
                        return &limit->rows[i];
        if (uid != LOG_LIMIT_OTHERS && limit->n_rows >= LOG_LIMIT_ROWS - 1)
                return get_row(limit, LOG_LIMIT_OTHERS, now_usec);
        limit->rows[limit->n_rows] = (LogLimitRow){ .uid = uid, .begin_usec = now_usec };
        return &limit->rows[limit->n_rows++];
}

LogLimitAnswer log_limit_count(LogLimit *limit, uint32_t uid, uint64_t now_usec)
{
        LogLimitRow *row = get_row(limit, uid, now_usec);

        /* Stays where it is rather than beginning anew. */
        if (row->n < UINT_MAX)
                row->n++;
        if (row->n > LOG_LIMIT_MESSAGES)
                return LOG_LIMIT_LEAVE_OUT;
        return row->n == LOG_LIMIT_MESSAGES ? LOG_LIMIT_LOG_LAST : LOG_LIMIT_LOG;
}

bool log_limit_end_period(LogLimit *limit, uint64_t now_usec, uint32_t *ret_uid,
                          unsigned *ret_left_out)
{
        for (size_t i = 0; i < limit->n_rows; i++) {
                const LogLimitRow row = limit->rows[i];

                if (now_usec - row.begin_usec < LOG_LIMIT_PERIOD_USEC)
                        continue;
                *ret_uid = row.uid;
                *ret_left_out = row.n - MIN(row.n, LOG_LIMIT_MESSAGES);
                limit->rows[i] = limit->rows[--limit->n_rows];
                return true;
        }
        return false;
}
