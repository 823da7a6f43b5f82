/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Knows who calls: the connections, and the users they belong to. */

#include "bus/client.h"

#include "bus/object.h"
#include "bus/turn.h"

/*
 * What memoryd holds until the bus has told the user: the calls of a connection, and the bytes of all. dbus-daemon
 * lets a connection wait for 128 answers at once. The first call of a connection is always held if it is small: the
 * calls of others do not take its place.
 */
#define HELD_MAX 128
#define HELD_BYTES_MAX (8U * 1024 * 1024)
#define FIRST_BYTES_MAX 4096

/* The number of connections that the bus is asked about at once, as many as dbus-daemon has at most. */
#define ASKED_MAX 2048

/*
 * Above this number of connections, idle ones are forgotten. dbus-daemon has at most 256 connections of a user,
 * and 2048 in all.
 */
#define CLIENTS_MAX 1024

/* What memoryd handles at most: twice the largest call that it understands. */
#define CALL_BYTES_MAX (2U * BUS_CONFIG_MAX)

/* What memoryd keeps of a call besides its values. */
#define CALL_OVERHEAD_BYTES 1024

typedef struct HeldCall {
        sd_bus_message *message; /* owned: a call, or the error that refuses one */
        size_t size_bytes;
} HeldCall;

typedef struct Client {
        struct Client *next;
        sd_bus_slot *slot; /* of the question for the user, while the bus has not answered */
        HeldCall held[HELD_MAX];
        size_t n_held;
        uint32_t uid; /* once there is no slot */
        char name[];
} Client;

/* There is one connection to the bus, so these are the clients of the process. */
static Client *clients;
static size_t n_clients;
static size_t n_asked; /* of these, those whose user is not known yet */
static size_t held_bytes;

/* The users of connections */

/* Takes what is held out of the client. The caller frees the messages. */
static size_t client_take_held(Client *client, HeldCall held[static HELD_MAX])
{
        size_t n = client->n_held;

        for (size_t i = 0; i < n; i++) {
                held[i] = client->held[i];
                held_bytes -= held[i].size_bytes + CALL_OVERHEAD_BYTES;
        }
        client->n_held = 0;
        return n;
}

/* Forgets the client that a link points at. */
static void client_forget(Client **at)
{
        Client *client = *at;
        HeldCall held[HELD_MAX];
        size_t n = client_take_held(client, held);

        *at = client->next;
        if (client->slot)
                n_asked--;
        sd_bus_slot_unref(client->slot);
        for (size_t i = 0; i < n; i++)
                sd_bus_message_unref(held[i].message);
        free(client);
        n_clients--;
}

static void drop_idle_clients(void)
{
        for (Client **at = &clients; *at;)
                if ((*at)->slot)
                        at = &(*at)->next;
                else
                        client_forget(at);
}

/* Finds the link to a client, or else the end of the list. */
static Client **find_link(const char *name)
{
        Client **at = &clients;

        while (*at && strcmp((*at)->name, name) != 0)
                at = &(*at)->next;
        return at;
}

/*
 * Holds a call, or the error that refuses one, until the bus has told the user. Returns false if too much is held
 * already.
 */
static bool client_hold(Client *client, sd_bus_message *message, size_t size_bytes)
{
        const size_t bytes = size_bytes + CALL_OVERHEAD_BYTES;
        bool is_first = client->n_held == 0 && size_bytes <= FIRST_BYTES_MAX;

        if (client->n_held == HELD_MAX || (!is_first && held_bytes + bytes > HELD_BYTES_MAX))
                return false;
        held_bytes += bytes;
        client->held[client->n_held++] = (HeldCall){ sd_bus_message_ref(message), size_bytes };
        return true;
}

/* Refuses a call when its user has a turn. Nothing is sent if too much waits already, or memory is short. */
static void client_refuse(Client *client, sd_bus_message *call, const sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *refusal = NULL;

        if (sd_bus_message_get_expect_reply(call) <= 0 ||
            sd_bus_message_new_method_error(call, &refusal, error) < 0)
                return;
        if (client->slot)
                (void) client_hold(client, refusal, 0);
        else
                turn_add_refusal(refusal, client->uid);
}

/* Passes on a call, or the error that refuses one, when the bus has told the user. */
static void client_pass_on(Client *client, const HeldCall *held)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (sd_bus_message_is_method_error(held->message, NULL) > 0)
                turn_add_refusal(held->message, client->uid);
        else if (turn_add_call(held->message, client->uid, held->size_bytes, &error) < 0)
                client_refuse(client, held->message, &error);
}

