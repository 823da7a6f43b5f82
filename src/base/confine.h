/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: memoryd contributors */
#pragma once

#include "base/macro.h"

/* What a process gives up for good. */

/*
 * Drops all capabilities of this process but those of a mask, which has the bit 1 << CAP_... of each. From
 * then on, other processes of the same user can neither trace it nor look at its files. Returns 0 or a
 * negative errno: -EPERM for a capability that the process does not have.
 */
int confine_capabilities(uint64_t mask);

/* Returns the mask of the capabilities that are in effect, 0 on failure. */
uint64_t effective_capabilities(void);

/* Closes all descriptors from a number up. Returns 0 or a negative errno. */
int close_from(unsigned first);
