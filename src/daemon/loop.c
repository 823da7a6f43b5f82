/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Starts the manager, and handles events, passes, writes and replies, in the order in which they happen. */

#include "base/names.h"
#include "daemon/internal.h"
#include "kernel/host.h"
#include "kernel/identify.h"
#include "kernel/survey.h"

/* The number of blocks to read before returning to the event loop: takes about a millisecond. */
#define READ_CHUNK 128

/* Returns a Decider with the current time. */
static Decider manager_decider(Manager *manager)
{
        Decider decider = {
                .machine = &manager->machine,
                .policy = &manager->conf.policy,
                .history = &manager->history,
                .counters = &manager->counters,
                .changed = &manager->publisher.changes.blocks,
                .now_usec = manager_now(manager),
        };

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &decider.realtime_usec);
        return decider;
}

/* A pass */

static int manager_list(Manager *manager, const TrackMode *mode)
{
        Machine *machine = &manager->machine;
        size_t n_before = machine->n_blocks;
        int r = survey_list(&manager->sysfs, machine, &manager->publisher.changes.blocks);

        if (r < 0)
                return r;
        dax_write_claim(&manager->dax_write, machine);
        for (size_t i = 0; mode->at_start && i < machine->n_blocks; i++)
                machine->blocks[i].announced = true;
        /* An estimate: an added block hides a removed one. The next plan notices a node that is gone. */
        pass_on_listed(&manager->pass, machine, (size_t) r, machine->n_blocks < n_before,
                       manager_now(manager));
        return mode->at_start ? sysfs_read_links(&manager->sysfs, machine) : 0;
}

static int manager_read(Manager *manager, const TrackMode *mode, size_t limit)
{
        ChangedIds *changed = &manager->publisher.changes.blocks;
        size_t n_changed = changed->n_ids;
        SurveyLeft left = {};
        int r = survey_read(&manager->sysfs, &manager->machine, mode, limit, changed, &left);

        if (r < 0)
                return r;
        manager->keeper.is_due |= changed->n_ids > n_changed;
        manager->count_needed = true;
        pass_on_read(&manager->pass, (size_t) r < limit, left.gone, left.again,
                     manager_now(manager));
        return 0;
}

static int manager_identify(Manager *manager)
{
        manager->pass.identify_needed = false;
        return identify_devices(&manager->sysfs, &manager->machine);
}

static int on_word(sd_event_source *source, const struct inotify_event *event, void *userdata);

static int manager_read_nodes(Manager *manager)
{
        int r = survey_nodes(&manager->sysfs, &manager->machine);
        bool is_other = r > 0;

        if (r >= 0 && policy_names_tiers(&manager->conf.policy))
                (void) manager_read_tiers(manager);

        if (is_other)
                r = word_watch_set(&manager->word_watch, manager->event, &manager->sysfs,
                                   &manager->machine, on_word, manager);
        if (r < 0)
                return r;
        manager->publisher.changes.nodes |= is_other;
        manager->count_needed = true;
        manager_look_at_zones(manager);
        takeover_read(&manager->takeover, &manager->sysfs);
        return 0;
}

/* A process has written to an auto_online_blocks file. */
static int on_word(sd_event_source *source, const struct inotify_event *event, void *userdata)
{
        Manager *manager = userdata;
        int r = manager_read_nodes(manager);

        (void) source, (void) event;
        if (r < 0)
                manager_fail(manager, "Cannot read the machine's nodes", r);
        else if (!manager->stopping)
                (void) manager_take_over(manager);
        manager->publisher.changes.config = manager->publisher.changes.nodes = true;
        return 0;
}

/* Reads the udev properties of the blocks that are to be decided on. */
static void manager_read_udev(Manager *manager, uint64_t now)
{
        for (size_t i = 0; manager->pass.needs_udev && i < manager->machine.n_blocks; i++) {
                Block *block = &manager->machine.blocks[i];

                if (track_wants_plan(block, now) || track_wants_judgement(block, now))
                        block->udev_mask = monitor_read_udev_mask(manager->monitor,
                                                                  &manager->conf.policy, block->id);
        }
}

