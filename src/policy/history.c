/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the last decisions. */

#include "policy/history.h"

static void entry_done(HistoryEntry *entry)
{
        free(entry->rule);
        free(entry->reason);
}

void history_done(History *history)
{
        for (size_t i = 0; i < history->n_entries; i++)
                entry_done(&history->entries[i]);
        free(history->entries);
        *history = (History){};
}

int history_add(History *history, const Machine *machine, const Policy *policy, const Block *block,
                uint64_t usec)
{
        const Device *device = machine_device(machine, block);
        _cleanup_free_ char *rule = strdup(reason_rule_name(policy, block)), *reason = NULL;
        HistoryEntry *entry;

        if (!rule || reason_format(machine, policy, block, &reason) < 0)
                return -ENOMEM;

        if (history->n_entries < HISTORY_MAX) {
                if (GROW(history->entries, history->n_entries) < 0)
                        return -ENOMEM;
                entry = &history->entries[history->n_entries++];
        } else {
                entry = &history->entries[history->first];
                history->first = (history->first + 1) % HISTORY_MAX;
                entry_done(entry);
        }
        *entry = (HistoryEntry){
                .usec = usec,
                .block = block->id,
                .node = block->node,
                .verdict = block->decision.verdict,
                .guards = block->decision.guards,
                .status = block->status,
                .onliner = block->onliner,
                .error = block->error,
                .rule = TAKE_PTR(rule),
                .reason = TAKE_PTR(reason),
        };
        if (device)
                strcpy(entry->device, device->name);
        return 0;
}

const HistoryEntry *history_get(const History *history, size_t i)
{
        return &history->entries[(history->first + i) % HISTORY_MAX];
}