/* The bus does not tell the user. If the connection is gone, nothing is answered. */
static void client_drop(const Client *client, bool is_gone, const HeldCall *held)
{
        if (!is_gone && sd_bus_message_is_method_call(held->message, NULL, NULL) > 0)
                (void) sd_bus_reply_method_errorf(held->message, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "The bus does not tell the user of %s",
                                                  client->name);
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Client *client = userdata;
        bool is_known = sd_bus_message_is_method_error(reply, NULL) <= 0 &&
                        sd_bus_message_read(reply, "u", &client->uid) > 0;
        bool is_gone = sd_bus_message_is_method_error(reply, SD_BUS_ERROR_NAME_HAS_NO_OWNER) > 0;
        HeldCall held[HELD_MAX];
        size_t n = client_take_held(client, held);

        (void) error;
        client->slot = sd_bus_slot_unref(client->slot);
        n_asked--;
        for (size_t i = 0; i < n; i++) {
                if (is_known)
                        client_pass_on(client, &held[i]);
                else
                        client_drop(client, is_gone, &held[i]);
                sd_bus_message_unref(held[i].message);
        }
        if (!is_known)
                client_forget(find_link(client->name));
        return 0;
}

static Client *client_new(sd_bus *bus, const char *name)
{
        size_t length = strlen(name) + 1;
        _cleanup_free_ Client *client = calloc(1, sizeof(*client) + length);

        if (!client)
                return NULL;
        memcpy(client->name, name, length);
        if (sd_bus_call_method_async(bus, &client->slot, "org.freedesktop.DBus",
                                     "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                     "GetConnectionUnixUser", on_uid, client, "s", name) < 0)
                return NULL;
        if (n_clients >= CLIENTS_MAX)
                drop_idle_clients();
        n_clients++;
        n_asked++;
        return TAKE_PTR(client);
}

/* Finds the client who sent a message, and moves it to the front. Returns NULL if memory is short. */
static Client *client_of(sd_bus_message *message)
{
        const char *name = sd_bus_message_get_sender(message) ?: "";
        Client **at = find_link(name), *client = *at;

        if (client)
                *at = client->next;
        else
                client = client_new(sd_bus_message_get_bus(message), name);
        if (client) {
                client->next = clients;
                clients = client;
        }
        return client;
}

/* Calls */

/* A value is at most this large, except for strings. */
typedef union Value {
        const char *string;
        uint64_t number;
} Value;

/* Counts a value in the size of a call. Goes down into a container. */
static int count_value(sd_bus_message *message, char type, const char *contents, size_t *depth,
                       size_t *size_bytes)
{
        Value value = {};
        int r;

        if (strchr("avre", type)) {
                (*depth)++;
                r = sd_bus_message_enter_container(message, type, contents);
        } else
                r = sd_bus_message_read_basic(message, type, &value);
        if (r >= 0 && strchr("sog", type))
                *size_bytes += strlen(value.string);
        *size_bytes += sizeof(value);
        return r;
}

/* Counts the size of what a call has with it, up to a maximum: then returns -EMSGSIZE. */
static int call_size(sd_bus_message *message, size_t max_bytes, size_t *ret_bytes)
{
        const char *contents;
        size_t depth = 0;
        char type;
        int r;

        *ret_bytes = strlen(sd_bus_message_get_path(message));
        do {
                r = sd_bus_message_peek_type(message, &type, &contents);
                if (r > 0)
                        r = count_value(message, type, contents, &depth, ret_bytes);
                else if (r == 0 && depth-- > 0)
                        r = sd_bus_message_exit_container(message);
                else
                        return r;
        } while (r >= 0 && *ret_bytes <= max_bytes);
        return r < 0 ? r : -EMSGSIZE;
}

/* Has a call wait for its turn, or be held. Returns a negative errno, with the error set, if it is refused. */
static int client_take(Client *client, sd_bus_message *call, sd_bus_error *error)
{
        size_t size_bytes;
        int r;

        /* To count the size takes time, so this comes first. */
        if (!client->slot && !turn_may_add_call(client->uid, error))
                return -EDQUOT;
        r = call_size(call, CALL_BYTES_MAX, &size_bytes);
        if (r == -EMSGSIZE)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "The call: expected at most %u bytes", CALL_BYTES_MAX);
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot read the call");
        if (!client->slot)
                return turn_add_call(call, client->uid, size_bytes, error);
        if (!client_hold(client, call, size_bytes))
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "%s: expected at most %d calls, and %u bytes of all "
                                      "connections, before the bus has told whose connection "
                                      "this is",
                                      client->name, HELD_MAX, HELD_BYTES_MAX);
        return 0;
}

/* Takes a call from the bus, or lets it go on to its handler if it has its turn. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_error_free) sd_bus_error refusal = SD_BUS_ERROR_NULL;
        Client *client;

        (void) userdata;
        if (sd_bus_message_is_method_call(message, NULL, NULL) <= 0 || turn_begin(message))
                return 0;
        client = client_of(message);
        /* Users who connect that often get no answer. */
        if (!client && n_asked >= ASKED_MAX)
                return 1;
        if (!client)
                return bus_error_from_errno(error, -ENOMEM, "Cannot find out who calls");
        if (client_take(client, message, &refusal) < 0)
                client_refuse(client, message, &refusal);
        return 1;
}

int clients_attach(sd_bus *bus, sd_event *event)
{
        int r = sd_bus_add_filter(bus, NULL, on_message, NULL);

        return r < 0 ? r : turns_attach(bus, event);
}

void clients_done(void)
{
        turns_done();
        while (clients)
                client_forget(&clients);
}
