/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the class that a verdict leads to, and the outcome of a write. */

#include "policy/verdict.h"

bool verdict_accepts(Verdict verdict, ZoneClass zone_class)
{
        return (verdict != VERDICT_KERNEL || zone_class == ZONE_CLASS_KERNEL) &&
               (verdict != VERDICT_MOVABLE || zone_class == ZONE_CLASS_MOVABLE);
}

ZoneClass verdict_class(Verdict verdict, const Block *block)
{
        /* The kernel names its default first. If it is not known, it counts as kernel. */
        if (verdict == VERDICT_KERNEL_DEFAULT && block->zones.n_zones > 0)
                return zone_type_to_class(block->zones.zones[0]);
        if (verdict == VERDICT_KERNEL || verdict == VERDICT_KERNEL_DEFAULT)
                return ZONE_CLASS_KERNEL;
        return verdict == VERDICT_MOVABLE ? ZONE_CLASS_MOVABLE : ZONE_CLASS_NONE;
}

ZoneClass plan_class(const Block *block)
{
        ZoneClass zone_class = block_class(block);

        if (block->status == BLOCK_STATUS_WRITING)
                return verdict_class(block->decision.verdict, block);
        if (block->status == BLOCK_STATUS_OFFLINING && zone_class == ZONE_CLASS_KERNEL)
                return ZONE_CLASS_NONE;
        return zone_class;
}

static const char *const outcome_table[_OUTCOME_MAX] = {
        [OUTCOME_DONE] = "done",       [OUTCOME_ALREADY] = "already", [OUTCOME_RACED] = "raced",
        [OUTCOME_REFUSED] = "refused", [OUTCOME_BUSY] = "busy",       [OUTCOME_GONE] = "gone",
};

DEFINE_STRING_TABLE(outcome, Outcome)

static Outcome outcome_of_error(int error)
{
        switch (error) {
        case -ENOENT:
        case -ENODEV:
        case -ENXIO:
                return OUTCOME_GONE;
        case -EAGAIN:
        case -EBUSY:
        case -EINTR:
        case -ENOMEM:
        case -ETIMEDOUT:
        case 0: /* accepted, but offline again by the time it was read */
                return OUTCOME_BUSY;
        default:
                return OUTCOME_REFUSED;
        }
}

Outcome outcome_of(Verdict wanted, int error, BlockState state, const ZoneList *zones)
{
        const Block block = { .state = state, .zones = *zones };

        if (state != BLOCK_ONLINE)
                return outcome_of_error(error);
        if (!verdict_accepts(wanted, block_class(&block)))
                return OUTCOME_RACED;
        return error < 0 ? OUTCOME_ALREADY : OUTCOME_DONE;
}
