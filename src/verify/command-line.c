/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the kernel's command line. */

#include "verify/command-line.h"

#include <stdio.h>

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
        size_t i = 0;

        for (; name[i]; i++)
                if (word[i] != name[i] && !(name[i] == '_' && word[i] == '-'))
                        return NULL;
        if (word[i] == 0)
                return word + i;
        return word[i] == '=' ? word + i + 1 : NULL;
}

CommandLine command_line_parse(const char *text)
{
        CommandLine found = {};
        const struct {
                const char *name;
                char *value;
        } names[] = {
                { "memhp_default_state", found.default_state },
                { "memory_hotplug.online_policy", found.online_policy },
                { "kernelcore", found.kernelcore },
                { "movablecore", found.movablecore },
        };
        char word[256];

        while (next_word(&text, word, sizeof(word))) {
                const char *value;

                for (size_t i = 0; i < ELEMENTSOF(names); i++)
                        if ((value = value_of(word, names[i].name)))
                                snprintf(names[i].value, sizeof(found.kernelcore), "%s", value);
                value = value_of(word, "movable_node");
                found.movable_node |= value && *value == 0;
        }
        return found;
}
