/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/block.h"

/* The words that memoryN/state, auto_online_blocks and, on a kernel with it, nodeN/auto_online_blocks take. */
typedef enum OnlineWord {
        ONLINE_WORD_OFFLINE,
        ONLINE_WORD_ONLINE,
        ONLINE_WORD_KERNEL,
        ONLINE_WORD_MOVABLE,
        ONLINE_WORD_INHERIT, /* of a node alone: what the machine's file says */
        _ONLINE_WORD_MAX,
        _ONLINE_WORD_INVALID = -EINVAL,
} OnlineWord;

const char *online_word_to_string(OnlineWord word);
OnlineWord online_word_from_string(const char *word);

/* What to write for a verdict: "offline" for what is left, and for none. */
OnlineWord online_word_of_verdict(Verdict verdict);

/* Whether the kernel onlines blocks that are added, by such a word in one of its files. */
bool online_word_onlines(OnlineWord word);
