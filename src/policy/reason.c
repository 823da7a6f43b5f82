/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Explains in a sentence why a block is what it is. */

#include "policy/reason.h"

#include "policy/guard.h"
#include "policy/track.h"

#include <stdio.h>

#define RATIO_GUARDS (GUARD_NODE_RATIO | GUARD_MACHINE_RATIO)

const char *reason_rule_name(const Policy *policy, const Block *block)
{
        const Rule *rule = policy_rule(policy, block->decision.rule);

        if (block->decision.rule == RULE_GONE)
                return "(removed)";
        return rule ? rule->name : "";
}

/* Whether the guards were asked about a block. A rule that names a class does not ask them. */
static bool is_auto(const Block *block)
{
        return block->decision.figures.limit > 0 || block->decision.guards;
}

const char *reason_scope(const Block *block)
{
        const Decision *decision = &block->decision;

        if (!is_auto(block))
                return "";
        if (decision->guards & GUARD_MIN_KERNEL)
                return "min_kernel";
        if (decision->guards & GUARD_CONTIGUOUS && !(decision->guards & RATIO_GUARDS))
                return "contiguous";
        /* The block is kernel memory because the rest of its device is. */
        if (decision->verdict == VERDICT_KERNEL && !(decision->guards & RATIO_GUARDS))
                return "";
        return decision->figures.of_machine ? "machine" : "node";
}

static int format_ratio_reason(const Block *block, char **ret)
{
        const Figures *figures = &block->decision.figures;
        bool is_over = block->decision.verdict == VERDICT_KERNEL;
        char place[32] = "the machine", memory[FIGURES_STRING_MAX], limit[RATIO_STRING_MAX];

        if (!figures->of_machine)
                snprintf(place, sizeof(place), "node %d", block->node);
        figures_format(figures, is_over, memory);
        ratio_format(figures->limit, limit);
        if (!is_over)
                return asprintf(ret, "%s then has %s, within max_movable_ratio %s", place, memory,
                                limit);
        return asprintf(ret,
                        "if this block%s were movable, %s would have %s, over max_movable_ratio %s",
                        figures->of_machine ? "" : " and those above it", place, memory, limit);
}

static int format_min_kernel_reason(const Block *block, char **ret)
{
        const Figures *figures = &block->decision.figures;
        char kernel[FORMAT_BYTES_MAX], limit[FORMAT_BYTES_MAX];
        bool has_any = figures->kernel_bytes > 0;

        format_bytes_exact(figures->kernel_bytes, kernel);
        format_bytes_exact(figures->limit, limit);
        return asprintf(ret, "node %d had %s%s kernel memory, and min_kernel asks for %s",
                        block->node, has_any ? kernel : "no", has_any ? " of" : "", limit);
}

static int format_order_reason(const Machine *machine, const Block *block, char **ret)
{
        const Device *device = machine_device(machine, block);
        unsigned long long other = block->decision.figures.limit;

        if (block->decision.verdict == VERDICT_MOVABLE)
                return asprintf(ret,
                                "memory%llu below it on node %d is movable, and the kernel's "
                                "strict_zone_order allows no kernel memory above it",
                                other, block->node);
        if (machine->strict_zone_order)
                return asprintf(ret,
                                "memory%llu above it on node %d is kernel memory, and the kernel's "
                                "strict_zone_order allows no movable memory below it",
                                other, block->node);
        return asprintf(ret,
                        "memory%llu above it is kernel memory, and contiguous keeps kernel memory "
                        "below movable memory in %s",
                        other, device_text(device));
}

/* Formats the first guard of a decision, with its figures. */
static int format_guard_reason(const Machine *machine, const Block *block, char **ret)
{
        const char *scope = reason_scope(block);

        if (strcmp(scope, "min_kernel") == 0)
                return format_min_kernel_reason(block, ret);
        if (strcmp(scope, "contiguous") == 0)
                return format_order_reason(machine, block, ret);
        return format_ratio_reason(block, ret);
}

