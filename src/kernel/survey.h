/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "kernel/sysfs.h"
#include "model/changed-ids.h"
#include "policy/track.h"

/*
 * Brings the machine up to date with sysfs: which blocks there are, what they read as, which nodes
 * and zones. What makes no sense is logged once, with the attribute's name, and the rest still
 * read.
 */

/*
 * Lists the blocks: adds those that are new, as stale, and removes those that are gone. One whose
 * folder is another than before was removed and came back, and is new as well. Returns how many are
 * new, or a negative errno.
 */
int survey_list(const Sysfs *sysfs, Machine *machine, ChangedIds *changed);

/* What a reading left to do. */
typedef struct SurveyLeft {
        bool gone;  /* a block turned out to be gone: it stays until the next listing */
        bool again; /* a block could not be read now: it stays stale; or it is going offline, and
                       there is no event if that fails */
} SurveyLeft;

/*
 * Reads up to `limit` blocks that are stale. Returns how many, 0 when none was left, or -ENOMEM; adds
 * to *ret_left. One that could not be read yet, since its folder is not complete, stays
 * BLOCK_STATUS_WAITING.
 */
int survey_read(const Sysfs *sysfs, Machine *machine, const TrackMode *mode, size_t limit,
                ChangedIds *changed, SurveyLeft *ret_left);

/*
 * Reads the nodes and, when other ones are there than before, their distances. Returns 1 when nodes
 * came or went, 0 when not, or a negative errno.
 */
int survey_nodes(const Sysfs *sysfs, Machine *machine);

/* Reads the zones. 0 or a negative errno: the ones from before are kept then. */
int survey_zones(const Sysfs *sysfs, Machine *machine);
