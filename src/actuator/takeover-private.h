/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "actuator/takeover.h"

/* What takeover.c and takeover-file.c share. */

/* Returns what is known of the file of a node or of the machine (NODE_NONE), or NULL. */
Answer *takeover_find(const Takeover *takeover, int32_t node);

/* Adds such a file, of which nothing is known yet. Returns NULL if there is no memory. */
Answer *takeover_add(Takeover *takeover, int32_t node);

/* Whether memoryd wrote a word to the file, or is about to, or the word was there before. */
bool answer_is_ours(const Answer *answer, OnlineWord word);
