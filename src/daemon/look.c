/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/*
 * Looks at what the kernel sends no event about: the free memory of zones, the performance and the tiers
 * of nodes, memory that could not be added, the CXL region of a device, and the uses of pages.
 */

#include "daemon/internal.h"
#include "kernel/survey.h"
#include "kernel/tier.h"

static void manager_rebalance(Manager *manager, uint32_t node, uint32_t n_blocks)
{
        _cleanup_(selection_done) Selection refused = {};
        _cleanup_(request_done) Request request;
        uint32_t id;
        int r;

        request_init(&request, JOB_KIND_REBALANCE);
        request.node = (int32_t) node;
        request.size_bytes = n_blocks * manager->machine.block_size_bytes;
        request.zone_class = ZONE_CLASS_KERNEL;
        r = manager_add_job(manager, &request, UID_MEMORYD, &id, &refused);
        if (r > 0)
                log_notice("Cannot make kernel memory of %u blocks of node %u: %s", n_blocks, node,
                           refused.text);
        else if (r < 0)
                log_warning("Cannot make kernel memory of %u blocks of node %u: %s, ignoring",
                            n_blocks, node, strerror(-r));
}

static void manager_schedule_look(Manager *manager)
{
        uint64_t look_usec =
                relief_next_look(&manager->relief, acpi_devices_next_look(&manager->machine.acpi));

        (void) sd_event_source_set_time(manager->look_source, look_usec);
        (void) sd_event_source_set_enabled(manager->look_source, SD_EVENT_ONESHOT);
}

/* The kernel sends no event if it cannot add the memory of an ACPI device, it only says so in its log. */
static void manager_look_at_acpi(Manager *manager)
{
        size_t n_before = manager->machine.acpi.n_devices;
        int r = survey_acpi(&manager->sysfs, &manager->machine, manager_now(manager));

        /* The link of a device may come well after its blocks. */
        if (manager->machine.acpi.n_devices < n_before) {
                manager->pass.identify_needed = manager->pass.plan_needed = true;
                manager_schedule(manager, manager_now(manager));
        }

        if (r < 0)
                log_debug("Cannot look for memory devices without blocks: %s", strerror(-r));
        if (r <= 0)
                return;
        journal_failed_devices(&manager->machine);
        manager->publisher.changes.config = true;
}

void manager_look_at_zones(Manager *manager)
{
        uint64_t now = manager_now(manager);
        uint32_t node, n_blocks;
        int r = survey_zones(&manager->sysfs, &manager->machine);

        survey_performance(&manager->sysfs, &manager->machine);
        manager_look_at_acpi(manager);
        if (r < 0) {
                log_debug("Cannot read /proc/zoneinfo: %s", strerror(-r));
                manager_schedule_look(manager);
                return;
        }
        if (relief_check(&manager->relief, &manager->machine, now,
                         &manager->publisher.changes.short_nodes))
                manager->publisher.changes.nodes = true;
        manager_schedule_look(manager);
        manager_count(manager);
        while (manager->conf.rebalance && !manager->stopping &&
               relief_next(&manager->relief, &manager->machine, &manager->conf.policy, now, &node,
                           &n_blocks))
                manager_rebalance(manager, node, n_blocks);
}

void manager_refresh_zones(Manager *manager)
{
        if (relief_begin_look(&manager->relief, manager_now(manager)))
                manager_look_at_zones(manager);
        else
                manager_schedule_look(manager);
}

int manager_read_tiers(Manager *manager)
{
        int r = tiers_read(&manager->sysfs, &manager->machine);

        if (r < 0 && r != -ENOENT)
                log_debug("Cannot read the memory tiers: %s", strerror(-r));
        return r;
}

bool manager_read_cxl(const Manager *manager, const Device *device, CxlNames *ret)
{
        return device->origin == ORIGIN_KMEM && cxl_read(&manager->sysfs, device->name, ret);
}

int manager_count_pages(Manager *manager, uint32_t block)
{
        int r;

        if (manager->stopping)
                return -ESHUTDOWN;
        /* Memory that was added is waited for. */
        if (!writer_is_idle(&manager->writer))
                return -EAGAIN;
        if (manager->has_counted)
                return -EBUSY;
        r = writer_count_pages(&manager->writer, block);
        if (r == -EPIPE)
                manager_fail(manager, "Cannot reach the actuator", r);
        return r;
}

bool manager_take_counted(Manager *manager, CountedBlock *ret)
{
        bool has_counted = manager->has_counted;

        if (has_counted)
                *ret = manager->counted;
        manager->has_counted = false;
        return has_counted;
}

const HeldBlock *manager_find_held(Manager *manager, const Block *block)
{
        return held_find(&manager->held, block);
}

void manager_note_stuck(Manager *manager, uint64_t page, int error)
{
        uint64_t n_pages = manager->machine.block_size_bytes / manager->sysfs.page_size_bytes;
        uint64_t block = page / MAX(n_pages, UINT64_C(1)), realtime_usec = 0;

        (void) sd_event_now(manager->event, CLOCK_REALTIME, &realtime_usec);
        if (block <= UINT32_MAX)
                held_add_page(&manager->held, (uint32_t) block, page, error, realtime_usec);
}

void manager_count_refuser(Manager *manager, uint32_t block)
{
        manager->refuser = block;
        manager->has_refuser = manager_count_pages(manager, block) == 0;
}