static int manager_plan(Manager *manager)
{
        _cleanup_(plan_done) Plan plan = {};
        Decider decider;
        int r = manager_read_nodes(manager);

        /* Another process may have set auto_online_blocks, or a node may have been added. */
        (void) manager_take_over(manager);
        if (r < 0)
                return r;
        /* The actuator writes nothing else now, and the blocks of the device do not count. */
        if (manager->dax_write.is_sent) {
                pass_on_planned(&manager->pass, &manager->machine, manager_now(manager));
                return 0;
        }
        manager_read_udev(manager, manager_now(manager));
        identify_dax_states(&manager->sysfs, &manager->machine);
        manager_read_klog(manager);
        unplug_keep_undecided(&manager->unplug, &manager->machine);
        decider = manager_decider(manager);
        manager_end_dax_write(manager, &decider);
        r = decide(&decider, &plan);
        if (r >= 0)
                r = dax_write_choose(&manager->dax_write, &manager->machine, &plan);
        if (r >= 0)
                r = writer_set_plan(&manager->writer, &plan);
        if (r >= 0)
                r = manager_run_dax_write(manager);
        /* Reading the nodes has counted the blocks, before these decisions. */
        machine_count(&manager->machine);
        pass_on_planned(&manager->pass, &manager->machine, manager_now(manager));
        if (r >= 0)
                r = track_end_leave(&manager->machine, manager->conf.leave_delay_usec,
                                    manager_now(manager), &manager->pass.leave_usec);
        manager->pass.plan_needed |= r > 0;
        return r;
}

static int manager_act(Manager *manager, PassAct act)
{
        /* As last read: another process may have changed auto_online_blocks since. */
        const TrackMode mode = {
                .kernel_onlines = takeover_kernel_onlines(&manager->takeover),
                .now_usec = manager_now(manager),
        };

        switch (act) {
        case PASS_LIST:
                return manager_list(manager, &mode);
        case PASS_READ:
                return manager_read(manager, &mode, READ_CHUNK);
        case PASS_IDENTIFY:
                return manager_identify(manager);
        case PASS_PLAN:
                return manager_plan(manager);
        default:
                return 0;
        }
}

/* Hands planned blocks to the actuator while it has room, or else the next write of a job. */
static void manager_fill(Manager *manager)
{
        int r = writer_fill(&manager->writer, &manager->machine);

        manager->count_needed |= r > 0;
        if (r >= 0)
                r = manager_run_dax_write(manager);
        if (r < 0)
                manager_fail(manager, "Cannot reach the actuator", r);
        else
                manager_run_jobs(manager);
}

/* Takes the steps that pass_next() returns until it says to wait, and schedules the next pass. */
static void manager_pass(Manager *manager)
{
        Decider decider;
        PassNext next;
        int r;

        do {
                next = pass_next(&manager->pass, &manager->machine, manager_now(manager));
                journal_given_up(&next, manager->pass.settle_usec);
                r = manager_act(manager, next.act);
                /* Return to the event loop between two chunks. */
                if (next.act == PASS_READ && manager->pass.read_needed)
                        next = (PassNext){ .act = PASS_WAIT, .wake_usec = manager_now(manager) };
        } while (r >= 0 && next.act != PASS_WAIT);

        if (r < 0) {
                manager_fail(manager, "Cannot read the machine's memory", r);
                return;
        }
        decider = manager_decider(manager);
        manager_restore(manager, &decider);
        manager_schedule(manager, next.wake_usec);
        manager_fill(manager);
        manager_remember(manager);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Manager *manager = userdata;

        (void) source, (void) usec;
        manager->timer_usec = USEC_INFINITY;
        if (!manager->stopping)
                manager_pass(manager);
        return 0;
}

/* Events */

static int on_monitor(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void) source, (void) fd, (void) revents;
        manager_receive(userdata);
        return 0;
}

static int on_klog(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        (void) source, (void) fd, (void) revents;
        manager_read_klog(userdata);
        return 0;
}

/* Replies */

/* Has a block read again: an event of another process may have been taken for the echo of the write. */
static void manager_read_again(Manager *manager, uint32_t block)
{
        pass_on_changed(&manager->pass, &manager->machine, block);
        manager_schedule(manager, manager_now(manager));
}

