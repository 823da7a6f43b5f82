/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Asks the bus what clients have not read. */

#include "bus/unread.h"

#include "base/log.h"

#include <stdio.h>

/* A quarter of what dbus-daemon lets wait is too much, until less than half of that waits. */
#define UNREAD_MAX (UINT32_C(32) << 20)

/* What a user may leave unread of the last answer when there is too much. */
#define LAST_MAX (UINT32_C(64) << 10)

/* The bus is asked after so many turns, or so much time in handlers: a large answer takes longer to make. */
#define ASK_TURNS 64
#define ASK_USEC (10 * USEC_PER_MSEC)

/* A user who has to wait so often is named. */
#define WAITS_LOGGED 5

/* Users who get an answer while there is too much. More are not limited. */
#define READERS_MAX 64

/* A connection has a name like ":1.42". */
#define NAME_SIZE 32

/* A user, and the connection that got the user's last answer. */
typedef struct Reader {
        uint32_t uid;
        char name[NAME_SIZE];
        bool has_answered; /* the bus has told how much the connection has to read */
        uint32_t bytes;
        unsigned n_waits; /* how often this was too much, one time after the other */
} Reader;

static bool has_refused; /* the bus tells nothing */
static sd_bus_slot *question;
static unsigned n_turns;
static uint64_t turns_usec;
static bool is_too_much;
static Reader readers[READERS_MAX];
static size_t n_readers;

/* Finds a number in the statistics of a connection. */
static int read_statistic(sd_bus_message *reply, const char *name, uint32_t *ret)
{
        int r = sd_bus_message_enter_container(reply, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
                const char *key;

                r = sd_bus_message_read(reply, "s", &key);
                if (r >= 0 && strcmp(key, name) == 0)
                        return sd_bus_message_read(reply, "v", "u", ret);
                if (r >= 0)
                        r = sd_bus_message_skip(reply, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
        return r < 0 ? r : -ENODATA;
}

static int ask(sd_bus *bus, const char *name, sd_bus_message_handler_t on_answer, void *userdata)
{
        int r = sd_bus_call_method_async(bus, &question, "org.freedesktop.DBus",
                                         "/org/freedesktop/DBus",
                                         "org.freedesktop.DBus.Debug.Stats", "GetConnectionStats",
                                         on_answer, userdata, "s", name);

        return r < 0 ? 1 : -EAGAIN;
}

/* Of memoryd's own connection: what the bus has taken from it, and others have not read. */
static int on_own(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        uint32_t bytes = 0;
        bool was_too_much = is_too_much;

        (void) userdata, (void) error;
        question = sd_bus_slot_unref(question);
        if (sd_bus_message_is_method_error(reply, NULL) > 0) {
                log_debug("The bus does not tell what clients have not read: %s",
                          sd_bus_message_get_error(reply)->message);
                has_refused = true;
        } else
                (void) read_statistic(reply, "IncomingBytes", &bytes);
        is_too_much = bytes > (is_too_much ? UNREAD_MAX / 2 : UNREAD_MAX);
        if (!is_too_much)
                n_readers = 0;
        if (is_too_much != was_too_much)
                log_notice(is_too_much ? "Clients do not read %u MiB of answers: each user has to "
                                         "read one answer before the next" :
                                         "Clients have read their answers, but for %u MiB",
                           bytes >> 20);
        return 0;
}

/* A connection that is gone has nothing to read. */
static int on_reader(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Reader *reader = userdata;

        (void) error;
        question = sd_bus_slot_unref(question);
        reader->bytes = 0;
        reader->has_answered = true;
        if (sd_bus_message_is_method_error(reply, NULL) <= 0)
                (void) read_statistic(reply, "OutgoingBytes", &reader->bytes);
        return 0;
}

static Reader *find_reader(uint32_t uid)
{
        for (size_t i = 0; i < n_readers; i++)
                if (readers[i].uid == uid)
                        return &readers[i];
        return NULL;
}

static void set_name(Reader *reader, const char *name)
{
        reader->has_answered = false;
        (void) snprintf(reader->name, sizeof(reader->name), "%s", name);
}

static int reader_may_have_answer(Reader *reader, const char *name)
{
        reader->has_answered = false;
        if (reader->bytes > LAST_MAX) {
                if (++reader->n_waits == WAITS_LOGGED)
                        log_notice("%s does not read its answers: user %u gets none until then",
                                   reader->name, reader->uid);
                return 0;
        }
        reader->n_waits = 0;
        set_name(reader, name);
        return 1;
}

void unread_count(uint64_t usec)
{
        n_turns++;
        turns_usec += usec;
}

int unread_may_answer(sd_bus *bus, uint32_t uid, const char *name)
{
        Reader *reader = find_reader(uid);
        const char *own;

        if (has_refused)
                return 1;
        if (question)
                return -EAGAIN;
        if ((n_turns >= ASK_TURNS || turns_usec >= ASK_USEC) &&
            sd_bus_get_unique_name(bus, &own) >= 0) {
                n_turns = 0;
                turns_usec = 0;
                return ask(bus, own, on_own, NULL);
        }
        if (!is_too_much || uid == 0)
                return 1;
        if (reader)
                return reader->has_answered ? reader_may_have_answer(reader, name) :
                                              ask(bus, reader->name, on_reader, reader);
        if (n_readers < READERS_MAX) {
                reader = &readers[n_readers++];
                *reader = (Reader){ .uid = uid };
                set_name(reader, name);
        }
        return 1;
}

void unread_done(void)
{
        question = sd_bus_slot_unref(question);
        has_refused = is_too_much = false;
        n_turns = 0;
        turns_usec = 0;
        n_readers = 0;
}
