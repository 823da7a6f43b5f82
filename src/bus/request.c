/* SPDX-License-Identifier: LGPL-2.1-or-later */

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
                        return sd_bus_error_setf(error, ERROR_INVALID_REQUEST,
                                                 "Blocks: expected at most %d ranges",
                                                 REQUEST_RANGES_MAX);
                if (GROW(request->ranges, request->n_ranges) < 0)
                        return -ENOMEM;
                request->ranges[request->n_ranges++] = range;
        }
        if (r >= 0 && request->n_ranges == 0)
                return sd_bus_error_setf(error, ERROR_INVALID_REQUEST,
                                         "Blocks: expected a range at least");
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int read_node(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        uint32_t node;
        int r = sd_bus_message_read(message, "v", "u", &node);

        if (r >= 0 && node > INT32_MAX)
                return sd_bus_error_setf(error, BUS_ERROR_PREFIX "NoSuchNode",
                                         "There is no node %u", node);
        if (r >= 0)
                request->node = (int32_t) node;
        return r;
}

static int read_device(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        const char *device;
        int r = sd_bus_message_read(message, "v", "s", &device);

        if (r < 0)
                return r;
        if (!*device || strlen(device) >= sizeof(request->device))
                return sd_bus_error_setf(error, BUS_ERROR_PREFIX "NoSuchDevice",
                                         "There is no device '%s'", device);
        strcpy(request->device, device);
        return r;
}

static int read_size(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        request->has_size = true;
        return sd_bus_message_read(message, "v", "t", &request->size_bytes);
}

static int read_zone(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        const char *word;
        int r = sd_bus_message_read(message, "v", "s", &word);

        if (r < 0)
                return r;
        request->zone_class = zone_class_from_string(word);
        if (request->zone_class != ZONE_CLASS_KERNEL && request->zone_class != ZONE_CLASS_MOVABLE)
                return sd_bus_error_setf(error, ERROR_INVALID_REQUEST,
                                         "Zone: expected movable or kernel, got '%s'", word);
        return r;
}

static int read_percent(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        request->has_movable_percent = true;
        return sd_bus_message_read(message, "v", "u", &request->movable_percent);
}

static int read_bytes(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        request->has_movable_bytes = true;
        return sd_bus_message_read(message, "v", "t", &request->movable_bytes);
}

static int read_timeout(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        return sd_bus_message_read(message, "v", "t", &request->timeout_usec);
}

static int read_flag(sd_bus_message *message, bool *ret)
{
        int value, r = sd_bus_message_read(message, "v", "b", &value);

        if (r >= 0)
                *ret = value;
        return r;
}

static int read_force(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        return read_flag(message, &request->force);
}

static int read_undo(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        (void) error;
        return read_flag(message, &request->undo_on_failure);
}

/* The keys of a request, see org.memoryd1(5). A reader may leave it to the caller to set an error. */
static const struct {
        const char *key;
        const char *type;
        int (*read)(sd_bus_message *message, Request *request, sd_bus_error *error);
} keys[] = {
        { "Blocks", "a(uu)", read_blocks },  { "Node", "u", read_node },
        { "Device", "s", read_device },      { "Size", "t", read_size },
        { "Zone", "s", read_zone },          { "MovablePercent", "u", read_percent },
        { "MovableBytes", "t", read_bytes }, { "TimeoutUSec", "t", read_timeout },
        { "Force", "b", read_force },        { "UndoOnFailure", "b", read_undo },
};

static int read_entry(sd_bus_message *message, Request *request, unsigned *seen,
                      sd_bus_error *error)
{
        const char *key;
        int r = sd_bus_message_read(message, "s", &key);

        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                if (strcmp(key, keys[i].key) != 0)
                        continue;
                if (*seen & 1U << i)
                        return sd_bus_error_setf(error, ERROR_INVALID_REQUEST, "%s: given twice",
                                                 key);
                *seen |= 1U << i;
                r = keys[i].read(message, request, error);
                if (r == -ENXIO)
                        return sd_bus_error_setf(error, ERROR_INVALID_REQUEST,
                                                 "%s: expected a value of type '%s'", key,
                                                 keys[i].type);
                return r;
        }
        return sd_bus_error_setf(error, ERROR_INVALID_REQUEST,
                                 "'%s': expected a key of org.memoryd1(5), as Blocks or Node", key);
}

int bus_read_request(sd_bus_message *message, Request *request, sd_bus_error *error)
{
        unsigned seen = 0;
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(message, request, &seen, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0 && !sd_bus_error_is_set(error))
                r = bus_error_from_errno(error, r, "Cannot read the call");
        return r;
}
