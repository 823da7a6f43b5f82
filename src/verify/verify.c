/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Makes all checks. Those of the kernel and of blocks are in this file. */

#include "verify/verify.h"

#include "kernel/tier.h"
#include "policy/offload.h"
#include "verify/feature.h"

#include <fcntl.h>

/* Onlining by the kernel */

static bool takes_over(const VerifyInput *input)
{
        return input->conf->kernel_auto_online == KERNEL_AUTO_ONLINE_TAKE_OVER;
}

/* Returns the word that memoryd wants in the machine's auto_online_blocks: see offload.h. */
static OnlineWord wanted_word(const VerifyInput *input)
{
        return offload_machine_word(input->machine, &input->conf->policy,
                                    input->conf->offload == OFFLOAD_UNIFORM);
}

static OnlineWord wanted_node_word(const VerifyInput *input, OnlineWord of_machine,
                                   const Node *node)
{
        return offload_node_word(input->machine, &input->conf->policy,
                                 input->conf->offload == OFFLOAD_UNIFORM, of_machine, node);
}

static bool is_foreign_word(const VerifyInput *input, int32_t node)
{
        return node == NODE_NONE ? input->foreign_words.machine :
                                   node_set_contains(&input->foreign_words.nodes, (uint32_t) node);
}

static int add_word(const VerifyInput *input, int32_t node, const char *word, OnlineWord wanted,
                    char *file, Findings *findings)
{
        if (!takes_over(input))
                return findings_add(
                        findings, "auto-online", file,
                        finding_text("The kernel onlines added memory by itself (\"%s\"), and "
                                     "kernel_auto_online = \"respect\" leaves it so: rules apply "
                                     "to no memory that is added.",
                                     word),
                        strdup("Set kernel_auto_online = \"take-over\" in memoryd.conf(5), or "
                               "write \"offline\" to the file."));
        if (is_foreign_word(input, node))
                return findings_add_note(
                        findings, "auto-online", file,
                        finding_text("Another process has set this to \"%s\" while memoryd ran, "
                                     "and memoryd leaves it so: the kernel onlines added memory "
                                     "before memoryd can decide.",
                                     word),
                        strdup("Drivers of accelerators that add memory of their own need it so. "
                               "Without such a driver, run \"memoryctl reload\": memoryd takes "
                               "the file over again."));
        return findings_add(
                findings, "auto-online", file,
                finding_text("This says \"%s\" where memoryd wants \"%s\": the kernel treats "
                             "added memory otherwise than memoryd decides.",
                             word, online_word_to_string(wanted)),
                strdup("See in the journal of memoryd why it could not set the file, then run "
                       "\"memoryctl reload\"."));
}

/* Checks the auto_online_blocks of a node, or of the machine (NODE_NONE), for the word that memoryd wants. */
static int check_word(const VerifyInput *input, int32_t node, OnlineWord wanted, Findings *findings)
{
        char word[AUTO_ONLINE_WORD_MAX], path[AUTO_ONLINE_FULL_PATH_MAX];
        char *file;

        if (sysfs_read_auto_online(input->sysfs, node, word) < 0 || strcmp(word, "offline") == 0 ||
            strcmp(word, "inherit") == 0)
                return 0;
        if (takes_over(input) && strcmp(word, online_word_to_string(wanted)) == 0)
                return 0;
        file = strdup(sysfs_auto_online_full_path(node, path));
        return add_word(input, node, word, wanted, file, findings);
}

static int check_auto_online(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        OnlineWord of_machine = wanted_word(input);
        int r = check_word(input, NODE_NONE, of_machine, findings);

        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++) {
                const Node *node = &machine->nodes[i];

                r = check_word(input, (int32_t) node->id, wanted_node_word(input, of_machine, node),
                               findings);
        }
        return r;
}

/* Features of the kernel */

/* Adds a feature that only another kernel has. Without the first one, memoryd cannot do its work. */
static int add_lack(Findings *findings, const char *subject, Feature feature)
{
        return (feature == FEATURE_ONLINE_TYPES ? findings_add : findings_add_note)(
                findings, "kernel-feature", strdup(subject), strdup(feature_loss(feature)),
                finding_text("Use another kernel: it takes %s.", feature_brought_by(feature)));
}

