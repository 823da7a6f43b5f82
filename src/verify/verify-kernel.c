/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks what the kernel does by itself, and what it lacks. */

#include "verify/verify-kernel.h"
#include "policy/offload.h"
#include "verify/feature.h"

#include <fcntl.h>

/* Onlining by the kernel */

bool verify_takes_over(const VerifyInput *input)
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

/* Checks the auto_online_blocks of a node, or of the machine (NODE_NONE), for the word that memoryd wants. */
static int check_word(const VerifyInput *input, int32_t node, OnlineWord wanted, Findings *findings)
{
        char word[AUTO_ONLINE_WORD_MAX], path[AUTO_ONLINE_PATH_MAX];
        char *file;

        if (sysfs_read_auto_online(input->sysfs, node, word) < 0 || strcmp(word, "offline") == 0 ||
            strcmp(word, "inherit") == 0)
                return 0;
        if (verify_takes_over(input) && strcmp(word, online_word_to_string(wanted)) == 0)
                return 0;
        file = finding_text("/sys/devices/system/%s/%s", node == NODE_NONE ? "memory" : "node",
                            sysfs_auto_online_path(node, path));
        if (!verify_takes_over(input))
                return findings_add(
                        findings, "auto-online", file,
                        finding_text("The kernel onlines added memory by itself (\"%s\"), and "
                                     "kernel_auto_online = \"respect\" leaves it so: rules apply "
                                     "to no memory that is added.",
                                     word),
                        strdup("Set kernel_auto_online = \"take-over\" in memoryd.conf(5), or "
                               "write \"offline\" to the file."));
        return findings_add(
                findings, "auto-online", file,
                finding_text("This has been set to \"%s\" since memoryd took it over: the "
                             "kernel onlines added memory before memoryd can decide.",
                             word),
                finding_text("Find out who wrote to it, then run \"memoryctl rescan\": memoryd "
                             "sets it back to \"%s\".",
                             online_word_to_string(wanted)));
}

int verify_auto_online(const VerifyInput *input, Findings *findings)
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

static int add_feature(Findings *findings, const char *subject, const char *text,
                       const char *advice)
{
        return findings_add(findings, "kernel-feature", strdup(subject), strdup(text),
                            strdup(advice));
}

/* Adds a finding for which the only remedy is another kernel. */
static int add_lack(Findings *findings, const char *subject, Feature feature)
{
        return findings_add(
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
        if (fd >= 0)
                return add_feature(
                        findings, "/proc/pressure/memory",
                        "This kernel does not let memoryd listen to memory pressure: a "
                        "shortage of kernel memory is seen only when memory changes.",
                        "Add CAP_SYS_RESOURCE to CapabilityBoundingSet= of the unit in a "
                        "drop-in, or use a kernel of 6.5 or later.");
        return add_feature(
                findings, "/proc/pressure/memory",
                "There is no such file: memoryd sees a shortage of kernel memory only when "
                "memory changes.",
                "Boot with \"psi=1\", or use a kernel with CONFIG_PSI (5.2 or later).");
}

/* Whether offload = "uniform" needs a word for some node that differs from the word of the machine. */
static bool wants_node_answers(const VerifyInput *input)
{
        const Machine *machine = input->machine;
        OnlineWord of_machine = wanted_word(input);

        if (!verify_takes_over(input))
                return false;
        for (size_t i = 0; i < machine->n_nodes; i++)
                if (online_word_onlines(wanted_node_word(input, of_machine, &machine->nodes[i])))
                        return true;
        return false;
}

static int check_offload(const VerifyInput *input, const bool has[static _FEATURE_MAX],
                         Findings *findings)
{
        if (has[FEATURE_NODE_AUTO_ONLINE] || !wants_node_answers(input))
                return 0;
        return add_lack(findings, "nodeN/auto_online_blocks", FEATURE_NODE_AUTO_ONLINE);
}

int verify_kernel(const VerifyInput *input, Findings *findings)
{
        const FeatureInput kernel = { input->sysfs, input->machine, input->release,
                                      input->hears_pressure };
        bool has[_FEATURE_MAX];
        int r = 0;

        features_find(&kernel, has);
        if (!has[FEATURE_ONLINE_TYPES])
                r = add_lack(findings, "online_movable", FEATURE_ONLINE_TYPES);
        if (r >= 0 && !has[FEATURE_HOT_REMOVE])
                r = add_lack(findings, "valid_zones", FEATURE_HOT_REMOVE);
        /* Before 4.7 the kernel did not online memory by itself. */
        if (r >= 0 && verify_takes_over(input) && !release_is_before(input->release, 4, 7) &&
            !has[FEATURE_AUTO_ONLINE])
                r = add_feature(
                        findings, "auto_online_blocks",
                        "There is no such file: memoryd cannot keep the kernel from onlining "
                        "memory by itself.",
                        "Make sure that /sys/devices/system/memory is whole where memoryd "
                        "runs.");
        if (r >= 0)
                r = check_offload(input, has, findings);
        return r < 0 ? r : check_pressure(input, findings);
}