static void manager_on_block_reply(Manager *manager, const ActuatorReply *reply)
{
        const Decider decider = manager_decider(manager);
        Outcome outcome = decider_on_reply(&decider, reply, &manager->conf.retry, &manager->burst);

        if (outcome == _OUTCOME_INVALID)
                return;
        manager->count_needed = manager->keeper.is_due = true;
        if (outcome == OUTCOME_DONE || outcome == OUTCOME_ALREADY)
                return;
        /* The rest of the plan counted on this block: plan again. */
        manager->pass.list_needed |= outcome == OUTCOME_GONE;
        manager->pass.plan_needed = true;
        manager_read_again(manager, reply->request.block);
}

static void manager_on_job_reply(Manager *manager, const ActuatorReply *reply)
{
        Block *block = machine_find_block(&manager->machine, reply->request.block);
        const Decider decider = manager_decider(manager);
        BlockState state = (BlockState) reply->state;
        ZoneList zones = reply->zones;
        PageCounts pages = reply->pages;

        /* If the block could not be read after the write, its last known state stands. */
        if (block && reply->read_error < 0) {
                state = block->state;
                zones = block->zones;
        }
        if (block && pages.has_failed) {
                manager_note_held(manager, block, &pages);
                job_note_held(manager->queue.jobs[0], &pages);
        }
        job_outcome(manager->queue.jobs[0], &manager->machine, writer_reply_error(reply), state,
                    &zones, decider.realtime_usec);
        manager->publisher.changes.job = manager->count_needed = manager->keeper.is_due = true;
        (void) changed_ids_add(decider.changed, reply->request.block);
        /* A block that did not go offline sends no event. */
        if (block && state != BLOCK_OFFLINE)
                block->offline_due = false;
        if (block) {
                decider_record(&decider, block);
                block->added_usec = 0;
        }
        counters_add_error(&manager->counters, reply->request.word == ONLINE_WORD_OFFLINE,
                           writer_reply_error(reply));
        if (writer_reply_error(reply) < 0)
                manager_read_again(manager, reply->request.block);
        manager_run_jobs(manager);
}

static void manager_on_auto_online_reply(Manager *manager, const ActuatorReply *reply)
{
        takeover_on_reply(&manager->takeover, &manager->sysfs, &manager->machine, reply);
        manager->publisher.changes.config = manager->publisher.changes.nodes = true;
        if (!manager->stopping)
                (void) manager_take_over(manager);
        else
                manager_end_stop(manager);
}

static void manager_end_burst(Manager *manager)
{
        if (!writer_is_idle(&manager->writer) || burst_is_empty(&manager->burst))
                return;
        journal_onlined(&manager->burst, manager->machine.block_size_bytes, false);
        counters_add_burst(&manager->counters, &manager->burst);
        manager->burst = (Burst){};
        manager_look_at_zones(manager);
        manager->publisher.changes.nodes = true;
}

static int on_writer(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *manager = userdata;
        ActuatorReply reply;
        int r;

        (void) source, (void) fd, (void) revents;
        while ((r = writer_receive(&manager->writer, &reply)) > 0)
                if (writer_is_of_job(&reply))
                        manager_on_job_reply(manager, &reply);
                else if (reply.request.verb == ACTUATOR_SET_BLOCK)
                        manager_on_block_reply(manager, &reply);
                else if (reply.request.verb == ACTUATOR_SET_DAX)
                        manager_on_dax_reply(manager, &reply);
                else if (reply.request.verb == ACTUATOR_COUNT_PAGES)
                        manager_on_count_reply(manager, &reply);
                else
                        manager_on_auto_online_reply(manager, &reply);
        if (r < 0) {
                manager_fail(manager, "The actuator is gone", r);
                return 0;
        }

        if (manager->stopping)
                manager_run_jobs(manager);
        else
                manager_fill(manager);
        manager_end_burst(manager);
        manager_remember(manager);
        return 0;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void) source, (void) usec;
        manager_refresh_zones(userdata);
        return 0;
}

