/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Knows who calls: the connections, and the users they belong to. */

#include "bus/client.h"

#include "bus/object.h"

/* The most calls of one connection that memoryd holds until the bus has told the connection's user. */
#define WAITING_MAX 8

/*
 * Above this number of connections, idle ones are forgotten. dbus-daemon has at most 256 connections of a user,
 * and 2048 in all.
 */
#define CLIENTS_MAX 1024

typedef struct WaitingCall {
        sd_bus_message *message; /* owned */
        ClientFound found;
        void *userdata;
        void (*destroy)(void *userdata);
} WaitingCall;

typedef struct Client {
        struct Client *next;
        sd_bus_slot *slot; /* of the question for the user, while the bus has not answered */
        WaitingCall waiting[WAITING_MAX];
        size_t n_waiting;
        uint32_t uid; /* once there is no slot */
        char name[];
} Client;

/* There is one connection to the bus, so these are the clients of the process. */
static Client *clients;
static size_t n_clients;
static Users users;

/* Ends the calls that are held. */
static void client_drop_calls(Client *client)
{
        for (size_t i = 0; i < client->n_waiting; i++) {
                if (client->waiting[i].destroy)
                        client->waiting[i].destroy(client->waiting[i].userdata);
                sd_bus_message_unref(client->waiting[i].message);
        }
        client->n_waiting = 0;
}

/* Forgets the client that a link points at. */
static void client_forget(Client **at)
{
        Client *client = *at;

        *at = client->next;
        sd_bus_slot_unref(client->slot);
        client_drop_calls(client);
        free(client);
        n_clients--;
}

void clients_done(void)
{
        while (clients)
                client_forget(&clients);
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

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Client *client = userdata;
        int r = sd_bus_message_is_method_error(reply, NULL) ?
                        -ESRCH :
                        sd_bus_message_read(reply, "u", &client->uid);

        (void) error;
        client->slot = sd_bus_slot_unref(client->slot);
        for (size_t i = 0; i < client->n_waiting; i++) {
                const WaitingCall *call = &client->waiting[i];

                if (r < 0)
                        (void) sd_bus_reply_method_errorf(call->message, SD_BUS_ERROR_ACCESS_DENIED,
                                                          "The bus does not tell the user of %s",
                                                          client->name);
                else
                        (void) call->found(call->message, client->uid, call->userdata);
        }
        client_drop_calls(client);
        if (r < 0)
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

/* Returns 0 if the call is held. */
static int identify(sd_bus_message *message, const WaitingCall *call, sd_bus_error *error)
{
        Client *client = client_of(message);

        if (!client)
                return bus_error_from_errno(error, -ENOMEM, "Cannot find out who calls");
        if (!client->slot)
                /* Replies to a call that expects none return 0, too: that call is not held. */
                return call->found(message, client->uid, call->userdata) ?: 1;
        if (client->n_waiting == WAITING_MAX)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "%s: expected at most %d calls before the bus has told whose "
                                      "connection this is",
                                      client->name, WAITING_MAX);
        client->waiting[client->n_waiting] = *call;
        client->waiting[client->n_waiting++].message = sd_bus_message_ref(message);
        return 0;
}

int client_identify(sd_bus_message *message, ClientFound found, void *userdata,
                    void (*destroy)(void *userdata), sd_bus_error *error)
{
        const WaitingCall call = { .found = found, .userdata = userdata, .destroy = destroy };
        int r = identify(message, &call, error);

        if (r == 0)
                return 1;
        if (destroy)
                destroy(userdata);
        return r;
}

int client_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error)
{
        int r = users_claim(&users, uid, claim);

        if (r == -EDQUOT)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "%s: user %u has as many as memoryd allows: at most %u, and "
                                      "%u of all users together",
                                      what, uid, claim_limits[claim].per_user,
                                      claim_limits[claim].total);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot count the calls of a user") : 0;
}

void client_release(uint32_t uid, Claim claim)
{
        users_release(&users, uid, claim);
}