static int format_auto_reason(const Machine *machine, const Block *block, char **ret)
{
        const Device *device = machine_device(machine, block);
        bool is_movable = block->decision.verdict == VERDICT_MOVABLE;
        _cleanup_free_ char *why = NULL;
        char group[DEVICE_NAME_MAX + 16]; /* the device or unit that whole_device decides as one */

        if (!(block->decision.guards & GUARD_WHOLE_DEVICE))
                return format_guard_reason(machine, block, ret);
        snprintf(group, sizeof(group), "%s%s",
                 device && device->unit_blocks > 0 ? "its unit of " : "", device_text(device));
        if (is_movable || !*reason_scope(block))
                return asprintf(
                        ret, "the rest of %s is %s, and whole_device keeps a device in one class",
                        group, is_movable ? "movable" : "kernel memory");
        if (format_guard_reason(machine, block, &why) < 0)
                return -1;
        return asprintf(ret, "%s, and whole_device keeps all of %s in one class", why, group);
}

/* Formats the rule of a decision: "(rule 'x', file:line)". */
static int format_rule(const Policy *policy, const Block *block, char **ret)
{
        const Rule *rule = policy_rule(policy, block->decision.rule);

        if (rule && rule->file)
                return asprintf(ret, "(rule '%s', %s:%u)", rule->name, rule->file, rule->line);
        if (rule)
                return asprintf(ret, "(rule '%s')", rule->name);
        return asprintf(ret, "%s",
                        block->decision.rule == RULE_GONE ? "(a rule that has been removed since)" :
                                                            "(default rule)");
}

static int format_undecided(const Block *block, char **ret)
{
        static const char *const texts[_BLOCK_STATUS_MAX] = {
                [BLOCK_STATUS_INITIAL] = "not decided: the block was online when memoryd started",
                [BLOCK_STATUS_WAITING] = "not decided: the block has no node yet",
                [BLOCK_STATUS_LEFT] = "left alone: the block was offline when memoryd started, and "
                                      "coldplug is \"leave\"",
                [BLOCK_STATUS_OFFLINED] = "left alone: something other than memoryd took it "
                                          "offline",
        };
        const char *text = texts[block->status] ?: "not decided yet";

        if (block->held)
                text = "not decided yet: the kernel is still adding its device";

        if (block->status == BLOCK_STATUS_OFFLINED && block->offliner == ONLINER_MEMORYD)
                text = "left alone: memoryd took it offline on request";
        return asprintf(ret, "%s", text);
}

/*
 * Whether a kernel block lies above movable memory of its device because that was online before the block was
 * decided: the kernel had not added all of the device by then, or the first attempt at the block failed.
 */
static bool is_late(const Machine *machine, const Block *block)
{
        const Device *device = machine_device(machine, block);

        if (!device || !device_is_static(device) || block->decision.verdict != VERDICT_KERNEL)
                return false;
        for (size_t i = 0; i < machine->n_blocks && machine->blocks[i].id < block->id; i++) {
                const Block *other = &machine->blocks[i];

                if (other->device == block->device && other->status == BLOCK_STATUS_DONE &&
                    block_class(other) == ZONE_CLASS_MOVABLE &&
                    other->decided_usec < block->decided_usec)
                        return true;
        }
        return false;
}

/* Formats what the state of a dax device has to do with a block: "" for nothing. */
static int format_of_device(const Block *block, const Device *device, char **ret)
{
        if (block->by_itself)
                return asprintf(ret, "; %s could not be onlined as a whole", device_text(device));
        if (block->status == BLOCK_STATUS_LEFT && device && device->dax_state == DAX_STATE_OFFLINE)
                return asprintf(
                        ret,
                        "; to have all of %s online, run \"memoryctl online --device %s\", or "
                        "write \"unplugged\" and then a word such as \"online_movable\" "
                        "to its state",
                        device->name, device->name);
        return asprintf(ret, "%s", "");
}

