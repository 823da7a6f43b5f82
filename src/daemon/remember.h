/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/machine.h"

/*
 * The state of blocks that only memoryd knows, kept below /run for the next memoryd: the class a block had
 * when it was last online, who onlined it and when, and who took it offline, so that it stays offline. If a
 * block was removed and added again since, its folder has another inode, and the saved state is not used.
 */

/* Whether the block has such state. */
bool remember_wants(const Block *block);

/* Saves the state of the machine's blocks in a file below the folder. Returns 0 or a negative errno. */
int remember_save(const char *folder, const Machine *machine);

/*
 * Reads the file, and adds the saved state to the blocks of the machine. Returns 0, also if there is no file;
 * -EBADMSG if the file is damaged or of a later version, in which case nothing of it is used; or another
 * negative errno.
 */
int remember_load(const char *folder, Machine *machine);

/* When to write the file. */
typedef struct Keeper {
        const char *folder;
        bool is_due;         /* the file is out of date */
        bool failed;         /* the last attempt to write it failed */
        uint64_t tried_usec; /* when that attempt was; 0: never */
} Keeper;

/*
 * Writes the file if it is out of date: at most once a second, and once a minute while it cannot be written.
 * With `at_end`, does not wait. Returns the time of the next call, or USEC_INFINITY if none is needed.
 */
uint64_t keeper_run(Keeper *keeper, const Machine *machine, uint64_t now_usec, bool at_end);
