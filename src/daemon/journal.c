/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Logs messages about blocks, bursts, jobs and nodes. */

#include "daemon/journal.h"

#include "base/names.h"
#include "policy/holds.h"

#include <stdio.h>

/* Other names are not looked up: a directory server may take any time to answer. */
const char *user_format(uint32_t uid, char buffer[static USER_STRING_MAX])
{
        if (uid == 0)
                return strcpy(buffer, "root");
        if (uid == UINT32_MAX)
                return strcpy(buffer, "memoryd");
        snprintf(buffer, USER_STRING_MAX, "%u", uid);
        return buffer;
}

static const char *plural(unsigned n)
{
        return n == 1 ? "" : "s";
}

/* The name of the rule that decided on a block. NULL for the default, and for a rule that was removed. */
static const char *rule_name(const Policy *policy, const Block *block)
{
        const Rule *rule = policy_rule(policy, block->decision.rule);

        return rule ? rule->name : NULL;
}

static LogContext block_context(const Policy *policy, const Block *block, const char *message_id)
{
        return (LogContext){
                .message_id = message_id,
                .has_block = true,
                .block = block->id,
                .node = block->node,
                .rule = rule_name(policy, block),
        };
}

void journal_given_up(const PassNext *next, uint64_t settle_usec)
{
        if (next->kernel.n > 0)
                log_notice("The kernel left %u block%s offline (memory%u first), onlining %s",
                           next->kernel.n, plural(next->kernel.n), next->kernel.first,
                           next->kernel.n == 1 ? "it" : "them");
        if (next->nodeless.n > 0)
                log_warning("No node yet for %u block%s (memory%u first), waiting for it",
                            next->nodeless.n, plural(next->nodeless.n), next->nodeless.first);
        if (next->held.n > 0)
                log_info("The kernel is still adding the device of %u block%s (memory%u first), "
                         "deciding when it is known",
                         next->held.n, plural(next->held.n), next->held.first);
        if (next->n_unknown > 0)
                log_warning("Device or udev properties of %u block%s still unknown after %.1f s, "
                            "deciding without them",
                            next->n_unknown, plural(next->n_unknown),
                            (double) settle_usec / (double) USEC_PER_SEC);
}

void journal_decided(const Policy *policy, const Block *block)
{
        char guards[GUARDS_STRING_MAX];

        log_debug("memory%u on node %d: %s by %s%s%s", block->id, block->node,
                  verdict_to_string(block->decision.verdict), rule_name(policy, block) ?: "default",
                  block->decision.guards ? ", guards " : "",
                  guards_format(block->decision.guards, guards));
}

void journal_foreign(const Policy *policy, const Block *block, unsigned n)
{
        LogContext context = block_context(policy, block, MESSAGE_ID_FOREIGN_BLOCK);

        log_full(LOG_NOTICE, &context,
                 "%u block%s onlined by something other than memoryd, against the policy: memory%u "
                 "is %s, the policy "
                 "has it %s",
                 n, n == 1 ? " was" : "s were", block->id, zone_class_to_string(block_class(block)),
                 verdict_to_string(block->decision.verdict));
}

void journal_failed(const Policy *policy, const Block *block, Outcome outcome, bool is_first,
                    uint64_t now_usec)
{
        LogContext context = block_context(policy, block, NULL);

        if (block->status == BLOCK_STATUS_FAILED) {
                context.message_id = MESSAGE_ID_BLOCK_FAILED;
                log_full(LOG_ERR, &context, "Cannot online memory%u as %s after %u attempts: %s",
                         block->id, verdict_to_string(block->decision.verdict), block->attempts,
                         strerror(-block->error));
                return;
        }
        /* Warn once per burst: the summary has the number of failures. */
        log_full(is_first ? LOG_WARNING : LOG_DEBUG, &context,
                 "Cannot online memory%u as %s now (%s: %s), ignoring for %.1f s", block->id,
                 verdict_to_string(block->decision.verdict), outcome_to_string(outcome),
                 strerror(-block->error),
                 (double) (block->retry_at_usec - now_usec) / (double) USEC_PER_SEC);
}

void journal_raced(const Policy *policy, const Block *block)
{
        LogContext context = block_context(policy, block, MESSAGE_ID_FOREIGN_BLOCK);

        log_full(LOG_NOTICE, &context,
                 "memory%u was onlined by something other than memoryd, which was faster: it is "
                 "%s, the policy has "
                 "it %s",
                 block->id, zone_class_to_string(block_class(block)),
                 verdict_to_string(block->decision.verdict));
}

void journal_dax_write_failed(const char *device, Verdict verdict, bool is_lost,
                              bool is_tried_again, int error)
{
        const LogContext context = { .device = device };
        const char *word = online_word_to_string(online_word_of_verdict(verdict));

        if (!is_lost)
                log_full(LOG_WARNING, &context,
                         "Cannot online %s as a whole (\"unplugged\" to its state: %s), onlining "
                         "its blocks one by one",
                         device, strerror(-error));
        else if (is_tried_again)
                log_full(LOG_WARNING, &context,
                         "%s has no blocks now: its state took \"unplugged\", but not \"%s\" (%s), "
                         "trying again",
                         device, word, strerror(-error));
        else
                log_full(LOG_ERR, &context,
                         "%s has lost its blocks: its state took \"unplugged\", but not \"%s\" "
                         "(%s); write \"%s\" to /sys/bus/dax/devices/%s/state to have them back",
                         device, word, strerror(-error), word, device);
}

