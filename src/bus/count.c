/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* The method CountPages(), and counting before a choice of blocks: what pages are used for, block after block. */

#include "base/names.h"
#include "bus/object.h"
#include "bus/turn.h"
#include "policy/holds.h"

#include <stdio.h>
#include <time.h>

/* How long a call may take. A write to the state of a block, behind which a count waits, can take minutes. */
#define CALL_USEC (10 * USEC_PER_SEC)

/* After what time to try again while the actuator writes blocks of a plan. */
#define AGAIN_USEC (100 * USEC_PER_MSEC)

/* How long the choice of blocks may wait for counts. */
#define CHOICE_USEC (5 * USEC_PER_SEC)

typedef struct Count Count;

/* Answers the call with what was counted. */
typedef void (*CountFinish)(Count *count, Manager *manager);

/* A call that has pages counted. */
struct Count {
        Count *next;
        sd_bus_message *message; /* owned: the call */
        uint32_t uid;
        bool has_rests; /* see rest_until_usec */
        Manager *manager;
        CountFinish finish;
        BusCounted answer; /* for bus_count_for() */
        uint32_t *blocks;  /* owned: the numbers of the blocks to count */
        size_t n_blocks, n_asked;
        CountedBlock *counted; /* owned; room for all blocks */
        size_t n_counted;
        int error; /* of the last block that could not be counted */
        sd_event_source *timer;
        sd_bus_slot *left_slot;  /* tells when the caller leaves the bus */
        sd_bus_slot *there_slot; /* the question whether it had left before that */
};

/* The calls, in the order in which they have their next block counted. */
static Count *counts;

/* The call whose block is being counted. NULL if none is, or if that call has been answered. */
static Count *active;

/*
 * After each block that is counted for a user other than root, no other such block is counted for as long as that took:
 * by calls that all may make, such users keep the actuator busy half of the time at most. Jobs do not rest.
 */
static uint64_t rest_until_usec;

/* Whether that comes after the block that is being counted, also if its call has been answered. */
static bool is_rest_due;

/* Tries again after a while in which nothing could be counted. */
static sd_event_source *again_source;

/* Adds a call behind all that wait. */
static void append(Count *count)
{
        Count **end = &counts;

        while (*end)
                end = &(*end)->next;
        *end = count;
}

static void count_free(Count *count)
{
        Count **at = &counts;

        while (*at && *at != count)
                at = &(*at)->next;
        if (*at)
                *at = count->next;
        if (active == count)
                active = NULL;
        sd_event_source_disable_unref(count->timer);
        sd_bus_slot_unref(count->left_slot);
        sd_bus_slot_unref(count->there_slot);
        turn_release(count->uid, CLAIM_COUNT);
        sd_bus_message_unref(count->message);
        free(count->blocks);
        free(count->counted);
        free(count);
}

void bus_counts_done(void)
{
        while (counts)
                count_free(counts);
        again_source = sd_event_source_disable_unref(again_source);
}

static void count_end(Count *count)
{
        count->finish(count, count->manager);
        count_free(count);
}

static uint64_t now_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

static void counts_go_on(void);

static int on_again(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec, (void) userdata;
        again_source = sd_event_source_disable_unref(again_source);
        counts_go_on();
        return 0;
}

/* Goes on a little later. If memory is short, the calls end when their time is up. */
static void go_on_later(const Count *count, uint64_t usec)
{
        sd_event *event = sd_bus_get_event(sd_bus_message_get_bus(count->message));

        again_source = sd_event_source_disable_unref(again_source);
        /* Without an accuracy, sd-event may wait 250 ms longer. */
        (void) sd_event_add_time_relative(event, &again_source, CLOCK_MONOTONIC, usec,
                                          USEC_PER_MSEC, on_again, NULL);
}

/* Finds the link to the call that has waited longest and need not rest, or else the end of the list. */
static Count **find_next(uint64_t now)
{
        Count **at = &counts;

        while (*at && (*at)->has_rests && (*at)->n_asked < (*at)->n_blocks && now < rest_until_usec)
                at = &(*at)->next;
        return at;
}

/* Has the next block counted, of the call that has waited longest. */
static void counts_go_on(void)
{
        if (active)
                return;
        while (counts) {
                uint64_t now = now_usec();
                Count **at = find_next(now), *count = *at;
                int r;

                if (!count) {
                        go_on_later(counts, rest_until_usec - now);
                        return;
                }
                if (count->n_asked == count->n_blocks) {
                        count_end(count);
                        continue;
                }
                r = manager_count_pages(count->manager, count->blocks[count->n_asked]);
                /* A block is being counted whose call was answered without it. */
                if (r == -EBUSY)
                        return;
                if (r == -EAGAIN) {
                        go_on_later(count, AGAIN_USEC);
                        return;
                }
                if (r < 0) {
                        count->error = r;
                        count_end(count);
                        continue;
                }
                count->n_asked++;
                active = count;
                is_rest_due = count->has_rests;
                /* The next block is another call's. */
                *at = count->next;
                count->next = NULL;
                append(count);
                return;
        }
}

