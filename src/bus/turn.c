/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Gives users their turns. */

#include "bus/turn.h"

#include "bus/object.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>

/* How long memoryd goes on taking messages from the bus after a turn: in multiples of the turn's time, and at most. */
#define TAKE_FACTOR 3
#define TAKE_MAX_USEC (50 * USEC_PER_MSEC)

/* What a turn counts besides the time of its handler: about the time in which the bus takes and passes on a message. */
#define TURN_USEC 500

typedef struct Turn {
        sd_bus_message *message; /* owned: a call, or the error that refuses one */
        uint32_t uid;
        Claim claim;
        bool has_begun;
        uint64_t begin_usec;
} Turn;

static Users users;
static Turn turn;
static uint64_t next_turn_usec; /* until then, a turn begins only if the bus has no message */
static sd_event_source *turn_source;
static sd_event_source *read_source; /* wakes memoryd when the bus takes what memoryd has sent */

static uint64_t now_usec(void)
{
        uint64_t usec = 0;

        (void) sd_event_now(sd_event_source_get_event(turn_source), CLOCK_MONOTONIC, &usec);
        return usec;
}

static void turn_end(void)
{
        uint64_t end_usec = now_usec();
        uint64_t used_usec = turn.has_begun ? end_usec - turn.begin_usec : 0;

        users_end_turn(&users, turn.uid, turn.claim, used_usec + TURN_USEC);
        sd_bus_message_unref(turn.message);
        turn = (Turn){};
        next_turn_usec = end_usec + MIN(TAKE_FACTOR * used_usec, TAKE_MAX_USEC);
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
 * Whether the bus has taken all of memoryd's messages. If that cannot be found out, it has. While the kernel says that
 * the last message was taken, it still counts one byte of it (sock_wfree() of Linux 6.1 and later).
 */
static bool bus_has_read_all(sd_bus *bus)
{
        uint64_t n_messages;
        int n_bytes;

        if (sd_bus_get_n_queued_write(bus, &n_messages) < 0 || n_messages > 0)
                return false;
        return watch_reads(bus) < 0 || ioctl(sd_bus_get_fd(bus), SIOCOUTQ, &n_bytes) < 0 ||
               n_bytes <= 1;
}

/* The bus may have messages for as long as memoryd takes them after a turn. */
static bool turn_may_begin(sd_bus *bus)
{
        struct pollfd input = { .fd = sd_bus_get_fd(bus), .events = POLLIN };

        return bus_has_read_all(bus) && (now_usec() >= next_turn_usec || poll(&input, 1, 0) == 0);
}

/* A call goes on to its handler when it is read once more, see turn_begin(). */
static int turn_go(sd_bus *bus)
{
        int r;

        if (turn.claim == CLAIM_REFUSAL)
                (void) sd_bus_send(bus, turn.message, NULL);
        else {
                r = sd_bus_enqueue_for_read(bus, turn.message);
                if (r >= 0)
                        return 0;
                (void) sd_bus_reply_method_errno(turn.message, r, NULL);
        }
        turn_end();
        return 0;
}

/* Runs after each event. */
static int on_event(sd_event_source *source, void *userdata)
{
        sd_bus *bus = userdata;

        (void) source;
        if (turn.message && !turn.has_begun)
                return 0;
        if (turn.message)
                turn_end();
        if (!turn_may_begin(bus))
                return 0;
        turn.message = users_take(&users, &turn.uid, &turn.claim);
        return turn.message ? turn_go(bus) : 0;
}

int turns_attach(sd_bus *bus, sd_event *event)
{
        int r = sd_event_add_post(event, &turn_source, on_event, bus);

        /* Before all other events, so that a turn counts no time but its own. */
        return r < 0 ? r :
                       sd_event_source_set_priority(turn_source, SD_EVENT_PRIORITY_IMPORTANT - 1);
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
        return users_may_add_call(&users, uid) || (refuse_call(uid, error), false);
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
