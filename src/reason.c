/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "reason.h"

#include "format.h"

#include <stdio.h>

#define RATIO_GUARDS (GUARD_NODE_RATIO | GUARD_MACHINE_RATIO)
#define RATIO_TEXT_MAX 32

static const Rule *find_rule(const Policy *policy, const Block *block)
{
        return block->rule >= 0 && (size_t) block->rule < policy->n_rules ?
                       &policy->rules[block->rule] :
                       NULL;
}

const char *reason_rule_name(const Policy *policy, const Block *block)
{
        const Rule *rule = find_rule(policy, block);

        if (block->rule == RULE_GONE)
                return "(removed)";
        return rule ? rule->name : "";
}

/* Whether a guard decided, or would have: rules that name a class do not ask them. */
static bool is_auto(const Block *block)
{
        return block->figures.limit > 0 || block->guards;
}

const char *reason_scope(const Block *block)
{
        if (!is_auto(block))
                return "";
        if (block->guards & GUARD_MIN_KERNEL)
                return "min_kernel";
        if (block->verdict == VERDICT_KERNEL && !(block->guards & RATIO_GUARDS))
                return block->guards & GUARD_WHOLE_DEVICE ? "" : "contiguous";
        return block->figures.of_machine ? "machine" : "node";
}

/* "8.00": to two places, up or down, so that what is over a limit never reads as the limit. */
static const char *format_ratio(const Figures *figures, bool up, char buffer[static RATIO_TEXT_MAX])
{
        uint64_t kernel = figures->kernel_bytes >> 12, movable = figures->movable_bytes >> 12;
        uint64_t percent;

        if (kernel == 0)
                return strcpy(buffer, movable > 0 ? "infinite" : "0.00");
        percent = (movable * 100 + (up ? kernel - 1 : 0)) / kernel;
        snprintf(buffer, RATIO_TEXT_MAX, "%llu.%02llu", (unsigned long long) (percent / 100),
                 (unsigned long long) (percent % 100));
        return buffer;
}

static const char *format_limit(uint64_t permille, char buffer[static RATIO_TEXT_MAX])
{
        int n = snprintf(buffer, RATIO_TEXT_MAX, "%llu.%03llu",
                         (unsigned long long) (permille / 1000),
                         (unsigned long long) (permille % 1000));

        if (buffer[n - 1] == '0')
                buffer[n - 1] = 0;
        return buffer;
}

/* What a block's group is called in a sentence: itself, or the device it is treated as one with. */
static int format_subject(const Machine *machine, const Block *block, char **ret)
{
        const Device *device = machine_device(machine, block);

        if (!(block->guards & GUARD_WHOLE_DEVICE))
                return asprintf(ret, "it and what is above it movable");
        return asprintf(ret, "all of %s movable, as whole_device asks",
                        device && *device->name ? device->name : "its device");
}

static const char *format_place(const Block *block, const char *scope,
                                char buffer[static RATIO_TEXT_MAX])
{
        if (strcmp(scope, "machine") == 0)
                return strcpy(buffer, "the machine");
        snprintf(buffer, RATIO_TEXT_MAX, "node %d", block->node);
        return buffer;
}

static int format_ratio_reason(const Machine *machine, const Block *block, const char *scope,
                               char **ret)
{
        const Figures *figures = &block->figures;
        char kernel[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX], place[RATIO_TEXT_MAX];
        char ratio[RATIO_TEXT_MAX], limit[RATIO_TEXT_MAX];
        bool is_over = block->verdict == VERDICT_KERNEL;
        _cleanup_free_ char *subject = NULL;

        format_bytes(figures->kernel_bytes, kernel);
        format_bytes(figures->movable_bytes, movable);
        format_place(block, scope, place);
        format_ratio(figures, is_over, ratio);
        format_limit(figures->limit, limit);
        if (!is_over)
                return asprintf(ret,
                                "%s then has %s movable to %s kernel memory, %s to 1, within "
                                "max_movable_ratio %s",
                                place, movable, kernel, ratio, limit);
        if (format_subject(machine, block, &subject) < 0)
                return -1;
        return asprintf(ret,
                        "with %s, %s would have %s movable to %s kernel memory, %s to 1, over "
                        "max_movable_ratio %s",
                        subject, place, movable, kernel, ratio, limit);
}

