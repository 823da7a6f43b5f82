/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/names.h"
#include "daemon/manager-private.h"
#include "kernel/identify.h"

/* How often what could not be read, or has no node and is not waited for, is looked at. */
#define LOOK_LATER_USEC (5 * USEC_PER_SEC)

/* How often to look at retries and the like, at the most. */
#define AGAIN_USEC (50 * USEC_PER_MSEC)

/* How often a node without memory is looked for, to see it go: at first, and before giving up. */
#define EMPTY_FIRST_USEC (100 * USEC_PER_MSEC)
#define EMPTY_MAX_USEC (30 * USEC_PER_SEC)

/* How often to look whether a block is gone whose removal has begun: at first, before giving up. */
#define LEAVING_FIRST_USEC (2 * USEC_PER_MSEC)
#define LEAVING_MAX_USEC (30 * USEC_PER_SEC)

/* Blocks read before the loop gets its turn again: about a millisecond. */
#define READ_CHUNK 128

void manager_fill(Manager *manager)
{
        int r = writer_fill(&manager->writer, &manager->machine);

        if (r < 0)
                manager_fail(manager, "Cannot reach the actuator", r);
        if (r > 0)
                manager->count_needed = true;
        if (r >= 0)
                manager_run_jobs(manager);
}

/* Blocks that were left to the kernel are as they shall be. */
static void manager_log_offloaded(Manager *manager, const Burst *burst)
{
        const LogContext context = { .message_id = MESSAGE_ID_BURST_DONE };
        char text[BURST_STRING_MAX];

        if (!burst_is_empty(burst))
                log_full(LOG_NOTICE, &context, "The kernel onlined %s, as the policy has it",
                         burst_format(burst, manager->machine.block_size_bytes, text));
}

static void manager_judge(Manager *manager, const Plan *plan)
{
        unsigned n = 0, first = 0;
        Burst offloaded = {};

        for (size_t i = 0; i < plan->n_planned; i++) {
                Block *block = machine_find_block(&manager->machine, plan->planned[i].block);

                track_decide(block, &plan->planned[i].decision);
                track_judge(block);
                block->decided_usec = manager_realtime(manager);
                manager_record(manager, block);
                (void) changed_ids_add(&manager->changes.blocks, block->id);
                if (block->status == BLOCK_STATUS_FOREIGN && n++ == 0)
                        first = block->id;
                if (block->status == BLOCK_STATUS_EXTERNAL && block->onliner == ONLINER_KERNEL)
                        burst_add(&offloaded, block);
        }
        manager_log_offloaded(manager, &offloaded);

        if (n > 0) {
                const Block *block = machine_find_block(&manager->machine, first);
                LogContext context = manager_context(manager, block, MESSAGE_ID_FOREIGN_BLOCK);

                log_full(LOG_NOTICE, &context,
                         "%u block%s onlined by someone else against the policy: memory%u is %s, "
                         "the policy has it %s",
                         n, n == 1 ? " was" : "s were", first,
                         zone_class_to_string(block_class(block)),
                         verdict_to_string(block->decision.verdict));
        }
}

static void manager_take_plan(Manager *manager, const Plan *plan)
{
        for (size_t i = 0; i < plan->n_planned; i++) {
                const Planned *planned = &plan->planned[i];
                Block *block = machine_find_block(&manager->machine, planned->block);
                char guards[GUARDS_STRING_MAX];

                track_decide(block, &planned->decision);
                block->decided_usec = manager_realtime(manager);
                if (block->status == BLOCK_STATUS_LEFT)
                        manager_record(manager, block);
                (void) changed_ids_add(&manager->changes.blocks, block->id);
                log_debug("memory%u on node %d: %s by %s%s%s", block->id, block->node,
                          verdict_to_string(block->decision.verdict),
                          manager_rule_name(manager, block) ?: "default",
                          block->decision.guards ? ", guards " : "",
                          guards_format(block->decision.guards, guards));
        }
}

bool manager_needs_udev(const Manager *manager)
{
        return manager->conf.event_source == EVENT_SOURCE_UDEV &&
               manager->conf.policy.n_udev_properties > 0;
}