void journal_dax_offline(const char *device, DaxState state, int error)
{
        const LogContext context = { .device = device };

        if (state == DAX_STATE_NONE)
                log_full(LOG_WARNING, &context,
                         "%s is offline, but its driver did not take it again (%s); \"daxctl "
                         "reconfigure-device --mode=system-ram --no-online %s\" has it do so",
                         device, strerror(-error), device);
        else if (error < 0)
                log_full(LOG_WARNING, &context,
                         "Cannot bring the state of %s, all of which is offline, to \"offline\" "
                         "(%s): it is \"%s\", ignoring",
                         device, strerror(-error), dax_state_to_string(state));
        else
                log_full(LOG_INFO, &context, "All of %s is offline, and its state is \"%s\"",
                         device, dax_state_to_string(state));
}

void journal_onlined(const Burst *burst, uint64_t block_size_bytes, bool by_kernel)
{
        const LogContext context = { .message_id = MESSAGE_ID_BURST_DONE };
        char text[BURST_STRING_MAX];

        if (burst->n_kernel + burst->n_movable > 0)
                log_full(LOG_NOTICE, &context,
                         by_kernel ? "The kernel onlined %s, as the policy has it" : "Onlined %s",
                         burst_format(burst, block_size_bytes, text));
}

void journal_job_ended(const Job *job, const Machine *machine)
{
        const LogContext context = { .message_id = MESSAGE_ID_JOB_ENDED, .job = job->id };
        _cleanup_free_ char *report = NULL;
        char user[USER_STRING_MAX];

        if (job_format_report(job, machine, true, &report) < 0)
                return;
        log_full(job->state == JOB_STATE_DONE ? LOG_NOTICE : LOG_WARNING, &context,
                 "Job %u, %s %s for %s: %s", job->id, job_kind_to_string(job->request.kind),
                 job->target, user_format(job->uid, user), report);
}

void journal_failed_unplug(const Machine *machine, const FailedUnplug *failed,
                           const PageCounts *pages)
{
        const Block *refuser = machine_find_block(machine, failed->refuser);
        const Device *device = refuser ? machine_device(machine, refuser) : NULL;
        const LogContext context = {
                .message_id = MESSAGE_ID_UNPLUG_REFUSED,
                .has_block = true,
                .block = failed->refuser,
                .node = refuser ? refuser->node : NODE_NONE,
        };
        _cleanup_free_ char *holds = NULL;
        char size[FORMAT_BYTES_MAX], text[160];

        /* If memory is short, what held the block is not told. */
        if (pages)
                (void) holds_format(pages, &holds);
        if (failed->n_changed > 0)
                snprintf(text, sizeof(text),
                         "; the kernel brought %u block%s (%s) back in another class, which "
                         "memoryd restores",
                         failed->n_changed, plural(failed->n_changed),
                         format_bytes(failed->n_changed * machine->block_size_bytes, size));
        else
                snprintf(text, sizeof(text), "; all blocks are in their class of before");
        log_full(LOG_NOTICE, &context,
                 "%s could not be unplugged, because memory%u did not go "
                 "offline%s%s%s%s",
                 device && *device->name ? device->name : "A device", failed->refuser,
                 holds ? " (" : "", holds ?: "", holds ? ")" : "", text);
}

void journal_short(uint32_t node, const Shortage *shortage)
{
        const LogContext context = {
                .message_id = MESSAGE_ID_KERNEL_MEMORY_SHORT,
                .has_node = true,
                .node = (int32_t) node,
        };
        char left[FORMAT_BYTES_MAX], low[FORMAT_BYTES_MAX], movable[FORMAT_BYTES_MAX];

        log_full(LOG_NOTICE, &context,
                 "Node %u is short of kernel memory: %s free, its low watermark is %s, while %s of "
                 "its movable memory are free",
                 node, format_bytes(shortage->free_bytes, left),
                 format_bytes(shortage->low_bytes, low),
                 format_bytes(shortage->movable_free_bytes, movable));
}

void journal_failed_devices(Machine *machine)
{
        for (size_t i = 0; i < machine->acpi.n_devices; i++) {
                AcpiDevice *device = &machine->acpi.devices[i];
                const LogContext context = { .message_id = MESSAGE_ID_DEVICE_FAILED,
                                             .device = device->name };
                char text[ACPI_TEXT_MAX];

                if (device->failed && !device->told)
                        log_full(LOG_NOTICE, &context, "%s",
                                 acpi_device_format(machine, device, text));
                device->told = device->failed;
        }
}

void journal_faults(const ConfFaults *faults, int level, const char *message_id)
{
        const LogContext context = { .message_id = message_id };

        for (size_t i = 0; i < faults->n_faults; i++) {
                _cleanup_free_ char *text = NULL;

                if (conf_fault_format(&faults->faults[i], &text) >= 0)
                        log_full(level, &context, "%s", text);
        }
}
