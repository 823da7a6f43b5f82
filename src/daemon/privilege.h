/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * Gives root away for good: becomes a user, with its groups and no capabilities. A process that is
 * not root stays who it is. The folder, which may not exist, becomes the user's before.
 *
 * 0, or -ESRCH when there is no such user, or another negative errno.
 */
int privilege_drop(const char *user, const char *folder);
