/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * The words of the kernel's command line that are about memory. If a word is given twice, the last
 * one counts.
 */
typedef struct CommandLine {
        char default_state[32]; /* value of memhp_default_state=; "" for none */
        char online_policy[32]; /* value of memory_hotplug.online_policy= */
        char kernelcore[32];
        char movablecore[32];
        bool movable_node;
} CommandLine;

CommandLine command_line_parse(const char *text);
