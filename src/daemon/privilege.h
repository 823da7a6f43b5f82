/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/macro.h"

/*
 * Drops the privileges of root for good: the process becomes a user, with the user's groups and no
 * capabilities. Before that it makes the user the owner of the folder, if the folder exists. If the process
 * is not root, nothing changes.
 *
 * Returns 0, -ESRCH if there is no such user, or another negative errno.
 */
int privilege_drop(const char *user, const char *folder);
