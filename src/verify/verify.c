/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks udev rules, the command line, nodes and blocks. */

#include "verify/verify-kernel.h"

#include "base/format.h"
#include "policy/guard.h"
#include "verify/command-line.h"
#include "verify/udev-files.h"

#include <stdio.h>

#define COMMAND_LINE_MAX 16384
#define POLICY_FILE "module/memory_hotplug/parameters/online_policy"

/* udev rules */

static int add_udev_write(Findings *findings, const char *path, const UdevWrite *write)
{
        const char *name = strrchr(path, '/') + 1;
        bool is_own = strncmp(path, "/etc/", 5) == 0;

        return findings_add(
                findings, "udev-rule", finding_text("%s:%u", path, write->line),
                finding_text(
                        "A rule of udev changes the states of memory blocks beside memoryd, with "
                        "%.200s.",
                        write->text),
                is_own ? finding_text(
                                 "Take the rule out of %s, then run \"udevadm control --reload\".",
                                 path) :
                         finding_text("Mask the file with \"ln -s /dev/null "
                                      "/etc/udev/rules.d/%s\", or put a copy without the rule "
                                      "there, then run \"udevadm control --reload\".",
                                      name));
}

static int add_udev_file(Findings *findings, const UdevFile *file)
{
        int r = 0;

        if (file->error < 0)
                return findings_add(
                        findings, "udev-rule", strdup(file->path),
                        finding_text("The rules in this file could not be looked at: %s.",
                                     strerror(-file->error)),
                        finding_text("See by hand whether it changes the state of memory blocks."));
        for (size_t i = 0; r >= 0 && i < file->writes.n_writes; i++)
                r = add_udev_write(findings, file->path, &file->writes.writes[i]);
        return r;
}

/*
 * Reads a file of the firmware's tables. Returns its text, "" if it does not exist, or NULL if it
 * cannot be read.
 */
static const char *read_dmi(const Sysfs *sysfs, const char *name, char buffer[static ATTRIBUTE_MAX])
{
        char path[64];
        int r;

        snprintf(path, sizeof(path), "class/dmi/id/%s", name);
        r = sysfs_read_text(sysfs, sysfs->sys_fd, path, buffer, ATTRIBUTE_MAX);
        if (r == -ENOENT)
                buffer[0] = 0;
        return r < 0 && r != -ENOENT ? NULL : buffer;
}

static int check_udev_rules(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        char vendor[ATTRIBUTE_MAX], product[ATTRIBUTE_MAX];
        const UdevHost host = {
                .architecture = *machine->architecture ? machine->architecture : NULL,
                .virtualization = *machine->virtualization ? machine->virtualization : NULL,
                .sys_vendor = read_dmi(input->sysfs, "sys_vendor", vendor),
                .product_name = read_dmi(input->sysfs, "product_name", product),
        };
        UdevFiles files = {};
        int r = udev_files_find(input->root, &host, &files);

        if (r == -EFBIG)
                return findings_add(
                        findings, "udev-rule", strdup("rules.d"),
                        finding_text(
                                "There are more than %u files of udev rules, too many to be looked "
                                "at.",
                                UDEV_FILES_MAX),
                        strdup("See by hand whether one changes the state of memory blocks."));
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (size_t i = 0; r >= 0 && i < files.n_files; i++)
                r = add_udev_file(findings, &files.files[i]);
        udev_files_done(&files);
        return r;
}

/* The kernel's command line */

static int read_command_line(const VerifyInput *input, CommandLine *ret)
{
        _cleanup_free_ char *text = malloc(COMMAND_LINE_MAX);
        int r;

        if (!text)
                return -ENOMEM;
        r = sysfs_read_text(input->sysfs, input->sysfs->proc_fd, "cmdline", text, COMMAND_LINE_MAX);
        *ret = command_line_parse(r < 0 ? "" : text);
        return 0;
}

static int add_word(Findings *findings, char *word, const char *text, const char *advice)
{
        return findings_add(findings, "kernel-command-line", word, strdup(text), strdup(advice));
}