static int on_pressure(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Manager *manager = userdata;

        (void) fd;
        if (revents & (EPOLLERR | EPOLLHUP)) {
                log_info("The kernel does not tell of memory pressure any more");
                (void) sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        relief_on_pressure(&manager->relief, manager_now(manager));
        manager_refresh_zones(manager);
        return 0;
}

/*
 * Adds an input whose events are handled before everything else. Clients of the bus can send calls without an
 * end: neither added memory nor the next write waits for them. Passes have the priority of the bus, because
 * they may take long: between two of their steps, the bus has its turn.
 */
static int add_input(Manager *manager, int fd, sd_event_io_handler_t handler, sd_event_source **ret)
{
        int r = sd_event_add_io(manager->event, ret, fd, EPOLLIN, handler, manager);

        return r < 0 ? r : sd_event_source_set_priority(*ret, SD_EVENT_PRIORITY_IMPORTANT);
}

static int manager_attach(Manager *manager)
{
        int r = add_input(manager, monitor_get_fd(manager->monitor), on_monitor,
                          &manager->monitor_source);

        if (r >= 0)
                r = add_input(manager, manager->writer.channel.fd, on_writer,
                              &manager->writer_source);
        if (r >= 0)
                r = hang_watch_start(&manager->hang_watch, manager->event, &manager->writer,
                                     EXIT_INTERNAL);
        /* Accuracy of 1 us: with the default, a pass could run 250 ms late. */
        if (r >= 0)
                r = sd_event_add_time(manager->event, &manager->timer_source, CLOCK_MONOTONIC,
                                      UINT64_MAX, 1, on_timer, manager);
        /* A look may be late: with the default accuracy it shares a wake-up with other timers. */
        if (r >= 0)
                r = sd_event_add_time(manager->event, &manager->look_source, CLOCK_MONOTONIC,
                                      UINT64_MAX, 0, on_look, manager);
        if (r >= 0 && manager->klog_fd >= 0)
                r = add_input(manager, manager->klog_fd, on_klog, &manager->klog_source);
        if (r < 0 || manager->pressure_fd < 0)
                return r;
        r = sd_event_add_io(manager->event, &manager->pressure_source, manager->pressure_fd,
                            EPOLLPRI, on_pressure, manager);
        if (r < 0)
                log_info("Cannot listen to memory pressure: %s", strerror(-r));
        return 0;
}

/* The start */

static void manager_recall_counters(Manager *manager)
{
        int r = counters_load(manager->keeper.folder, &manager->counters);

        if (r < 0)
                log_warning("Cannot read %s/counters: %s, counting anew", manager->keeper.folder,
                            r == -EBADMSG ? "it is damaged or of another version" : strerror(-r));
        if (r <= 0)
                (void) sd_event_now(manager->event, CLOCK_REALTIME, &manager->counters.since_usec);
}

static void manager_recall(Manager *manager)
{
        int r = remember_load(manager->keeper.folder, &manager->machine);

        if (r == -EBADMSG)
                log_warning(
                        "The earlier state of the blocks is unknown: %s/blocks is damaged or of "
                        "another version, ignoring",
                        manager->keeper.folder);
        else if (r < 0)
                log_warning("Cannot read %s/blocks: %s, ignoring", manager->keeper.folder,
                            strerror(-r));
        r = takeover_load(manager->keeper.folder, &manager->takeover);
        if (r < 0)
                log_warning("Cannot read what auto_online_blocks was before from "
                            "%s/auto_online_blocks: %s, ignoring",
                            manager->keeper.folder, strerror(-r));
        /* After a crash, an offline block may be there since memoryd took the kernel's onlining over. */
        for (size_t i = 0; i < manager->machine.n_blocks; i++)
                manager->machine.blocks[i].found_offline &= manager->takeover.n_answers == 0;
}

int manager_start(Manager *manager)
{
        const TrackMode mode = {
                .at_start = true,
                .leave_offline = manager->conf.coldplug == COLDPLUG_LEAVE,
                .now_usec = manager_now(manager),
        };
        HostQuestion question = host_ask();
        int r = sysfs_read_block_size(&manager->sysfs, &manager->machine.block_size_bytes);

        if (r >= 0)
                r = manager_attach(manager);
        if (r >= 0)
                r = manager_list(manager, &mode);
        if (r >= 0)
                r = manager_read(manager, &mode, SIZE_MAX);
        if (r >= 0)
                r = manager_read_nodes(manager);
        host_take(&question, &manager->machine);
        if (r >= 0) {
                manager_recall_counters(manager);
                manager_recall(manager);
                r = manager_identify(manager);
        }
        if (r >= 0)
                r = manager_resume_dax_write(manager);
        if (r < 0)
                return r;

        capacity_recall(&manager->capacity);
        manager_tell_capacity(manager, true);
        manager->pass.grew_usec = 0;
        changed_ids_done(&manager->publisher.changes.blocks);
        (void) manager_take_over(manager);
        manager_schedule(manager, manager_now(manager));
        return 0;
}
