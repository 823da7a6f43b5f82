/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints which blocks have changed, and how. */

#include "base/names.h"
#include "ctl/event.h"
#include "model/block.h"

#include <inttypes.h>
#include <stdio.h>

/* The shortest time between two calls of ListBlocks(). */
#define LIST_INTERVAL_USEC USEC_PER_SEC

static bool block_is_alike(const BlockRow *a, const BlockRow *b)
{
        return a->node == b->node && strcmp(a->state, b->state) == 0 &&
               strcmp(a->zone_class, b->zone_class) == 0 && strcmp(a->status, b->status) == 0;
}

static void tell_blocks(const BlockRow *first, uint32_t last)
{
        bool is_online = zone_class_from_string(first->zone_class) != ZONE_CLASS_NONE;
        char blocks[BLOCKS_STRING_MAX], node[24] = "";

        if (arg_json) {
                event_print("blocks", JSON_MEMBERS({ "first", json_object_new_uint64(first->id) },
                                                   { "last", json_object_new_uint64(last) },
                                                   { "node", json_node(first->node) },
                                                   { "state", json_text(first->state) },
                                                   { "class", json_text(first->zone_class) },
                                                   { "status", json_text(first->status) }));
                return;
        }
        if (first->node >= 0)
                snprintf(node, sizeof(node), " of node %" PRId32, first->node);
        event_print_text("%s%s: %s, %s%s%s", blocks_format(first->id, last, blocks), node,
                         first->state, is_online ? first->zone_class : "", is_online ? ", " : "",
                         first->status);
}

static void tell_gone(uint64_t first, uint64_t last)
{
        char blocks[BLOCKS_STRING_MAX];

        if (arg_json)
                event_print("blocks-gone", JSON_MEMBERS({ "first", json_object_new_uint64(first) },
                                                        { "last", json_object_new_uint64(last) }));
        else
                event_print_text("%s: gone", blocks_format(first, last, blocks));
}

/* Reports the blocks in a range, and the blocks that are gone from it. */
static void tell_span(const Snapshot *snapshot, const BlockRange *span)
{
        uint64_t next = span->first; /* the first number of the range that was not reported yet */
        size_t i = 0;

        while (i < snapshot->n_blocks && snapshot->blocks[i].id < span->first)
                i++;
        while (i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last) {
                const BlockRow *first = &snapshot->blocks[i];

                if (first->id > next)
                        tell_gone(next, first->id - UINT64_C(1));
                while (++i < snapshot->n_blocks && snapshot->blocks[i].id <= span->last &&
                       snapshot->blocks[i].id == snapshot->blocks[i - 1].id + 1 &&
                       block_is_alike(first, &snapshot->blocks[i]))
                        ;
                tell_blocks(first, snapshot->blocks[i - 1].id);
                next = snapshot->blocks[i - 1].id + UINT64_C(1);
        }
        if (next <= span->last)
                tell_gone(next, span->last);
}

/* Sorts the changed ranges, and joins those that touch or overlap. */
static void merge_changed(Monitor *monitor)
{
        size_t n = 0;

        if (monitor->n_changed == 0)
                return;
        qsort(monitor->changed, monitor->n_changed, sizeof(BlockRange), id_compare);
        for (size_t i = 1; i < monitor->n_changed; i++) {
                BlockRange *last = &monitor->changed[n], *next = &monitor->changed[i];

                if (next->first <= last->last + UINT64_C(1))
                        last->last = MAX(last->last, next->last);
                else
                        monitor->changed[++n] = *next;
        }
        monitor->n_changed = n + 1;
}

static int schedule_list(Monitor *monitor)
{
        int r;

        if (monitor->is_listing || monitor->n_changed == 0)
                return 0;
        r = sd_event_source_set_time(
                monitor->timer,
                monitor->listed_usec > 0 ? monitor->listed_usec + LIST_INTERVAL_USEC : 0);
        return r < 0 ? r : sd_event_source_set_enabled(monitor->timer, SD_EVENT_ONESHOT);
}

/* An error reply means that memoryd is gone: on_name_owner_changed() reports that, and drops the blocks. */
static int on_blocks(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        Monitor *monitor = userdata;

        (void) error;
        monitor->is_listing = false;
        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        if (snapshot_read_blocks(reply, &snapshot) < 0) {
                call_failure(-EBADMSG, &SD_BUS_ERROR_NULL);
                return sd_event_exit(monitor->event, EXIT_FAILURE);
        }
        merge_changed(monitor);
        for (size_t i = 0; i < monitor->n_changed; i++)
                tell_span(&snapshot, &monitor->changed[i]);
        monitor->n_changed = 0;
        return 0;
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
                r = sd_bus_call_async(monitor->bus, NULL, message, on_blocks, monitor, 0);
        monitor->is_listing = r >= 0;
        monitor->listed_usec = monotonic_usec();
        return 0;
}

int monitor_on_blocks_changed(sd_bus_message *signal, Monitor *monitor)
{
        BlockRange span;
        int r;

        r = sd_bus_message_enter_container(signal, 'a', "(uu)");
        while (r >= 0 && (r = sd_bus_message_read(signal, "(uu)", &span.first, &span.last)) > 0) {
                if (GROW(monitor->changed, monitor->n_changed) < 0)
                        return -ENOMEM;
                monitor->changed[monitor->n_changed++] = span;
        }
        return r < 0 ? r : schedule_list(monitor);
}
