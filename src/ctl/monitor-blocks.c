/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Prints what has changed about blocks since they were last listed. */

#include "base/names.h"
#include "ctl/event.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>

/* The shortest time between two calls of ListBlocks(). */
#define LIST_INTERVAL_USEC USEC_PER_SEC

/* Blocks that one line tells of. */
typedef struct Group {
        const BlockRow *row; /* of the first; NULL: the blocks are gone */
        BlockRange *ranges;  /* owned */
        size_t n_ranges;
} Group;

typedef struct Groups {
        Group *groups; /* owned */
        size_t n_groups;
} Groups;

static void groups_done(Groups *groups)
{
        for (size_t i = 0; i < groups->n_groups; i++)
                free(groups->groups[i].ranges);
        free(groups->groups);
        *groups = (Groups){};
}

static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        if (!a || !b)
                return a == b;
        return a->node == b->node && a->error == b->error && strcmp(a->state, b->state) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->status, b->status) == 0;
}

/* Adds a block to the group of those like it. The blocks come in the order of their numbers. */
static int groups_add(Groups *groups, uint32_t id, const BlockRow *row)
{
        Group *group;
        size_t i = 0;

        while (i < groups->n_groups && !block_is_alike(groups->groups[i].row, row))
                i++;
        if (i == groups->n_groups) {
                if (GROW(groups->groups, groups->n_groups) < 0)
                        return -ENOMEM;
                groups->groups[groups->n_groups++] = (Group){ .row = row };
        }
        group = &groups->groups[i];
        if (group->n_ranges > 0 && group->ranges[group->n_ranges - 1].last + 1 == id) {
                group->ranges[group->n_ranges - 1].last = id;
                return 0;
        }
        if (GROW(group->ranges, group->n_ranges) < 0)
                return -ENOMEM;
        group->ranges[group->n_ranges++] = (BlockRange){ id, id };
        return 0;
}

/* Compares two lists of blocks, each in the order of their numbers. */
static int compare_lists(const Snapshot *before, const Snapshot *now, Groups *groups)
{
        size_t i = 0, k = 0;
        int r = 0;

        while (r >= 0 && (i < before->n_blocks || k < now->n_blocks)) {
                const BlockRow *old = NULL, *new;

                if (k == now->n_blocks ||
                    (i < before->n_blocks && before->blocks[i].id < now->blocks[k].id)) {
                        r = groups_add(groups, before->blocks[i++].id, NULL);
                        continue;
                }
                new = &now->blocks[k++];
                if (i < before->n_blocks && before->blocks[i].id == new->id)
                        old = &before->blocks[i++];
                if (!block_is_alike(old, new))
                        r = groups_add(groups, new->id, new);
        }
        return r;
}

static void print_group_json(const Group *group)
{
        char error[ERROR_STRING_MAX];

        for (size_t i = 0; i < group->n_ranges; i++) {
                const BlockRange *range = &group->ranges[i];
                const BlockRow *row = group->row;

                if (!row)
                        event_print("blocks-gone",
                                    JSON_MEMBERS({ "first", json_object_new_uint64(range->first) },
                                                 { "last", json_object_new_uint64(range->last) }));
                else
                        event_print("blocks",
                                    JSON_MEMBERS({ "first", json_object_new_uint64(range->first) },
                                                 { "last", json_object_new_uint64(range->last) },
                                                 { "node", json_node(row->node) },
                                                 { "state", json_text(row->state) },
                                                 { "class", json_text(row->zone_class) },
                                                 { "status", json_text(row->status) },
                                                 { "error",
                                                   json_text(error_format(row->error, error)) }));
        }
}

/* "block 42", "blocks 32-39,45", or "16 blocks of 32-95". */
static int format_blocks(const Group *group, char **ret)
{
        const BlockRange *first = group->ranges, *last = &group->ranges[group->n_ranges - 1];
        uint64_t n = ranges_count(group->ranges, group->n_ranges);
        _cleanup_free_ char *blocks = NULL;
        int r;

        if (group->n_ranges > RANGES_SHOWN) {
                r = asprintf(ret, "%" PRIu64 " blocks of %" PRIu32 "-%" PRIu32, n, first->first,
                             last->last);
                return r < 0 ? -ENOMEM : 0;
        }
        if (ranges_format(group->ranges, group->n_ranges, true, &blocks) < 0)
                return -ENOMEM;
        return asprintf(ret, "block%s %s", n == 1 ? "" : "s", blocks) < 0 ? -ENOMEM : 0;
}

