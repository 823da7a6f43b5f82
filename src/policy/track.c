/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Tracks a block as it is read, decided, written, tried again and judged. */

#include "policy/track.h"

static void remember_class(Block *block)
{
        if (block->state == BLOCK_ONLINE)
                block->last_class = block_class(block);
}

/* Forgets the failed writes of a block. */
static void clear_failures(Block *block)
{
        block->attempts = 0;
        block->error = 0;
        block->retry_at_usec = USEC_INFINITY;
}

/* Has the policy decide on a block: at once, or when its node is known. */
static void make_pending(Block *block)
{
        block->status = block->node == NODE_NONE ? BLOCK_STATUS_WAITING : BLOCK_STATUS_PENDING;
        block->retry_at_usec = USEC_INFINITY;
        block->given_up = false;
}

/*
 * Notes whether the kernel is about to online a block. The kernel first sends the event of the block, then
 * gives the block its node, and then onlines it. Whether it onlines the block depends on the node.
 */
static void expect_kernel(Block *block, const TrackMode *mode)
{
        block->kernel_due = mode->kernel_onlines && block->status == BLOCK_STATUS_PENDING &&
                            block->state == BLOCK_OFFLINE && block->last_class == ZONE_CLASS_NONE;
}

void track_new(Block *block, const TrackMode *mode)
{
        remember_class(block);
        make_pending(block);
        block->changed_usec = mode->now_usec;
        block->found_offline = mode->at_start && block->state == BLOCK_OFFLINE;
        if (mode->at_start && block->state != BLOCK_OFFLINE)
                block->status = BLOCK_STATUS_INITIAL;
        else if (mode->at_start && mode->leave_offline)
                block->status = BLOCK_STATUS_LEFT;
        else if (block->state != BLOCK_OFFLINE)
                block->onliner = mode->kernel_onlines ? ONLINER_KERNEL : ONLINER_OTHER;
        else if (!mode->at_start)
                expect_kernel(block, mode);
}

/* Makes a block pending whose node is known at last. A block that was given up stays so until then. */
static void stop_waiting(Block *block, const TrackMode *mode)
{
        if (block->status != BLOCK_STATUS_WAITING || block->node == NODE_NONE)
                return;
        make_pending(block);
        expect_kernel(block, mode);
}

void track_onlined_by(Block *block, Onliner onliner)
{
        block->rollback.is_set = false;
        block->onliner = onliner;
        block->onlined_usec = 0;
        block->offliner = ONLINER_NONE;
        if (block->decision.verdict == VERDICT_NONE)
                make_pending(block); /* online and pending: to be judged */
        else
                track_judge(block);
}

/* Forgets all that was tried with a block and how it went online or offline. */
static void clear_result(Block *block)
{
        clear_failures(block);
        block->rollback.is_set = false;
        block->onliner = ONLINER_NONE;
        block->onlined_usec = 0;
        block->offliner = ONLINER_NONE;
}

void track_offlined_by(Block *block, Onliner offliner)
{
        clear_result(block);
        block->status = BLOCK_STATUS_OFFLINED;
        block->offliner = offliner;
}

void track_forget(Block *block)
{
        clear_result(block);
        block->decision.guards = 0;
        make_pending(block);
}

/*
 * Whether an online block went online, or into another class, since it was last read. A block whose write
 * failed counts: it was offline, or it was going offline, and did not.
 */
static bool was_onlined(const Block *block, const Block *before)
{
        return before->state == BLOCK_OFFLINE || block_class(before) != block_class(block) ||
               block->status == BLOCK_STATUS_RETRYING || block->status == BLOCK_STATUS_FAILED;
}

