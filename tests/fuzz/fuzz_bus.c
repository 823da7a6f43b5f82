/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Calls of methods on D-Bus, with arguments of any type. The input is read byte by byte: what is called, and
 * which values are appended to the call. What a request for a job asks for is looked for in a machine.
 */

#include "base/names.h"
#include "bus/client.h"
#include "bus/object.h"
#include "bus/turn.h"
#include "daemon/internal.h"
#include "fuzz.h"

#include <sys/socket.h>

/* In the place of src/bus/client.c and turn.c: the caller is a user who may not ask polkit, and may not plan or count. */

int clients_attach(sd_bus *bus, sd_event *event)
{
        (void) bus, (void) event;
        return 0;
}

void clients_done(void)
{
}

uint32_t turn_uid(const sd_bus_message *call)
{
        (void) call;
        return 1000;
}

int turn_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error)
{
        return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "%s: none for user %u (%d)",
                              what, uid, claim);
}

void turn_release(uint32_t uid, Claim claim)
{
        (void) uid, (void) claim;
}

void turn_count(uint32_t uid, uint64_t usec)
{
        (void) uid, (void) usec;
}

#define N_BLOCKS 16
#define VALUES_MAX 64
#define DEPTH_MAX 4

typedef struct Input {
        const uint8_t *at;
        size_t left;
} Input;

static uint8_t take_byte(Input *input)
{
        if (input->left == 0)
                return 0;
        input->left--;
        return *input->at++;
}

/* A small number is more likely to mean a block, a node or a length. */
static uint64_t take_number(Input *input)
{
        uint8_t byte = take_byte(input);
        uint64_t number = 0;

        if (byte < 200)
                return byte;
        for (int i = 0; i < 8; i++)
                number = number << 8 | take_byte(input);
        return number;
}

static char *take_text(Input *input)
{
        size_t size = take_byte(input);
        char *text;

        size = MIN(size, input->left);
        text = fuzz_string(input->at, size);
        input->at += size;
        input->left -= size;
        return text;
}

static const char *const keys[] = {
        "Blocks",       "Node",        "Device",     "Size",          "Zone", "MovablePercent",
        "MovableBytes", "TimeoutUSec", "Force",      "UndoOnFailure", "Add",  "Config",
        "ConfigName",   "DropIn",      "DropInName",
};

/* The type of a value, by its first byte. */
static const char *const types[] = { "s", "u", "t", "i", "b", "v", "a(uu)", "as", "a{sv}", "d" };

static int append_value(sd_bus_message *message, Input *input, const char *type, unsigned depth);

static const char *take_type(Input *input)
{
        return types[take_byte(input) % ELEMENTSOF(types)];
}

