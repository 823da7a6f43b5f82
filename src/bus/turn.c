/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Gives users their turns. */

#include "bus/turn.h"

#include "bus/object.h"
#include "bus/unread.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>

/* How long memoryd goes on taking messages from the bus after a call: in multiples of the call's time, and at most. */
#define TAKE_FACTOR 3
#define TAKE_MAX_USEC (50 * USEC_PER_MSEC)

/* What a turn counts at least, for the bus as well: a call that expects no reply is not free. */
#define TURN_USEC 100

/*
 * What dbus-daemon takes of a connection's messages in a round: 2 KiB, and the rest of the last message. The kernel
 * counts nearly 1 KiB for a small message, with what it needs itself.
 */
#define ROUND_BYTES 4096

/*
 * The longest time that a turn waits for the bus. What memoryd sends outside turns, signals for instance, must not
 * keep turns from beginning.
 */
#define LATE_USEC (100 * USEC_PER_MSEC)

/* What counts for a user who does not read answers, and how long that stops turns. */
#define UNREAD_COUNT_USEC (50 * USEC_PER_MSEC)
#define UNREAD_PAUSE_USEC (5 * USEC_PER_MSEC)

/* Less than these times. sd-event's own is 250 ms. */
#define ACCURACY_USEC USEC_PER_MSEC

typedef struct Turn {
        sd_bus_message *message; /* owned: a call, or the error that refuses one */
        uint32_t uid;
        Claim claim;
        bool has_begun; /* else the call is on its way to its handler */
        bool is_handled;
        uint64_t begin_usec;
} Turn;

static Users users;
static Turn turn;
static uint64_t take_until_usec;  /* until then, a turn begins only if the bus has no message */
static uint64_t pause_until_usec; /* until then, no turn begins */
static uint64_t late_usec;        /* from then on, a turn does not wait for the bus */
static sd_event_source *turn_source;
static sd_event_source *read_source; /* wakes memoryd when the bus takes what memoryd has sent */
static sd_event_source *time_source; /* wakes memoryd at a time */

static uint64_t now_usec(void)
{
        uint64_t usec = 0;

        (void) sd_event_now(sd_event_source_get_event(turn_source), CLOCK_MONOTONIC, &usec);
        return usec;
}

/* The handler has returned. Its answer may still wait for the bus. */
static void turn_handled(void)
{
        uint64_t now = now_usec(), used_usec = now - turn.begin_usec;

        turn.is_handled = true;
        late_usec = now + LATE_USEC;
        take_until_usec = now + MIN(TAKE_FACTOR * used_usec, TAKE_MAX_USEC);
        unread_count(used_usec);
}

static void turn_end(void)
{
        users_end_turn(&users, turn.uid, turn.claim,
                       TURN_USEC + (turn.has_begun ? now_usec() - turn.begin_usec : 0));
        sd_bus_message_unref(turn.message);
        turn = (Turn){};
}

/* The turn itself begins after an event, see on_event(). */
static int on_read(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void) source, (void) fd, (void) events, (void) userdata;
        return 0;
}

/*
 * The event loop watches the bus's socket already, and a file descriptor only once, so this watches a copy. With
 * EPOLLET there is an event each time that the bus has taken something.
 */
static int watch_reads(sd_bus *bus)
{
        int fd, r;

        if (read_source)
                return 0;
        fd = fcntl(sd_bus_get_fd(bus), F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        r = sd_event_add_io(sd_event_source_get_event(turn_source), &read_source, fd,
                            EPOLLOUT | EPOLLET, on_read, NULL);
        if (r < 0)
                close(fd);
        else
                r = sd_event_source_set_io_fd_own(read_source, true);
        return r;
}

/*
 * Whether the bus takes what memoryd has sent in one round. A message that is sent now waits no longer then. If that
 * cannot be found out, assumes that it does.
 */
static bool bus_keeps_up(sd_bus *bus)
{
        int n_bytes;

        return watch_reads(bus) < 0 || ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &n_bytes) < 0 ||
               n_bytes <= ROUND_BYTES;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec, (void) userdata;
        return 0;
}

/* Has on_event() run again at a time. */
static void wake_at(uint64_t usec)
{
        (void) sd_event_source_set_time(time_source, usec);
        (void) sd_event_source_set_enabled(time_source, SD_EVENT_ONESHOT);
}

/* Whether a turn may begin: the bus keeps up with memoryd, or memoryd has waited for it long enough. */
static bool bus_is_free(sd_bus *bus)
{
        uint64_t n_messages;

        if (sd_bus_get_n_queued_write(bus, &n_messages) < 0 || n_messages > 0)
                return false;
        if (now_usec() >= late_usec || bus_keeps_up(bus))
                return true;
        wake_at(late_usec);
        return false;
}

/* Whether there is time for a turn: the bus may have messages for as long as memoryd takes them after a turn. */
static bool is_time(sd_bus *bus)
{
        struct pollfd input = { .fd = sd_bus_get_fd(bus), .events = POLLIN };
        uint64_t now = now_usec();

        if (now < pause_until_usec) {
                wake_at(pause_until_usec);
                return false;
        }
        return now >= take_until_usec || poll(&input, 1, 0) == 0;
}

