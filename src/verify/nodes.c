/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks for nodes without kernel memory. */

#include "base/format.h"
#include "policy/guard.h"
#include "verify/verify.h"

/* Why a node may have movable memory only. */
typedef struct Excuse {
        bool is_meant;      /* a rule with movable_node matches some of its blocks: see policy.h */
        const Rule *leaves; /* the rule that leaves all of its online blocks to others, or NULL */
} Excuse;

static Excuse find_excuse(const VerifyInput *input, Matcher *matcher, const Node *node)
{
        const Machine *machine = input->machine;
        Excuse excuse = {};
        bool all_left = true;

        for (size_t i = 0; i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Rule *rule;

                if (block->node != (int32_t) node->id)
                        continue;
                rule = matcher_find(matcher, block, node);
                excuse.is_meant |= guard_is_exempt(rule);
                if (rule && verdict_is_left(zone_action_to_verdict(rule->zone)))
                        excuse.leaves = rule;
                else
                        all_left &= block->state != BLOCK_ONLINE;
        }
        if (!all_left)
                excuse.leaves = NULL;
        return excuse;
}

bool verify_has_movable_only_node(const VerifyInput *input)
{
        Matcher matcher = { .policy = &input->conf->policy, .machine = input->machine };

        for (size_t i = 0; i < input->machine->n_nodes; i++) {
                const Node *node = &input->machine->nodes[i];

                if (guard_is_movable_only(&node->totals) &&
                    !find_excuse(input, &matcher, node).leaves)
                        return true;
        }
        return false;
}

static int add_node(const Node *node, const Rule *leaves, Findings *findings)
{
        char size[FORMAT_BYTES_MAX];
        char *subject = finding_text("node %u", node->id);

        (void) format_bytes(node->totals.movable_bytes, size);
        if (leaves)
                return findings_add_note(
                        findings, "movable-only-node", subject,
                        finding_text("All of its memory (%s) is movable: page tables and data of "
                                     "the kernel cannot be there. The policy leaves this memory to "
                                     "other programs (rule '%s').",
                                     size, leaves->name),
                        strdup(""));
        return findings_add(
                findings, "movable-only-node", subject,
                finding_text("All of its memory (%s) is movable: page tables and data of the "
                             "kernel cannot be there, and what is bound to the node can run out "
                             "of memory.",
                             size),
                finding_text("Make some of it kernel memory with \"memoryctl set-zone\", or say "
                             "that it is meant by a rule for node %u with movable_node = true.",
                             node->id));
}

int verify_nodes(const VerifyInput *input, Findings *findings)
{
        Matcher matcher = { .policy = &input->conf->policy, .machine = input->machine };
        int r = 0;

        if (input->conf->policy.min_kernel_bytes == 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < input->machine->n_nodes; i++) {
                const Node *node = &input->machine->nodes[i];
                Excuse excuse;

                if (!guard_is_movable_only(&node->totals))
                        continue;
                excuse = find_excuse(input, &matcher, node);
                if (!excuse.is_meant)
                        r = add_node(node, excuse.leaves, findings);
        }
        return r;
}