static bool exceeds_ratio(const VerifyInput *input, const Totals *totals, uint64_t cma_bytes)
{
        Figures figures = figures_of(totals->kernel_bytes, totals->movable_bytes, cma_bytes);

        return guard_is_over_ratio(&input->conf->policy, &figures);
}

/*
 * Whether more memory is movable than the guards allow, on the machine or on a node for which the
 * ratio is kept.
 */
static bool has_too_much_movable(const VerifyInput *input)
{
        const Machine *machine = input->machine;

        if (exceeds_ratio(input, &machine->totals, machine_cma_bytes(machine, NODE_ANY)))
                return true;
        for (size_t i = 0; i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                if (guard_has_node_ratio(&input->conf->policy, node) &&
                    exceeds_ratio(input, &node->totals,
                                  machine_cma_bytes(machine, (int32_t) node->id)))
                        return true;
        }
        return false;
}

static bool is_movable_only(const Node *node)
{
        return guard_is_movable_only(node->totals.kernel_bytes, node->totals.movable_bytes);
}

static bool has_movable_only_node(const Machine *machine)
{
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (is_movable_only(&machine->nodes[i]))
                        return true;
        return false;
}

/* Checks the words that make boot memory movable. They are a finding only if the guards do not hold. */
static int check_boot_words(const VerifyInput *input, const CommandLine *words, Findings *findings)
{
        static const char text[] =
                "It makes memory of the boot movable, whatever the policy says, and "
                "there is more movable memory than the guards allow.";
        static const char advice[] =
                "Take the word off the kernel's command line, or ask for less.";
        bool breaks_ratio = has_too_much_movable(input);
        int r = 0;

        if (*words->kernelcore && breaks_ratio)
                r = add_word(findings, finding_text("kernelcore=%s", words->kernelcore), text,
                             advice);
        if (r >= 0 && *words->movablecore && breaks_ratio)
                r = add_word(findings, finding_text("movablecore=%s", words->movablecore), text,
                             advice);
        if (r >= 0 && words->movable_node &&
            (breaks_ratio ||
             (input->conf->policy.min_kernel_bytes > 0 && has_movable_only_node(input->machine))))
                r = add_word(
                        findings, strdup("movable_node"),
                        "It makes all memory that the firmware calls hot-pluggable movable at "
                        "boot, "
                        "whatever the policy says, and the guards do not hold.",
                        "Take the word off the kernel's command line, or give the nodes a rule "
                        "with movable_node = true.");
        return r;
}

static int check_command_line(const VerifyInput *input, const CommandLine *words,
                              Findings *findings)
{
        int r = 0;

        if (*words->default_state && strcmp(words->default_state, "offline") != 0)
                r = add_word(
                        findings, finding_text("memhp_default_state=%s", words->default_state),
                        verify_takes_over(input) ?
                                "The kernel onlines memory by itself that is added before "
                                "memoryd starts and after it stops." :
                                "The kernel onlines added memory by itself, before memoryd can "
                                "decide.",
                        "Take the word off the kernel's command line.");
        if (r >= 0 && strcmp(words->online_policy, "auto-movable") == 0)
                r = add_word(
                        findings, strdup("memory_hotplug.online_policy=auto-movable"),
                        "The kernel picks zones by a ratio of its own for whatever is onlined "
                        "without saying which.",
                        "Take the word off the kernel's command line: the guards of memoryd do "
                        "the same, and count all memory.");
        return r < 0 ? r : check_boot_words(input, words, findings);
}

static int check_online_policy(const VerifyInput *input, const CommandLine *words,
                               Findings *findings)
{
        char word[ATTRIBUTE_MAX];

        /* The cause has been reported already. */
        if (strcmp(words->online_policy, "auto-movable") == 0)
                return 0;
        if (sysfs_read_text(input->sysfs, input->sysfs->sys_fd, POLICY_FILE, word, sizeof(word)) <
                    0 ||
            strcmp(word, "auto-movable") != 0)
                return 0;
        return findings_add(
                findings, "online-policy", strdup("/sys/" POLICY_FILE),
                strdup("It is \"auto-movable\": the kernel picks zones by a ratio of its own for "
                       "whatever is onlined without saying which."),
                strdup("Find out who sets it (modprobe.d(5), tmpfiles.d(5), a script) and leave it "
                       "at "
                       "\"contig-zones\" from the next boot on."));
}