void track_read(Block *block, const Block *before, const TrackMode *mode)
{
        /* The kernel onlines an added block after its event, maybe after the first reading. */
        bool is_new =
                block->last_class == ZONE_CLASS_NONE &&
                (block->status == BLOCK_STATUS_WAITING || block->status == BLOCK_STATUS_PENDING);

        remember_class(block);
        if (block->state != before->state || block_class(block) != block_class(before))
                block->changed_usec = mode->now_usec;
        block->kernel_due = block->kernel_due && block->state == BLOCK_OFFLINE;
        /* memoryd is at work on the block, maybe between taking it offline and its new class. */
        if (block->status == BLOCK_STATUS_WRITING || block->status == BLOCK_STATUS_OFFLINING)
                return;

        if (block->state == BLOCK_ONLINE) {
                if (was_onlined(block, before))
                        track_onlined_by(block, is_new && mode->kernel_onlines ? ONLINER_KERNEL :
                                                                                 ONLINER_OTHER);
                else
                        stop_waiting(block, mode);
                return;
        }

        if (block->state == BLOCK_OFFLINE && before->state != BLOCK_OFFLINE)
                track_offlined_by(block, ONLINER_OTHER);
        else
                stop_waiting(block, mode);
}

static bool is_undecided(const Block *block)
{
        return block->decision.verdict == VERDICT_NONE &&
               (block->status == BLOCK_STATUS_PENDING || block->status == BLOCK_STATUS_WAITING);
}

/* The devices that a node has memory of. */
typedef struct NodeMemory {
        bool has_any;
        int32_t device; /* index of the only device, or SEVERAL: also for devices that are not known */
} NodeMemory;

#define SEVERAL (-2)

static NodeMemory *memory_of(NodeMemory memory[static NODE_MAX], const Block *block)
{
        return block->node >= 0 && block->node < NODE_MAX ? &memory[block->node] : NULL;
}

void track_note_memoryless(Machine *machine)
{
        NodeMemory memory[NODE_MAX] = {};

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                NodeMemory *node = memory_of(memory, block);
                int32_t device = block->device >= 0 ? block->device : SEVERAL;

                if (!node || is_undecided(block))
                        continue;
                node->device = node->has_any && node->device != device ? SEVERAL : device;
                node->has_any = true;
        }

        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                const NodeMemory *node = memory_of(memory, block);

                if (node && is_undecided(block))
                        block->node_was_memoryless =
                                !node->has_any || node->device == block->device;
        }
}

bool track_wants_plan(const Block *block, uint64_t now_usec)
{
        if (block->state != BLOCK_OFFLINE || block->job != 0 || block->held || block->in_dax_write)
                return false;
        return block->status == BLOCK_STATUS_PENDING ||
               (block->status == BLOCK_STATUS_RETRYING && block->retry_at_usec <= now_usec);
}

bool track_wants_judgement(const Block *block, uint64_t now_usec)
{
        (void) now_usec;
        return block->state == BLOCK_ONLINE && block->status == BLOCK_STATUS_PENDING &&
               block->job == 0 && !block->in_dax_write;
}

void track_decide(Block *block, const Decision *decision)
{
        block->decision = *decision;
        block->given_up = false;
        if (verdict_is_left(decision->verdict))
                block->status = BLOCK_STATUS_LEFT;
        else
                make_pending(block);
}

bool track_is_left_for_now(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        return block->status == BLOCK_STATUS_LEFT && block->state == BLOCK_OFFLINE &&
               block->decision.verdict == VERDICT_LEAVE && !block->found_offline &&
               !block->leave_is_over && device && device->origin == ORIGIN_KMEM &&
               !machine_is_owned(machine, block) &&
               online_word_onlines(machine_kernel_word(machine, block->node));
}

int track_end_leave(Machine *machine, uint64_t delay_usec, uint64_t now_usec,
                    uint64_t *ret_next_usec)
{
        _cleanup_free_ uint64_t *changed = calloc(machine->n_devices + 1, sizeof(uint64_t));
        uint64_t next = USEC_INFINITY;
        int any = 0;

        if (!changed)
                return -ENOMEM;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];

                if (machine_device(machine, block))
                        changed[block->device] = MAX(changed[block->device], block->changed_usec);
        }
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (!track_is_left_for_now(machine, block))
                        continue;
                if (changed[block->device] + delay_usec > now_usec) {
                        next = MIN(next, changed[block->device] + delay_usec);
                        continue;
                }
                block->leave_is_over = true;
                make_pending(block);
                any = 1;
        }
        *ret_next_usec = next;
        return any;
}

void track_judge(Block *block)
{
        block->status = verdict_accepts(block->decision.verdict, block_class(block)) ?
                                BLOCK_STATUS_EXTERNAL :
                                BLOCK_STATUS_FOREIGN;
        clear_failures(block);
}