/* Checks for PSI where memoryd needs it: if there is movable memory, or if `rebalance` is set. */
static int check_pressure(const VerifyInput *input, Findings *findings)
{
        _cleanup_close_ int fd =
                sysfs_open_below(input->sysfs, input->sysfs->proc_fd, "pressure/memory", O_PATH);

        if (input->hears_pressure ||
            (!input->conf->rebalance && input->machine->totals.movable_bytes == 0))
                return 0;
        return findings_add_note(
                findings, "kernel-feature", strdup("/proc/pressure/memory"),
                strdup(fd >= 0 ? "This kernel does not let memoryd listen to memory pressure: a "
                                 "shortage of kernel memory is seen only when memory changes." :
                                 "There is no such file: memoryd sees a shortage of kernel memory "
                                 "only when memory changes."),
                strdup(fd >= 0 ? "Start memoryd by its unit, which opens the file with "
                                 "CAP_SYS_RESOURCE, or use a kernel of 6.5 or later." :
                                 "Boot with \"psi=1\", or use a kernel with CONFIG_PSI (5.2 or "
                                 "later)."));
}

/* Whether offload = "uniform" needs a word for some node that differs from the word of the machine. */
static bool wants_node_answers(const VerifyInput *input)
{
        const Machine *machine = input->machine;
        OnlineWord of_machine = wanted_word(input);

        if (!takes_over(input))
                return false;
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (online_word_onlines(wanted_node_word(input, of_machine, &machine->nodes[i])))
                        return true;
        return false;
}

static int check_kernel(const VerifyInput *input, Findings *findings)
{
        bool has[_FEATURE_MAX];
        int r = 0;

        features_find(input, has);
        if (!has[FEATURE_ONLINE_TYPES])
                r = add_lack(findings, "online_movable", FEATURE_ONLINE_TYPES);
        if (r >= 0 && !has[FEATURE_HOT_REMOVE])
                r = add_lack(findings, "valid_zones", FEATURE_HOT_REMOVE);
        /* Before 4.7 the kernel did not online memory by itself. */
        if (r >= 0 && takes_over(input) && !release_is_before(input->release, 4, 7) &&
            !has[FEATURE_AUTO_ONLINE])
                r = findings_add(
                        findings, "kernel-feature", strdup("auto_online_blocks"),
                        strdup("There is no such file: memoryd cannot keep the kernel from "
                               "onlining memory by itself."),
                        strdup("Make sure that /sys/devices/system/memory is whole where memoryd "
                               "runs."));
        if (r >= 0 && !has[FEATURE_NODE_AUTO_ONLINE] && wants_node_answers(input))
                r = add_lack(findings, "nodeN/auto_online_blocks", FEATURE_NODE_AUTO_ONLINE);
        return r < 0 ? r : check_pressure(input, findings);
}

/* Blocks */

static bool is_foreign_alike(const Block *block, const Block *other)
{
        return other->status == BLOCK_STATUS_FOREIGN && other->node == block->node &&
               other->onliner == block->onliner &&
               other->rollback.is_set == block->rollback.is_set &&
               other->decision.verdict == block->decision.verdict &&
               block_class(other) == block_class(block);
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
                r = findings_add(
                        findings, "foreign-block",
                        first == last ? finding_text("memory%u", first->id) :
                                        finding_text("memory%u-%u", first->id, last->id),
                        finding_text("%s onlined this as %s memory, the policy has it %s.",
                                     first->onliner == ONLINER_KERNEL ?
                                             "The kernel itself" :
                                             "Something other than memoryd",
                                     zone_class_to_string(block_class(first)),
                                     verdict_to_string(first->decision.verdict)),
                        first->rollback.is_set ?
                                finding_text("The device could not be unplugged because of "
                                             "memory%u, and this could not be put back. Change it "
                                             "with \"memoryctl set-zone\".",
                                             first->rollback.refuser) :
                                strdup("Keep others from onlining memory (the other findings may "
                                       "tell who), then change these blocks with \"memoryctl "
                                       "set-zone\"."));
        }
        return r;
}

