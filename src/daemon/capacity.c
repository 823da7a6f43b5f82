/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the file that tells other programs how much memory is online. */

#include "daemon/capacity.h"

#include "base/log.h"
#include "base/statefile.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * The kernel takes the blocks of a device offline one by one before it removes the device. This is mostly longer than
 * the time between two of them, even when pages have to be moved.
 */
#define QUIET_USEC (5 * USEC_PER_SEC)
#define AGAIN_USEC (60 * USEC_PER_SEC)

static void format_figures(const Totals *totals, char text[static CAPACITY_TEXT_MAX])
{
        snprintf(text, CAPACITY_TEXT_MAX,
                 "MEMORY_ONLINE_BYTES=%" PRIu64 "\nMEMORY_KERNEL_BYTES=%" PRIu64
                 "\nMEMORY_MOVABLE_BYTES=%" PRIu64 "\n",
                 totals->online_bytes, totals->kernel_bytes, totals->movable_bytes);
}

void capacity_recall(Capacity *capacity)
{
        _cleanup_free_ char *text = NULL, *changed = NULL;

        if (statefile_read(capacity->folder, CAPACITY_FILE, CAPACITY_TEXT_MAX - 1, &text) < 0)
                return;
        /* An earlier memoryd may have ended between the two files. */
        if (statefile_read(capacity->folder, CAPACITY_CHANGED_FILE, CAPACITY_TEXT_MAX - 1,
                           &changed) < 0 ||
            strcmp(text, changed) == 0)
                strcpy(capacity->written, text);
}

static int write_files(const Capacity *capacity)
{
        const char *text = capacity->seen;
        int r = statefile_replace(capacity->folder, CAPACITY_CHANGED_FILE, text, strlen(text));

        return r < 0 ? r : statefile_replace(capacity->folder, CAPACITY_FILE, text, strlen(text));
}

uint64_t capacity_run(Capacity *capacity, const Totals *totals, bool is_busy, bool at_once,
                      uint64_t now_usec)
{
        char text[CAPACITY_TEXT_MAX];
        int r;

        format_figures(totals, text);
        if (strcmp(text, capacity->seen) != 0) {
                strcpy(capacity->seen, text);
                capacity->due_usec = now_usec + QUIET_USEC;
        }
        if (is_busy || strcmp(text, capacity->written) == 0)
                return USEC_INFINITY;
        if (now_usec < capacity->due_usec && !at_once)
                return capacity->due_usec;
        r = write_files(capacity);
        if (r < 0 && !capacity->failed)
                log_warning("Cannot write %s/" CAPACITY_FILE ": %s, trying again every minute",
                            capacity->folder, strerror(-r));
        capacity->failed = r < 0;
        if (r < 0)
                return capacity->due_usec = now_usec + AGAIN_USEC;
        strcpy(capacity->written, text);
        return USEC_INFINITY;
}

int capacity_link(const char *folder)
{
        const char *name = strrchr(folder, '/');
        _cleanup_free_ char *target = NULL, *link = NULL;

        if (!name)
                return -EINVAL;
        if (asprintf(&target, "%s/" CAPACITY_FILE, name + 1) < 0 ||
            asprintf(&link, "%.*s/" CAPACITY_FILE, (int) (name - folder), folder) < 0)
                return -ENOMEM;
        return symlink(target, link) < 0 && errno != EEXIST ? -errno : 0;
}