void track_stamp(Machine *machine, uint64_t realtime_usec)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->onliner != ONLINER_NONE && block->onlined_usec == 0)
                        block->onlined_usec = realtime_usec;
        }
}

uint64_t retry_delay(const Retry *retry, unsigned attempts)
{
        uint64_t delay = retry->first_usec;

        for (unsigned i = 1; i < attempts && delay < retry->cap_usec; i++)
                delay = delay / 1000 * retry->factor_permille +
                        delay % 1000 * retry->factor_permille / 1000;
        return MIN(delay, retry->cap_usec);
}

static void track_failure(Block *block, int error, const Retry *retry, uint64_t now_usec)
{
        block->error = (int16_t) (error < 0 ? error : -EAGAIN);
        /* If the time was up, another process had the kernel's lock: the block itself was not tried. */
        block->attempts += error != -ETIMEDOUT;
        if (block->attempts >= retry->attempts) {
                block->status = BLOCK_STATUS_FAILED;
                block->retry_at_usec = USEC_INFINITY;
                /* Only a request tries again, and the time until then is not memoryd's. */
                block->added_usec = 0;
        } else {
                block->status = BLOCK_STATUS_RETRYING;
                block->retry_at_usec = now_usec + retry_delay(retry, MAX(block->attempts, 1U));
        }
}

void track_take(Block *block, BlockState state, const ZoneList *zones)
{
        block->state = state;
        if (state == BLOCK_ONLINE) {
                block->zones = *zones;
                block->offliner = ONLINER_NONE;
        }
        remember_class(block);
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

Outcome track_outcome(Block *block, int error, BlockState state, const ZoneList *zones,
                      const Retry *retry, uint64_t now_usec)
{
        Outcome outcome = outcome_of(block->decision.verdict, error, state, zones);

        track_take(block, state, zones);

        switch (outcome) {
        case OUTCOME_DONE:
                block->status = BLOCK_STATUS_DONE;
                block->onliner = ONLINER_MEMORYD;
                clear_failures(block);
                break;
        case OUTCOME_ALREADY:
        case OUTCOME_RACED:
                block->onliner = block->kernel_due ? ONLINER_KERNEL : ONLINER_OTHER;
                track_judge(block);
                break;
        case OUTCOME_GONE:
                make_pending(block);
                break;
        default:
                track_failure(block, error, retry, now_usec);
        }
        block->kernel_due = false;
        return outcome;
}

void track_join_retries(Machine *machine, const Block *failed)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->status == BLOCK_STATUS_RETRYING && block->job == 0 &&
                    block->attempts == failed->attempts)
                        block->retry_at_usec = failed->retry_at_usec;
        }
}

void track_reset(Block *block)
{
        bool again =
                block->status == BLOCK_STATUS_FAILED || block->status == BLOCK_STATUS_RETRYING ||
                (block->status == BLOCK_STATUS_LEFT && verdict_is_left(block->decision.verdict));

        if (block->state != BLOCK_OFFLINE || block->job != 0)
                return;
        if (again || block->status == BLOCK_STATUS_PENDING)
                block->decision.guards = 0;
        if (again) {
                clear_failures(block);
                make_pending(block);
        }
}

void track_reset_offlined(Block *block)
{
        track_reset(block);
        if (block->state == BLOCK_OFFLINE && block->status == BLOCK_STATUS_OFFLINED &&
            block->job == 0)
                track_forget(block);
}

void track_reconsider(Block *block)
{
        track_reset(block);
        if (block->job == 0 && block->state == BLOCK_ONLINE &&
            (block->status == BLOCK_STATUS_FOREIGN || block->status == BLOCK_STATUS_EXTERNAL)) {
                block->decision.guards = 0;
                make_pending(block);
        }
}

uint64_t track_next_retry(const Machine *machine)
{
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];

                /* No plan decides on a block that is still going offline. */
                if (block->status == BLOCK_STATUS_RETRYING && block->state == BLOCK_OFFLINE &&
                    block->job == 0)
                        next = MIN(next, block->retry_at_usec);
        }
        return next;
}
