/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method Preview(), which tells what a request would change. */

#include "base/names.h"
#include "bus/object.h"
#include "bus/turn.h"

typedef struct Preview {
        Effects effects;
        uint64_t block_size_bytes;
} Preview;

static int append_effect(sd_bus_message *reply, const void *list, size_t i)
{
        const Preview *preview = list;
        const Effect *effect = &preview->effects.effects[i];
        int r = sd_bus_message_open_container(reply, 'r', BUS_EFFECT_FIELDS);

        if (r >= 0)
                r = sd_bus_message_append(reply, "iss", effect->node,
                                          zone_class_to_string(effect->from),
                                          zone_class_to_string(effect->to));
        if (r >= 0)
                r = bus_append_ranges(reply, effect->blocks,
                                      preview->effects.is_unplugged ? 0 : effect->n_blocks);
        if (r >= 0)
                r = sd_bus_message_append(reply, "ttt",
                                          effect->n_blocks * preview->block_size_bytes,
                                          effect->node_bytes, effect->movable_bytes);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int read_kind(sd_bus_message *message, JobKind *ret, sd_bus_error *error)
{
        const char *word;
        int r = bus_read_text(message, false, "Kind", BUS_WORD_MAX, &word, error);

        if (r < 0)
                return r;
        *ret = job_kind_from_string(word);
        if (*ret != JOB_KIND_ONLINE && *ret != JOB_KIND_OFFLINE && *ret != JOB_KIND_SET_ZONE)
                return bus_error_setf(error, BUS_ERROR_PREFIX "InvalidRequest",
                                      "Kind: expected online, offline or set-zone, got '%s'", word);
        return 0;
}

/* Returns what a handler returns. */
static int reply_preview(sd_bus_message *message, Manager *manager, const Request *request,
                         sd_bus_error *error)
{
        _cleanup_(selection_done) Selection selection = {};
        Preview preview = {
                .block_size_bytes = manager_view(manager).machine->block_size_bytes,
        };
        int r = manager_preview(manager, request, &selection, &preview.effects);

        if (r < 0)
                r = bus_error_from_errno(error, r, "Cannot preview");
        else if (selection.refusal != REFUSAL_NONE)
                r = bus_reply_refusal(message, &selection);
        else
                r = bus_reply_array(message, "(" BUS_EFFECT_FIELDS ")", append_effect, &preview,
                                    preview.effects.n_effects, error, "Cannot preview");
        effects_done(&preview.effects);
        return r;
}

static int read_call(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        JobKind kind;
        int r = read_kind(message, &kind, error);

        return r < 0 ? r : bus_read_request(message, kind, request, error);
}

/* Replies when it is known how many pages of the blocks are in use, by which the job chooses as well. */
static void preview_counted(sd_bus_message *message, uint32_t uid, Manager *manager,
                            const CountedBlock *counted, size_t n_counted)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(request_done) Request request = {};
        int r = sd_bus_message_rewind(message, true);

        (void) uid;
        if (r >= 0)
                r = read_call(message, &request, &error);
        if (r >= 0) {
                bus_request_take_counts(&request, counted, n_counted);
                r = reply_preview(message, manager, &request, &error);
        }
        if (r < 0)
                (void) sd_bus_reply_method_errno(message, r, &error);
}

/* Every user may ask: it tells no more than the lists of blocks and nodes, and changes nothing. */
int bus_method_preview(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(request_done) Request request = {};
        int r = read_call(message, &request, error);

        if (r < 0)
                return r;
        if (bus_count_choice(message, turn_uid(message), userdata, &request, preview_counted))
                return 1;
        return reply_preview(message, userdata, &request, error);
}
