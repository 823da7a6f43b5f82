/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "policy/verdict.h"

#include "policy/plan.h"

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
        case 0: /* accepted, and offline again by the time it was re-read */
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