static void print_group(const Group *group)
{
        const BlockRow *row = group->row;
        bool is_online = row && zone_class_from_string(row->zone_class) != ZONE_CLASS_NONE;
        _cleanup_free_ char *blocks = NULL;
        char node[24] = "", error[ERROR_STRING_MAX];

        if (arg_json) {
                print_group_json(group);
                return;
        }
        if (format_blocks(group, &blocks) < 0)
                return;
        if (row && row->node >= 0)
                snprintf(node, sizeof(node), " of node %" PRId32, row->node);
        if (!row)
                event_print_text("%s: gone", blocks);
        else if (row->error != 0 && !is_online)
                event_print_colored(color_of_word(row->status), "%s%s: %s, %s: %s (%s)", blocks,
                                    node, row->state, row->status, error_format(row->error, error),
                                    strerror(row->error));
        else
                event_print_colored(color_of_word(row->status), "%s%s: %s, %s%s%s", blocks, node,
                                    row->state, is_online ? row->zone_class : "",
                                    is_online ? ", " : "", row->status);
}

static int tell_changes(const Snapshot *before, const Snapshot *now)
{
        _cleanup_(groups_done) Groups groups = {};
        int r = compare_lists(before, now, &groups);

        for (size_t i = 0; i < groups.n_groups && r >= 0; i++)
                print_group(&groups.groups[i]);
        return r;
}

int monitor_list_blocks(Monitor *monitor)
{
        int r;

        if (monitor->list_call || !monitor->is_list_due)
                return 0;
        r = sd_event_source_set_time(
                monitor->timer,
                monitor->listed_usec > 0 ? monitor->listed_usec + LIST_INTERVAL_USEC : 0);
        return r < 0 ? r : sd_event_source_set_enabled(monitor->timer, SD_EVENT_ONESHOT);
}

/* The first list is not told: it is what later ones are compared with. */
static int take_list(Monitor *monitor, sd_bus_message *reply)
{
        _cleanup_(snapshot_done) Snapshot now = { .replies = { sd_bus_message_ref(reply) } };
        int r = snapshot_read_blocks(reply, &now);

        if (r >= 0 && monitor->is_started)
                r = tell_changes(&monitor->known, &now);
        if (r < 0)
                return r;
        snapshot_done(&monitor->known);
        monitor->known = now;
        now = (Snapshot){};
        return 0;
}

/*
 * memoryd refuses a call if the user has too many that wait: then asks again. Any other error means that memoryd is
 * gone: on_name_owner_changed() reports that, and drops the blocks.
 */
static int on_blocks(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Monitor *monitor = userdata;

        (void) error;
        monitor->list_call = sd_bus_slot_unref(monitor->list_call);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                monitor->is_list_due = true;
                return monitor_list_blocks(monitor);
        }
        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        if (take_list(monitor, reply) < 0) {
                call_failure(-EBADMSG, &SD_BUS_ERROR_NULL);
                return sd_event_exit(monitor->event, EXIT_FAILURE);
        }
        /* At first, all that changes after this line is told. */
        if (!monitor->is_told)
                event_print_running(true);
        monitor->is_told = monitor->is_started = true;
        return monitor_list_blocks(monitor);
}

int monitor_on_list_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Monitor *monitor = userdata;
        int r;

        (void) source;
        (void) usec;
        r = manager_message_new(monitor->bus, BUS_MANAGER_INTERFACE, "ListBlocks", &message);
        if (r >= 0)
                r = sd_bus_call_async(monitor->bus, &monitor->list_call, message, on_blocks,
                                      monitor, 0);
        monitor->is_list_due = r < 0;
        monitor->listed_usec = clock_usec(CLOCK_MONOTONIC);
        return 0;
}

int monitor_on_blocks_changed(sd_bus_message *signal, Monitor *monitor)
{
        (void) signal;
        monitor->is_list_due = true;
        return monitor_list_blocks(monitor);
}
