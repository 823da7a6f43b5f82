/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Reads a request for a job from a method call. */

#include "base/names.h"
#include "bus/object.h"

#define ERROR_INVALID_REQUEST BUS_ERROR_PREFIX "InvalidRequest"

static int read_blocks(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        BlockRange range;
        int r = sd_bus_message_enter_container(message, 'v', "a(uu)");

        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "(uu)");
        while (r >= 0 &&
               (r = sd_bus_message_read(message, "(uu)", &range.first, &range.last)) > 0) {
                if (request->n_ranges == REQUEST_RANGES_MAX)
                        return bus_error_setf(error, ERROR_INVALID_REQUEST,
                                              "Blocks: expected at most %d ranges",
                                              REQUEST_RANGES_MAX);
                if (GROW(request->ranges, request->n_ranges) < 0)
                        return -ENOMEM;
                request->ranges[request->n_ranges++] = range;
        }
        if (r >= 0 && request->n_ranges == 0)
                return bus_error_setf(error, ERROR_INVALID_REQUEST,
                                      "Blocks: expected a range at least");
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_node(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        uint32_t node = 0;
        int r = sd_bus_message_read(message, "v", "u", &node);

        if (node > INT32_MAX)
                return bus_error_setf(error, BUS_ERROR_PREFIX "NoSuchNode", "There is no node %u",
                                      node);
        request->node = (int32_t) node;
        return r;
}

static int read_device(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        const char *device;
        int r = bus_read_text(message, true, "Device", BUS_WORD_MAX, &device, error);

        if (r < 0)
                return r;
        if (!*device || strlen(device) >= sizeof(request->device))
                return bus_error_setf(error, BUS_ERROR_PREFIX "NoSuchDevice",
                                      "There is no device '%s'", device);
        strcpy(request->device, device);
        return r;
}

static int read_zone(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        const char *word;
        int r = bus_read_text(message, true, "Zone", BUS_WORD_MAX, &word, error);

        if (r < 0)
                return r;
        request->zone_class = zone_class_from_string(word);
        if (request->zone_class != ZONE_CLASS_KERNEL && request->zone_class != ZONE_CLASS_MOVABLE)
                return bus_error_setf(error, ERROR_INVALID_REQUEST,
                                      "Zone: expected movable or kernel, got '%s'", word);
        return r;
}

/*
 * The keys of a request, see org.memoryd1(5): each has a reader, or else the member for a value of a basic
 * type. A reader may leave it to the caller to set an error.
 */
static const struct Key {
        const char *key;
        const char *type;
        int (*read)(sd_bus_message *message, Request *request, sd_bus_error *error);
        size_t offset;
        size_t given_offset; /* of a bool that tells that the key was given; 0: there is none */
} keys[] = {
        { "Blocks", "a(uu)", read_blocks, 0, 0 },
        { "Node", "u", read_node, 0, 0 },
        { "Device", "s", read_device, 0, 0 },
        { "Size", "t", NULL, offsetof(Request, size_bytes), offsetof(Request, has_size) },
        { "Zone", "s", read_zone, 0, 0 },
        { "MovablePercent", "u", NULL, offsetof(Request, movable_percent),
          offsetof(Request, has_movable_percent) },
        { "MovableBytes", "t", NULL, offsetof(Request, movable_bytes),
          offsetof(Request, has_movable_bytes) },
        { "TimeoutUSec", "t", NULL, offsetof(Request, timeout_usec), 0 },
        { "Force", "b", NULL, offsetof(Request, force), 0 },
        { "UndoOnFailure", "b", NULL, offsetof(Request, undo_on_failure), 0 },
};

static int read_member(sd_bus_message *message, const struct Key *key, Request *request)
{
        char *member = (char *) request + key->offset;
        int flag, r;

        if (key->given_offset > 0)
                *(bool *) ((char *) request + key->given_offset) = true;
        if (*key->type != 'b')
                return sd_bus_message_read(message, "v", key->type, member);
        r = sd_bus_message_read(message, "v", "b", &flag);
        if (r >= 0)
                *(bool *) member = flag;
        return r;
}

typedef struct RequestReader {
        Request *request;
        unsigned seen; /* a bit for each key */
} RequestReader;

static int read_value(sd_bus_message *message, const char *key, void *userdata, sd_bus_error *error)
{
        RequestReader *reader = userdata;

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                int r;

                if (strcmp(key, keys[i].key) != 0)
                        continue;
                if (reader->seen & 1U << i)
                        return bus_error_setf(error, ERROR_INVALID_REQUEST, "%s: given twice", key);
                reader->seen |= 1U << i;
                r = keys[i].read ? keys[i].read(message, reader->request, error) :
                                   read_member(message, &keys[i], reader->request);
                if (r == -ENXIO)
                        return bus_error_setf(error, ERROR_INVALID_REQUEST,
                                              "%s: expected a value of type '%s'", key,
                                              keys[i].type);
                return r;
        }
        return bus_error_setf(error, ERROR_INVALID_REQUEST,
                              "'%s': expected a key of org.memoryd1(5), as Blocks or Node", key);
}

JobKind bus_job_kind(const char *method)
{
        return strcmp(method, "Online") == 0  ? JOB_KIND_ONLINE :
               strcmp(method, "Offline") == 0 ? JOB_KIND_OFFLINE :
                                                JOB_KIND_SET_ZONE;
}

int bus_read_request(sd_bus_message *message, JobKind kind, Request *request, sd_bus_error *error)
{
        RequestReader reader = { .request = request };

        request_init(request, kind);
        return bus_read_dictionary(message, read_value, &reader, error);
}
