/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Brings a dax device online as a whole, or offline. */

#include "daemon/dax-write.h"

#include "base/statefile.h"
#include "daemon/journal.h"

#include <stdio.h>

void dax_write_done(DaxWrite *dax)
{
        free(dax->planned);
        *dax = (DaxWrite){};
}

bool dax_write_is_busy(const DaxWrite *dax)
{
        return *dax->device;
}

/* The file */

#define FILE_NAME "dax"
#define FILE_MAX 128

int dax_write_save(const DaxWrite *dax, const char *folder)
{
        char text[FILE_MAX];
        int n = snprintf(text, sizeof(text), "%s %s\n", dax->device,
                         verdict_to_string(dax->verdict));

        return statefile_replace(folder, FILE_NAME, text, (size_t) n);
}

int dax_write_forget(const char *folder)
{
        return statefile_remove(folder, FILE_NAME);
}

int dax_write_load(DaxWrite *dax, const char *folder)
{
        _cleanup_free_ char *text = NULL;
        char device[DEVICE_NAME_MAX], word[32];
        uint32_t region, id;
        Verdict verdict;
        int r = statefile_read(folder, FILE_NAME, FILE_MAX, &text);

        if (r < 0)
                return r == -ENOENT ? 0 : r == -EFBIG ? -EBADMSG : r;
        if (sscanf(text, "%31s %31s", device, word) != 2)
                return -EBADMSG;
        verdict = verdict_from_string(word);
        if (verdict < VERDICT_NONE || verdict_is_left(verdict) ||
            !device_parse_dax(device, &region, &id))
                return -EBADMSG;
        strcpy(dax->device, device);
        dax->verdict = verdict;
        return 1;
}

/* Choosing a device */

/* Returns the decision of the plan on a block, or NULL. */
static const Planned *find_planned(const Plan *plan, uint32_t block)
{
        return plan->n_planned == 0 ? NULL :
                                      bsearch(&block, plan->planned, plan->n_planned,
                                              sizeof(*plan->planned), id_compare);
}

/* Returns the verdict of the plan on all blocks of a device, or VERDICT_NONE if it has not one for all. */
static Verdict verdict_on_all(const Machine *machine, const Plan *plan, int32_t device)
{
        Verdict verdict = VERDICT_NONE;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Planned *planned;

                if (block->device != device)
                        continue;
                planned = find_planned(plan, block->id);
                if (!planned || block->by_itself || verdict_is_left(planned->decision.verdict) ||
                    (verdict != VERDICT_NONE && verdict != planned->decision.verdict))
                        return VERDICT_NONE;
                verdict = planned->decision.verdict;
        }
        return verdict;
}

/* Takes all blocks of a device, with the decisions that they have. */
static int dax_write_take(DaxWrite *dax, Machine *machine, const char *device, Verdict verdict)
{
        dax->planned = calloc(machine->n_blocks + 1, sizeof(Planned));
        if (!dax->planned)
                return -ENOMEM;
        strcpy(dax->device, device);
        dax->verdict = verdict;
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];
                const Device *own = machine_device(machine, block);

                if (!own || strcmp(own->name, device) != 0)
                        continue;
                dax->planned[dax->n_planned++] =
                        (Planned){ block->id, block->node, block->decision };
                block->in_dax_write = true;
        }
        return 0;
}

int dax_write_take_job(DaxWrite *dax, Machine *machine, uint32_t job, const JobDeviceWrite *write)
{
        dax->job = job;
        return dax_write_take(dax, machine, write->device, write->verdict);
}

static void mark_writing(DaxWrite *dax, Machine *machine)
{
        for (size_t i = 0; i < dax->n_planned; i++)
                machine_find_block(machine, dax->planned[i].block)->status = BLOCK_STATUS_WRITING;
}

static void hold_blocks(Machine *machine, int32_t device)
{
        for (size_t i = 0; i < machine->n_blocks; i++) {
                Block *block = &machine->blocks[i];

                if (block->device != device)
                        continue;
                block->held = true;
                block->decision = (Decision){ .rule = RULE_DEFAULT };
        }
}

int dax_write_choose(DaxWrite *dax, Machine *machine, const Plan *plan)
{
        bool is_chosen = false;
        int r;

        for (size_t i = 0; plan->n_order > 0 && i < machine->n_devices; i++) {
                const Device *device = &machine->devices[i];
                Verdict verdict =
                        device->dax_state == DAX_STATE_OFFLINE && device->missing_blocks == 0 ?
                                verdict_on_all(machine, plan, (int32_t) i) :
                                VERDICT_NONE;

                if (verdict == VERDICT_NONE)
                        continue;
                if (dax_write_is_busy(dax)) {
                        hold_blocks(machine, (int32_t) i);
                        continue;
                }
                r = dax_write_take(dax, machine, device->name, verdict);
                if (r < 0)
                        return r;
                mark_writing(dax, machine);
                is_chosen = true;
        }
        return is_chosen;
}