void bus_take_counted(const CountedBlock *counted)
{
        Count *count = active;

        if (is_rest_due)
                rest_until_usec = now_usec() + counted->usec;
        is_rest_due = false;
        active = NULL;
        if (count) {
                turn_count(count->uid, counted->usec);
                if (counted->error < 0)
                        count->error = counted->error;
                /* No block can be counted, of which the first has told. */
                if (counted->error == -EOPNOTSUPP || counted->error == -EACCES)
                        count->n_asked = count->n_blocks;
                if (counted->error == 0)
                        count->counted[count->n_counted++] = *counted;
                if (count->n_asked == count->n_blocks)
                        count_end(count);
        }
        counts_go_on();
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec;
        count_end(userdata);
        counts_go_on();
        return 0;
}

/* The caller has left: nobody waits for the answer, and nothing is to be done for it. */
static int on_left(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        (void) signal, (void) error;
        count_free(userdata);
        return 0;
}

/* Without this, sd-bus would end the connection if the bus takes no more matches. */
static int on_matched(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        (void) reply, (void) userdata, (void) error;
        return 0;
}

static int on_there(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        int is_there = true;

        (void) error;
        if (sd_bus_message_is_method_error(reply, NULL) <= 0 &&
            sd_bus_message_read(reply, "b", &is_there) > 0 && !is_there)
                count_free(userdata);
        return 0;
}

/*
 * Ends the count when its caller leaves the bus, so that a call that was interrupted makes no job. The caller may have
 * left by now, so the bus is asked once as well. Does not wait for the bus, as sd_bus_track_add_name() does.
 */
static int count_watch_caller(Count *count)
{
        sd_bus *bus = sd_bus_message_get_bus(count->message);
        const char *caller = sd_bus_message_get_sender(count->message) ?: "";
        char match[512];
        int r;

        snprintf(match, sizeof(match),
                 "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                 "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                 caller);
        r = sd_bus_add_match_async(bus, &count->left_slot, match, on_left, on_matched, count);
        return r < 0 ? r :
                       sd_bus_call_method_async(bus, &count->there_slot, "org.freedesktop.DBus",
                                                "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                "NameHasOwner", on_there, count, "s", caller);
}

/* Whether every user may make this call as often as it likes: it makes no job, for which a user needs a grant. */
static bool is_for_all(sd_bus_message *message)
{
        return sd_bus_message_is_method_call(message, NULL, "CountPages") > 0 ||
               sd_bus_message_is_method_call(message, NULL, "Preview") > 0;
}

/* Takes over the numbers of the blocks. Returns what a handler returns. */
static int count_start(sd_bus_message *message, uint32_t uid, Manager *manager, uint32_t **blocks,
                       size_t n_blocks, uint64_t usec, CountFinish finish, BusCounted answer,
                       sd_bus_error *error)
{
        sd_event *event = sd_bus_get_event(sd_bus_message_get_bus(message));
        Count *count;
        int r = turn_claim(uid, CLAIM_COUNT, "Counts of pages", error);

        if (r < 0)
                return r;
        count = calloc(1, sizeof(*count));
        if (!count) {
                turn_release(uid, CLAIM_COUNT);
                return bus_error_from_errno(error, -ENOMEM, "Cannot count pages");
        }
        *count = (Count){
                .message = sd_bus_message_ref(message),
                .uid = uid,
                .has_rests = uid != 0 && is_for_all(message),
                .manager = manager,
                .finish = finish,
                .answer = answer,
                .blocks = TAKE_PTR(*blocks),
                .n_blocks = n_blocks,
                .counted = calloc(n_blocks + 1, sizeof(CountedBlock)),
        };
        r = count->counted ? sd_event_add_time_relative(event, &count->timer, CLOCK_MONOTONIC, usec,
                                                        0, on_time, count) :
                             -ENOMEM;
        if (r >= 0)
                r = count_watch_caller(count);
        if (r < 0) {
                count_free(count);
                return bus_error_from_errno(error, r, "Cannot count pages");
        }
        append(count);
        counts_go_on();
        return 1;
}

static void finish_choice(Count *count, Manager *manager)
{
        count->answer(count->message, count->uid, manager, count->counted, count->n_counted);
}

int bus_count_for(sd_bus_message *message, uint32_t uid, Manager *manager, uint32_t **blocks,
                  size_t n_blocks, BusCounted answer)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        return count_start(message, uid, manager, blocks, n_blocks, CHOICE_USEC, finish_choice,
                           answer, &error);
}

/* CountPages() */

