/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/manager.h"

#include <systemd/sd-bus.h>

/* The values of properties that clients were told, so that PropertiesChanged has only those that differ. */

typedef struct ToldManager {
        Totals totals;
        uint32_t n_jobs;
        bool is_degraded;
        char auto_online[AUTO_ONLINE_WORD_MAX];
        uint64_t files_hash;
        uint64_t faults_hash;
} ToldManager;

typedef struct ToldNode {
        uint32_t node;
        bool has_cpu;
        bool is_movable_only;
        bool is_short;
        OnlineWord auto_online;
        Totals totals;
} ToldNode;

/* The job that runs. Jobs that are still queued do not change. */
typedef struct ToldJob {
        uint32_t id;
        JobState state;
        size_t n_done;
        size_t n_failed;
        size_t n_undone;
        int32_t current;
} ToldJob;

typedef struct Told {
        ToldManager manager;
        ToldNode *nodes; /* owned, ordered by number */
        size_t n_nodes;
        ToldJob job;
} Told;

void told_done(Told *told);

/* Records the current values as told. Returns 0 or -ENOMEM. */
int told_take(Told *told, const ManagerView *view);

/*
 * Announces the properties whose values differ from those that were told. After that the caller records the
 * new values with told_take(). Leaves out new objects, which are announced with all of their properties.
 * Returns 0 or a negative errno.
 */
int told_emit(const Told *told, const ManagerView *view, const Changes *changes, sd_bus *bus);
