/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Counts how often memoryd has ended unexpectedly in a row. */

#include "daemon/crash.h"

#include "base/statefile.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define FILE_NAME "crashes"

/* Below the heading, the file has the number of crashes, and when the last one was, in microseconds. */
#define HEADING "memoryd crashes 1\n"
#define STOPPING HEADING "stopping\n"
#define FILE_MAX 128

#define ROW_USEC (600 * USEC_PER_SEC)
#define CRASHES_WITHOUT_DELAY 4
#define DELAY_SEC_MAX 60

static int print(char text[static FILE_MAX], unsigned n, uint64_t last_usec)
{
        return snprintf(text, FILE_MAX, HEADING "%u %" PRIu64 "\n", n, last_usec);
}

unsigned crash_count(const char *folder, uint64_t now_usec)
{
        _cleanup_free_ char *text = NULL;
        char printed[FILE_MAX];
        uint64_t last_usec;
        unsigned n;

        if (statefile_read(folder, FILE_NAME, FILE_MAX, &text) < 0 ||
            sscanf(text, HEADING "%u %" SCNu64, &n, &last_usec) != 2)
                return 0;
        /* Only what crash_add() writes is the same when it is printed again. */
        print(printed, n, last_usec);
        if (strcmp(printed, text) != 0 || last_usec > now_usec || now_usec - last_usec > ROW_USEC)
                return 0;
        return n;
}

void crash_note_stop(const char *folder)
{
        (void) statefile_replace(folder, FILE_NAME, STOPPING, strlen(STOPPING));
}

static bool is_stopping(const char *folder)
{
        _cleanup_free_ char *text = NULL;

        return statefile_read(folder, FILE_NAME, FILE_MAX, &text) >= 0 &&
               strcmp(text, STOPPING) == 0;
}

int crash_add(const char *folder, uint64_t now_usec)
{
        unsigned n = MIN(crash_count(folder, now_usec), (unsigned) INT_MAX - 1) + 1;
        char text[FILE_MAX];
        int length = print(text, n, now_usec);
        int r;

        if (is_stopping(folder)) {
                crash_forget(folder);
                return 0;
        }
        r = statefile_replace(folder, FILE_NAME, text, (size_t) length);
        return r < 0 ? r : (int) n;
}

void crash_forget(const char *folder)
{
        (void) statefile_remove(folder, FILE_NAME);
}

unsigned crash_delay_sec(unsigned n_crashes)
{
        unsigned delay_sec = 1;

        if (n_crashes <= CRASHES_WITHOUT_DELAY)
                return 0;
        for (unsigned n = CRASHES_WITHOUT_DELAY + 1; n < n_crashes && delay_sec < DELAY_SEC_MAX;
             n++)
                delay_sec *= 2;
        return MIN(delay_sec, DELAY_SEC_MAX);
}
