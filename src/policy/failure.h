/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "model/block.h"

/* Explains to a person why a block could not be brought online or taken offline, and what to do about it. */

/*
 * Returns what a negative errno means for the write of a state to a block, which was to go offline or online:
 * "there is not enough free memory to describe it". NULL for an errno without such a meaning.
 */
const char *failure_meaning(int error, bool is_offline);

/* Whether the last attempt to bring a block online failed, for good or for now. The rest is for such blocks. */
bool failure_is_of(const Block *block);

/*
 * The functions below format sentences without a full stop, which the caller frees. They return 0 or -ENOMEM.
 *
 * What failed: "it could not be brought online as movable memory, in 8 attempts".
 */
int failure_format(const Block *block, char **ret);

/* The errno and its meaning: "EBUSY (Device or resource busy): something ..." */
int failure_format_cause(const Block *block, char **ret);

/* What an administrator can do; "" if there is nothing but to wait. */
int failure_format_advice(const Block *block, char **ret);
