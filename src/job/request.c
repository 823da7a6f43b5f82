/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Formats requests. */

#include "job/request.h"

#include "base/format.h"

#include <stdio.h>

static const char *const job_kind_table[_JOB_KIND_MAX] = {
        [JOB_KIND_ONLINE] = "online",     [JOB_KIND_OFFLINE] = "offline",
        [JOB_KIND_SET_ZONE] = "set-zone", [JOB_KIND_REBALANCE] = "rebalance",
        [JOB_KIND_RESTORE] = "restore",
};

DEFINE_STRING_TABLE(job_kind, JobKind)

void request_init(Request *request, JobKind kind)
{
        *request = (Request){ .kind = kind, .node = NODE_ANY };
}

void request_done(Request *request)
{
        free(request->ranges);
        free(request->costs);
        request_init(request, request->kind);
}

/* The most ranges in a text for a person, who knows a request of thousands of ranges by the first ones. */
#define RANGES_SHOWN 64

static void print_ranges(FILE *stream, const Request *request)
{
        bool is_one = request->n_ranges == 1 && request->ranges[0].first == request->ranges[0].last;

        fputs(is_one ? "block" : "blocks", stream);
        for (size_t i = 0; i < request->n_ranges && i < RANGES_SHOWN; i++) {
                const BlockRange *range = &request->ranges[i];

                fprintf(stream, "%c%u", i == 0 ? ' ' : ',', range->first);
                if (range->last != range->first)
                        fprintf(stream, "-%u", range->last);
        }
        if (request->n_ranges > RANGES_SHOWN)
                fputs(",...", stream);
}

static void print_target(FILE *stream, const Request *request)
{
        char size[FORMAT_BYTES_MAX];
        bool has_size = request->has_size || request->size_bytes > 0;

        if (request->n_ranges > 0)
                print_ranges(stream, request);
        if (has_size)
                fputs(format_bytes_exact(request->size_bytes, size), stream);
        if (has_size && (request->node != NODE_ANY || *request->device))
                fputs(" of ", stream);
        if (request->node != NODE_ANY)
                fprintf(stream, "node %d", request->node);
        if (*request->device)
                fprintf(stream, "device %s", request->device);
        if (request->has_movable_percent)
                fprintf(stream, " (%u%% movable)", request->movable_percent);
        if (request->has_movable_bytes)
                fprintf(stream, " (%s movable)", format_bytes_exact(request->movable_bytes, size));
}

const char *request_class_text(ZoneClass zone_class)
{
        return zone_class == ZONE_CLASS_MOVABLE ? "movable" : "kernel memory";
}

int request_format(const Request *request, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        print_target(stream, request);
        if (fclose(stream) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
