/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How long memoryd takes to answer:
 *
 *   latency SECONDS
 *
 * reads a property over and over for that long, on one connection, and asks the bus itself for
 * something after each read. Prints for memoryd and for the bus, a line each, how many answers there
 * were, and in milliseconds the median, the 99th percentile and the longest. The bus is there to compare
 * with: where it was slow to answer too it was the machine that had no time.
 */

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

int main(int argc, char *argv[])
{
        static unsigned long long memoryd[ANSWERS_MAX], other[ANSWERS_MAX];
        unsigned long seconds = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
        unsigned long long start, now, end = now_nsec() + seconds * 1000000000ULL;
        sd_bus *bus = NULL;
        size_t n = 0;
        int r;

        if (seconds == 0) {
                fprintf(stderr, "usage: latency SECONDS\n");
                return 2;
        }
        r = sd_bus_open_system(&bus);
        if (r < 0)
                die("cannot reach the bus", r);
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
        return EXIT_SUCCESS;
}