/* Whether the user whose turn it is may have an answer. If not, the users after this one come first. */
static bool may_have_answer(sd_bus *bus, uint32_t uid, Claim claim, sd_bus_message *message)
{
        const char *name = claim == CLAIM_REFUSAL ? sd_bus_message_get_destination(message) :
                                                    sd_bus_message_get_sender(message);
        int r = unread_may_answer(bus, uid, name ?: "");

        if (r == 0) {
                users_count(&users, uid, UNREAD_COUNT_USEC);
                unread_count(UNREAD_COUNT_USEC);
                pause_until_usec = now_usec() + UNREAD_PAUSE_USEC;
                wake_at(pause_until_usec);
        }
        return r > 0;
}

/*
 * Begins the next turn: sends the error that refuses a call, or has sd-bus read the call once more. turn_begin() then
 * lets the call go on to its handler.
 */
static void turn_take(sd_bus *bus)
{
        int r;

        turn.message = users_take(&users, &turn.uid, &turn.claim);
        if (turn.claim == CLAIM_CALL) {
                r = sd_bus_enqueue_for_read(bus, turn.message);
                if (r >= 0)
                        return;
                (void) sd_bus_reply_method_errno(turn.message, r, NULL);
        } else
                (void) sd_bus_send(bus, turn.message, NULL);
        turn.has_begun = true;
        turn.begin_usec = now_usec();
        turn_handled();
        /* Nothing may come of it, and so no event. */
        wake_at(late_usec);
}

/* Runs after each event. */
static int on_event(sd_event_source *source, void *userdata)
{
        sd_bus *bus = userdata;
        sd_bus_message *message;
        uint32_t uid;
        Claim claim;

        (void) source;
        if (turn.message && !turn.has_begun)
                return 0;
        if (turn.message && !turn.is_handled)
                turn_handled();
        if ((!turn.message && !users_peek(&users, &uid, &claim)) || !bus_is_free(bus))
                return 0;
        if (turn.message)
                turn_end();
        message = users_peek(&users, &uid, &claim);
        if (message && is_time(bus) && may_have_answer(bus, uid, claim, message))
                turn_take(bus);
        return 0;
}

int turns_attach(sd_bus *bus, sd_event *event)
{
        int r = sd_event_add_post(event, &turn_source, on_event, bus);

        /* Before all other events, so that a turn counts no time but its own. */
        if (r >= 0)
                r = sd_event_source_set_priority(turn_source, SD_EVENT_PRIORITY_IMPORTANT - 1);
        if (r >= 0)
                r = sd_event_add_time(event, &time_source, CLOCK_MONOTONIC, UINT64_MAX,
                                      ACCURACY_USEC, on_time, NULL);
        return r;
}

void turns_done(void)
{
        if (!turn_source)
                return;
        do {
                if (turn.message)
                        turn_end();
                turn.message = users_take(&users, &turn.uid, &turn.claim);
        } while (turn.message);
        unread_done();
        time_source = sd_event_source_disable_unref(time_source);
        read_source = sd_event_source_disable_unref(read_source);
        turn_source = sd_event_source_disable_unref(turn_source);
}

static int refuse(uint32_t uid, const char *what, const ShareLimits *limits, const char *unit,
                  sd_bus_error *error)
{
        return bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                              "%s: no more for user %u, expected at most %u%s of each user, and "
                              "%u%s of all together",
                              what, uid, limits->per_user, unit, limits->total, unit);
}

static int refuse_call(uint32_t uid, sd_bus_error *error)
{
        return refuse(uid, "Calls that wait", &claim_limits[CLAIM_CALL], "", error);
}

bool turn_may_add_call(uint32_t uid, sd_bus_error *error)
{
        if (users_may_add_call(&users, uid))
                return true;
        (void) refuse_call(uid, error);
        return false;
}

int turn_add_call(sd_bus_message *call, uint32_t uid, size_t size_bytes, sd_bus_error *error)
{
        int r = users_add(&users, uid, CLAIM_CALL, call, size_bytes);

        if (r == -EMSGSIZE)
                return refuse(uid, "Size of calls that wait", &waiting_size_limits, " KiB", error);
        if (r == -EDQUOT)
                return refuse_call(uid, error);
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot have the call wait");
        sd_bus_message_ref(call);
        return 1;
}

void turn_add_refusal(sd_bus_message *refusal, uint32_t uid)
{
        if (users_add(&users, uid, CLAIM_REFUSAL, refusal, 0) >= 0)
                sd_bus_message_ref(refusal);
}

bool turn_begin(const sd_bus_message *call)
{
        if (call != turn.message)
                return false;
        turn.has_begun = true;
        turn.begin_usec = now_usec();
        return true;
}

uint32_t turn_uid(const sd_bus_message *call)
{
        assert(call == turn.message && turn.has_begun);
        return turn.uid;
}

int turn_claim(uint32_t uid, Claim claim, const char *what, sd_bus_error *error)
{
        int r = users_claim(&users, uid, claim);

        if (r == -EDQUOT)
                return refuse(uid, what, &claim_limits[claim], "", error);
        return r < 0 ? bus_error_from_errno(error, r, "Cannot count the calls of a user") : 0;
}

void turn_release(uint32_t uid, Claim claim)
{
        users_release(&users, uid, claim);
}

void turn_count(uint32_t uid, uint64_t usec)
{
        users_count(&users, uid, usec);
}
