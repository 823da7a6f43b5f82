/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Checks for nodes with too little kernel memory. */

#include "base/format.h"
#include "base/parse.h"
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

/* Pages of 1 GiB */

#define GIGANTIC_BYTES (UINT64_C(1) << 30)

/* Whether a file that the kernel shows below a folder has a number above 0. */
static bool is_above_zero(const VerifyInput *input, int folder_fd, const char *path)
{
        char text[ATTRIBUTE_MAX];
        uint32_t number;

        return sysfs_read_text(input->sysfs, folder_fd, path, text, sizeof(text)) >= 0 &&
               parse_u32(text, &number) >= 0 && number > 0;
}

int verify_gigantic_pages(const VerifyInput *input, Findings *findings)
{
        int r = 0;

        if (!is_above_zero(input, input->sysfs->sys_fd,
                           "kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages") ||
            is_above_zero(input, input->sysfs->proc_fd, "sys/vm/movable_gigantic_pages"))
                return 0;
        for (size_t i = 0; r >= 0 && i < input->machine->n_nodes; i++) {
                const Node *node = &input->machine->nodes[i];
                const Totals *totals = &node->totals;

                if (totals->kernel_bytes >= GIGANTIC_BYTES ||
                    totals->movable_bytes < GIGANTIC_BYTES)
                        continue;
                r = findings_add_note(
                        findings, "gigantic-pages", finding_text("node %u", node->id),
                        strdup("This machine uses pages of 1 GiB, but this node has less than 1 "
                               "GiB of kernel memory, and its movable memory cannot hold such "
                               "pages."),
                        strdup("To have such pages on the node, raise min_kernel in "
                               "memoryd.conf(5), or on Linux 6.18 or later set "
                               "vm.movable_gigantic_pages to 1."));
        }
        return r;
}