/* Asks udev about what is to be decided on. */
static void manager_read_udev(Manager *manager, uint64_t now)
{
        if (!manager_needs_udev(manager))
                return;
        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                if (track_wants_plan(block, now) || track_wants_judgement(block, now))
                        block->udev_mask = monitor_read_udev_mask(manager->monitor,
                                                                  &manager->conf.policy, block->id);
        }
}

/* Decides on what is new: first what others did, then what is left to do. */
static int manager_plan(Manager *manager, uint64_t now)
{
        Plan plan = {};
        int r;

        manager_read_udev(manager, now);
        track_note_memoryless(&manager->machine);
        track_stamp(&manager->machine, manager_realtime(manager));
        r = plan_make(&manager->machine, &manager->conf.policy, track_wants_judgement, now, &plan);
        if (r < 0)
                return r;
        manager_judge(manager, &plan);
        plan_done(&plan);

        r = plan_make(&manager->machine, &manager->conf.policy, track_wants_plan, now, &plan);
        if (r < 0)
                return r;
        manager_take_plan(manager, &plan);
        r = writer_set_plan(&manager->writer, &plan);
        plan_done(&plan);
        return r;
}

/* Passes */

/*
 * The kernel tells that a block goes before it takes its folder away, and nothing after that. So what
 * is still listed is looked for again.
 */
static void manager_expect_blocks_to_go(Manager *manager)
{
        bool any = false;

        for (size_t i = 0; i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                block->leaving = block->leaving && manager->leaving_usec <= LEAVING_MAX_USEC;
                any |= block->leaving;
        }

        manager->relist_usec = USEC_INFINITY;
        if (!any) {
                manager->leaving_usec = 0;
                return;
        }
        manager->leaving_usec = MAX(manager->leaving_usec * 2, LEAVING_FIRST_USEC);
        manager->relist_usec = manager_now(manager) + manager->leaving_usec;
        manager_schedule(manager, manager->relist_usec);
}

/* Of what is listed, which blocks udev is done with, and what the events told. */
static void manager_take_announced(Manager *manager, bool at_start)
{
        for (size_t i = 0; at_start && i < manager->machine.n_blocks; i++)
                manager->machine.blocks[i].announced = true;
        notice_list_take(&manager->notices, &manager->machine);
}

static int manager_list(Manager *manager, bool at_start)
{
        size_t n_before = manager->machine.n_blocks;
        int r = survey_list(&manager->sysfs, &manager->machine, &manager->changes.blocks);

        if (r < 0)
                return r;
        if (r > 0)
                manager->grew_usec = manager_now(manager);
        manager->confirm_needed = r > 0;
        /* Not exact, and need not be: a block that came hides one that went until its next pass. */
        if (manager->machine.n_blocks < n_before) {
                manager->empty_usec = EMPTY_FIRST_USEC;
                manager->recheck_usec = 0;
        }
        manager->list_needed = false;
        manager->read_needed = manager->plan_needed = manager->identify_needed = true;
        manager_take_announced(manager, at_start);
        manager_expect_blocks_to_go(manager);
        return at_start ? sysfs_read_links(&manager->sysfs, &manager->machine) : 0;
}

void manager_look_later(Manager *manager)
{
        manager->again_usec = MIN(manager->again_usec, manager_now(manager) + LOOK_LATER_USEC);
        manager_schedule(manager, manager->again_usec);
}

static void manager_mark_again(Manager *manager)
{
        manager->again_usec = USEC_INFINITY;
        manager->read_needed = true;
        for (size_t i = 0; i < manager->machine.n_blocks; i++)
                if (manager->machine.blocks[i].given_up ||
                    manager->machine.blocks[i].state == BLOCK_GOING_OFFLINE)
                        manager->machine.blocks[i].stale = true;
}