static int format_auto_reason(const Machine *machine, const Block *block, char **ret)
{
        const Device *device = machine_device(machine, block);
        const char *scope = reason_scope(block);
        char kernel[FORMAT_BYTES_MAX], limit[FORMAT_BYTES_MAX];

        if (strcmp(scope, "min_kernel") == 0)
                return asprintf(ret, "node %d had %s of kernel memory, min_kernel asks for %s",
                                block->node, format_bytes(block->figures.kernel_bytes, kernel),
                                format_bytes(block->figures.limit, limit));
        if (strcmp(scope, "contiguous") == 0)
                return asprintf(ret,
                                "memory%llu above it on node %d is, and contiguous keeps kernel "
                                "memory below movable memory",
                                (unsigned long long) block->figures.limit, block->node);
        if ((block->guards & GUARD_WHOLE_DEVICE) && !(block->guards & RATIO_GUARDS))
                return asprintf(ret, "the rest of %s is, and whole_device asks for one class",
                                device && *device->name ? device->name : "its device");
        return format_ratio_reason(machine, block, scope, ret);
}

/* Who says so: "rule 'x' (file:line)". */
static int format_rule(const Policy *policy, const Block *block, char **ret)
{
        const Rule *rule = find_rule(policy, block);

        if (rule && rule->file)
                return asprintf(ret, "rule '%s' (%s:%u)", rule->name, rule->file, rule->line);
        if (rule)
                return asprintf(ret, "rule '%s'", rule->name);
        return asprintf(ret, "%s",
                        block->rule == RULE_GONE ? "a rule that is gone since" : "the default");
}

static int format_undecided(const Block *block, char **ret)
{
        if (block->status == BLOCK_STATUS_WAITING)
                return asprintf(ret, "not decided: it has no node yet");
        if (block->status == BLOCK_STATUS_LEFT)
                return asprintf(ret,
                                "left alone: it was offline when memoryd started, and coldplug "
                                "says so");
        if (block->status == BLOCK_STATUS_OFFLINED)
                return asprintf(ret, "left alone: somebody else took it offline");
        if (block->status == BLOCK_STATUS_INITIAL)
                return asprintf(ret, "not decided: it was online when memoryd started");
        return asprintf(ret, "not decided yet");
}

static int format_decided(const Machine *machine, const Block *block, const char *rule, char **ret)
{
        static const char *const classes[_VERDICT_MAX] = {
                [VERDICT_KERNEL] = "kernel",
                [VERDICT_MOVABLE] = "movable",
                [VERDICT_KERNEL_DEFAULT] = "what the kernel chooses",
                [VERDICT_LEAVE] = "left alone",
        };
        const Device *device = machine_device(machine, block);
        _cleanup_free_ char *why = NULL;

        if (block->verdict == VERDICT_LEAVE && device && device->onlines_itself)
                return asprintf(ret,
                                "left alone: %s has an attribute of its own for being onlined "
                                "as a whole",
                                device->name);
        if (block->action == ZONE_ACTION_KEEP && !is_auto(block))
                return asprintf(ret, "%s by %s, which keeps the class it was in when last online",
                                classes[block->verdict], rule);
        if (!is_auto(block))
                return asprintf(ret, "%s by %s", classes[block->verdict], rule);
        if (format_auto_reason(machine, block, &why) < 0)
                return -1;
        return asprintf(ret, "%s by %s: %s", classes[block->verdict], rule, why);
}

int reason_format(const Machine *machine, const Policy *policy, const Block *block, char **ret)
{
        _cleanup_free_ char *rule = NULL;
        char *text = NULL;
        int r;

        if (block->verdict == VERDICT_NONE)
                r = format_undecided(block, &text);
        else if (format_rule(policy, block, &rule) < 0)
                r = -1;
        else
                r = format_decided(machine, block, rule, &text);
        if (r < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}
