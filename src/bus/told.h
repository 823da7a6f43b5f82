/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/manager.h"

#include <systemd/sd-bus.h>

/* What clients were told of the objects and their properties. The signals are about what differs from it. */

typedef struct Told {
        Machine machine; /* its totals, its zones, and its nodes without their distances; owned */
        size_t n_jobs;
        bool is_degraded;
        char auto_online[AUTO_ONLINE_WORD_MAX];
        uint64_t files_hash;
        uint64_t faults_hash;
        /* The job that runs, without what it owns. Jobs that are still queued do not change. */
        Job job;
        int32_t current_block;
} Told;

void told_done(Told *told);

/* Records the current state as told. Returns 0, or -ENOMEM with nothing recorded. */
int told_take(Told *told, const ManagerView *view);

/* Sends the signals about changes, and records the new state. Returns 0 or a negative errno. */
int told_publish(Told *told, Manager *manager, const Changes *changes, sd_bus *bus);
