// SPDX-License-Identifier: GPL-2.0-only
// SPDX-FileCopyrightText: memoryd contributors
/*
 * memoryd_guard - refuse to online or offline memory against the zone rules
 *
 * Two rules that the kernel itself enforced in 3.8 and gave up in 4.13 and 4.14:
 *
 * strict_zone_order: on each node, all memory of the kernel zones has lower
 * addresses than all memory of ZONE_MOVABLE.
 *
 * require_kernel_zone: a node with memory has some in a kernel zone. The first
 * block does not go to ZONE_MOVABLE, and the last one in a kernel zone does not
 * go offline while there is memory in ZONE_MOVABLE. That is asked of nodes that
 * have CPUs: the others, such as those of CXL memory, are best movable as a
 * whole, and page tables and the like of their users are on the nodes of the
 * CPUs. cpuless_nodes asks it of all nodes, as 3.8 did.
 *
 * Memory notifiers are asked before a block changes its state, and can refuse it.
 * When they are asked about onlining, the block is part of its future zone
 * already: the span of that zone includes it, its present pages do not. They
 * are called one at a time, under the mem_hotplug_lock in write mode, so neither
 * zones nor counters change meanwhile.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/printk.h>

static bool strict_zone_order = true;
module_param(strict_zone_order, bool, 0644);
MODULE_PARM_DESC(strict_zone_order, "Keep kernel zones below ZONE_MOVABLE on each node. Default: true");

static bool require_kernel_zone = true;
module_param(require_kernel_zone, bool, 0644);
MODULE_PARM_DESC(require_kernel_zone, "Require kernel memory on each node with CPUs and memory. Default: true");

static bool cpuless_nodes;
module_param(cpuless_nodes, bool, 0644);
MODULE_PARM_DESC(cpuless_nodes, "Apply require_kernel_zone to nodes without CPUs as well. Default: false");

static ulong refused_zone_order;
module_param(refused_zone_order, ulong, 0444);
MODULE_PARM_DESC(refused_zone_order, "How often strict_zone_order refused");

static ulong refused_kernel_zone;
module_param(refused_kernel_zone, ulong, 0444);
MODULE_PARM_DESC(refused_kernel_zone, "How often require_kernel_zone refused");

static unsigned long present_kernel_pages(const struct pglist_data *pgdat)
{
	unsigned long present_pages = 0;
	int zid;

	for (zid = 0; zid < ZONE_MOVABLE; zid++)
		present_pages += pgdat->node_zones[zid].present_pages;

	return present_pages;
}

/* Only zones of the other kind matter, and they do not have the range. */
static bool keeps_order(const struct zone *zone, unsigned long start_pfn,
			unsigned long nr_pages)
{
	const struct zone *zones = zone->zone_pgdat->node_zones;
	int zid;

	if (zone_idx(zone) != ZONE_MOVABLE)
		return !zones[ZONE_MOVABLE].spanned_pages ||
		       start_pfn + nr_pages <= zones[ZONE_MOVABLE].zone_start_pfn;

	for (zid = 0; zid < ZONE_MOVABLE; zid++) {
		if (zones[zid].spanned_pages &&
		    start_pfn < zone_end_pfn(&zones[zid]))
			return false;
	}

	return true;
}

/* A node has CPUs as long as one of them is online. */
static bool requires_kernel_zone(const struct pglist_data *pgdat)
{
	return READ_ONCE(require_kernel_zone) &&
	       (READ_ONCE(cpuless_nodes) || node_state(pgdat->node_id, N_CPU));
}

static int refuse(ulong *counter, const char *action, const struct zone *zone,
		  const struct memory_notify *arg, const char *reason)
{
	const unsigned long long start = PFN_PHYS((u64)arg->start_pfn);
	const unsigned long long size = PFN_PHYS((u64)arg->nr_pages);

	WRITE_ONCE(*counter, *counter + 1);
	pr_warn_ratelimited("node %d: refused %s [mem %#llx-%#llx], zone %s: %s\n",
			    zone->zone_pgdat->node_id, action, start,
			    start + size - 1, zone->name, reason);

	return notifier_from_errno(-EPERM);
}

static int guard_online(const struct zone *zone, const struct memory_notify *arg)
{
	const bool movable = zone_idx(zone) == ZONE_MOVABLE;

	if (requires_kernel_zone(zone->zone_pgdat) && movable &&
	    !present_kernel_pages(zone->zone_pgdat))
		return refuse(&refused_kernel_zone, "to online", zone, arg,
			      "the node has no memory in a kernel zone");

	if (READ_ONCE(strict_zone_order) &&
	    !keeps_order(zone, arg->start_pfn, arg->nr_pages))
		return refuse(&refused_zone_order, "to online", zone, arg,
			      movable ? "below memory of a kernel zone" :
					"above memory of ZONE_MOVABLE");

	return NOTIFY_OK;
}

static int guard_offline(const struct zone *zone, const struct memory_notify *arg)
{
	const struct pglist_data *pgdat = zone->zone_pgdat;

	if (requires_kernel_zone(pgdat) && zone_idx(zone) != ZONE_MOVABLE &&
	    present_kernel_pages(pgdat) <= arg->nr_pages &&
	    pgdat->node_zones[ZONE_MOVABLE].present_pages)
		return refuse(&refused_kernel_zone, "to offline", zone, arg,
			      "the last memory of the node in a kernel zone");

	return NOTIFY_OK;
}

static int guard_notify(struct notifier_block *block, unsigned long action,
			void *data)
{
	const struct memory_notify *arg = data;

	switch (action) {
	case MEM_GOING_ONLINE:
		return guard_online(page_zone(pfn_to_page(arg->start_pfn)), arg);
	case MEM_GOING_OFFLINE:
		return guard_offline(page_zone(pfn_to_page(arg->start_pfn)), arg);
	default:
		return NOTIFY_DONE;
	}
}

/*
 * Last of all: when it refuses, everybody is told that nothing comes of it, and
 * everybody was told before that something would.
 */
static struct notifier_block guard_notifier = {
	.notifier_call = guard_notify,
	.priority = INT_MIN,
};

static int __init guard_init(void)
{
	return register_memory_notifier(&guard_notifier);
}
module_init(guard_init);

static void __exit guard_exit(void)
{
	unregister_memory_notifier(&guard_notifier);
}
module_exit(guard_exit);

MODULE_DESCRIPTION("Refuse to online or offline memory against the zone rules");
MODULE_AUTHOR("memoryd");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