static int append_variant(sd_bus_message *message, Input *input, unsigned depth)
{
        const char *type = depth > DEPTH_MAX ? "u" : take_type(input);
        int r = sd_bus_message_open_container(message, 'v', type);

        if (r >= 0)
                r = append_value(message, input, type, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_entry(sd_bus_message *message, Input *input, unsigned depth)
{
        uint8_t key = take_byte(input);
        _cleanup_free_ char *text = key < ELEMENTSOF(keys) ? strdup(keys[key]) : take_text(input);
        int r = sd_bus_message_open_container(message, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', text);
        if (r >= 0)
                r = append_variant(message, input, depth);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_element(sd_bus_message *message, Input *input, const char *type, unsigned depth)
{
        if (strcmp(type, "{sv}") == 0)
                return append_entry(message, input, depth);
        if (strcmp(type, "(uu)") == 0)
                return sd_bus_message_append(message, type, (uint32_t) take_number(input),
                                             (uint32_t) take_number(input));
        return append_value(message, input, type, depth);
}

static int append_array(sd_bus_message *message, Input *input, const char *type, unsigned depth)
{
        size_t n = take_byte(input) % VALUES_MAX;
        int r = sd_bus_message_open_container(message, 'a', type);

        for (size_t i = 0; i < n && r >= 0 && input->left > 0; i++)
                r = append_element(message, input, type, depth);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_value(sd_bus_message *message, Input *input, const char *type, unsigned depth)
{
        _cleanup_free_ char *text = NULL;

        switch (*type) {
        case 's':
                text = take_text(input);
                return sd_bus_message_append_basic(message, 's', text);
        case 'a':
                return append_array(message, input, type + 1, depth);
        case 'v':
                return append_variant(message, input, depth);
        case 'd':
                return sd_bus_message_append(message, "d", (double) take_byte(input));
        case 't':
                return sd_bus_message_append(message, "t", take_number(input));
        case 'b':
                return sd_bus_message_append(message, "b", take_byte(input) & 1);
        default:
                return sd_bus_message_append(message, type, (uint32_t) take_number(input));
        }
}

/* Two devices, of which every second block is online. */
static void fill_block(Block *block)
{
        block->node = (int32_t) block->id / 8;
        block->seen = true;
        if (block->id % 2 == 0) {
                block->state = BLOCK_ONLINE;
                FUZZ_ASSERT(zone_list_parse("Movable", &block->zones) >= 0);
        }
}

static Manager *make_manager(void)
{
        Setup setup = { .root = fuzz_folder(), .runtime_folder = fuzz_folder(), SETUP_CLOSED };
        sd_event *event = NULL;
        Manager *manager;
        Conf conf;

        conf_init(&conf);
        FUZZ_ASSERT(sd_event_new(&event) >= 0);
        FUZZ_ASSERT(manager_new(event, &setup, &conf, &manager) == 0);
        sd_event_unref(event);
        conf_done(&conf);
        fuzz_machine(&manager->machine, N_BLOCKS, fill_block);
        return manager;
}

static void read_request(sd_bus_message *message, Manager *manager, sd_bus_error *error)
{
        _cleanup_(request_done) Request request = {};
        _cleanup_(selection_done) Selection selection = {};

        if (bus_read_request(message, bus_job_kind(sd_bus_message_get_member(message)), &request,
                             error) == 0)
                FUZZ_ASSERT(selection_make(&manager->machine, &manager->conf.policy, &request,
                                           &selection) == 0);
        else
                FUZZ_ASSERT(sd_bus_error_is_set(error));
}

static void call(sd_bus_message *message, unsigned method, Manager *manager, sd_bus_error *error)
{
        static int (*const methods[])(sd_bus_message *, void *, sd_bus_error *) = {
                bus_method_make_job, bus_method_plan,    bus_method_explain,
                bus_method_history,  bus_method_preview, bus_method_count_pages,
        };
        int r;

        if (method < 3) {
                read_request(message, manager, error);
                return;
        }
        r = methods[(method - 3) % ELEMENTSOF(methods)](message, manager, error);
        /* Each call gets a reply or an error, now or later. */
        FUZZ_ASSERT(r != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const char *const members[] = { "Online",  "Offline", "SetZone", "Online",    "Plan",
                                               "Explain", "History", "Preview", "CountPages" };
        static Manager *manager;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *message = NULL;
        Input input = { data, size };
        unsigned method = take_byte(&input) % ELEMENTSOF(members);
        sd_bus *bus = NULL;
        int fds[2], r = 0;

        if (!manager)
                manager = make_manager();
        /* Nothing reads at the other end: calls and replies wait there. */
        FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        FUZZ_ASSERT(sd_bus_new(&bus) >= 0 && sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        FUZZ_ASSERT(sd_bus_start(bus) >= 0);
        FUZZ_ASSERT(sd_bus_message_new_method_call(bus, &message, NULL, BUS_PATH,
                                                   BUS_MANAGER_INTERFACE, members[method]) >= 0);
        if (method == 7)
                r = append_value(message, &input, "s", 0);
        /* Most of them take an a{sv}, and nothing more. */
        if (r >= 0 && (method < 5 || method == 7))
                r = append_value(message, &input, "a{sv}", 0);
        for (size_t i = 0; i < 3 && r >= 0 && input.left > 0; i++)
                r = append_value(message, &input, take_type(&input), 0);
        if (r >= 0 && sd_bus_message_seal(message, 1, 1000) >= 0)
                call(message, method, manager, &error);
        sd_bus_message_unref(message);
        sd_bus_close_unref(bus);
        close(fds[1]);
        return 0;
}
