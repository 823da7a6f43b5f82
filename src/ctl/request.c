/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a request for a job from the command line. */

#include "base/parse.h"
#include "ctl/job-view.h"
#include "model/block.h"

static int parse_node(JobRequest *request)
{
        if (!arg_node)
                return EXIT_SUCCESS;
        if (parse_u32(arg_node, &request->node) < 0)
                return usage_failure("--node: expected the number of a node, got '%s'", arg_node);
        request->has_node = true;
        return EXIT_SUCCESS;
}

static int parse_device(JobRequest *request)
{
        if (arg_device && !*arg_device)
                return usage_failure("--device: expected the name of a device, got ''");
        request->device = arg_device;
        return EXIT_SUCCESS;
}

/* memoryd checks that the size is a multiple of the block size. */
static int parse_bytes(JobRequest *request)
{
        if (!arg_size)
                return EXIT_SUCCESS;
        if (parse_size(arg_size, &request->size_bytes) < 0)
                return usage_failure("--size: expected a size such as 4G, got '%s'", arg_size);
        request->has_size = true;
        return EXIT_SUCCESS;
}

/* Parses "75%" or "48G". */
static int parse_movable(JobRequest *request)
{
        size_t length = arg_movable ? strlen(arg_movable) : 0;
        _cleanup_free_ char *number = NULL;

        if (!arg_movable)
                return EXIT_SUCCESS;
        if (length > 0 && arg_movable[length - 1] == '%') {
                number = strndup(arg_movable, length - 1);
                request->has_percent = number && parse_u32(number, &request->movable_percent) >= 0;
        } else {
                request->has_movable_bytes = parse_size(arg_movable, &request->movable_bytes) >= 0;
        }
        if (!request->has_percent && !request->has_movable_bytes)
                return usage_failure(
                        "--movable: expected a percentage such as 75%% or a size such as 4G, "
                        "got '%s'",
                        arg_movable);
        return EXIT_SUCCESS;
}

static int parse_timeout(JobRequest *request)
{
        if (arg_timeout &&
            (parse_usec(arg_timeout, &request->timeout_usec) < 0 || request->timeout_usec == 0))
                return usage_failure("--timeout: expected a time such as 90s or 5min, got '%s'",
                                     arg_timeout);
        return EXIT_SUCCESS;
}

static int parse_zone(const char *word, const char *where, JobRequest *request)
{
        ZoneClass zone_class = zone_class_from_string(word);

        if (zone_class != ZONE_CLASS_MOVABLE && zone_class != ZONE_CLASS_KERNEL)
                return usage_failure("%s: expected movable or kernel, got '%s'", where, word);
        request->zone = word;
        return EXIT_SUCCESS;
}

/* Reads the zone from --zone. For set-zone, takes the last argument instead, and removes it from *argc. */
static int take_zone(const char *verb, int *argc, char **argv, JobRequest *request)
{
        const char *word = *argc > 0 ? argv[*argc - 1] : NULL;

        if (strcmp(verb, "set-zone") != 0)
                return arg_zone ? parse_zone(arg_zone, "--zone", request) : EXIT_SUCCESS;
        if (arg_movable) {
                if (word && zone_class_from_string(word) > ZONE_CLASS_NONE)
                        return usage_failure("--movable and '%s' exclude each other", word);
                return EXIT_SUCCESS;
        }
        if (!word)
                return usage_failure("'set-zone' needs a zone, movable or kernel, or --movable");
        (*argc)--;
        return parse_zone(word, "the last argument of 'set-zone'", request);
}

/* Complains if the memory is given in ways that exclude each other, or not at all. */
static int check_memory(const char *verb, const JobRequest *request)
{
        const struct {
                const char *name;
                bool given;
        } ways[] = {
                { "BLOCKS", request->n_blocks > 0 },
                { "--node", request->has_node },
                { "--device", request->device },
        };
        const char *first = NULL;

        for (size_t i = 0; i < ELEMENTSOF(ways); i++) {
                if (ways[i].given && first)
                        return usage_failure("%s and %s exclude each other", first, ways[i].name);
                if (ways[i].given)
                        first = ways[i].name;
        }
        if (request->n_blocks > 0 && request->has_size)
                return usage_failure("BLOCKS and --size exclude each other");
        if (!first && !request->has_size)
                return usage_failure("'%s' needs %s", verb,
                                     arg_movable ? "--node with --movable" :
                                                   "BLOCKS, --node, --device or --size");
        if (arg_movable && (!request->has_node || request->has_size))
                return usage_failure("--movable and %s exclude each other",
                                     request->has_size ? "--size" : first);
        return EXIT_SUCCESS;
}

int job_request_parse(const char *verb, int argc, char **argv, JobRequest *request)
{
        static int (*const parsers[])(JobRequest *) = { parse_node, parse_device, parse_bytes,
                                                        parse_movable, parse_timeout };
        int r;

        r = take_zone(verb, &argc, argv, request);
        for (size_t i = 0; i < ELEMENTSOF(parsers) && r == EXIT_SUCCESS; i++)
                r = parsers[i](request);
        if (r == EXIT_SUCCESS)
                r = blocks_parse(argc, argv, &request->blocks, &request->n_blocks);
        return r == EXIT_SUCCESS ? check_memory(verb, request) : r;
}

void job_request_done(JobRequest *request)
{
        free(request->blocks);
        *request = (JobRequest){};
}

static int append_blocks(sd_bus_message *message, const JobRequest *request)
{
        int r;

        r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', "Blocks");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', "a(uu)");
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(uu)");
        for (size_t i = 0; i < request->n_blocks && r >= 0; i++)
                r = sd_bus_message_append(message, "(uu)", request->blocks[i].first,
                                          request->blocks[i].last);
        for (unsigned i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(message);
        return r;
}

static int append_memory(sd_bus_message *message, const JobRequest *request)
{
        int r = 0;

        if (request->n_blocks > 0)
                r = append_blocks(message, request);
        if (r >= 0 && request->has_node)
                r = sd_bus_message_append(message, "{sv}", "Node", "u", request->node);
        if (r >= 0 && request->device)
                r = sd_bus_message_append(message, "{sv}", "Device", "s", request->device);
        if (r >= 0 && request->has_size)
                r = sd_bus_message_append(message, "{sv}", "Size", "t", request->size_bytes);
        return r;
}

int job_request_append(sd_bus_message *message, const JobRequest *request)
{
        int r;

        r = sd_bus_message_open_container(message, 'a', "{sv}");
        if (r >= 0)
                r = append_memory(message, request);
        if (r >= 0 && request->zone)
                r = sd_bus_message_append(message, "{sv}", "Zone", "s", request->zone);
        if (r >= 0 && request->has_percent)
                r = sd_bus_message_append(message, "{sv}", "MovablePercent", "u",
                                          request->movable_percent);
        if (r >= 0 && request->has_movable_bytes)
                r = sd_bus_message_append(message, "{sv}", "MovableBytes", "t",
                                          request->movable_bytes);
        if (r >= 0 && request->timeout_usec > 0)
                r = sd_bus_message_append(message, "{sv}", "TimeoutUSec", "t",
                                          request->timeout_usec);
        if (r >= 0 && arg_force)
                r = sd_bus_message_append(message, "{sv}", "Force", "b", true);
        if (r >= 0 && arg_undo_on_failure)
                r = sd_bus_message_append(message, "{sv}", "UndoOnFailure", "b", true);
        return r < 0 ? r : sd_bus_message_close_container(message);
}