static int check_devices(const VerifyInput *input, Findings *findings)
{
        const AcpiDevices *acpi = &input->machine->acpi;
        char text[ACPI_TEXT_MAX];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < acpi->n_devices; i++)
                if (acpi->devices[i].failed)
                        r = findings_add(
                                findings, "failed-device", strdup(acpi->devices[i].name),
                                finding_text("%s.", acpi_device_format(input->machine,
                                                                       &acpi->devices[i], text)),
                                strdup(acpi->is_off ?
                                               "Write 1 to the file, then plug the device in "
                                               "again." :
                                               "Free memory, then unplug the device and plug it in "
                                               "again; or plug in smaller devices one after the "
                                               "other; or boot with "
                                               "\"memory_hotplug.memmap_on_memory=1\". The "
                                               "kernel's "
                                               "log (dmesg) may tell more."));
        return r;
}

/*
 * Notes dax devices whose state is "offline": who follows the documentation of the kernel and writes
 * "online_movable" gets EBUSY, because memoryd has the kernel add memory offline.
 */
static int check_dax_devices(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < machine->n_devices; i++) {
                const Device *device = &machine->devices[i];
                bool any_offline = false;

                if (device->dax_state != DAX_STATE_OFFLINE)
                        continue;
                for (size_t j = 0; j < machine->n_blocks; j++)
                        any_offline |= machine->blocks[j].device == (int32_t) i &&
                                       machine->blocks[j].state == BLOCK_OFFLINE;
                r = findings_add_note(
                        findings, "dax-state", strdup(device->name),
                        finding_text("Its state is \"offline\", %s: from there the kernel refuses "
                                     "to online it as a whole (EBUSY).",
                                     any_offline ? "as it was added" :
                                                   "since its blocks went online one by one"),
                        finding_text("To online it as a whole, write \"unplugged\" to "
                                     "/sys/bus/dax/devices/%s/state first, which takes all of it "
                                     "offline and removes its blocks, then for instance "
                                     "\"online_movable\".%s%s%s",
                                     device->name,
                                     any_offline ? " Or have memoryd online its blocks: "
                                                   "\"memoryctl online --device " :
                                                   "",
                                     any_offline ? device->name : "", any_offline ? "\"." : ""));
        }
        return r;
}

static int check_libraries(const VerifyInput *input, Findings *findings)
{
        if (!input->lacks_libnuma)
                return 0;
        return findings_add_note(
                findings, "library", strdup("libnuma"),
                strdup("This library is not installed: memoryd reads the distances between nodes "
                       "from sysfs instead."),
                strdup("Install the package libnuma1 (Debian, Ubuntu, SUSE), numactl-libs (Fedora, "
                       "RHEL) or numactl (Arch)."));
}

/* Notes the nodes with memory whose tier is not known, if a rule asks for a tier. */
static int check_tiers(const VerifyInput *input, Findings *findings)
{
        const Machine *machine = input->machine;
        int r = 0;

        if (!policy_names_tiers(&input->conf->policy))
                return 0;
        if (!tiers_exist(input->sysfs))
                return findings_add_note(
                        findings, "tier", strdup("memory_tiering"),
                        strdup("A rule asks for a memory tier, and this kernel has no tiers: the "
                               "rule matches nothing."),
                        strdup("Use a kernel of 6.1 or later with CONFIG_NUMA, or ask for the "
                               "node, the distance or the origin of the memory instead."));
        for (size_t i = 0; r >= 0 && i < machine->n_nodes; i++)
                if (!machine->nodes[i].has_tier && machine->nodes[i].totals.online_bytes > 0)
                        r = findings_add_note(
                                findings, "tier", finding_text("node%u", machine->nodes[i].id),
                                strdup("memoryd cannot tell the memory tier of this node: rules "
                                       "that ask for a tier do not match its memory."),
                                strdup("See rules.tier in memoryd.conf(5) for the reasons. Ask for "
                                       "the node, the distance or the origin of the memory "
                                       "instead."));
        return r;
}

int verify(const VerifyInput *input, Findings *ret)
{
        static int (*const checks[])(const VerifyInput *, Findings *) = {
                verify_udev_rules,     check_auto_online, verify_command_line, verify_nodes,
                verify_gigantic_pages, check_blocks,      check_devices,       check_dax_devices,
                check_kernel,          check_libraries,   check_tiers,
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(checks); i++)
                r = checks[i](input, ret);
        if (r < 0)
                findings_done(ret);
        return r;
}
