/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Writes one word to the state of all offline blocks of a node, in one of several orders and in one tight
 * loop: what an order costs the kernel, without anybody who thinks.
 *
 *   order NODE WORD ORDER COUNT
 *
 * Waits until the node has COUNT offline blocks. Prints the nanoseconds that the writes took, for
 * all of them and for each quarter.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS_MAX 8192

static unsigned blocks[BLOCKS_MAX], order[BLOCKS_MAX];

static unsigned long long now_nsec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (unsigned long long) now.tv_sec * 1000000000 + (unsigned long long) now.tv_nsec;
}

static int open_state(unsigned block, int flags)
{
        char path[64];

        snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%u/state", block);
        return open(path, flags | O_CLOEXEC);
}

static bool is_offline(unsigned block)
{
        char text[16] = "";
        int fd = open_state(block, O_RDONLY);

        if (fd < 0)
                return false;
        if (read(fd, text, sizeof(text) - 1) < 0)
                text[0] = 0;
        close(fd);
        return strcmp(text, "offline\n") == 0;
}

static int compare(const void *a, const void *b)
{
        unsigned x = *(const unsigned *) a, y = *(const unsigned *) b;

        return (x > y) - (x < y);
}

static unsigned list_offline(const char *node)
{
        char path[64];
        struct dirent *entry;
        unsigned n = 0, block;
        DIR *dir;

        snprintf(path, sizeof(path), "/sys/devices/system/node/node%s", node);
        dir = opendir(path);
        while (dir && (entry = readdir(dir)))
                if (sscanf(entry->d_name, "memory%u", &block) == 1 && n < BLOCKS_MAX &&
                    is_offline(block))
                        blocks[n++] = block;
        if (dir)
                closedir(dir);
        qsort(blocks, n, sizeof(blocks[0]), compare);
        return n;
}

/* Fills order[] with the places of the blocks. */
static bool make_order(const char *name, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                if (strcmp(name, "up") == 0)
                        order[i] = i;
                else if (strcmp(name, "down") == 0)
                        order[i] = n - 1 - i;
                else if (strcmp(name, "lowest-then-down") == 0)
                        order[i] = i == 0 ? 0 : n - i;
                else if (strcmp(name, "highest-then-up") == 0)
                        order[i] = i == 0 ? n - 1 : i - 1;
                else if (strcmp(name, "middle-out") == 0)
                        order[i] = i % 2 ? n / 2 - 1 - i / 2 : n / 2 + i / 2;
                else if (strcmp(name, "odd-then-even") == 0)
                        order[i] = i < n / 2 ? 2 * i + 1 : 2 * (i - n / 2);
                else
                        return false;
        }
        return true;
}

static void write_blocks(const char *word, unsigned n)
{
        unsigned long long start = now_nsec(), quarter = start, now = start;

        for (unsigned i = 0; i < n; i++) {
                int fd = open_state(blocks[order[i]], O_WRONLY);

                if (fd < 0 || write(fd, word, strlen(word)) < 0) {
                        fprintf(stderr, "order: memory%u: %s\n", blocks[order[i]], strerror(errno));
                        exit(EXIT_FAILURE);
                }
                close(fd);
                if (i % (n / 4) == n / 4 - 1) {
                        now = now_nsec();
                        printf("%llu ", now - quarter);
                        quarter = now;
                }
        }
        printf("%llu\n", now_nsec() - start);
}

int main(int argc, char *argv[])
{
        const struct timespec pause = { .tv_nsec = 20000000 };
        unsigned expected = argc == 5 ? (unsigned) strtoul(argv[4], NULL, 10) : 0;

        if (expected < 4 || expected % 4 != 0 || !make_order(argv[3], expected)) {
                fprintf(stderr, "usage: order NODE WORD ORDER COUNT\n");
                return 2;
        }
        while (list_offline(argv[1]) < expected)
                nanosleep(&pause, NULL);
        write_blocks(argv[2], expected);
        return EXIT_SUCCESS;
}