/* Nodes and blocks */

/* Whether a rule with movable_node matches blocks on a node: see policy.h. */
static int node_is_exempt(const VerifyInput *input, const Node *node, bool *ret)
{
        const Machine *machine = input->machine;
        Matcher matcher = {};
        int r = matcher_init(&matcher, &input->conf->policy, machine);

        *ret = false;
        for (size_t i = 0; r >= 0 && !*ret && i < machine->n_blocks; i++) {
                const Block *block = &machine->blocks[i];
                const Rule *rule = block->node == (int32_t) node->id ?
                                           matcher_find(&matcher, block, node) :
                                           NULL;

                *ret = guard_is_exempt(rule);
        }
        matcher_done(&matcher);
        return r;
}

static int check_nodes(const VerifyInput *input, Findings *findings)
{
        int r = 0;

        if (input->conf->policy.min_kernel_bytes == 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < input->machine->n_nodes; i++) {
                const Node *node = &input->machine->nodes[i];
                char size[FORMAT_BYTES_MAX];
                bool is_exempt;

                if (!is_movable_only(node))
                        continue;
                r = node_is_exempt(input, node, &is_exempt);
                if (r < 0 || is_exempt)
                        continue;
                r = findings_add(
                        findings, "movable-only-node", finding_text("node %u", node->id),
                        finding_text(
                                "All of its memory (%s) is movable: page tables and data of the "
                                "kernel cannot be there, and what is bound to the node can run out "
                                "of memory.",
                                format_bytes(node->totals.movable_bytes, size)),
                        finding_text(
                                "Make some of it kernel memory with \"memoryctl set-zone\", or say "
                                "that it is meant by a rule for node %u with movable_node = true.",
                                node->id));
        }
        return r;
}

static bool is_foreign_alike(const Block *block, const Block *other)
{
        return other->status == BLOCK_STATUS_FOREIGN && other->node == block->node &&
               other->onliner == block->onliner &&
               other->decision.verdict == block->decision.verdict &&
               block_class(other) == block_class(block);
}

static const char *onliner_phrase(Onliner onliner)
{
        return onliner == ONLINER_KERNEL ? "The kernel itself" : "Something other than memoryd";
}

static int check_blocks(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        size_t next;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < machine->n_blocks; i = next) {
                const Block *first = &machine->blocks[i], *last = first;

                next = i + 1;
                if (first->status != BLOCK_STATUS_FOREIGN)
                        continue;
                for (; next < machine->n_blocks && machine->blocks[next].id == last->id + 1 &&
                       is_foreign_alike(first, &machine->blocks[next]);
                     next++)
                        last = &machine->blocks[next];
                r = findings_add(findings, "foreign-block",
                                 first == last ? finding_text("memory%u", first->id) :
                                                 finding_text("memory%u-%u", first->id, last->id),
                                 finding_text("%s onlined this as %s memory, the policy has it %s.",
                                              onliner_phrase(first->onliner),
                                              zone_class_to_string(block_class(first)),
                                              verdict_to_string(first->decision.verdict)),
                                 strdup("Keep others from onlining memory (the other findings may "
                                        "tell who), "
                                        "then change these blocks with \"memoryctl set-zone\"."));
        }
        return r;
}

int verify(const VerifyInput *input, Findings *ret)
{
        CommandLine words;
        Findings findings = {};
        int r = check_udev_rules(input, &findings);

        if (r >= 0)
                r = verify_auto_online(input, &findings);
        if (r >= 0)
                r = read_command_line(input, &words);
        if (r >= 0)
                r = check_command_line(input, &words, &findings);
        if (r >= 0)
                r = check_online_policy(input, &words, &findings);
        if (r >= 0)
                r = check_nodes(input, &findings);
        if (r >= 0)
                r = check_blocks(input, &findings);
        if (r >= 0)
                r = verify_kernel(input, &findings);
        if (r < 0) {
                findings_done(&findings);
                return r;
        }
        *ret = findings;
        return 0;
}
