/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the last decisions, with one entry for blocks that are decided alike. */

#include "policy/history.h"

/* What an allocation takes beside what was asked for, at most: its header, and rounding up. */
#define ALLOCATION_BYTES 24

static HistoryEntry *entry_free(HistoryEntry *entry)
{
        if (entry) {
                free(entry->ranges);
                free(entry->rule);
                free(entry->reason);
        }
        free(entry);
        return NULL;
}

static void entry_freep(HistoryEntry **entry)
{
        entry_free(*entry);
}

static size_t ranges_bytes(size_t n)
{
        return n * sizeof(BlockRange) + ALLOCATION_BYTES;
}

static size_t entry_bytes(const HistoryEntry *entry)
{
        return sizeof(*entry) + ranges_bytes(entry->n_ranges) + strlen(entry->rule) +
               strlen(entry->reason) + 2 + 3 * ALLOCATION_BYTES;
}

void history_done(History *history)
{
        for (size_t i = 0; i < history->n_entries; i++)
                entry_free(history->entries[i]);
        free(history->entries);
        *history = (History){};
}

static bool rollback_is_alike(const Rollback *a, const Rollback *b)
{
        if (!a->is_set || !b->is_set)
                return a->is_set == b->is_set;
        return a->refuser == b->refuser && a->from == b->from && a->to == b->to;
}

/* Whether a block has what an entry says of all its blocks. Its reason may have other figures. */
static bool entry_is_of(const HistoryEntry *entry, const Block *block, const char *device,
                        const char *rule)
{
        return entry->node == block->node && entry->verdict == block->decision.verdict &&
               entry->action == block->decision.action && entry->guards == block->decision.guards &&
               entry->status == block->status && entry->onliner == block->onliner &&
               entry->error == block->error && entry->by_itself == block->by_itself &&
               rollback_is_alike(&entry->rollback, &block->rollback) &&
               strcmp(entry->device, device) == 0 && strcmp(entry->rule, rule) == 0;
}

/* Returns the index of the first range that ends at or above the block, or the number of ranges. */
static size_t find_range(const HistoryEntry *entry, uint32_t id)
{
        size_t low = 0, high = entry->n_ranges;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (entry->ranges[middle].last < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int insert_range(HistoryEntry *entry, size_t i, uint32_t id)
{
        BlockRange *more = reallocarray(entry->ranges, entry->n_ranges + 1, sizeof(*more));

        if (!more)
                return -ENOMEM;
        memmove(more + i + 1, more + i, (entry->n_ranges - i) * sizeof(*more));
        more[i] = (BlockRange){ id, id };
        entry->ranges = more;
        entry->n_ranges++;
        return 0;
}

/* Removes a range. The array keeps its size if it cannot be made smaller. */
static void remove_range(HistoryEntry *entry, size_t i)
{
        BlockRange *ranges = entry->ranges;

        entry->n_ranges--;
        memmove(ranges + i, ranges + i + 1, (entry->n_ranges - i) * sizeof(*ranges));
        entry->ranges = reallocarray(ranges, entry->n_ranges, sizeof(*ranges)) ?: ranges;
}

/* Returns 1, 0 if the entry has no room for another range, or -ENOMEM. */
static int add_block(HistoryEntry *entry, uint32_t id)
{
        size_t i = find_range(entry, id);
        BlockRange *above = i < entry->n_ranges ? &entry->ranges[i] : NULL;
        BlockRange *below = i > 0 ? &entry->ranges[i - 1] : NULL;
        bool joins_below = below && below->last + 1 == id;
        int r;

        if (above && above->first <= id)
                return 1;
        if (above && above->first - 1 == id) {
                above->first = joins_below ? below->first : id;
                if (joins_below)
                        remove_range(entry, i - 1);
                return 1;
        }
        if (joins_below) {
                below->last = id;
                return 1;
        }
        if (entry->n_ranges == HISTORY_RANGES_MAX)
                return 0;
        r = insert_range(entry, i, id);
        return r < 0 ? r : 1;
}

/* Adds a block to an entry that it can join. Returns 1, 0 if there is none, or -ENOMEM. */
static int join(History *history, const Block *block, const char *device, const char *rule,
                uint64_t usec)
{
        size_t end = history->n_entries > HISTORY_JOIN_ENTRIES ?
                             history->n_entries - HISTORY_JOIN_ENTRIES :
                             0;

        for (size_t i = history->n_entries; i-- > end;) {
                HistoryEntry *entry = history->entries[i];
                size_t n_ranges = entry->n_ranges;
                int r;

                /* The clock may have been set, back as well. */
                if (usec < entry->last_usec || usec - entry->last_usec > HISTORY_JOIN_USEC ||
                    !entry_is_of(entry, block, device, rule))
                        continue;
                r = add_block(entry, block->id);
                if (r < 0)
                        return r;
                if (r == 0)
                        continue;
                history->n_bytes += ranges_bytes(entry->n_ranges) - ranges_bytes(n_ranges);
                entry->last_usec = usec;
                entry->n_decisions++;
                return 1;
        }
        return 0;
}

static int add_entry(History *history, const Machine *machine, const Policy *policy,
                     const Block *block, const char *device, const char *rule, uint64_t usec)
{
        _cleanup_(entry_freep) HistoryEntry *entry = calloc(1, sizeof(*entry));

        if (!entry || array_grow(&history->entries, sizeof(HistoryEntry *), history->n_entries) < 0)
                return -ENOMEM;
        *entry = (HistoryEntry){
                .first_usec = usec,
                .last_usec = usec,
                .n_decisions = 1,
                .node = block->node,
                .verdict = block->decision.verdict,
                .action = block->decision.action,
                .guards = block->decision.guards,
                .status = block->status,
                .onliner = block->onliner,
                .error = block->error,
                .by_itself = block->by_itself,
                .rollback = block->rollback.is_set ? block->rollback : (Rollback){},
        };
        entry->rule = strdup(rule);
        strcpy(entry->device, device);
        if (!entry->rule || insert_range(entry, 0, block->id) < 0 ||
            reason_format(machine, policy, block, &entry->reason) < 0)
                return -ENOMEM;
        history->n_bytes += entry_bytes(entry);
        history->entries[history->n_entries++] = TAKE_PTR(entry);
        return 0;
}

static void drop_oldest(History *history)
{
        HistoryEntry *oldest = history->entries[0];

        history->n_bytes -= entry_bytes(oldest);
        entry_free(oldest);
        history->n_entries--;
        memmove(history->entries, history->entries + 1,
                history->n_entries * sizeof(HistoryEntry *));
}

int history_add(History *history, const Machine *machine, const Policy *policy, const Block *block,
                uint64_t usec)
{
        const Device *device = machine_device(machine, block);
        const char *name = device ? device->name : "";
        const char *rule = reason_rule_name(policy, block);
        int r = join(history, block, name, rule, usec);

        if (r == 0)
                r = add_entry(history, machine, policy, block, name, rule, usec);
        if (r < 0)
                return r;
        while (history->n_bytes > HISTORY_BYTES_MAX)
                drop_oldest(history);
        return 0;
}

const HistoryEntry *history_get(const History *history, size_t i)
{
        return history->entries[i];
}
