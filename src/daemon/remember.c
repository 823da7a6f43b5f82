/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Keeps the state of blocks that only memoryd knows, in a file below /run. */

#include "daemon/remember.h"

#include "base/log.h"
#include "base/statefile.h"
#include "policy/track.h"

#include <inttypes.h>
#include <stdio.h>

#define FILE_NAME "blocks"

/* Saving 65,536 blocks takes 20 ms: do it at most once a second. */
#define SAVE_USEC USEC_PER_SEC
#define SAVE_AGAIN_USEC (60 * USEC_PER_SEC)

/*
 * The first line names the version of the format: a file of a later version is not read. The last line has
 * the number of blocks. Version 1 does not tell who took a block offline.
 */
#define HEADING "memoryd blocks 2\n"
#define HEADING_1 "memoryd blocks 1\n"

/* Enough for four million blocks, at no more than 80 characters per line. */
#define FILE_MAX (320U << 20)

bool remember_wants(const Block *block)
{
        return block->onliner != ONLINER_NONE || block->status == BLOCK_STATUS_OFFLINED ||
               (block->state == BLOCK_OFFLINE && block->last_class != ZONE_CLASS_NONE);
}

#define LINE_TEXT_MAX 80

/* Formats a line: what is remembered of a block. Returns the buffer. */
static const char *format_block(const Block *block, char buffer[static LINE_TEXT_MAX])
{
        Onliner offliner = block->offliner != ONLINER_NONE ? block->offliner : ONLINER_OTHER;

        if (block->status != BLOCK_STATUS_OFFLINED)
                offliner = ONLINER_NONE;
        snprintf(buffer, LINE_TEXT_MAX, "%" PRIu32 " %" PRIu64 " %s %s %" PRIu64 " %s", block->id,
                 block->inode, zone_class_to_string(block->last_class),
                 onliner_to_string(block->onliner), block->onlined_usec,
                 onliner_to_string(offliner));
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
                fprintf(stream, "%s\n", format_block(block, line));
                n++;
        }
        fprintf(stream, "end %zu\n", n);
        failed = ferror(stream);
        if (fclose(stream) != 0 || failed)
                return -ENOMEM;
        return statefile_replace(folder, FILE_NAME, text, size);
}

/* Parses a line into those members of a block that are remembered. Returns 0 or -EBADMSG. */
static int parse_block(const char *line, Block *ret)
{
        char zone_class[16], onliner[16], offliner[16], again[LINE_TEXT_MAX];
        Block block = {};
        int n = sscanf(line, "%" SCNu32 " %" SCNu64 " %15s %15s %" SCNu64 " %15s", &block.id,
                       &block.inode, zone_class, onliner, &block.onlined_usec, offliner);

        if (n != 6)
                return -EBADMSG;
        block.last_class = zone_class_from_string(zone_class);
        block.onliner = onliner_from_string(onliner);
        block.offliner = onliner_from_string(offliner);
        if (block.last_class < 0 || block.onliner < 0 || block.offliner < 0)
                return -EBADMSG;
        if (block.offliner != ONLINER_NONE)
                block.status = BLOCK_STATUS_OFFLINED;
        *ret = block;
        /* sscanf() accepts signs, extra spaces, and numbers that are too large. */
        return strcmp(format_block(&block, again), line) == 0 ? 0 : -EBADMSG;
}

static void take_block(Machine *machine, const Block *saved)
{
        Block *block = machine_find_block(machine, saved->id);

        if (!block || block->inode != saved->inode)
                return;
        if (block->last_class == ZONE_CLASS_NONE)
                block->last_class = saved->last_class;
        if (block->state == BLOCK_OFFLINE && saved->status == BLOCK_STATUS_OFFLINED)
                track_offlined_by(block, saved->offliner);
        /* If the class differs, another process has onlined the block since. */
        if (block->state == BLOCK_OFFLINE || block->last_class != saved->last_class)
                return;
        block->onliner = saved->onliner;
        block->onlined_usec = saved->onlined_usec;
}

/* Parses the lines of the file, and applies them to the machine unless it is NULL. Returns 0 or -EBADMSG. */
static int parse_blocks(char *text, Machine *machine)
{
        /* Both headings have the same length. */
        bool is_first = strncmp(text, HEADING_1, strlen(HEADING_1)) == 0;
        char *line, last[32], full[LINE_TEXT_MAX];
        size_t n = 0;

        if (!is_first && strncmp(text, HEADING, strlen(HEADING)) != 0)
                return -EBADMSG;
        line = text + strlen(HEADING);
        for (;;) {
                char *end = strchr(line, '\n');
                Block saved;
                int r;

                if (!end)
                        return -EBADMSG;
                *end = 0;
                snprintf(last, sizeof(last), "end %zu", n);
                snprintf(full, sizeof(full), "%s%s", line, is_first ? " none" : "");
                r = strcmp(line, last) == 0 ? 1 : parse_block(full, &saved);
                *end = '\n';
                if (r != 0)
                        return r > 0 && !end[1] ? 0 : -EBADMSG;
                if (machine)
                        take_block(machine, &saved);
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
        /* Check the whole file first, so that nothing is taken from a damaged one. */
        r = parse_blocks(text, NULL);
        return r < 0 ? r : parse_blocks(text, machine);
}

uint64_t keeper_run(Keeper *keeper, const Machine *machine, uint64_t now_usec, bool at_end)
{
        uint64_t due_usec = keeper->tried_usec + (keeper->failed ? SAVE_AGAIN_USEC : SAVE_USEC);
        int r;

        if (!keeper->is_due)
                return USEC_INFINITY;
        if (now_usec < due_usec && !at_end)
                return due_usec;
        keeper->tried_usec = now_usec;
        r = remember_save(keeper->folder, machine);
        if (r < 0 && !keeper->failed)
                log_warning("Cannot keep what blocks were below %s: %s, trying again every minute",
                            keeper->folder, strerror(-r));
        keeper->failed = keeper->is_due = r < 0;
        return keeper->is_due ? now_usec + SAVE_AGAIN_USEC : USEC_INFINITY;
}
