/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tells whether a line of udev rules matches memory blocks. */

#include "verify/udev-match.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>

static bool is_one_of(const char *word, const char *const *words, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(word, words[i]) == 0)
                        return true;
        return false;
}

/* Whether a pattern such as "a|b*" matches a text. */
static bool pattern_matches(const char *pattern, const char *text)
{
        _cleanup_free_ char *copy = strdup(pattern);
        char *rest = copy, *one;

        while (copy && (one = strsep(&rest, "|")))
                if (fnmatch(one, text, 0) == 0)
                        return true;
        return false;
}

/* Whether a pattern matches all, some or none of the possible texts. */
static UdevAnswer match_any_of(const char *pattern, const char *const *texts, size_t n)
{
        size_t n_matching = 0;

        for (size_t i = 0; i < n; i++)
                n_matching += pattern_matches(pattern, texts[i]);
        if (n_matching == n)
                return UDEV_ALWAYS;
        return n_matching > 0 ? UDEV_MAYBE : UDEV_NEVER;
}

static UdevAnswer match_text(const char *pattern, const char *text)
{
        if (!text)
                return UDEV_MAYBE;
        return pattern_matches(pattern, text) ? UDEV_ALWAYS : UDEV_NEVER;
}

/*
 * Matches a pattern against the name of a block, or against its path if `prefix` is the folder. A
 * few numbers stand for all blocks, and a pattern for particular numbers may match.
 */
static UdevAnswer match_block(const char *pattern, const char *prefix)
{
        char first[64], second[64], third[64];
        const char *const names[] = { first, second, third };
        char beginning[64];
        UdevAnswer answer;

        snprintf(first, sizeof(first), "%smemory0", prefix);
        snprintf(second, sizeof(second), "%smemory37", prefix);
        snprintf(third, sizeof(third), "%smemory4196", prefix);
        answer = match_any_of(pattern, names, ELEMENTSOF(names));
        if (answer != UDEV_NEVER)
                return answer;
        snprintf(beginning, sizeof(beginning), "%smemory", prefix);
        for (const char *at = strstr(pattern, beginning); at; at = strstr(at + 1, beginning)) {
                char next = at[strlen(beginning)];

                if ((at == pattern || at[-1] == '|') &&
                    (isdigit((unsigned char) next) || next == '['))
                        return UDEV_MAYBE;
        }
        return UDEV_NEVER;
}

static UdevAnswer match_action(const char *pattern)
{
        static const char *const actions[] = { "add", "change", "online", "offline" };

        return match_any_of(pattern, actions, ELEMENTSOF(actions));
}

/* Whether an attribute belongs to a device other than that of the event. */
static bool is_of_another(const char *attribute)
{
        return attribute[0] == '[';
}

static UdevAnswer match_attribute(const UdevToken *token, const UdevHost *host, bool of_parents)
{
        static const char *const states[] = { "online", "offline", "going-offline" };
        static const char *const own[] = { "online",    "phys_device", "phys_index",
                                           "removable", "uevent",      "valid_zones" };
        static const char *const of_folder[] = { "auto_online_blocks", "block_size_bytes",
                                                 "crash_hotplug", "probe" };
        const char *name = udev_attribute_name(token->attribute);

        if (strcmp(name, "[dmi/id]sys_vendor") == 0)
                return match_text(token->value, host->sys_vendor);
        if (strcmp(name, "[dmi/id]product_name") == 0)
                return match_text(token->value, host->product_name);
        if (is_of_another(name) || strncmp(name, "power/", 6) == 0)
                return UDEV_MAYBE;
        if (strcmp(name, "state") == 0)
                return match_any_of(token->value, states, ELEMENTSOF(states));
        if (strcmp(name, "subsystem") == 0)
                return match_text(token->value, "memory");
        if (is_one_of(name, own, ELEMENTSOF(own)) ||
            (of_parents && is_one_of(name, of_folder, ELEMENTSOF(of_folder))))
                return UDEV_MAYBE;
        return UDEV_NEVER;
}

/*
 * Whether a token compares an attribute that memory blocks do not have. A missing attribute matches
 * nothing.
 */
static bool is_compared_in_vain(const UdevToken *token, const UdevHost *host)
{
        UdevToken any = *token;

        if (strcmp(token->key, "ATTR") != 0 && strcmp(token->key, "ATTRS") != 0)
                return false;
        any.value = (char *) "*";
        return match_attribute(&any, host, strcmp(token->key, "ATTRS") == 0) == UDEV_NEVER;
}

