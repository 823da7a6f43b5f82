/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * How long memoryd takes to answer:
 *
 *   latency SECONDS [MSEC]
 *
 * reads a property over and over for that long, on one connection, and asks the bus itself for
 * something after each read. Prints for memoryd and for the bus, a line each, how many answers there
 * were, and in milliseconds the median, the 99th percentile and the longest. The bus is there to compare
 * with: where it was slow to answer too it was the machine that had no time.
 *
 * With MSEC, it reads once in so many milliseconds, if the answer before is there, and does the same to logind, over
 * a connection each. logind is there to compare with in place of the bus: another service on the same bus.
 */

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define ANSWERS_MAX 1000000

static unsigned long long now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (unsigned long long) now.tv_sec * 1000000000 + (unsigned long long) now.tv_nsec;
}

static void die(const char *what, int error)
{
        fprintf(stderr, "latency: %s: %s\n", what, strerror(-error));
        exit(EXIT_FAILURE);
}

static void read_property(sd_bus *bus)
{
        uint64_t bytes;
        int r = sd_bus_get_property_trivial(bus, "org.memoryd1", "/org/memoryd1",
                                            "org.memoryd1.Manager", "OnlineBytes", NULL, 't',
                                            &bytes);

        if (r < 0)
                die("memoryd", r);
}

static void ask_bus(sd_bus *bus)
{
        int r = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                   "org.freedesktop.DBus", "GetId", NULL, NULL, NULL);

        if (r < 0)
                die("the bus", r);
}

static int compare(const void *a, const void *b)
{
        unsigned long long x = *(const unsigned long long *) a, y = *(const unsigned long long *) b;

        return (x > y) - (x < y);
}

static void print_times(const char *who, unsigned long long *nsec, size_t n)
{
        qsort(nsec, n, sizeof(*nsec), compare);
        printf("%s %zu %.2f %.2f %.2f\n", who, n, (double) nsec[n / 2] / 1e6,
               (double) nsec[n - 1 - n / 100] / 1e6, (double) nsec[n - 1] / 1e6);
}

static sd_bus *open_bus(void)
{
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r < 0)
                die("cannot reach the bus", r);
        return bus;
}

static void ask_both_in_turn(unsigned long long end)
{
        static unsigned long long memoryd[ANSWERS_MAX], other[ANSWERS_MAX];
        unsigned long long start, now;
        sd_bus *bus = open_bus();
        size_t n = 0;

        for (now = now_nsec(); now < end && n < ANSWERS_MAX; n++) {
                start = now;
                read_property(bus);
                now = now_nsec();
                memoryd[n] = now - start;
                start = now;
                ask_bus(bus);
                now = now_nsec();
                other[n] = now - start;
        }
        print_times("memoryd", memoryd, n);
        print_times("bus", other, n);
        sd_bus_unref(bus);
}

/* memoryd or logind, with all that it was asked. */
typedef struct Asked {
        const char *who;
        sd_bus *bus;
        unsigned long long nsec[ANSWERS_MAX];
        size_t n;
        unsigned long long start; /* of the call that waits for its answer, or 0 */
} Asked;

static int on_answer(sd_bus_message *answer, void *userdata, sd_bus_error *error)
{
        Asked *asked = userdata;

        (void) error;
        if (sd_bus_message_is_method_error(answer, NULL)) {
                fprintf(stderr, "latency: %s: %s\n", asked->who,
                        sd_bus_message_get_error(answer)->message);
                exit(EXIT_FAILURE);
        }
        asked->nsec[asked->n++] = now_nsec() - asked->start;
        asked->start = 0;
        return 1;
}

/* Asks, unless the answer before is still to come. */
static void ask(Asked *asked, const char *name, const char *path, const char *interface,
                const char *member, const char *types, const char *first, const char *second)
{
        int r;

        if (asked->start > 0 || asked->n >= ANSWERS_MAX)
                return;
        asked->start = now_nsec();
        r = sd_bus_call_method_async(asked->bus, NULL, name, path, interface, member, on_answer,
                                     asked, types, first, second);
        if (r < 0)
                die(asked->who, r);
}

/* Handles what has come, and waits until a time at most. */
static void wait_for_answers(Asked *both, unsigned long long until)
{
        for (;;) {
                struct pollfd fds[2];
                struct timespec left;
                unsigned long long now;

                for (size_t i = 0; i < 2; i++) {
                        int r;

                        while ((r = sd_bus_process(both[i].bus, NULL)) > 0)
                                ;
                        if (r < 0)
                                die(both[i].who, r);
                        fds[i] = (struct pollfd){ sd_bus_get_fd(both[i].bus),
                                                  (short) sd_bus_get_events(both[i].bus), 0 };
                }
                now = now_nsec();
                if (now >= until)
                        return;
                left = (struct timespec){ (time_t) ((until - now) / 1000000000),
                                          (long) ((until - now) % 1000000000) };
                (void) ppoll(fds, 2, &left, NULL);
        }
}

static void ask_both_at_once(unsigned long long end, unsigned long msec)
{
        static Asked both[2] = { { .who = "memoryd" }, { .who = "logind" } };
        const unsigned long long step = msec * 1000000ULL;

        for (size_t i = 0; i < 2; i++)
                both[i].bus = open_bus();
        while (now_nsec() < end) {
                const unsigned long long next = now_nsec() + step;

                ask(&both[0], "org.memoryd1", "/org/memoryd1", "org.freedesktop.DBus.Properties",
                    "Get", "ss", "org.memoryd1.Manager", "OnlineBytes");
                ask(&both[1], "org.freedesktop.login1", "/org/freedesktop/login1",
                    "org.freedesktop.DBus.Peer", "Ping", NULL, NULL, NULL);
                wait_for_answers(both, next);
        }
        while (both[0].start > 0 || both[1].start > 0)
                wait_for_answers(both, now_nsec() + step);
        for (size_t i = 0; i < 2; i++) {
                print_times(both[i].who, both[i].nsec, both[i].n);
                sd_bus_unref(both[i].bus);
        }
}

int main(int argc, char *argv[])
{
        unsigned long seconds = argc == 2 || argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
        unsigned long long end = now_nsec() + seconds * 1000000000ULL;

        if (seconds == 0) {
                fprintf(stderr, "usage: latency SECONDS [MSEC]\n");
                return 2;
        }
        if (argc == 3)
                ask_both_at_once(end, strtoul(argv[2], NULL, 10));
        else
                ask_both_in_turn(end);
        return EXIT_SUCCESS;
}
