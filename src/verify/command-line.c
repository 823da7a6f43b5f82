/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */

/* Checks the kernel's command line. */

#include "policy/guard.h"
#include "verify/verify.h"

#include <stdio.h>

#define COMMAND_LINE_MAX 16384
#define WORD_MAX 256
#define POLICY_FILE "module/memory_hotplug/parameters/online_policy"

/* Takes the next word of a command line, without quotes. Returns false at the end and at "--". */
static bool next_word(const char **at, char *word, size_t size)
{
        bool quoted = false;
        size_t n = 0;

        *at += strspn(*at, " \t\n");
        for (; **at && (quoted || !strchr(" \t\n", **at)); (*at)++) {
                if (**at == '"')
                        quoted = !quoted;
                else if (n + 1 < size)
                        word[n++] = **at;
        }
        word[n] = 0;
        return n > 0 && strcmp(word, "--") != 0;
}

/*
 * Returns the value of a word that is "name=value", "" if it is "name", else NULL. "-" and "_" are
 * the same.
 */
static const char *value_of(const char *word, const char *name)
{
        for (; *name; name++, word++)
                if (*word != *name && !(*name == '_' && *word == '-'))
                        return NULL;
        if (*word == '=')
                return word + 1;
        return *word ? NULL : word;
}

/*
 * Finds "name=value" or "name" in a command line. If it is given several times, the last one
 * counts. Returns the value, "" for none, or NULL if there is no such word.
 */
static const char *find_word(const char *line, const char *name, char buffer[static WORD_MAX])
{
        const char *found = NULL;
        char word[WORD_MAX];

        while (next_word(&line, word, sizeof(word))) {
                const char *value = value_of(word, name);

                if (value)
                        found = strcpy(buffer, value);
        }
        return found;
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

static int check_default_state(const VerifyInput *input, const char *line, Findings *findings)
{
        char buffer[WORD_MAX];
        const char *word = find_word(line, "memhp_default_state", buffer);

        if (!word || !*word || strcmp(word, "offline") == 0)
                return 0;
        return add_word(findings, finding_text("memhp_default_state=%s", word),
                        input->conf->kernel_auto_online == KERNEL_AUTO_ONLINE_TAKE_OVER ?
                                "The kernel onlines memory by itself that is added before "
                                "memoryd starts and after it stops." :
                                "The kernel onlines added memory by itself, before memoryd can "
                                "decide.",
                        "Take the word off the kernel's command line.");
}

/* Checks the words that make boot memory movable. They are a finding only if the guards do not hold. */
static int check_boot_words(const VerifyInput *input, const char *line, Findings *findings)
{
        static const char *const names[] = { "kernelcore", "movablecore" };
        bool breaks_ratio = has_too_much_movable(input);
        char buffer[WORD_MAX];
        const char *word;
        int r = 0;

        for (size_t i = 0; r >= 0 && breaks_ratio && i < ELEMENTSOF(names); i++) {
                word = find_word(line, names[i], buffer);
                if (word && *word)
                        r = add_word(
                                findings, finding_text("%s=%s", names[i], word),
                                "It makes memory of the boot movable, whatever the policy says, "
                                "and there is more movable memory than the guards allow.",
                                "Take the word off the kernel's command line, or ask for less.");
        }
        word = find_word(line, "movable_node", buffer);
        if (r >= 0 && word && !*word &&
            (breaks_ratio ||
             (input->conf->policy.min_kernel_bytes > 0 && verify_has_movable_only_node(input))))
                r = add_word(findings, strdup("movable_node"),
                             "It makes all memory that the firmware calls hot-pluggable movable at "
                             "boot, whatever the policy says, and the guards do not hold.",
                             "Take the word off the kernel's command line, or give the nodes a "
                             "rule with movable_node = true.");
        return r;
}

/* Checks the policy that is in force, whatever has set it. */
static int check_online_policy(const VerifyInput *input, Findings *findings)
{
        char word[ATTRIBUTE_MAX];

        if (sysfs_read_text(input->sysfs, input->sysfs->sys_fd, POLICY_FILE, word, sizeof(word)) <
                    0 ||
            strcmp(word, "auto-movable") != 0)
                return 0;
        return findings_add(
                findings, "online-policy", strdup("/sys/" POLICY_FILE),
                strdup("It is \"auto-movable\": the kernel picks zones by a ratio of its own for "
                       "whatever is onlined without saying which."),
                strdup("Find out who sets it (modprobe.d(5), tmpfiles.d(5), a script) and leave it "
                       "at \"contig-zones\" from the next boot on."));
}

int verify_command_line(const VerifyInput *input, Findings *findings)
{
        char line[COMMAND_LINE_MAX], buffer[WORD_MAX];
        const char *policy;
        bool sets_policy;
        int r;

        if (sysfs_read_text(input->sysfs, input->sysfs->proc_fd, "cmdline", line, sizeof(line)) < 0)
                line[0] = 0;
        policy = find_word(line, "memory_hotplug.online_policy", buffer);
        sets_policy = policy && strcmp(policy, "auto-movable") == 0;
        r = check_default_state(input, line, findings);
        if (r >= 0 && sets_policy)
                r = add_word(findings, strdup("memory_hotplug.online_policy=auto-movable"),
                             "The kernel picks zones by a ratio of its own for whatever is onlined "
                             "without saying which.",
                             "Take the word off the kernel's command line: the guards of memoryd "
                             "do the same, and count all memory.");
        if (r >= 0)
                r = check_boot_words(input, line, findings);
        /* The word is the cause of what the file says, and has been reported already. */
        return r < 0 || sets_policy ? r : check_online_policy(input, findings);
}
