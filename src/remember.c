/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "remember.h"

#include "statefile.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_NAME "blocks"

/* The first line names the version: another memoryd's file is no use. The last one counts. */
#define HEADING "memoryd blocks 1\n"

/* A line has at most 80 characters, and a machine four million blocks. */
#define FILE_MAX (320U << 20)

bool remember_wants(const Block *block)
{
        return block->onliner != ONLINER_NONE ||
               (block->state == BLOCK_OFFLINE && block->last_class != ZONE_CLASS_NONE);
}

int remember_save(const char *folder, const Machine *machine)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, n = 0;
        FILE *stream = open_memstream(&text, &size);

        if (!stream)
                return -ENOMEM;
        fputs(HEADING, stream);
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];

                if (!remember_wants(block))
                        continue;
                fprintf(stream, "%" PRIu32 " %" PRIu64 " %s %s %" PRIu64 "\n", block->id,
                        block->inode, zone_class_to_string(block->last_class),
                        onliner_to_string(block->onliner), block->onlined_usec);
                n++;
        }
        fprintf(stream, "end %zu\n", n);
        if (fclose(stream) != 0)
                return -ENOMEM;
        return statefile_replace(folder, FILE_NAME, text, size);
}

/* One line of the file. */
typedef struct Memory {
        uint32_t id;
        uint64_t inode;
        ZoneClass last_class;
        Onliner onliner;
        uint64_t onlined_usec;
} Memory;

/* 0 or -EBADMSG. */
static int parse_memory(const char *line, Memory *ret)
{
        char zone_class[16], onliner[16];
        int end = -1;

        if (sscanf(line, "%" SCNu32 " %" SCNu64 " %15s %15s %" SCNu64 "%n", &ret->id, &ret->inode,
                   zone_class, onliner, &ret->onlined_usec, &end) != 5 ||
            end < 0 || line[end])
                return -EBADMSG;
        ret->last_class = zone_class_from_string(zone_class);
        ret->onliner = onliner_from_string(onliner);
        return ret->last_class < 0 || ret->onliner < 0 ? -EBADMSG : 0;
}

static void take_memory(Machine *machine, const Memory *memory)
{
        Block *block = machine_find_block(machine, memory->id);

        if (!block || block->inode != memory->inode)
                return;
        if (block->last_class == ZONE_CLASS_NONE)
                block->last_class = memory->last_class;
        if (block->state == BLOCK_OFFLINE)
                return;
        block->onliner = memory->onliner;
        block->onlined_usec = memory->onlined_usec;
}

/* Goes through the lines of the file, and takes them over if a machine is given. 0 or -EBADMSG. */
static int walk(char *text, Machine *machine)
{
        char *line = text + strlen(HEADING), last[32];
        size_t n = 0;

        if (strncmp(text, HEADING, strlen(HEADING)) != 0)
                return -EBADMSG;
        for (;;) {
                char *end = strchr(line, '\n');
                Memory memory;
                int r;

                if (!end)
                        return -EBADMSG;
                *end = 0;
                snprintf(last, sizeof(last), "end %zu", n);
                r = strcmp(line, last) == 0 ? 1 : parse_memory(line, &memory);
                *end = '\n';
                if (r != 0)
                        return r > 0 && !end[1] ? 0 : -EBADMSG;
                if (machine)
                        take_memory(machine, &memory);
                line = end + 1;
                n++;
        }
}

int remember_load(const char *folder, Machine *machine)
{
        _cleanup_free_ char *text = NULL;
        int r = statefile_read(folder, FILE_NAME, FILE_MAX, &text);

        if (r < 0)
                return r == -ENOENT ? 0 : r == -EFBIG ? -EBADMSG : r;
        /* All of it first: nothing is taken of what is damaged further on. */
        r = walk(text, NULL);
        return r < 0 ? r : walk(text, machine);
}
