/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

/*
 * The words that memoryN/state, auto_online_blocks and, on a kernel that has it, nodeN/auto_online_blocks
 * take.
 */
typedef enum OnlineWord {
        ONLINE_WORD_OFFLINE,
        ONLINE_WORD_ONLINE,
        ONLINE_WORD_KERNEL,
        ONLINE_WORD_MOVABLE,
        ONLINE_WORD_INHERIT, /* only for a node: the word of the machine's file applies */
        _ONLINE_WORD_MAX,
        _ONLINE_WORD_INVALID = -EINVAL,
} OnlineWord;

const char *online_word_to_string(OnlineWord word);
OnlineWord online_word_from_string(const char *word);

/* Returns the word to write for a verdict: "offline" for VERDICT_LEAVE and VERDICT_NONE. */
OnlineWord online_word_of_verdict(Verdict verdict);

/* Whether the kernel onlines added blocks if its auto_online_blocks has this word. */
bool online_word_onlines(OnlineWord word);
