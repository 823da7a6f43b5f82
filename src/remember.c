/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "remember.h"

#include "statefile.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_NAME "blocks"

/* The first line names the version: another memoryd's file is no use. The last one counts. */
#define HEADING "memoryd blocks 1\n"

/* One line of the file. */
typedef struct Memory {
        uint32_t id;
        uint64_t inode;
        ZoneClass last_class;
        Onliner onliner;
        uint64_t onlined_usec;
} Memory;

/* A line has at most 80 characters, and a machine four million blocks. */
#define FILE_MAX (320U << 20)

bool remember_wants(const Block *block)
{
        return block->onliner != ONLINER_NONE ||
               (block->state == BLOCK_OFFLINE && block->last_class != ZONE_CLASS_NONE);
}

#define LINE_TEXT_MAX 80

static const char *format_memory(const Memory *memory, char buffer[static LINE_TEXT_MAX])
{
        snprintf(buffer, LINE_TEXT_MAX, "%" PRIu32 " %" PRIu64 " %s %s %" PRIu64, memory->id,
                 memory->inode, zone_class_to_string(memory->last_class),
                 onliner_to_string(memory->onliner), memory->onlined_usec);
        return buffer;
}

int remember_save(const char *folder, const Machine *machine)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, n = 0;
        FILE *stream = open_memstream(&text, &size);
        bool failed;

        if (!stream)
                return -ENOMEM;
        fputs(HEADING, stream);
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                char line[LINE_TEXT_MAX];

                if (!remember_wants(block))
                        continue;
                fprintf(stream, "%s\n",
                        format_memory(&(Memory){ block->id, block->inode, block->last_class,
                                                 block->onliner, block->onlined_usec },
                                      line));
                n++;
        }
        fprintf(stream, "end %zu\n", n);
        failed = ferror(stream);
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        return statefile_replace(folder, FILE_NAME, text, size);
}

/* 0 or -EBADMSG. */
static int parse_memory(const char *line, Memory *ret)
{
        char zone_class[16], onliner[16], again[LINE_TEXT_MAX];

        if (sscanf(line, "%" SCNu32 " %" SCNu64 " %15s %15s %" SCNu64, &ret->id, &ret->inode,
                   zone_class, onliner, &ret->onlined_usec) != 5)
                return -EBADMSG;
        ret->last_class = zone_class_from_string(zone_class);
        ret->onliner = onliner_from_string(onliner);
        if (ret->last_class < 0 || ret->onliner < 0)
                return -EBADMSG;
        /* sscanf() takes signs, spaces and numbers that are too large. */
        return strcmp(format_memory(ret, again), line) == 0 ? 0 : -EBADMSG;
}

static void take_memory(Machine *machine, const Memory *memory)
{
        Block *block = machine_find_block(machine, memory->id);

        if (!block || block->inode != memory->inode)
                return;
        if (block->last_class == ZONE_CLASS_NONE)
                block->last_class = memory->last_class;
        /* In another class somebody has onlined it since. */
        if (block->state == BLOCK_OFFLINE || block->last_class != memory->last_class)
                return;
        block->onliner = memory->onliner;
        block->onlined_usec = memory->onlined_usec;
}

/* Goes through the lines of the file, and takes them over if a machine is given. 0 or -EBADMSG. */
static int walk(char *text, Machine *machine)
{
        char *line, last[32];
        size_t n = 0;

        if (strncmp(text, HEADING, strlen(HEADING)) != 0)
                return -EBADMSG;
        line = text + strlen(HEADING);
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