static int format_decided(const Machine *machine, const Block *block, const char *rule, char **ret)
{
        static const char *const classes[_VERDICT_MAX] = {
                [VERDICT_KERNEL] = "kernel",
                [VERDICT_MOVABLE] = "movable",
                [VERDICT_KERNEL_DEFAULT] = "the kernel's choice",
                [VERDICT_LEAVE] = "left alone",
                [VERDICT_OFFLINE] = "left offline until an administrator asks for it",
        };
        const char *class = classes[block->decision.verdict];
        const char *added = "";
        const Device *device = machine_device(machine, block);
        _cleanup_free_ char *why = NULL, *of_device = NULL;

        if (block->decision.verdict == VERDICT_LEAVE && machine_is_owned(machine, block))
                return asprintf(ret,
                                "left alone: something other than memoryd onlined %s as a whole, "
                                "and its state is \"%s\"",
                                device_text(device), dax_state_to_string(device->dax_state));
        if (format_of_device(block, device, &of_device) < 0)
                return -1;
        if (block->decision.action == ZONE_ACTION_KEEP)
                added = ": the class it had when it was last online";
        else if (track_is_left_for_now(machine, block))
                added = ": if no other program onlines it within leave_delay, memoryd does what "
                        "the "
                        "kernel would do without it";
        else if (block->decision.action == ZONE_ACTION_LEAVE &&
                 !verdict_is_left(block->decision.verdict))
                added = ": without memoryd, the kernel would online it so";
        if (!is_auto(block))
                return asprintf(ret, "%s %s%s%s", class, rule, added, of_device);
        if (format_auto_reason(machine, block, &why) < 0)
                return -1;
        return asprintf(ret, "%s %s: %s%s%s%s", class, rule,
                        block->decision.action == ZONE_ACTION_KEEP ? "no class to keep is known; " :
                                                                     "",
                        why,
                        is_late(machine, block) ?
                                "; it lies above movable memory of its device, which was online "
                                "before this block was decided" :
                                "",
                        of_device);
}

/* Formats the class that a block is in, and the decision that wanted another one. */
static int format_foreign(const Machine *machine, const Block *block, const char *rule, char **ret)
{
        _cleanup_free_ char *decided = NULL;

        if (format_decided(machine, block, rule, &decided) < 0)
                return -1;
        return asprintf(ret, "%s: %s onlined it; the policy wants %s",
                        zone_class_to_string(block_class(block)),
                        block->onliner == ONLINER_KERNEL ? "the kernel" :
                                                           "something other than memoryd",
                        decided);
}

/* Formats what a job does, or did, to a block. */
static int format_requested(const Block *block, char **ret)
{
        if (block->status == BLOCK_STATUS_OFFLINING)
                return asprintf(ret, "memoryd is taking it offline on request");
        if (block->status == BLOCK_STATUS_WRITING)
                return asprintf(ret, "memoryd is making it %s on request",
                                block->decision.verdict == VERDICT_MOVABLE ? "movable" :
                                                                             "kernel memory");
        return asprintf(ret, "%s on request",
                        block_class(block) == ZONE_CLASS_MOVABLE ? "movable" : "kernel memory");
}

/* Whether memoryd is about to restore the class of a block, or is at it. */
static bool is_restoring(const Block *block)
{
        const Rollback *rollback = &block->rollback;

        return rollback->is_set && rollback->from != rollback->to && block->job != 0 &&
               block->job_class == rollback->from && block_class(block) != rollback->from;
}

static const char *class_text(ZoneClass zone_class)
{
        return zone_class == ZONE_CLASS_MOVABLE ? "movable" : "kernel memory";
}

