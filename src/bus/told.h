/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/manager.h"

#include <systemd/sd-bus.h>

/* What clients were told of properties, so that PropertiesChanged carries those that differ, and no other. */

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

/* Of the job that runs: the others are as they were when they came. */
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
        ToldNode *nodes; /* owned, by number */
        size_t n_nodes;
        ToldJob job;
} Told;

void told_done(Told *told);

/* Takes all as told: 0 or -ENOMEM. */
int told_take(Told *told, const ManagerView *view);

/*
 * Sends what differs from what was told, which is for told_take() to take afterwards. Objects that are announced with
 * these changes are announced with all of their properties. 0 or a negative errno.
 */
int told_emit(const Told *told, const ManagerView *view, const Changes *changes, sd_bus *bus);
