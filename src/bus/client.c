/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Knows who calls: the connections, and the users they belong to. Gives users their turns. */

#include "bus/client.h"

#include "bus/object.h"

#include <poll.h>
#include <time.h>

/* What memoryd holds until the bus has told the user: the calls of a connection, and the bytes of all. */
#define HELD_MAX 64
#define HELD_BYTES_MAX (8U * 1024 * 1024)

/*
 * Above this number of connections, idle ones are forgotten. dbus-daemon has at most 256 connections of a user,
 * and 2048 in all.
 */
#define CLIENTS_MAX 1024

/* What memoryd handles at most: twice the largest call that it understands. */
#define CALL_BYTES_MAX (2U * BUS_CONFIG_MAX)

/* How long memoryd goes on taking messages from the bus after a call: in multiples of the call's time, and at most. */
#define TAKE_FACTOR 3
#define TAKE_MAX_USEC (50 * USEC_PER_MSEC)

/* What memoryd keeps of a call besides its values. */
#define CALL_OVERHEAD_BYTES 1024

typedef struct HeldCall {
        sd_bus_message *message; /* owned */
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

/* The call that has its turn. */
typedef struct Turn {
        sd_bus_message *call; /* owned */
        uint32_t uid;
        bool has_begun;
        uint64_t begin_usec;
} Turn;

/* There is one connection to the bus, so these are the clients of the process. */
static Client *clients;
static size_t n_clients;
static size_t held_bytes;
static Users users;
static Turn turn;
static uint64_t next_turn_usec; /* until then, a turn begins only if the bus has no message */
static sd_event_source *turn_source;

/* The users of connections */

/* Takes the calls that are held out of the client. The caller frees the messages. */
static size_t client_take_held(Client *client, HeldCall held[static HELD_MAX])
{
        size_t n = client->n_held;

        for (size_t i = 0; i < n; i++) {
                held[i] = client->held[i];
                held_bytes -= held[i].size_bytes;
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

static int refuse(uint32_t uid, const char *what, const ShareLimits *limits, const char *unit,
                  sd_bus_error *error)
{
        return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                              "%s: no more for user %u, expected at most %u%s of each user, and "
                              "%u%s of all together",
                              what, uid, limits->per_user, unit, limits->total, unit);
}

/* Has a call wait for its user's turn. */
static int enqueue(sd_bus_message *message, uint32_t uid, size_t size_bytes, sd_bus_error *error)
{
        int r = users_add_call(&users, uid, message, size_bytes);

        if (r == -EMSGSIZE)
                return refuse(uid, "Size of calls that wait", &call_size_limits, " KiB", error);
        if (r == -EDQUOT)
                return refuse(uid, "Calls that wait", &claim_limits[CLAIM_CALL], "", error);
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot have the call wait");
        sd_bus_message_ref(message);
        return 1;
}

/* The user of a call that was held is known, or is not. */
static void client_pass_on(const Client *client, bool is_known, const HeldCall *call)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = is_known ? enqueue(call->message, client->uid, call->size_bytes, &error) :
                           bus_error_setf(&error, SD_BUS_ERROR_ACCESS_DENIED,
                                          "The bus does not tell the user of %s", client->name);

        if (r < 0)
                (void) sd_bus_reply_method_error(call->message, &error);
        sd_bus_message_unref(call->message);
}

static int on_uid(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Client *client = userdata;
        bool is_known = sd_bus_message_is_method_error(reply, NULL) <= 0 &&
                        sd_bus_message_read(reply, "u", &client->uid) > 0;
        HeldCall held[HELD_MAX];
        size_t n = client_take_held(client, held);

        (void) error;
        client->slot = sd_bus_slot_unref(client->slot);
        for (size_t i = 0; i < n; i++)
                client_pass_on(client, is_known, &held[i]);
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

/* Holds a call until the bus has told the user. */
static int client_hold(Client *client, sd_bus_message *message, size_t size_bytes,
                       sd_bus_error *error)
{
        size_bytes += CALL_OVERHEAD_BYTES;
        if (client->n_held == HELD_MAX || size_bytes > HELD_BYTES_MAX - held_bytes)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "%s: expected at most %d calls, and %u bytes of all "
                                      "connections, before the bus has told whose connection "
                                      "this is",
                                      client->name, HELD_MAX, HELD_BYTES_MAX);
        held_bytes += size_bytes;
        client->held[client->n_held++] = (HeldCall){ sd_bus_message_ref(message), size_bytes };
        return 1;
}

/* Turns */

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

static int take_call(sd_bus_message *message, sd_bus_error *error)
{
        Client *client = client_of(message);
        size_t size_bytes;
        int r;

        if (!client)
                return bus_error_from_errno(error, -ENOMEM, "Cannot find out who calls");
        /* To count the size takes time, so this comes first. */
        if (!client->slot && !users_may_add_call(&users, client->uid))
                return refuse(client->uid, "Calls that wait", &claim_limits[CLAIM_CALL], "", error);
        r = call_size(message, CALL_BYTES_MAX, &size_bytes);
        if (r == -EMSGSIZE)
                return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                      "The call: expected at most %u bytes", CALL_BYTES_MAX);
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot read the call");
        return client->slot ? client_hold(client, message, size_bytes, error) :
                              enqueue(message, client->uid, size_bytes, error);
}