/* Formats what a failed unplug did to a block. */
static int format_rollback(const Machine *machine, const Block *block, char **ret)
{
        const Rollback *rollback = &block->rollback;
        const Device *device = machine_device(machine, block);
        const char *name = device_text(device), *from = class_text(rollback->from);

        if (rollback->refuser == block->id)
                return asprintf(ret,
                                "%s could not be unplugged, because this block did not go offline",
                                name);
        if (rollback->from == rollback->to)
                return asprintf(ret,
                                "%s could not be unplugged, because memory%u did not go offline; "
                                "the kernel onlined this block again as it was",
                                name, rollback->refuser);
        return asprintf(ret,
                        "%s could not be unplugged, because memory%u did not go offline; the "
                        "kernel onlined this block as %s, and memoryd %s %s again",
                        name, rollback->refuser, class_text(rollback->to),
                        is_restoring(block)                  ? "is making it" :
                        block_class(block) == rollback->from ? "made it" :
                                                               "could not make it",
                        from);
}

/* Appends what a failed unplug did to a block to a reason, which is owned. Returns 0 or -ENOMEM. */
static int append_rollback(const Machine *machine, const Block *block, char **reason)
{
        _cleanup_free_ char *rollback = NULL, *before = *reason;

        *reason = NULL;
        if (format_rollback(machine, block, &rollback) < 0 ||
            asprintf(reason, "%s; %s", before, rollback) < 0) {
                *reason = NULL;
                return -ENOMEM;
        }
        return 0;
}

int reason_format(const Machine *machine, const Policy *policy, const Block *block, char **ret)
{
        _cleanup_free_ char *rule = NULL;
        char *text = NULL;
        int r;

        if (is_restoring(block) && block->decision.verdict != VERDICT_NONE)
                r = format_rule(policy, block, &rule) < 0 ?
                            -1 :
                            format_decided(machine, block, rule, &text);
        else if (block->status == BLOCK_STATUS_OFFLINING ||
                 block->status == BLOCK_STATUS_REQUESTED ||
                 (block->status == BLOCK_STATUS_WRITING && block->job != 0))
                r = format_requested(block, &text);
        else if (block->decision.verdict == VERDICT_NONE || block->status == BLOCK_STATUS_OFFLINED)
                r = format_undecided(block, &text);
        else if (format_rule(policy, block, &rule) < 0)
                r = -1;
        else if (block->status == BLOCK_STATUS_FOREIGN)
                r = format_foreign(machine, block, rule, &text);
        else
                r = format_decided(machine, block, rule, &text);
        if (r < 0 || (block->rollback.is_set && append_rollback(machine, block, &text) < 0))
                return -ENOMEM;
        *ret = text;
        return 0;
}

void burst_add(Burst *burst, Block *block, uint64_t now_usec)
{
        if (block_class(block) == ZONE_CLASS_MOVABLE)
                burst->n_movable++;
        else
                burst->n_kernel++;
        if (block->node >= 0)
                node_set_add(&burst->nodes, (uint32_t) block->node);
        if (block->added_usec > 0 &&
            (burst->added_usec == 0 || block->added_usec < burst->added_usec))
                burst->added_usec = block->added_usec;
        burst->online_usec = now_usec;
        block->added_usec = 0;
}

bool burst_is_empty(const Burst *burst)
{
        return burst->n_kernel + burst->n_movable + burst->n_failed == 0;
}

const char *burst_format(const Burst *burst, uint64_t block_size_bytes,
                         char buffer[static BURST_STRING_MAX])
{
        unsigned n = burst->n_kernel + burst->n_movable;
        char size[FORMAT_BYTES_MAX], nodes[64], failed[48] = "";

        format_bytes(n * block_size_bytes, size);
        format_nodes(&burst->nodes, nodes, sizeof(nodes));
        if (burst->n_failed > 0)
                snprintf(failed, sizeof(failed), ", %u attempts failed", burst->n_failed);
        snprintf(buffer, BURST_STRING_MAX, "%u block%s (%s) on node%s %s: %u kernel, %u movable%s",
                 n, n == 1 ? "" : "s", size, strpbrk(nodes, ",-") ? "s" : "", nodes,
                 burst->n_kernel, burst->n_movable, failed);
        return buffer;
}
