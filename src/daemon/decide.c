/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Applies decisions and the results of writes to the blocks. */

#include "daemon/decide.h"

#include "actuator/writer.h"
#include "daemon/journal.h"

void decider_record(const Decider *decider, const Block *block)
{
        (void) history_add(decider->history, decider->machine, decider->policy, block,
                           decider->realtime_usec);
}

void decider_conclude(const Decider *decider, const Block *block)
{
        decider_record(decider, block);
        counters_add_decision(decider->counters, decider->policy, block);
}

static Block *decider_take(const Decider *decider, const Planned *planned)
{
        Block *block = machine_find_block(decider->machine, planned->block);

        track_decide(block, &planned->decision);
        block->decided_usec = decider->realtime_usec;
        (void) changed_ids_add(decider->changed, block->id);
        return block;
}

static void decider_judge(const Decider *decider, const Plan *plan)
{
        const Block *first_foreign = NULL;
        Burst offloaded = {};
        unsigned n_foreign = 0;

        for (size_t i = 0; i < plan->n_planned; i++) {
                Block *block = decider_take(decider, &plan->planned[i]);

                track_judge(block);
                decider_conclude(decider, block);
                if (block->status == BLOCK_STATUS_FOREIGN && n_foreign++ == 0)
                        first_foreign = block;
                if (block->status == BLOCK_STATUS_EXTERNAL && block->onliner == ONLINER_KERNEL)
                        burst_add(&offloaded, block, decider->now_usec);
                block->added_usec = 0;
        }
        counters_add_burst(decider->counters, &offloaded);
        journal_onlined(&offloaded, decider->machine->block_size_bytes, true);
        if (first_foreign)
                journal_foreign(decider->policy, first_foreign, n_foreign);
}

static void decider_take_plan(const Decider *decider, const Plan *plan)
{
        for (size_t i = 0; i < plan->n_planned; i++) {
                Block *block = decider_take(decider, &plan->planned[i]);

                if (block->status == BLOCK_STATUS_LEFT) {
                        decider_conclude(decider, block);
                        block->added_usec = 0;
                }
                journal_decided(decider->policy, block);
        }
}

int decide(const Decider *decider, Plan *ret)
{
        _cleanup_(plan_done) Plan judged = {};
        int r;

        track_note_memoryless(decider->machine);
        track_stamp(decider->machine, decider->realtime_usec);
        r = plan_make(decider->machine, decider->policy, track_wants_judgement, decider->now_usec,
                      &judged);
        if (r < 0)
                return r;
        decider_judge(decider, &judged);

        r = plan_make(decider->machine, decider->policy, track_wants_plan, decider->now_usec, ret);
        if (r >= 0)
                decider_take_plan(decider, ret);
        return r;
}

static void note_outcome(const Decider *decider, Block *block, Outcome outcome, Burst *burst)
{
        if (outcome == OUTCOME_DONE) {
                burst_add(burst, block, decider->now_usec);
        } else if (outcome == OUTCOME_RACED) {
                journal_raced(decider->policy, block);
        } else if (outcome != OUTCOME_ALREADY && outcome != OUTCOME_GONE) {
                journal_failed(decider->policy, block, outcome, burst->n_failed == 0,
                               decider->now_usec);
                burst->n_failed++;
                counters_add_error(decider->counters, false, block->error);
        }
}

Outcome decider_on_reply(const Decider *decider, const ActuatorReply *reply, const Retry *retry,
                         Burst *burst)
{
        Block *block = machine_find_block(decider->machine, reply->request.block);
        Outcome outcome;

        if (!block || block->status != BLOCK_STATUS_WRITING)
                return _OUTCOME_INVALID;
        outcome = track_outcome(block, writer_reply_error(reply), (BlockState) reply->state,
                                &reply->zones, retry, decider->now_usec);
        (void) changed_ids_add(decider->changed, block->id);
        if (block->state == BLOCK_ONLINE)
                block->onlined_usec = decider->realtime_usec;
        if (outcome != OUTCOME_GONE && block->status != BLOCK_STATUS_RETRYING)
                decider_conclude(decider, block);
        note_outcome(decider, block, outcome, burst);
        if (block->status == BLOCK_STATUS_RETRYING)
                track_join_retries(decider->machine, block);
        return outcome;
}