static uint64_t now_usec(void)
{
        uint64_t usec = 0;

        (void) sd_event_now(sd_event_source_get_event(turn_source), CLOCK_MONOTONIC, &usec);
        return usec;
}

/* Takes a call from the bus, or lets it go on to its handler if it has its turn. */
static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        (void) userdata;
        if (sd_bus_message_is_method_call(message, NULL, NULL) <= 0)
                return 0;
        if (message != turn.call)
                return take_call(message, error);
        turn.has_begun = true;
        turn.begin_usec = now_usec();
        return 0;
}

static void turn_end(void)
{
        uint64_t end_usec = now_usec();
        uint64_t used_usec = turn.has_begun ? end_usec - turn.begin_usec : 0;

        /* Not even a call that takes no time is free. */
        users_end_turn(&users, turn.uid, used_usec + 1);
        sd_bus_message_unref(turn.call);
        turn = (Turn){};
        next_turn_usec = end_usec + MIN(TAKE_FACTOR * used_usec, TAKE_MAX_USEC);
}

/* Whether a call may have its turn: the bus has taken all replies, and has no message, or has waited long enough. */
static bool turn_may_begin(sd_bus *bus)
{
        struct pollfd input = { .fd = sd_bus_get_fd(bus), .events = POLLIN };
        uint64_t n_replies;

        if (sd_bus_get_n_queued_write(bus, &n_replies) < 0 || n_replies > 0)
                return false;
        return now_usec() >= next_turn_usec || poll(&input, 1, 0) == 0;
}

/* Runs after each event. */
static int on_event(sd_event_source *source, void *userdata)
{
        sd_bus *bus = userdata;
        int r;

        (void) source;
        if (turn.call && !turn.has_begun)
                return 0;
        if (turn.call)
                turn_end();
        if (!turn_may_begin(bus))
                return 0;
        turn.call = users_take_call(&users, &turn.uid);
        r = turn.call ? sd_bus_enqueue_for_read(bus, turn.call) : 0;
        if (r < 0) {
                (void) sd_bus_reply_method_errno(turn.call, r, NULL);
                turn_end();
        }
        return 0;
}

int clients_attach(sd_bus *bus, sd_event *event)
{
        int r = sd_bus_add_filter(bus, NULL, on_message, NULL);

        if (r >= 0)
                r = sd_event_add_post(event, &turn_source, on_event, bus);
        /* Before all other events, so that a turn counts no time but its own. */
        return r < 0 ? r :
                       sd_event_source_set_priority(turn_source, SD_EVENT_PRIORITY_IMPORTANT - 1);
}

void clients_done(void)
{
        if (!turn_source)
                return;
        do {
                if (turn.call)
                        turn_end();
                turn.call = users_take_call(&users, &turn.uid);
        } while (turn.call);
        turn_source = sd_event_source_disable_unref(turn_source);
        while (clients)
                client_forget(&clients);
}

uint32_t client_uid(const sd_bus_message *call)
{
        assert(call == turn.call && turn.has_begun);
        return turn.uid;
}

int client_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error)
{
        int r = users_claim(&users, uid, claim);

        if (r == -EDQUOT)
                return refuse(uid, what, &claim_limits[claim], "", error);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot count the calls of a user") : 0;
}

void client_release(uint32_t uid, Claim claim)
{
        users_release(&users, uid, claim);
}