static UdevAnswer match_constant(const UdevToken *token, const UdevHost *host)
{
        if (strcmp(token->attribute, "arch") == 0)
                return match_text(token->value, host->architecture);
        if (strcmp(token->attribute, "virt") == 0)
                return match_text(token->value, host->virtualization);
        return UDEV_MAYBE;
}

static UdevAnswer match_property(const UdevToken *token)
{
        if (strcmp(token->attribute, "SUBSYSTEM") == 0)
                return match_text(token->value, "memory");
        if (strcmp(token->attribute, "DEVPATH") == 0)
                return match_block(token->value, UDEV_MEMORY_FOLDER "/");
        if (strcmp(token->attribute, "ACTION") == 0)
                return match_action(token->value);
        return UDEV_MAYBE;
}

static UdevAnswer match_equal(const UdevToken *token, const UdevHost *host)
{
        const char *key = token->key;

        if (strcmp(key, "SUBSYSTEM") == 0 || strcmp(key, "SUBSYSTEMS") == 0)
                return match_text(token->value, "memory");
        if (strcmp(key, "ACTION") == 0)
                return match_action(token->value);
        if (strcmp(key, "KERNEL") == 0)
                return match_block(token->value, "");
        if (strcmp(key, "KERNELS") == 0)
                return match_text(token->value, "memory") == UDEV_ALWAYS ?
                               UDEV_ALWAYS :
                               match_block(token->value, "");
        if (strcmp(key, "DEVPATH") == 0)
                return match_block(token->value, UDEV_MEMORY_FOLDER "/");
        if (strcmp(key, "DRIVER") == 0 || strcmp(key, "DRIVERS") == 0)
                return match_text(token->value, "");
        if (strcmp(key, "ATTR") == 0 || strcmp(key, "ATTRS") == 0)
                return match_attribute(token, host, key[4] == 'S');
        if (strcmp(key, "CONST") == 0)
                return match_constant(token, host);
        if (strcmp(key, "ENV") == 0)
                return match_property(token);
        return UDEV_MAYBE;
}

/*
 * Whether the result of a token is open. The results of PROGRAM and IMPORT are part of the match,
 * whatever the operator.
 */
static bool is_open(const UdevToken *token)
{
        return strcmp(token->key, "PROGRAM") == 0 || strcmp(token->key, "IMPORT") == 0;
}

static UdevAnswer match_token(const UdevToken *token, const UdevHost *host)
{
        UdevAnswer answer;

        if (is_open(token))
                return UDEV_MAYBE;
        if (token->operator!= UDEV_MATCH && token->operator!= UDEV_NOMATCH)
                return UDEV_ALWAYS;
        if (is_compared_in_vain(token, host))
                return UDEV_NEVER;
        answer = match_equal(token, host);
        return token->operator== UDEV_MATCH ? answer : (UdevAnswer)(UDEV_ALWAYS - answer);
}

static UdevAnswer least(UdevAnswer a, UdevAnswer b)
{
        return MIN(a, b);
}

UdevAnswer udev_match_line(const UdevLine *line, const UdevHost *host)
{
        UdevAnswer answer = UDEV_ALWAYS;

        for (size_t i = 0; i < line->n_tokens; i++)
                answer = least(answer, match_token(&line->tokens[i], host));
        return answer;
}

static bool is_match(const UdevToken *token)
{
        return is_open(token) || token->operator== UDEV_MATCH || token->operator== UDEV_NOMATCH;
}

/* Whether a token has the same result for every device. */
static bool is_about_host(const UdevToken *token)
{
        return strcmp(token->key, "CONST") == 0 ||
               (strcmp(token->key, "ATTR") == 0 && is_of_another(token->attribute));
}

UdevAnswer udev_match_host(const UdevLine *line, const UdevHost *host, bool *ret_rest)
{
        UdevAnswer answer = UDEV_ALWAYS;

        *ret_rest = false;
        for (size_t i = 0; i < line->n_tokens; i++)
                if (is_about_host(&line->tokens[i]))
                        answer = least(answer, match_token(&line->tokens[i], host));
                else
                        *ret_rest |= is_match(&line->tokens[i]);
        return answer;
}