/* Waiting for the answer */

bool dax_write_is_due(const DaxWrite *dax, bool is_writer_idle, uint64_t now_usec)
{
        return dax_write_is_busy(dax) && !dax->is_sent && !dax->is_answered &&
               now_usec >= dax->retry_at_usec && (is_writer_idle || dax->verdict == VERDICT_KERNEL);
}

void dax_write_claim(const DaxWrite *dax, Machine *machine)
{
        for (size_t i = 0; i < dax->n_planned; i++) {
                Block *block = machine_find_block(machine, dax->planned[i].block);

                if (block)
                        block->in_dax_write = true;
        }
}

void dax_write_remap_rules(DaxWrite *dax, const Policy *from, const Policy *to)
{
        for (size_t i = 0; i < dax->n_planned; i++)
                policy_remap(from, to, &dax->planned[i].decision);
}

bool dax_write_answer(DaxWrite *dax, int error, bool is_lost, const Retry *retry, uint64_t now_usec)
{
        dax->is_sent = false;
        dax->error = error;
        dax->attempts += is_lost;
        dax->is_answered = !is_lost || dax->attempts >= retry->attempts;
        if (!dax->is_answered)
                dax->retry_at_usec = now_usec + retry_delay(retry, dax->attempts);
        return !dax->is_answered;
}

/* The result */

static void finish_block(Block *block, const Planned *planned, int error, const Decider *decider,
                         Burst *burst)
{
        track_decide(block, &planned->decision);
        block->decided_usec = decider->realtime_usec;
        (void) changed_ids_add(decider->changed, block->id);
        if (block->state == BLOCK_OFFLINE) {
                track_forget(block);
                block->by_itself = true;
                /* Other programs had their time. */
                block->leave_is_over = planned->decision.action == ZONE_ACTION_LEAVE;
                block->decision = (Decision){ .rule = RULE_DEFAULT };
                return;
        }
        track_judge(block);
        if (error < 0) {
                block->onliner = ONLINER_OTHER;
        } else if (block->status == BLOCK_STATUS_EXTERNAL) {
                block->status = BLOCK_STATUS_DONE;
                block->onliner = ONLINER_MEMORYD;
                burst_add(burst, block, decider->now_usec);
        }
        block->onlined_usec = decider->realtime_usec;
        decider_conclude(decider, block);
}

/* Takes a block that a job took offline, and that its device has again. */
static void finish_offline(Block *block, const Decision *decision, const Decider *decider)
{
        if (block->state != BLOCK_OFFLINE)
                return;
        if (decision)
                block->decision = *decision;
        track_offlined_by(block, ONLINER_MEMORYD);
        (void) changed_ids_add(decider->changed, block->id);
}

/* Takes the blocks of a device that an earlier memoryd had unplugged. What it had decided is not known. */
static void finish_resumed(const DaxWrite *dax, const Decider *decider, Burst *burst)
{
        for (size_t i = 0; i < decider->machine->n_blocks; i++) {
                Block *block = &decider->machine->blocks[i];
                const Device *device = machine_device(decider->machine, block);

                if (!device || strcmp(device->name, dax->device) != 0)
                        continue;
                if (dax->verdict == VERDICT_NONE)
                        finish_offline(block, NULL, decider);
                if (dax->verdict == VERDICT_NONE ||
                    !track_wants_judgement(block, decider->now_usec))
                        continue;
                block->status = BLOCK_STATUS_DONE;
                block->onliner = ONLINER_MEMORYD;
                block->onlined_usec = decider->realtime_usec;
                (void) changed_ids_add(decider->changed, block->id);
                burst_add(burst, block, decider->now_usec);
        }
}

void dax_write_finish(DaxWrite *dax, const Decider *decider)
{
        Burst burst = {};
        size_t n_missing = 0;

        for (size_t i = 0; i < dax->n_planned; i++) {
                const Planned *planned = &dax->planned[i];
                Block *block = machine_find_block(decider->machine, planned->block);

                n_missing += !block;
                if (!block)
                        continue;
                block->in_dax_write = false;
                if (dax->verdict == VERDICT_NONE)
                        finish_offline(block, &planned->decision, decider);
                else if (dax->job == 0)
                        finish_block(block, planned, dax->error, decider, &burst);
        }
        if (dax->n_planned == 0 && dax->job == 0 && dax->error == 0)
                finish_resumed(dax, decider, &burst);
        if (dax->error == 0 && n_missing > 0 && dax->verdict != VERDICT_NONE)
                log_warning("%s came back without %zu of its blocks", dax->device, n_missing);
        journal_onlined(&burst, decider->machine->block_size_bytes, false);
        counters_add_burst(decider->counters, &burst);
        dax_write_done(dax);
}
