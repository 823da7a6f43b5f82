/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/machine.h"

/*
 * What only memoryd knows of a block, kept below /run for the next one: the class it was in when it
 * was last online, who onlined it, and when, or who took it offline, so that it stays so. A block that
 * was removed and added again since is another one, told by the inode of its folder.
 */

/* Whether there is something of the block to keep. */
bool remember_wants(const Block *block);

/* Writes the file below the folder. 0 or a negative errno. */
int remember_save(const char *folder, const Machine *machine);

/*
 * Reads it, and completes blocks of the machine that it is about. Returns 0, also when there is
 * none, -EBADMSG when it is of a later version or damaged, in which case nothing of it is taken, or
 * another negative errno.
 */
int remember_load(const char *folder, Machine *machine);

/* When to write it. */
typedef struct Keeper {
        const char *folder;
        bool is_due;         /* the file is out of date */
        bool failed;         /* it could not be written last time */
        uint64_t tried_usec; /* when that was; 0: never */
} Keeper;

/*
 * Writes the file if it is due, once a second at the most, and once a minute while it cannot be written; `at_end` in
 * any case. Returns when to be called again, USEC_INFINITY for no need.
 */
uint64_t keeper_run(Keeper *keeper, const Machine *machine, uint64_t now_usec, bool at_end);
