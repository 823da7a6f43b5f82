/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Converts the words that the kernel's files take to strings and back. */

#include "model/online-word.h"

static const char *const online_word_table[_ONLINE_WORD_MAX] = {
        [ONLINE_WORD_OFFLINE] = "offline",      [ONLINE_WORD_ONLINE] = "online",
        [ONLINE_WORD_KERNEL] = "online_kernel", [ONLINE_WORD_MOVABLE] = "online_movable",
        [ONLINE_WORD_INHERIT] = "inherit",
};

DEFINE_STRING_TABLE(online_word, OnlineWord)

OnlineWord online_word_of_verdict(Verdict verdict)
{
        switch (verdict) {
        case VERDICT_KERNEL:
                return ONLINE_WORD_KERNEL;
        case VERDICT_MOVABLE:
                return ONLINE_WORD_MOVABLE;
        case VERDICT_KERNEL_DEFAULT:
                return ONLINE_WORD_ONLINE;
        default:
                return ONLINE_WORD_OFFLINE;
        }
}

bool online_word_onlines(OnlineWord word)
{
        return word == ONLINE_WORD_ONLINE || word == ONLINE_WORD_KERNEL ||
               word == ONLINE_WORD_MOVABLE;
}