/* Brings the model up to date. Afterwards list_needed and read_needed say what is left to do. */
int manager_survey(Manager *manager, const TrackMode *mode, size_t limit)
{
        SurveyLeft left = {};
        size_t n_changed;
        int r;

        if (manager->list_needed || manager->relist_usec <= manager_now(manager)) {
                r = manager_list(manager, mode->at_start);
                if (r < 0)
                        return r;
        }
        if (manager->again_usec <= manager_now(manager))
                manager_mark_again(manager);
        if (!manager->read_needed)
                return 0;

        n_changed = manager->changes.blocks.n_ids;
        r = survey_read(&manager->sysfs, &manager->machine, mode, limit, &manager->changes.blocks,
                        &left);
        if (r < 0)
                return r;
        manager->remember_needed |= manager->changes.blocks.n_ids > n_changed;
        manager->count_needed = manager->plan_needed = true;
        manager->read_needed = (size_t) r == limit;
        manager->n_told = 0;
        manager->list_needed = left.gone;
        if (left.again)
                manager_look_later(manager);
        return 0;
}

int manager_survey_nodes(Manager *manager)
{
        int r = survey_nodes(&manager->sysfs, &manager->machine);

        if (r < 0)
                return r;
        manager->changes.nodes |= r > 0;
        manager->count_needed = true;

        r = survey_zones(&manager->sysfs, &manager->machine);
        if (r < 0)
                log_debug("Cannot read /proc/zoneinfo: %s", strerror(-r));
        else
                manager_check_shortage(manager);
        if (sysfs_read_auto_online(&manager->sysfs, NODE_NONE, manager->auto_online) < 0)
                manager->auto_online[0] = 0;
        return 0;
}

/*
 * A node whose last memory went is taken away by the kernel well after the last event about its
 * blocks, and without one of its own. So it is looked for, less and less often, for a minute or so;
 * a node that never had memory nor a CPU may stay.
 */
static void manager_expect_nodes_to_go(Manager *manager, uint64_t now)
{
        const Machine *machine = manager_get_machine(manager);

        manager->recheck_usec = USEC_INFINITY;
        if (manager->empty_usec == 0 || manager->empty_usec > EMPTY_MAX_USEC)
                return;

        for (size_t i = 0; i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                if (node->has_cpu || node->totals.online_bytes + node->totals.offline_bytes > 0)
                        continue;
                manager->recheck_usec = now + manager->empty_usec;
                manager->empty_usec *= 2;
                return;
        }
}

/* When there is something to do by itself. */
static uint64_t manager_next_usec(const Manager *manager)
{
        uint64_t next_usec = MIN(manager->recheck_usec, manager->relist_usec);

        next_usec = MIN(next_usec, manager->again_usec);
        return MIN(next_usec, track_next_retry(&manager->machine));
}

int manager_identify(Manager *manager)
{
        if (!manager->identify_needed)
                return 0;
        manager->identify_needed = false;
        return identify_devices(&manager->sysfs, &manager->machine);
}

static int manager_decide(Manager *manager, uint64_t now)
{
        uint64_t next_usec = manager_next_usec(manager);
        int r;

        if (!manager->plan_needed && next_usec > now) {
                manager_schedule(manager, next_usec);
                return 0;
        }
        r = manager_identify(manager);
        if (r < 0 || manager_waits(manager, now))
                return r;
        r = manager_identify(manager);
        if (r < 0)
                return r;

        manager->plan_needed = false;
        r = manager_survey_nodes(manager);
        /* Somebody may have set auto_online_blocks since, or a node may have come. */
        (void) manager_take_over(manager);
        if (r >= 0)
                r = manager_plan(manager, now);
        manager_expect_nodes_to_go(manager, now);
        manager_schedule(manager, MAX(manager_next_usec(manager), now + AGAIN_USEC));
        return r;
}

void manager_pass(Manager *manager)
{
        /* As far as is known: somebody may have turned it on since. */
        const TrackMode mode = {
                .kernel_onlines =
                        online_word_onlines(online_word_from_string(manager->auto_online)),
        };
        int r;

        if (manager->n_told > 0 &&
            manager_now(manager) >= manager->due_usec + manager->conf.settle_usec)
                manager->read_needed = true;
        r = manager_survey(manager, &mode, READ_CHUNK);
        if (r >= 0 && (manager->list_needed || manager->read_needed))
                manager_schedule(manager, manager_now(manager));
        else if (r >= 0)
                r = manager_decide(manager, manager_now(manager));
        if (r < 0)
                manager_fail(manager, "Cannot read the machine's memory", r);
        else
                manager_fill(manager);
        manager_remember(manager);
}