static int append_pages(sd_bus_message *reply, const char *kind, uint64_t page_bytes,
                        uint64_t bytes)
{
        return bytes == 0 ? 0 : sd_bus_message_append(reply, "(stt)", kind, page_bytes, bytes);
}

static int append_counted(sd_bus_message *reply, const void *list, size_t i)
{
        const CountedBlock *counted = (const CountedBlock *) list + i;
        const PageCounts *pages = &counted->pages;
        uint64_t page_bytes = pages->page_size_bytes;
        int r = sd_bus_message_open_container(reply, 'r', "ua(stt)");

        if (r >= 0)
                r = sd_bus_message_append(reply, "u", counted->block);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(stt)");
        for (size_t kind = 0; r >= 0 && kind < _PAGE_KIND_MAX; kind++)
                if (kind != PAGE_HUGE)
                        r = append_pages(reply, page_kind_to_string((PageKind) kind), page_bytes,
                                         pages->n[kind] * page_bytes);
        for (size_t k = 0; r >= 0 && k < HUGE_SIZES_MAX; k++)
                r = append_pages(reply, page_kind_to_string(PAGE_HUGE), pages->huge[k].size_bytes,
                                 pages->huge[k].n_pages * page_bytes);
        if (r >= 0)
                r = append_pages(reply, "locked", page_bytes, pages->n_locked * page_bytes);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int bus_append_advice(sd_bus_message *message, const PageCounts *pages)
{
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (size_t i = 0; r >= 0 && i < _ADVICE_MAX; i++)
                if (advice_is_for((Advice) i, pages))
                        r = sd_bus_message_append(message, "s", advice_text((Advice) i));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int reply_counted(const Count *count)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *text = NULL;
        PageCounts sum = {};
        int r = sd_bus_message_new_method_return(count->message, &reply);

        for (size_t i = 0; i < count->n_counted; i++)
                page_counts_add(&sum, &count->counted[i].pages);
        if (r >= 0)
                r = bus_append_array(reply, BUS_PAGES_SIGNATURE, append_counted, count->counted,
                                     count->n_counted);
        if (r >= 0 && count->n_counted > 0)
                r = holds_format(&sum, &text);
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", text ?: "");
        if (r >= 0)
                r = bus_append_advice(reply, &sum);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void finish_call(Count *count, Manager *manager)
{
        int r = count->n_counted > 0 || count->n_blocks == 0 ? reply_counted(count) : count->error;

        (void) manager;
        if (r == -EOPNOTSUPP || r == -EACCES)
                r = sd_bus_reply_method_errorf(count->message, SD_BUS_ERROR_NOT_SUPPORTED,
                                               "memoryd cannot read /proc/kpageflags: %s",
                                               strerror(-r));
        else if (r == -ENODATA || r == -ENOENT)
                r = reply_counted(count);
        else if (count->n_counted == 0 && count->n_blocks > 0 && r == 0)
                r = sd_bus_reply_method_errorf(
                        count->message, SD_BUS_ERROR_TIMEOUT,
                        "The pages could not be counted within %d s, because the "
                        "state of a block is being written: try again later",
                        (int) (CALL_USEC / USEC_PER_SEC));
        if (r < 0)
                (void) sd_bus_reply_method_errnof(count->message, r, "Cannot count pages: %s",
                                                  strerror(-r));
}

/* Lists the blocks of a range that are online. */
static int list_online(const Machine *machine, uint32_t first, uint32_t last, uint32_t **ret,
                       size_t *ret_n)
{
        uint32_t *blocks = calloc(BUS_COUNT_MAX, sizeof(*blocks));
        size_t n = 0;

        if (!blocks)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_blocks && n < BUS_COUNT_MAX; i++) {
                const Block *block = &machine->blocks[i];

                if (block->id >= first && block->id <= last && block->state != BLOCK_OFFLINE)
                        blocks[n++] = block->id;
        }
        *ret = blocks;
        *ret_n = n;
        return 0;
}

int bus_method_count_pages(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
        const Machine *machine = manager_view(userdata).machine;
        _cleanup_free_ uint32_t *blocks = NULL;
        uint32_t first, last;
        size_t n;
        int r = sd_bus_message_read(message, "uu", &first, &last);

        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot read the call");
        if (first > last)
                return bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                      "Blocks %u-%u: expected the lower number first", first, last);
        if (first == last && !machine_find_block(machine, first))
                return bus_error_setf(error, BUS_ERROR_NO_SUCH_BLOCK, "there is no memory%u",
                                      first);
        r = list_online(machine, first, last, &blocks, &n);
        if (r < 0)
                return bus_error_from_errno(error, r, "Cannot count pages");
        return count_start(message, turn_uid(message), userdata, &blocks, n, CALL_USEC, finish_call,
                           NULL, error);
}
